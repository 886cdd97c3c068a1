"""`ebb impact analyze`: a file of series in, a file of verdicts out. No database."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Final

from models.errors import Invalid
from models.impact.judge import Case, Setting, judge_many
from models.impact.looks import FINAL_ALPHA, due, headline, plan_looks
from models.impact.tables import NamedSeries, placed_series
from models.values.series import DAYS_PER_WEEK
from models.values.verdicts import Grade, Judgement, Look

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
    progress: Callable[[int, float], None] | None = None,
) -> int:
    """Judge every series of a csv or parquet file, write one row per series, and return how many there were.

    looks: weeks after the release at which the verdict was planned to be read, the last one final; none: one
    final look at the last row. progress hears, after each series, how many are done and the share of the file
    that ends with it. Nothing is written under the target's name until all of it is good. Raises Invalid for
    a bad file or bad weeks, ValueError for bad days.
    """
    setting = Setting(wash_out_days=wash_out_days)
    _check_looks(looks, wash_out_days)
    part = target.with_name(target.name + ".part")
    try:
        if target.exists() and source.exists() and target.samefile(source):
            raise Invalid(f"{target}: is the file to read; give another --out", field="out")
        done = _write(part, _rows(placed_series(source), looks, setting), progress)
        part.replace(target)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            where = error.filename or target
            raise Invalid(f"{where}: {error.strerror}; give another --out", field="out") from error
        raise
    return done


def judge_series(
    series: Sequence[NamedSeries], *, looks: Sequence[int] = (), setting: Setting | None = None
) -> list[Judgement]:
    """Judge complete series, each at every planned look that the file reaches; `headline` says which counts.

    looks: as for `analyze`. A series that ends before the first planned look is `too_early`, `look_not_due`.
    The control of a file counts as registered: whoever wrote the file chose it without seeing Ebb's answer.
    """
    setting = replace(setting or Setting(), reporting_delay_days=0)
    if looks:
        setting = replace(setting, horizon_weeks=looks[-1])
    plans = [_reached(item, looks) for item in series]
    cases = [
        Case(item.series, item.release, item.release, look.read_on if look else item.series.end, look, True)
        for item, plan in zip(series, plans, strict=True)
        for look in plan
    ]
    answers = iter(judge_many(cases, setting=setting, with_periods=False))
    return [headline(list(islice(answers, len(plan)))) for plan in plans]


def _check_looks(looks: Sequence[int], wash_out_days: int) -> None:
    given = ",".join(str(week) for week in looks)
    fix = "such as 2,4,8"
    if list(looks) != sorted(set(looks)) or any(week * DAYS_PER_WEEK < wash_out_days + 7 for week in looks):
        fix = f"give rising weeks, each at least a week after the wash-out, {fix}"
        raise Invalid(f"looks {given}: {fix}", field="looks")
    early = [look.weeks for look in plan_looks(date.min, looks) if look.alpha == 0]
    if early:
        fix = f"give weeks that are a larger share of the last, {fix}"
        raise Invalid(f"looks {given}: week {early[0]} is too early to call anything; {fix}", field="looks")


def _reached(item: NamedSeries, weeks: Sequence[int]) -> Sequence[Look | None]:
    """List the planned looks that the file reaches, [None] without any; without a plan its end is final."""
    end = item.series.end
    if not weeks:
        return [Look(1, 1.0, max((end - item.release).days // DAYS_PER_WEEK, 0), end, FINAL_ALPHA)]
    return due(plan_looks(item.release, weeks), today=end) or [None]


def _rows(
    placed: Iterator[tuple[NamedSeries, float]], looks: Sequence[int], setting: Setting
) -> Iterator[tuple[dict[str, str], float]]:
    while chunk := list(islice(placed, _CHUNK)):
        answers = judge_series([item for item, _ in chunk], looks=looks, setting=setting)
        for (item, share), answer in zip(chunk, answers, strict=True):
            yield _row(item, answer), share


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


def _write(
    path: Path,
    rows: Iterator[tuple[dict[str, str], float]],
    progress: Callable[[int, float], None] | None,
) -> int:
    done = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row, share in rows:
            writer.writerow(row)
            done += 1
            if progress is not None:
                progress(done, share)
    return done
