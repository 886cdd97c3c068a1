"""Turn the HTML of a mail or a ticket into plain text, remembering which parts the mail program marked as quoted.

The tree is simplified before inscriptis lays it out: styles, hidden parts and tables are taken away first, because
column layout pads every row to the widest one, so that a small hostile page could ask for gigabytes of blanks.
"""

import re
from html import unescape

import lxml.etree  # type: ignore[import-untyped]
import lxml.html  # type: ignore[import-untyped]
from inscriptis import Inscriptis
from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.html_properties import Display
from inscriptis.model.config import ParserConfig
from inscriptis.model.html_element import HtmlElement

from models.values.text import Removed, RemovedKind

MAX_DEPTH = 100  # levels of nesting that are laid out; deeper tags are dropped, their text stays
MAX_HTML = 1_000_000  # characters of HTML that are read

# Noncharacters of Unicode: they cannot stand in a text that was meant for people.
_OPEN = {RemovedKind.QUOTE: "\ufdd0", RemovedKind.SIGNATURE: "\ufdd1", RemovedKind.MACRO: "\ufdd2"}
_KIND_OF = {mark: kind for kind, mark in _OPEN.items()}
_CLOSE = "\ufdd3"
_MARKS = re.compile("[\ufdd0-\ufdd3]")

_SURE_HTML = re.compile(r"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_CLOSING = re.compile(
    r"</(p|div|span|a|b|i|u|em|strong|table|td|tr|ul|ol|li|h[1-6]|blockquote|font|pre|body|html|style|script)\s*>",
    re.IGNORECASE,
)
# Lists without indentation: nested lists of a hostile page would otherwise grow with depth times length.
_BLOCK = HtmlElement(display=Display.block)
_LAYOUT = ParserConfig(
    css=STRICT_CSS_PROFILE | {"ul": _BLOCK, "ol": _BLOCK, "dd": _BLOCK, "dt": _BLOCK, "dl": _BLOCK},
    display_links=False,
    display_images=False,
)
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*)([^<>]*)>")
_VOID = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "param",
    "source",
    "track",
    "wbr",
}
_INLINE = {
    "a",
    "abbr",
    "b",
    "big",
    "cite",
    "code",
    "em",
    "font",
    "i",
    "mark",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "u",
}

_DROPPED = {
    "script",
    "style",
    "head",
    "title",
    "noscript",
    "template",
    "svg",
    "object",
    "iframe",
    "select",
    "button",
}
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden", re.IGNORECASE)
_ROWS = {"table", "tbody", "thead", "tfoot", "tr", "caption", "colgroup"}
_CELLS = {"td", "th"}
_QUOTE_NAMES = re.compile(
    r"gmail_quote|gmail_attr|gmail_extra_quote|yahoo_quoted|moz-cite-prefix|protonmail_quote|front-blockquote"
    r"|hs_reply|zmail_extra|ms-outlook-mobile-reference|mail-editor-reference-message|tutanota_quote|oriMsg",
)
_SIGNATURE_NAMES = re.compile(
    r"gmail_signature|moz-signature|protonmail_signature|ms-outlook-mobile-signature|email-signature|hs_signature",
)
_SIGNATURE_IDS = {"signature", "x_signature", "ms-outlook-mobile-signature", "applemailsignature"}
_MACRO_NAMES = re.compile(r"preheader|zd_survey|csat|survey-footer|AVGEmailCert|DAB4FAD8")


def is_html(text: str) -> bool:
    """Tell whether a text is HTML: a document tag at its start, a line break tag, or a known closing tag."""
    if "<" not in text:
        return False
    if _SURE_HTML.match(text) or _BREAK.search(text):
        return True
    found = _CLOSING.search(text)
    return found is not None and f"<{found.group(1)}".lower() in text[: found.start()].lower()


def html_to_plain(html: str) -> tuple[str, tuple[Removed, ...]]:
    """Turn HTML into text and return the spans of that text which markup names as quote, signature or macro.

    At most the first `MAX_HTML` characters are read; nesting beyond `MAX_DEPTH` levels loses its tags, not its
    text. Never raises: markup that the parser refuses is stripped tag by tag.
    """
    html = _MARKS.sub("", html[:MAX_HTML])
    try:
        tree = _parse(html)
        if tree is None:
            return "", ()
        _simplify(tree)
        marked = Inscriptis(tree, _LAYOUT).get_text()
    except (lxml.etree.LxmlError, ValueError, RecursionError, AssertionError):
        marked = unescape(_TAG.sub("\n", html))
    if not marked.strip() and "<" in html:
        marked = unescape(_TAG.sub("\n", _without_dropped(html)))
    return _take_marks(marked)


