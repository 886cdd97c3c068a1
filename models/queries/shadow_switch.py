"""The switch to an encoder that was tried: its themes become the workspace's, in one transaction."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from models.errors import Conflict
from models.jobs import Job, WorkState
from models.language.events import Bookkeeping
from models.queries import shadow_stream, theme_books, theme_log, theme_stream, themes, work, workspaces
from models.queries.theme_stream import Entry
from models.queries.within import within
from models.records import (
    Arrival,
    Assignment,
    Embedding,
    FeedbackItem,
    Shadow,
    ShadowArrival,
    ShadowState,
    Theme,
    ThemeEvent,
    ThemeState,
    Work,
)
from models.values.encoders import EncoderChoice
from models.values.ids import Prefix, public_id
from models.values.moves import Fate, ThemeMove

CHANGED = "model_changed"
"""Kind of the events of a switch."""


@dataclass(frozen=True, slots=True)
class Born:
    """A theme that is new under the new encoder."""

    number: int
    label: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a switch writes.

    live_version, version: of the live stream and the shadow's row when they were compared. kept, settled_at: the live
    stream's books afterwards. entries: items that move, with the number of the theme they come into (0: none).
    touched: numbers of the themes they leave and enter, each with the moments at which their tickets were opened.
    moves: what becomes of every theme.
    """

    live_version: int
    version: int
    kept: Bookkeeping
    settled_at: int
    entries: Sequence[Entry]
    touched: Sequence[tuple[int, datetime]]
    born: Sequence[Born]
    moves: Sequence[ThemeMove]


def publish(session: Session, *, workspace: int, plan: Plan, now: datetime) -> int:
    """Make the shadow's themes those of the workspace; return the theme revision that this is.

    Raise `Conflict` where the live stream or the shadow is not as it was compared.
    """
    books = theme_log.begin(session, workspace=workspace, now=now)
    if books.version != plan.live_version:
        raise Conflict("the themes changed since they were compared.")
    row = shadow_stream.find(session, workspace=workspace)
    if row is None or row.encoder_id is None or row.state is not ShadowState.SWITCHING:
        raise Conflict("nobody asks for this switch any more.")
    new = row.encoder_id
    before = workspaces.use_encoder(
        session, workspace=workspace, choice=EncoderChoice(row.model, row.dtype), encoder=new
    )
    # What is deleted from now on are the vectors of the encoder that was used until now.
    shadow_stream.advance(
        session, workspace=workspace, before=plan.version, state=ShadowState.DROPPING, encoder_id=before
    )
    shadow_stream.ask(session, workspace=workspace, now=now)
    ids = _give_birth(session, workspace, plan.born, books.revision, now)
    _move(session, workspace, plan, ids, books.revision, now)
    _let_go(session, workspace)
    _log(session, workspace, plan.moves, ids, books.revision, now)
    _retire(session, workspace, [ids[move.number] for move in plan.moves if move.fate is Fate.LOST])
    _read_again(session, workspace, row, new, now)
    books.kept = plan.kept
    books.state = {**books.state, "settled_at": plan.settled_at}
    theme_books.close_books(session, workspace=workspace, books=books)
    _audit(session, row, plan, books.revision, now)
    return books.revision


def _give_birth(
    session: Session, workspace: int, born: Sequence[Born], revision: int, now: datetime
) -> dict[int, int]:
    """Write the new themes; return every theme's id by its number."""
    session.add_all(
        Theme(
            workspace_id=workspace,
            number=each.number,
            state=ThemeState.ACTIVE,
            label=each.label,
            found_label=each.label,
            born_at=now,
            born_revision=revision,
            keywords=[],
        )
        for each in born
    )
    session.flush()
    return {number: theme for theme, number in themes.numbers(session, workspace=workspace).items()}


def _move(
    session: Session, workspace: int, plan: Plan, ids: dict[int, int], revision: int, now: datetime
) -> None:
    """Write the assignments of items that move, and ask for the counts that this touches."""
    placed = [entry for entry in plan.entries if entry.theme_number]
    waiting = [entry.item for entry in plan.entries if not entry.theme_number]
    theme_stream.enter(session, workspace=workspace, entries=placed, ids=ids, revision=revision)
    theme_stream.leave_themes(session, workspace=workspace, items=waiting, revision=revision)
    pairs = [(ids[number], at) for number, at in plan.touched]
    theme_log.ask_for_counts(session, workspace=workspace, pairs=pairs, now=now)


