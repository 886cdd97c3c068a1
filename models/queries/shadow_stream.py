"""The shadow's own theme stream as it is stored, and what it is compared with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models.errors import Conflict
from models.jobs import Job, WorkState
from models.queries import theme_acts, work
from models.queries.theme_stream import StoredItem
from models.queries.upsert import insert_many
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
    ThemeState,
    ThemeVerb,
    Work,
)
from models.values.kinds import Kind


@dataclass(frozen=True, slots=True)
class ShadowEntry:
    """An item of the shadow's stream: its position and its theme's number there (0: waiting), its share of votes."""

    item: int
    position: int
    theme_number: int
    score: float


@dataclass(frozen=True, slots=True)
class Beside:
    """An item that both streams have read; old: its theme's number in the live stream, new: in the shadow's."""

    item: int
    old: int
    new: int
    score: float
    is_complaint: bool


@dataclass(frozen=True, slots=True)
class Texted:
    """An item's words and its vector in the shadow."""

    item: int
    subject: str | None
    text: str
    vector: bytes


def find(session: Session, *, workspace: int) -> Shadow | None:
    """Return the shadow run of a workspace, if there is one."""
    return session.scalar(select(Shadow).where(Shadow.workspace_id == workspace))


def follow(session: Session, *, workspace: int, now: datetime) -> None:
    """Ask that the shadow run, if there is one, hears of what has just changed in the live stream."""
    if find(session, workspace=workspace) is not None:
        ask(session, workspace=workspace, now=now)


def ask(session: Session, *, workspace: int, now: datetime) -> None:
    """Ask for the next step of the shadow run, from a moment on."""
    work.mark_dirty(session, workspace=workspace, stage=Job.SHADOW, subject=workspace, run_at=now)


def is_switching(session: Session, *, workspace: int) -> bool:
    """Say whether a switch of the encoder is under way: the live stream stands still for it.

    One whose work was given up is not: it would stand still for ever.
    """
    query = select(Shadow.id).join(Work, Work.subject == Shadow.workspace_id)
    found = session.scalar(
        query.where(
            Shadow.workspace_id == workspace,
            Shadow.state == ShadowState.SWITCHING,
            Work.stage == Job.SHADOW,
            Work.state == WorkState.READY,
        ).limit(1)
    )
    return found is not None


def is_given_up(session: Session, *, workspace: int) -> bool:
    """Say whether a worker failed at every attempt to go on with the shadow run."""
    query = select(Work.id).where(
        Work.workspace_id == workspace, Work.stage == Job.SHADOW, Work.state == WorkState.DEAD
    )
    return session.scalar(query.limit(1)) is not None


def standing_numbers(session: Session, *, workspace: int) -> dict[int, int]:
    """Map every theme's number to that of the theme that stands for it, which may be itself."""
    rows = session.execute(
        select(Theme.id, Theme.number, Theme.redirect_id).where(Theme.workspace_id == workspace)
    ).all()
    numbers = {theme: number for theme, number, _ in rows}
    return {number: numbers[into or theme] for theme, number, into in rows}


