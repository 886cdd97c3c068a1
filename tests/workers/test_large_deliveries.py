"""Large deliveries: written part by part, each change once and in order, whoever dies or comes in between."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, event, select

from models.database import Database
from models.jobs import Job, WorkState
from models.queries import delivery_log, work
from models.queries.work import Leased
from models.records import Delivery, DeliveryState, FeedbackItem, Source, Work
from models.values.feedback import FeedbackChange
from tests import factories, rows
from tests.clock import Clock
from tests.steps import walk
from tests.workers.tickets import deliver, entry, items
from workers import intake
from workers.apply import Prepared
from workers.context import Context
from workers.intake import parse_deliveries

COUNT, AT_ONCE = 25, 10
LEASE_S = 60


class Killed(BaseException):
    """What ends a process in the middle of its work: nothing of it is recorded."""


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a part be small, so that few changes make several parts."""
    monkeypatch.setattr(intake, "CHANGES_AT_ONCE", AT_ONCE)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The records of the changes that were handed to the database, in order, those rolled back included."""
    found: list[str] = []
    real = intake.apply

    def apply(session: object, origin: object, prepared: Prepared) -> None:
        real(session, origin, prepared)  # type: ignore[arg-type]
        assert isinstance(prepared.change, FeedbackChange)
        found.append(prepared.change.external_id or "")

    monkeypatch.setattr(intake, "apply", apply)
    return found


def names(start: int, end: int) -> list[str]:
    return [f"T-{number}" for number in range(start, end)]


def entries(count: int = COUNT, **chosen: object) -> list[dict[str, object]]:
    return [entry(number, tags=["tier_pro", "old_basic"], **chosen) for number in range(count)]


def lease(context: Context, *, max_attempts: int = 5) -> list[Leased]:
    with context.database.write(workspace=None) as session:
        return work.lease(
            session,
            stage=Job.INTAKE,
            limit=9,
            now=context.clock(),
            seconds=LEASE_S,
            max_attempts=max_attempts,
        )


def before_part(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object]) -> None:
    """Do something once, when a worker has committed so many parts and is about to make the next one ready."""
    real, seen = intake.prepare, [0]

    def prepare(change: object) -> Prepared:
        seen[0] += 1
        if seen[0] == number * AT_ONCE + 1:
            act()
        return real(change)  # type: ignore[arg-type]

    monkeypatch.setattr(intake, "prepare", prepare)


def die() -> None:
    raise Killed


def delivery_of(database: Database) -> Delivery:
    with database.read(workspace=None) as session:
        return session.scalars(select(Delivery)).one()


def assert_whole(database: Database, count: int = COUNT) -> None:
    """Every change is written, and nothing is left to do."""
    assert [item.external_id for item in items(database)] == names(0, count)
    row = delivery_of(database)
    assert (row.state, row.done_changes, row.changes_digest) == (DeliveryState.PARSED, 0, None)
    with database.read(workspace=None) as session:
        states = session.scalars(select(Work.state).where(Work.stage == Job.INTAKE)).all()
    assert states == [WorkState.DONE]


@contextmanager
def transactions(database: Database) -> Iterator[list[list[str]]]:
    """Collect the statements of each transaction that writes."""
    # SQLite's own BEGIN comes before the first is known of.
    found: list[list[str]] = [[]]

    def begin(_connection: Connection) -> None:
        found.append([])

    def note(*given: object) -> None:
        found[-1].append(str(given[2]))

    event.listen(database.engine, "begin", begin)
    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.engine, "begin", begin)
        event.remove(database.engine, "before_cursor_execute", note)


def inserted(statements: list[str]) -> int:
    return sum(each.startswith("INSERT INTO feedback_item ") for each in statements)


def test_no_transaction_is_longer_for_a_larger_delivery(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    deliver(context, workspace, source, entries(intake.CHANGES_AT_ONCE))
    with transactions(context.database) as of_one_part:
        parse_deliveries(context, lease(context))
    more = [entry(number, id=f"more {number}") for number in range(2 * intake.CHANGES_AT_ONCE + 20)]
    deliver(context, workspace, source, more)
    with transactions(context.database) as of_several:
        parse_deliveries(context, lease(context))
    at_once = intake.CHANGES_AT_ONCE
    assert [count for count in map(inserted, of_several) if count] == [at_once, at_once, 20]
    # The part's own few: what it was read under, and how far it came.
    assert max(map(len, of_several)) <= max(map(len, of_one_part)) + 5


def test_small_deliveries_share_a_transaction_of_no_more_changes(
    database: Database, context: Context, workspace: int, source: int, small: None
) -> None:
    bodies = [[entry(number, id=f"{name} {number}") for number in range(4)] for name in "abc"]
    deliver(context, workspace, source, *bodies)
    with transactions(context.database) as found:
        parse_deliveries(context, lease(context))
    assert [count for count in map(inserted, found) if count] == [8, 4]
    with database.read(workspace=None) as session:
        assert set(session.scalars(select(Delivery.state))) == {DeliveryState.PARSED}


def kill_in_part(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
    """Let one worker die while it writes the change about a record; the next one does not."""
    real, alive = intake.apply, [True]

    def apply(session: object, origin: object, prepared: Prepared) -> None:
        real(session, origin, prepared)  # type: ignore[arg-type]
        assert isinstance(prepared.change, FeedbackChange)
        if alive[0] and prepared.change.external_id == name:
            alive[0] = False
            raise error

    monkeypatch.setattr(intake, "apply", apply)


def test_what_was_written_before_a_kill_in_a_part_is_not_written_again(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    clock: Clock,
    small: None,
    written: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver(context, workspace, source, entries())
    kill_in_part(monkeypatch, "T-14", Killed())
    with pytest.raises(Killed):
        parse_deliveries(context, lease(context))
    assert [item.external_id for item in items(database)] == names(0, 10)
    assert (delivery_of(database).state, delivery_of(database).done_changes) == (DeliveryState.OPEN, 10)
    assert lease(context) == []
    clock.advance(seconds=LEASE_S + 1)
    del written[:]
    parse_deliveries(context, lease(context))
    assert written == names(10, 25)
    assert_whole(database)


def test_a_kill_between_two_parts_loses_nothing(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    clock: Clock,
    small: None,
    written: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver(context, workspace, source, entries())
    before_part(monkeypatch, 2, die)
    with pytest.raises(Killed):
        parse_deliveries(context, lease(context))
    assert written == names(0, 20)
    clock.advance(seconds=LEASE_S + 1)
    parse_deliveries(context, lease(context))
    assert written == names(0, 25)
    assert_whole(database)


def test_attempts_count_from_the_last_part_that_was_written(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    clock: Clock,
    small: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A delivery whose workers die again and again, each behind a part more, is given up by nobody."""
    deliver(context, workspace, source, entries())
    for _ in range(2):
        with monkeypatch.context() as patched:
            before_part(patched, 1, die)
            with pytest.raises(Killed):
                parse_deliveries(context, lease(context, max_attempts=2))
        clock.advance(seconds=LEASE_S + 1)
    parse_deliveries(context, lease(context, max_attempts=2))
    assert_whole(database)


