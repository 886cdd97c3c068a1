"""Keep a customer's own words: take quoted replies, signatures and automatic text out of a mail or a ticket."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from models.language.lines import Labels, Line, split_lines
from models.language.mailparts import is_boilerplate, label
from models.language.markup import MAX_HTML, html_to_plain, is_html
from models.values.text import Removed, RemovedKind

CLEAN_VERSION = "clean-3"
ROUNDS = 10
MAX_TEXT = 20_000  # characters that `clean` returns at most
MAX_PLAIN = MAX_HTML  # characters of input that are read at all

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufddf\ufffe\uffff\ud800-\udfff]")
_INVISIBLE = re.compile(
    r"[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]|(?<![^\x00-\x7f\s])[\u200c\u200d]+"
)
_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Composition sorts runs of combining marks with a quadratic method, hence bounded runs.
_COMPOSABLE = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]{1,512}")
_TOKEN = re.compile(r"\S+")
_WORD = re.compile(r"[^\W_]")


class CleanNote(StrEnum):
    """What a reader should know about a cleaned text."""

    KEPT_FIRST_PARAGRAPH = "kept_first_paragraph"
    ONLY_AUTOMATIC_TEXT = "only_automatic_text"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the cleaned text from `start` on that stood in the plain text from `plain_start` on."""

    start: int
    plain_start: int


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A customer's own words, with what was cut around them.

    `removed` counts in characters of the plain text: the input after HTML was turned into text, line ends made
    `\\n`, characters composed (NFC), and control and zero-width characters dropped. For plain ASCII input with `\\n`
    line ends the plain text is the input itself. `pieces` lead from the cleaned text back to the plain text.
    """

    text: str
    removed: tuple[Removed, ...] = ()
    notes: tuple[CleanNote, ...] = ()
    pieces: tuple[Piece, ...] = ()

    def plain_offset(self, offset: int) -> int:
        """Say where the character at `offset` of the cleaned text stood in the plain text."""
        if not self.pieces:
            return offset
        piece = self.pieces[max(0, bisect_right(self.pieces, offset, key=lambda piece: piece.start) - 1)]
        return piece.plain_start + offset - piece.start


def clean(text: str, *, html: bool | None = None) -> Cleaned:
    """Cut a message down to its author's own words.

    HTML becomes text (`html=None`: decided by `is_html`); quoted replies, signatures, legal notices, automatic
    replies and survey footers go. Where nothing would be left although there were words, the first paragraph stays,
    because a message that says nothing at all helps nobody and an over-eager rule must not silence a customer; the
    note `kept_first_paragraph` tells. At most `MAX_TEXT` characters are returned (note `truncated`, the cut tail is
    an `overflow` span), and at most `MAX_PLAIN` characters are read. Variation selectors (U+FE0F) stay.
    Never raises; time grows linearly with the length of the input.
    """
    plain, marked, cut = _plain(text, html)
    lines = split_lines(plain)
    first, end = _cut(plain, lines, label(lines, marked), marked)
    cleaned = _settle(first)
    if end == len(plain) and not cut:
        return cleaned
    removed = tuple(span for span in cleaned.removed if span.end <= end)
    if end < len(plain):
        removed += (Removed(RemovedKind.OVERFLOW, end, len(plain)),)
    return Cleaned(cleaned.text, removed, (*cleaned.notes, CleanNote.TRUNCATED), cleaned.pieces)


def _settle(cleaned: Cleaned) -> Cleaned:
    """Cut again what only shows once other things are gone, until nothing more goes.

    Every round reads at most `MAX_TEXT` characters. Two are the rule, the second to see that nothing is left; a
    message that is not settled after `ROUNDS` was made to be so.
    """
    for _ in range(ROUNDS):
        lines = split_lines(cleaned.text)
        kinds, tails = label(lines, ())
        if not tails and not any(kinds):
            break
        again, _ = _cut(cleaned.text, lines, (kinds, tails), ())
        if again.text == cleaned.text:
            break
        spans = [_carried(span, cleaned) for span in again.removed]
        removed = _disjoint(sorted((*cleaned.removed, *spans), key=lambda span: (span.start, span.end)))
        notes = dict.fromkeys((*cleaned.notes, *again.notes))
        cleaned = Cleaned(again.text, removed, tuple(notes), _followed(again, cleaned))
    return cleaned


def _cut(
    plain: str, lines: Sequence[Line], found: tuple[Labels, list[Removed]], marked: tuple[Removed, ...]
) -> tuple[Cleaned, int]:
    """Cut what lines are labelled with and markup names; return also where in the plain text reading ended."""
    kinds, tails = found
    automatic = bool(kinds) and not _has_words(lines, kinds) and RemovedKind.MACRO in kinds
    if not _has_words(lines, kinds) and marked:
        kinds, tails = label(lines, ())
        marked = ()
    notes: list[CleanNote] = []
    if not _has_words(lines, kinds) and _WORD.search(plain):
        kinds, marked, tails = _first_paragraph(lines, kinds), (), []
        notes.append(CleanNote.KEPT_FIRST_PARAGRAPH)
        if automatic:
            notes.append(CleanNote.ONLY_AUTOMATIC_TEXT)
    removed = _spans(plain, lines, kinds, (*marked, *tails))
    cleaned, pieces, end = _compose(plain, removed)
    return Cleaned(cleaned, removed, tuple(notes), pieces), end


def _carried(span: Removed, cleaned: Cleaned) -> Removed:
    """Say of a span of a cleaned text where it stood in the plain text."""
    return Removed(
        span.kind, cleaned.plain_offset(span.start), cleaned.plain_offset(span.end - 1) + 1, span.what
    )


def _followed(again: Cleaned, before: Cleaned) -> tuple[Piece, ...]:
    """Lead from a text that was cleaned twice back to the plain text: its pieces, parted where the first's are."""
    pieces: list[Piece] = []
    starts = [piece.start for piece in again.pieces]
    for number, piece in enumerate(again.pieces):
        length = (starts[number + 1] if number + 1 < len(starts) else len(again.text)) - piece.start
        pieces.append(Piece(piece.start, before.plain_offset(piece.plain_start)))
        at = bisect_right(before.pieces, piece.plain_start, key=lambda piece: piece.start)
        while at < len(before.pieces) and before.pieces[at].start < piece.plain_start + length:
            parted = before.pieces[at]
            pieces.append(Piece(piece.start + parted.start - piece.plain_start, parted.plain_start))
            at += 1
    return tuple(pieces)