def _without_dropped(html: str) -> str:
    return re.sub(r"(?is)<(script|style|head|title)\b.*?(?:</\1\s*>|\Z)", " ", html)


def _parse(html: str) -> lxml.html.HtmlElement | None:
    """Parse a page, `None` where it holds no element at all."""
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    data = _flatten(html).encode("utf-8", errors="replace")
    if not data.strip():
        return None
    tree: lxml.html.HtmlElement = lxml.html.document_fromstring(data, parser=parser, ensure_head_body=True)
    return tree


def _flatten(html: str) -> str:
    """Drop tags nested deeper than `MAX_DEPTH`: beyond a few thousand the parser would drop their text instead."""
    if html.count("<") < MAX_DEPTH:
        return html
    depth = 0

    def keep(tag: re.Match[str]) -> str:
        nonlocal depth
        name = tag.group(2).lower()
        if name in _VOID or tag.group(3).endswith("/"):
            return tag.group()
        if tag.group(1):
            depth = max(0, depth - 1)
            return tag.group() if depth < MAX_DEPTH else _in_place_of(name)
        depth += 1
        return tag.group() if depth <= MAX_DEPTH else _in_place_of(name)

    return _TAG.sub(keep, html)


def _in_place_of(name: str) -> str:
    return "" if name in _INLINE else "<br>"


def _simplify(tree: lxml.html.HtmlElement) -> None:
    """Drop what is not shown, mark quoted parts and turn tables into lines, in place."""
    for element in list(tree.iter()):
        if element.getparent() is None and element is not tree:
            continue
        if not isinstance(element.tag, str):
            continue
        if element.tag in _DROPPED or _HIDDEN.search(element.get("style", "")):
            _blank(element)
            continue
        _mark(element)
        if element.tag in _ROWS:
            element.tag = "div"
        elif element.tag in _CELLS:
            element.tag = "span"
            element.tail = " " + (element.tail or "")
        element.attrib.clear()


def _blank(element: lxml.html.HtmlElement) -> None:
    """Empty an element but keep the text after it."""
    for child in list(element):
        element.remove(child)
    element.text = None
    element.attrib.clear()
    element.tag = "span"


def _mark(element: lxml.html.HtmlElement) -> None:
    """Put an opening and a closing mark inside an element that is no part of the customer's own words."""
    kind = _kind_of(element)
    if kind is None:
        return
    element.text = _OPEN[kind] + (element.text or "")
    if len(element):
        element[-1].tail = (element[-1].tail or "") + _CLOSE
    else:
        element.text += _CLOSE


def _kind_of(element: lxml.html.HtmlElement) -> RemovedKind | None:
    if element.tag == "blockquote":
        return RemovedKind.QUOTE
    attributes = element.attrib
    if not attributes:
        return None
    names = f"{attributes.get('class', '')} {attributes.get('id', '')} {attributes.get('data-smartmail', '')}"
    if names == "  ":
        return None
    if _QUOTE_NAMES.search(names):
        return RemovedKind.QUOTE
    if _SIGNATURE_NAMES.search(names) or attributes.get("id", "").lower() in _SIGNATURE_IDS:
        return RemovedKind.SIGNATURE
    return RemovedKind.MACRO if _MACRO_NAMES.search(names) else None


def _take_marks(marked: str) -> tuple[str, tuple[Removed, ...]]:
    """Take the marks out of a text; return it with the outermost marked spans."""
    pieces: list[str] = []
    spans: list[Removed] = []
    stack: list[tuple[RemovedKind, int]] = []
    length = last = 0
    for mark in _MARKS.finditer(marked):
        pieces.append(marked[last : mark.start()])
        length += mark.start() - last
        last = mark.end()
        if mark.group() != _CLOSE:
            stack.append((_KIND_OF[mark.group()], length))
        elif stack:
            kind, start = stack.pop()
            if not stack:
                spans.append(Removed(kind, start, length))
    pieces.append(marked[last:])
    return "".join(pieces), tuple(spans)
