"""Key results as the console lists them: from where, to where, how far."""

from dataclasses import dataclass
from datetime import date

from models.database import Session
from models.queries import overview
from models.queries.overview import KeyResultState
from service.console.frame import Frame


@dataclass(frozen=True, slots=True)
class KeyResultRow:
    """A key result; progress is the share of the way from baseline to target, clipped to 0–1, None if unknown."""

    text: str
    unit: str | None
    baseline: float | None
    latest: float | None
    latest_on: date | None
    target: float | None
    progress: float | None
    starts_on: date | None
    ends_on: date | None


def read_key_results(session: Session, frame: Frame, *, on: date | None = None) -> list[KeyResultRow]:
    """List the key results, with `on` only those whose time holds that day."""
    states = overview.key_result_states(session, workspace=frame.workspace)
    return [_row(state, frame) for state in states if on is None or _holds(state, on)]


def _holds(state: KeyResultState, day: date) -> bool:
    starts, ends = state.row.starts_on, state.row.ends_on
    return (starts is None or starts <= day) and (ends is None or day <= ends)


def _row(state: KeyResultState, frame: Frame) -> KeyResultRow:
    row = state.row
    return KeyResultRow(
        text=row.text,
        unit=row.unit,
        baseline=row.baseline,
        latest=state.latest,
        latest_on=None if state.latest_at is None else frame.day_of(state.latest_at),
        target=row.target,
        progress=progress(row.baseline, state.latest, row.target),
        starts_on=row.starts_on,
        ends_on=row.ends_on,
    )


def progress(baseline: float | None, latest: float | None, target: float | None) -> float | None:
    """Return the share of the way from baseline to target, clipped to 0–1; None where it cannot be known."""
    if baseline is None or latest is None or target is None or target == baseline:
        return None
    return min(max((latest - baseline) / (target - baseline), 0.0), 1.0)