def _let_go(session: Session, workspace: int) -> None:
    """Hold in the live stream what the shadow's held: only then does it go on where the shadow was."""
    for released in (True, False):
        told = select(ShadowArrival.item_id).where(
            ShadowArrival.workspace_id == workspace, ShadowArrival.released.is_(released)
        )
        session.execute(
            update(Arrival)
            .where(
                Arrival.workspace_id == workspace,
                Arrival.released.is_(not released),
                Arrival.item_id.in_(told),
            )
            .values(released=released)
            .execution_options(synchronize_session=False)
        )


def _log(
    session: Session,
    workspace: int,
    moves: Sequence[ThemeMove],
    ids: dict[int, int],
    revision: int,
    now: datetime,
) -> None:
    """Append to the log of every theme that gains or loses items: how many came, or, of one that is lost, went."""
    for move in moves:
        if move.before == move.after == move.stayed:
            continue
        is_lost = move.fate is Fate.LOST
        session.add(
            ThemeEvent(
                workspace_id=workspace,
                revision=revision,
                kind=CHANGED,
                theme_id=ids[move.number],
                other_theme_id=ids[move.other] if move.other else None,
                item_count=move.before - move.stayed if is_lost else move.after - move.stayed,
                at=now,
            )
        )
    session.flush()


def _retire(session: Session, workspace: int, lost: Sequence[int]) -> None:
    """Retire the themes that nothing matches and nothing is left in; their ids stay theirs."""
    standing = func.coalesce(Theme.redirect_id, Theme.id)
    filled = (
        select(standing)
        .join(Assignment, Assignment.theme_id == Theme.id)
        .where(standing.in_(lost), within(Theme, workspace), Assignment.until_revision.is_(None))
    )
    session.execute(
        update(Theme)
        .where(
            Theme.id.in_(lost),
            Theme.workspace_id == workspace,
            Theme.state == ThemeState.ACTIVE,
            Theme.pinned.is_(False),
            Theme.id.not_in(filled),
        )
        .values(state=ThemeState.RETIRED)
        .execution_options(synchronize_session=False)
    )


def _read_again(session: Session, workspace: int, row: Shadow, encoder: int, now: datetime) -> None:
    """Let items that the shadow has not read be embedded and placed anew; until then they stay where they are."""
    late = session.execute(
        select(Arrival.item_id, FeedbackItem.version)
        .join(FeedbackItem, FeedbackItem.id == Arrival.item_id)
        .where(Arrival.workspace_id == workspace, Arrival.position > row.read_through)
    ).all()
    session.execute(
        delete(Arrival)
        .where(Arrival.workspace_id == workspace, Arrival.position > row.read_through)
        .execution_options(synchronize_session=False)
    )
    current = select(Embedding.item_id).where(
        Embedding.item_id == FeedbackItem.id, Embedding.encoder_id == encoder
    )
    waiting = session.execute(
        select(FeedbackItem.id, FeedbackItem.version)
        .join(Work, (Work.subject == FeedbackItem.id) & (Work.version == FeedbackItem.version))
        .where(
            FeedbackItem.workspace_id == workspace,
            Work.workspace_id == workspace,
            Work.stage == Job.PLACE,
            Work.state == WorkState.READY,
            ~current.exists(),
        )
    ).all()
    pieces = sorted({(item, version) for item, version in (*late, *waiting)})
    work.mark_pieces_dirty(session, workspace=workspace, stage=Job.EMBED, pieces=pieces, run_at=now)


def _audit(session: Session, row: Shadow, plan: Plan, revision: int, now: datetime) -> None:
    fates: dict[str, int] = defaultdict(int)
    for move in plan.moves:
        fates[str(move.fate)] += 1
    workspaces.audit(
        session,
        workspace=row.workspace_id,
        actor=row.actor,
        by=row.by,
        action="encoder.switched",
        subject=public_id(Prefix.WORKSPACE, row.workspace_id),
        now=now,
        detail={
            "model": row.model,
            "dtype": row.dtype,
            "revision": revision,
            "moved": len(plan.entries),
            **fates,
        },
    )
