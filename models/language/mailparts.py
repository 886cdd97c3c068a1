"""Label every line of a plain-text mail: own words, quoted reply, signature or automatic text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.language import mailrules as rules
from models.values.text import Removed, RemovedKind

SIGNATURE_LINES = 12  # lines that a signature may have below its closing words
LOOSE_SIGNATURE_LINES = 15  # lines below a bare "--", which some people also use as a divider
SIGNATURE_LINE_LENGTH = 110
SENTENCE_WORDS = 9  # a line of so many words below a closing is prose again

_WORD = re.compile(r"[^\W_]")
_SENTENCE_END = re.compile(r"[.!?…]['\")]*\s*$")

Labels = list[RemovedKind | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plain text, `[start, end)` without its line end; `text` is at most its first 400 characters."""

    start: int
    end: int
    text: str
    blank: bool


def split_lines(plain: str) -> list[Line]:
    """Split a text at its line ends."""
    lines: list[Line] = []
    start = 0
    for part in plain.split("\n"):
        head = part[: rules.LINE_READ]
        lines.append(Line(start, start + len(part), head, not part or part.isspace()))
        start += len(part) + 1
    return lines


def label(lines: Sequence[Line], marked: Sequence[Removed]) -> Labels:
    """Say for every line why it is not the author's own, `None` where it is.

    `marked` are spans that markup already named; lines wholly inside one take its kind.
    """
    labels: Labels = [None] * len(lines)
    _label_marked(lines, labels, marked)
    _label_quotes(lines, labels)
    _label_automatic(lines, labels)
    _label_notices(lines, labels)
    _label_signature(lines, labels)
    return labels


def is_boilerplate(text: str) -> bool:
    """Tell whether one line is a mail header, an attribution or a divider rather than prose."""
    return bool(
        rules.HEADER_FIELD.match(text)
        or rules.ORIGINAL_MESSAGE.match(text)
        or rules.REPLY_MARKER.match(text)
        or rules.SEPARATOR.match(text)
        or _is_attribution(text)
    )


def _label_marked(lines: Sequence[Line], labels: Labels, marked: Sequence[Removed]) -> None:
    at = 0
    for index, line in enumerate(lines):
        while at < len(marked) and marked[at].end < line.end:
            at += 1
        if at < len(marked) and not line.blank and marked[at].start <= line.start:
            labels[index] = marked[at].kind


# --- quoted replies -----------------------------------------------------------------------------------------


def _label_quotes(lines: Sequence[Line], labels: Labels) -> None:
    """Label quoted replies: what follows a header, and lines that start with `>`.

    Below a header everything is quoted, except where the quotation itself is prefixed: then people answer below or
    in between. A header with nothing above it opens a forwarded message: it goes, the message stays.
    """
    words_above = False
    index = 0
    while index < len(lines):
        line = lines[index]
        if labels[index] is not None or line.blank:
            index += 1
            continue
        length = _header_length(lines, index)
        if length:
            following = _next_filled(lines, index + length)
            prefixed = following is not None and (
                rules.QUOTE_LINE.match(lines[following].text) or labels[following] is RemovedKind.QUOTE
            )
            stop = len(lines) if words_above and not prefixed else index + length
            marker = not words_above and rules.REPLY_MARKER.match(line.text)
            _fill(lines, labels, range(index, stop), RemovedKind.MACRO if marker else RemovedKind.QUOTE)
            index = stop
            continue
        if rules.QUOTE_LINE.match(line.text) and not _is_comparison(lines, index):
            labels[index] = RemovedKind.QUOTE
        elif _WORD.search(line.text):
            words_above = True
        index += 1


def _header_length(lines: Sequence[Line], index: int) -> int:
    """Count the lines of the reply header that starts at `index`, 0 where none does."""
    text = lines[index].text
    if rules.REPLY_MARKER.match(text):
        return 1
    if rules.ORIGINAL_MESSAGE.match(text):
        return 1 + _field_block(lines, index + 1)
    if rules.SEPARATOR.match(text):
        following = _next_filled(lines, index + 1, limit=3)
        block = _field_block(lines, following) if following is not None else 0
        return block + following - index if block and following is not None else 0
    if rules.HEADER_FIELD.match(text):
        return _field_block(lines, index)
    return _attribution_length(lines, index)


