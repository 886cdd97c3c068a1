"""The marked messages of the real stream: counted through the API, judged by `ebb impact analyze`, and by a peer.

A message is marked when a U+FE0F stands right behind I, i or A, where no emoji stands: a definition by text. Exposure
is the number of messages of that day. 45 messages are marked in all, so an honest interval is wide.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from scipy.stats import binomtest

from bench.programs import EBB, finish
from bench.report import Emit
from models.impact.files import judge_series
from models.impact.setting import Setting
from models.impact.tables import read_series

MARK = re.compile("[IiA]\ufe0f")
FIRST, LAST = date(2017, 10, 2), date(2017, 12, 3)
BROKEN, MENDED = date(2017, 10, 31), date(2017, 11, 9)
GAP = date(2017, 11, 18)
WEEK_BEFORE, SETTLED, TWO_WEEKS_LATER = date(2017, 11, 2), date(2017, 11, 16), date(2017, 11, 30)
"""The whole weeks that the engine compares from 10-31 on: one before the mending release, two after the wash-out."""
DAY = timedelta(days=1)
KNOWN = ((BROKEN, date(2017, 11, 10), 29, 2435), (date(2017, 11, 10), date(2017, 12, 4), 16, 5472))
"""What the set itself says: half-open days, marked messages, all messages."""


@dataclass(frozen=True, slots=True)
class Daily:
    """Marked messages and all messages, by day."""

    marked: Mapping[date, int]
    all: Mapping[date, int]

    def between(self, start: date, end: date) -> tuple[int, int]:
        """Add up the days of a half-open range: marked, all."""
        days = [start + DAY * n for n in range((end - start).days)]
        return sum(self.marked.get(day, 0) for day in days), sum(self.all.get(day, 0) for day in days)


@dataclass(frozen=True, slots=True)
class Question:
    """One series to be judged: its days, the release, and whether the gap day is left out."""

    name: str
    first: date
    last: date
    release: date
    leave_out_gap: bool = False


QUESTIONS = (
    Question("mended, whole file, gap day as it is", FIRST, LAST, MENDED),
    Question("mended, whole file, gap day missing", FIRST, LAST, MENDED, leave_out_gap=True),
    Question("mended, from 10-31, gap day as it is", BROKEN, LAST, MENDED),
    Question("mended, from 10-31, gap day missing", BROKEN, LAST, MENDED, leave_out_gap=True),
    Question("broken, until the mending release", FIRST, MENDED - DAY, BROKEN),
    Question("broken, whole file", FIRST, LAST, BROKEN),
)


def run(
    emit: Emit, folder: Path, environ: Mapping[str, str], *, items: Sequence[Mapping[str, object]], raw: str
) -> None:
    """Count the marks twice, have the series judged, and set exact intervals beside the answers."""
    found = count((str(item["created_at"]), str(item["text"])) for item in items)
    rows = [json.loads(line) for line in raw.splitlines()]
    truth = count((row["created_at"], row["text"]) for row in rows)
    _compare(emit, found, truth)
    _judge(emit, folder, environ, found)
    _unguarded(emit, folder)
    _peers(emit, found)


def count(messages: Iterable[tuple[str, str]]) -> Daily:
    """Count messages and marked messages by day (UTC) of (time, text) pairs."""
    marked: Counter[date] = Counter()
    everything: Counter[date] = Counter()
    for moment, text in messages:
        day = date.fromisoformat(moment[:10])
        everything[day] += 1
        marked[day] += MARK.search(text) is not None
    return Daily(marked, everything)


def _compare(emit: Emit, found: Daily, truth: Daily) -> None:
    """Say whether intake and cleaning kept every mark and every message on its day."""
    for start, end, marked, messages in KNOWN:
        name = f"{start} to {end - DAY}"
        against = f"{truth.between(start, end)[0]} in the file, {marked} known"
        emit(f"marked messages through the API, {name}", found.between(start, end)[0], "messages", against)
        against = f"{truth.between(start, end)[1]} in the file, {messages} known"
        emit(f"all messages through the API, {name}", found.between(start, end)[1], "messages", against)
    days = [
        day for day in truth.all if (found.marked[day], found.all[day]) != (truth.marked[day], truth.all[day])
    ]
    emit("days on which API and file count differently", len(days), "days", f"of {len(truth.all)}")


def _judge(emit: Emit, folder: Path, environ: Mapping[str, str], daily: Daily) -> None:
    """Write the series as a file, run `ebb impact analyze` over it, and hand in its words."""
    with (folder / "marks.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("series_id", "date", "count", "release_date", "exposure"))
        for question in QUESTIONS:
            writer.writerows(_rows(question, daily))
    command = [EBB, "impact", "analyze", "marks.csv", "--out", "verdicts.csv"]
    finish(command, folder=folder, environ=environ)
    with (folder / "verdicts.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            told = ("effect", "low", "high", "p_value", "mde", "reasons", "judgeable_on")
            against = "; ".join(f"{name} {row[name] or 'none'}" for name in told)
            emit(f"ebb impact analyze, {row['series_id']}", row["verdict"], "word", against)


def _unguarded(emit: Emit, folder: Path) -> None:
    """Hand in what the engine would estimate without its guards, to hold its intervals against the exact ones."""
    setting = Setting(min_before=1, min_before_complaints=0.0)
    named = list(read_series(folder / "marks.csv"))
    for series, answer in zip(named, judge_series(named, setting=setting), strict=True):
        found = answer.estimate
        name = f"engine without its guards (no product says this), {series.series_id}"
        if found is None:
            emit(name, None, "ratio", f"no estimate: {', '.join(answer.reasons)}")
            continue
        numbers = f"95% {found.low:.3g} to {found.high:.3g}, p {found.p_value:.2g}"
        emit(name, found.effect, "ratio", f"{numbers}; {found.observed:.0f} marked messages after")


def _rows(question: Question, daily: Daily) -> list[tuple[str, date, int, date, int]]:
    days = [question.first + DAY * n for n in range((question.last - question.first).days + 1)]
    return [
        (question.name, day, daily.marked.get(day, 0), question.release, daily.all.get(day, 0))
        for day in days
        if not (question.leave_out_gap and day == GAP)
    ]


def _peers(emit: Emit, daily: Daily) -> None:
    """Hand in exact intervals of the same ratios: marked messages per message, after ÷ before."""
    end, fixed = LAST + DAY, MENDED + DAY
    windows = {
        "mended: 10-31..11-09 against 11-10..12-03": (BROKEN, fixed, fixed, end),
        "mended, the engine's weeks: 11-02..11-08 against 11-16..11-29": (
            WEEK_BEFORE,
            MENDED,
            SETTLED,
            TWO_WEEKS_LATER,
        ),
        "mended, whole file: 10-02..11-08 against 11-16..12-03": (FIRST, MENDED, SETTLED, end),
        "broken: 10-02..10-30 against 10-31..11-08": (FIRST, BROKEN, BROKEN, MENDED),
    }
    for name, (start, stop, restart, finally_) in windows.items():
        before, after = daily.between(start, stop), daily.between(restart, finally_)
        ratio, low, high, p = rate_ratio(after, before)
        numbers = f"95% {low:.3g} to {high:.3g}, p {p:.2g}"
        against = f"{numbers}; {after[0]}/{after[1]} after, {before[0]}/{before[1]} before"
        emit(f"peer, exact conditional rate ratio, {name}", ratio, "ratio", against)


def rate_ratio(after: tuple[int, int], before: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return rate after ÷ rate before with its exact 95% interval and p, given (events, exposure) of both.

    Given the sum, events after are binomial with the share r·e1 / (r·e1 + e0), and the interval of Clopper and
    Pearson (1934) for that share is one for r. It takes events as independent, with no noise beyond chance.
    """
    (k1, e1), (k0, e0) = after, before
    test = binomtest(k1, k1 + k0, e1 / (e1 + e0))
    share = test.proportion_ci(0.95, method="exact")
    low, high = (p * e0 / ((1 - p) * e1) if p < 1 else float("inf") for p in (share.low, share.high))
    ratio = k1 * e0 / (k0 * e1) if k0 else float("inf")
    return ratio, float(low), float(high), float(test.pvalue)
