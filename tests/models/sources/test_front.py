import json

import pytest

from models.errors import Invalid, Rejected
from models.sources.front import SOURCE
from models.sources.source import SourceSettings, authenticate
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, FeedbackChange, Status
from tests.models.sources.examples import NOW, Example, assert_meant, example, examples, payload_of, read_all

EXAMPLES = [each for each in examples() if each.data["source"] == "front"]
RULE = payload_of("front.rule_inbound")
APPLICATION = payload_of("front.application_inbound_received")


def read(payload: object, **settings: object) -> list[FeedbackChange]:
    return read_all(SOURCE, payload, **settings)


def rule(kind: str, *, message: dict | None = None, **conversation: object) -> dict:
    target = {**RULE["target"], "data": {**RULE["target"]["data"], **(message or {})}}
    return {**RULE, "type": kind, "target": target, "conversation": {**RULE["conversation"], **conversation}}


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_examples_mean_what_they_should(each: Example) -> None:
    assert_meant(SOURCE, each)


def test_there_are_three_examples() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_each_kind_is_checked_by_its_own_signature(each: Example) -> None:
    asked = {"settings": SourceSettings(), "secret": each.secret, "body": each.body, "now": NOW}
    chosen = authenticate(SOURCE, headers=each.headers, **asked)
    assert chosen == ("front_rule" if "rule" in each.name else "front")
    without = {name: value for name, value in each.headers.items() if name != "X-Front-Request-Timestamp"}
    if "rule" not in each.name:
        with pytest.raises(Rejected):
            authenticate(SOURCE, headers=without, **asked)


def test_the_challenge_is_answered_as_json() -> None:
    sync = example("front.application_sync_challenge")
    answer = SOURCE.handshake({"x-front-challenge": "chal-4b1d0e"}, sync.body)
    assert answer is not None
    assert (json.loads(answer.body), answer.content_type) == (
        {"challenge": "chal-4b1d0e"},
        "application/json",
    )
    assert SOURCE.handshake({}, sync.body) is None
    assert SOURCE.handshake({"X-Front-Challenge": "x" * 5000}, sync.body) is None
    assert SOURCE.handshake({"X-Front-Challenge": "x"}, b"broken") is None
    assert SOURCE.handshake({"X-Front-Challenge": "x"}, json.dumps(RULE).encode()) is None


def test_a_preview_is_stored_and_its_text_asked_for() -> None:
    shown, asked = read(APPLICATION)
    assert (shown.action, shown.message_id, shown.makes_item) == (Action.UPSERT, FIRST_MESSAGE, True)
    assert (asked.action, asked.external_id, asked.message_id) == (Action.FETCH, "cnv_ex55", FIRST_MESSAGE)
    assert not shown.body_is_html
    unnamed = {**APPLICATION, "payload": {**APPLICATION["payload"], "type": None}}
    assert read(unnamed)[0].body == shown.body, "the envelope names the event where the event does not"
    whole = read(rule("inbound"))
    assert [change.action for change in whole] == [Action.APPEND_MESSAGE]


def test_the_first_message_is_known_by_the_conversations_time() -> None:
    (first,) = read(rule("inbound", message={"created_at": 1772442810.0}))
    assert (first.action, first.message_id) == (Action.UPSERT, FIRST_MESSAGE)
    (later,) = read(rule("inbound", message={"created_at": 1772442810.1}))
    assert (later.action, later.message_id) == (Action.APPEND_MESSAGE, "msg_ex78")


def test_html_is_taken_where_there_is_no_text() -> None:
    (change,) = read(rule("inbound", message={"text": " "}))
    assert change.body_is_html
    assert (change.body or "").startswith("<div>")


@pytest.mark.parametrize("kind", ["outbound", "out_reply", "outbound_sent"])
def test_what_teammates_send_is_never_a_customers(kind: str) -> None:
    (change,) = read(rule(kind, message={"is_inbound": False, "author": {"id": "tea_1"}}))
    assert (change.author_role, change.makes_item) == (AuthorRole.AGENT, False)
    (imported,) = read(rule("inbound", message={"author": {"id": "tea_1"}}))
    assert not imported.makes_item


def test_in_a_conversation_of_several_the_sender_counts() -> None:
    people = [{"handle": "to@example.com", "role": "to"}, {"handle": "other@example.com", "role": "from"}]
    (change,) = read(rule("inbound", message={"recipients": people}))
    assert (change.customer_id, change.customer_email) == ("other@example.com", "other@example.com")
    (phone,) = read(rule("inbound", message={"recipients": None}, recipient={"handle": "+4930123456"}))
    assert (phone.customer_id, phone.customer_email) == ("+4930123456", None)


