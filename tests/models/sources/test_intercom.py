import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from models.errors import Invalid
from models.sources.intercom import RATING, SOURCE, parse
from models.sources.source import settings_from
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, FeedbackChange, RatingKind, Status
from tests.models.sources.examples import NOW, example

CREATED = json.loads(example("intercom.conversation_user_created").data["body"])
REPLIED = json.loads(example("intercom.conversation_user_replied").data["body"])
RATED = json.loads(example("intercom.conversation_rating_added").data["body"])
PART = REPLIED["data"]["item"]["conversation_parts"]["conversation_parts"][0]
ADMIN = {"type": "admin", "id": "701", "name": "Agent", "email": "agent@example.com"}


def notification(topic: str, item: Mapping[str, Any]) -> dict[str, Any]:
    return {**CREATED, "topic": topic, "data": {"type": "notification_event_data", "item": item}}


def conversation(topic: str, **changed: object) -> dict[str, Any]:
    return notification(topic, {**CREATED["data"]["item"], **changed})


def parts(*given: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "conversation_part.list", "conversation_parts": [{**PART, **part} for part in given]}


def ticket(topic: str, **changed: object) -> dict[str, Any]:
    item = {
        "type": "ticket",
        "id": "7001",
        "ticket_id": "12",
        "category": "Customer",
        "ticket_attributes": {"_default_title_": "Refund", "_default_description_": "Charged twice."},
        "ticket_state": {
            "type": "ticket_state",
            "category": "in_progress",
            "internal_label": "With dev team",
        },
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "64be01"}]},
        "created_at": 1772442898,
        "updated_at": 1772442899,
        **changed,
    }
    return notification(topic, item)


def read(payload: object, **settings: object) -> list[FeedbackChange]:
    found = parse(
        json.dumps(payload).encode(),
        headers={},
        settings=settings_from(SOURCE.schemes, settings),
        received_at=NOW,
    )
    changes = [change for change in found if isinstance(change, FeedbackChange)]
    assert len(changes) == len(found)
    return changes


def test_a_reply_never_brings_the_opening_again() -> None:
    reply, opening = read(REPLIED)
    assert (reply.action, reply.message_id, reply.body) == (
        Action.APPEND_MESSAGE,
        "5001",
        "<p>It also happens on Wi-Fi.</p>",
    )
    assert reply.body_is_html
    assert (opening.message_id, opening.fallback) == (FIRST_MESSAGE, True)
    assert reply.customer_email == "customer21@example.com"


@pytest.mark.parametrize(
    ("author", "role"),
    [
        ({"type": "user"}, AuthorRole.CUSTOMER),
        ({"type": "lead"}, AuthorRole.CUSTOMER),
        ({"type": "contact"}, AuthorRole.CUSTOMER),
        ({"type": "admin"}, AuthorRole.AGENT),
        ({"type": "bot"}, AuthorRole.BOT),
        ({"type": "operator"}, AuthorRole.BOT),
        ({"type": "admin", "from_ai_agent": True}, AuthorRole.BOT),
        ({}, AuthorRole.BOT),
    ],
)
def test_who_wrote_a_part(author: dict[str, Any], role: AuthorRole) -> None:
    payload = conversation("conversation.user.replied", conversation_parts=parts({"author": author}))
    said = read(payload)[0]
    assert said.author_role is role
    assert said.makes_item is (role is AuthorRole.CUSTOMER)


def test_an_answer_of_the_ai_is_a_bots() -> None:
    payload = conversation("conversation.operator.replied", conversation_parts=parts({"is_ai_answer": True}))
    assert read(payload)[0].author_role is AuthorRole.BOT


def test_a_note_is_internal_and_carries_no_address() -> None:
    note = parts({"part_type": "note", "author": ADMIN})
    said = read(conversation("conversation.admin.noted", conversation_parts=note))[0]
    assert (said.is_public, said.customer_email, said.makes_item) == (False, None, False)
    assert said.customer_id == "64be0000000000000000aa01"


def test_a_staff_reply_to_an_unknown_conversation_brings_in_the_customers_text() -> None:
    payload = conversation("conversation.admin.replied", conversation_parts=parts({"author": ADMIN}))
    reply, opening = read(payload)
    assert not reply.makes_item
    assert (opening.fallback, opening.makes_item) == (True, True)


def test_several_parts_are_several_messages_at_their_own_times() -> None:
    later = {"id": "5002", "created_at": 1772442910, "body": "<p>Still.</p>"}
    payload = conversation("conversation.user.replied", conversation_parts=parts({}, later))
    first, second, _ = read(payload)
    assert [first.message_id, second.message_id] == ["5001", "5002"]
    assert second.occurred_at == datetime(2026, 3, 2, 9, 15, 10, tzinfo=UTC)


