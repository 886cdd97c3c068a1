"""The exports of known tools, told apart by their columns, and what each column means.

Most exports hold no text but the subject; where a tool's API is pulled instead, the texts come as well. A file that
is none of these is read by the names of its columns, or by a map of one's own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from models.errors import Invalid
from models.sources.mapping import ColumnMap
from models.values.feedback import Rating, RatingKind

ALL_OTHERS = "*"
"""In a map's columns: every column that no field is read from, the questions of a survey."""

_JIRA_DATES = "iso|%d/%b/%y %I:%M %p|%d/%b/%y %H:%M|%Y/%m/%d %I:%M %p"
_DIRECTIONS = {"inbound": "customer", "outbound": "agent", "in": "customer", "out": "agent"}
_STARS = Rating(value=1, scale_min=1, scale_max=5, kind=RatingKind.CSAT)


@dataclass(frozen=True, slots=True)
class Export:
    """One tool's export: the columns that tell it from others (a name that ends in * is a beginning), and its map."""

    name: str
    needs: tuple[str, ...]
    mapping: ColumnMap


def _map(columns: Mapping[str, tuple[str, ...]], **more: object) -> ColumnMap:
    return ColumnMap(columns=columns, **more)  # type: ignore[arg-type]


EXPORTS: tuple[Export, ...] = (
    Export(
        "zendesk",
        ("id", "requester id", "subject", "created at", "via"),
        _map(
            {
                "external_id": ("Id",),
                "created_at": ("Created at",),
                "updated_at": ("Updated at",),
                "subject": ("Subject",),
                "text": ("Description",),
                "customer_id": ("Requester id",),
                "customer_email": ("Requester email",),
                "account_id": ("Organization",),
                "channel": ("Via",),
                "status": ("Status",),
                "tags": ("Tags",),
                "brand": ("Brand",),
                "group": ("Group",),
                "form": ("Ticket form", "Form"),
            },
            tag_separator=" ",
        ),
    ),
    Export(
        "intercom",
        ("conversation id", "conversation started at*"),
        _map(
            {
                "external_id": ("Conversation ID",),
                "created_at": ("Conversation started at*",),
                "text": ("Message", "First message", "Body"),
                "rating": ("Conversation rating",),
                "tags": ("Conversation tags",),
                "channel": ("Channel",),
                "customer_id": ("User ID",),
                "customer_email": ("Email",),
                "account_id": ("Company",),
                "brand": ("Brand",),
                "group": ("Team assigned", "Assigned team", "Team"),
                "form": ("Ticket type",),
                "language": ("Language",),
            },
            rating=_STARS,
        ),
    ),
    Export(
        "freshdesk",
        ("ticket id", "subject", "created time", "agent interactions"),
        _map(
            {
                "external_id": ("Ticket ID",),
                "created_at": ("Created time",),
                "updated_at": ("Last update time",),
                "subject": ("Subject",),
                "text": ("Description",),
                "customer_email": ("Email",),
                "account_id": ("Company Name",),
                "product_area": ("Product area", "Product"),
                "channel": ("Source",),
                "status": ("Status",),
                "tags": ("Tags",),
                "brand": ("Product",),
                "group": ("Group",),
                "form": ("Type",),
            }
        ),
    ),
    Export(
        "front",
        ("message id", "conversation id", "date", "direction"),
        _map(
            {
                "external_id": ("Conversation ID",),
                "message_id": ("Message ID",),
                "created_at": ("Date",),
                "subject": ("Subject",),
                "text": ("Body", "Extract"),
                "author_role": ("Direction",),
                "customer_email": ("From",),
                "group": ("Inbox",),
                "tags": ("Tags",),
            },
            constants={"channel": "email"},
            words={"author_role": _DIRECTIONS},
        ),
    ),
    Export(
        "helpscout",
        ("number", "subject", "mailbox", "customer email"),
        _map(
            {
                "external_id": ("Number",),
                "created_at": ("Created At",),
                "subject": ("Subject",),
                "text": ("Preview",),
                "customer_email": ("Customer Email",),
                "group": ("Mailbox",),
                "status": ("Status",),
                "tags": ("Tags",),
            }
        ),
    ),
    Export(
        "jira",
        ("issue key", "issue id", "summary", "created"),
        _map(
            {
                "external_id": ("Issue id",),
                "created_at": ("Created",),
                "updated_at": ("Updated",),
                "subject": ("Summary",),
                "text": ("Description",),
                "customer_id": ("Reporter Id", "Reporter"),
                "product_area": ("Components",),
                "status": ("Status",),
                "tags": ("Labels",),
                "group": ("Project key",),
                "form": ("Custom field (Request Type)", "Request Type", "Issue Type"),
            },
            constants={"channel": "jira"},
            date_format=_JIRA_DATES,
            joined=frozenset({"tags"}),
        ),
    ),
    Export(
        "linear",
        ("id", "team", "title", "cycle number", "created"),
        _map(
            {
                "external_id": ("UUID", "ID"),
                "created_at": ("Created",),
                "updated_at": ("Updated",),
                "subject": ("Title",),
                "text": ("Description",),
                "customer_id": ("Creator",),
                "product_area": ("Project",),
                "group": ("Team",),
                "status": ("Status",),
                "tags": ("Labels",),
            },
            constants={"channel": "linear"},
        ),
    ),
    Export(
        "typeform",
        ("#", "submit date (utc)", "network id"),
        _map(
            {
                "external_id": ("#",),
                "created_at": ("Submit Date (UTC)",),
                "customer_id": ("user_id",),
                "customer_email": ("email",),
                "account_id": ("account_id", "company"),
                "plan": ("plan",),
                "language": ("lang", "language"),
                "product_area": ("product_area", "area"),
                "brand": ("brand",),
                "group": ("group", "team"),
                "tags": ("Tags",),
                "text": (ALL_OTHERS,),
            },
            constants={"channel": "survey"},
            ignored=("Response Type", "Start Date (UTC)", "Stage Date (UTC)", "Network ID"),
        ),
    ),
    Export(
        "discourse",
        ("topic_id", "post_number", "raw|cooked", "created_at"),
        _map(
            {
                "external_id": ("topic_id",),
                "message_id": ("id", "post_id"),
                "created_at": ("created_at",),
                "updated_at": ("updated_at",),
                "subject": ("title", "topic_title"),
                "text": ("raw",),
                "html": ("cooked",),
                "customer_id": ("user_id", "username"),
                "product_area": ("category_slug", "category", "category_name"),
                "group": ("category_slug", "category", "category_name"),
            },
            constants={"channel": "forum"},
        ),
    ),
)


