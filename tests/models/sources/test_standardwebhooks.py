import json
import re
from pathlib import Path

import pytest

from models.errors import Invalid
from models.sources.source import settings_from
from models.sources.standardwebhooks import MESSAGE_ID, SOURCE
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    MetricChange,
    ReleaseChange,
    Status,
)
from tests.models.sources.examples import NOW, Example, assert_meant, examples, payload_of, read_all

EXAMPLES = [each for each in examples() if each.data["source"] == "standardwebhooks"]
PAYLOAD = payload_of("standardwebhooks.feedback_created")


def any_of(kind: str, data: object = None) -> Change:
    body = (
        str({"type": kind, "timestamp": PAYLOAD["timestamp"], "data": data or {}}).replace("'", '"').encode()
    )
    settings = settings_from(SOURCE.schemes, {})
    (change,) = SOURCE.parse(body, headers={MESSAGE_ID: "msg_1"}, settings=settings, received_at=NOW)
    return change


def one(kind: str, **data: object) -> FeedbackChange:
    payload = {**PAYLOAD, "type": kind, "data": {**PAYLOAD["data"], **data}}
    (change,) = read_all(SOURCE, payload, {MESSAGE_ID: "msg_1"})
    return change


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_examples_mean_what_they_should(each: Example) -> None:
    assert_meant(SOURCE, each)
    assert SOURCE.delivery_key(each.headers, each.body) == each.expected[0]["event_id"]


def test_the_page_shows_the_example() -> None:
    page = Path(__file__).parents[3] / "docs" / "connectors" / "standardwebhooks.md"
    (shown,) = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    assert json.loads(shown) == PAYLOAD


def test_there_is_one_example() -> None:
    assert len(EXAMPLES) == 1


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("feedback.created", Action.UPSERT),
        ("feedback.updated", Action.UPSERT),
        ("feedback", Action.UPSERT),
        ("ticket.deleted", Action.DELETE),
        ("feedback.redacted", Action.REDACT),
        ("conversation.merged", Action.MERGE),
        ("ticket.status_changed", Action.UPDATE_STATUS),
        ("Feedback.Deleted", Action.DELETE),
        ("feedback.answer.replied", Action.APPEND_MESSAGE),
    ],
)
def test_the_name_says_what_happened(kind: str, action: Action) -> None:
    change = one(kind, message_id="m2" if action is Action.APPEND_MESSAGE else None)
    assert (change.action, change.external_id, change.event_id) == (action, "fb_0001", "msg_1")
    if action in (Action.DELETE, Action.REDACT, Action.MERGE):
        assert (change.body, change.subject, change.customer_id) == (None, None, None)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("ticket.closed", Status.CLOSED),
        ("ticket.reopened", Status.OPEN),
        ("ticket.resolved", Status.RESOLVED),
    ],
)
def test_a_state_may_stand_in_the_name(kind: str, status: Status) -> None:
    payload = {**PAYLOAD, "type": kind, "data": {"id": "fb_0001"}}
    (change,) = read_all(SOURCE, payload)
    assert (change.action, change.status) == (Action.UPDATE_STATUS, status)
    assert one(kind, status="pending").status is Status.PENDING


def test_what_data_says_itself_goes_first() -> None:
    change = one("feedback.updated", action="redact", occurred_at="2026-03-02T08:00:00Z")
    assert change.action is Action.REDACT
    assert str(change.occurred_at) == "2026-03-02 08:00:00+00:00"


def test_a_further_message_has_an_id_of_its_own() -> None:
    said = one("message.created", external_id="fb_0001", message_id="m2", body="Still broken")
    assert (said.action, said.message_id, said.makes_item) == (Action.APPEND_MESSAGE, "m2", True)
    staff = one("reply.created", message_id="m3", author_role="agent")
    assert (staff.author_role, staff.makes_item) == (AuthorRole.AGENT, False)
    for kind in ("message.created", "message.deleted", "feedback.replied"):
        with pytest.raises(Invalid, match=r"data\.message_id is missing"):
            one(kind)
    (gone,) = read_all(SOURCE, {"type": "message.deleted", "data": {"ticket_id": 1, "message_id": "m2"}})
    assert (gone.action, gone.external_id, gone.message_id) == (Action.DELETE, "1", "m2")


def test_the_opening_text_is_the_first_message() -> None:
    assert one("feedback.created").message_id == FIRST_MESSAGE


def test_releases_metrics_and_pings() -> None:
    release = any_of("release.published", {"id": "r1", "name": "1.2", "type": "other"})
    assert isinstance(release, ReleaseChange)
    metric = any_of("metric.observed", {"metric": "nps", "value": 4, "occurred_at": "2026-03-01"})
    assert isinstance(metric, MetricChange)
    for name in ("ping", "test.sent"):
        ping = any_of(name)
        assert isinstance(ping, FeedbackChange)
        assert ping.action is Action.PING


@pytest.mark.parametrize("kind", ["invoice.paid", "user.created", "x"])
def test_other_events_of_the_stream_are_ignored(kind: str) -> None:
    change = any_of(kind, {"id": "1"})
    assert isinstance(change, FeedbackChange)
    assert (change.action, change.event_id) == (Action.IGNORE, "msg_1")


def test_the_signed_id_is_the_key() -> None:
    assert SOURCE.delivery_key({"Webhook-Id": "msg_9"}, b"x") == "msg_9"
    assert SOURCE.delivery_key({}, b"x").startswith("sha256:")
    assert SOURCE.handshake({}, b"{}") is None


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, "type is missing"),
        ({"type": "feedback.created"}, "external_id is missing"),
        ({"type": "feedback.created", "data": [1]}, "data must be an object"),
        ({"type": "feedback.created", "data": {"id": 1}}, "nothing to keep"),
    ],
)
def test_what_cannot_be_understood_says_why(payload: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read_all(SOURCE, payload)
