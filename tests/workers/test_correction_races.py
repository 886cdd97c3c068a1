"""Two people who correct themes at once, or one of them beside a worker: nobody's act is lost."""

from collections.abc import Callable

import pytest

from models.database import Database, Session
from models.errors import Conflict, NotFound
from models.jobs import Job
from models.queries import (
    theme_acts,
    theme_books,
    theme_changes,
    theme_marks,
    theme_suggestions,
    theme_undo,
    themes,
    work,
)
from models.queries.theme_log import Acted, Author
from models.records import SuggestionState, Theme, ThemeSuggestion
from models.values.suggestions import SuggestionKind
from tests import factories, year
from tests.clock import NOON
from tests.locks import behind
from tests.steps import recounted, stored_counts, walk
from tests.workers.tickets import deliver, open_assignments, year_of
from workers.context import Context
from workers.run import run_batch
from workers.stages import build_stages
from workers.themes import Loaded, Streams, place_items

AUTHOR, OTHER = Author("Ada", "usr_1"), Author("Bob", "usr_2")
Doing = Callable[[Session], Acted]


class World:
    """A workspace with three themes of two items each, on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.workspace = factories.workspace(database)
        with database.write(workspace=self.workspace) as session:
            source = factories.source(session, self.workspace)
            self.themes = [factories.theme(session, self.workspace, number) for number in (1, 2, 3)]
            for place, theme in enumerate(self.themes):
                items = [
                    factories.item(session, self.workspace, source, external_id=f"T-{place}-{each}")
                    for each in (1, 2)
                ]
                factories.assign(session, self.workspace, items, theme)

    def act(self, doing: Doing) -> int:
        with self.database.write(workspace=self.workspace) as session:
            return doing(session).act.id

    def row(self, theme: int) -> Theme:
        with self.database.read(workspace=self.workspace) as session:
            return themes.get_theme(session, workspace=self.workspace, theme=theme)

    def both(self, first: Doing, second: Doing) -> None:
        """Let a second act begin while the first one is not committed."""
        with (
            behind(lambda: self.act(second), self.database) as start,
            self.database.write(workspace=self.workspace) as session,
        ):
            first(session)
            session.flush()
            start()

    def merge(self, session: Session, into: int, other: int, author: Author = AUTHOR) -> Acted:
        return theme_changes.merge(
            session, workspace=self.workspace, theme=into, others=[other], author=author, now=NOON
        )


@pytest.fixture
def world(postgres: Database) -> World:
    return World(postgres)


def test_a_pin_beside_a_merge_pins_the_theme_that_stands(world: World) -> None:
    a, b, _ = world.themes
    world.both(
        lambda session: world.merge(session, b, a),
        lambda session: theme_marks.pin(session, workspace=world.workspace, theme=a, author=OTHER, now=NOON),
    )
    assert (world.row(a).redirect_id, world.row(a).pinned, world.row(b).pinned) == (b, False, True)


def test_of_two_acts_that_contradict_each_other_the_second_is_refused(world: World) -> None:
    a, b, _ = world.themes
    with pytest.raises(Conflict, match="the pin of"):
        world.both(
            lambda session: theme_marks.pin(
                session, workspace=world.workspace, theme=a, author=OTHER, now=NOON
            ),
            lambda session: world.merge(session, b, a),
        )
    assert world.row(a).redirect_id is None


def test_an_act_is_undone_once(world: World) -> None:
    a, b, _ = world.themes
    done = world.act(lambda session: world.merge(session, b, a))

    def undo(session: Session) -> Acted:
        return theme_undo.undo(session, workspace=world.workspace, theme=b, act=done, author=AUTHOR, now=NOON)

    with pytest.raises(Conflict, match="undone already"):
        world.both(undo, undo)
    assert world.row(a).redirect_id is None


def test_two_people_expect_the_first_themes_at_once(postgres: Database) -> None:
    workspace = factories.workspace(postgres)

    def seed(session: Session, label: str) -> Acted:
        return theme_marks.seed(
            session, workspace=workspace, label=label, texts=[label], author=AUTHOR, now=NOON
        )

    def second() -> None:
        with postgres.write(workspace=workspace) as session:
            seed(session, "Exports")

    with behind(second, postgres) as start, postgres.write(workspace=workspace) as session:
        seed(session, "Refunds")
        session.flush()
        start()
    with postgres.read(workspace=workspace) as session:
        rows = themes.active_themes(session, workspace=workspace)
        assert [(row.number, row.label) for row in rows] == [(1, "Refunds"), (2, "Exports")]


def test_a_name_given_while_names_are_found_stays(world: World) -> None:
    theme = world.themes[0]

    def find() -> None:
        with world.database.write(workspace=world.workspace) as session:
            themes.write_label(
                session, workspace=world.workspace, theme=theme, label="found", keywords=[], quotes=[], size=2
            )

    with behind(find, world.database) as start, world.database.write(workspace=world.workspace) as session:
        theme_marks.rename(
            session, workspace=world.workspace, theme=theme, label="Given", author=AUTHOR, now=NOON
        )
        start()
    assert (world.row(theme).label, world.row(theme).found_label) == ("Given", "found")


def test_an_act_and_the_worker_that_names_themes_do_not_wait_for_each_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, _ = world.themes
    with world.database.write(workspace=world.workspace) as session:
        work.mark_dirty(
            session, workspace=world.workspace, stage=Job.LABEL, subject=world.workspace, run_at=NOON
        )
    with world.database.write(workspace=world.workspace) as session:
        leased = work.lease(session, stage=Job.LABEL, limit=1, now=NOON, seconds=60, max_attempts=3)

    def name() -> None:
        with world.database.write(workspace=world.workspace) as session:
            if work.holds(session, leased[0]):
                for theme in (a, b):
                    themes.write_label(
                        session,
                        workspace=world.workspace,
                        theme=theme,
                        label="x",
                        keywords=[],
                        quotes=[],
                        size=2,
                    )

    close = theme_books.close_books
    with behind(name, world.database) as start:

        def closing(session: Session, **given: object) -> None:
            close(session, **given)  # type: ignore[arg-type]
            start()

        monkeypatch.setattr(theme_books, "close_books", closing)
        world.act(lambda session: world.merge(session, b, a))
    assert world.row(a).redirect_id == b


# --- suggestions beside the worker that replaces them ---------------------------------------------------------


class Naming:
    """The naming of themes that holds its work, and then lets what it found stand in place of what waits."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.did_write = False
        with world.database.write(workspace=world.workspace) as session:
            work.mark_dirty(
                session, workspace=world.workspace, stage=Job.LABEL, subject=world.workspace, run_at=NOON
            )
            self.suggestion = factories.suggestion(
                session,
                world.workspace,
                kind=SuggestionKind.MERGE,
                theme=world.themes[1],
                other=world.themes[0],
            )
        with world.database.write(workspace=world.workspace) as session:
            (self.leased,) = work.lease(
                session, stage=Job.LABEL, limit=1, now=NOON, seconds=60, max_attempts=3
            )

    def begin(self, session: Session) -> None:
        self.did_write = work.holds(session, self.leased)
        if self.did_write:
            themes.write_label(
                session,
                workspace=self.world.workspace,
                theme=self.world.themes[1],
                label="x",
                keywords=[],
                quotes=[],
                size=2,
            )
            session.flush()

    def replace(self, session: Session) -> None:
        if self.did_write:
            theme_suggestions.replace_open(
                session, workspace=self.world.workspace, found=[], revision=2, now=NOON
            )

    def run(self) -> None:
        with self.world.database.write(workspace=self.world.workspace) as session:
            self.begin(session)
            self.replace(session)

    def accept(self, session: Session) -> Acted:
        return theme_suggestions.accept(
            session,
            workspace=self.world.workspace,
            suggestion=self.suggestion,
            author=AUTHOR,
            now=NOON,
        )

    def state(self) -> SuggestionState | None:
        with self.world.database.read(workspace=self.world.workspace) as session:
            row = session.get(ThemeSuggestion, self.suggestion)
            return row and row.state


