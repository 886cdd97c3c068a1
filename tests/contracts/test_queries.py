"""Every query names its workspace: what it finds and changes for one is nothing of another's.

This is the first wall alone: PostgreSQL is asked as a superuser here, whom row-level security does not hold.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping, Sized
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from sqlalchemy import ColumnElement, event, select, text
from sqlalchemy.exc import IntegrityError, NoResultFound

import models.queries
from models.database import Database, Session, scope
from models.errors import EbbError
from models.records import FeedbackItem, Record, Workspace
from tests import query_narrow, query_reads, query_world, query_writes
from tests.query_reads import Query
from tests.query_world import World

ROOT = Path(models.queries.__path__[0]).parents[1]
Arguments = Mapping[str, object]
Rows = dict[str, list[tuple[object, ...]]]

ACROSS = {
    "access.end_session": "finds the session by its token",
    "access.exchange_sign_in": "finds the link by its token, and goes on in its workspace",
    "access.find_caller": "finds whose key this is",
    "access.find_session": "finds whose session this is",
    "access.note_use": "the key was found by its secret",
    "chores.beat": "worker processes belong to no workspace",
    "chores.claim": "chores belong to no workspace",
    "chores.finish": "chores belong to no workspace",
    "chores.heartbeats": "worker processes belong to no workspace",
    "chores.tidy": "removes what is spent, of every workspace",
    "deliveries.find_source": "finds whose source a call is for; its signature proves it",
    "deliveries.record": "one commit holds several workspaces; each draft names its own",
    "liveness.last_refused": "what the operator is told, of every workspace",
    "liveness.read_liveness": "counts work of every workspace",
    "liveness.silence_of": "worker processes belong to no workspace",
    "nudges.claim": "messages belong to no workspace",
    "nudges.clear": "messages belong to no workspace",
    "search.compact": "the index of SQLite holds the words of every workspace",
    "search.compact_part": "the index of SQLite holds the words of every workspace",
    "sealed.has_unreadable_secret": "asks of every workspace whether a key is missing, before a call is let in",
    "unsaid.take": "notes the words of a row that its caller loaded, and changes nothing",
    "upsert.insert_many": "the rows name their workspace",
    "upsert.insert_new": "the rows name their workspace",
    "upsert.insert_or_ignore": "the row names its workspace",
    "upsert.insert_or_update": "the row names its workspace",
    "work.advance": "of the pieces that the lease holds",
    "work.count_due": "counts work of every workspace",
    "work.count_states": "counts work of one workspace, or of every",
    "work.fail": "of the piece that the lease holds",
    "work.finish": "of the pieces that the lease holds",
    "work.held": "of the pieces that the lease holds",
    "work.holds": "of the piece that the lease holds",
    "work.is_expected": "asks for work of any workspace",
    "work.lease": "takes the work of whichever workspace waits longest",
    "work.oldest_due": "asks for work of any workspace",
    "work.put_off": "of the pieces that the lease holds",
    "work.release": "of the pieces that the lease holds",
    "work.renew": "of the pieces that the lease holds",
    "work.revive": "the operator's, of one workspace or of every",
    "work.stages_due": "asks for work of any workspace",
    "workspaces.create_workspace": "makes one",
    "workspaces.ensure_workspace": "finds or makes the first",
    "workspaces.first_workspace": "finds the first",
    "workspaces.known_encoder": "encoders belong to no workspace",
    "workspaces.list_workspaces": "lists them",
}
"""Queries that need no workspace, or do without, and why."""

NOT_TRIED = {
    "access.check_not_last_owner": "answers and changes nothing: it refuses, by access.count_owners",
    "shadows.clear": "deletes of a run that was dropped, of its own workspace: tried in tests/workers/test_shadow.py",
    "shadows.start": "adds a run where there is none, of its own workspace: tried in tests/workers/test_shadow.py",
    "theme_books.close_books": "writes the books that its caller opened of the workspace",
    "theme_books.make_theme": "adds a theme to the books that its caller opened of the workspace",
    "theme_log.add_event": "adds to the log of an act that its caller wrote",
    "theme_log.log_act": "adds to the log, of a theme that its caller loaded of the workspace",
    "ticket_states.put_attributes": "changes rows that its caller loaded of the workspace",
    "ticket_states.unmerge": "changes rows that its caller loaded of the workspace",
    "turns.read_again": "changes rows that its caller loaded of the workspace",
    "turns.settle": "changes rows that its caller loaded of the workspace",
    "unsaid.unsay_taken": "does what unsaid.unsay does, for what its transaction took",
}


def name_of(query: Query) -> str:
    return f"{query.__module__.rpartition('.')[2]}.{query.__name__}"


def queries() -> Iterator[Query]:
    """Every public function of models.queries that takes a session."""
    for each in iter_modules(models.queries.__path__):
        module = import_module(f"{models.queries.__name__}.{each.name}")
        for name, found in inspect.getmembers(module, inspect.isfunction):
            is_own = found.__module__ == module.__name__ and not name.startswith("_")
            if is_own and "session" in inspect.signature(found).parameters:
                yield found


def must_name_a_workspace(query: Query) -> bool:
    parameter = inspect.signature(query).parameters.get("workspace")
    return parameter is not None and (parameter.kind, parameter.default, parameter.annotation) == (
        inspect.Parameter.KEYWORD_ONLY,
        inspect.Parameter.empty,
        int,
    )


def test_every_query_must_be_told_its_workspace() -> None:
    found = list(queries())
    assert len(found) > 150
    assert {name_of(query) for query in found if not must_name_a_workspace(query)} == ACROSS.keys()


def test_programs_ask_the_database_through_queries_alone() -> None:
    asked = {"execute", "scalar", "scalars", "get", "get_one", "query", "add", "add_all", "delete", "merge"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for program in ("service", "workers")
        for path in (ROOT / program).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "session"
        and node.attr in asked
    ]
    assert found == []


# --- called with another workspace's number -----------------------------------------------------------------


@pytest.fixture
def world(database: Database, workspace: int) -> World:
    """A full workspace; `workspace` is another one, which is empty."""
    return query_world.build(database)


def test_every_query_is_tried(sqlite: Database) -> None:
    world = query_world.build(sqlite)
    tried = [*query_reads.reads(world), *query_writes.writes(world), *query_reads.finders(world)]
    scoped = {name_of(query) for query in queries() if must_name_a_workspace(query)}
    optional = {"work.count_states", "work.revive"}
    assert {name_of(query) for query in tried} == (scoped | optional) - NOT_TRIED.keys()
    assert len(set(tried)) == len(tried)


def test_a_read_finds_nothing_of_another_workspace(database: Database, workspace: int, world: World) -> None:
    for query, arguments in query_reads.reads(world).items():
        with undone(database, world) as session:
            assert not is_nothing(call(session, query, world.workspace, arguments)), name_of(query)
        with undone(database, world) as session:
            found = call(session, query, workspace, arguments)
            assert is_nothing(found), f"{name_of(query)} found {found!r}"


def test_a_change_leaves_another_workspace_as_it_is(database: Database, workspace: int, world: World) -> None:
    with undone(database, world) as session:
        before = rows_of(session, world.workspace)
    assert min(map(len, before.values())) >= 1, "every table has a row that could be changed"
    for query, arguments in query_writes.writes(world).items():
        with undone(database, world) as session:
            call(session, query, world.workspace, arguments)
            # Without this the next assertion could not fail.
            assert rows_of(session, world.workspace) != before, f"{name_of(query)} changes nothing here"
        assert changes(database, world, before, query, workspace, arguments) == [], name_of(query)
    for query, arguments in query_reads.finders(world).items():
        for named in (world.workspace, workspace):
            with undone(database, world) as session:
                found = call(session, query, named, arguments)
                assert not is_nothing(found), name_of(query)
                assert getattr(found, "workspace_id", named) == named, name_of(query)
        assert changes(database, world, before, query, workspace, arguments) == [], name_of(query)


def changes(
    database: Database, world: World, before: Rows, query: Query, workspace: int, arguments: Arguments
) -> list[str]:
    """Call a query for a workspace with the ids of the full one; return the tables in which that one changed."""
    with undone(database, world) as session:
        call(session, query, workspace, arguments)
        after = rows_of(session, world.workspace)
    return [name for name in before if before[name] != after[name]]


def test_few_rows_are_not_looked_for_in_a_whole_workspace(sqlite: Database) -> None:
    """Without statistics SQLite takes the index of workspaces where another would find a handful of rows."""
    world = query_world.build(sqlite)
    calls = {**query_reads.reads(world), **query_writes.writes(world)}
    for query in query_narrow.NARROW:
        with undone(sqlite, world) as session, listening(session) as asked:
            call(session, query, world.workspace, calls[query])
            plans = [plan_of(session, *each) for each in asked]
        assert plans
        by_workspace = [line for plan in plans for line in plan if "(workspace_id=?)" in line]
        # A workspace has few sources, which are listed.
        assert [line for line in by_workspace if " source " not in line] == [], name_of(query)


Asked = tuple[str, tuple[object, ...]]


@contextmanager
def listening(session: Session) -> Iterator[list[Asked]]:
    """Write down what a session asks of the database, but for rows that it adds."""
    asked: list[Asked] = []

    def note(_: object, __: object, statement: str, parameters: tuple[object, ...], *___: object) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            asked.append((statement, parameters))

    event.listen(session.get_bind(), "before_cursor_execute", note)
    yield asked
    event.remove(session.get_bind(), "before_cursor_execute", note)


def plan_of(session: Session, statement: str, parameters: tuple[object, ...]) -> list[str]:
    rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    return [str(row[3]) for row in rows]


@contextmanager
def undone(database: Database, world: World) -> Iterator[Session]:
    """Open a transaction of the workspace that the ids are of, so that a query's own condition is all that holds."""
    with Session(database.engine) as session:
        scope(session, workspace=world.workspace)
        yield session
        session.rollback()


