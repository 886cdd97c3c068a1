import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from models.errors import Invalid
from models.sources.generic_fields import FIELDS
from models.sources.generic_json import SOURCE, delivery_key, handshake, parse
from models.sources.source import settings_from
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    MetricChange,
    Rating,
    RatingKind,
    ReleaseChange,
    Status,
    Unreadable,
)
from tests.models.sources.examples import NOW, PLAIN, Example, example, examples, meaning, meant

GENERIC = [each for each in examples() if each.data["source"] == "generic_json"]


def read(payload: object, headers: Mapping[str, str] | None = None, **settings: object) -> tuple[Change, ...]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return parse(
        body, headers=headers or {}, settings=settings_from(SOURCE.schemes, settings), received_at=NOW
    )


def one(payload: dict, **settings: object) -> FeedbackChange:
    (change,) = read({"id": "r1", "text": "It fails", **payload}, **settings)
    assert isinstance(change, FeedbackChange)
    return change


@pytest.mark.parametrize("each", GENERIC, ids=lambda e: e.name)
def test_examples_mean_what_they_should(each: Example) -> None:
    found = parse(each.body, headers=each.headers, settings=PLAIN, received_at=NOW)
    wanted = [meant(expected) for expected in each.expected]
    assert [
        meaning(change, expected) for change, expected in zip(found, each.expected, strict=True)
    ] == wanted


def test_there_are_four_examples() -> None:
    assert len(GENERIC) == 4


def test_a_batch_keeps_the_last_of_each_record() -> None:
    each = example("generic_json.feedback_batch")
    found = parse(each.body, headers=each.headers, settings=PLAIN, received_at=NOW)
    assert [change.external_id for change in found if isinstance(change, FeedbackChange)] == ["b-1", "b-2"]
    assert len(read([{"id": 1, "text": "a"}, {"id": 1, "text": "b", "message_id": "m2"}])) == 2
    assert len(read([{"id": 1, "text": "a"}, {"id": 1, "action": "delete"}])) == 2


@pytest.mark.parametrize(
    ("field", "name"), [(field, name) for field, names in FIELDS.items() for name in names]
)
def test_every_synonym_is_read(field: str, name: str) -> None:
    value = {
        "action": "append_message",
        "author_role": "agent",
        "is_public": True,
        "html": "<p>x</p>",
        "status": "done",
        "language": "de-AT",
        "tags": "a, b,a",
        "rating_kind": "csat",
        "customer_email": "a@example.com",
        "spam": "yes",
    }.get(field, "1772442898" if field.endswith("_at") else "3")
    change = one({"rating": 3, name: value})
    expected = {
        "external_id": ("external_id", "r1" if name == "ticket_id" else "3"),
        "message_id": ("message_id", "3"),
        "action": ("action", Action.APPEND_MESSAGE),
        "text": ("body", "It fails" if name != "text" else "3"),
        "html": ("body_is_html", True),
        "author_role": ("author_role", AuthorRole.AGENT),
        "is_public": ("is_public", True),
        "language": ("language", "de"),
        "tags": ("tags", ("a", "b")),
        "status": ("status", Status.RESOLVED),
        "rating": ("rating", Rating(3, 1, 5, RatingKind.STARS)),
        "rating_min": ("rating", Rating(3, 3, 5, RatingKind.STARS)),
        "rating_max": ("rating", Rating(3, 1, 3, RatingKind.STARS)),
        "rating_kind": ("rating", Rating(3, 1, 5, RatingKind.CSAT)),
        "customer_email": ("customer_id", "a@example.com"),
        "merged_into": ("merged_into", None),
        "spam": ("spam", True),
    }
    moment = datetime(2026, 3, 2, 9, 14, 58, tzinfo=UTC)
    attribute, wanted = expected.get(field, (field, moment if field.endswith("_at") else "3"))
    assert getattr(change, attribute) == wanted


def test_message_id_and_first_message() -> None:
    assert one({}).message_id == FIRST_MESSAGE
    assert one({"message_id": "m7"}).message_id == "m7"


def test_relayed_feedback_is_an_item_and_a_staff_reply_is_none() -> None:
    assert one({"author_role": "agent"}).makes_item
    assert not one({"author_role": "agent", "message_id": "m2"}).makes_item
    assert not one({"author_role": "bot"}).makes_item
    assert not one({"is_public": False}).makes_item


@pytest.mark.parametrize(("word", "flag"), [("Yes", True), (1, True), ("no", False), (0, False), (" ", None)])
def test_flags_may_be_words(word: object, flag: bool | None) -> None:
    assert one({"public": word}).is_public is flag