@pytest.mark.parametrize("kind", ["comment", "mention", "new_comment_added", "tag", "assign"])
def test_comments_are_not_read(kind: str) -> None:
    comment = {"_meta": {"type": "comment"}, "data": {"id": "com_1", "body": "Ask finance"}}
    (change,) = read({**rule(kind), "target": comment})
    assert (change.action, change.body, change.makes_item) == (Action.UPDATE_STATUS, None, False)


@pytest.mark.parametrize(
    ("kind", "conversation", "status"),
    [
        ("archive", {}, Status.CLOSED),
        ("reopen", {"status": "unassigned"}, Status.OPEN),
        ("conversation_snoozed", {"status": "archived"}, Status.PENDING),
        ("assign", {"status": "assigned"}, Status.OPEN),
        ("tag", {"status_category": "waiting"}, Status.PENDING),
        ("tag", {"status": None}, None),
    ],
)
def test_states(kind: str, conversation: dict, status: Status | None) -> None:
    (change,) = read(rule(kind, **conversation))
    assert (change.action, change.status) == (Action.UPDATE_STATUS, status)


@pytest.mark.parametrize(
    ("kind", "status"), [("trash", "archived"), ("conversation_deleted", "deleted"), ("tag", "trashed")]
)
def test_deletion_carries_no_text(kind: str, status: str) -> None:
    (change,) = read(rule(kind, status=status))
    assert (change.action, change.external_id, change.message_id) == (Action.DELETE, "cnv_ex56", None)
    assert (change.subject, change.body, change.customer_id, change.tags) == (None, None, None, None)


def test_a_message_to_a_conversation_in_the_bin_is_ignored_and_one_in_the_spam_folder_called_so() -> None:
    (change,) = read(rule("inbound", status="trashed"))
    assert change.action is Action.IGNORE
    (spam,) = read(rule("inbound", status="spam"))
    assert (spam.makes_item, spam.spam) == (True, True)
    (unknown,) = read(rule("inbound", status=None))
    assert unknown.spam is None


def test_the_inbox_is_that_of_a_message_or_of_a_move() -> None:
    moved = {
        **rule("move"),
        "source": {"_meta": {"type": "teammate"}, "data": {"id": "tea_1", "username": "x"}},
    }
    target = {"_meta": {"type": "inboxes"}, "data": [{"id": "inb_3", "name": "Returns"}]}
    (change,) = read({**moved, "target": target})
    assert change.group == "Returns"
    (archived,) = read({**moved, "type": "archive", "target": None})
    assert archived.group is None


def test_a_restored_conversation_asks_for_its_text() -> None:
    back, asked = read(rule("restore", status="unassigned"))
    assert (back.action, back.makes_item, asked.action) == (Action.RESTORE, False, Action.FETCH)


def test_merged_conversations_name_the_survivor() -> None:
    target = {"data": [{"id": "cnv_old1"}, {"id": "cnv_ex56"}, {"id": "msg_3"}]}
    *merges, record = read(
        {**rule("conversations_merged"), "target": target, "source": {"data": {"id": "cnv_old2"}}}
    )
    assert [(each.action, each.external_id, each.merged_into) for each in merges] == [
        (Action.MERGE, "cnv_old1", "cnv_ex56"),
        (Action.MERGE, "cnv_old2", "cnv_ex56"),
    ]
    assert record.action is Action.UPDATE_STATUS


def test_a_message_event_without_its_message_asks_for_it() -> None:
    record, asked = read({**RULE, "target": None})
    assert (record.action, asked.action) == (Action.UPDATE_STATUS, Action.FETCH)


def test_events_without_a_conversation_are_ignored() -> None:
    (change,) = read({"type": "contact_created", "id": "evt_1"})
    assert (change.action, change.event_id) == (Action.IGNORE, "evt_1")


def test_tags_and_their_meaning() -> None:
    tags = [{"name": "plan_pro"}, {"name": "area_search"}, "vip"]
    (change,) = read(rule("tag", tags=tags), plan_tag_prefix="plan_", area_tag_prefix="area_")
    assert (change.tags, change.plan, change.product_area) == (
        ("plan_pro", "area_search", "vip"),
        "pro",
        "search",
    )


def test_the_events_id_is_the_key_in_either_envelope() -> None:
    assert SOURCE.delivery_key({}, json.dumps(RULE).encode()) == "evt_ex02"
    assert SOURCE.delivery_key({}, json.dumps(APPLICATION).encode()) == "evt_ex01"
    assert SOURCE.delivery_key({}, b"broken").startswith("sha256:")
    assert SOURCE.delivery_key({}, b"{}").startswith("sha256:")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, "type is missing"),
        ({**RULE, "conversation": {"subject": "x"}}, "conversation.id is missing"),
        (rule("inbound", message={"id": None}), "target.data.id is missing"),
        (rule("inbound", recipient="x"), "conversation.recipient must be an object"),
        ({**RULE, "emitted_at": "soon"}, "emitted_at is not a time"),
    ],
)
def test_what_cannot_be_understood_says_why(payload: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read(payload)
