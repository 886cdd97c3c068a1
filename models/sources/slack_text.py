"""Turn what Slack writes (mrkdwn, blocks, shared messages) into plain text."""

import re
from collections.abc import Iterator
from html import unescape

from models.sources.payload import JsonObject, text_of

MAX_NODES = 20_000
"""Members of blocks that are read: no message that people write has more."""

_REFERENCE = re.compile(r"<([^<>\n]{1,3000})>")
# Slack's quote is a citation that the writer wants read (a customer's words), never the quoted mail of a reply.
_QUOTE = re.compile(r"^(?:>>>|>)[ \t]?", re.MULTILINE)
_NAMES = {"@": "@user", "#": "#channel", "!": "@group"}
_BROADCASTS = ("here", "channel", "everyone")


def plain(mrkdwn: str) -> str:
    """Return mrkdwn as text: labels in place of links and references, no escapes, no quote marks.

    A person who is named by id alone becomes "@user": ids say nothing, and name somebody.
    """
    return _QUOTE.sub("", unescape(_REFERENCE.sub(_label, mrkdwn))).strip()


def _label(match: re.Match[str]) -> str:
    target, _, label = match.group(1).partition("|")
    sign = target[:1]
    if sign == "!" and target[1:] in _BROADCASTS:
        return f"@{target[1:]}"
    if sign == "@":
        return _NAMES[sign]
    if sign == "#":
        return f"#{label}" if label else _NAMES[sign]
    if label:
        return label
    return _NAMES.get(sign) or target.removeprefix("mailto:").removeprefix("tel:")


def text_in(message: JsonObject) -> str:
    """Return a message's text: its `text`, else its blocks, else what it shares from elsewhere."""
    text = plain(text_of(message.get("text"), field="event.text") or "")
    return text or plain(_blocks(message.get("blocks"))) or _shared(message.get("attachments"))


def _blocks(blocks: object) -> str:
    """Return the texts of blocks in order. Walks without recursion: a payload may be nested as deep as JSON
    goes."""
    found: list[str] = []
    waiting, read = [blocks], 0
    while waiting and read < MAX_NODES:
        node, read = waiting.pop(), read + 1
        if isinstance(node, str):
            found.append(node)
        elif isinstance(node, list):
            waiting.extend(reversed(node))
        elif isinstance(node, dict):
            waiting.extend(reversed(list(_inside(node))))
    return "".join(found)


def _inside(node: JsonObject) -> Iterator[object]:
    """Yield what a block or element shows: a text, or the elements in it and the line's end after them."""
    kind = _said(node.get("type"))
    match kind:
        case "text" | "plain_text" | "mrkdwn":
            yield _said(node.get("text"))
        case "link":
            yield _said(node.get("text") or node.get("url"))
        case "user" | "usergroup":
            yield _NAMES["@"]
        case "channel":
            yield _NAMES["#"]
        case "broadcast":
            yield f"@{_said(node.get('range'))}"
        case _:
            yield from (node.get("text"), node.get("elements"), node.get("fields"))
            if kind in (
                "rich_text_section",
                "rich_text_quote",
                "rich_text_preformatted",
                "section",
                "header",
            ):
                yield "\n"


def _said(value: object) -> str:
    return (text_of(value, field="blocks.text") or "") if isinstance(value, str) else ""


def _shared(attachments: object) -> str:
    """Return what a message without words of its own shares: the text of each attachment, or its fallback."""
    if not isinstance(attachments, list):
        return ""
    texts = (
        plain(_said(each.get("text")) or _said(each.get("fallback")))
        for each in attachments[:MAX_NODES]
        if isinstance(each, dict)
    )
    return "\n".join(text for text in texts if text)
