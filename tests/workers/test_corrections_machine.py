"""Whatever people do to themes, in whatever order, and whatever comes between: it stays as they left it.

Random acts, undoings, tickets and edits, each followed by the worker, which starts anew every time. After each step
stored counts are those of a recount, every redirect ends at a theme that stands, what people decided holds, and a
worker that restores the stream sees what the database says.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from models.database import Database, Session
from models.errors import Conflict, Invalid, NotFound
from models.jobs import Job
from models.language.encode import WordHashEncoder
from models.language.events import ThemeSetting
from models.queries import theme_acts, theme_changes, theme_marks, theme_undo
from models.queries.theme_log import Acted, Author
from models.records import Arrival, Theme, ThemeAct, ThemeActItem, ThemeEvent, ThemeState, ThemeVerb
from tests import factories, year
from tests.clock import Clock
from tests.services import settings_for
from tests.steps import recounted, stored_counts, unfinished
from tests.workers.tickets import deliver, open_assignments
from workers.context import Context
from workers.run import run_batch
from workers.stages import build_stages
from workers.themes import Streams

STAGES = (Job.INTAKE, Job.EMBED, Job.PLACE, Job.LABEL, Job.COUNT)
AUTHOR = Author("Ada", "usr_1")
RESTLESS = ThemeSetting(first_fit=40, refit_growth=1.02, patience=(4, 8), merge_growth=1.02, merge_share=0.5)
"""Refits every few tickets, and merges as soon as two looks in turn find two themes alike."""
FED = 45

Doing = Callable[[Session], Acted]


class Who(TypedDict):
    """Whose act it is, where and when."""

    workspace: int
    author: Author
    now: datetime


class Corrections(RuleBasedStateMachine):
    """The machine; `database` is set by the test that runs it, with its themes built."""

    open_database: Callable[[], tuple[Database, int, int]]

    @initialize()
    def begin(self) -> None:
        self.database, self.workspace, self.source = type(self).open_database()
        self.clock = Clock()
        self.context = context_of(self.database, self.clock)
        self.read = FED
        self.before: tuple[dict[int, int], int] | None = None

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()

    # --- what people do

    def _act(self, doing: Doing) -> bool:
        """Act, let the worker go on, and say whether it was not refused."""
        if self.before is None and not self._standing():
            self.before = open_assignments(self.database), self._machine_events()
        try:
            with self.database.write(workspace=self.workspace) as session:
                doing(session)
        except (Conflict, Invalid, NotFound):
            return False
        self._work()
        return True

    def _work(self) -> None:
        self.clock.advance(minutes=1)
        work_off(self.context)
        assert unfinished_of_stages(self.database, self.clock) == []

    def _themes(self) -> list[int]:
        with self.database.read(workspace=None) as session:
            return list(session.scalars(select(Theme.id).order_by(Theme.id)))

    def _standing(self) -> list[ThemeAct]:
        with self.database.read(workspace=None) as session:
            return theme_acts.standing_acts(session, workspace=self.workspace)

    def _machine_events(self) -> int:
        with self.database.read(workspace=None) as session:
            query = select(func.count()).select_from(ThemeEvent).where(ThemeEvent.act_id.is_(None))
            return session.scalar(query) or 0

    def _theme(self, pick: int) -> int:
        found = self._themes()
        return found[pick % len(found)]

    def _items(self, pick: int, count: int, *, theme: int | None = None) -> list[int]:
        places = open_assignments(self.database)
        with self.database.read(workspace=None) as session:
            everything = sorted(session.scalars(select(Arrival.item_id)))
        found = [item for item in everything if theme is None or places.get(item) == theme]
        return (found[pick % len(found) :] + found[: pick % len(found)])[:count] if found else []

    @rule(into=st.integers(0, 30), other=st.integers(0, 30))
    def merge(self, into: int, other: int) -> None:
        a, b = self._theme(into), self._theme(other)
        self._act(lambda s: theme_changes.merge(s, theme=a, others=[b], **self._who()))

    @rule(theme=st.integers(0, 30), pick=st.integers(0, 60), count=st.integers(1, 8), named=st.booleans())
    def split(self, theme: int, pick: int, count: int, named: bool) -> None:
        row = self._theme(theme)
        items = self._items(pick, count, theme=row)
        label = "A part" if named else None
        self._act(lambda s: theme_changes.split(s, theme=row, items=items, label=label, **self._who()))

    @rule(theme=st.integers(0, 30), pick=st.integers(0, 60), count=st.integers(1, 5))
    def move(self, theme: int, pick: int, count: int) -> None:
        row, items = self._theme(theme), self._items(pick, count)
        self._act(lambda s: theme_changes.move(s, theme=row, items=items, **self._who()))

    @rule(theme=st.integers(0, 30), mark=st.sampled_from(("pin", "dismiss", "rename")))
    def mark(self, theme: int, mark: str) -> None:
        row = self._theme(theme)
        marks: dict[str, Doing] = {
            "pin": lambda s: theme_marks.pin(s, theme=row, **self._who()),
            "dismiss": lambda s: theme_marks.dismiss(s, theme=row, **self._who()),
            "rename": lambda s: theme_marks.rename(s, theme=row, label=f"Name {row}", **self._who()),
        }
        self._act(marks[mark])

    @rule(problem=st.sampled_from(sorted(year.WORDS)))
    def seed(self, problem: str) -> None:
        text = " ".join(part[0] for part in year.WORDS[problem])
        self._act(lambda s: theme_marks.seed(s, label=problem, texts=[problem, text], **self._who()))

    @precondition(lambda self: self._standing())
    @rule(pick=st.integers(0, 10))
    def undo(self, pick: int) -> None:
        acts = self._standing()
        self._undo(acts[-1 - pick % len(acts)])

    def _undo(self, act: ThemeAct) -> bool:
        return self._act(lambda s: theme_undo.undo(s, theme=act.theme_id, act=act.id, **self._who()))

    @rule()
    def undo_all(self) -> None:
        while acts := self._standing():
            assert self._undo(acts[-1]), acts[-1].verb
        if self.before is not None:
            places, events = self.before
            if self._machine_events() == events:
                now = open_assignments(self.database)
                assert {item: now.get(item) for item in places} == places
        self.before = None

    def _who(self) -> Who:
        return {"workspace": self.workspace, "author": AUTHOR, "now": self.clock()}

    # --- what comes between

    @rule(count=st.integers(1, 6))
    def feed(self, count: int) -> None:
        tickets = year.tickets()[self.read : self.read + count]
        self.read += count
        deliver(self.context, self.workspace, self.source, *(ticket.row for ticket in tickets))
        self.before = None
        self._work()

    @rule(pick=st.integers(0, 60), other=st.integers(0, 60))
    def edit(self, pick: int, other: int) -> None:
        self.clock.advance(minutes=1)
        row = {**year.tickets()[pick % self.read].row, "text": year.tickets()[other].text}
        row["updated_at"] = self.clock().isoformat()
        deliver(self.context, self.workspace, self.source, row)
        self.before = None
        self._work()

    # --- what holds after each step

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "database"):
            return
        with self.database.read(workspace=None) as session:
            rows = {row.id: row for row in session.scalars(select(Theme))}
            acts = theme_acts.standing_acts(session, workspace=self.workspace)
            moved = list(session.execute(select(ThemeActItem.act_id, ThemeActItem.item_id)))
        standing = {theme: row.redirect_id or theme for theme, row in rows.items()}
        for theme, row in rows.items():
            assert (row.state is ThemeState.MERGED) == (row.redirect_id is not None)
            assert rows[standing[theme]].redirect_id is None
        noise = {theme for theme, row in rows.items() if row.state is ThemeState.DISMISSED}
        expected = {key: count for key, count in recounted(self.database).items() if key[0] not in noise}
        assert stored_counts(self.database) == expected
        places = open_assignments(self.database)
        into = {act.id: act.other_ids[0] if act.verb is ThemeVerb.SPLIT else act.theme_id for act in acts}
        for number, item in sorted(moved):
            if number in into and item in places:
                assert places[item] == standing[into[number]]
        for act in acts:
            if act.verb is ThemeVerb.MERGE:
                assert {standing[other] for other in act.other_ids} == {standing[act.theme_id]}
            if act.verb is ThemeVerb.SPLIT:
                assert standing[act.theme_id] != standing[act.other_ids[0]]
            if act.verb in (ThemeVerb.PIN, ThemeVerb.SEED, ThemeVerb.DISMISS):
                assert standing[act.theme_id] == act.theme_id
                state = ThemeState.DISMISSED if act.verb is ThemeVerb.DISMISS else ThemeState.ACTIVE
                assert rows[act.theme_id].state is state
        loaded = Streams().load(self.context, self.workspace)
        numbers = {row.number: standing[row.id] for row in rows.values()}
        ids, themes = (column.tolist() for column in loaded.stream.assignments())
        seen = {item: numbers[theme] for item, theme in zip(ids, themes, strict=True) if theme}
        assert seen == {item: place for item, place in places.items() if item in set(ids)}


def context_of(database: Database, clock: Clock) -> Context:
    return Context(database, settings_for(database), lambda _: WordHashEncoder(), clock)


def work_off(context: Context) -> None:
    stages = {job: stage for job, stage in build_stages(context.settings).items() if job in STAGES}
    while run_batch(context, stages):
        pass


def unfinished_of_stages(database: Database, clock: Clock) -> list[tuple[str, int, str | None]]:
    return [each for each in unfinished(database, now=clock()) if each[0] in STAGES]


@pytest.fixture
def opener(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], tuple[Database, int, int]]:
    """What opens a copy of a file in which tickets are in themes already."""
    monkeypatch.setattr(ThemeSetting, "dialled", lambda granularity: RESTLESS)
    path = tmp_path / "fed.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}", synchronous="OFF")
    workspace = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
    context = context_of(database, Clock())
    deliver(context, workspace, source, *(ticket.row for ticket in year.tickets()[:FED]))
    work_off(context)
    database.close()
    fed, opened = path.read_bytes(), 0

    def open_copy() -> tuple[Database, int, int]:
        nonlocal opened
        opened += 1
        copy = tmp_path / f"copy-{opened}.db"
        copy.write_bytes(fed)
        return Database(f"sqlite:///{copy}", synchronous="OFF"), workspace, source

    return open_copy


def test_what_people_decide_holds_whatever_comes(opener: Callable[[], tuple[Database, int, int]]) -> None:
    machine = type("Machine", (Corrections,), {"open_database": staticmethod(opener)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
