import json
from datetime import UTC, datetime

import pytest

from models.errors import Invalid
from models.sources.helpscout import EVENT, SOURCE
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, FeedbackChange, Status
from tests.models.sources.examples import Example, assert_meant, examples, payload_of, read_all

EXAMPLES = [each for each in examples() if each.data["source"] == "helpscout"]
CONVERSATION = payload_of("helpscout.convo_customer_reply")
REPLY, ANSWER = CONVERSATION["_embedded"]["threads"]
OPENING = {
    **REPLY,
    "id": 60000,
    "body": "Cannot invite <b>anybody</b>",
    "createdAt": CONVERSATION["createdAt"],
}


def read(event: str, payload: object, **settings: object) -> list[FeedbackChange]:
    return read_all(SOURCE, payload, {EVENT: event}, **settings)


def conversation(*threads: dict, **more: object) -> dict:
    return {**CONVERSATION, **more, "_embedded": {"threads": list(threads)}}


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_examples_mean_what_they_should(each: Example) -> None:
    assert_meant(SOURCE, each)


def test_there_are_two_examples() -> None:
    assert len(EXAMPLES) == 2


def test_the_thread_with_the_conversations_time_opens_it() -> None:
    (opening,) = read("convo.created", conversation(OPENING))
    assert (opening.action, opening.message_id, opening.makes_item) == (Action.UPSERT, FIRST_MESSAGE, True)
    assert (opening.body, opening.body_is_html) == ("Cannot invite <b>anybody</b>", True)


