"""Turn the Markdown that some tools send into plain text, and a forum's quotes into lines that cleaning knows."""

import re
from collections.abc import Iterator

# Every repetition is bounded or stops at its own delimiter: no text, however odd, takes more than linear time.
_IMAGE = re.compile(r"!\[[^\[\]\n]{0,300}\]\([^()\s]{0,2000}\)")
_LINK = re.compile(r"\[([^\[\]\n]{1,300})\]\([^()\s]{0,2000}\)")
_STRONG = re.compile(r"(\*\*|__|~~)(?=\S)([^*_~\n]{1,500})(?<=\S)\1")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,500})(?<=\S)\*(?![\w*])")
_HEADING = re.compile(r"^#{1,6}[ \t]+", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~)[\w+-]{0,30}[ \t]*$\n?", re.MULTILINE)
_QUOTE_TAG = re.compile(r"\[quote(?:=[^\]\n]{0,300})?\]|\[/quote\]", re.IGNORECASE)


def plain_markdown(text: str) -> str:
    """Return Markdown without its marks: link labels stay, images go, quoted lines keep their ">" for cleaning."""
    text = _LINK.sub(r"\1", _IMAGE.sub("", _FENCE.sub("", text)))
    text = _EMPHASIS.sub(r"\1", _STRONG.sub(r"\2", text))
    return _HEADING.sub("", text)


def mark_quotes(text: str) -> str:
    """Write `[quote]...[/quote]` as lines that start with ">"; a quote that is never closed stays as it is."""
    parts, end = [], 0
    for start, stop in _outer_quotes(text):
        inner = _QUOTE_TAG.sub("", text[start:stop])
        lines = [f"> {line}" for line in inner.splitlines() if line.strip()]
        parts += [text[end:start].rstrip(), *lines, ""]
        end = stop
    return "\n".join([*parts, text[end:].lstrip("\n")]) if end else text


def _outer_quotes(text: str) -> Iterator[tuple[int, int]]:
    """Find the outermost quotes that are closed, in order, as (start, stop)."""
    opened: list[int] = []
    closed: list[tuple[int, int]] = []
    for tag in _QUOTE_TAG.finditer(text):
        if not tag.group().startswith("[/"):
            opened.append(tag.start())
        elif opened:
            start = opened.pop()
            while closed and closed[-1][0] > start:
                closed.pop()
            closed.append((start, tag.end()))
    return iter(closed)
