"""Stage `embed`: turn items into vectors, in large batches, and say what kind of message each is."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from models.database import Session
from models.errors import Conflict
from models.jobs import Job
from models.language.followup import JOINING_WORDS, says_something
from models.language.kind import classify, version_for
from models.queries import embeddings, feedback, impact, kinds, ticket_states, work, workspaces
from models.queries.work import Leased
from models.records import FeedbackItem
from models.values.encoders import EncoderChoice
from models.values.feedback import THEMED_LANGUAGES, AuthorRole, Rating, RatingKind, Turn
from workers.context import Context

WRITE_AT_ONCE = 64
"""Vectors written in one transaction: short enough that intake never waits long for its turn."""


def embed_items(context: Context, leased: Sequence[Leased]) -> None:
    """Encode items that say something of their own, say what kind each item is, and ask for their place in a theme.

    Follow-ups that lean on what was said before and languages that the model does not know get no vector: nothing
    would read it.
    """
    workspace = leased[0].workspace_id
    # Of several versions of an item in one batch the newest stands, in whatever order they were asked for.
    versions = {piece.subject: piece for piece in sorted(leased, key=lambda piece: piece.version)}
    with context.database.read(workspace=workspace) as session:
        found = feedback.load_items(session, workspace=workspace, items=list(versions))
        choice = workspaces.chosen_encoder(session, workspace=workspace)
        bound = workspaces.encoder_of(session, workspace=workspace)
        stored = (
            embeddings.current(session, workspace=workspace, items=list(versions), encoder=bound.id)
            if bound
            else {}
        )
    items = [item for item in found if item.version == versions[item.id].version and has_text(item)]
    fresh = [item for item in items if is_themed(item) and item.id not in stored]
    if fresh:
        _encode(context, workspace, choice, fresh, versions)
    placed = {item.id for item in fresh}
    rest_of_items = [item for item in items if item.id not in placed]
    with context.database.write(workspace=workspace) as session:
        # Asked once more: the first vectors of a workspace, just now, have bound it.
        bound = workspaces.encoder_of(session, workspace=workspace)
        decided_by = version_for((bound.name, bound.digest) if bound else None)
        others = [
            item for item in rest_of_items if _write_kind(session, item, stored.get(item.id), decided_by)
        ]
        # Whatever made the kind another one, a newer version or a rating that came later: the counts follow.
        ticket_states.recount(session, workspace=workspace, items=others, now=context.clock())
        for item in rest_of_items:
            if item.id not in stored:
                _leave_theme(session, item, context.clock())
        _decide_again(session, workspace, rest_of_items, decided_by, context.clock())
        # A piece may ask for an older version of an item that another piece of the batch holds anew.
        rest = [
            piece for piece in leased if piece.subject not in placed or piece is not versions[piece.subject]
        ]
        work.finish(session, rest, now=context.clock())


def _decide_again(
    session: Session, workspace: int, items: Sequence[FeedbackItem], decided_by: str, now: datetime
) -> None:
    """Where kinds of an older version were decided again, ask for as many more until none is left."""
    older = [item for item in items if item.kind_version not in (None, decided_by)]
    if not older:
        return
    more = kinds.decide_again(
        session, workspace=workspace, kind_version=decided_by, now=now, limit=len(older)
    )
    span = feedback.span_of_days(session, workspace=workspace)
    if more == 0 and span is not None:
        # Verdicts that were refused because two versions had decided can be given now.
        impact.mark_releases(session, workspace=workspace, since=span[0].date(), now=now)


def _leave_theme(session: Session, item: FeedbackItem, now: datetime) -> None:
    """Ask that an item whose text was edited to one that has no place in a theme gives its old place up."""
    if item.version > 1:
        work.enqueue(
            session,
            workspace=item.workspace_id,
            stage=Job.PLACE,
            subject=item.id,
            version=item.version,
            run_at=now,
        )


def _encode(
    context: Context,
    workspace: int,
    choice: EncoderChoice,
    items: Sequence[FeedbackItem],
    pieces: Mapping[int, Leased],
) -> None:
    """Encode items in one large batch, and store the vectors in short transactions."""
    encoder = context.encoder(choice)
    vectors = encoder.encode([text_of(item) for item in items])
    with context.database.write(workspace=workspace) as session:
        number = workspaces.bind_encoder(
            session,
            workspace=workspace,
            name=encoder.name,
            digest=encoder.digest,
            dtype=encoder.dtype,
            dimension=encoder.dimension,
        )
    decided_by = version_for((encoder.name, encoder.digest))
    for start in range(0, len(items), WRITE_AT_ONCE):
        chunk = items[start : start + WRITE_AT_ONCE]
        with context.database.write(workspace=workspace) as session:
            _write(
                context, session, workspace, chunk, vectors[start : start + WRITE_AT_ONCE], number, decided_by
            )
            work.finish(session, [pieces[item.id] for item in chunk], now=context.clock())


def is_themed(item: FeedbackItem) -> bool:
    """Tell whether an item is read for its theme: what opens a ticket, and later messages that say something new.

    A further person's first message may be short, for it is read with the subject; a follow-up is read alone.
    """
    if item.excluded_by is not None or item.author_role is AuthorRole.BOT:
        return False
    if item.language not in THEMED_LANGUAGES or not text_of(item):
        return False
    match item.turn:
        case Turn.OPENS:
            return True
        case Turn.JOINS:
            return says_something(item.text, least=JOINING_WORDS)
        case Turn.FOLLOWS:
            return says_something(item.text)


def text_of(item: FeedbackItem) -> str:
    """Join subject and text, as they are embedded; a follow-up may be about something else than the subject."""
    subject = None if item.turn is Turn.FOLLOWS else item.subject
    return " ".join(part for part in (subject, item.text) if part).strip()


def _write(
    context: Context,
    session: Session,
    workspace: int,
    items: Sequence[FeedbackItem],
    vectors: NDArray[np.float32],
    encoder: int,
    decided_by: str,
) -> None:
    now = context.clock()
    if not workspaces.check_encoder(session, workspace=workspace, encoder=encoder):
        raise Conflict("the encoder was switched meanwhile; this batch begins again.")
    # While the batch was encoded, a text may have been edited or deleted: its old vector must not come back.
    stored = feedback.load_items(session, workspace=workspace, items=[item.id for item in items], lock=True)
    standing = {(item.id, item.version) for item in stored if has_text(item)}
    for item, vector in zip(items, vectors, strict=True):
        if (item.id, item.version) not in standing:
            continue
        packed = embeddings.pack(vector)
        embeddings.put(
            session,
            workspace=workspace,
            item=item.id,
            version=item.version,
            encoder=encoder,
            vector=packed,
        )
        _write_kind(session, item, packed, decided_by)
        # Also where its version was placed before: this is the first vector of another encoder.
        work.mark_dirty(
            session,
            workspace=workspace,
            stage=Job.PLACE,
            subject=item.id,
            version=item.version,
            run_at=now,
        )


def _write_kind(session: Session, item: FeedbackItem, packed: bytes | None, decided_by: str) -> bool:
    """Decide on the vector as it is stored, so that deciding again says the same; return if the kind is another."""
    vector = None if packed is None else embeddings.unpack([packed], len(packed) // 2)[0]
    result = classify(
        item.text,
        rating=_share_of_scale(item),
        channel=item.channel,
        subject=item.subject or "",
        vector=vector,
        version=decided_by,
    )
    feedback.set_kind(
        session,
        workspace=item.workspace_id,
        item=item.id,
        version=item.version,
        kind=result.kind,
        why=result.why,
        decided_by=result.version,
    )
    return result.kind is not item.kind


def _share_of_scale(item: FeedbackItem) -> float | None:
    """Return the rating as a share of its scale, from 0 (worst) to 1 (best)."""
    if item.rating is None:
        return None
    rating = Rating(
        value=float(str(item.rating["value"])),
        scale_min=float(str(item.rating["scale_min"])),
        scale_max=float(str(item.rating["scale_max"])),
        kind=RatingKind(str(item.rating["kind"])),
    )
    if rating.scale_max <= rating.scale_min:
        return None
    return (rating.value - rating.scale_min) / (rating.scale_max - rating.scale_min)


def has_text(item: FeedbackItem) -> bool:
    """Say whether an item still has the text that it was written with: neither the vendor nor an erasure took it."""
    return not item.withdrawn and item.erased_at is None
