"""The lines of a plain text, and what each of them is labelled."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.values.text import RemovedKind

LINE_READ = 400  # characters at the start of a line that a rule looks at
TAIL_READ = 300  # characters at its end

Labels = list[RemovedKind | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plain text, `[start, end)` without its line end; `text` and `tail` are its bounded ends."""

    start: int
    end: int
    text: str
    tail: str
    blank: bool


def split_lines(plain: str) -> list[Line]:
    """Split a text at its line ends."""
    lines: list[Line] = []
    start = 0
    for part in plain.split("\n"):
        head = part[:LINE_READ]
        tail = head if len(part) <= LINE_READ else part[-TAIL_READ:]
        lines.append(Line(start, start + len(part), head, tail, not part or part.isspace()))
        start += len(part) + 1
    return lines


# A sentence that no rule takes for anything but the author's own words.
_OWN = "What stands between fences is the author's own, is it not?"
_FENCE = re.compile(r"\s{0,3}(?:```|~~~)")


def shield_fences(lines: Sequence[Line]) -> list[Line]:
    """Put a plain sentence in the place of lines between two fences of Markdown: code and logs look like quotes."""
    fences = [index for index, line in enumerate(lines) if _FENCE.match(line.text)]
    shielded = list(lines)
    for first, last in zip(fences[::2], fences[1::2], strict=False):
        for index in range(first, last + 1):
            line = lines[index]
            shielded[index] = Line(line.start, line.end, _OWN, _OWN, blank=False)
    return shielded


def fill(lines: Sequence[Line], labels: Labels, indices: range, kind: RemovedKind) -> None:
    """Label those of some lines that hold something and have no label yet."""
    for index in indices:
        if labels[index] is None and not lines[index].blank:
            labels[index] = kind


def paragraphs(lines: Sequence[Line], labels: Labels) -> Iterator[tuple[int, int]]:
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
