"""Pulling against fakes of the vendors: the whole history once, whatever the vendor, the network and we do."""

from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest

from models.queries import pulls
from models.sealing import Keyring
from models.sources.pull import LONGEST_WAIT_S
from models.values.feedback import FIRST_MESSAGE, AuthorRole
from tests.clock import NOON, Clock
from tests.fakes.vendor import Call, Said, Vendor
from tests.workers.pulling import (
    KINDS,
    START,
    catch_up,
    changes_of,
    copies,
    deliveries_of,
    filled,
    once,
    pull_of,
    source_of,
    texts_of,
)
from workers.context import Context
from workers.pull import pull_due, pull_source


def expected(kind: str, count: int = 60) -> int:
    """How many messages a filled vendor has."""
    return count + 2 * (count // 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_year_of_history_arrives_once(context: Context, workspace: int, clock: Clock, kind: str) -> None:
    vendor = filled(kind, clock)
    vendor.page_size = 7  # type: ignore[attr-defined]
    source = source_of(context, workspace, kind, since=START)
    catch_up(context, workspace, source, vendor)
    texts = texts_of(context.database, source)
    assert len(texts) == expected(kind)
    assert len(deliveries_of(context.database, source)) == 60
    assert sum(1 for _, message in texts if message == FIRST_MESSAGE) == 60
    row = pull_of(context, workspace, source)
    assert (row.stored_count, row.failures, row.error) == (60, 0, None)
    assert row.covered_until is not None and row.covered_until > NOON - timedelta(minutes=2)
    roles = {change.author_role for change in changes_of(context.database, source) if change.body}
    assert roles == {AuthorRole.CUSTOMER, AuthorRole.AGENT}


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_turn_fetches_nothing_again_and_a_change_once(
    context: Context, workspace: int, clock: Clock, kind: str
) -> None:
    vendor = filled(kind, clock, count=12)
    source = source_of(context, workspace, kind, since=START)
    catch_up(context, workspace, source, vendor)
    clock.advance(minutes=10)
    vendor.calls.clear()
    once(context, workspace, source, vendor)
    details = [path for path in vendor.paths if "comments" in path or path.startswith("/conversations/1")]
    assert (details, len(deliveries_of(context.database, source))) == ([], 12)
    at = clock() - timedelta(minutes=3)
    if kind == "zendesk":
        vendor.reply(3, "once more", 103, at)  # type: ignore[attr-defined]
    elif kind == "intercom":
        vendor.reply("1003", "once more", at)  # type: ignore[attr-defined]
    else:
        vendor.reply(3, "once more", at)  # type: ignore[attr-defined]
    once(context, workspace, source, vendor)
    assert len(deliveries_of(context.database, source)) == 13
    assert any("once more" in (text or "") for text in texts_of(context.database, source).values())


@pytest.mark.parametrize("kind", KINDS)
def test_records_that_change_while_pages_are_read_are_not_missed(
    context: Context, workspace: int, clock: Clock, kind: str
) -> None:
    vendor = filled(kind, clock, count=30)
    vendor.page_size = 5  # type: ignore[attr-defined]
    # On one day, so that a record that changes moves within what is being listed.
    day = NOON - timedelta(days=2)
    held = vendor.conversations if kind == "intercom" else None  # type: ignore[attr-defined]
    for place, name in enumerate(held or {}):
        stamp = int((day + timedelta(minutes=place)).timestamp())
        held[name] |= {"created_at": stamp, "updated_at": stamp}  # type: ignore[index]
    touched: list[object] = []

    def stir(stirred: Vendor, call: Call) -> None:
        is_list = call.path.endswith(("cursor.json", "/conversations/search", "/issues"))
        if not is_list or len(touched) >= 8:
            return
        clock.advance(seconds=70)
        at = clock() - timedelta(seconds=65)
        number = len(touched) + 1
        touched.append(number)
        if kind == "zendesk":
            stirred.touch(number, at, subject=f"changed {number}")  # type: ignore[attr-defined]
        elif kind == "intercom":
            stirred.reply(str(1_000 + number), f"changed {number}", at)  # type: ignore[attr-defined]
        else:
            stirred.issues[number] |= {  # type: ignore[attr-defined]
                "title": f"changed {number}",
                "updated_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            }

    vendor.after_call = stir
    source = source_of(context, workspace, kind, since=START)
    catch_up(context, workspace, source, vendor)
    clock.advance(minutes=10)
    catch_up(context, workspace, source, vendor)
    assert len(touched) == 8
    found = changes_of(context.database, source)
    assert len({change.external_id for change in found}) == 30
    last = {change.external_id: change for change in found if change.message_id == FIRST_MESSAGE}
    changed = [change for change in last.values() if (change.subject or "").startswith("changed")]
    parts = [change for change in found if "changed" in (change.body or "")]
    assert len(parts if kind == "intercom" else changed) == 8


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_is_kept_and_loses_nothing(context: Context, workspace: int, clock: Clock, kind: str) -> None:
    vendor = filled(kind, clock, count=30)
    vendor.per_minute = 6
    source = source_of(context, workspace, kind, since=START)
    turns = catch_up(context, workspace, source, vendor, turns=600)
    assert len(texts_of(context.database, source)) == expected(kind, 30)
    assert turns > 1
    # One request too many is how we hear of the limit; then nothing is asked until the minute is over.
    assert max(vendor.minutes.values()) <= vendor.per_minute + 1
    assert pull_of(context, workspace, source).failures == 0


def test_a_page_with_more_details_than_a_minute_allows_still_gets_on(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = filled("zendesk", clock, count=60)
    vendor.per_minute = 3
    source = source_of(context, workspace, "zendesk", since=START)
    catch_up(context, workspace, source, vendor, turns=600)
    assert len(texts_of(context.database, source)) == expected("zendesk")


@pytest.mark.parametrize(("kind", "status"), [("zendesk", 401), ("intercom", 401), ("github", 404)])
def test_a_refusal_stops_and_says_so_until_a_person_acts(
    context: Context, workspace: int, clock: Clock, kind: str, status: int
) -> None:
    vendor = filled(kind, clock, count=3)
    right, vendor.token = vendor.token, "another"
    if status == 404:
        vendor.planned.append(Said(404))
    source = source_of(context, workspace, kind, since=START)
    for _ in range(5):
        pull_due(context, client=vendor.client)
        clock.advance(hours=1)
    assert len(vendor.calls) == 1
    row = pull_of(context, workspace, source)
    assert row.stopped and str(status) in (row.error or "")
    vendor.token = right
    draft = pulls.PullDraft(row.place, None, row.account, right, 300, row.since)
    with context.database.write(workspace=workspace) as session:
        pulls.put_pull(session, workspace=workspace, source=source, draft=draft, keys=Keyring(), now=clock())
    catch_up(context, workspace, source, vendor)
    assert pull_of(context, workspace, source).stored_count == 3


@pytest.mark.parametrize("kind", KINDS)
def test_failures_of_the_vendor_are_waited_out_longer_each_time(
    context: Context, workspace: int, clock: Clock, kind: str
) -> None:
    vendor = filled(kind, clock, count=3)
    vendor.planned.extend([Said(500), Said(502), Said(503), Said(200, "no object")])
    source = source_of(context, workspace, kind, since=START)
    waits = []
    for _ in range(4):
        row = once(context, workspace, source, vendor)
        waits.append((row.next_at - clock()).total_seconds())
        assert row.error
        clock.now = row.next_at
    assert waits == sorted(waits) and waits[0] >= 30 and waits[-1] > waits[0]
    assert row.failures == 4
    catch_up(context, workspace, source, vendor)
    assert pull_of(context, workspace, source).failures == 0
    assert len(deliveries_of(context.database, source)) == 3


def test_an_absurd_wait_is_bounded(context: Context, workspace: int, clock: Clock) -> None:
    vendor = filled("zendesk", clock, count=1)
    vendor.planned.append(Said(429, headers={"Retry-After": "99999999"}))
    source = source_of(context, workspace, "zendesk", since=START)
    row = once(context, workspace, source, vendor)
    assert row.next_at - clock() == timedelta(seconds=LONGEST_WAIT_S)


def test_a_network_that_fails_is_a_failure_in_words(context: Context, workspace: int) -> None:
    def broken() -> httpx.Client:
        def fail(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("no route")

        return httpx.Client(transport=httpx.MockTransport(fail))

    source = source_of(context, workspace, "github", since=START)
    pull_source(context, workspace, source, budget=lambda: True, client=broken)
    row = pull_of(context, workspace, source)
    assert row.error == "the vendor could not be reached (ConnectError)" and row.failures == 1


def test_a_cursor_that_is_known_no_more_begins_a_little_earlier(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = filled("zendesk", clock, count=12)
    source = source_of(context, workspace, "zendesk", since=START)
    catch_up(context, workspace, source, vendor)
    vendor.era = "d"  # type: ignore[attr-defined]
    clock.advance(minutes=30)
    vendor.add(77, clock() - timedelta(minutes=5))  # type: ignore[attr-defined]
    vendor.calls.clear()
    once(context, workspace, source, vendor)
    assert len(deliveries_of(context.database, source)) == 13
    (start,) = [call.query["start_time"] for call in vendor.calls if "start_time" in call.query]
    assert datetime.fromtimestamp(int(start), tz=NOON.tzinfo) > NOON - timedelta(hours=1)


def test_a_redirect_is_not_followed(context: Context, workspace: int, clock: Clock) -> None:
    vendor = filled("github", clock, count=1)
    vendor.planned.append(Said(301, headers={"Location": "http://169.254.169.254/"}))
    source = source_of(context, workspace, "github", since=START)
    row = once(context, workspace, source, vendor)
    assert row.stopped and "redirect" in (row.error or "") and len(vendor.calls) == 1


def test_nothing_changed_costs_github_no_page(context: Context, workspace: int, clock: Clock) -> None:
    vendor = filled("github", clock, count=3)
    source = source_of(context, workspace, "github", since=START)
    for _ in range(3):
        once(context, workspace, source, vendor)
        clock.advance(minutes=10)
    vendor.calls.clear()
    once(context, workspace, source, vendor)
    (call,) = vendor.calls
    assert "if-none-match" in call.headers
    vendor.reply(2, "still broken", clock() - timedelta(minutes=1))  # type: ignore[attr-defined]
    once(context, workspace, source, vendor)
    assert "still broken" in texts_of(context.database, source).values()


# --- two at once, and kills ---------------------------------------------------------------------------------


def test_one_process_pulls_a_source(context: Context, workspace: int, clock: Clock) -> None:
    vendor = filled("zendesk", clock, count=3)
    source = source_of(context, workspace, "zendesk", since=START)
    inner: list[int] = []

    def again(_: Vendor, __: Call) -> None:
        if not inner:
            inner.append(-1)
            other = replace(context, kind="default")
            inner.append(pull_source(other, workspace, source, budget=lambda: True, client=vendor.client))

    vendor.after_call = again
    once(context, workspace, source, vendor)
    assert inner == [-1, 0]
    assert len(deliveries_of(context.database, source)) == 3


def test_whoever_lost_the_source_stores_nothing(context: Context, workspace: int, clock: Clock) -> None:
    vendor = filled("zendesk", clock, count=3)
    source = source_of(context, workspace, "zendesk", since=START)

    def take_over(_: Vendor, __: Call) -> None:
        vendor.after_call = lambda *_: None
        later = clock.advance(seconds=300)
        with context.database.write(workspace=workspace) as session:
            until = later + timedelta(seconds=60)
            taken = pulls.lease_pull(session, workspace=workspace, source=source, now=later, until=until)
            assert taken is not None

    vendor.after_call = take_over
    row = once(context, workspace, source, vendor)
    assert deliveries_of(context.database, source) == []
    assert (row.stored_count, row.failures, row.cursor) == (0, 0, {})


def test_a_turn_that_dies_anywhere_is_taken_up_where_it_was(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = filled("zendesk", clock, count=60)
    vendor.page_size = 25  # type: ignore[attr-defined]
    source = source_of(context, workspace, "zendesk", since=START)

    class Killed(BaseException):
        pass

    def kill(_: Vendor, __: Call) -> None:
        if len(vendor.calls) % 4 == 0:
            raise Killed

    vendor.after_call = kill
    for _ in range(200):
        try:
            once(context, workspace, source, vendor)
        except Killed:
            # Its lease runs out.
            clock.advance(seconds=context.settings.lease_seconds + 1)
            continue
        if pull_of(context, workspace, source).caught_up_at:
            break
    assert len(texts_of(context.database, source)) == expected("zendesk")
    assert len(deliveries_of(context.database, source)) == 60
    assert copies(context.database, source) == []
