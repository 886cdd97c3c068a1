"""What alembic compares: all our tables, not the full-text index, which each database has in its own way."""

from collections.abc import Mapping
from typing import Any, Literal

from models.records.base import EnumText, UtcDateTime

SEARCH_TABLE = "feedback_search"


def is_compared(name: str | None, kind: str, _parents: Mapping[Any, str | None]) -> bool:
    """Leave out the full-text index and the shadow tables SQLite keeps behind it."""
    return not (name is not None and kind in ("table", "index") and SEARCH_TABLE in name)


def render_plainly(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our column types into migrations as the plain types they are in the database."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, EnumText):
        return "sa.String(length=32)"
    return False
