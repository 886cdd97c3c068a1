"""What an Intercom conversation or ticket holds: its contacts, authors, tags, attributes and rating."""

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape

from models.sources.paths import first_of
from models.sources.payload import (
    JsonObject,
    channel_of,
    id_of,
    language_of,
    number_of,
    object_or_empty,
    plan_of,
    short_of,
    tags_of,
    text_of,
)
from models.sources.source import SourceSettings, tagged
from models.values.feedback import AuthorRole, FeedbackChange, Rating, RatingKind

_ROLES: Mapping[str, AuthorRole] = {
    **dict.fromkeys(("user", "lead", "contact", "visitor"), AuthorRole.CUSTOMER),
    **dict.fromkeys(("admin", "team", "teammate"), AuthorRole.AGENT),
}

_CHANNELS: Mapping[str, str] = {
    **dict.fromkeys(("conversation", "in_app", "push", "messenger", "chat"), "chat"),
    **dict.fromkeys(("phone_call", "phone_switch"), "phone"),
}
_NAMES: Mapping[str, tuple[str, ...]] = {
    "area": ("product area", "product_area", "area"),
    "plan": ("plan", "plan name", "plan_name", "tier"),
    "account": ("account id", "account_id", "company id", "company_id", "account", "company"),
    "brand": ("brand",),
    "language": ("language", "locale"),
}
"""Our field -> the names of attributes it is read from, the first that holds a plain value wins."""

_SUBJECT_TAG = re.compile(r"<[^<>]{0,200}>")


def record_of(item: JsonObject) -> JsonObject:
    """Return the conversation or ticket itself, which some topics wrap beside the part that caused them."""
    for name in ("ticket", "conversation"):
        inner = item.get(name)
        if isinstance(inner, dict):
            part = item.get(f"{name}_part")
            parts = {f"{name}_parts": {f"{name}_parts": [part]}} if part else {}
            return {**inner, **parts}
    return item


def source_in(item: JsonObject) -> JsonObject:
    """Return what opened a conversation: its text, author and channel; {} where there is none."""
    return object_or_empty(item.get("source"), field="data.item.source")


def word_of(value: object, *, field: str) -> str:
    """Return a code word in lower case, empty for null."""
    return (short_of(value, field=field) or "").lower()


def described(
    known: FeedbackChange, item: JsonObject, attributes: JsonObject, settings: SourceSettings
) -> FeedbackChange:
    """Add what an item says of its record beside times, texts and state: whose it is, where from, what about."""
    tags = tags_in(item)
    channel = word_of(source_in(item).get("type"), field="data.item.source.type")

    def named(name: str) -> object:
        return _named(attributes, _NAMES[name])

    def short(name: str) -> str | None:
        return short_of(named(name), field="data.item.custom_attributes")

    return replace(
        known,
        customer_id=customer_in(item),
        account_id=first_of(item, "company_id", "company.id") or short("account"),
        channel=_CHANNELS.get(channel) or channel_of(channel, field="data.item.source.type"),
        language=language_of(named("language"), field="data.item.custom_attributes"),
        tags=tags,
        plan=plan_of(named("plan"), field="data.item.custom_attributes")
        or tagged(tags, settings.plan_tag_prefix),
        product_area=short("area") or tagged(tags, settings.area_tag_prefix),
        rating=rating_in(item),
        brand=first_of(item, "brand", "brand_id") or short("brand"),
        group=first_of(item, "team_assignee_id"),
        form=first_of(item, "ticket_type"),
    )


def _named(attributes: JsonObject, names: tuple[str, ...]) -> object:
    """Return the first attribute of one of these names, whatever their case, that is a plain value."""
    known = {name.strip().lower(): value for name, value in attributes.items()}
    found = (known[name] for name in names if name in known)
    return next((value for value in found if type(value) in (str, int)), None)


def tags_in(item: JsonObject) -> tuple[str, ...] | None:
    """Return the names of the tags; None where the item says nothing of tags."""
    held = object_or_empty(item.get("tags"), field="data.item.tags")
    found = held.get("tags")
    if not isinstance(found, list):
        return None if "tags" not in item else ()
    names = [object_or_empty(tag, field="data.item.tags").get("name") for tag in found]
    return tags_of([name for name in names if name is not None], field="data.item.tags")


def customer_in(item: JsonObject) -> str | None:
    """Return the contact who opened the record, else the first contact in it."""
    author = object_or_empty(source_in(item).get("author"), field="data.item.source.author")
    if role_of(author) is AuthorRole.CUSTOMER:
        return id_of(author.get("id"), field="data.item.source.author.id")
    contacts = object_or_empty(item.get("contacts"), field="data.item.contacts").get("contacts")
    if not isinstance(contacts, list) or not contacts:
        return None
    return id_of(
        object_or_empty(contacts[0], field="data.item.contacts").get("id"), field="data.item.contacts.id"
    )


def role_of(author: JsonObject) -> AuthorRole:
    """Return who an author is; anything but a person, and any answer an AI wrote, is a bot."""
    if author.get("from_ai_agent") is True or author.get("is_ai_answer") is True:
        return AuthorRole.BOT
    return _ROLES.get(word_of(author.get("type"), field="author.type"), AuthorRole.BOT)


def rating_in(item: JsonObject) -> Rating | None:
    """Return the customer's rating on Intercom's scale of 1 to 5; None where there is none."""
    held = object_or_empty(item.get("conversation_rating"), field="data.item.conversation_rating")
    value = number_of(held.get("rating"), field="data.item.conversation_rating.rating")
    if value is None or not 1 <= value <= 5:
        return None
    return Rating(value=value, scale_min=1, scale_max=5, kind=RatingKind.CSAT)


def subject_of(value: object) -> str | None:
    """Return a subject as text: Intercom's may be HTML."""
    found = text_of(value, field="data.item.source.subject")
    return None if found is None else unescape(_SUBJECT_TAG.sub("", found)).strip()