def export_of(name: str) -> Export:
    """Return the map of a tool by name; raise `Invalid` naming those there are."""
    found = next((export for export in EXPORTS if export.name == name), None)
    if found is None:
        known = ", ".join(export.name for export in EXPORTS)
        raise Invalid(f"--map {name} is neither a file nor a known export: {known}", field="map")
    return found


def recognise(header: Sequence[str]) -> Export | None:
    """Return the export that a file's columns are those of; None where it is none that we know."""
    return next((export for export in EXPORTS if all(_columns(header, need) for need in export.needs)), None)


def fitted(mapping: ColumnMap, header: Sequence[str]) -> ColumnMap:
    """Return a built-in map for the columns that this file has: exports differ by version and settings."""
    columns = {
        field: tuple(found for name in names for found in _columns(header, name))
        for field, names in mapping.columns.items()
        if names != (ALL_OTHERS,)
    }
    named = {_folded(name) for names in columns.values() for name in names} | {
        _folded(name) for name in mapping.ignored
    }
    for field, names in mapping.columns.items():
        if names == (ALL_OTHERS,):
            columns[field] = tuple(name for name in header if _folded(name) not in named)
    return replace(mapping, columns={field: names for field, names in columns.items() if names})


def numbered(header: Sequence[str]) -> tuple[str, ...]:
    """Tell columns of one name apart: Jira writes one column for each label."""
    seen: dict[str, int] = {}
    names = []
    for name in header:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)


def _columns(header: Sequence[str], wanted: str) -> list[str]:
    """Return the columns of a name, of a beginning (`name*`), or of either name (`a|b`), and those numbered after."""
    if wanted.endswith("*"):
        start = _folded(wanted[:-1])
        return [name for name in header if _folded(name).startswith(start)]
    names = {_folded(each) for each in wanted.split("|")}
    return [name for name in header if _folded(re.sub(r" \(\d+\)$", "", name)) in names]


def _folded(name: str) -> str:
    return name.strip() if name.strip() == "#" else re.sub(r"[\W_]+", "", name).lower()
