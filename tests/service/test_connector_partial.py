"""A partial event over HTTP never loses what is stored; one that tells of no words empties it."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.sources.registry import SOURCES
from tests.clock import Clock
from tests.models.sources.examples import payload_of
from tests.service.desk import Desk
from workers.context import Context

Call = tuple[dict[str, Any], dict[str, str]]
LATER = "2026-03-02T09:15:10Z"


@pytest.fixture
def database(sqlite: Database) -> Database:
    """Connectors do not know which database there is; that both take what they write is shown elsewhere."""
    return sqlite


@pytest.fixture
def desk(
    client: TestClient, context: Context, clock: Clock, request: pytest.FixtureRequest
) -> Iterator[Desk]:
    kind, _, scheme = request.param.partition("/")
    made = Desk(client, context, clock, kind, scheme or SOURCES[kind].schemes[0])
    yield made
    assert made.failures() == []


def linear(number: int, action: str, before: object = None, **data: object) -> Call:
    base = payload_of("linear.issue_create")
    held = {**base["data"], "updatedAt": f"2026-03-02T09:15:{10 + number}.000Z", **data}
    created = f"2026-03-02T09:15:{10 + number}.000Z"
    return {**base, "action": action, "updatedFrom": before, "data": held, "createdAt": created}, {
        "Linear_Delivery": str(number)
    }


def zendesk(number: int, kind: str, event: object = None, **detail: object) -> Call:
    base = payload_of("zendesk.event_ticket_created")
    moment = f"2026-03-02T09:15:{10 + number}Z"
    held = {**base["detail"], "updated_at": moment, **detail}
    more = {"id": f"e{number}", "type": f"zen:event-type:ticket.{kind}", "time": moment, "event": event or {}}
    return {**base, **more, "detail": held}, {}


def jira(number: int, kind: str, **comment: object) -> Call:
    base = payload_of("jira.issue_created_jsm")
    moment = f"2026-03-02T10:15:{10 + number}.000+0100"
    reporter = base["issue"]["fields"]["reporter"]
    held = {"id": "10500", "author": reporter, "updated": moment, **comment}
    stamp = base["timestamp"] + 1000 * number
    return {**base, "timestamp": stamp, "webhookEvent": kind, "comment": held}, {
        "X_Atlassian_Webhook_Identifier": f"h{number}"
    }


def github(number: int, action: str, **issue: object) -> Call:
    base = payload_of("github.issues_opened")
    held = {**base["issue"], "updated_at": f"2026-03-02T09:15:{10 + number}Z", **issue}
    headers = {"X_GitHub_Event": "issues", "X_GitHub_Delivery": str(number)}
    return {**base, "action": action, "issue": held}, headers


def helpscout(number: int, **thread: object) -> Call:
    base = payload_of("helpscout.convo_customer_reply")
    held = {**base["_embedded"]["threads"][0], **thread}
    moment = f"2026-03-02T09:15:{10 + number}Z"
    more = {"userUpdatedAt": moment, "_embedded": {"threads": [held]}}
    return {**base, **more}, {"X_HelpScout_Event": "convo.status"}


def discourse(number: int, event: str, **post: object) -> Call:
    base = payload_of("discourse.post_created")["post"]
    held = {**base, "updated_at": f"2026-03-02T09:15:{10 + number}Z", **post}
    headers = {
        "X_Discourse_Event": event,
        "X_Discourse_Event_Type": "post",
        "X_Discourse_Event_Id": str(number),
    }
    return {"post": held}, headers


def front(number: int, **message: object) -> Call:
    base = payload_of("front.rule_inbound")
    data = {**base["target"]["data"], "id": "msg_9", **message}
    target = {**base["target"], "data": data}
    return {**base, "id": f"evt_{number}", "emitted_at": base["emitted_at"] + number, "target": target}, {}


def slack(number: int, **message: object) -> Call:
    base = payload_of("slack.message_channel")
    posted = base["event"]
    stamp = f"{1772442898 + number}.000200"
    edited = {**posted, "subtype": None, **message}
    event = {**posted, "subtype": "message_changed", "event_ts": stamp, "message": edited}
    return {**base, "event_id": f"Ev{number}", "event": event}, {}


def freshdesk(number: int, **fields: object) -> Call:
    ticket = {"ticket_id": "8841", "subject": "Wrong VAT", "event": "created", "status": "Open"}
    return {**ticket, "updated_at": f"2026-03-02T09:15:{10 + number}Z", **fields}, {}


def less(call: Call, *path: str) -> Call:
    """Leave a member out."""
    payload, headers = call
    held = payload
    for step in path[:-1]:
        held = held[step] if isinstance(held, dict) else held[int(step)]
    del held[path[-1]]
    return payload, headers


COMMENT = {"comment": {"id": "991", "author": {"id": "8800000000101", "is_staff": False}, "is_public": True}}
SAID = {"comment": {**COMMENT["comment"], "body": "It fails for us too."}}

CASES: dict[str, tuple[str, Call, Call, Call | None]] = {
    "an issue is renamed": (
        "linear",
        linear(1, "create"),
        less(linear(2, "update", {"title": "x"}, title="Another title"), "data", "description"),
        linear(3, "update", {"description": "x"}, description=None),
    ),
    "a ticket has another requester": (
        "zendesk",
        zendesk(1, "created"),
        less(zendesk(2, "requester_changed"), "detail", "description"),
        zendesk(3, "description_changed", description=""),
    ),
    "a ticket comes back": (
        "zendesk",
        zendesk(1, "created"),
        less(zendesk(2, "undeleted"), "detail", "description"),
        None,
    ),
    "a comment is told again": (
        "zendesk",
        zendesk(1, "comment_added", SAID),
        zendesk(2, "comment_added", COMMENT),
        None,
    ),
    "a comment is shown to others": (
        "jira",
        jira(1, "comment_created", body="It fails for us too."),
        jira(2, "comment_updated", jsdPublic=True),
        jira(3, "comment_updated", body=""),
    ),
    "an issue is edited": (
        "github",
        github(1, "opened"),
        less(github(2, "edited", title="Another title"), "issue", "body"),
        github(3, "edited", body=None),
    ),
    "a conversation changes": (
        "helpscout",
        helpscout(1),
        less(helpscout(2), "_embedded", "threads", "0", "body"),
        helpscout(3, body=""),
    ),
    "a post is edited": (
        "discourse",
        discourse(1, "post_created"),
        less(less(discourse(2, "post_edited"), "post", "raw"), "post", "cooked"),
        discourse(3, "post_edited", raw=""),
    ),
    "a message is told by its beginning": (
        "front/front_rule",
        front(1, text="Still nothing after ten days."),
        front(2, text=None, body=None, blurb="Still nothing"),
        None,
    ),
    "a message is told without its text": (
        "front/front_rule",
        front(1, text="Still nothing after ten days."),
        front(2, text=None, body=None, blurb=None),
        None,
    ),
    "a post is changed": (
        "slack",
        slack(1),
        less(slack(2), "event", "message", "text"),
        slack(3, text="", blocks=[]),
    ),
    "a rule sends few fields": (
        "freshdesk",
        freshdesk(1, description="The invoice shows 19%."),
        freshdesk(2, subject="Wrong VAT again"),
        None,
    ),
    "a placeholder is empty": (
        "freshdesk",
        freshdesk(1, description="The invoice shows 19%."),
        freshdesk(2, description=""),
        None,
    ),
}


@pytest.mark.parametrize(
    ("desk", "whole", "partial", "emptied"), CASES.values(), ids=CASES, indirect=["desk"]
)
def test_a_partial_event_never_loses_what_is_stored(
    desk: Desk, whole: Call, partial: Call, emptied: Call | None
) -> None:
    desk.send(whole[0], **whole[1])
    before = desk.texts()
    assert all(before.values())
    assert before
    desk.send(partial[0], **partial[1])
    after = desk.texts()
    assert {message: after[message] for message in before} == before
    if emptied is not None:
        desk.send(emptied[0], **emptied[1])
        after = desk.texts()
        assert {after[message] for message in before} == {""}


@pytest.mark.parametrize("desk", ["linear"], indirect=True)
def test_a_new_title_is_taken_without_a_description(desk: Desk) -> None:
    for payload, headers in CASES["an issue is renamed"][1:3]:  # type: ignore[misc]
        desk.send(payload, **headers)
    (item,) = desk.listed()
    assert (item["subject"], item["text"]) == (
        "Another title",
        "A customer asks to see failed deliveries.",
    )


@pytest.mark.parametrize("desk", ["freshdesk"], indirect=True)
def test_a_text_that_nobody_told_yet_is_brought_along_later(desk: Desk) -> None:
    desk.send(freshdesk(1)[0])
    assert desk.texts() == {"0": ""}
    desk.send(freshdesk(2, event="updated", description="The invoice shows 19%.")[0])
    assert desk.texts() == {"0": "The invoice shows 19%."}
