"""Each day's records against the vendor's own count: 412 = 412, gaps fetched, what is gone there gone here."""

from datetime import date, timedelta

import pytest

from models.queries import deliveries, pull_counts
from models.queries.deliveries import DeliveryDraft
from models.records import PullCount
from models.sources.pull import body_of
from tests.clock import NOON, Clock
from tests.fakes.github import GitHub
from tests.fakes.intercom import Intercom
from tests.fakes.vendor import Vendor
from tests.fakes.zendesk import Zendesk
from tests.steps import walk
from tests.workers.pulling import catch_up, deliveries_of, pull_of, source_of, texts_of
from workers.context import Context
from workers.reconcile import reconcile_due, reconcile_source

DAYS = 5
SINCE = NOON - timedelta(days=DAYS + 1)


def filled(kind: str, clock: Clock) -> Vendor:
    """A vendor with four records on each of the last five days."""
    vendor: Zendesk | Intercom | GitHub = {"zendesk": Zendesk, "intercom": Intercom, "github": GitHub}[kind](
        clock=clock
    )
    number = 0
    for day in range(1, DAYS + 1):
        for hour in range(4):
            number += 1
            at = NOON - timedelta(days=day, hours=hour)
            if isinstance(vendor, Intercom):
                vendor.add(str(1_000 + number), at)
            else:
                vendor.add(number, at)
    return vendor


def hide(vendor: Vendor, number: int) -> object:
    """Take a record out of the vendor's lists; the return value puts it back by `show`."""
    if isinstance(vendor, Zendesk):
        vendor.hidden.add(number)
        return None
    if isinstance(vendor, Intercom):
        return vendor.conversations.pop(str(1_000 + number))
    assert isinstance(vendor, GitHub)
    return vendor.issues.pop(number)


def show(vendor: Vendor, number: int, held: object) -> None:
    if isinstance(vendor, Zendesk):
        vendor.hidden.clear()
    elif isinstance(vendor, Intercom):
        vendor.conversations[str(1_000 + number)] = held  # type: ignore[assignment]
    elif isinstance(vendor, GitHub):
        vendor.issues[number] = held  # type: ignore[assignment]


def counts(context: Context, workspace: int, source: int) -> dict[date, PullCount]:
    with context.database.read(workspace=workspace) as session:
        rows = pull_counts.list_counts(session, workspace=workspace, source=source, limit=100)
    return {row.day: row for row in rows}


@pytest.mark.parametrize("kind", ["zendesk", "intercom", "github"])
def test_a_record_that_no_page_had_is_found_by_the_count_and_fetched(
    context: Context, workspace: int, clock: Clock, kind: str
) -> None:
    vendor = filled(kind, clock)
    source = source_of(context, workspace, kind, since=SINCE)
    held = hide(vendor, 6)
    catch_up(context, workspace, source, vendor)
    assert len(deliveries_of(context.database, source)) == 4 * DAYS - 1
    show(vendor, 6, held)
    before = pull_of(context, workspace, source).next_at
    assert reconcile_due(context, client=vendor.client) == DAYS
    found = counts(context, workspace, source)
    missed = (NOON - timedelta(days=2)).date()
    assert {day: (row.theirs, row.ours, row.fetched) for day, row in found.items()} == {
        (NOON - timedelta(days=day)).date(): (4, 4, 1 if (NOON - timedelta(days=day)).date() == missed else 0)
        for day in range(1, DAYS + 1)
    }
    assert len(deliveries_of(context.database, source)) == 4 * DAYS
    assert pull_of(context, workspace, source).next_at == before
    # Days that agree are not asked about again; the youngest are, a day later.
    assert reconcile_due(context, client=vendor.client) == 0
    clock.advance(hours=24)
    catch_up(context, workspace, source, vendor)
    assert reconcile_due(context, client=vendor.client) == 3


def test_a_day_that_agrees_costs_one_request(context: Context, workspace: int, clock: Clock) -> None:
    vendor = filled("zendesk", clock)
    source = source_of(context, workspace, "zendesk", since=SINCE)
    catch_up(context, workspace, source, vendor)
    vendor.calls.clear()
    reconcile_due(context, client=vendor.client)
    assert vendor.paths == ["/api/v2/search/count.json"] * DAYS


