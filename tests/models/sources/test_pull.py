"""Pulling without the network: limits in every spelling, addresses, merges, and answers that nobody promised."""

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid
from models.sources import pull_github, pull_intercom, pull_zendesk
from models.sources.pull import (
    FAILED_FIRST_S,
    LONGEST_WAIT_S,
    PULL_HEADER,
    SECONDARY_S,
    Ask,
    Held,
    Refused,
    Reply,
    Stub,
    backoff,
    body_of,
    check,
    converse,
    pause_after,
    read_limits,
)
from models.sources.pullers import IMPORT_HEADER, PULLERS, address_of, parser_of, puller_of
from models.values.feedback import Action, FeedbackChange
from tests.models.sources.examples import NOW, PLAIN
from tests.models.sources.test_exports import CONVERSATION, TICKET

ASK = Ask("/x")


def reply(status: int, **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (reply(429, retry_after="7"), 7.0),
        (reply(429, retry_after="0"), 1.0),
        (reply(503, retry_after="Mon, 02 Mar 2026 09:16:30 GMT"), 60.0),
        (reply(429), SECONDARY_S),
        (reply(429, retry_after="soon"), SECONDARY_S),
        (reply(403, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(NOW.timestamp()) + 9)), 10.0),
        (reply(429, x_ratelimit_remaining="0", x_ratelimit_reset="9" * 12), LONGEST_WAIT_S),
        (reply(403, x_ratelimit_remaining="12"), None),
        (reply(503), None),
        (reply(200), None),
    ],
)
def test_limits_are_read_in_every_spelling(answer: Reply, wait: float | None) -> None:
    assert read_limits(answer, now=NOW) == wait


def test_the_last_allowed_answer_is_followed_by_a_pause() -> None:
    reset = str(int(NOW.timestamp()) + 30)
    assert pause_after(reply(200, x_ratelimit_remaining="0", x_ratelimit_reset=reset), now=NOW) == 31
    assert pause_after(reply(200, x_ratelimit_remaining="1", x_ratelimit_reset=reset), now=NOW) == 0
    assert pause_after(reply(200), now=NOW) == 0


@pytest.mark.parametrize("status", [401, 403, 404, 301])
def test_refusals_are_no_failures(status: int) -> None:
    with pytest.raises(Refused, match=str(status)):
        check(ASK, reply(status), now=NOW, failures=0)


@pytest.mark.parametrize(("status", "is_limit"), [(429, True), (500, False), (408, False), (418, False)])
def test_what_may_pass_is_waited_for(status: int, is_limit: bool) -> None:
    with pytest.raises(Held) as held:
        check(ASK, reply(status), now=NOW, failures=2)
    assert held.value.is_limit is is_limit
    assert held.value.wait_s == (SECONDARY_S if is_limit else FAILED_FIRST_S * 4)


def test_a_status_that_is_asked_for_is_an_answer() -> None:
    check(Ask("/x", reads=frozenset({404})), reply(404), now=NOW, failures=0)
    assert [backoff(failures) for failures in (0, 1, 2, 9, 10**9)] == [30, 60, 120, 3600, 3600]


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("zendesk", "acme.evil.example"),
        ("zendesk", "ACME/.."),
        ("zendesk", "a" * 64),
        ("zendesk", "-acme"),
        ("intercom", "moon"),
        ("github", "example-org"),
        ("github", "example-org/.."),
        ("github", "a/b/c"),
        ("github", "a/b?x=1"),
    ],
)
def test_a_place_leads_to_the_vendor_and_nowhere_else(kind: str, place: str) -> None:
    with pytest.raises(Invalid):
        puller_of(kind).base(place)


def test_addresses_besides_the_public_ones_must_be_allowed() -> None:
    github = PULLERS["github"]
    assert address_of(github, "a/b", None, allowed="") == "https://api.github.com"
    own = "https://git.example.com/api/v3"
    assert address_of(github, "a/b", f"{own}/", allowed=f"https://x.example, {own}") == own
    for base, allowed in ((own, ""), ("http://git.example.com", "http://git.example.com"), ("", "")):
        with pytest.raises(Invalid):
            address_of(github, "a/b", base, allowed=allowed)
    assert address_of(github, "a/b", "http://127.0.0.1:9", allowed="http://127.0.0.1:9")


def test_only_our_own_marks_choose_a_parser() -> None:
    assert parser_of({}) is None
    assert parser_of({PULL_HEADER: "nobody"}) is None
    assert parser_of({PULL_HEADER: "zendesk"}) is pull_zendesk.parse
    assert parser_of({IMPORT_HEADER: "generic_json"}) is not None
    with pytest.raises(Invalid, match="cannot be pulled; these can: github, intercom, zendesk"):
        puller_of("slack")


