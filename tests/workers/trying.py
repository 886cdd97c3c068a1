"""A workspace whose encoder is about to be changed: tickets in themes, and another encoder to try."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from models.database import Database, Session
from models.jobs import Job
from models.language.encode import Encoder as EncoderProtocol
from models.language.encode import FloatArray, WordHashEncoder
from models.queries import shadow_stream, shadows, workspaces
from models.queries.theme_log import Acted, Author
from models.records import (
    Arrival,
    Assignment,
    DailyCount,
    Embedding,
    Encoder,
    Shadow,
    ShadowArrival,
    Theme,
    ThemeEvent,
    ThemeStreamState,
    Workspace,
)
from models.values.encoders import PACKAGED_MODEL, EncoderChoice
from models.values.moves import MoveReport
from tests import factories, year
from tests.clock import Clock
from tests.services import settings_for
from tests.steps import unfinished, walk
from tests.workers.tickets import deliver, open_assignments
from workers.context import Context
from workers.run import run_batch
from workers.stages import build_stages

ADA = Author("Ada", "usr_1")
OTHER = EncoderChoice(PACKAGED_MODEL, "bfloat16")
FED = 240
LIMIT = 0.2
SIZES = {"float32": 256, "bfloat16": 128}
"""Dimension of the word-hash encoder by arithmetic."""


class ExportReader(WordHashEncoder):
    """An encoder that tells three kinds of problems with exports, where the usual one sees one theme."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        return super().encode([_with_kind(text) for text in texts])


def _with_kind(text: str) -> str:
    if "xport" not in text:
        return text
    kind = "size" if "large" in text or "year" in text else "release" if "update" in text else "place"
    return f"{text} {' '.join([kind] * 9)}"


def other_encoder(dtype: str) -> WordHashEncoder:
    encoder = WordHashEncoder(SIZES[dtype]) if dtype == "float32" else ExportReader(SIZES[dtype])
    encoder.dtype = dtype
    return encoder


@dataclass
class Trying:
    """The workspace, and what a person and the worker do there."""

    database: Database
    context: Context
    workspace: int
    source: int
    clock: Clock
    read: int = 0

    def feed(self, count: int, *, work: bool = True) -> None:
        """Let the next tickets of the year come."""
        tickets = year.tickets()[self.read : self.read + count]
        assert len(tickets) == count
        self.read += count
        deliver(self.context, self.workspace, self.source, *(ticket.row for ticket in tickets))
        if work:
            self.work()

    def work(self) -> None:
        walk(self.context)
        assert unfinished(self.database, now=self.clock()) == []

    def one_batch(self) -> Job | None:
        """Let a worker that has just started do one batch."""
        done = run_batch(self.context, build_stages(self.context.settings))
        return None if done is None else done[0]

    def start(self, choice: EncoderChoice = OTHER, *, work: bool = True) -> None:
        with self.database.write(workspace=self.workspace) as session:
            shadows.start(session, workspace=self.workspace, choice=choice, author=ADA, now=self.clock())
        if work:
            self.work()

    def switch(self, *, limit: float = 1.0, accept: float | None = None, work: bool = True) -> None:
        with self.database.write(workspace=self.workspace) as session:
            shadows.ask_switch(
                session,
                workspace=self.workspace,
                limit=limit,
                accept_moved=accept,
                author=ADA,
                now=self.clock(),
            )
        if work:
            self.work()

    def drop(self) -> None:
        with self.database.write(workspace=self.workspace) as session:
            shadows.drop(session, workspace=self.workspace, author=ADA, now=self.clock())

    # --- what is stored

    def shadow(self) -> Shadow | None:
        with self.database.read(workspace=None) as session:
            return session.scalar(select(Shadow))

    def report(self) -> MoveReport:
        row = self.shadow()
        assert row is not None
        report = shadows.report_of(row)
        assert report is not None
        return report

    def places(self) -> dict[int, int]:
        return open_assignments(self.database)

    def themes(self) -> dict[int, Theme]:
        with self.database.read(workspace=None) as session:
            return {row.id: row for row in session.scalars(select(Theme))}

    def owner(self) -> Workspace:
        with self.database.read(workspace=None) as session:
            return session.get_one(Workspace, self.workspace)

    def choice(self) -> EncoderChoice:
        with self.database.read(workspace=None) as session:
            return workspaces.chosen_encoder(session, workspace=self.workspace)

    def vectors(self) -> dict[str, int]:
        """Count vectors by the arithmetic of their encoder."""
        with self.database.read(workspace=None) as session:
            query = select(Encoder.dtype, func.count()).join(Embedding, Embedding.encoder_id == Encoder.id)
            return {dtype: count for dtype, count in session.execute(query.group_by(Encoder.dtype))}

    def count(self, table: type[Arrival | ShadowArrival | Assignment]) -> int:
        with self.database.read(workspace=None) as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def partition(self) -> dict[int, int]:
        """Map the shadow's items to its themes, merges followed, each named by its first item."""
        with self.database.read(workspace=None) as session:
            row = session.scalars(select(Shadow)).one()
            assert row.encoder_id is not None
            rows = shadow_stream.beside(session, workspace=self.workspace, encoder=row.encoder_id)
        redirects = dict(row.stream["bookkeeping"]["redirects"])  # type: ignore[index]

        def standing(theme: int) -> int:
            while theme in redirects:
                theme = redirects[theme]
            return theme

        first: dict[int, int] = {}
        found = {}
        for each in rows:
            theme = standing(each.new)
            found[each.item] = 0 if theme == 0 else first.setdefault(theme, each.item)
        return found


