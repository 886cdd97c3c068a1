"""What a vendor may do in the middle of pulling: refuse, lose its place, break at one record, change within a second."""

import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from models.queries import delivery_log, pull_counts, pulls
from models.records import FeedbackItem
from models.sources.pull import Ask, Held
from models.values.feedback import FIRST_MESSAGE
from tests.clock import Clock
from tests.fakes.github import GitHub
from tests.fakes.intercom import Intercom
from tests.fakes.vendor import Call, Said, Vendor
from tests.fakes.zendesk import Zendesk
from tests.steps import walk
from tests.workers.pulling import (
    KINDS,
    START,
    catch_up,
    deliveries_of,
    filled,
    once,
    pull_of,
    source_of,
    texts_of,
)
from workers.context import Context
from workers.reconcile import reconcile_source
from workers.vendor import Wire

HASTE = {
    "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
}


def test_haste_that_github_tells_in_words_alone_is_a_limit(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = filled("github", clock, count=3)
    vendor.planned.append(Said(403, HASTE, {"X-RateLimit-Remaining": "14"}))
    source = source_of(context, workspace, "github", since=START)
    row = once(context, workspace, source, vendor)
    assert (row.stopped, row.failures) == (False, 0)
    assert row.next_at - clock() >= timedelta(seconds=60)
    catch_up(context, workspace, source, vendor)
    assert pull_of(context, workspace, source).stored_count == 3


def test_a_permission_that_is_missing_is_still_no_limit(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = filled("github", clock, count=1)
    vendor.planned.append(Said(403, {"message": "Resource not accessible by personal access token"}))
    source = source_of(context, workspace, "github", since=START)
    assert once(context, workspace, source, vendor).stopped


@pytest.mark.parametrize("status", [301, 404])
def test_a_repository_that_is_lost_while_comments_are_read_deletes_nothing(
    context: Context, workspace: int, clock: Clock, status: int
) -> None:
    vendor = filled("github", clock, count=12)
    source = source_of(context, workspace, "github", since=START)
    catch_up(context, workspace, source, vendor)
    before = texts_of(context.database, source)
    clock.advance(hours=1)
    assert isinstance(vendor, GitHub)
    for number in range(1, 13):
        vendor.reply(number, "once more", clock() - timedelta(minutes=5))

    def lose(_: Vendor, call: Call) -> None:
        if call.path.endswith("/issues"):
            vendor.lost = status

    vendor.after_call = lose
    row = once(context, workspace, source, vendor)
    assert row.stopped
    assert before.items() <= texts_of(context.database, source).items()


@pytest.mark.parametrize("status", [301, 404, 410])
def test_an_issue_that_left_its_repository_is_gone(
    context: Context, workspace: int, clock: Clock, status: int
) -> None:
    vendor = filled("github", clock, count=3)
    source = source_of(context, workspace, "github", since=START)
    catch_up(context, workspace, source, vendor)
    clock.advance(hours=1)
    assert isinstance(vendor, GitHub)
    vendor.reply(2, "once more", clock() - timedelta(minutes=5))
    vendor.gone[2] = status
    once(context, workspace, source, vendor)
    assert {record for record, _ in texts_of(context.database, source)} == {"2900001", "2900003"}


def test_an_answer_of_somebody_between_us_and_the_vendor_deletes_nothing(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = filled("zendesk", clock, count=6)
    source = source_of(context, workspace, "zendesk", since=START)
    catch_up(context, workspace, source, vendor)
    before = texts_of(context.database, source)
    clock.advance(hours=1)
    assert isinstance(vendor, Zendesk)
    for number in range(1, 7):
        vendor.reply(number, "once more", 100 + number, clock() - timedelta(minutes=5))

    def away(_: Vendor, call: Call) -> None:
        # A proxy, or the page of an account that is not there: not Zendesk's own word for a missing ticket.
        vendor.planned.extend([Said(404)] * 3)
        vendor.after_call = lambda *_: None

    vendor.after_call = away
    row = once(context, workspace, source, vendor)
    assert row.failures == 1 and not row.stopped
    assert before.items() <= texts_of(context.database, source).items()
    vendor.planned.clear()
    # The first that could not be read was put off.
    clock.advance(minutes=20)
    catch_up(context, workspace, source, vendor)
    assert sum(text == "once more" for text in texts_of(context.database, source).values()) == 6


def items(context: Context, workspace: int) -> dict[tuple[str, str], str]:
    """Return the texts that stand, by record and message id."""
    with context.database.read(workspace=workspace) as session:
        rows = session.scalars(select(FeedbackItem).where(FeedbackItem.withdrawn.is_(False)))
        return {(row.external_id, row.message_id): row.text for row in rows}


def test_a_ticket_that_the_vendor_restored_is_back(context: Context, workspace: int, clock: Clock) -> None:
    vendor = filled("zendesk", clock, count=3)
    assert isinstance(vendor, Zendesk)
    source = source_of(context, workspace, "zendesk", since=START)
    catch_up(context, workspace, source, vendor)
    clock.advance(hours=1)
    vendor.touch(2, clock() - timedelta(minutes=10), status="deleted")
    once(context, workspace, source, vendor)
    walk(context)
    assert {record for record, _ in items(context, workspace)} == {"1", "3"}
    # Restored before we heard of the deletion: what the export tells is older than when it is asked.
    vendor.touch(2, clock() - timedelta(minutes=5), status="open")
    clock.advance(hours=1)
    once(context, workspace, source, vendor)
    walk(context)
    assert {record for record, _ in items(context, workspace)} == {"1", "2", "3"}


def test_a_version_of_before_the_deletion_brings_nothing_back(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = filled("zendesk", clock, count=1)
    assert isinstance(vendor, Zendesk)
    source = source_of(context, workspace, "zendesk", since=START)
    catch_up(context, workspace, source, vendor)
    clock.advance(hours=1)
    vendor.touch(1, clock() - timedelta(minutes=10), status="deleted")
    once(context, workspace, source, vendor)
    walk(context)
    replay(context, workspace, deliveries_of(context.database, source)[0].id)
    assert items(context, workspace) == {}


def test_an_older_version_that_is_read_again_brings_no_redacted_words_back(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = filled("zendesk", clock, count=3)
    assert isinstance(vendor, Zendesk)
    source = source_of(context, workspace, "zendesk", since=START)
    catch_up(context, workspace, source, vendor)
    walk(context)
    clock.advance(hours=1)
    vendor.comments[3][2]["body"] = "It is in the attachment. [redacted]"
    vendor.touch(3, clock() - timedelta(minutes=10))
    once(context, workspace, source, vendor)
    walk(context)
    told = items(context, workspace)
    assert told["3", "3002"] == "It is in the attachment. [redacted]"
    for delivery in deliveries_of(context.database, source):
        replay(context, workspace, delivery.id)
    replay(context, workspace, deliveries_of(context.database, source)[2].id)
    assert items(context, workspace) == told


def replay(context: Context, workspace: int, delivery: int) -> None:
    with context.database.write(workspace=workspace) as session:
        delivery_log.replay_one(session, workspace=workspace, delivery=delivery, now=context.clock())
    walk(context)


# --- one record that cannot be read -------------------------------------------------------------------------


BROKEN = {
    "zendesk": {"/tickets/6/comments.json", "/tickets/9/comments.json"},
    "intercom": {"/conversations/1006", "/conversations/1009"},
    "github": {"/issues/6/comments", "/issues/9/comments"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_that_cannot_be_read_holds_up_no_other(
    context: Context, workspace: int, clock: Clock, kind: str
) -> None:
    vendor = filled(kind, clock, count=30)
    vendor.page_size = 5  # type: ignore[attr-defined]
    vendor.broken = BROKEN[kind]
    source = source_of(context, workspace, kind, since=START)
    catch_up(context, workspace, source, vendor, turns=20)
    assert len({record for record, _ in texts_of(context.database, source)}) == 28
    with context.database.read(workspace=workspace) as session:
        assert pulls.count_wanted(session, workspace=workspace, source=source) == 2
    reconcile_source(context, workspace, source, budget=lambda: True, client=vendor.client)
    assert pull_of(context, workspace, source).failures == 0
    vendor.broken = set()
    clock.advance(hours=24)
    catch_up(context, workspace, source, vendor)
    reconcile_source(context, workspace, source, budget=lambda: True, client=vendor.client)
    assert len({record for record, _ in texts_of(context.database, source)}) == 30
    with context.database.read(workspace=workspace) as session:
        assert pulls.count_wanted(session, workspace=workspace, source=source) == 0


def test_a_wanted_record_that_cannot_be_read_holds_up_no_other(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = filled("zendesk", clock, count=3)
    vendor.broken = {"/tickets/9.json"}
    source = source_of(context, workspace, "zendesk", since=START)
    with context.database.write(workspace=workspace) as session:
        pulls.want_record(session, workspace=workspace, source=source, external_id="9", now=clock())
    catch_up(context, workspace, source, vendor, turns=5)
    assert len({record for record, _ in texts_of(context.database, source)}) == 3


# --- clocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["intercom", "github"])
def test_a_second_change_within_the_second_of_the_first_is_seen(
    context: Context, workspace: int, clock: Clock, kind: str
) -> None:
    vendor = filled(kind, clock, count=3)
    source = source_of(context, workspace, kind, since=START)
    catch_up(context, workspace, source, vendor)
    clock.advance(minutes=10)
    number = 2 if kind == "github" else "1002"
    reply = vendor.reply  # type: ignore[attr-defined]
    reply(number, "the first", clock())
    once(context, workspace, source, vendor)
    reply(number, "in the same second", clock())
    clock.advance(minutes=5)
    once(context, workspace, source, vendor)
    texts = [text for text in texts_of(context.database, source).values() if text]
    assert any("the first" in text for text in texts)
    assert any("in the same second" in text for text in texts)


def test_a_clock_of_ours_that_is_ahead_skips_nothing_after_a_lost_cursor(
    context: Context, workspace: int, clock: Clock
) -> None:
    theirs = Clock(clock() - timedelta(hours=3))
    vendor = filled("zendesk", theirs, count=3)
    assert isinstance(vendor, Zendesk)
    source = source_of(context, workspace, "zendesk", since=START)
    once(context, workspace, source, vendor)
    vendor.add(77, theirs() + timedelta(minutes=5))
    vendor.era = "d"
    clock.advance(minutes=30)
    theirs.advance(minutes=30)
    once(context, workspace, source, vendor)
    assert ("77", FIRST_MESSAGE) in texts_of(context.database, source)


def test_a_clock_of_ours_that_is_ahead_leaves_no_day_early(
    context: Context, workspace: int, clock: Clock
) -> None:
    clock.now = clock().replace(hour=1)
    theirs = Clock(clock() - timedelta(hours=3))
    vendor = Intercom(clock=theirs)
    source = source_of(context, workspace, "intercom", since=clock() - timedelta(days=3))
    once(context, workspace, source, vendor)
    vendor.add("7", theirs() + timedelta(minutes=5))
    for _ in range(3):
        clock.advance(hours=2)
        theirs.advance(hours=2)
        once(context, workspace, source, vendor)
    assert ("7", FIRST_MESSAGE) in texts_of(context.database, source)


def test_a_limit_is_waited_out_by_the_vendors_clock(context: Context, workspace: int, clock: Clock) -> None:
    theirs = Clock(clock() - timedelta(hours=3))
    vendor = filled("github", theirs, count=3)
    vendor.planned.append(vendor.limited(120))
    source = source_of(context, workspace, "github", since=START)
    row = once(context, workspace, source, vendor)
    assert timedelta(seconds=120) <= row.next_at - clock() <= timedelta(seconds=125)


# --- what the vendor says twice, in part, or slowly ---------------------------------------------------------


def test_a_record_may_go_and_come_back_and_go_again(context: Context, workspace: int, clock: Clock) -> None:
    vendor = Intercom(clock=clock)
    at = clock() - timedelta(days=1)
    for name in ("1", "2"):
        vendor.add(name, at)
    source = source_of(context, workspace, "intercom", since=clock() - timedelta(days=5))
    catch_up(context, workspace, source, vendor)
    for expected in ({"1"}, {"1", "2"}, {"1"}):
        if expected == {"1"}:
            held = vendor.conversations.pop("2")
        else:
            vendor.conversations["2"] = held
            held["updated_at"] = int(clock().timestamp()) + 60
        clock.advance(hours=20.5)
        catch_up(context, workspace, source, vendor)
        reconcile_source(context, workspace, source, budget=lambda: True, client=vendor.client)
        walk(context)
        assert {record for record, _ in items(context, workspace)} == expected


def test_a_count_that_github_calls_incomplete_is_none(context: Context, workspace: int, clock: Clock) -> None:
    vendor = GitHub(clock=clock)
    for number in range(1, 4):
        vendor.add(number, clock() - timedelta(days=1, hours=number))
    source = source_of(context, workspace, "github", since=clock() - timedelta(days=3))
    catch_up(context, workspace, source, vendor)
    vendor.planned.append(Said(200, {"total_count": 1, "incomplete_results": True, "items": []}))
    for expected in (0, 1):
        reconcile_source(context, workspace, source, budget=lambda: True, client=vendor.client)
        with context.database.read(workspace=workspace) as session:
            rows = pull_counts.list_counts(session, workspace=workspace, source=source, limit=10)
        assert [(row.theirs, row.ours) for row in rows if row.theirs] == [(3, 3)] * expected
        clock.advance(minutes=5)


def test_an_answer_that_never_ends_is_given_up(context: Context) -> None:
    class Drip(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                time.sleep(0.01)
                yield b" "

    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=Drip())))
    wire = Wire(client, "https://vendor.example", (), context.clock, answer_s=0.3)
    with pytest.raises(Held) as held:
        wire.send(Ask("/"))
    assert not held.value.is_limit
