"""Take the body out of a raw mail as it travels (RFC 5322, MIME)."""

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message

_HEADER = re.compile(rb"([A-Za-z][A-Za-z0-9-]{1,60}):[ \t]?")
_TELLING = frozenset(
    (
        b"mime-version",
        b"content-type",
        b"message-id",
        b"received",
        b"return-path",
        b"delivered-to",
        b"dkim-signature",
    )
)
_OFTEN_WRONG = frozenset(("us-ascii", "ascii", "iso-8859-1", "latin-1", "latin1", "utf-8", "unknown-8bit"))
_HEAD_READ = 16_000  # bytes in which the header block must show itself
_PARTS_READ = 50


@dataclass(frozen=True, slots=True)
class Body:
    """The text of a mail; `html` says what it is, `None` where nobody declared it."""

    text: str
    html: bool | None


def read_body(data: bytes) -> Body:
    """Read the body of a raw mail, or take the bytes as they are where they are none.

    A plain-text part is preferred to its HTML twin; attachments and forwarded mails inside are left out. Bytes are
    read in the declared character set; where it is missing, unknown, or one that many programs declare for others
    (US-ASCII, Latin 1), as UTF-8 if they are that, else as Windows-1252. Never raises.
    """
    data = data.lstrip(b"\r\n") if data[:1] in (b"\r", b"\n") else data
    if not is_raw_mail(data):
        return Body(_decode(data, None), None)
    found: dict[str, Body] = {}
    parts = [message_from_bytes(data, policy=policy.compat32)]
    for _ in range(_PARTS_READ):
        if not parts:
            break
        part = parts.pop(0)
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            parts = [child for child in payload if isinstance(child, Message)] + parts
        elif part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment":
            body = Body(_text_of(part), part.get_content_subtype() == "html")
            if body.text.strip():
                found.setdefault(part.get_content_subtype(), body)
    return found.get("plain") or found.get("html") or next(iter(found.values()), Body("", False))


def is_raw_mail(data: bytes) -> bool:
    """Tell a raw mail by its first lines: header fields, one of which only mail has."""
    head = data[:_HEAD_READ].replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    lines = head.split(b"\n")
    if lines and lines[0].startswith(b"From "):
        lines = lines[1:]
    names = [match.group(1).lower() for line in lines if (match := _HEADER.match(line))]
    folded = sum(line[:1] in (b" ", b"\t") for line in lines)
    return len(names) >= 2 and len(names) + folded >= len(lines) - 1 and not _TELLING.isdisjoint(names)


def _text_of(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return _decode(payload, part.get_content_charset()) if isinstance(payload, bytes) else ""


def _decode(data: bytes, declared: str | None) -> str:
    """Decode bytes as declared, or as what they most likely are."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if declared is not None and declared not in _OFTEN_WRONG:
        try:
            return data.decode(declared, errors="replace")
        except (LookupError, UnicodeError):  # a character set nobody knows
            pass
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
