"""The shadow run of a workspace: an encoder that is tried beside its own, asked for, switched to, dropped."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.errors import Conflict, NotFound
from models.queries import embeddings, shadow_stream, workspaces
from models.queries.theme_log import Author
from models.queries.within import within
from models.records import Arrival, JsonObject, Shadow, ShadowArrival, ShadowState
from models.values.encoders import EncoderChoice
from models.values.ids import Prefix, public_id
from models.values.moves import MoveReport


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the items in themes or waiting for one the shadow has read."""

    done: int
    total: int


def start(
    session: Session, *, workspace: int, choice: EncoderChoice, author: Author, now: datetime
) -> Shadow:
    """Begin to run an encoder in the shadow; asking again for the one that runs changes nothing.

    Raise `Conflict` where another one runs, where nothing was embedded yet, or where it is the workspace's own.
    """
    # Held, so that of two who start at once the second sees the first.
    owner = workspaces.lock_workspace(session, workspace=workspace)
    running = shadow_stream.find(session, workspace=workspace)
    if running is not None:
        if (
            EncoderChoice(running.model, running.dtype) == choice
            and running.state is not ShadowState.DROPPING
        ):
            return running
        raise Conflict("an encoder is being tried already; switch to it or drop it first.")
    if owner.encoder_id is None:
        raise Conflict("no item was embedded yet, so there is nothing to compare with.")
    if choice == workspaces.chosen_encoder(session, workspace=workspace):
        raise Conflict(f"{choice} is what this workspace uses.")
    row = Shadow(
        workspace_id=workspace,
        model=choice.model,
        dtype=choice.dtype,
        state=ShadowState.RUNNING,
        stream={},
        started_at=now,
        actor=author.actor[:200],
        by=author.by,
    )
    session.add(row)
    session.flush()
    shadow_stream.ask(session, workspace=workspace, now=now)
    _audit(session, row, author, "try", now)
    return row


def ask_switch(
    session: Session,
    *,
    workspace: int,
    limit: float,
    accept_moved: float | None,
    author: Author,
    now: datetime,
) -> Shadow:
    """Ask for the switch to the encoder that was tried, or ask again; the worker does it.

    Raise `Conflict` while the report is not of now, and where more would move than `limit` unless `accept_moved`
    names at least that share.
    """
    row = _standing(session, workspace)
    report = report_of(row)
    if row.state is ShadowState.RUNNING or report is None:
        told = progress(session, workspace=workspace)
        raise Conflict(f"the encoder has read {told.done} of {told.total} items: wait for the report.")
    refuse_above(report, limit, accept_moved)
    row.actor, row.by = author.actor[:200], author.by
    row.state, row.accepted, row.refusal = ShadowState.SWITCHING, max(limit, accept_moved or 0.0), None
    shadow_stream.ask(session, workspace=workspace, now=now)
    detail: JsonObject = {
        "moved_share": round(report.moved_share, 4),
        "limit": limit,
        "accepted": accept_moved,
    }
    _audit(session, row, author, "switch", now, detail)
    return row


def refuse_above(report: MoveReport, limit: float, accept_moved: float | None) -> None:
    """Raise `Conflict` where more would move than the limit and than a person accepts; it names the shares."""
    if report.moved_share > max(limit, accept_moved or 0.0):
        share, most = f"{report.moved_share:.4f}", f"{limit:g}"
        raise Conflict(
            f"{share} of the volume would change its theme, and the limit is {most}: send accept_moved of {share} "
            "rounded up, or more, to switch all the same.",
            field="accept_moved",
        )


def drop(session: Session, *, workspace: int, author: Author, now: datetime) -> Shadow:
    """Stop trying an encoder; the worker deletes what it stored. Raise `NotFound` where none is tried."""
    row = _standing(session, workspace)
    row.state, row.version = ShadowState.DROPPING, row.version + 1
    shadow_stream.ask(session, workspace=workspace, now=now)
    _audit(session, row, author, "drop", now)
    return row


def _standing(session: Session, workspace: int) -> Shadow:
    """Load the shadow run, and hold it until the transaction ends; one that is being deleted counts as none."""
    held = select(Shadow).where(Shadow.workspace_id == workspace).with_for_update()
    row = session.scalar(held.execution_options(populate_existing=True))
    if row is None or row.state is ShadowState.DROPPING:
        raise NotFound("no encoder is being tried.")
    return row


def progress(session: Session, *, workspace: int) -> Progress:
    """Say how far the shadow run is; nothing of nothing where there is none."""
    row = shadow_stream.find(session, workspace=workspace)
    if row is None:
        return Progress(0, 0)
    arrivals = select(func.count()).select_from(Arrival).where(Arrival.workspace_id == workspace)
    total = session.scalar(arrivals) or 0
    done = session.scalar(arrivals.where(Arrival.position <= row.read_through)) or 0
    return Progress(done, total)


def report_of(row: Shadow) -> MoveReport | None:
    """Return what a switch would move, as it was compared last."""
    return None if row.report is None else MoveReport.from_json(row.report)


def bind(
    session: Session, *, workspace: int, name: str, digest: str, dtype: str, dimension: int
) -> int | None:
    """Note which encoder the shadow's model turned out to be, and return its id; None where no shadow runs.

    Raise `Conflict` where it is the workspace's own under another name, or not the one that began.
    """
    row = shadow_stream.find(session, workspace=workspace)
    if row is None or row.state is ShadowState.DROPPING:
        return None
    encoder = workspaces.known_encoder(session, name, digest, dtype, dimension)
    if workspaces.get_workspace(session, workspace=workspace).encoder_id == encoder:
        raise Conflict("these are the weights and the arithmetic that this workspace uses.")
    if row.encoder_id not in (None, encoder):
        raise Conflict("the model's files were changed since it was first tried; drop it and try again.")
    row.encoder_id = encoder
    return encoder


def clear(session: Session, *, workspace: int, limit: int) -> int:
    """Delete some of what a dropped shadow run stored, its row last; return how many items' rows went."""
    row = shadow_stream.find(session, workspace=workspace)
    if row is None or row.state is not ShadowState.DROPPING:
        return 0
    gone = 0
    current = workspaces.get_workspace(session, workspace=workspace).encoder_id
    if row.encoder_id is not None and row.encoder_id != current:
        gone += embeddings.delete_of(session, workspace=workspace, encoder=row.encoder_id, limit=limit)
    some = select(ShadowArrival.id).where(ShadowArrival.workspace_id == workspace).limit(limit)
    result = session.execute(
        delete(ShadowArrival)
        .where(ShadowArrival.id.in_(some), within(ShadowArrival, workspace))
        .execution_options(synchronize_session=False)
    )
    gone += int(result.rowcount)  # type: ignore[attr-defined]
    if not gone:
        session.delete(row)
        session.flush()
    return gone


def _audit(
    session: Session, row: Shadow, author: Author, verb: str, now: datetime, detail: JsonObject | None = None
) -> None:
    workspaces.audit(
        session,
        workspace=row.workspace_id,
        actor=author.actor,
        by=author.by,
        action=f"encoder.{verb}",
        subject=public_id(Prefix.WORKSPACE, row.workspace_id),
        now=now,
        detail={"model": row.model, "dtype": row.dtype, **(detail or {})},
    )
