"""Stage `shadow`: run another encoder beside the workspace's own, and switch to it when a person asks.

A step reads the next items of the live stream, in their order of arrival: it embeds them, places them in a stream of
its own, and asks for the next step. Nothing of it is seen in themes until the switch, which is one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from models.errors import Conflict, EbbError
from models.language.discover import ThemeStream
from models.language.encode import Encoder, FloatArray
from models.language.events import Event
from models.queries import (
    embeddings,
    feedback,
    shadow_stream,
    shadows,
    theme_stream,
    work,
    workspaces,
)
from models.queries.shadow_stream import ShadowEntry
from models.queries.work import Leased
from models.records import FeedbackItem, JsonObject, Shadow, ShadowState
from models.values.encoders import EncoderChoice
from workers import settling, shadow_report
from workers.context import Context
from workers.embed import WRITE_AT_ONCE, has_text, is_themed, text_of
from workers.shadow_stream import Loaded, Shadows

LEFT_AT_ONCE = 500
CLEARED_AT_ONCE = 500
"""Rows deleted in one transaction."""

REPORT_AGAIN = timedelta(minutes=5)
"""How often a report is made anew while items keep coming: it reads every item of both streams."""


FAILED = "the switch failed: a worker's log says why."


@dataclass(frozen=True, slots=True)
class Step:
    """One step's world."""

    context: Context
    piece: Leased
    row: Shadow
    encoder: Encoder
    loaded: Loaded

    @property
    def workspace(self) -> int:
        """The workspace whose shadow it is."""
        return self.piece.workspace_id


def run_shadow(context: Context, leased: Sequence[Leased], kept: Shadows) -> None:
    """Do the next step of each workspace's shadow run."""
    for piece in leased:
        with context.database.read(workspace=piece.workspace_id) as session:
            row = shadow_stream.find(session, workspace=piece.workspace_id)
        if row is None:
            kept.forget(piece.workspace_id)
            _finish(context, piece)
        elif row.state is ShadowState.DROPPING:
            kept.forget(piece.workspace_id)
            _clear(context, piece)
        else:
            _go_on(context, piece, row, kept)


def _go_on(context: Context, piece: Leased, row: Shadow, kept: Shadows) -> None:
    workspace = piece.workspace_id
    try:
        encoder = context.encoder(EncoderChoice(row.model, row.dtype))
        with context.database.write(workspace=workspace) as session:
            number = shadows.bind(
                session,
                workspace=workspace,
                name=encoder.name,
                digest=encoder.digest,
                dtype=encoder.dtype,
                dimension=encoder.dimension,
            )
    except EbbError as error:
        # A model that is not there, or not the one it was: only a person can mend that.
        with context.database.write(workspace=workspace) as session:
            shadow_stream.stop(session, workspace=workspace, error=error.message)
            work.finish(session, [piece], now=context.clock())
        return None
    if number is None:  # dropped just now
        return _finish(context, piece, again=True)
    step = Step(context, piece, row, encoder, kept.load(context, workspace, row, encoder, number))
    try:
        _step(step)
    except Exception as error:
        kept.forget(workspace)
        if row.state is ShadowState.SWITCHING and not isinstance(error, Conflict):
            # New items wait for the switch: one that fails must be asked for anew.
            with context.database.write(workspace=workspace) as session:
                shadow_stream.stop(session, workspace=workspace, error=FAILED)
        raise


def _step(step: Step) -> None:
    with step.context.database.read(workspace=step.workspace) as session:
        live = theme_stream.read_stream(session, workspace=step.workspace)
        # Where the live stream was settled this one is too, before it reads on: they shall not differ by that.
        until = min(
            (read for read in settling.settles(live.state) if read > step.loaded.settled_through),
            default=None,
        )
        leaving = shadow_stream.leaving(session, workspace=step.workspace, limit=LEFT_AT_ONCE)
        arrivals = shadow_stream.arrivals_after(
            session,
            workspace=step.workspace,
            position=step.row.read_through,
            limit=step.context.settings.place_batch_size,
            until=until,
        )
    if leaving or arrivals:
        _read(step, leaving, arrivals)
    elif until is not None:
        _settle(step, until)
    elif settling.settling_is_due(step.loaded.stream, step.loaded.settled_at):
        _settle(step, step.row.read_through)
    elif step.row.state is ShadowState.SWITCHING:
        _switch(step)
    else:
        _report(step, live.version)


