"""Rules of scope at work: left out at intake, decided anew when rules change, verdicts that wait for it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import select, update

from models.database import Database
from models.jobs import Job
from models.queries import scope, scope_reading, sweep, work
from models.records import Delivery, FeedbackItem, SourceRules, Work
from models.sources.scope import rules_of
from models.values.kinds import KIND_VERSION
from models.values.verdicts import Word
from tests import factories
from tests.clock import NOON, Clock
from tests.steps import recounted, stored_counts, unfinished, walk
from tests.workers.test_measure import confirm, fill, latest
from tests.workers.tickets import deliver, entry, items, open_assignments
from workers.context import Context
from workers.run import run_batch
from workers.scope import AT_ONCE
from workers.stages import build_stages

INTERNAL = [{"name": "internal", "action": "exclude", "field": "tag", "values": ["internal"]}]
Sent = Sequence[Mapping[str, object]]


@pytest.fixture
def source(context: Context, workspace: int) -> int:
    with context.database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def put(
    context: Context, workspace: int, source: int, rules: Sent, fields: Mapping[str, str] | None = None
) -> int:
    with context.database.write(workspace=workspace) as session:
        return scope.put_rules(
            session, workspace=workspace, source=source, rules=rules_of(rules), fields=fields or {},
            author="mira", expected=None, now=context.clock(),
        ).revision  # fmt: skip


def tickets(count: int, **chosen: object) -> list[dict[str, object]]:
    return [entry(number, customer_id=f"p{number}", **chosen) for number in range(count)]


def excluded(database: Database) -> dict[str, str | None]:
    return {row.external_id: row.excluded_by for row in items(database)}


def test_what_a_rule_leaves_out_is_kept_and_neither_themed_nor_counted(
    context: Context, workspace: int, source: int, database: Database
) -> None:
    put(context, workspace, source, INTERNAL)
    walk(context)
    deliver(context, workspace, source, *tickets(30), entry(90, tags=["Internal"]), entry(91, tags=[]))
    walk(context)
    found = excluded(database)
    assert {name for name, by in found.items() if by} == {"T-90"}
    assert found["T-90"] == "internal"
    (item,) = [row for row in items(database) if row.external_id == "T-90"]
    assert item.text
    assert not item.counted
    themed = open_assignments(database)
    assert item.id not in themed
    assert len(themed) >= 30
    assert sum(count for count, _ in stored_counts(database).values()) == 31


def test_a_change_of_rules_reaches_what_is_stored_both_ways(
    context: Context, workspace: int, source: int, database: Database, clock: Clock
) -> None:
    deliver(context, workspace, source, *tickets(25), *(entry(50 + n, tags=["internal"]) for n in range(5)))
    walk(context)
    before = stored_counts(database)
    assert sum(count for _, count in before.values()) == 30
    put(context, workspace, source, INTERNAL)
    walk(context)
    assert sum(map(bool, excluded(database).values())) == 5
    assert unfinished(database, now=clock()) == []
    after = stored_counts(database)
    assert sum(count for _, count in after.values()) == 25
    assert after == recounted(database)
    put(context, workspace, source, [])
    walk(context)
    assert not any(excluded(database).values())
    assert sum(count for _, count in stored_counts(database).values()) == 30
    # The same rules again are no revision.
    assert put(context, workspace, source, []) == 2


def test_an_update_that_moves_a_record_out_takes_its_messages_along(
    context: Context, workspace: int, source: int, database: Database
) -> None:
    rules = [{"name": "desk", "action": "exclude", "field": "group", "values": ["hr"]}]
    put(context, workspace, source, rules)
    deliver(context, workspace, source, entry(1), entry(1, message_id="m2", action="append_message"))
    walk(context)
    assert set(excluded(database).values()) == {None}
    moved = {"id": "T-1", "action": "update_status", "group": "HR", "updated_at": "2026-05-21T10:00:00Z"}
    deliver(context, workspace, source, moved)
    walk(context)
    assert [row.excluded_by for row in items(database)] == ["desk", "desk"]
    # A later message without a group belongs to the same record.
    deliver(context, workspace, source, entry(1, message_id="m3", action="append_message"))
    walk(context)
    assert [row.excluded_by for row in items(database)] == ["desk"] * 3


def test_ones_own_domain_is_left_out_and_stored_as_a_hash_alone(
    context: Context, workspace: int, source: int, database: Database
) -> None:
    rules = [{"name": "staff", "action": "exclude", "field": "domain", "values": ["ours.example"]}]
    put(context, workspace, source, rules)
    deliver(
        context, workspace, source,
        entry(1, customer_email="mira@Ours.example"), entry(2, customer_email="joe@theirs.example"),
    )  # fmt: skip
    walk(context)
    assert excluded(database) == {"T-1": "staff", "T-2": None}
    digests = {row.domain_digest for row in items(database)}
    assert len(digests) == 2
    assert not any(digest and "example" in digest for digest in digests)


def test_a_long_second_look_is_bounded_resumable_and_gives_way_to_newer_rules(
    context: Context, workspace: int, source: int, database: Database, clock: Clock
) -> None:
    with context.database.write(workspace=workspace) as session:
        for number in range(AT_ONCE + 5):
            session.add(
                FeedbackItem(
                    workspace_id=workspace, source_id=source, external_id=f"T-{number}", message_id="0",
                    created_at=NOON, ticket_created_at=NOON, updated_at=NOON, changed_at=NOON, text="",
                    language="en", removed=[], author_role="customer", tags=["internal"],
                )
            )  # fmt: skip
    put(context, workspace, source, INTERNAL)
    worked = walk(context)
    assert worked[Job.SCOPE] >= 3
    assert set(excluded(database).values()) == {"internal"}
    first = put(context, workspace, source, [])
    second = put(context, workspace, source, INTERNAL)
    walk(context)
    assert set(excluded(database).values()) == {"internal"}
    with context.database.read(workspace=workspace) as session:
        rows = session.execute(select(SourceRules.revision, SourceRules.done_at))
        done = {revision: at for revision, at in rows}
    assert done[first] is None
    assert done[second] == clock()


def test_lost_work_of_rules_is_found_by_the_sweep(
    context: Context, workspace: int, source: int, database: Database
) -> None:
    deliver(context, workspace, source, entry(1, tags=["internal"]))
    walk(context)
    put(context, workspace, source, INTERNAL)
    with context.database.write(workspace=workspace) as session:
        work.drop_planned(session, workspace=workspace, stage=Job.SCOPE, subject=source, but=None)
    walk(context)
    assert excluded(database) == {"T-1": None}
    with context.database.write(workspace=workspace) as session:
        added = sweep.add_missing(
            session,
            workspace=workspace,
            method_version="x",
            kind_version=KIND_VERSION,
            now=NOON,
            limit=9,
        )
    assert added[Job.SCOPE] == 1
    walk(context)
    assert excluded(database) == {"T-1": "internal"}


def test_a_new_map_is_read_from_stored_deliveries(
    context: Context, workspace: int, source: int, database: Database
) -> None:
    deliver(
        context, workspace, source, *(entry(n, extra={"tier": "pro"}, customer_id=f"p{n}") for n in range(25))
    )
    walk(context)
    assert {row.plan for row in items(database)} == {None}
    rules = [{"action": "include", "field": "product_area", "values": ["mail"]}]
    put(context, workspace, source, rules, {"plan": "extra.tier", "product_area": "extra.area"})
    walk(context)
    rows = items(database)
    assert {row.plan for row in rows} == {"pro"}
    assert {row.excluded_by for row in rows} == {"not_included"}
    put(context, workspace, source, [], {"plan": "extra.tier", "product_area": "extra.area"})
    deliver(context, workspace, source, entry(99, extra={"tier": "free"}))
    walk(context)
    assert {row.plan for row in items(database)} == {"pro", "free"}
    with context.database.read(workspace=workspace) as session:
        (found,) = scope_reading.definitions(
            session, workspace=workspace, start=NOON - timedelta(weeks=9), end=NOON + timedelta(weeks=9)
        )
    assert (found.is_done, found.stale, found.fresh, found.is_mixed) == (True, 0, 26, False)


def test_what_a_new_map_found_stands_when_the_ticket_changes_later(
    context: Context, workspace: int, source: int, database: Database
) -> None:
    sent = entry(1, plan="basic", extra={"tier": "pro"}, updated_at="2026-05-20T10:00:00Z")
    closed = {"id": "T-1", "action": "update_status", "status": "closed"}
    deliver(context, workspace, source, sent)
    walk(context)
    put(context, workspace, source, [], {"plan": "extra.tier"})
    walk(context)
    assert [row.plan for row in items(database)] == ["pro"]
    deliver(context, workspace, source, closed | {"occurred_at": "2026-05-21T10:00:00Z"})
    walk(context)
    assert [(row.plan, row.status) for row in items(database)] == [("pro", "closed")]
    # What was read under the older map and comes again under the new one is no newer than what stands.
    deliver(
        context, workspace, source, {**sent, "extra": {"tier": "old"}, "updated_at": "2026-05-19T10:00:00Z"}
    )
    walk(context)
    assert [row.plan for row in items(database)] == ["pro"]


MOVED = [
    entry(1, group="Sales", updated_at="2026-05-20T10:00:00Z"),
    *({"id": "T-1", "action": "update_status", "group": group, "spam": spam, "occurred_at": f"2026-05-2{day}T10:00:00Z"}
      for day, group, spam in ((1, "Billing", True), (2, "Support", False))),
    {"id": "T-1", "message_id": "m1", "text": "Any news?", "occurred_at": "2026-05-23T10:00:00Z"},
]  # fmt: skip


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_where_a_ticket_lies_is_what_was_said_last_whatever_came_last(
    context: Context, workspace: int, source: int, database: Database, order: Sequence[int]
) -> None:
    for place in order:
        deliver(context, workspace, source, MOVED[place])
        walk(context)
    assert {(row.message_id, row.group, row.spam, row.excluded_by) for row in items(database)} == {
        ("0", "Support", False, None), ("m1", "Support", False, None),
    }  # fmt: skip


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_ticket_is_its_openers_whoever_else_writes_in_it(
    context: Context, workspace: int, source: int, database: Database, order: Sequence[int]
) -> None:
    put(
        context,
        workspace,
        source,
        [{"name": "own", "action": "exclude", "field": "domain", "values": ["us.example"]}],
    )
    told = [
        entry(1, customer_email="ann@them.example"),
        *({"id": "T-1", "message_id": f"m{day}", "text": "Any news?", "customer_email": email,
           "occurred_at": f"2026-05-2{day}T10:00:00Z"}
          for day, email in ((1, "mira@us.example"), (2, "bo@other.example"))),
    ]  # fmt: skip
    for place in order:
        deliver(context, workspace, source, told[place])
        walk(context)
    assert {row.excluded_by for row in items(database)} == {None}
    assert len({row.domain_digest for row in items(database)}) == 1


# --- verdicts -----------------------------------------------------------------------------------------------


def test_verdicts_wait_until_new_rules_are_applied_to_all_that_is_stored(
    context: Context, workspace: int, source: int, database: Database, clock: Clock
) -> None:
    with context.database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        factories.release(session, workspace)
        factories.feature(session, workspace, of="1.0")
        for name, at in (("first", NOON - timedelta(weeks=40)), ("last", NOON + timedelta(weeks=20))):
            factories.item(session, workspace, source, external_id=name, at=at)
    fill(context.database, workspace, theme, rate=3.0, seed=1, after=0.2)
    confirm(context, workspace, theme, at=NOON - timedelta(days=3))
    clock.advance(weeks=12)
    walk(context)
    assert latest(context, workspace, theme).word is Word.FELL

    put(context, workspace, source, INTERNAL, {"plan": "tier"})
    with context.database.write(workspace=workspace) as session:  # the second look does not come to its turn
        waits = Work.stage == Job.SCOPE
        session.execute(update(Work).where(waits).values(run_at=clock() + timedelta(hours=1)))
    walk(context)
    row = latest(context, workspace, theme)
    assert (row.word, row.restates_id is None) == (Word.CANNOT_TELL, False)
    assert "definition_changed" in row.reasons
    assert "being looked at again" in sentence_of(row.checks)

    # Their raw bodies are gone: what was stored before cannot follow the new map.
    clock.advance(hours=2)
    walk(context)
    row = latest(context, workspace, theme)
    assert row.word is Word.FELL
    with context.database.write(workspace=workspace) as session:
        fresh = factories.item(session, workspace, source, external_id="new", at=NOON + timedelta(weeks=6))
        session.get_one(FeedbackItem, fresh).rules_revision = 1
        session.execute(update(SourceRules).values(done_at=clock()))
        scope.end_pass(session, workspace=workspace, source=source, revision=1, now=clock())
    walk(context)
    row = latest(context, workspace, theme)
    assert row.word is Word.CANNOT_TELL
    assert "could not be read again" in sentence_of(row.checks)

    # Once all follow the rules, the verdict says under which it counts.
    with context.database.write(workspace=workspace) as session:
        session.execute(update(FeedbackItem).values(rules_revision=1))
        scope.end_pass(session, workspace=workspace, source=source, revision=1, now=clock())
    walk(context)
    row = latest(context, workspace, theme)
    assert row.word is Word.FELL
    assert sentence_of(row.checks) == (
        f"All tickets are counted under the rules of desk of {NOON.date() + timedelta(weeks=12)} (revision 1)."
    )


def test_verdicts_wait_until_what_rules_moved_is_in_its_place_and_counted(
    context: Context, workspace: int, source: int, database: Database, clock: Clock
) -> None:
    stages = build_stages(context.settings)
    deliver(context, workspace, source, *tickets(30), *(entry(50 + n, tags=["internal"]) for n in range(9)))
    put(context, workspace, source, INTERNAL)
    walk(context)
    assert sum(count for count, _ in stored_counts(database).values()) == 30
    revision = put(context, workspace, source, [])

    def work_on(*jobs: Job) -> bool:
        """Let the workers of these stages alone work on; say whether the second look is done."""
        while run_batch(context, {job: stages[job] for job in jobs}) is not None:
            pass
        with context.database.read(workspace=workspace) as session:
            done_at = select(SourceRules.done_at).where(SourceRules.revision == revision)
            return session.scalar(done_at) is not None

    # The machine that reads and the one that places are far behind the one that applies rules.
    assert not work_on(Job.SCOPE)
    assert not any(excluded(database).values())
    for jobs in ((Job.EMBED,), (Job.PLACE,), ()):
        clock.advance(minutes=1)
        assert not work_on(Job.SCOPE, *jobs)
    # A ticket opened since is nothing to wait for.
    deliver(context, workspace, source, entry(99, created_at=f"{clock():%Y-%m-%dT%H:%M:%SZ}"))
    work_on(Job.COUNT)
    work_on(Job.INTAKE)
    clock.advance(minutes=1)
    assert work_on(Job.SCOPE)
    assert sum(count for count, _ in stored_counts(database).values()) == 39


def sentence_of(checks: list[dict[str, object]]) -> str:
    (found,) = [check for check in checks if check["code"] == "definition"]
    return str(found["sentence"])


def test_a_delivery_whose_body_has_expired_leaves_its_items_under_the_old_map(
    context: Context, workspace: int, source: int, database: Database
) -> None:
    deliver(context, workspace, source, *(entry(n, extra={"tier": "pro"}) for n in (1, 2)))
    walk(context)
    with context.database.write(workspace=workspace) as session:
        session.execute(update(Delivery).where(Delivery.id == 1).values(body=b""))
    put(context, workspace, source, INTERNAL, {"plan": "extra.tier"})
    walk(context)
    assert [row.plan for row in items(database)] == [None, "pro"]
    with context.database.read(workspace=workspace) as session:
        (found,) = scope_reading.definitions(
            session, workspace=workspace, start=NOON - timedelta(weeks=9), end=NOON + timedelta(weeks=9)
        )
    assert (found.stale, found.fresh, found.is_mixed) == (1, 1, True)
    # A later change of the rules alone does not make up for it.
    put(context, workspace, source, [], {"plan": "extra.tier"})
    walk(context)
    with context.database.read(workspace=workspace) as session:
        (found,) = scope_reading.definitions(
            session, workspace=workspace, start=NOON - timedelta(weeks=9), end=NOON + timedelta(weeks=9)
        )
    assert (found.is_done, found.stale) == (True, 1)
