"""What a tool sends in order, shuffled and repeated, ends in the same stored state as in order."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.sources.github import DELIVERY, EVENT
from models.sources.jira import IDENTIFIER
from models.sources.signature import SCHEMES, sign
from tests.clock import Clock
from tests.models.sources.examples import example
from tests.steps import walk
from workers.context import Context

SECRET = "a-secret-of-the-test"
START = 1772442900
Event = tuple[dict[str, str], dict[str, Any]]
"""Headers and body of one call."""


@pytest.fixture
def database(sqlite: Database) -> Database:
    """Order is the connectors' and the queries' matter, not the database's."""
    return sqlite


def body_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(example(name).data["body"])
    return found


def moment(step: int) -> str:
    return f"2026-03-02T09:15:{step:02d}Z"


def github() -> list[Event]:
    issue = {**body_of("github.issues_opened")["issue"], "body": "The import fails.", "labels": []}
    comment = {
        **body_of("github.issue_comment_created_maintainer")["comment"],
        "author_association": "NONE",
        "user": {"id": 810002, "type": "User"},
    }

    def about(step: int, **changed: object) -> dict[str, Any]:
        return {**issue, "updated_at": moment(step), **changed}

    def said(step: int, number: int, text: str) -> dict[str, Any]:
        return {**comment, "id": number, "body": text, "created_at": moment(2), "updated_at": moment(step)}

    calls: list[tuple[str, dict[str, Any]]] = [
        ("issues", {"action": "opened", "issue": about(1)}),
        ("issue_comment", {"action": "created", "issue": about(2), "comment": said(2, 1, "Me too.")}),
        ("issue_comment", {"action": "created", "issue": about(2), "comment": said(2, 2, "Spam.")}),
        ("issues", {"action": "edited", "issue": about(3, body="The import of 60 MB fails.")}),
        (
            "issue_comment",
            {"action": "edited", "issue": about(3), "comment": said(4, 1, "It fails for me too.")},
        ),
        ("issue_comment", {"action": "deleted", "issue": about(3), "comment": said(4, 2, "Spam.")}),
        (
            "issues",
            {"action": "closed", "issue": about(6, body="The import of 60 MB fails.", state="closed")},
        ),
    ]
    return [({EVENT: name, DELIVERY: f"d-{number}"}, payload) for number, (name, payload) in enumerate(calls)]


def slack() -> list[Event]:
    posted = body_of("slack.message_channel")
    event = {**posted["event"], "text": "Acme says the export fails."}
    other = {**event, "ts": "1772442899.000900", "text": "Lunch?"}

    def call(step: int, **inner: object) -> Event:
        return {}, {**posted, "event_id": f"Ev{step}", "event_time": START + step, "event": inner}

    def later(step: int, **inner: object) -> Event:
        stamp = f"{START + step}.000100"
        told = {"type": "message", "channel": event["channel"], "ts": stamp, "event_ts": stamp}
        return call(step, **told, **inner)

    edited = {**event, "text": "Acme says the CSV export fails."}
    return [
        call(0, **event),
        call(1, **{**event, "type": "app_mention"}),
        call(2, **other),
        later(3, subtype="message_changed", message=edited, previous_message=event),
        later(4, subtype="message_deleted", deleted_ts=other["ts"], previous_message=other),
    ]


def jira() -> list[Event]:
    created = body_of("jira.issue_created_jsm")
    skinny = {"id": created["issue"]["id"], "key": created["issue"]["key"], "fields": {"summary": "Slow"}}

    def issue(step: int, **fields: object) -> dict[str, Any]:
        held = {**created["issue"]["fields"], "updated": moment(step), **fields}
        return {**created["issue"], "fields": held}

    def said(step: int, number: str, text: str) -> dict[str, Any]:
        author = {"accountId": "5b000000", "accountType": "customer"}
        times = {"created": moment(2), "updated": moment(step)}
        return {"id": number, "author": author, "body": text, "jsdPublic": True, **times}

    text = {"description": "The dashboard takes 50 seconds."}
    done = {"status": {"name": "Resolved", "statusCategory": {"key": "done"}}}
    calls: list[dict[str, Any]] = [
        {"webhookEvent": "jira:issue_created", "issue": issue(1)},
        {"webhookEvent": "comment_created", "issue": skinny, "comment": said(2, "1", "Still slow.")},
        {"webhookEvent": "comment_created", "issue": skinny, "comment": said(2, "2", "Wrong ticket.")},
        {
            "webhookEvent": "jira:issue_updated",
            "issue": issue(3, **text),
            "changelog": {"items": [{"field": "description"}]},
        },
        {"webhookEvent": "comment_updated", "issue": skinny, "comment": said(4, "1", "Still very slow.")},
        {"webhookEvent": "comment_deleted", "issue": skinny, "comment": said(4, "2", "Wrong ticket.")},
        {
            "webhookEvent": "jira:issue_updated",
            "issue": issue(6, **text, **done),
            "changelog": {"items": [{"field": "status"}]},
        },
    ]
    return [
        ({IDENTIFIER: f"h-{number}"}, {"timestamp": (START + number) * 1000, **payload})
        for number, payload in enumerate(calls)
    ]