def call(session: Session, query: Query, workspace: int, arguments: Arguments) -> object:
    """Call a query; None where it refuses."""
    try:
        with session.begin_nested():
            found = query(session, workspace=workspace, **arguments)
    except EbbError:
        return None
    except (IntegrityError, NoResultFound):
        # Of what stands under a key that the database keeps for another workspace.
        assert query in query_writes.KEYED, name_of(query)
        return None
    if isinstance(found, ColumnElement):
        return session.scalars(select(FeedbackItem.id).where(found)).all()
    return found


def is_nothing(found: object) -> bool:
    """Say whether an answer tells of no row: nothing, 0, or a collection or record of nothing."""
    if found is None or found is False or found == 0:
        return True
    if is_dataclass(found) and not isinstance(found, type):
        return is_nothing(list(asdict(found).values()))
    if isinstance(found, dict):
        return all(map(is_nothing, found.values()))
    if isinstance(found, list | tuple | set):
        return all(map(is_nothing, found))
    return isinstance(found, Sized) and not len(found)


def rows_of(session: Session, workspace: int) -> Rows:
    """Read all that a workspace has, by table."""
    tables = [table for table in Record.metadata.sorted_tables if "workspace_id" in table.columns]
    found = {
        table.name: [
            tuple(row)
            for row in session.execute(
                select(table).where(table.c.workspace_id == workspace).order_by(*table.primary_key)
            )
        ]
        for table in tables
    }
    own = select(Workspace.__table__).where(Workspace.id == workspace)
    found["workspace"] = [tuple(row) for row in session.execute(own)]
    words = (
        "SELECT rowid, content FROM feedback_search ORDER BY rowid"
        if session.get_bind().dialect.name == "sqlite"
        else f"SELECT item_id, document::text FROM feedback_search WHERE workspace_id = {workspace} ORDER BY 1"
    )
    found["feedback_search"] = [tuple(row) for row in session.execute(text(words))]
    return found
