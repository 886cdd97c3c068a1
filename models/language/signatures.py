"""Label what people put below their own words: closings, names, jobs, companies, contacts, a device's line.

What decides is shape and place: a closing (`closings`) near the end with short lines below it, a last paragraph that
is a name over a job or a company, a name alone where a letter would have it. A last line that goes on after its
sentence, `It fails. Thanks, Tom`, is cut in its middle.
"""

import re
from collections.abc import Sequence

from models.language import mailrules as rules
from models.language.closings import closes, closing_tail
from models.language.lines import Labels, Line
from models.language.nameshape import is_person, is_small_person
from models.values.text import Removed, RemovedKind

SIGNATURE_LINES = 12  # lines that a signature may have below its closing words
LOOSE_SIGNATURE_LINES = 15  # lines below a bare "--", which some people also use as a divider
SIGNATURE_LINE_LENGTH = 110
SENTENCE_WORDS = 9  # a line of so many words below a closing is prose again
SMALL_LINE_WORDS = 4  # words of a line below a closing that nobody capitalised
LETTER_NAME_WORDS = 3

_SENTENCE_END = re.compile(r"[.!?…]['\"”)]*\s*$")
_SMALL_LINE = re.compile(r"\s*[^\W\d_][^\W\d]*(?:[ \t'’-][^\W\d]+)*\s*$")
_OF_ONES_OWN = re.compile(r"(?i)\b(?:i|i['’]m|my|ich|mein\w*|je|mon|yo|mi|io|eu|ik|jeg|jag)\b")


def label_signature(lines: Sequence[Line], labels: Labels) -> list[Removed]:
    """Label the signature lines among the author's own; return the closings inside a line with words before them."""
    _label_devices(lines, labels)
    own = [index for index, line in enumerate(lines) if labels[index] is None and not line.blank]
    own = _cut_below_delimiter(lines, labels, own)
    tails: list[Removed] = []
    *before, last = _parts(lines, own)
    for part in before:
        tails += _cut_closing(lines, labels, _strip_closings(lines, labels, part))
    tails += _cut_closing(lines, labels, _strip_ending(lines, labels, last))
    _label_inner_closings(lines, labels, [index for index in own if labels[index] is None])
    return tails


def _label_devices(lines: Sequence[Line], labels: Labels) -> None:
    for index, line in enumerate(lines):
        if labels[index] is None and len(line.text) < 120 and rules.SENT_FROM.match(line.text):
            labels[index] = RemovedKind.SIGNATURE


def _parts(lines: Sequence[Line], own: Sequence[int]) -> list[list[int]]:
    """Part the author's lines before each postscript: what stands above it may end with a closing too."""
    parts: list[list[int]] = [[]]
    for index in own:
        if parts[-1] and rules.POSTSCRIPT.match(lines[index].text):
            parts.append([])
        parts[-1].append(index)
    return parts


def _strip_ending(lines: Sequence[Line], labels: Labels, own: list[int]) -> list[int]:
    """Label all that a signature at the end is made of; return the lines above it."""
    while own:
        start = _loose_delimiter(lines, own)
        if start is None:
            start = _closing(lines, own)
        if start is None:
            start = _headed_block(lines, own)
        if start is None:
            start = _letter_name(lines, labels, own)
        if start is None:
            break
        _sign(labels, own[start:])
        del own[start:]
    return own


def _strip_closings(lines: Sequence[Line], labels: Labels, own: list[int]) -> list[int]:
    while own and (start := _closing(lines, own)) is not None:
        _sign(labels, own[start:])
        del own[start:]
    return own


def _sign(labels: Labels, own: Sequence[int]) -> None:
    for index in own:
        labels[index] = RemovedKind.SIGNATURE


def _cut_closing(lines: Sequence[Line], labels: Labels, own: Sequence[int]) -> list[Removed]:
    """Return the closing inside the last of some lines, as a list of at most one span."""
    if not own or labels[own[-1]] is not None:
        return []
    line = lines[own[-1]]
    start = closing_tail(line.tail)
    return (
        [] if start is None else [Removed(RemovedKind.SIGNATURE, line.end - len(line.tail) + start, line.end)]
    )


# --- where a signature starts: positions in `own` -------------------------------------------------------------


def _cut_below_delimiter(lines: Sequence[Line], labels: Labels, own: list[int]) -> list[int]:
    """Label all below `-- `, the delimiter of RFC 3676, up to a postscript; return the author's lines without it."""
    for position, index in enumerate(own):
        if position and rules.STRICT_DELIMITER.match(lines[index].text):
            stop = position
            while stop < len(own) and not rules.POSTSCRIPT.match(lines[own[stop]].text):
                stop += 1
            _sign(labels, own[position:stop])
            return own[:position] + own[stop:]
    return own


def _loose_delimiter(lines: Sequence[Line], own: Sequence[int]) -> int | None:
    for position in range(max(1, len(own) - LOOSE_SIGNATURE_LINES), len(own)):
        if rules.LOOSE_DELIMITER.match(lines[own[position]].text) and all(
            _is_signature_line(lines[at].text) for at in own[position + 1 :]
        ):
            return position
    return None


def _closing(lines: Sequence[Line], own: Sequence[int]) -> int | None:
    """Find the first closing line below which nothing but a signature follows."""
    found = None
    is_small = False  # below thanks, `search ignores umlauts` is as likely as a name and a place
    for position in range(len(own) - 1, max(-1, len(own) - 2 - SIGNATURE_LINES), -1):
        text = lines[own[position]].text
        if closes(text) and not (is_small and rules.THANKS.search(text)):
            found, is_small = position, False
        elif _is_dashed_name(lines, own, position):
            found = position
        elif not _is_signature_line(text):
            if not _is_small_line(text):
                break
            is_small = True
    return found