def intercom() -> list[Event]:
    created = body_of("intercom.conversation_user_created")
    item = created["data"]["item"]
    part = body_of("intercom.conversation_user_replied")["data"]["item"]["conversation_parts"][
        "conversation_parts"
    ][0]
    rating = body_of("intercom.conversation_rating_added")["data"]["item"]["conversation_rating"]

    def call(step: int, topic: str, *given: dict[str, Any], **changed: object) -> Event:
        at = START + step
        parts = [{**part, "created_at": at, **each} for each in given]
        held = {**item, "updated_at": at, **changed}
        held["conversation_parts"] = {"conversation_parts": parts}
        data = {"type": "notification_event_data", "item": held}
        return {}, {**created, "id": f"n-{step}", "topic": topic, "created_at": at, "data": data}

    closed = {"state": "closed", "open": False}
    admin = {"type": "admin", "id": "701"}
    return [
        call(1, "conversation.user.created"),
        call(2, "conversation.user.replied", {"id": "1", "body": "<p>On Wi-Fi, too.</p>"}),
        call(3, "conversation.user.replied", {"id": "2", "body": "<p>My password is x.</p>"}),
        call(4, "conversation.admin.replied", {"id": "3", "body": "<p>Sorry!</p>", "author": admin}),
        call(5, "conversation_part.redacted", {"id": "2", "body": "<p>deleted</p>", "redacted": True}),
        call(6, "conversation.admin.closed", {"id": "4", "body": None, "author": admin}, **closed),
        call(7, "conversation.rating.added", **closed, conversation_rating=rating),
    ]


SCRIPTS: dict[str, Callable[[], list[Event]]] = {
    "github": github,
    "intercom": intercom,
    "jira": jira,
    "slack": slack,
}


def deliver(
    client: TestClient, clock: Clock, context: Context, kind: str, events: list[Event], batch: int
) -> list[tuple[object, ...]]:
    """Send events signed, work after each `batch` of them; return what is stored."""
    made = client.post("/v1/sources", json={"kind": kind, "name": kind, "secret": SECRET}).json()
    scheme = SCHEMES[kind]
    for number, (headers, payload) in enumerate(events):
        body = json.dumps(payload).encode()
        sent = {**headers, "Authorization": ""}
        if scheme.timestamp_header:
            sent[scheme.timestamp_header] = str(int(clock.now.timestamp()))
        sent[scheme.header] = sign(scheme, secret=SECRET, body=body, headers=sent)
        assert client.post(made["ingest_url"], content=body, headers=sent).status_code == 202
        if number % batch == 0:
            walk(context)
    walk(context)
    found = client.get("/v1/feedback", params={"source": made["id"]}).json()["items"]
    health = client.get(f"/v1/sources/{made['id']}/health").json()
    assert (health["failures"], health["counts"]["waiting"]) == ([], 0)
    return sorted((one["external_id"], one["message_id"], one["text"]) for one in found)


TRUTH = {
    "github": {"0": "The import of 60 MB fails.", "1": "It fails for me too."},
    "intercom": {
        "0": "The mobile app logs me out every time I switch networks & I lose my draft.",
        "1": "On Wi-Fi, too.",
        "rating": "Still broken after the update.",
    },
    "jira": {"0": "The dashboard takes 50 seconds.", "1": "Still very slow."},
    "slack": {"0": "Acme says the CSV export fails."},
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", sorted(SCRIPTS))
def test_any_order_ends_alike(
    client: TestClient, clock: Clock, context: Context, kind: str, seed: int
) -> None:
    events = SCRIPTS[kind]()
    if seed:
        events = random.Random(seed).sample(events * 2, k=2 * len(events))
    stored = deliver(client, clock, context, kind, events, batch=1 + seed % 3)
    assert {message: text for _, message, text in stored} == TRUTH[kind]
    assert len(stored) == len(TRUTH[kind])


@pytest.mark.parametrize("kind", sorted(SCRIPTS))
def test_backwards_ends_alike(client: TestClient, clock: Clock, context: Context, kind: str) -> None:
    stored = deliver(client, clock, context, kind, SCRIPTS[kind]()[::-1], batch=1)
    assert {message: text for _, message, text in stored} == TRUTH[kind]