# --- reading ------------------------------------------------------------------------------------------------


def _read(step: Step, leaving: Sequence[int], arrivals: Sequence[tuple[int, int]]) -> None:
    """Take a batch into the shadow's stream, and store what became of it."""
    items, vectors = _vectors(step, [item for item, _ in arrivals])
    stream = step.loaded.stream
    before = _positions(stream)
    stream.remove([*leaving, *items])
    events = stream.add(np.array(items, dtype=np.int64), vectors) if items else ()
    through = arrivals[-1][1] if arrivals else step.row.read_through
    entries = _changed(stream, before | _positions(stream), events, items)
    _store(step, entries, leaving, through, released=stream.released.tolist() if items else [])


def _vectors(step: Step, wanted: Sequence[int]) -> tuple[list[int], FloatArray]:
    """Return those of the items that can be read, in the order given, with their vectors as they are stored."""
    context, encoder = step.context, step.loaded.encoder
    with context.database.read(workspace=step.workspace) as session:
        found = {
            item.id: item
            for item in feedback.load_items(session, workspace=step.workspace, items=list(wanted))
        }
        stored = embeddings.current(session, workspace=step.workspace, items=list(wanted), encoder=encoder)
    fresh = [
        found[item]
        for item in wanted
        if item in found and item not in stored and has_text(found[item]) and is_themed(found[item])
    ]
    made = step.encoder.encode([text_of(item) for item in fresh]) if fresh else np.zeros((0, 1))
    for start in range(0, len(fresh), WRITE_AT_ONCE):
        chunk = slice(start, start + WRITE_AT_ONCE)
        packed = [embeddings.pack(vector) for vector in made[chunk]]
        stored |= _write_vectors(step, fresh[chunk], packed)
    items = [item for item in wanted if item in stored]
    return items, embeddings.unpack([stored[item] for item in items], step.encoder.dimension)


def _write_vectors(step: Step, items: Sequence[FeedbackItem], packed: Sequence[bytes]) -> dict[int, bytes]:
    """Store vectors of items whose text is still what was read; return these."""
    written = {}
    with step.context.database.write(workspace=step.workspace) as session:
        rows = feedback.load_items(
            session, workspace=step.workspace, items=[item.id for item in items], lock=True
        )
        standing = {(row.id, row.version) for row in rows if has_text(row)}
        for item, vector in zip(items, packed, strict=True):
            if (item.id, item.version) in standing:
                embeddings.put(
                    session,
                    workspace=step.workspace,
                    item=item.id,
                    version=item.version,
                    encoder=step.loaded.encoder,
                    vector=vector,
                )
                written[item.id] = vector
    return written


def _positions(stream: ThemeStream) -> dict[int, int]:
    """Map items to how many the shadow's stream had read when it had read them."""
    state = stream.state()
    return dict(zip(state.ids.tolist(), state.arrived.tolist(), strict=True))


def _changed(
    stream: ThemeStream, positions: Mapping[int, int], events: Sequence[Event], added: Sequence[int]
) -> list[ShadowEntry]:
    """Return the items that are new in the stream, or whose theme is another by more than a merge."""
    found = dict.fromkeys(added, (0, 0.0))
    for event in events:
        found |= {item: (event.theme, score) for item, score in zip(event.items, event.scores, strict=True)}
    return [
        ShadowEntry(item, positions[item], stream.resolve(theme) if theme else 0, score)
        for item, (theme, score) in found.items()
    ]


def _settle(step: Step, through: int) -> None:
    """Refit outside the stream's own rhythm, as the live stream does; `through`: how far of that all is read."""
    stream = step.loaded.stream
    entries = _changed(stream, _positions(stream), stream.finish(), ())
    step.loaded.settled_at = step.loaded.stream.state().bookkeeping.read
    step.loaded.settled_through = through
    _store(step, entries, (), step.row.read_through)


