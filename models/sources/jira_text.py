"""Turn what Jira writes (wiki markup, or the Atlassian Document Format) into plain text."""

import re
from collections.abc import Iterator

from models.sources.payload import JsonObject, text_of

MAX_NODES = 100_000
"""Nodes of a document that are read: no text that people write has more."""

_WIKI: tuple[tuple[re.Pattern[str], str], ...] = (
    # {quote}, {code:java}, {color:red}: the text between stays.
    (re.compile(r"\{(?:quote|code|noformat|panel|color|anchor|adf)(?::[^{}\n]{0,300})?\}"), ""),
    (re.compile(r"^h[1-6]\.[ \t]+|^bq\.[ \t]+", re.MULTILINE), ""),
    (re.compile(r"\[~(?:accountid:)?[^\[\]\n|]{1,200}\]"), "@user"),
    (re.compile(r"\[([^\[\]\n|]{1,500})\|[^\[\]\n]{1,2000}\]"), r"\1"),
    (re.compile(r"\[((?:https?|mailto|ftp):[^\[\]\n|]{1,2000})\]"), r"\1"),
    (
        re.compile(r"!(?=\S)[^!\n]{1,300}\.(?:png|jpe?g|gif|svg|bmp|webp|mp4|mov|pdf)(?:\|[^!\n]{0,200})?!"),
        "",
    ),
    (re.compile(r"\{\{([^{}\n]{1,1000})\}\}"), r"\1"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]{0,1000}?)(?<=\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w+])\+(?=[^\s+])([^+\n]{0,1000}?)(?<=\S)\+(?![\w+])"), r"\1"),
    (re.compile(r"(?<![\w_])_(?=[^\s_])([^_\n]{0,1000}?)(?<=\S)_(?![\w_])"), r"\1"),
    (re.compile(r"^[*#]{1,6}[ \t]+", re.MULTILINE), "- "),
    (re.compile(r"\|{1,2}"), " "),
    (re.compile(r"\\\\[ \t]*"), "\n"),
)
_ENDS = frozenset(
    ("paragraph", "heading", "listItem", "blockquote", "codeBlock", "tableRow", "panel", "rule", "taskItem")
)


def text_in(value: object, *, field: str) -> str | None:
    """Return a description or comment as text: wiki markup (API version 2) or a document (version 3); null
    stays None."""
    if isinstance(value, dict):
        return _document(value, field=field)
    text = text_of(value, field=field)
    return None if text is None else _from_wiki(text)


def _from_wiki(text: str) -> str:
    text = text.replace("\r\n", "\n")
    for pattern, instead in _WIKI:
        text = pattern.sub(instead, text)
    return text.strip()


def _document(root: JsonObject, *, field: str) -> str:
    """Return a document's text. Walks without recursion: it may be nested as deep as JSON goes."""
    found: list[str] = []
    waiting: list[object] = [root]
    read = 0
    while waiting and read < MAX_NODES:
        node, read = waiting.pop(), read + 1
        if isinstance(node, str):
            found.append(node)
        elif isinstance(node, dict):
            waiting.extend(reversed(list(_inside(node))))
    return (text_of("".join(found), field=field) or "").strip()


def _inside(node: JsonObject) -> Iterator[object]:
    """Yield a node's own text, or the nodes in it and the line's end after them."""
    kind = _said(node.get("type"))
    if kind == "text":
        yield _said(node.get("text"))
    elif kind == "hardBreak":
        yield "\n"
    elif kind == "mention":
        yield "@user"
    elif kind in ("inlineCard", "blockCard", "emoji", "date", "status"):
        yield _attribute(node)
    else:
        content = node.get("content")
        yield from content if isinstance(content, list) else ()
        if kind in _ENDS:
            yield "\n"
        elif kind in ("tableCell", "tableHeader"):
            yield " "


def _said(value: object) -> str:
    return value if isinstance(value, str) else ""


def _attribute(node: JsonObject) -> str:
    held = node.get("attrs")
    attributes = held if isinstance(held, dict) else {}
    return _said(attributes.get("text")) or _said(attributes.get("url"))