def test_html_may_be_a_flag_or_the_text_itself() -> None:
    assert (one({"html": True}).body, one({"html": True}).body_is_html) == ("It fails", True)
    assert (one({"html": "<b>Hi</b>"}).body, one({"html": "<b>Hi</b>"}).body_is_html) == ("<b>Hi</b>", True)
    assert one({"html": "false"}).body_is_html is False


def test_a_nested_customer_fills_what_is_not_on_top() -> None:
    customer = {"id": "u1", "email": "a@example.com", "account_id": "acct", "plan": "pro"}
    change = one({"customer": customer, "plan": "team"})
    assert (change.customer_id, change.customer_email) == ("u1", "a@example.com")
    assert (change.account_id, change.plan) == ("acct", "team")


@pytest.mark.parametrize("action", ["delete", "redact", "merge"])
def test_removals_carry_no_text(action: str) -> None:
    change = one({"action": action, "merged_into": "r0"})
    assert (change.action, change.body, change.message_id) == (Action(action), None, None)


def test_a_status_update_carries_no_text_and_no_author() -> None:
    change = one({"action": "update_status", "status": "closed", "tags": []})
    assert (change.body, change.author_role, change.channel) == (None, None, None)
    assert (change.status, change.tags) == (Status.CLOSED, ())


def test_settings_change_scale_zone_and_tags() -> None:
    change = one(
        {"rating": 9, "created_at": "2026-03-02T10:00:00", "tags": "plan_pro"},
        rating_scale={"min": 0, "max": 10, "kind": "nps"},
        time_zone="Europe/Berlin",
        plan_tag_prefix="plan_",
    )
    assert change.rating == Rating(9, 0, 10, RatingKind.NPS)
    assert change.created_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert change.plan == "pro"


def test_a_rating_may_bring_its_scale() -> None:
    scale = {"value": "7", "scale_min": 0, "scale_max": 10, "kind": "nps"}
    assert one({"rating": scale}).rating == Rating(7, 0, 10, RatingKind.NPS)


def test_characters_no_database_takes_are_replaced() -> None:
    (change,) = read(rb'{"id":"r1","text":"a\u0000b\ud800c \ud83d\ude00"}')
    assert isinstance(change, FeedbackChange)
    assert change.body == "a�b�c 😀"
    change.body.encode()


def test_a_release_keeps_its_roll_out() -> None:
    each = example("generic_json.release")
    (change,) = parse(each.body, headers=each.headers, settings=PLAIN, received_at=NOW)
    assert isinstance(change, ReleaseChange)
    assert (change.rollout_percent, change.segments) == (25, ("business",))
    assert (change.feature_keys, change.kr_ids) == (("new-export",), ("KR-7",))


def test_a_release_may_be_little_more_than_a_version() -> None:
    (change,) = read({"type": "release", "version": "4.3.0", "released_at": "2027-01-01"})
    assert isinstance(change, ReleaseChange)
    assert (change.external_id, change.name) == ("4.3.0", "4.3.0")
    assert change.released_at == datetime(2027, 1, 1, tzinfo=UTC), "planned releases lie ahead"


def test_a_metric_dated_by_day_says_so() -> None:
    each = example("generic_json.metric")
    (change,) = parse(each.body, headers=each.headers, settings=PLAIN, received_at=NOW)
    assert isinstance(change, MetricChange)
    assert change.daily
    (timed,) = read({"type": "metric", "name": "m", "value": 0, "at": 1772442898})
    assert isinstance(timed, MetricChange)
    assert (timed.daily, timed.value, timed.dimensions) == (False, 0.0, ())


def test_broken_entries_do_not_hold_up_their_neighbours() -> None:
    good, broken = read({"items": [{"id": "a", "text": "x"}, {"text": "no id"}]})
    assert isinstance(good, FeedbackChange)
    assert isinstance(broken, Unreadable)
    assert (broken.index, broken.field) == (1, "external_id")
    with pytest.raises(Invalid, match="none of 2 entries can be read; the first"):
        read([{"text": "x"}, 5])