def _store(
    step: Step,
    entries: Sequence[ShadowEntry],
    leaving: Sequence[int],
    through: int,
    *,
    released: Sequence[int] = (),
) -> None:
    """Write one batch's outcome, and ask for the next step, in one transaction."""
    with step.context.database.write(workspace=step.workspace) as session:
        shadow_stream.advance(
            session,
            workspace=step.workspace,
            before=step.loaded.version,
            read_through=through,
            stream=step.loaded.to_json(),
            error=None,
        )
        shadow_stream.forget(session, workspace=step.workspace, items=list(leaving))
        shadow_stream.enter(session, workspace=step.workspace, entries=entries)
        shadow_stream.release(session, workspace=step.workspace, items=released)
        shadow_stream.ask(session, workspace=step.workspace, now=step.context.clock())
    step.loaded.version += 1


# --- when all is read ---------------------------------------------------------------------------------------


def _report(step: Step, live_version: int) -> None:
    """Compare the two streams, unless that was done a moment ago or nothing has happened since."""
    now, last = step.context.clock(), shadows.report_of(step.row)
    is_ready = step.row.state is ShadowState.READY
    if is_ready and last is not None and last.live_version == live_version:
        return _finish(step.context, step.piece)
    if is_ready and step.row.reported_at is not None and now < step.row.reported_at + REPORT_AGAIN:
        with step.context.database.write(workspace=step.workspace) as session:
            later = step.row.reported_at + REPORT_AGAIN
            if work.holds(session, step.piece):
                shadow_stream.ask(session, workspace=step.workspace, now=later)
        return None
    found = shadow_report.compare(step.context, step.workspace, step.loaded)
    told = shadow_report.named(step.context, step.workspace, step.loaded, step.encoder, found)
    values: JsonObject = {"report": told.to_json(), "reported_at": now, "state": ShadowState.READY}
    with step.context.database.write(workspace=step.workspace) as session:
        shadow_stream.advance(
            session, workspace=step.workspace, before=step.loaded.version, error=None, **values
        )
        work.finish(session, [step.piece], now=now)
    step.loaded.version += 1
    return None


def _switch(step: Step) -> None:
    """Compare once more, and switch unless more would move by now than was accepted."""
    found = shadow_report.compare(step.context, step.workspace, step.loaded)
    told = shadow_report.named(step.context, step.workspace, step.loaded, step.encoder, found)
    now = step.context.clock()
    try:
        shadows.refuse_above(told, step.row.accepted or 0.0, None)
    except Conflict as error:
        with step.context.database.write(workspace=step.workspace) as session:
            shadow_stream.advance(
                session,
                workspace=step.workspace,
                before=step.loaded.version,
                state=ShadowState.READY,
                report=told.to_json(),
                reported_at=now,
                refusal=error.message,
            )
            work.finish(session, [step.piece], now=now)
        step.loaded.version += 1
        return
    try:
        shadow_report.publish(step.context, step.workspace, step.loaded, found, told)
    except Conflict:
        # Somebody acted on themes meanwhile: compare anew, at once and as often as it takes.
        with step.context.database.write(workspace=step.workspace) as session:
            shadow_stream.ask(session, workspace=step.workspace, now=now)


def _clear(context: Context, piece: Leased) -> None:
    """Delete a part of what a run stored that was dropped, or the vectors of the encoder before a switch."""
    workspace = piece.workspace_id
    with context.database.write(workspace=workspace) as session:
        own = workspaces.chosen_encoder(session, workspace=workspace)
        gone = shadows.clear(session, workspace=workspace, limit=CLEARED_AT_ONCE)
        if gone:
            shadow_stream.ask(session, workspace=workspace, now=context.clock())
        else:
            work.finish(session, [piece], now=context.clock())
    if not gone:
        # Other workspaces may use it, and load it again; two models in memory for ever would be worse.
        for choice in set(context.encoders) - {own}:
            del context.encoders[choice]


def _finish(context: Context, piece: Leased, *, again: bool = False) -> None:
    with context.database.write(workspace=piece.workspace_id) as session:
        if again:
            shadow_stream.ask(session, workspace=piece.workspace_id, now=context.clock())
        else:
            work.finish(session, [piece], now=context.clock())
