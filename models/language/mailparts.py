"""Label every line of a plain-text mail: own words, quoted reply, signature or automatic text."""

import re
from collections.abc import Sequence

from models.language import mailrules as rules
from models.language.automatic import label_automatic
from models.language.lines import LINE_READ, Labels, Line, fill, paragraphs, shield_fences
from models.language.signatures import label_signature
from models.language.transcripts import label_turns
from models.values.text import Removed, RemovedKind

_WORD = re.compile(r"[^\W_]")


def label(lines: Sequence[Line], marked: Sequence[Removed]) -> tuple[Labels, list[Removed]]:
    """Say for every line why it is not the author's own, `None` where it is; and which ends of own lines are not.

    `marked` are spans that markup already named; lines wholly inside one take its kind.
    """
    lines = shield_fences(lines)
    labels: Labels = [None] * len(lines)
    _label_marked(lines, labels, marked)
    label_turns(lines, labels)
    _label_quotes(lines, labels)
    label_automatic(lines, labels)
    _label_notices(lines, labels)
    return labels, label_signature(lines, labels)


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
    is_session = _is_session(lines)
    shown = _shown_block(lines)
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
            fill(lines, labels, range(index, stop), RemovedKind.MACRO if marker else RemovedKind.QUOTE)
            index = stop
            continue
        is_own = index in shown or (is_session and rules.PROMPT.match(line.text))
        if rules.QUOTE_LINE.match(line.text) and not is_own and not _is_comparison(lines, index):
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
        return int(_is_attribution(text))
    for extra in range(3):
        if index + extra >= len(lines) or lines[index + extra].blank:
            return 0
        if extra:
            text += " " + lines[index + extra].text
        if len(text) > LINE_READ:
            return 0
        if _is_attribution(text):
            return extra + 1
    return 0


def _is_attribution(text: str) -> bool:
    if text.rstrip()[-1:] not in {":", "："}:
        return False
    starts = rules.WROTE_START.match(text[:120]) and rules.WROTE_END.search(text[-120:])
    return bool((starts or rules.WROTE_AFTER_NAME.match(text)) and rules.WROTE_EVIDENCE.search(text))


def _is_session(lines: Sequence[Line]) -> bool:
    """Tell an interpreter's `>>>` from a quotation of the third degree: nothing is quoted in a lesser one."""
    return any(rules.PROMPT.match(line.text) for line in lines) and not any(
        rules.LESSER_QUOTE.match(line.text) for line in lines
    )


def _shown_block(lines: Sequence[Line]) -> range:
    """Find the only block of quoted lines where a line such as `The manual says:` or `I get:` announces it.

    Such a block shows an error or a document: the author's own evidence. Nobody wrote it to them and asked.
    """
    quoted = [index for index, line in enumerate(lines) if rules.QUOTE_LINE.match(line.text)]
    if not quoted or quoted[-1] - quoted[0] + 1 != len(quoted):
        return range(0)
    above = quoted[0] - 1
    while above >= 0 and lines[above].blank:
        above -= 1
    if above < 0 or not rules.ANNOUNCES.match(lines[above].tail) or rules.ANSWERS.search(lines[above].tail):
        return range(0)
    return range(quoted[0], quoted[-1] + 1)


def _is_comparison(lines: Sequence[Line], index: int) -> bool:
    """Tell a lone `> 50 users` from a quoted line."""
    if not rules.COMPARISON.match(lines[index].text):
        return False
    around = [lines[at].text for at in (index - 1, index + 1) if 0 <= at < len(lines)]
    return not any(rules.QUOTE_LINE.match(text) or _is_attribution(text) for text in around)


# --- legal notices -----------------------------------------------------------------------------------------


def _label_notices(lines: Sequence[Line], labels: Labels) -> None:
    for start, stop in paragraphs(lines, labels):
        for index in range(start, stop):
            joined = lines[index].text
            if index + 1 < stop and len(joined) < 160:
                joined += " " + lines[index + 1].text
            if rules.DISCLAIMER.match(joined):
                fill(lines, labels, range(index, stop), RemovedKind.SIGNATURE)
                break


# --- small helpers ------------------------------------------------------------------------------------------


def _next_filled(lines: Sequence[Line], index: int, *, limit: int = 50) -> int | None:
    for at in range(index, min(index + limit, len(lines))):
        if not lines[at].blank:
            return at
    return None