def test_an_empty_batch_changes_nothing() -> None:
    assert read({"items": []}) == ()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not JSON"),
        (b"\x80", "not UTF-8 .byte 0"),
        (b'"text"', "must be an object, got a text"),
        (b"NaN", "number that cannot be read"),
        (b"1" * 5000, "number that cannot be read"),
        (b'{"id":1,"rating":NaN}', "NaN is no JSON number"),
        (b'{"items":' * 100_000, "nested too deeply"),
        ({"text": "x"}, "external_id is missing"),
        ({"id": 1.5, "text": "x"}, "id must be an id"),
        ({"id": True, "text": "x"}, "id must be a text, got true or false"),
        ({"id": "x" * 201, "text": "x"}, "longer than 200"),
        ({"id": 1, "text": "x", "via": "x" * 65}, "via is longer than 64"),
        ({"type": "release", "id": 1, "url": "x" * 1001}, "url is longer than 1000"),
        ({"id": 1, "text": ["x"]}, "text must be a text, got a list"),
        ({"id": 1, "text": "x" * 1_000_001}, "longer than 1000000"),
        ({"id": 1, "text": " "}, "all empty"),
        ({"id": 1, "text": "x", "type": "order"}, "type must be one of"),
        ({"id": 1, "text": "x", "action": "explode"}, "action must be one of"),
        ({"id": 1, "text": "x", "role": "alien"}, "author_role must be one of"),
        ({"id": 1, "text": "x", "public": "maybe"}, "public must be true or false"),
        ({"id": 1, "text": "x", "public": 1.5}, "public must be true or false"),
        ({"id": 1, "text": "x", "tags": 5}, "tags must be a list"),
        ({"id": 1, "text": "x", "tags": ["t"] * 201 + [{}]}, "tags must be a text, got an object"),
        ({"type": "release", "id": 1, "segments": ["t"] * 201}, "more than 200"),
        ({"id": 1, "text": "x", "created_at": []}, "created_at must be a time"),
        ({"id": 1, "text": "x", "created_at": "yesterday"}, "created_at is not a time"),
        ({"id": 1, "text": "x", "created_at": 5}, "outside the years"),
        ({"id": 1, "text": "x", "created": "2027-01-01"}, "created lies in the future"),
        ({"id": 1, "text": "x", "rating": 9}, "outside its scale of 1 to 5"),
        ({"id": 1, "text": "x", "rating": "good"}, "rating must be a number"),
        ({"id": 1, "text": "x", "rating": []}, "rating must be a number"),
        ({"id": 1, "text": "x", "rating": 3, "rating_kind": "moons"}, "rating.kind must be one of"),
        ({"id": 1, "text": "x", "customer": "Anna"}, "customer must be an object"),
        ({"type": "release"}, "external_id is missing"),
        ({"type": "release", "id": 1, "rollout_percent": 101}, "between 0 and 100"),
        ({"type": "metric", "metric": "m", "at": "2026-03-02"}, "value is missing"),
        ({"type": "metric", "metric": "m", "value": 1}, "at is missing"),
        ({"type": "metric", "value": 1, "at": "2026-03-02"}, "metric is missing"),
        ({"type": "metric", "metric": "m", "at": "2026-03-02", "value": "NaN"}, "value must be a number"),
        ({"type": "metric", "metric": "m", "at": "2026-03-02", "value": "1_0"}, "value must be a number"),
        (b'{"type":"metric","metric":"m","at":"2026-03-02","value":1e999}', "finite"),
        (b'{"type":"metric","metric":"m","at":"2026-03-02","value":' + b"9" * 400 + b"}", "finite"),
        (
            {
                "type": "metric",
                "metric": "m",
                "at": 1772442898,
                "value": 1,
                "dimensions": {str(k): k for k in range(21)},
            },
            "dimensions",
        ),
        ([{"id": 1, "text": "x"}] * 10_001, "at most 10000"),
    ],
)
def test_what_cannot_be_understood_says_why(payload: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason) as caught:
        read(payload)
    assert caught.value.field


def test_empty_values_say_nothing() -> None:
    change = one({"rating": "", "tags": "", "public": "", "created_at": "", "plan": None, "status": "???"})
    assert (change.rating, change.tags, change.is_public, change.created_at) == (None, None, None, None)
    assert (change.plan, change.status, change.language) == (None, None, None)


def test_delivery_keys() -> None:
    assert delivery_key({}, b"a") == delivery_key({}, b"a") != delivery_key({}, b"b")
    first = delivery_key({"idempotency-key": "gen-1"}, b"a")
    assert first.startswith("gen-1:")
    assert first != delivery_key({"idempotency-key": "gen-1"}, b"b"), "one key for two bodies loses neither"
    assert len(delivery_key({"idempotency-key": "\ud800" * 300}, b"a")) <= 128


def test_a_ping_is_answered() -> None:
    answer = handshake({}, b'{"type":"ping"}')
    assert answer is not None
    assert json.loads(answer.body) == {"pong": True}
    assert handshake({}, b"[]") is None
    assert handshake({}, b"broken") is None
    (change,) = read({"type": "ping"})
    assert isinstance(change, FeedbackChange)
    assert change.action is Action.PING