def _is_dashed_name(lines: Sequence[Line], own: Sequence[int], position: int) -> bool:
    """Tell a last line such as `- Tom` from the last point of a list."""
    found = rules.DASHED.match(lines[own[position]].text) if 0 < position == len(own) - 1 else None
    if found is None or lines[own[position - 1]].text.lstrip().startswith(("-", "–", "—", "*", "•")):
        return False
    name = found.group("name")
    return (is_person(name) and len(name.split()) <= 2) or (
        found.group("dash") in "~/" and is_small_person(name, most=1)
    )


def _headed_block(lines: Sequence[Line], own: Sequence[int]) -> int | None:
    """Find a last paragraph that is a name over a job, a company or an address, without any closing words."""
    position = _last_paragraph(own)
    block = [lines[index].text for index in own[position:]]
    if position == 0 or len(block) > SIGNATURE_LINES or _introduces(lines[own[position - 1]].text):
        return None
    return position if is_headed_block(block) else None


def is_headed_block(block: Sequence[str]) -> bool:
    """Tell whether a paragraph is a name over lines that only signatures have, or a name with a job beside it."""
    head = block[0]
    piped = rules.PIPED_NAME.match(head[:160])
    if not (piped or is_person(head)) or not all(_is_signature_line(text) for text in block):
        return False
    told = sum(map(bool, (rules.tells_contact(text) for text in block[1:])))
    told += sum(map(bool, (rules.tells_work(text, head) for text in block[1:])))
    if piped:
        return told > 0 or rules.tells_work(head, head)
    return told >= (1 if len(head.split()) > 1 else 2)


def _letter_name(lines: Sequence[Line], labels: Labels, own: Sequence[int]) -> int | None:
    """Find a name alone in the last paragraph of a letter: with a greeting on top, or signature lines below it."""
    position = _last_paragraph(own)
    name = lines[own[-1]].text
    if (
        position == 0
        or position != len(own) - 1
        or len(name.split()) > LETTER_NAME_WORDS
        or not is_person(name)
    ):
        return None
    above = lines[own[position - 1]].text
    if _introduces(above) or labels[_filled_before(lines, own[position])] is not None:
        return None
    below = next((labels[at] for at in range(own[-1] + 1, len(lines)) if not lines[at].blank), None)
    is_letter = rules.SALUTATION.match(lines[own[0]].text) is not None and position > 1
    ends = _SENTENCE_END.search(above) is not None
    return position if below is RemovedKind.SIGNATURE or (is_letter and ends) else None


def _last_paragraph(own: Sequence[int]) -> int:
    position = len(own) - 1
    while position > 0 and own[position - 1] == own[position] - 1:
        position -= 1
    return position


def _filled_before(lines: Sequence[Line], index: int) -> int:
    at = index - 1
    while at > 0 and lines[at].blank:
        at -= 1
    return at


def _introduces(text: str) -> bool:
    """Tell a line that announces a list: what follows it are its points."""
    return text.rstrip().endswith(":")


# --- closings with prose below them ---------------------------------------------------------------------------


def _label_inner_closings(lines: Sequence[Line], labels: Labels, own: Sequence[int]) -> None:
    """Label a closing, the name below it and the rest of that paragraph where prose follows after an empty line."""
    for position in range(1, len(own) - 1):
        index, following = own[position], own[position + 1]
        text, name = lines[index].text, lines[following].text
        if labels[index] is not None or len(text) > 60 or following - index > 2 or not is_person(name):
            continue
        if not closes(text):
            continue
        stop = position + 2
        while stop < len(own) and own[stop] == own[stop - 1] + 1 and not _is_prose(lines[own[stop]].text):
            stop += 1
        _sign(labels, own[position:stop])


def _is_prose(text: str) -> bool:
    """Tell the author's words from a line that belongs to the signature above it."""
    is_small = text.lstrip()[:1].islower() and len(text.split()) >= SMALL_LINE_WORDS
    return bool("?" in text or is_small or rules.POSTSCRIPT.match(text) or _OF_ONES_OWN.search(text))


# --- what a line of a signature looks like ---------------------------------------------------------------------


def _is_signature_line(text: str) -> bool:
    """Tell whether a line below a closing can belong to a signature: short, and no sentence."""
    if len(text) > SIGNATURE_LINE_LENGTH or rules.POSTSCRIPT.match(text):
        return False
    if rules.CONTACT.match(text) or closes(text):
        return True
    words = len(text.split())
    if "?" in text or (_SENTENCE_END.search(text) and words >= 5 and not rules.IN_BRACKETS.match(text)):
        return False
    if rules.IN_BRACKETS.match(text):
        return words < SENTENCE_WORDS
    return words < SENTENCE_WORDS and (words <= 1 or any(part[:1].isupper() for part in text.split()))


def _is_small_line(text: str) -> bool:
    """Tell a name or a place without capitals, such as `mairie de plouha`, from words that go on."""
    words = text.split()
    if not 0 < len(words) <= SMALL_LINE_WORDS or rules.POSTSCRIPT.match(text) or not _SMALL_LINE.match(text):
        return False
    return is_small_person(
        " ".join(word for word in words if word not in rules.SMALL_PARTICLES), most=SMALL_LINE_WORDS - 1
    )