def test_a_reply_brings_along_what_else_the_customer_wrote() -> None:
    reply, opening = read("convo.customer.reply.created", conversation(ANSWER, OPENING, REPLY))
    assert (reply.message_id, reply.action) == ("60002", Action.APPEND_MESSAGE)
    assert (opening.message_id, opening.occurred_at) == (
        FIRST_MESSAGE,
        datetime(2026, 3, 1, 18, 2, 11, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "event",
    [
        "convo.status",
        "convo.assigned",
        "convo.moved",
        "convo.tags",
        "convo.custom-fields",
        "convo.agent.reply.created",
        "convo.note.created",
    ],
)
def test_any_other_event_updates_and_heals(event: str) -> None:
    note = {**ANSWER, "id": 60003, "type": "note", "body": "Known bug"}
    record, *messages = read(event, conversation(note, REPLY, ANSWER, status="closed"))
    assert (record.action, record.status, record.body) == (Action.UPDATE_STATUS, Status.CLOSED, None)
    assert [each.message_id for each in messages] == ["60002"]


@pytest.mark.parametrize(
    "thread",
    [
        {"type": "note"},
        {"type": "message"},
        {"type": "lineitem"},
        {"type": "forwardparent"},
        {"state": "draft"},
        {"state": "hidden"},
        {"createdBy": {"id": 3, "type": "user"}},
        {"type": "message", "createdBy": {"id": 3, "type": "user"}},
        {"type": "chat", "createdBy": {"id": 3, "type": "user"}},
    ],
)
def test_staff_notes_and_drafts_are_never_a_customers(thread: dict) -> None:
    found = read("convo.customer.reply.created", conversation({**REPLY, **thread}))
    assert not any(each.makes_item for each in found)
    assert [each.action for each in found] == [Action.UPDATE_STATUS]


def test_a_call_is_relayed_by_staff() -> None:
    call = {**OPENING, "type": "phone", "createdBy": {"id": 3, "type": "user"}}
    (change,) = read("convo.created", conversation(call, type="phone"))
    assert (change.author_role, change.relayed, change.channel) == (AuthorRole.AGENT, True, "phone")
    assert change.makes_item
    assert change.customer_id == "7001"


def test_a_text_is_as_new_as_the_conversation_that_shows_it() -> None:
    (reply,) = read("convo.customer.reply.created", conversation(REPLY, closedAt="2026-03-02T09:15:10Z"))
    assert reply.occurred_at == datetime(2026, 3, 2, 9, 14, 58, tzinfo=UTC)
    assert reply.updated_at == datetime(2026, 3, 2, 9, 15, 10, tzinfo=UTC)
    edited = {**REPLY, "updatedAt": "2026-03-02T09:15:20Z"}
    (reply,) = read("convo.customer.reply.created", conversation(edited))
    assert reply.updated_at == datetime(2026, 3, 2, 9, 15, 20, tzinfo=UTC)


def test_another_person_in_the_conversation() -> None:
    other = {**REPLY, "createdBy": {"id": 7002, "type": "customer", "email": "b@example.com"}}
    (change,) = read("convo.customer.reply.created", conversation(other))
    assert (change.customer_id, change.customer_email) == ("7002", "b@example.com")
    (same,) = read("convo.customer.reply.created", conversation(REPLY))
    assert (same.customer_id, same.customer_email) == ("7001", "customer51@example.com")


def test_without_threads_the_beginning_is_stored_and_the_rest_asked_for() -> None:
    opening, asked = read("convo.created", {**CONVERSATION, "_embedded": None})
    assert (opening.message_id, opening.body) == (FIRST_MESSAGE, CONVERSATION["preview"])
    assert opening.fallback, "it never replaces a whole text"
    assert asked.action is Action.FETCH
    record, asked = read("convo.customer.reply.created", {**CONVERSATION, "_embedded": {}})
    assert (record.action, asked.action) == (Action.UPDATE_STATUS, Action.FETCH)
    by_staff = {**CONVERSATION, "_embedded": {}, "createdBy": {"id": 3, "type": "user"}}
    record, _ = read("convo.created", by_staff)
    assert not record.makes_item


def test_what_was_deleted_goes_and_does_not_come() -> None:
    gone = {"state": "deleted"}
    (change,) = read("convo.status", conversation(REPLY, **gone))
    assert (change.action, change.external_id, change.body, change.subject) == (
        Action.DELETE,
        "990001",
        None,
        None,
    )
    (new,) = read("convo.created", conversation(OPENING, **gone))
    assert new.action is Action.IGNORE


def test_spam_is_kept_and_called_so() -> None:
    record, message = read("convo.status", conversation(REPLY, status="spam"))
    assert (record.spam, message.spam, message.makes_item) == (True, True, True)


@pytest.mark.parametrize(
    "item",
    [
        {"action": {"type": "merged", "associatedEntities": {"originalConversation": 989999}}},
        {"actionType": "merged", "actionSourceId": 989999},
    ],
)
def test_a_merge_names_what_became_part(item: dict) -> None:
    line = {"id": 1, "type": "lineitem", "createdAt": "2026-03-02T09:00:00Z", **item}
    merge, record, message = read("convo.merged", conversation(line, REPLY))
    assert (merge.action, merge.external_id, merge.merged_into) == (Action.MERGE, "989999", "990001")
    assert (record.action, message.message_id) == (Action.UPDATE_STATUS, "60002")


def test_a_merge_that_names_nothing_stores_no_text_twice() -> None:
    (record,) = read("convo.merged", conversation(REPLY))
    assert (record.action, record.body) == (Action.UPDATE_STATUS, None)


@pytest.mark.parametrize(
    ("word", "value"), [("Great", 3), ("okay", 2), ("not_good", 1), ("Bad", 1), ("unknown", None)]
)
def test_a_rating_with_its_words(word: str, value: float | None) -> None:
    rating = {
        "id": 5434,
        "conversationId": 990001,
        "rating": word,
        "comments": "Took a week",
        "createdAt": "2026-03-02T09:00:00",
        "customer": {"id": 7001},
    }
    rated, said = read("satisfaction.ratings", rating)
    assert (rated.external_id, rated.rating.value if rated.rating else None) == ("990001", value)
    assert (said.message_id, said.body, said.makes_item) == ("rating:5434", "Took a week", True)
    (old,) = read("satisfaction.ratings", {"ticketId": 1, "rating": "Okay", "comments": " "})
    assert (old.external_id, old.action) == ("1", Action.UPDATE_STATUS)


def test_custom_fields_by_their_names() -> None:
    fields = [
        {"name": "Account ID", "value": "acct_1"},
        {"name": "Area", "text": "Billing"},
        {"name": "x"},
        "y",
    ]
    (change,) = read("convo.customer.reply.created", conversation(REPLY, customFields=fields))
    assert (change.account_id, change.product_area, change.plan) == ("acct_1", "Billing", None)
    tagged = conversation(REPLY, customFields=None, tags=["plan_pro", {"name": "area_x"}])
    (change,) = read("convo.customer.reply.created", tagged, plan_tag_prefix="plan_", area_tag_prefix="area_")
    assert (change.plan, change.product_area) == ("pro", "x")


def test_the_newest_time_dates_an_event() -> None:
    record, *_ = read("convo.status", conversation(closedAt="2026-03-02T09:15:10Z"))
    assert record.occurred_at == datetime(2026, 3, 2, 9, 15, 10, tzinfo=UTC)


@pytest.mark.parametrize("event", ["customer.created", "beacon.chat.created", "tag.created"])
def test_what_is_not_feedback_is_ignored(event: str) -> None:
    (change,) = read(event, {"id": 1})
    assert change.action is Action.IGNORE


def test_the_key_is_the_event_and_the_body() -> None:
    keys = {
        SOURCE.delivery_key({EVENT: event}, body)
        for event in ("convo.created", "convo.status", "x" * 500)
        for body in (b"{}", b"[]")
    }
    assert len(keys) == 6
    assert all(len(key) <= 128 for key in keys)
    assert SOURCE.handshake({}, b"{}") is None


@pytest.mark.parametrize(
    ("event", "payload", "reason"),
    [
        ("", CONVERSATION, "X-HelpScout-Event is missing"),
        ("convo.deleted", {}, "id is missing"),
        ("convo.status", {**CONVERSATION, "_embedded": []}, "_embedded must be an object"),
        ("convo.customer.reply.created", conversation({**REPLY, "id": None}), "threads.id is missing"),
        ("satisfaction.ratings", {"rating": "Great"}, "conversationId is missing"),
        ("convo.status", b"x", "not JSON"),
    ],
)
def test_what_cannot_be_understood_says_why(event: str, payload: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read(event, payload)


def test_many_threads_are_bounded() -> None:
    threads = [{**REPLY, "id": number} for number in range(1, 1500)]
    body = json.loads(json.dumps(conversation(*threads)))
    assert len(read("convo.customer.reply.created", body)) == 1000
