import json
from datetime import UTC, datetime

import pytest

from models.errors import Invalid
from models.language.clean import clean
from models.sources.discourse import EVENT, EVENT_ID, EVENT_TYPE, INSTANCE, SOURCE
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, FeedbackChange, Status
from tests.models.sources.examples import NOW, PLAIN, Example, assert_meant, examples, payload_of, read_all

EXAMPLES = [each for each in examples() if each.data["source"] == "discourse"]
POST = payload_of("discourse.post_created")["post"]
TOPIC = {
    "id": 901,
    "title": "Dark mode",
    "created_at": "2026-03-01T08:00:00.000Z",
    "tags": ["charts", {"id": 2, "name": "plan_pro"}],
    "closed": False,
    "archived": False,
    "archetype": "regular",
    "deleted_at": None,
}


def read(event: str, payload: object, **settings: object) -> list[FeedbackChange]:
    headers = {EVENT: event, EVENT_ID: "7", INSTANCE: "https://forum.example.com"}
    return read_all(SOURCE, payload, headers, **settings)


def post(event: str = "post_created", **more: object) -> FeedbackChange:
    (change,) = read(event, {"post": {**POST, **more}})
    return change


def topic(event: str, **more: object) -> list[FeedbackChange]:
    return read(event, {"topic": {**TOPIC, **more}}, plan_tag_prefix="plan_")


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_examples_mean_what_they_should(each: Example) -> None:
    assert_meant(SOURCE, each)
    assert SOURCE.delivery_key(each.headers, each.body) == each.expected[0]["event_id"]


def test_there_is_one_example() -> None:
    assert len(EXAMPLES) == 1


def test_the_first_post_opens_the_topic() -> None:
    first = post(post_number=1)
    assert (first.action, first.message_id, first.makes_item) == (Action.UPSERT, FIRST_MESSAGE, True)
    reply = post()
    assert (reply.action, reply.message_id, reply.external_id) == (Action.APPEND_MESSAGE, "4101", "901")


def test_quotes_are_cut_by_cleaning_so_that_they_are_explained() -> None:
    cleaned = clean(post().body or "")
    assert cleaned.text == "Dark mode makes charts unreadable."
    assert [str(each.kind) for each in cleaned.removed] == ["quote"]
    cooked = post(raw=None)
    assert cooked.body_is_html
    assert clean(cooked.body or "", html=True).text == "Dark mode makes charts unreadable."


@pytest.mark.parametrize(
    ("author", "role"),
    [
        ({}, AuthorRole.CUSTOMER),
        ({"staff": True}, AuthorRole.AGENT),
        ({"moderator": True}, AuthorRole.AGENT),
        ({"admin": True}, AuthorRole.AGENT),
        ({"post_type": 2}, AuthorRole.AGENT),
        ({"user_id": -1, "staff": True}, AuthorRole.BOT),
        ({"user_id": -2}, AuthorRole.BOT),
    ],
)
def test_only_members_write_items(author: dict, role: AuthorRole) -> None:
    for number in (1, 2):
        change = post(**author, post_number=number)
        assert change.author_role is role
        assert change.makes_item is (role is AuthorRole.CUSTOMER)


@pytest.mark.parametrize("what", [{"post_type": 3}, {"post_type": 4}, {"topic_archetype": "private_message"}])
def test_small_actions_whispers_and_private_messages_are_ignored(what: dict) -> None:
    assert post(**what).action is Action.IGNORE


def test_an_edit_shows_that_the_post_stands() -> None:
    for number, message in ((1, FIRST_MESSAGE), (2, "4101")):
        edited = post("post_edited", post_number=number)
        assert (edited.action, edited.message_id, edited.makes_item) == (Action.RESTORE, message, True)


def test_what_is_gone_without_a_time_of_its_own_went_with_its_last_change() -> None:
    changed_at = "2026-03-02T09:15:10Z"
    for more in ({"hidden": True}, {"user_deleted": True}):
        gone = post("post_edited", updated_at=changed_at, **more)
        assert gone.occurred_at == datetime(2026, 3, 2, 9, 15, 10, tzinfo=UTC)
    assert post("post_destroyed", updated_at=changed_at).occurred_at is None, "it is dated by its arrival"


def test_an_edit_is_dated_by_itself() -> None:
    edited = post("post_edited", updated_at="2026-03-02T09:15:10Z", raw="Edited")
    assert (edited.body, edited.occurred_at) == ("Edited", datetime(2026, 3, 2, 9, 15, 10, tzinfo=UTC))
    assert edited.created_at != edited.occurred_at


