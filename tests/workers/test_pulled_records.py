"""What pulled records mean: whose words they are, what became of a ticket, and that webhook and pull are one."""

from datetime import datetime, timedelta

from sqlalchemy import select

from models.queries import deliveries, pulls
from models.queries.deliveries import DeliveryDraft
from models.records import FeedbackItem
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole
from tests.clock import NOON, Clock
from tests.fakes.github import GitHub
from tests.fakes.intercom import Intercom
from tests.fakes.zendesk import AGENT, Zendesk
from tests.models.sources.examples import examples
from tests.steps import walk
from tests.workers.pulling import (
    START,
    catch_up,
    changes_of,
    filled,
    once,
    source_of,
    texts_of,
)
from workers.context import Context


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
    _, opening, robot, _ = changes_of(context.database, source)
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