def test_accepting_waits_for_the_worker_that_replaces_suggestions_and_not_it_for_the_acceptance(
    world: World,
) -> None:
    naming = Naming(world)
    with (
        pytest.raises(NotFound),
        behind(lambda: world.act(naming.accept), world.database) as start,
        world.database.write(workspace=world.workspace) as session,
    ):
        naming.begin(session)
        start()
        naming.replace(session)
    assert naming.state() is None
    assert world.row(world.themes[0]).redirect_id is None


def test_the_worker_that_replaces_suggestions_gives_way_to_an_acceptance(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    naming, close = Naming(world), theme_books.close_books
    with behind(naming.run, world.database) as start:

        def closing(session: Session, **given: object) -> None:
            close(session, **given)  # type: ignore[arg-type]
            start()

        monkeypatch.setattr(theme_books, "close_books", closing)
        world.act(naming.accept)
    assert (naming.did_write, naming.state()) == (False, SuggestionState.ACCEPTED)
    assert world.row(world.themes[0]).redirect_id == world.themes[1]


def test_what_is_declined_while_suggestions_are_replaced_stays_declined(world: World) -> None:
    naming = Naming(world)
    with (
        behind(naming.run, world.database) as start,
        world.database.write(workspace=world.workspace) as session,
    ):
        theme_suggestions.decline(
            session, workspace=world.workspace, suggestion=naming.suggestion, author=AUTHOR, now=NOON
        )
        start()
    assert (naming.did_write, naming.state()) == (True, SuggestionState.DECLINED)


# --- beside a worker's batch, on either database -------------------------------------------------------------


class Interrupted(Streams):
    """Somebody acts between a worker's reading of the stream and its writing."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._acts = [act]

    def load(self, context: Context, workspace: int) -> Loaded:
        loaded = super().load(context, workspace)
        while self._acts:
            self._acts.pop()()
        return loaded


def test_an_act_while_a_batch_is_placed_stands_and_the_batch_begins_again(
    database: Database, programs: Database, context: Context, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
    year_of(context, workspace, source, count=40)
    places = open_assignments(database)
    theme = min(places.values())
    part = [item for item, place in sorted(places.items()) if place == theme][:4]

    def act() -> None:
        with programs.write(workspace=workspace) as session:
            theme_changes.split(
                session,
                workspace=workspace,
                theme=theme,
                items=part,
                label=None,
                author=AUTHOR,
                now=context.clock(),
            )

    deliver(context, workspace, source, *(ticket.row for ticket in year.tickets()[40:46]))
    _up_to_place(context)
    with programs.write(workspace=None) as session:
        leased = work.lease(
            session, stage=Job.PLACE, limit=50, now=context.clock(), seconds=60, max_attempts=9
        )
    assert len(leased) == 6
    streams = Interrupted(act)
    with pytest.raises(Conflict, match="moved the theme stream on"):
        place_items(context, leased, streams)
    place_items(context, leased, streams)
    walk(context)
    after = open_assignments(database)
    with database.read(workspace=workspace) as session:
        (split,) = theme_acts.standing_acts(session, workspace=workspace)
    assert {after[item] for item in part} == set(split.other_ids)
    assert {piece.subject for piece in leased} & after.keys()
    assert recounted(database) == stored_counts(database)


def _up_to_place(context: Context) -> None:
    wanted = (Job.INTAKE, Job.EMBED)
    stages = {job: stage for job, stage in build_stages(context.settings).items() if job in wanted}
    while run_batch(context, stages):
        pass