@pytest.mark.parametrize(
    ("event", "more", "message"),
    [
        ("post_destroyed", {}, "4101"),
        ("post_destroyed", {"post_number": 1}, None),
        ("post_edited", {"user_deleted": True}, "4101"),
        ("post_edited", {"user_deleted": True, "post_number": 1}, FIRST_MESSAGE),
        ("post_edited", {"deleted_at": "2026-03-02T09:15:00Z"}, "4101"),
        ("post_created", {"hidden": True}, "4101"),
        ("post_edited", {"hidden": True, "post_number": 1}, FIRST_MESSAGE),
        ("post_recovered", {"hidden": True}, "4101"),
    ],
)
def test_deletion_carries_no_text(event: str, more: dict, message: str | None) -> None:
    change = post(event, **more)
    assert (change.action, change.message_id) == (Action.DELETE, message)
    assert (change.body, change.subject, change.customer_id) == (None, None, None)


def test_a_recovered_post_brings_its_text() -> None:
    for number in (1, 2):
        change = post("post_recovered", post_number=number, deleted_at="2026-03-02T09:00:00Z")
        assert (change.action, change.makes_item) == (Action.RESTORE, True)
        assert (change.occurred_at, change.updated_at) == (None, None), "it is dated by its arrival"


@pytest.mark.parametrize(
    ("event", "more", "status"),
    [
        ("topic_created", {}, Status.OPEN),
        ("topic_edited", {"closed": True}, Status.CLOSED),
        ("topic_archived_status_updated", {"archived": True}, Status.CLOSED),
        ("topic_edited", {"accepted_answer": {"post_number": 3}}, Status.RESOLVED),
    ],
)
def test_topics_bring_attributes(event: str, more: dict, status: Status) -> None:
    (change,) = topic(event, **more)
    assert (change.action, change.external_id, change.status) == (Action.UPDATE_STATUS, "901", status)
    assert (change.subject, change.tags, change.plan) == ("Dark mode", ("charts", "plan_pro"), "pro")
    assert not change.makes_item


def test_a_topic_that_says_nothing_of_its_state_changes_none() -> None:
    (change,) = read("topic_edited", {"topic": {"id": 901}})
    assert (change.status, change.tags) == (None, None)
    (untagged,) = read("topic_edited", {"topic": {"id": 901, "tags": None}})
    assert untagged.tags == ()


def test_topics_go_and_come_back() -> None:
    (gone,) = topic("topic_destroyed")
    assert (gone.action, gone.message_id, gone.subject) == (Action.DELETE, None, None)
    (late,) = topic("topic_edited", deleted_at="2026-03-02T09:00:00Z")
    assert late.action is Action.DELETE
    back, asked = topic("topic_recovered", deleted_at="2026-03-02T09:00:00Z")
    assert (back.action, asked.action) == (Action.RESTORE, Action.FETCH)
    (private,) = topic("topic_created", archetype="private_message")
    assert private.action is Action.IGNORE


@pytest.mark.parametrize(
    ("event", "status"), [("accepted_solution", Status.RESOLVED), ("unaccepted_solution", Status.OPEN)]
)
def test_a_solution_resolves_its_topic(event: str, status: Status) -> None:
    (change,) = read(event, {"solved": POST})
    assert (change.action, change.status, change.body) == (Action.UPDATE_STATUS, status, None)


def test_a_ping_is_answered_and_not_stored() -> None:
    answer = SOURCE.handshake({EVENT_TYPE: "ping"}, b'{"ping":"OK"}')
    assert answer is not None
    assert json.loads(answer.body) == {"pong": True}
    assert SOURCE.handshake({EVENT_TYPE: "post"}, b"{}") is None
    (change,) = SOURCE.parse(b'{"ping":"OK"}', headers={}, settings=PLAIN, received_at=NOW)
    assert isinstance(change, FeedbackChange)
    assert change.action is Action.PING


@pytest.mark.parametrize("payload", [{"user": {"id": 1}}, {"category": {}}, {}])
def test_what_is_not_feedback_is_ignored(payload: dict) -> None:
    (change,) = read("user_created", payload)
    assert (change.action, change.event_id) == (Action.IGNORE, "https://forum.example.com#7")


def test_event_numbers_count_per_forum() -> None:
    assert SOURCE.delivery_key({EVENT_ID: "7"}, b"") == "7"
    assert SOURCE.delivery_key({}, b"x").startswith("sha256:")
    one, two = ({EVENT_ID: "7", INSTANCE: f"https://{name}.example.com"} for name in "ab")
    assert SOURCE.delivery_key(one, b"") != SOURCE.delivery_key(two, b"")


@pytest.mark.parametrize(
    ("event", "payload", "reason"),
    [
        ("", {"post": POST}, "X-Discourse-Event is missing"),
        ("post_created", {"post": 5}, "post must be an object"),
        ("post_created", {"post": {**POST, "topic_id": None}}, "post.topic_id is missing"),
        ("post_created", {"post": {**POST, "id": None}}, "post.id is missing"),
        ("topic_created", {"topic": {"title": "x"}}, "topic.id is missing"),
        ("post_created", {"post": {**POST, "staff": "perhaps"}}, "post.staff must be true or false"),
    ],
)
def test_what_cannot_be_understood_says_why(event: str, payload: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read(event, payload)