def advance(session: Session, *, workspace: int, before: int, **values: object) -> None:
    """Write what a batch did to the shadow's row; raise `Conflict` if somebody moved it on since version `before`."""
    changed = session.execute(
        update(Shadow)
        .where(Shadow.workspace_id == workspace, Shadow.version == before)
        .values(version=before + 1, **values)
        .returning(Shadow.version)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if changed is None:
        raise Conflict("another worker or a person moved the shadow run on; this batch begins again.")


def stop(session: Session, *, workspace: int, error: str) -> None:
    """Let the shadow run stand still, and say why; dropping it is what is left."""
    session.execute(
        update(Shadow)
        .where(Shadow.workspace_id == workspace, Shadow.state != ShadowState.DROPPING)
        .values(error=error[:2000], state=ShadowState.RUNNING)
        .execution_options(synchronize_session=False)
    )


def arrivals_after(
    session: Session, *, workspace: int, position: int, limit: int, until: int | None = None
) -> list[tuple[int, int]]:
    """Return the next items of the live stream and their positions in it, in order of arrival, `until` included."""
    query = select(Arrival.item_id, Arrival.position).where(
        Arrival.workspace_id == workspace, Arrival.position > position
    )
    if until is not None:
        query = query.where(Arrival.position <= until)
    rows = session.execute(query.order_by(Arrival.position).limit(limit))
    return [(item, position) for item, position in rows]


def stored_items(session: Session, *, workspace: int, encoder: int) -> list[StoredItem]:
    """Return the shadow's items with their vectors, in order of arrival, without those that left or were let go."""
    rows = session.execute(
        select(ShadowArrival.item_id, ShadowArrival.position, ShadowArrival.theme_number, Embedding.vector)
        .join(Embedding, (Embedding.item_id == ShadowArrival.item_id) & (Embedding.encoder_id == encoder))
        .where(
            ShadowArrival.workspace_id == workspace,
            ShadowArrival.has_left.is_(False),
            ShadowArrival.released.is_(False),
        )
        .order_by(ShadowArrival.position)
    )
    return [StoredItem(*row) for row in rows]


def leaving(session: Session, *, workspace: int, limit: int) -> list[int]:
    """Return items that left the live stream and are still in the shadow's."""
    query = select(ShadowArrival.item_id).where(
        ShadowArrival.workspace_id == workspace, ShadowArrival.has_left.is_(True)
    )
    return list(session.scalars(query.order_by(ShadowArrival.item_id).limit(limit)))


def forget(session: Session, *, workspace: int, items: Sequence[int]) -> None:
    """Take items out of the shadow's stream."""
    for start in range(0, len(items), 500):
        session.execute(
            delete(ShadowArrival)
            .where(ShadowArrival.item_id.in_(items[start : start + 500]), within(ShadowArrival, workspace))
            .execution_options(synchronize_session=False)
        )


def enter(session: Session, *, workspace: int, entries: Sequence[ShadowEntry]) -> None:
    """Write where items are in the shadow's stream."""
    rows = [
        {
            "workspace_id": workspace,
            "item_id": entry.item,
            "position": entry.position,
            "theme_number": entry.theme_number,
            "score": entry.score,
            "has_left": False,
            "released": False,
        }
        for entry in entries
    ]
    insert_many(session, ShadowArrival, rows, key=("item_id",), update=True)


def release(session: Session, *, workspace: int, items: Sequence[int]) -> None:
    """Mark items that the shadow's stream let go."""
    for start in range(0, len(items), 500):
        session.execute(
            update(ShadowArrival)
            .where(ShadowArrival.item_id.in_(items[start : start + 500]), within(ShadowArrival, workspace))
            .values(released=True)
            .execution_options(synchronize_session=False)
        )


def beside(session: Session, *, workspace: int, encoder: int) -> list[Beside]:
    """Return the items that are in both streams, in order of arrival in the live one.

    Those that were erased since are left out: no encoder says any more what they are about.
    """
    rows = session.execute(
        select(
            Arrival.item_id,
            Arrival.theme_number,
            ShadowArrival.theme_number,
            ShadowArrival.score,
            FeedbackItem.kind == Kind.COMPLAINT,
        )
        .join(ShadowArrival, ShadowArrival.item_id == Arrival.item_id)
        .join(FeedbackItem, FeedbackItem.id == Arrival.item_id)
        .join(Embedding, (Embedding.item_id == Arrival.item_id) & (Embedding.encoder_id == encoder))
        .where(Arrival.workspace_id == workspace, ShadowArrival.has_left.is_(False))
        .order_by(Arrival.position)
    )
    return [Beside(item, old, new, score, bool(c)) for item, old, new, score, c in rows]


def texts(session: Session, *, workspace: int, encoder: int) -> list[Texted]:
    """Return the words and vectors of the shadow's items, in order of id: what names are found in."""
    rows = session.execute(
        select(FeedbackItem.id, FeedbackItem.subject, FeedbackItem.text, Embedding.vector)
        .join(ShadowArrival, ShadowArrival.item_id == FeedbackItem.id)
        .join(Embedding, (Embedding.item_id == FeedbackItem.id) & (Embedding.encoder_id == encoder))
        .where(ShadowArrival.workspace_id == workspace, FeedbackItem.withdrawn.is_(False))
        .order_by(FeedbackItem.id)
    )
    return [Texted(*row) for row in rows]


def protected(session: Session, *, workspace: int) -> dict[int, int]:
    """Map the items that a pin, a dismissal or a merge holds to the number of the theme that stands for theirs.

    A pin, a dismissal and a merge hold what had arrived when they were made; later acts on a theme hold more.
    """
    acts = theme_acts.standing_acts(session, workspace=workspace)
    holding = (ThemeVerb.PIN, ThemeVerb.DISMISS, ThemeVerb.MERGE)
    since: dict[int, int] = {}
    for act in acts:
        if act.verb in holding:
            since[act.theme_id] = max(act.read, since.get(act.theme_id, 0))
    found: dict[int, int] = {}
    for theme, read in sorted(since.items()):
        standing = session.get_one(Theme, theme)
        if standing.redirect_id is not None:
            standing = session.get_one(Theme, standing.redirect_id)
        found.update(dict.fromkeys(_members_by(session, workspace, standing.id, read), standing.number))
    return found


def pinned_now(session: Session, *, workspace: int) -> set[int]:
    """Return the numbers of the themes that lose no message: those that people pinned, and noise."""
    pins = [
        act.theme_id
        for act in theme_acts.standing_acts(session, workspace=workspace)
        if act.verb is ThemeVerb.PIN
    ]
    query = select(Theme.number).where(
        Theme.workspace_id == workspace, Theme.id.in_(pins) | (Theme.state == ThemeState.DISMISSED)
    )
    return set(session.scalars(query))


def _members_by(session: Session, workspace: int, theme: int, read: int) -> list[int]:
    """Return the items of a theme, and of those it stands for, that had arrived when so many were read."""
    query = (
        select(Arrival.item_id)
        .join(Assignment, Assignment.item_id == Arrival.item_id)
        .join(Theme, Theme.id == Assignment.theme_id)
        .where(
            Theme.workspace_id == workspace,
            (Theme.id == theme) | (Theme.redirect_id == theme),
            Assignment.until_revision.is_(None),
            Arrival.position <= read,
        )
    )
    return list(session.scalars(query))


def last_act(session: Session, *, workspace: int) -> int:
    """Return the number of the newest act of a person on themes; 0 before the first."""
    acts = theme_acts.list_acts(session, workspace=workspace, theme=None, before=None, limit=1)
    return acts[0].id if acts else 0
