"""Pulling against fakes of the vendors: the whole history once, whatever the vendor, the network and we do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import select

from models.queries import deliveries, pulls
from models.queries.deliveries import DeliveryDraft
from models.records import FeedbackItem
from models.sources.pull import LONGEST_WAIT_S
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole
from tests.clock import NOON, Clock
from tests.fakes.github import GitHub
from tests.fakes.intercom import Intercom
from tests.fakes.vendor import Call, Said, Vendor
from tests.fakes.zendesk import AGENT, Zendesk
from tests.models.sources.examples import examples
from tests.steps import walk
from tests.workers.pulling import (
    YEAR,
    catch_up,
    changes_of,
    copies,
    deliveries_of,
    once,
    pull_of,
    source_of,
    texts_of,
)
from workers.context import Context
from workers.pull import pull_due, pull_source

START = NOON - YEAR
KINDS: dict[str, Callable[..., Vendor]] = {"zendesk": Zendesk, "intercom": Intercom, "github": GitHub}


def filled(kind: str, clock: Clock, count: int = 60) -> Vendor:
    """A vendor with a year of records; every third has replies of staff and of the customer."""
    vendor = KINDS[kind](clock=clock)
    gap = (YEAR - timedelta(days=2)) / count
    for number in range(1, count + 1):
        at = START + timedelta(days=1) + gap * number
        name = number if kind != "intercom" else str(1_000 + number)
        vendor.add(name, at)  # type: ignore[attr-defined]
        if number % 3 == 0:
            reply = vendor.reply  # type: ignore[attr-defined]
            later = (at + timedelta(minutes=5), at + timedelta(minutes=9))
            if kind == "zendesk":
                reply(name, f"we look into {name}", AGENT, later[0])
                reply(name, f"and the second one {name}", 100 + number, later[1])
            elif kind == "intercom":
                reply(name, f"we look into {name}", later[0], kind="admin")
                reply(name, f"and the second one {name}", later[1])
            else:
                reply(name, f"we look into {name}", later[0], association="MEMBER")
                reply(name, f"and the second one {name}", later[1])
    return vendor


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
        pulls.put_pull(session, workspace=workspace, source=source, draft=draft, now=clock())
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


def test_pull_requests_are_no_issues_and_staff_are_told_apart(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = GitHub(clock=clock)
    vendor.add(1, NOON - timedelta(days=2))
    vendor.add(2, NOON - timedelta(days=2), is_pull=True)
    vendor.add(3, NOON - timedelta(days=1), association="MEMBER")
    vendor.reply(1, "we look", NOON - timedelta(days=1), association="OWNER")
    source = source_of(context, workspace, "github", since=START)
    catch_up(context, workspace, source, vendor)
    found = [change for change in changes_of(context.database, source) if change.body]
    assert [(change.external_id, change.author_role) for change in found] == [
        ("2900001", AuthorRole.CUSTOMER),
        ("2900001", AuthorRole.AGENT),
        ("2900003", AuthorRole.AGENT),
    ]


def test_a_ticket_of_a_caller_is_relayed_and_robots_are_no_customers(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = Zendesk(clock=clock)
    vendor.add(1, NOON - timedelta(days=2), by=AGENT)
    vendor.reply(1, "automatic answer", -1, NOON - timedelta(days=1))
    vendor.comments[1][-1]["via"] = {"channel": "rule"}
    source = source_of(context, workspace, "zendesk", since=START)
    catch_up(context, workspace, source, vendor)
    opening, robot, _ = changes_of(context.database, source)
    assert (opening.author_role, opening.relayed) == (AuthorRole.AGENT, True)
    assert opening.customer_email == "person101@example.com"
    assert robot.author_role is AuthorRole.BOT


def test_deleted_and_merged_tickets_are_told(context: Context, workspace: int, clock: Clock) -> None:
    vendor = Zendesk(clock=clock)
    for number in (1, 2, 3):
        vendor.add(number, NOON - timedelta(days=3))
    source = source_of(context, workspace, "zendesk", since=START)
    catch_up(context, workspace, source, vendor)
    clock.advance(hours=1)
    vendor.touch(1, NOON, status="deleted")
    vendor.reply(2, "This request was closed and merged into request #3", AGENT, NOON)
    vendor.touch(2, NOON, status="closed", tags=["closed_by_merge"])
    once(context, workspace, source, vendor)
    last = changes_of(context.database, source)
    assert [change.external_id for change in last if change.action is Action.DELETE] == ["1"]
    (merge,) = [change for change in last if change.action is Action.MERGE]
    assert (merge.external_id, merge.merged_into) == ("2", "3")


def test_redacted_texts_and_remarks_of_intercom(context: Context, workspace: int, clock: Clock) -> None:
    vendor = Intercom(clock=clock)
    vendor.add("1", NOON - timedelta(days=1), remark="Still broken after the update.")
    vendor.reply("1", "my card is 4111", NOON - timedelta(hours=20))
    vendor.reply("1", "internal", NOON - timedelta(hours=19), kind="admin", note=True)
    vendor.conversations["1"]["parts"][0] |= {"redacted": True}
    source = source_of(context, workspace, "intercom", since=NOON - timedelta(days=3))
    catch_up(context, workspace, source, vendor)
    found = {change.message_id: change for change in changes_of(context.database, source)}
    assert found["101"].action is Action.REDACT
    assert found["201"].is_public is False
    assert found["rating"].body == "Still broken after the update."
    assert found["rating"].makes_item


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


# --- through intake -----------------------------------------------------------------------------------------


def items(context: Context, workspace: int) -> list[FeedbackItem]:
    with context.database.read(workspace=workspace) as session:
        query = select(FeedbackItem).where(FeedbackItem.withdrawn.is_(False)).order_by(FeedbackItem.id)
        return list(session.scalars(query))


def test_a_ticket_that_comes_by_webhook_and_by_pulling_is_one(
    context: Context, workspace: int, clock: Clock
) -> None:
    named = {example.name: example for example in examples()}
    hooks = [named[f"zendesk.event_{name}"] for name in ("ticket_created", "comment_added_agent")]
    vendor = Zendesk(clock=clock)
    at = datetime.fromisoformat("2026-03-02T09:14:58+00:00")
    text = "Since this morning the CSV export stops at 1,000 rows. We need the full list for our month-end report."
    vendor.add(41207, at, text=text)
    vendor.reply(41207, "It happens on my phone, too.", 100 + 41207, at + timedelta(hours=1))
    source = source_of(context, workspace, "zendesk", since=START)
    drafts = [
        DeliveryDraft(workspace, source, f"hook {place}", clock(), {}, hook.body)
        for place, hook in enumerate(hooks)
    ]
    with context.database.write(workspace=workspace) as session:
        deliveries.record(session, drafts=drafts[:1])
    walk(context)
    catch_up(context, workspace, source, vendor)
    walk(context)
    with context.database.write(workspace=workspace) as session:
        deliveries.record(session, drafts=drafts[1:])
    walk(context)
    assert [(item.external_id, item.message_id) for item in items(context, workspace)] == [
        ("41207", FIRST_MESSAGE),
        ("41207", "41207001"),
    ]
    assert len({item.text for item in items(context, workspace)}) == 2


def test_pulled_history_becomes_items_with_its_dates(context: Context, workspace: int, clock: Clock) -> None:
    vendor = filled("zendesk", clock, count=9)
    source = source_of(context, workspace, "zendesk", since=START)
    catch_up(context, workspace, source, vendor)
    walk(context)
    found = items(context, workspace)
    # The agents' replies make no item.
    assert len(found) == 9 + 3
    assert min(item.ticket_created_at for item in found) < NOON - timedelta(days=300)
    assert all(item.created_at >= item.ticket_created_at for item in found)


def test_a_webhook_without_text_is_fetched(context: Context, workspace: int, clock: Clock) -> None:
    vendor = Zendesk(clock=clock)
    vendor.add(5, NOON - timedelta(days=400))
    source = source_of(context, workspace, "zendesk", since=NOON - timedelta(days=1))
    with context.database.write(workspace=workspace) as session:
        for name in ("5", "6"):
            pulls.want_record(session, workspace=workspace, source=source, external_id=name, now=clock())
    with context.database.read(workspace=workspace) as session:
        assert pulls.count_wanted(session, workspace=workspace, source=source) == 2
    once(context, workspace, source, vendor)
    assert list(texts_of(context.database, source)) == [("5", FIRST_MESSAGE)]
    with context.database.read(workspace=workspace) as session:
        assert pulls.count_wanted(session, workspace=workspace, source=source) == 0