def test_what_is_gone_at_the_vendor_goes_here(context: Context, workspace: int, clock: Clock) -> None:
    vendor = filled("intercom", clock)
    source = source_of(context, workspace, "intercom", since=SINCE)
    catch_up(context, workspace, source, vendor)
    hide(vendor, 7)
    reconcile_due(context, client=vendor.client)
    row = counts(context, workspace, source)[(NOON - timedelta(days=2)).date()]
    assert (row.theirs, row.ours) == (3, 3)
    assert not [key for key in texts_of(context.database, source) if key[0] == "1007"]


def test_what_goes_long_afterwards_goes_here_within_a_month(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = filled("intercom", clock)
    source = source_of(context, workspace, "intercom", since=SINCE)
    catch_up(context, workspace, source, vendor)
    reconcile_due(context, client=vendor.client)
    clock.advance(days=10)
    hide(vendor, 7)
    for _ in range(21):
        clock.advance(days=1)
        reconcile_due(context, client=vendor.client)
    assert not [key for key in texts_of(context.database, source) if key[0] == "1007"]
    row = counts(context, workspace, source)[(NOON - timedelta(days=2)).date()]
    assert (row.theirs, row.ours) == (3, 3)


def test_records_that_came_by_webhook_count_as_ours(context: Context, workspace: int, clock: Clock) -> None:
    vendor = filled("zendesk", clock)
    assert isinstance(vendor, Zendesk)
    source = source_of(context, workspace, "zendesk", since=SINCE)
    vendor.hidden.add(3)
    catch_up(context, workspace, source, vendor)
    ticket = vendor.tickets[3]
    hook = {"ticket_id": 3, "created_at": ticket["created_at"], "description": "It came by a trigger."}
    draft = DeliveryDraft(workspace, source, "hook", clock(), {}, body_of(hook))
    with context.database.write(workspace=workspace) as session:
        deliveries.record(session, drafts=[draft])
    walk(context)
    reconcile_due(context, client=vendor.client)
    row = counts(context, workspace, source)[(NOON - timedelta(days=1)).date()]
    assert (row.theirs, row.ours, row.fetched) == (4, 4, 0)


def test_deleted_tickets_are_counted_by_nobody(context: Context, workspace: int, clock: Clock) -> None:
    vendor = filled("zendesk", clock)
    assert isinstance(vendor, Zendesk)
    source = source_of(context, workspace, "zendesk", since=SINCE)
    catch_up(context, workspace, source, vendor)
    vendor.touch(2, clock.advance(hours=3) - timedelta(hours=1), status="deleted")
    catch_up(context, workspace, source, vendor)
    walk(context)
    reconcile_due(context, client=vendor.client)
    row = counts(context, workspace, source)[(NOON - timedelta(days=1)).date()]
    assert (row.theirs, row.ours) == (3, 3)


def test_a_limit_in_the_middle_of_comparing_is_taken_up_again(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = filled("zendesk", clock)
    source = source_of(context, workspace, "zendesk", since=SINCE)
    catch_up(context, workspace, source, vendor)
    clock.advance(minutes=2)
    vendor.per_minute = 2
    compared = 0
    for _ in range(10):
        compared = len(counts(context, workspace, source))
        if compared == DAYS:
            break
        reconcile_source(context, workspace, source, budget=lambda: True, client=vendor.client)
        clock.advance(minutes=1)
    assert compared == DAYS
    assert pull_of(context, workspace, source).failures == 0


def test_the_present_day_is_not_compared(context: Context, workspace: int, clock: Clock) -> None:
    vendor = Zendesk(clock=clock)
    vendor.add(1, NOON - timedelta(hours=1))
    source = source_of(context, workspace, "zendesk", since=NOON - timedelta(days=2))
    catch_up(context, workspace, source, vendor)
    reconcile_due(context, client=vendor.client)
    assert NOON.date() not in counts(context, workspace, source)
