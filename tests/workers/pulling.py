"""What tests of pulling share: a source that is pulled from a fake, turns until it is caught up, what it stored."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select

from models.database import Database
from models.queries import deliveries, pulls
from models.queries.pulls import PullDraft
from models.records import Delivery, Pull
from models.sealing import Keyring
from models.sources.pullers import parser_of
from models.sources.source import SourceSettings
from models.values.feedback import Action, FeedbackChange
from tests import factories
from tests.clock import NOON, Clock
from tests.fakes.github import GitHub
from tests.fakes.intercom import Intercom
from tests.fakes.vendor import TOKEN, Vendor
from tests.fakes.zendesk import AGENT, Zendesk
from workers.context import Context
from workers.pull import pull_due, pull_source

PLACES = {"zendesk": "acme", "intercom": "eu", "github": "example-org/brightlane"}
YEAR = timedelta(days=366)
START = NOON - YEAR
KINDS: dict[str, Callable[..., Vendor]] = {"zendesk": Zendesk, "intercom": Intercom, "github": GitHub}


def source_of(
    context: Context, workspace: int, kind: str, *, since: datetime, base_url: str | None = None
) -> int:
    """Make a source that is pulled from now on."""
    account = "mira@example.com" if kind == "zendesk" else None
    draft = PullDraft(PLACES[kind], base_url, account, TOKEN, 300, since)
    with context.database.write(workspace=workspace) as session:
        source = factories.source(session, workspace, kind=kind)
        pulls.put_pull(
            session, workspace=workspace, source=source, draft=draft, keys=Keyring(), now=context.clock()
        )
    return source


def pull_of(context: Context, workspace: int, source: int) -> Pull:
    with context.database.read(workspace=workspace) as session:
        row = pulls.find_pull(session, workspace=workspace, source=source)
    assert row is not None
    return row


def catch_up(context: Context, workspace: int, source: int, vendor: Vendor, *, turns: int = 200) -> int:
    """Take turns, each when its time has come, until the source is caught up; return how many it took."""
    clock = context.clock
    assert isinstance(clock, Clock)
    before = clock()
    for number in range(1, turns + 1):
        pull_due(context, client=vendor.client)
        row = pull_of(context, workspace, source)
        assert not row.stopped, row.error
        if row.caught_up_at is not None and row.caught_up_at >= before and row.next_at > clock():
            return number
        clock.now = max(clock(), row.next_at)
    raise AssertionError("never caught up")


def once(context: Context, workspace: int, source: int, vendor: Vendor) -> Pull:
    """Take one turn, be it time or not."""
    pull_source(context, workspace, source, budget=lambda: True, client=vendor.client)
    return pull_of(context, workspace, source)


def deliveries_of(database: Database, source: int) -> list[Delivery]:
    with database.read(workspace=None) as session:
        owner = deliveries.find_source(session, source=source)
    assert owner is not None
    with database.read(workspace=owner.workspace_id) as session:
        return list(
            session.scalars(select(Delivery).where(Delivery.source_id == source).order_by(Delivery.id))
        )


def changes_of(database: Database, source: int) -> list[FeedbackChange]:
    """Read every stored record with the parser that intake would take."""
    found: list[FeedbackChange] = []
    for delivery in deliveries_of(database, source):
        parse = parser_of(delivery.headers)
        assert parse is not None
        read = parse(
            delivery.body,
            headers=delivery.headers,
            settings=SourceSettings(),
            received_at=delivery.received_at,
        )
        found += [change for change in read if isinstance(change, FeedbackChange)]
    return found


def texts_of(database: Database, source: int) -> dict[tuple[str | None, str | None], str | None]:
    """Return the last text of every message, by record and message id; what was deleted is not there."""
    found: dict[tuple[str | None, str | None], str | None] = {}
    for change in changes_of(database, source):
        if change.action in (Action.UPSERT, Action.APPEND_MESSAGE):
            found[change.external_id, change.message_id] = change.body
        elif change.action is Action.DELETE:
            found = {key: text for key, text in found.items() if key[0] != change.external_id}
    return found


def copies(database: Database, source: int) -> list[str]:
    """List the keys that stand twice; the database lets none."""
    keys = Counter(delivery.key for delivery in deliveries_of(database, source))
    return [key for key, count in keys.items() if count > 1]


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