def test_an_issue_that_stands_among_older_ones_hides_none() -> None:
    """The page was made while the third issue changed: what lies behind it is still to come."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    issues = [
        {"id": at, "number": at, "updated_at": f"2026-01-{day:02d}T00:00:00Z"}
        for at, day in enumerate((2, 3, 25, 4, 5))
    ]
    talk = pull_github.page("a/b", {}, start, NOW)
    answer = Reply(200, {"link": '<https://x.example/?page=2>; rel="next"'}, issues)
    page = converse(talk, lambda _: answer)
    assert page.cursor == {"since": "2026-01-04T00:00:00Z"} and not page.done


def test_a_page_within_one_second_goes_on_by_number() -> None:
    start = datetime(2026, 1, 2, tzinfo=UTC)
    issues = [{"id": at, "number": at, "updated_at": "2026-01-02T00:00:00Z"} for at in range(5)]
    answer = Reply(200, {"link": '<https://x.example/?page=2>; rel="next"'}, issues)
    asked: list[Ask] = []

    def send(ask: Ask) -> Reply:
        asked.append(ask)
        return answer

    page = converse(pull_github.page("a/b", {}, start, NOW), send)
    assert page.cursor == {"since": "2026-01-02T00:00:00Z", "page": "2"}
    converse(pull_github.page("a/b", page.cursor, start, NOW), send)
    assert dict(asked[1].query)["page"] == "2"


def test_zendesk_is_never_asked_for_the_last_minute() -> None:
    asked: list[Ask] = []

    def send(ask: Ask) -> Reply:
        asked.append(ask)
        return Reply(200, {}, {"tickets": [], "end_of_stream": True, "after_cursor": None})

    page = converse(pull_zendesk.page("acme", {}, NOW, NOW), send)
    start = int(dict(asked[0].query)["start_time"])
    assert start <= (NOW - timedelta(seconds=60)).timestamp()
    assert page.done and "after" not in page.cursor


def test_equal_records_are_equal_bytes_and_versions_are_keys() -> None:
    assert body_of({"b": 1, "a": "ü"}) == body_of({"a": "ü", "b": 1})
    assert Stub("41", "7", None, {}).key == "pull:41@7"
    assert len(Stub("4" * 190, "7", None, {}).key) <= 128


RECORDS: dict[str, Any] = {
    "zendesk": {"ticket": TICKET, "users": [TICKET["requester"]], "comments": TICKET["comments"]},
    "intercom": {
        **CONVERSATION,
        "conversation_rating": {"rating": 2, "remark": "bad", "created_at": 1772442899},
        "conversation_parts": {
            "conversation_parts": [
                {
                    "id": "7",
                    "part_type": "comment",
                    "body": "<p>x</p>",
                    "created_at": 1772442899,
                    "author": {"type": "user", "id": "u1", "email": "a@example.com"},
                }
            ]
        },
    },
    "github": {
        "issue": {
            "id": 41,
            "title": "t",
            "body": "b",
            "user": {"id": 1, "type": "User"},
            "labels": [{"name": "bug"}],
            "state": "open",
            "author_association": "NONE",
            "created_at": "2026-02-01T09:14:58Z",
            "updated_at": "2026-02-01T09:14:58Z",
        },
        "comments": [{"id": 7, "body": "c", "user": {"id": 2}, "created_at": "2026-02-01T09:14:58Z"}],
    },
}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.just([]),
    st.just({}),
    st.just([[]]),
    st.just({"a": {"b": []}}),
)


def places(value: Any, steps: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every part of a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in pairs:
        yield (*steps, name)
        yield from places(inner, (*steps, name))


@pytest.mark.parametrize("kind", RECORDS)
@given(data=st.data())
def test_a_record_in_any_shape_is_read_or_refused_in_words(kind: str, data: st.DataObject) -> None:
    record = copy.deepcopy(RECORDS[kind])
    for _ in range(data.draw(st.integers(1, 3))):
        *steps, last = data.draw(st.sampled_from(list(places(record))))
        held = record
        for step in steps:
            held = held[step]
        held[last] = copy.deepcopy(data.draw(JUNK))
    with suppress(Invalid):
        body = json.dumps(record).encode()
        assert PULLERS[kind].parse(body, headers={}, settings=PLAIN, received_at=NOW)


def test_a_merge_names_its_target_and_never_itself() -> None:
    for target, wanted in (("3", ["3"]), ("41", [])):
        record = copy.deepcopy(RECORDS["zendesk"])
        record["ticket"] |= {"tags": ["closed_by_merge"], "status": "closed"}
        record["comments"][-1]["body"] = f"This request was closed and merged into request #{target}."
        found = pull_zendesk.parse(body_of(record), headers={}, settings=PLAIN, received_at=NOW)
        merges = [
            each.merged_into
            for each in found
            if isinstance(each, FeedbackChange) and each.action is Action.MERGE
        ]
        assert merges == wanted


def test_a_day_of_intercom_is_read_until_its_total_stands_still() -> None:
    totals = iter([4, 3, 3, 3])
    cursor: dict[str, object] = {}
    start = datetime(2026, 2, 1, 15, tzinfo=UTC)
    asked: list[Ask] = []

    def send(ask: Ask) -> Reply:
        asked.append(ask)
        assert ask.body is not None
        paging = ask.body["pagination"]
        assert isinstance(paging, dict)
        following = {} if "starting_after" in paging else {"next": {"starting_after": "2"}}
        body = {"conversations": [CONVERSATION], "total_count": next(totals), "pages": following}
        return Reply(200, {}, body)

    for _ in range(4):
        page = converse(pull_intercom.page("eu", cursor, start, NOW), send)
        cursor = page.cursor
    assert cursor == {"day": "2026-02-02"} and len(asked) == 4
    assert page.covered_until == datetime(2026, 2, 2, tzinfo=UTC)