@pytest.mark.parametrize("body", [None, "", "  "])
def test_a_part_without_text_changes_the_record_only(body: str | None) -> None:
    closing = parts({"part_type": "close", "body": body, "author": ADMIN})
    payload = conversation("conversation.admin.closed", conversation_parts=closing, state="closed")
    change, opening = read(payload)
    assert (change.action, change.status, change.body) == (Action.UPDATE_STATUS, Status.CLOSED, None)
    assert opening.fallback


@pytest.mark.parametrize(
    ("state", "is_open", "status"),
    [
        ("open", True, Status.OPEN),
        ("snoozed", True, Status.PENDING),
        ("closed", False, Status.CLOSED),
        (None, True, Status.OPEN),
        (None, False, Status.CLOSED),
        (None, None, None),
    ],
)
def test_the_state_of_a_conversation(state: str | None, is_open: bool | None, status: Status | None) -> None:
    payload = conversation("conversation.admin.snoozed", state=state, open=is_open)
    assert read(payload)[0].status is status


def test_a_campaign_makes_no_item() -> None:
    source = {**CREATED["data"]["item"]["source"], "author": ADMIN, "delivered_as": "admin_initiated"}
    (opening,) = read(conversation("conversation.admin.single.created", source=source))
    assert (opening.author_role, opening.relayed, opening.makes_item) == (AuthorRole.AGENT, False, False)


def test_a_subject_is_text_and_a_mail_is_a_mail() -> None:
    source = {**CREATED["data"]["item"]["source"], "subject": "<p>Log &amp; out</p>", "type": "email"}
    (opening,) = read(conversation("conversation.user.created", source=source))
    assert (opening.subject, opening.channel) == ("Log & out", "email")


def test_a_placeholder_of_a_redacted_text_is_never_stored() -> None:
    gone = parts({"redacted": True, "body": "<p><i>This message was deleted</i></p>"})
    change, opening = read(conversation("conversation.admin.closed", conversation_parts=gone))
    assert (change.action, change.message_id, change.body) == (Action.REDACT, "5001", None)
    assert opening.fallback
    source = {**CREATED["data"]["item"]["source"], "redacted": True}
    (blank,) = read(conversation("conversation.user.created", source=source))
    assert (blank.action, blank.message_id) == (Action.REDACT, FIRST_MESSAGE)
    assert [c.fallback for c in read(conversation("conversation.admin.closed", source=source))] == [False]


def test_a_redaction_names_every_text_that_went() -> None:
    source = {**CREATED["data"]["item"]["source"], "redacted": True}
    held = parts({"redacted": True}, {"id": "5002"})
    payload = conversation("conversation_part.redacted", conversation_parts=held, source=source)
    assert [(c.action, c.message_id) for c in read(payload)] == [
        (Action.REDACT, "5001"),
        (Action.REDACT, FIRST_MESSAGE),
    ]
    unmarked = conversation("conversation_part.redacted", conversation_parts=parts({"id": "5002"}))
    assert [c.message_id for c in read(unmarked)] == ["5002"]
    (whole,) = read(conversation("conversation_part.redacted"))
    assert (whole.action, whole.message_id, whole.body, whole.subject) == (Action.REDACT, None, None, None)


def test_a_deletion_names_the_conversation_alone() -> None:
    (change,) = read(notification("conversation.deleted", {"type": "conversation", "conversation_id": "456"}))
    assert (change.action, change.external_id, change.message_id) == (Action.DELETE, "456", None)


def test_a_rating_without_a_remark_changes_the_record_only() -> None:
    rating = {**RATED["data"]["item"]["conversation_rating"], "remark": None}
    state, opening = read(conversation("conversation.rating.added", conversation_rating=rating))
    assert (state.action, state.body) == (Action.UPDATE_STATUS, None)
    assert state.rating is not None
    assert (state.rating.value, state.rating.kind) == (2, RatingKind.CSAT)
    assert opening.fallback
    assert opening.rating == state.rating


def test_a_remark_is_a_message_of_the_customer() -> None:
    _, remark = read(RATED)
    assert (remark.action, remark.message_id, remark.makes_item) == (Action.APPEND_MESSAGE, RATING, True)
    assert remark.customer_id == "64be0000000000000000aa01"


@pytest.mark.parametrize("value", [0, 6, None])
def test_a_rating_outside_the_scale_is_none(value: int | None) -> None:
    payload = conversation("conversation.rating.added", conversation_rating={"rating": value})
    assert read(payload)[0].rating is None


def test_tags_and_attributes_say_plan_and_area() -> None:
    tags = {"type": "tag.list", "tags": [{"id": "1", "name": "plan_pro"}, {"id": "2", "name": "area_sync"}]}
    payload = conversation("conversation.user.created", tags=tags, custom_attributes={"Plan": "Business"})
    (named,) = read(payload, area_tag_prefix="area_", plan_tag_prefix="plan_")
    assert (named.plan, named.product_area, named.tags) == ("Business", "sync", ("plan_pro", "area_sync"))
    (tagged,) = read(
        conversation("conversation.user.created", tags=tags, custom_attributes={"plan": True}),
        plan_tag_prefix="plan_",
    )
    assert tagged.plan == "pro"
    assert read(conversation("conversation.user.created", tags={"type": "tag.list"}))[0].tags == ()