def _field_block(lines: Sequence[Line], index: int) -> int:
    """Count the lines of a block of mail header fields (`From:`, `Sent:`, ...), 0 for fewer than two fields."""
    fields = 0
    end = index
    for at in range(index, min(index + 12, len(lines))):
        text = lines[at].text
        if rules.HEADER_FIELD.match(text):
            fields += 1
            end = at + 1
        elif fields == 0 and lines[at].blank:
            continue
        elif not lines[at].blank and at == end and fields and text[:1] in " \t":
            end = at + 1  # a folded field
        elif not (lines[at].blank and fields == 1):
            break
    return end - index if fields >= 2 else 0


def _attribution_length(lines: Sequence[Line], index: int) -> int:
    """Count the lines of `On ..., NAME wrote:`, which mail programs wrap to up to three lines."""
    text = lines[index].text
    if not rules.WROTE_START.match(text[:120]):
        return 0
    for extra in range(3):
        if index + extra >= len(lines) or lines[index + extra].blank:
            return 0
        if extra:
            text += " " + lines[index + extra].text
        if len(text) > rules.LINE_READ:
            return 0
        if _is_attribution(text):
            return extra + 1
    return 0


def _is_attribution(text: str) -> bool:
    if text.rstrip()[-1:] not in {":", "："} or not rules.WROTE_START.match(text[:120]):
        return False
    return bool(rules.WROTE_END.search(text[-120:]) and rules.WROTE_EVIDENCE.search(text))


def _is_comparison(lines: Sequence[Line], index: int) -> bool:
    """Tell a lone `> 50 users` from a quoted line."""
    if not rules.COMPARISON.match(lines[index].text):
        return False
    around = [lines[at].text for at in (index - 1, index + 1) if 0 <= at < len(lines)]
    return not any(rules.QUOTE_LINE.match(text) or _is_attribution(text) for text in around)


# --- automatic text and legal notices -----------------------------------------------------------------------


def _label_automatic(lines: Sequence[Line], labels: Labels) -> None:
    first = True
    opened = next((start for start, _ in _paragraphs(lines, labels)), 0)
    for start, stop in _paragraphs(lines, labels):
        if first and rules.AUTO_REPLY.match(lines[start].text):
            _fill(lines, labels, range(opened, len(lines)), RemovedKind.MACRO)
            return
        # Below a bare salutation the message has yet to begin.
        first = first and stop == start + 1 and bool(rules.SALUTATION.match(lines[start].text))
        for index in range(start, stop):
            if rules.MACRO_LINE.match(lines[index].text):
                labels[index] = RemovedKind.MACRO


def _label_notices(lines: Sequence[Line], labels: Labels) -> None:
    for start, stop in _paragraphs(lines, labels):
        for index in range(start, stop):
            joined = lines[index].text
            if index + 1 < stop and len(joined) < 160:
                joined += " " + lines[index + 1].text
            if rules.DISCLAIMER.match(joined):
                _fill(lines, labels, range(index, stop), RemovedKind.SIGNATURE)
                break


# --- signatures ---------------------------------------------------------------------------------------------


def _label_signature(lines: Sequence[Line], labels: Labels) -> None:
    """Label the signature at the end of the author's own words."""
    for index, line in enumerate(lines):
        if labels[index] is None and rules.SENT_FROM.match(line.text) and len(line.text) < 120:
            labels[index] = RemovedKind.SIGNATURE
    own = [index for index, line in enumerate(lines) if labels[index] is None and not line.blank]
    if not own:
        return
    start = _delimiter(lines, own)
    if start is None:
        start = _closing(lines, own)
    if start is None:
        start = _contact_block(lines, own)
    if start is not None:
        for index in own[start:]:
            if rules.POSTSCRIPT.match(lines[index].text):
                break
            labels[index] = RemovedKind.SIGNATURE
        own = own[:start]
    _label_inner_closing(lines, labels, own)