def trying(
    database: Database,
    programs: Database,
    *,
    count: int = FED,
    load_encoder: Callable[[str], EncoderProtocol] = other_encoder,
) -> Trying:
    """Make the workspace, and let it read its first tickets."""
    workspace = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
    clock = Clock()
    settings = settings_for(programs, place_batch_size=60, embed_batch_size=120)
    context = Context(programs, settings, load_encoder, clock)
    made = Trying(database, context, workspace, source, clock)
    made.feed(count)
    return made


def reopened(database: Database, made: Trying) -> Trying:
    """Go on in a copy of the database that `made` worked in."""
    settings = settings_for(database, place_batch_size=60, embed_batch_size=120)
    clock = Clock(made.clock.now)
    context = Context(database, settings, other_encoder, clock)
    return Trying(database, context, made.workspace, made.source, clock, made.read)


# --- what tests of several files ask and do ------------------------------------------------------------------


def revision(trial: Trying) -> int:
    with trial.database.read(workspace=None) as session:
        return session.scalars(select(ThemeStreamState.revision)).one()


def story(trial: Trying) -> object:
    with trial.database.read(workspace=None) as session:
        return (
            sorted((row.item_id, row.position, row.theme_number) for row in session.scalars(select(Arrival))),
            session.scalars(select(ThemeStreamState.state)).one(),
            revision(trial),
            trial.places(),
        )


def live_of(trial: Trying) -> dict[str, object]:
    """Everything about themes that readers see."""
    with trial.database.read(workspace=None) as session:
        return {
            "places": trial.places(),
            "themes": [
                (row.id, row.number, row.state, row.label, row.redirect_id)
                for row in session.scalars(select(Theme).order_by(Theme.id))
            ],
            "events": len(session.scalars(select(ThemeEvent.id)).all()),
            "counts": sorted(
                (row.theme_id, row.day, row.segment, row.complaints, row.items)
                for row in session.scalars(select(DailyCount))
            ),
            "stream": [(row.version, row.revision) for row in session.scalars(select(ThemeStreamState))],
            "arrivals": sorted(
                (row.item_id, row.position, row.theme_number) for row in session.scalars(select(Arrival))
            ),
        }


def who(trial: Trying) -> dict[str, Any]:
    return {"workspace": trial.workspace, "author": ADA, "now": trial.clock()}


def act(trial: Trying, doing: Callable[[Session], Acted]) -> Acted:
    with trial.database.write(workspace=trial.workspace) as session:
        return doing(session)
