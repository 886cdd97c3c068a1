"""What the API, the console and the command line share about the workspace's encoder and the one it tries."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from models.database import Database, Session
from models.queries import overview, shadow_stream, shadows, themes, workspaces
from models.queries.theme_log import Author
from models.records import Shadow, ShadowState
from models.settings import Settings
from models.values.encoders import PACKAGED_MODEL, EncoderChoice, check_choice, model_folders
from models.values.ids import Prefix, public_id
from models.values.moves import Fate, MoveReport, ThemeMove

GIVEN_UP = "a worker failed at every attempt: see its log, then `ebb replay`."


@dataclass(frozen=True, slots=True)
class ThemeFate:
    """What becomes of a theme, as people read it; counts as in `ThemeMove`.

    theme: its public id, None for one that would be new. other: of the theme where most of what leaves goes, or, of a
    new theme, where most came from; None where these wait, or where it is new itself, whose name is `other_label`.
    """

    theme: str | None
    label: str | None
    before: int
    after: int
    stayed: int
    complaints_before: int
    complaints_after: int
    other: str | None
    other_label: str | None
    other_items: int


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report with names; themes of each fate the largest first, and of those that match only what changes."""

    report: MoveReport
    at: datetime
    lost: tuple[ThemeFate, ...]
    new: tuple[ThemeFate, ...]
    changed: tuple[ThemeFate, ...]
    unchanged: int


@dataclass(frozen=True, slots=True)
class ShadowView:
    """The encoder that is tried: how many of `total` items it has read, and what a switch to it would move."""

    choice: EncoderChoice
    state: ShadowState
    done: int
    total: int
    started_at: datetime
    actor: str
    error: str | None
    refusal: str | None
    report: ReportView | None


@dataclass(frozen=True, slots=True)
class EncoderView:
    """The workspace's encoder, which models could be tried, the limit of a switch, and what is tried now.

    digest, dimension: None before the first item was embedded.
    """

    choice: EncoderChoice
    digest: str | None
    dimension: int | None
    models: tuple[str, ...]
    limit: float
    shadow: ShadowView | None


def read_encoder(session: Session, *, workspace: int, settings: Settings) -> EncoderView:
    """Read which encoder a workspace uses, and how far the one is that it tries."""
    own = workspaces.encoder_of(session, workspace=workspace)
    row = shadow_stream.find(session, workspace=workspace)
    return EncoderView(
        choice=workspaces.chosen_encoder(session, workspace=workspace),
        digest=None if own is None else own.digest,
        dimension=None if own is None else own.dimension,
        models=(PACKAGED_MODEL, *model_folders(settings.encoder_models)),
        limit=settings.encoder_moved_limit,
        shadow=None if row is None else _shadow(session, row),
    )


def _shadow(session: Session, row: Shadow) -> ShadowView:
    progress = shadows.progress(session, workspace=row.workspace_id)
    report = shadows.report_of(row)
    is_given_up = shadow_stream.is_given_up(session, workspace=row.workspace_id)
    return ShadowView(
        choice=EncoderChoice(row.model, row.dtype),
        state=row.state,
        done=progress.done,
        total=progress.total,
        started_at=row.started_at,
        actor=row.actor,
        error=row.error or (GIVEN_UP if is_given_up else None),
        refusal=row.refusal,
        report=None
        if report is None or row.reported_at is None
        else _report(session, row.workspace_id, report, row.reported_at),
    )


def _report(session: Session, workspace: int, report: MoveReport, at: datetime) -> ReportView:
    ids = {number: theme for theme, number in themes.numbers(session, workspace=workspace).items()}
    labels = overview.theme_labels(session, workspace=workspace)
    fresh = {move.number: move.label for move in report.of(Fate.NEW)}

    def label_of(number: int | None) -> str | None:
        return fresh[number] if number in fresh else labels.get(ids.get(number or 0, 0))

    def id_of(number: int | None) -> str | None:
        is_known = number in ids and number not in fresh
        return public_id(Prefix.THEME, ids[number or 0]) if is_known else None

    def fate(move: ThemeMove) -> ThemeFate:
        return ThemeFate(
            theme=id_of(move.number),
            label=label_of(move.number),
            before=move.before,
            after=move.after,
            stayed=move.stayed,
            complaints_before=move.complaints_before,
            complaints_after=move.complaints_after,
            other=id_of(move.other),
            other_label=label_of(move.other),
            other_items=move.other_items,
        )

    matched = report.of(Fate.MATCHED)
    changed = [move for move in matched if not move.before == move.after == move.stayed]
    return ReportView(
        report=report,
        at=at,
        lost=tuple(map(fate, report.of(Fate.LOST))),
        new=tuple(map(fate, report.of(Fate.NEW))),
        changed=tuple(map(fate, changed)),
        unchanged=len(matched) - len(changed),
    )


@dataclass(frozen=True, slots=True)
class Hand:
    """What one person does about a workspace's encoder in one transaction."""

    session: Session
    workspace: int
    settings: Settings
    author: Author
    now: datetime

    def start(self, model: str | None, dtype: str | None) -> None:
        """Try an encoder; what is left out is as the workspace has it. Raise `Invalid` for one that is not there."""
        own = workspaces.chosen_encoder(self.session, workspace=self.workspace)
        choice = EncoderChoice(model or own.model, dtype or own.dtype)
        check_choice(choice, model_folders(self.settings.encoder_models))
        shadows.start(self.session, workspace=self.workspace, choice=choice, author=self.author, now=self.now)

    def switch(self, accept_moved: float | None) -> None:
        """Ask for the switch to the encoder that is tried."""
        shadows.ask_switch(
            self.session,
            workspace=self.workspace,
            limit=self.settings.encoder_moved_limit,
            accept_moved=accept_moved,
            author=self.author,
            now=self.now,
        )

    def drop(self) -> None:
        """Stop trying."""
        shadows.drop(self.session, workspace=self.workspace, author=self.author, now=self.now)

    def view(self) -> EncoderView:
        """Read what stands now."""
        self.session.flush()
        return read_encoder(self.session, workspace=self.workspace, settings=self.settings)


@contextmanager
def acting(
    database: Database, settings: Settings, *, workspace: int, author: Author, now: datetime
) -> Iterator[Hand]:
    """Let a person act while the block runs: all of it, or nothing where it raises."""
    with database.write(workspace=workspace) as session:
        yield Hand(session, workspace, settings, author, now)