def _delimiter(lines: Sequence[Line], own: Sequence[int]) -> int | None:
    for position, index in enumerate(own):
        text = lines[index].text
        if position and rules.STRICT_DELIMITER.match(text):
            return position
        if position and rules.LOOSE_DELIMITER.match(text) and len(own) - position <= LOOSE_SIGNATURE_LINES:
            below = own[position + 1 :]
            if all(_is_signature_line(lines[at].text) for at in below):
                return position
    return None


def _closing(lines: Sequence[Line], own: Sequence[int]) -> int | None:
    """Find the first closing line below which nothing but a signature follows; a position in `own`."""
    found = None
    for position in range(len(own) - 1, max(-1, len(own) - 2 - SIGNATURE_LINES), -1):
        text = lines[own[position]].text
        if len(text) <= 120 and (rules.CLOSING.match(text) or _is_dashed_name(lines, own, position)):
            found = position
        elif not _is_signature_line(text):
            break
    return found


def _is_dashed_name(lines: Sequence[Line], own: Sequence[int], position: int) -> bool:
    """Tell a last line such as `- Tom` from the last point of a list."""
    if not 0 < position == len(own) - 1 or not rules.DASH_NAME.match(lines[own[position]].text):
        return False
    return not lines[own[position - 1]].text.lstrip().startswith(("-", "–", "—", "*", "•"))


def _contact_block(lines: Sequence[Line], own: Sequence[int]) -> int | None:
    """Find a last paragraph that is a name with a job or an address, without any closing words."""
    position = len(own) - 1
    while position > 0 and own[position - 1] == own[position] - 1:
        position -= 1
    block = [lines[index].text for index in own[position:]]
    is_named = rules.NAME_LINE.match(block[0][:120]) or rules.PIPED_NAME.match(block[0][:160])
    if position == 0 or not is_named or len(block) > SIGNATURE_LINES:
        return None
    contacts = sum(1 for text in block if rules.CONTACT.match(text[:300]))
    titles = sum(1 for text in block if rules.JOB_TITLE.match(text[:120]) and _is_signature_line(text))
    if contacts + titles >= 2 and all(_is_signature_line(text) for text in block):
        return position
    return None


def _label_inner_closing(lines: Sequence[Line], labels: Labels, own: Sequence[int]) -> None:
    """Label `Thanks,` and the name below it where prose follows, as before a postscript."""
    for position, index in enumerate(own[:-1]):
        text = lines[index].text
        if not position or len(text) > 60 or not text.rstrip().endswith(",") or not rules.CLOSING.match(text):
            continue
        following = lines[own[position + 1]].text
        if len(following) <= 40 and rules.NAME_LINE.match(following) and own[position + 1] - index <= 2:
            labels[index] = labels[own[position + 1]] = RemovedKind.SIGNATURE


def _is_signature_line(text: str) -> bool:
    """Tell whether a line below a closing can belong to a signature: short, and no sentence."""
    if len(text) > SIGNATURE_LINE_LENGTH or rules.POSTSCRIPT.match(text):
        return False
    if rules.CLOSING.match(text) or rules.CONTACT.match(text):
        return True
    words = len(text.split())
    if "?" in text or (_SENTENCE_END.search(text) and words >= 5):
        return False
    return words < SENTENCE_WORDS and (words <= 1 or any(part[:1].isupper() for part in text.split()))


# --- small helpers ------------------------------------------------------------------------------------------


def _fill(lines: Sequence[Line], labels: Labels, indices: range, kind: RemovedKind) -> None:
    for index in indices:
        if labels[index] is None and not lines[index].blank:
            labels[index] = kind


def _next_filled(lines: Sequence[Line], index: int, *, limit: int = 50) -> int | None:
    for at in range(index, min(index + limit, len(lines))):
        if not lines[at].blank:
            return at
    return None


def _paragraphs(lines: Sequence[Line], labels: Labels) -> Iterator[tuple[int, int]]:
    """Yield `[start, stop)` of each run of the author's own lines between blank or labelled ones."""
    start: int | None = None
    for index, line in enumerate(lines):
        inside = labels[index] is None and not line.blank
        if inside and start is None:
            start = index
        elif not inside and start is not None:
            yield start, index
            start = None
    if start is not None:
        yield start, len(lines)
