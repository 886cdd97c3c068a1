"""Addresses inside the console; every number is a link made here."""

from datetime import date
from urllib.parse import urlencode

from models.values.ids import Prefix, public_id
from models.values.kinds import Kind


def theme_address(theme: int) -> str:
    """Return a theme's page."""
    return f"/themes/{public_id(Prefix.THEME, theme)}"


def release_address(release: int) -> str:
    """Return a release's page."""
    return f"/releases/{public_id(Prefix.RELEASE, release)}"


def verdict_address(release: int, theme: int) -> str:
    """Return the verdict on one theme, on its release's page."""
    number = public_id(Prefix.THEME, theme)
    return f"{release_address(release)}?theme={number}#verdict-{number}"


def ticket_address(item: int) -> str:
    """Return the list that holds one message's whole ticket."""
    return f"/feedback?item={public_id(Prefix.ITEM, item)}#{public_id(Prefix.ITEM, item)}"


def feedback_address(
    *,
    theme: int | None = None,
    kind: Kind | None = None,
    counted: bool | None = None,
    since: date | None = None,
    until: date | None = None,
    stated: float | None = None,
) -> str:
    """Return the list of tickets behind a number; `until` is exclusive.

    stated: the number as it was printed, so that the list can say what became of the difference.
    """
    parts = {
        "theme": None if theme is None else public_id(Prefix.THEME, theme),
        "kind": kind,
        "counted": None if counted is None else ("yes" if counted else "no"),
        "from": since,
        "to": until,
        "stated": None if stated is None else int(stated),
    }
    query = urlencode({name: str(value) for name, value in parts.items() if value is not None})
    return f"/feedback?{query}" if query else "/feedback"


def counted_address(
    *, theme: int | None, since: date | None = None, until: date | None = None, stated: float | None = None
) -> str:
    """Return the list of the counted complaints on a theme (None: all complaints) in half-open days."""
    return feedback_address(
        theme=theme, kind=Kind.COMPLAINT, counted=True, since=since, until=until, stated=stated
    )
