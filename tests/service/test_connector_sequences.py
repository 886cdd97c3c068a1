"""Several events of one record over HTTP, as desks, forms and forums send them: what is left at the end."""

from collections.abc import Iterator
from itertools import permutations

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.sources.registry import SOURCES
from tests.clock import Clock
from tests.models.sources.examples import payload_of
from tests.service.desk import Desk
from workers.context import Context


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


CONVERSATION = payload_of("helpscout.convo_customer_reply")
REPLY, ANSWER = CONVERSATION["_embedded"]["threads"]
OPENING = {**REPLY, "id": 60000, "body": "I cannot invite anybody.", "createdAt": CONVERSATION["createdAt"]}
STEPS = {
    "convo.created": {**CONVERSATION, "_embedded": {"threads": [OPENING]}},
    "convo.customer.reply.created": CONVERSATION,
    "convo.status": {
        **CONVERSATION,
        "status": "closed",
        "closedAt": "2026-03-02T09:15:10Z",
        "_embedded": {"threads": [REPLY, ANSWER, OPENING]},
    },
}


@pytest.mark.parametrize("desk", ["helpscout"], indirect=True)
@pytest.mark.parametrize("order", list(permutations(STEPS)))
def test_a_help_scout_conversation_is_the_same_whatever_arrives_first(desk: Desk, order: list[str]) -> None:
    for event in order:
        assert desk.send(STEPS[event], X_HelpScout_Event=event) == "accepted"
        assert desk.send(STEPS[event], X_HelpScout_Event=event) == "duplicate"
    assert desk.texts() == {"0": "I cannot invite anybody.", "60002": "Now the invite mail never arrives."}


@pytest.mark.parametrize("desk", ["helpscout"], indirect=True)
@pytest.mark.parametrize("lost", list(STEPS)[:2])
def test_a_later_event_makes_good_for_a_lost_one(desk: Desk, lost: str) -> None:
    for event in STEPS:
        if event != lost:
            desk.send(STEPS[event], X_HelpScout_Event=event)
    assert set(desk.texts()) == {"0", "60002"}
    assert {item["status"] for item in desk.items().values()} == {"closed"}


@pytest.mark.parametrize("desk", ["helpscout"], indirect=True)
def test_a_deleted_help_scout_conversation_stays_away(desk: Desk) -> None:
    desk.send(STEPS["convo.created"], X_HelpScout_Event="convo.created")
    desk.send({"id": 990001}, X_HelpScout_Event="convo.deleted")
    assert desk.items() == {}
    desk.send(CONVERSATION, X_HelpScout_Event="convo.customer.reply.created")
    assert desk.items() == {}


POST = payload_of("discourse.post_created")["post"]
FIRST = {**POST, "id": 4100, "post_number": 1, "user_id": 332, "raw": "Please add a **dark mode**."}


def discourse(desk: Desk, event: str, number: int, **payload: object) -> None:
    kind = next(iter(payload))
    desk.send(payload, X_Discourse_Event=event, X_Discourse_Event_Type=kind, X_Discourse_Event_Id=str(number))


@pytest.mark.parametrize("desk", ["discourse"], indirect=True)
def test_a_forum_topic_from_its_first_post_to_its_return(desk: Desk) -> None:
    topic = {"id": 901, "title": "Dark mode", "closed": False, "tags": ["ui"]}
    discourse(desk, "topic_created", 1, topic=topic)
    discourse(desk, "post_created", 2, post=FIRST)
    discourse(desk, "post_created", 3, post=POST)
    discourse(desk, "post_created", 4, post={**POST, "id": 4102, "staff": True, "raw": "We look into it."})
    assert desk.texts() == {"0": "Please add a dark mode.", "4101": "Dark mode makes charts unreadable."}
    edited = {**FIRST, "raw": "Please add dark mode soon.", "updated_at": "2026-03-02T09:15:20Z"}
    discourse(desk, "post_edited", 5, post=edited)
    discourse(desk, "post_destroyed", 6, post={**POST, "deleted_at": "2026-03-02T09:15:25Z"})
    assert desk.texts() == {"0": "Please add dark mode soon."}
    gone = {"deleted_at": "2026-03-02T09:15:28Z"}
    discourse(desk, "post_destroyed", 7, post={**edited, **gone})
    discourse(desk, "topic_destroyed", 8, topic={**topic, **gone})
    assert desk.items() == {}
    discourse(desk, "topic_recovered", 9, topic=topic)
    discourse(desk, "post_recovered", 10, post=edited)
    assert desk.texts()["0"] == "Please add dark mode soon."


INBOUND = payload_of("front.rule_inbound")


def front(desk: Desk, kind: str, number: int, status: str, **message: object) -> None:
    data = {**INBOUND["target"]["data"], **message}
    conversation = {**INBOUND["conversation"], "status": status}
    emitted = INBOUND["emitted_at"] + number
    desk.send(
        {
            **INBOUND,
            "id": f"evt_{number}",
            "type": kind,
            "emitted_at": emitted,
            "conversation": conversation,
            "target": {**INBOUND["target"], "data": data},
        }
    )


