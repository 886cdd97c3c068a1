"""What a vendor may do in the middle of pulling: refuse, lose its place, break at one record, change within a second."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.queries import delivery_log
from models.records import FeedbackItem
from tests.clock import Clock
from tests.fakes.github import GitHub
from tests.fakes.vendor import Call, Said, Vendor
from tests.fakes.zendesk import Zendesk
from tests.steps import walk
from tests.workers.pulling import (
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
