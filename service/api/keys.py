"""Stable keys for things people name: made from a title where nobody chose one."""

import re
import unicodedata

_UNFIT = re.compile(r"[^a-z0-9]+")


def key_from(text: str) -> str:
    """Make a key such as `bigger-exports` from a title; a title without letters or digits gives `untitled`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _UNFIT.sub("-", plain).strip("-")[:100] or "untitled"