@pytest.mark.parametrize("desk", ["front/front_rule"], indirect=True)
def test_a_front_conversation_from_its_first_message_to_the_bin(desk: Desk) -> None:
    opened = INBOUND["conversation"]["created_at"]
    front(desk, "inbound", 1, "unassigned", created_at=opened, text="Where is my refund?", id="msg_1")
    front(desk, "outbound", 2, "assigned", is_inbound=False, text="It is on its way.", id="msg_2")
    front(desk, "inbound", 3, "unassigned", id="msg_3", body=None, text=None, blurb="Still nothing")
    front(desk, "inbound", 4, "unassigned", id="msg_3", body=None, text="Still nothing after ten days.")
    front(desk, "comment", 5, "unassigned", id="com_1", body="Ask finance", text=None)
    assert desk.texts() == {"0": "Where is my refund?", "msg_3": "Still nothing after ten days."}
    front(desk, "archive", 6, "archived")
    assert {item["status"] for item in desk.items().values()} == {"closed"}
    front(desk, "trash", 7, "deleted")
    assert desk.items() == {}


TICKET = {
    "ticket_id": "8841",
    "subject": "Wrong VAT",
    "status": "Open",
    "source": "Email",
    "requester_email": "customer30@example.com",
    "description": "<p>The invoice shows 19% instead of 21%.</p>",
}


@pytest.mark.parametrize("desk", ["freshdesk"], indirect=True)
def test_a_freshdesk_reply_may_come_before_its_ticket(desk: Desk) -> None:
    desk.send({**TICKET, "event": "requester_reply", "latest_public_comment": "It is still wrong in March."})
    desk.send({**TICKET, "event": "created"})
    desk.send({**TICKET, "event": "requester_reply", "latest_public_comment": "It is still wrong in March. "})
    texts = desk.texts()
    assert texts.pop("0") == "The invoice shows 19% instead of 21%."
    assert list(texts.values()) == ["It is still wrong in March."]
    desk.send({"ticket_id": 8841, "event": "updated", "status": "Resolved"})
    assert {item["status"] for item in desk.items().values()} == {"resolved"}
    desk.send({**TICKET, "event": "spam"})
    assert {item["excluded_by"] for item in desk.items().values()} == {"called_spam"}
    desk.send({**TICKET, "event": "deleted"})
    assert desk.items() == {}


@pytest.mark.parametrize("desk", ["typeform"], indirect=True)
def test_a_typeform_response_sent_again_is_a_copy(desk: Desk) -> None:
    payload = payload_of("typeform.form_response_nps")
    partial = {**payload, "event_type": "form_response_partial"}
    assert desk.send(partial) == "accepted"
    assert desk.items() == {}
    assert desk.send(payload) == "accepted"
    assert desk.send({**payload, "event_id": "another"}) == "duplicate"
    (item,) = desk.items().values()
    assert item["rating"] == {"value": 4, "scale_min": 0, "scale_max": 10, "kind": "nps"}


@pytest.mark.parametrize("desk", ["linear"], indirect=True)
def test_a_linear_request_from_its_filing_to_its_removal(desk: Desk) -> None:
    need, issue = payload_of("linear.customer_need_create"), payload_of("linear.issue_create")
    desk.send(issue, Linear_Delivery="1")
    desk.send(need, Linear_Delivery="2")
    assert desk.send(need, Linear_Delivery="2") == "duplicate"
    vote = {**need, "data": {**need["data"], "id": "n2", "body": None}}
    desk.send(vote, Linear_Delivery="3")
    roles = {"agent": "A customer asks to see failed deliveries.", "customer": need["data"]["body"]}
    assert {item["author_role"]: item["text"] for item in desk.listed()} == roles
    for number, each in enumerate((need, issue), start=4):
        desk.send({**each, "action": "remove"}, Linear_Delivery=str(number))
    assert desk.items() == {}


@pytest.mark.parametrize("desk", ["standardwebhooks"], indirect=True)
def test_a_stream_of_standard_webhooks(desk: Desk) -> None:
    payload = payload_of("standardwebhooks.feedback_created")
    desk.send(payload)
    message = {"external_id": "fb_0001", "message_id": "m2", "body": "It loops on Safari as well."}
    desk.send({"type": "message.created", "timestamp": "2026-03-02T09:20:00Z", "data": message})
    desk.send({"type": "invoice.paid", "data": {"id": "in_1"}})
    assert desk.texts() == {"0": "Login loops after SSO.", "m2": "It loops on Safari as well."}
    desk.send({"type": "ticket.closed", "timestamp": "2026-03-02T09:21:00Z", "data": {"id": "fb_0001"}})
    assert {item["status"] for item in desk.items().values()} == {"closed"}
    redacted = {"type": "message.redacted", "timestamp": "2026-03-02T09:22:00Z", "data": message}
    desk.send(redacted)
    assert desk.texts() == {"0": "Login loops after SSO."}