def test_a_part_that_no_worker_survives_is_given_up(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    clock: Clock,
    small: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver(context, workspace, source, entries())
    for part in (1, 0):
        with monkeypatch.context() as patched:
            before_part(patched, part, die)
            with pytest.raises(Killed):
                parse_deliveries(context, lease(context, max_attempts=2))
        clock.advance(seconds=LEASE_S + 1)
    assert lease(context, max_attempts=2) == []
    with database.read(workspace=None) as session:
        assert session.scalars(select(Work.state).where(Work.stage == Job.INTAKE)).all() == [WorkState.DEAD]
    assert [item.external_id for item in items(database)] == names(0, 10)


def test_a_part_that_fails_is_tried_again_without_those_before_it(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    small: None,
    written: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver(context, workspace, source, entries(), entry(99))
    kill_in_part(monkeypatch, "T-14", RuntimeError("a bug"))
    walk(context)
    # What was written before the error was undone with its part.
    assert written == [*names(0, 15), *names(10, 25), "T-99"]
    assert [item.external_id for item in items(database)] == [*names(0, 25), "T-99"]


def test_a_worker_that_lost_its_lease_writes_no_part_more(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    clock: Clock,
    small: None,
    written: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver(context, workspace, source, entries())

    def overtake() -> None:
        """Somebody else takes the delivery over, and writes the next part of it alone."""
        clock.advance(seconds=LEASE_S + 1)
        before_part(monkeypatch, 1, die)
        with pytest.raises(Killed):
            parse_deliveries(context, lease(context))

    before_part(monkeypatch, 1, overtake)
    parse_deliveries(context, lease(context))
    assert written == names(0, 20)
    assert delivery_of(database).done_changes == 20
    clock.advance(seconds=LEASE_S + 1)
    parse_deliveries(context, lease(context))
    assert written == names(0, 25)
    assert_whole(database)


def test_a_worker_that_comes_back_after_the_end_changes_nothing(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    clock: Clock,
    small: None,
    written: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver(context, workspace, source, entries())

    def overtake() -> None:
        clock.advance(seconds=LEASE_S + 1)
        parse_deliveries(context, lease(context))

    before_part(monkeypatch, 1, overtake)
    parse_deliveries(context, lease(context))
    assert written == names(0, 25)
    assert_whole(database)


def change_settings(database: Database, workspace: int, source: int, settings: Mapping[str, object]) -> None:
    with database.write(workspace=workspace) as session:
        session.get_one(Source, source).settings = dict(settings)


def plans(database: Database) -> set[str | None]:
    return {item.plan for item in items(database)}


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_delivery_is_begun_anew_where_it_is_read_otherwise_between_two_parts(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    clock: Clock,
    small: None,
    written: list[str],
    monkeypatch: pytest.MonkeyPatch,
    is_killed: bool,
) -> None:
    change_settings(database, workspace, source, {"plan_tag_prefix": "old_"})
    deliver(context, workspace, source, entries())

    def act() -> None:
        assert plans(database) == {"basic"}
        change_settings(database, workspace, source, {"plan_tag_prefix": "tier_"})
        if is_killed:
            die()

    before_part(monkeypatch, 1, act)
    if is_killed:
        with pytest.raises(Killed):
            parse_deliveries(context, lease(context))
        clock.advance(seconds=LEASE_S + 1)
    else:
        parse_deliveries(context, lease(context))
    assert written == names(0, 10), "nothing is mixed"
    parse_deliveries(context, lease(context))
    assert written == [*names(0, 10), *names(0, 25)]
    assert plans(database) == {"pro"}
    assert_whole(database)


def test_a_setting_that_reads_the_delivery_alike_begins_nothing_anew(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    small: None,
    written: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver(context, workspace, source, entries())
    before_part(monkeypatch, 1, lambda: change_settings(database, workspace, source, {"count_relayed": True}))
    walk(context)
    assert written == names(0, 25)
    assert_whole(database)


def test_a_delivery_that_is_read_as_nothing_any_more_is_closed(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    clock: Clock,
    small: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver(context, workspace, source, entries())
    before_part(monkeypatch, 1, die)
    with pytest.raises(Killed):
        parse_deliveries(context, lease(context))
    change_settings(database, workspace, source, {"no such setting": True})
    clock.advance(seconds=LEASE_S + 1)
    parse_deliveries(context, lease(context))
    row = delivery_of(database)
    assert (row.state, row.done_changes, row.changes_digest) == (DeliveryState.INVALID, 0, None)


def test_a_replay_in_the_middle_reads_the_delivery_from_its_first_change(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    small: None,
    written: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver(context, workspace, source, entries())

    def replay() -> None:
        with database.write(workspace=workspace) as session:
            number = session.scalars(select(Delivery.id)).one()
            delivery_log.replay_one(session, workspace=workspace, delivery=number, now=context.clock())

    before_part(monkeypatch, 1, replay)
    walk(context)
    assert written == [*names(0, 10), *names(0, 25)]
    assert_whole(database)


def test_what_is_written_twice_is_stored_once(
    database: Database, context: Context, workspace: int, source: int, small: None
) -> None:
    """Whatever a body can say: applying all of it once more changes no row but those of the work itself."""
    person = {"customer_email": "ann@example.com", "customer_id": "7"}
    stamp = "2026-05-21T10:00:00Z"
    body: list[dict[str, object]] = [
        *entries(8, **person),
        *(entry(1, message_id=f"m{number}", **person, occurred_at=stamp) for number in range(6)),
        entry(2, action="update_status", status="solved", tags=["b"], occurred_at=stamp),
        entry(3, action="merge", merged_into="T-4", occurred_at=stamp),
        entry(1, action="redact", message_id="m2", occurred_at=stamp),
        entry(5, action="delete", occurred_at=stamp),
        entry(6, rating=2, occurred_at=stamp),
        {"type": "release", "id": "v2", "name": "Two", "released_at": "2026-05-01T00:00:00Z"},
        {"type": "metric", "metric": "activation", "value": 0.4, "at": "2026-05-01T00:00:00Z"},
    ]
    deliver(context, workspace, source, body)
    walk(context)
    with database.engine.connect() as connection:
        once = rows.read(connection)
    assert json.dumps(once["feedback_item"], default=str).count("ann@") == 0
    with database.write(workspace=workspace) as session:
        number = session.scalars(select(Delivery.id)).one()
        delivery_log.replay_one(session, workspace=workspace, delivery=number, now=context.clock())
    walk(context)
    with database.engine.connect() as connection:
        twice = rows.read(connection)
    assert len(once["feedback_item"]) == 8 + 6 + 1
    # The steps of a release are written anew as they were.
    for found in (once, twice):
        steps = found["rollout_step"].values()
        found["rollout_step"] = {place: {**step, "id": 0} for place, step in enumerate(steps)}
    assert {table for table in once if once[table] != twice[table]} <= {"work", "delivery"}
    with database.read(workspace=None) as session:
        assert len(session.scalars(select(FeedbackItem.id)).all()) == len(once["feedback_item"])
