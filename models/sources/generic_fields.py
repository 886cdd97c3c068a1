"""The names under which our own JSON is read, and what all of its entries share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from models.sources.payload import JsonObject, first
from models.sources.scope import Fact
from models.sources.source import SourceSettings
from models.sources.times import past_instant_of

T = TypeVar("T")

FIELDS: Mapping[str, tuple[str, ...]] = {
    "external_id": ("external_id", "id", "ticket_id"),
    "message_id": ("message_id", "comment_id"),
    "action": ("action",),
    "created_at": ("created_at", "createdAt", "created", "timestamp"),
    "updated_at": ("updated_at", "updatedAt", "updated"),
    "occurred_at": ("occurred_at", "sent_at"),
    "subject": ("subject", "title", "summary"),
    "text": ("text", "body", "message", "description", "comment"),
    "html": ("html",),
    "author_role": ("author_role", "role"),
    "is_public": ("is_public", "public"),
    "customer_id": ("customer_id", "user_id", "customerId", "userId"),
    "customer_email": ("customer_email", "email"),
    "account_id": ("account_id", "accountId", "organization_id", "company_id"),
    "plan": ("plan", "segment", "tier"),
    "channel": ("channel", "via"),
    "language": ("language", "locale"),
    "tags": ("tags", "labels"),
    "product_area": ("area", "product_area", "component"),
    "status": ("status", "state"),
    "rating": ("rating", "score", "stars"),
    "rating_min": ("rating_min",),
    "rating_max": ("rating_max",),
    "rating_kind": ("rating_kind",),
    "merged_into": ("merged_into",),
    "brand": ("brand",),
    "group": ("group", "team"),
    "form": ("form",),
    "spam": ("spam", "is_spam"),
}
"""Canonical field -> the names it is read from, the first that is neither null nor empty wins."""


TELLS: Mapping[Fact, str] = {
    Fact.BRAND: "`brand`",
    Fact.GROUP: "`group`, `team`",
    Fact.FORM: "`form`",
    Fact.TAG: "`tags`, `labels`",
    Fact.CHANNEL: "`channel`, `via`; else `api`",
    Fact.LANGUAGE: "`language`, `locale`",
    Fact.PRODUCT_AREA: "`area`, `product_area`, `component`; a tag",
    Fact.PLAN: "`plan`, `segment`, `tier`; a tag",
    Fact.ACCOUNT: "`account_id`, `organization_id`, `company_id`",
    Fact.SPAM: "`spam`, `is_spam`",
    Fact.DOMAIN: "`customer_email`, `email`",
}
"""What of an entry rules of scope can ask."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every entry of one delivery shares."""

    event_id: str | None
    settings: SourceSettings
    received_at: datetime


def read(entry: JsonObject, name: str, reader: Callable[..., T]) -> T:
    """Apply a reader to the first synonym of a field that says anything; errors name that synonym."""
    found, value = first(entry, FIELDS[name])
    return reader(value, field=found)


def time_at(entry: JsonObject, name: str, context: Context) -> datetime | None:
    """Read a time of a field; it may not lie in the future."""
    found, value = first(entry, FIELDS[name])
    return past_instant_of(value, field=found, received_at=context.received_at, zone=context.settings.zone)