def test_a_conversation_without_its_text_is_to_be_fetched() -> None:
    (change,) = read(notification("conversation.user.created", {"type": "conversation", "id": "9"}))
    assert (change.action, change.external_id, change.tags) == (Action.FETCH, "9", None)


def test_an_author_of_staff_leaves_the_contact_as_customer() -> None:
    source = {**CREATED["data"]["item"]["source"], "author": ADMIN}
    payload = conversation("conversation.admin.closed", source=source)
    assert read(payload)[0].customer_id == "64be0000000000000000aa01"
    assert (
        read({**payload, "data": {"item": {"id": "1", "contacts": {"contacts": []}}}})[0].customer_id is None
    )


def test_a_tickets_form_is_text_for_a_ticket_we_do_not_know() -> None:
    state, opening = read(ticket("ticket.created"))
    assert (state.action, state.external_id, state.status) == (Action.UPDATE_STATUS, "7001", Status.OPEN)
    assert (opening.subject, opening.body, opening.fallback) == ("Refund", "Charged twice.", True)
    assert (opening.author_role, opening.customer_id) == (AuthorRole.CUSTOMER, "64be01")


def test_a_ticket_that_staff_opened_is_relayed() -> None:
    held = {"type": "ticket_part.list", "ticket_parts": [{"id": "1", "author": ADMIN, "body": None}]}
    _, opening = read(ticket("ticket.created", ticket_parts=held))
    assert (opening.author_role, opening.relayed, opening.makes_item) == (AuthorRole.AGENT, True, True)


@pytest.mark.parametrize("category", ["Back-office", "Tracker"])
def test_the_teams_own_tickets_are_ignored(category: str) -> None:
    assert [c.action for c in read(ticket("ticket.created", category=category))] == [Action.IGNORE]
    assert not any(c.fallback for c in read(ticket("ticket.state.updated", category=category)))


def test_a_ticket_without_text_is_to_be_fetched() -> None:
    (change,) = read(ticket("ticket.created", ticket_attributes={}))
    assert change.action is Action.FETCH


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({"category": "waiting_on_customer"}, Status.PENDING),
        ({"category": "resolved", "internal_label": "Done"}, Status.RESOLVED),
        ("submitted", Status.OPEN),
        (None, None),
        ("lost", None),
    ],
)
def test_the_state_of_a_ticket(state: object, status: Status | None) -> None:
    assert read(ticket("ticket.state.updated", ticket_state=state))[0].status is status


def test_a_contacts_reply_to_a_ticket_is_a_message() -> None:
    part = {**PART, "type": "ticket_part", "id": "88"}
    held = {"type": "ticket_part.list", "ticket_parts": [part]}
    said = read(ticket("ticket.contact.replied", ticket_parts=held))[0]
    assert (said.message_id, said.makes_item, said.external_id) == ("88", True, "7001")
    wrapped = notification(
        "ticket.contact.replied", {"ticket": ticket("x")["data"]["item"], "ticket_part": part}
    )
    assert read(wrapped)[0].message_id == "88"


def test_topics_that_are_not_feedback_are_ignored() -> None:
    for topic in ("contact.user.created", "company.created", "ping"):
        assert [c.action for c in read({**CREATED, "topic": topic})] == [Action.IGNORE]


def test_only_a_ping_is_answered() -> None:
    assert SOURCE.handshake({}, example("intercom.ping").body) is not None
    assert SOURCE.handshake({}, example("intercom.conversation_user_created").body) is None
    assert SOURCE.handshake({}, b"[") is None


def test_a_body_without_an_id_has_its_digest_as_key() -> None:
    assert SOURCE.delivery_key({}, b"{}").startswith("sha256:")
    assert SOURCE.delivery_key({}, b"[").startswith("sha256:")


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "topic"),
        ({"topic": "conversation.user.created"}, "data"),
        (notification("conversation.user.created", {}), "data.item.id"),
        (
            conversation("conversation.user.replied", conversation_parts=parts(*[{}] * 501)),
            "data.item.conversation_parts",
        ),
        (conversation("conversation.user.replied", conversation_parts=parts({"id": None})), "part.id"),
    ],
)
def test_what_cannot_be_understood_is_named(payload: object, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(payload)
    assert caught.value.field == field


def test_the_ids_of_parts_are_exact_and_the_opening_has_one_of_its_own() -> None:
    (redacted,) = read(json.loads(example("intercom.conversation_part_redacted").data["body"]))
    assert redacted.exact_ids
    assert read(CREATED)[0].opener_id == "990001"
