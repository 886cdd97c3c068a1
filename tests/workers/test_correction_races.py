"""Two people who correct themes at once, or one of them beside a worker: nobody's act is lost."""

from collections.abc import Callable

import pytest

from models.database import Database, Session
from models.errors import Conflict
from models.jobs import Job
from models.queries import theme_acts, theme_books, theme_changes, theme_marks, theme_undo, themes, work
from models.queries.theme_log import Acted, Author
from models.records import Theme
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
