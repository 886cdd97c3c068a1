"""Text as both databases and JSON take it."""

import re

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL refuses NUL in text, and a lone surrogate (JSON may escape one) cannot be written as UTF-8."""


def storable(text: str) -> str:
    """Return a text with U+FFFD in place of every character that cannot be stored."""
    return UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
