"""Public ids: a prefix that says what a thing is, and its number."""

from enum import StrEnum

from models.errors import NotFound

LARGEST = 2**31 - 1
"""No row's number is larger: PostgreSQL's integer ends here, and refuses to compare with more."""


class Prefix(StrEnum):
    """The prefixes of public ids."""

    WORKSPACE = "ws"
    SOURCE = "src"
    DELIVERY = "dlv"
    ITEM = "fb"
    ACCOUNT = "acc"
    THEME = "th"
    FEATURE = "feat"
    RELEASE = "rel"
    LINK = "lnk"
    TEAM = "team"
    METRIC = "met"
    OBJECTIVE = "obj"
    KEY_RESULT = "kr"
    EVENT = "evt"
    KEY = "key"
    USER = "usr"
    VERDICT = "ver"
    AUDIT = "aud"
    ALERT = "alr"
    ERASURE = "era"
    PERSON = "per"
    ACT = "act"
    SUGGESTION = "sug"


def public_id(prefix: Prefix, number: int) -> str:
    """Write a public id, such as `th_17`."""
    return f"{prefix}_{number}"


def parse_id(prefix: Prefix, text: str) -> int:
    """Read a public id of the kind wanted; raise `NotFound` for anything else, for no such thing can exist."""
    head, _, tail = text.partition("_")
    is_number = tail.isascii() and tail.isdigit() and len(tail) <= 18 and int(tail) <= LARGEST
    if head != prefix or not is_number:
        raise NotFound(f"{text!r} is no id of this kind; ids here start with {prefix}_.")
    return int(tail)
