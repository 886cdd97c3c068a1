"""`ebb impact analyze`: a file of series in, a file of verdicts out. No database."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from models.errors import Invalid
from models.impact.judge import Case, Setting, judge_many
from models.impact.looks import alpha_at
from models.impact.tables import NamedSeries, read_series
from models.values.series import DAYS_PER_WEEK
from models.values.verdicts import Grade, Judgement, Look, Word

__all__ = ["COLUMNS", "analyze", "judge_series"]

COLUMNS: Final = (
    "series_id",
    "verdict",
    "effect",
    "low",
    "high",
    "p_value",
    "decision_low",
    "decision_high",
    "mde",
    "bound",
    "looks",
    "reasons",
    "evidence_grade",
    "judgeable_on",
)

_CHUNK: Final = 64


def analyze(
    source: Path,
    target: Path,
    *,
    wash_out_days: int = 7,
    looks: Sequence[int] = (),
    progress: Callable[[int], None] | None = None,
) -> int:
    """Judge every series of a csv or parquet file, write one row per series, and return how many there were.

    looks: weeks after the release at which the verdict was planned to be read, the last one final; none: one
    final look at the last row. progress is called with the number of series done. Nothing is written under
    the target's name until all of it is good. Raises Invalid for a bad file, ValueError for bad weeks or
    days.
    """
    setting = Setting(wash_out_days=wash_out_days)
    _check_looks(looks, wash_out_days)
    part = target.with_name(target.name + ".part")
    try:
        done = _write(part, _rows(read_series(source), looks, setting), progress)
    except OSError as error:
        raise Invalid(f"{error.filename}: {error.strerror}; give another --out", field="out") from error
    except Invalid:
        part.unlink(missing_ok=True)
        raise
    part.replace(target)
    return done


def judge_series(
    series: Sequence[NamedSeries], *, looks: Sequence[int] = (), setting: Setting | None = None
) -> list[Judgement]:
    """Judge complete series, each at the first planned look that says `fell` or `rose`, else at the last one
    reached.

    The control of a file counts as registered: whoever wrote the file chose it without seeing Ebb's answer.
    """
    setting = setting or Setting()
    plans = [_looks(item, looks) for item in series]
    cases = [
        Case(item.series, item.release, item.release, min(look.read_on, item.series.end), look, True)
        for item, plan in zip(series, plans, strict=True)
        for look in plan
    ]
    answers = iter(judge_many(cases, setting=setting, with_periods=False))
    return [_first_call(list(islice(answers, len(plan)))) for plan in plans]


def _check_looks(looks: Sequence[int], wash_out_days: int) -> None:
    if list(looks) != sorted(set(looks)) or any(week * DAYS_PER_WEEK < wash_out_days + 7 for week in looks):
        given = ",".join(str(week) for week in looks)
        fix = "give rising weeks, each at least a week after the wash-out, such as 2,4,8"
        raise Invalid(f"looks {given}: {fix}", field="looks")


def _looks(item: NamedSeries, weeks: Sequence[int]) -> list[Look]:
    """Plan the looks that the file reaches; without a plan one final look at the end of the file."""
    end = item.series.end
    last = Look(1, 1.0, max((end - item.release).days // DAYS_PER_WEEK, 0), end, alpha_at(1.0))
    if not weeks:
        return [last]
    days = [item.release + timedelta(weeks=week) for week in weeks]
    shares = [week / weeks[-1] for week in weeks]
    planned = [
        Look(number, share, week, day, alpha_at(share))
        for number, (week, day, share) in enumerate(zip(weeks, days, shares, strict=True), start=1)
    ]
    return [look for look in planned if look.read_on <= end] or planned[:1]


def _first_call(answers: list[Judgement]) -> Judgement:
    """Take the first answer that is a call, else the last, and remember every look that was read for it."""
    called = (i for i, answer in enumerate(answers) if answer.word in (Word.FELL, Word.ROSE))
    at = next(called, len(answers) - 1)
    read = tuple(look for answer in answers[: at + 1] for look in answer.looks)
    return replace(answers[at], looks=read)


def _rows(series: Iterator[NamedSeries], looks: Sequence[int], setting: Setting) -> Iterator[dict[str, str]]:
    while chunk := list(islice(series, _CHUNK)):
        for item, answer in zip(chunk, judge_series(chunk, looks=looks, setting=setting), strict=True):
            yield _row(item, answer)


def _row(item: NamedSeries, answer: Judgement) -> dict[str, str]:
    estimate = answer.estimate
    fields = COLUMNS[2:8]
    numbers = {name: "" if estimate is None else f"{getattr(estimate, name):.6g}" for name in fields}
    return {
        "series_id": item.series_id,
        "verdict": answer.word,
        **numbers,
        "mde": _share(answer.mde),
        "bound": _share(answer.bound),
        "looks": ";".join(str(look.weeks) for look in answer.looks),
        "reasons": ";".join(answer.reasons),
        # File mode grades by the control alone: without exposure the control stands in for it.
        "evidence_grade": Grade.D if item.series.control is None else Grade.C,
        "judgeable_on": _iso(answer.judgeable_on),
    }


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _iso(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _write(path: Path, rows: Iterator[dict[str, str]], progress: Callable[[int], None] | None) -> int:
    done = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            done += 1
            if progress is not None:
                progress(done)
    return done
