"""JSON exports of records with their messages (Zendesk, Intercom, GitHub): one record in, a message each out."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

from models.sources import pull_github, pull_intercom, pull_zendesk
from models.sources.payload import JsonObject, object_or_empty
from models.sources.pull import PullParse, body_of, iso
from models.sources.source import SourceSettings
from models.values.feedback import FIRST_MESSAGE, FeedbackChange


def entries_of(
    record: JsonObject, *, settings: SourceSettings, received_at: datetime
) -> Iterator[JsonObject] | None:
    """Return our own JSON of a record's customers' messages; None where the object is no record of these tools.

    Raises `Invalid` where it is one and cannot be understood.
    """
    found = _zendesk(record) or _intercom(record) or _github(record)
    if found is None:
        return None
    parse, body = found
    changes = parse(body_of(body), headers={}, settings=settings, received_at=received_at)
    return (_entry(change) for change in changes if isinstance(change, FeedbackChange) and change.makes_item)


def _zendesk(record: JsonObject) -> tuple[PullParse, JsonObject] | None:
    if not {"id", "requester_id", "submitter_id", "description"} <= record.keys():
        return None
    users = [record[name] for name in ("requester", "submitter") if isinstance(record.get(name), dict)]
    comments = record.get("comments")
    ticket = {name: value for name, value in record.items() if name not in ("comments", "requester")}
    body: JsonObject = {
        "ticket": ticket,
        "users": users,
        "comments": comments if isinstance(comments, list) else [],
    }
    return pull_zendesk.parse, body


def _intercom(record: JsonObject) -> tuple[PullParse, JsonObject] | None:
    is_one = record.get("type") == "conversation" and isinstance(record.get("source"), dict)
    return (pull_intercom.parse, record) if is_one else None


def _github(record: JsonObject) -> tuple[PullParse, JsonObject] | None:
    """Read an issue of the REST API, or of `gh issue list --json`, whose names differ."""
    if not {"number", "title", "body"} <= record.keys() or "pull_request" in record:
        return None
    if "createdAt" not in record:
        return pull_github.parse, {"issue": record, "comments": []}
    author = object_or_empty(record.get("author"), field="author")
    issue: JsonObject = {
        **{name: record.get(name) for name in ("title", "body", "labels", "url")},
        "id": record["number"],
        "state": str(record.get("state") or "").lower() or None,
        "user": _user(author),
        "author_association": record.get("authorAssociation"),
        "created_at": record["createdAt"],
        "updated_at": record.get("updatedAt"),
    }
    comments = record.get("comments")
    held = (
        [_comment(each) for each in comments if isinstance(each, dict)] if isinstance(comments, list) else []
    )
    return pull_github.parse, {"issue": issue, "comments": held}


def _user(author: JsonObject) -> JsonObject:
    return {"id": author.get("login"), "type": "Bot" if author.get("is_bot") is True else "User"}


def _comment(comment: JsonObject) -> JsonObject:
    return {
        "id": comment.get("id"),
        "body": comment.get("body"),
        "user": _user(object_or_empty(comment.get("author"), field="comments.author")),
        "author_association": comment.get("authorAssociation"),
        "created_at": comment.get("createdAt"),
    }


def _entry(change: FeedbackChange) -> JsonObject:
    """Write a message as our own JSON."""
    times = {
        "created_at": change.created_at or change.occurred_at,
        "occurred_at": change.occurred_at,
        "updated_at": change.updated_at,
    }
    texts = {
        "external_id": change.external_id,
        "message_id": None if change.message_id == FIRST_MESSAGE else change.message_id,
        "subject": change.subject,
        "text": change.body,
        "author_role": change.author_role,
        "customer_id": change.customer_id,
        "customer_email": change.customer_email,
        "account_id": change.account_id,
        "plan": change.plan,
        "product_area": change.product_area,
        "channel": change.channel,
        "language": change.language,
        "status": change.status,
        "brand": change.brand,
        "group": change.group,
        "form": change.form,
    }
    entry: JsonObject = {name: iso(moment) for name, moment in times.items() if moment is not None}
    entry |= {name: str(value) for name, value in texts.items() if value is not None}
    if change.tags is not None:
        entry["tags"] = list(change.tags)
    if change.spam is not None:
        entry["spam"] = change.spam
    if change.rating is not None:
        entry["rating"] = {**asdict(change.rating), "kind": str(change.rating.kind)}
    return {**entry, "html": True} if change.body_is_html else entry