def _disjoint(spans: Sequence[Removed]) -> tuple[Removed, ...]:
    """Part spans that lie over others that were cut before them; the earlier cut keeps its kind."""
    placed: list[Removed] = []
    for span in spans:
        start = max(span.start, placed[-1].end) if placed else span.start
        if start < span.end:
            placed.append(Removed(span.kind, start, span.end, span.what))
    return tuple(placed)


def normalise(text: str) -> str:
    """Compose characters (NFC), make line ends `\\n`, drop control, bidirectional and zero-width characters.

    Joiners stay between characters that are not ASCII, where emoji and several scripts need them; variation
    selectors stay everywhere.
    """
    text = _LINE_END.sub("\n", text)
    text = _CONTROL.sub("", text)
    if text.isascii():
        return text
    return _COMPOSABLE.sub(lambda run: unicodedata.normalize("NFC", run.group()), _INVISIBLE.sub("", text))


def _plain(text: str, html: bool | None) -> tuple[str, tuple[Removed, ...], bool]:
    """Turn the input into plain text; return it, the spans that markup named, and whether input was left unread."""
    cut = len(text) > MAX_PLAIN
    text = normalise(text[:MAX_PLAIN])
    if html is None:
        html = is_html(text)
    if not html:
        return text, (), cut
    plain, marked = html_to_plain(text)
    composed = normalise(plain)  # character references may have brought in what was cleaned above
    return (composed, marked, cut) if composed == plain else (composed, _moved(plain, marked), cut)


def _moved(plain: str, marked: Sequence[Removed]) -> tuple[Removed, ...]:
    """Carry spans over to the normalised text."""
    spans: list[Removed] = []
    offset = last = 0
    for span in marked:
        start = offset + len(normalise(plain[last : span.start]))
        end = start + len(normalise(plain[span.start : span.end]))
        spans.append(Removed(span.kind, start, end, span.what))
        offset, last = end, span.end
    return tuple(spans)


def _has_words(lines: Sequence[Line], labels: Labels) -> bool:
    """Tell whether any word is left to the author."""
    return any(kind is None and _WORD.search(line.text) for line, kind in zip(lines, labels, strict=True))


def _first_paragraph(lines: Sequence[Line], labels: Labels) -> Labels:
    """Give the first paragraph that says something back to the author; mail headers say nothing."""
    filled = [index for index, line in enumerate(lines) if _WORD.search(line.text)]
    prose = [index for index in filled if not is_boilerplate(lines[index].text)]
    first = (prose or filled)[0]
    stop = first
    while stop < len(lines) and not lines[stop].blank:
        stop += 1
    return [None if first <= index < stop else kind for index, kind in enumerate(labels)]


def _spans(
    plain: str, lines: Sequence[Line], labels: Labels, marked: Sequence[Removed]
) -> tuple[Removed, ...]:
    """Join labelled lines and what markup named to disjoint spans, in order; blanks between two of a kind join."""
    found = [
        Removed(kind, line.start, line.end)
        for line, kind in zip(lines, labels, strict=True)
        if kind is not None and not line.blank
    ]
    found = sorted((*found, *marked), key=lambda span: (span.start, -span.end))
    spans: list[Removed] = []
    for span in found:
        start = max(span.start, spans[-1].end) if spans else span.start
        if start >= span.end:
            continue
        if spans and spans[-1].kind is span.kind and not plain[spans[-1].end : start].strip():
            spans[-1] = Removed(span.kind, spans[-1].start, span.end)
        else:
            spans.append(Removed(span.kind, start, span.end))
    return tuple(spans)


def _compose(plain: str, removed: Sequence[Removed]) -> tuple[str, tuple[Piece, ...], int]:
    """Write the words outside the removed spans with single blanks; return text, pieces and where reading ended.

    Between two words stand a blank, a line end or an empty line, as between them in the plain text.
    """
    out: list[str] = []
    pieces: list[Piece] = []
    length = last = at = 0
    for token in _TOKEN.finditer(plain):
        start, end = token.span()
        while at < len(removed) and removed[at].end <= start:
            at += 1
        if at < len(removed) and removed[at].start <= start:
            continue
        if at < len(removed) and removed[at].start < end:
            end = removed[at].start
        gap = _gap(plain, last, start) if out else ""
        if length + len(gap) + end - start > MAX_TEXT:
            if out:
                return "".join(out), tuple(pieces), last
            end = start + MAX_TEXT
        out += (gap, plain[start:end])
        length += len(gap)
        if not pieces or pieces[-1].plain_start - pieces[-1].start != start - length:
            pieces.append(Piece(length, start))
        length += end - start
        last = end
        if length >= MAX_TEXT:
            return "".join(out), tuple(pieces), last
    return "".join(out), tuple(pieces), len(plain)


def _gap(plain: str, start: int, end: int) -> str:
    if end - start == 1:
        return "\n" if plain[start] == "\n" else " "
    ends = plain.count("\n", start, end)
    return ("", "\n", "\n\n")[min(ends, 2)] or " "
