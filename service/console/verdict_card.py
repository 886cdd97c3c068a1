"""A verdict in full: the sentence, the numbers, the chart, the checks, the reasons, the quotes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from models.database import Session
from models.queries import impact
from models.queries.overview import VerdictLine
from models.records import JsonObject, Release, Verdict
from models.values.ids import Prefix, public_id
from models.values.timing import WASH_OUT
from models.values.verdicts import REASON_TEXT, Word
from service.console.addresses import counted_address, release_address, theme_address, ticket_address
from service.console.charts import Marker, ReleaseChart, Shade, Week, note_of
from service.console.frame import Frame
from service.console.sentences import (
    GRADE_MEANING,
    WORD_LABEL,
    WORD_MEANING,
    Said,
    about,
    caveat,
    claim,
    limits,
)
from service.console.verdict_row import known_reasons
from service.console.wording import say_change, say_count, say_range, say_span

_PERIOD = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class QuoteRow:
    """A customer's own words, with the address of the ticket they stand in."""

    text: str
    said_on: date
    plan: str | None
    address: str


@dataclass(frozen=True, slots=True)
class WeekRow:
    """A line of the table behind the chart; address: the tickets behind the observed number."""

    days: str
    observed: str
    expected: str
    band: str
    note: str
    address: str | None
    after: bool


@dataclass(frozen=True, slots=True)
class LookLine:
    """What was said at one look."""

    number: int
    word: str
    label: str
    change: str
    read_through: date


@dataclass(frozen=True, slots=True)
class VerdictCard:
    """A verdict in full, ready for the page; texts are finished, addresses open what stands behind a number.

    Readers who see aggregates only get the word and the effect: the counts of windows that overlap would give back
    single weeks by subtraction, and the hash of the input can be tried against guesses. `numbers` is False for them.
    """

    anchor: str
    subject: str
    theme_address: str | None
    word: str
    label: str
    meaning: str
    claim: str
    caveat: str
    grade: str
    grade_meaning: str
    change: str
    interval: str
    observed: str
    observed_address: str | None
    expected: str
    window: str
    shrunk: str
    limits: str
    judgeable_on: date | None
    reasons: tuple[tuple[str, str], ...]
    checks: tuple[tuple[bool, str], ...]
    quotes: tuple[QuoteRow, ...]
    weeks: tuple[WeekRow, ...]
    looks: tuple[LookLine, ...]
    chart_address: str | None
    rate_unit: str
    method: str
    revision: int
    input_hash: str
    read_through: date
    restated: bool
    numbers: bool


def read_weeks(periods: Sequence[JsonObject]) -> tuple[Week, ...]:
    """Read a verdict's stored periods; a period lasts until the next one, the last as long as a week."""
    starts = [date.fromisoformat(str(row["start"])) for row in periods]
    ends = [*starts[1:], *([starts[-1] + _PERIOD] if starts else [])]
    return tuple(
        Week(
            first=start,
            last=end - timedelta(days=1),
            observed=None if row["observed"] is None else _number(row["observed"]),
            expected=_number(row["expected"]),
            low=_number(row["low"]),
            high=_number(row["high"]),
            used=bool(row["used"]),
            after=bool(row["after"]),
        )
        for start, end, row in zip(starts, ends, periods, strict=True)
    )


def _number(value: object) -> float:
    return float(str(value))


def subject_of(verdict: Verdict, label: str | None) -> str | None:
    """Name what a verdict is about; None for all complaints together."""
    return None if verdict.theme_key == impact.TOTAL else (label or f"theme th_{verdict.theme_key}")


def said_of(verdict: Verdict, *, subject: str | None, release: Release) -> Said:
    """Take what sentences need out of a verdict."""
    return Said(
        word=verdict.word,
        grade=verdict.grade,
        subject=about(subject),
        release=release.version or release.name,
        effect=verdict.effect,
        low=verdict.low,
        high=verdict.high,
        decision_low=verdict.decision_low,
        decision_high=verdict.decision_high,
        bound=verdict.bound,
        mde=verdict.mde,
        judgeable_on=verdict.judgeable_on,
        reasons=known_reasons(tuple(verdict.reasons)),
    )


def read_card(
    session: Session,
    frame: Frame,
    *,
    verdict: Verdict,
    release: Release,
    theme: int | None,
    label: str | None,
    lines: Sequence[VerdictLine],
) -> VerdictCard:
    """Build a verdict's card; theme: the one that stands today (None: all complaints); lines: all its looks."""
    subject = subject_of(verdict, label)
    said = said_of(verdict, subject=subject, release=release)
    weeks = read_weeks(verdict.periods) if frame.least is None else ()
    known = verdict.effect is not None and verdict.low is not None and verdict.high is not None
    used = [week for week in weeks if week.after and week.used]
    key = "all" if theme is None else public_id(Prefix.THEME, theme)
    return VerdictCard(
        anchor=f"verdict-{key}",
        subject=subject or "All complaints together",
        theme_address=None if theme is None else theme_address(theme),
        word=verdict.word.value,
        label=WORD_LABEL[verdict.word],
        meaning=WORD_MEANING[verdict.word],
        claim=claim(said),
        caveat=caveat(said),
        grade=verdict.grade.value,
        grade_meaning=GRADE_MEANING[verdict.grade],
        change=say_change(verdict.effect) if verdict.effect is not None else "…",
        interval=say_range(verdict.low, verdict.high) if known else "…",  # type: ignore[arg-type]
        observed="…" if verdict.observed is None else say_count(verdict.observed),
        observed_address=_observed_address(used, theme, verdict.observed),
        expected="…" if verdict.expected is None else say_count(verdict.expected),
        window=say_span(used[0].first, used[-1].last) if used else "",
        shrunk="" if verdict.shrunk_effect is None else say_change(verdict.shrunk_effect),
        limits=limits(said),
        judgeable_on=verdict.judgeable_on,
        reasons=tuple((reason.value, REASON_TEXT[reason]) for reason in said.reasons),
        checks=tuple((bool(check["passed"]), str(check["sentence"])) for check in verdict.checks),
        quotes=_quotes(session, frame, verdict.quotes) if frame.least is None else (),
        weeks=tuple(_week_row(week, theme) for week in reversed(weeks)),
        looks=tuple(_look_line(line) for line in lines if line.look > 0),
        chart_address=f"{release_address(release.id)}/chart.json?theme={key}" if weeks else None,
        rate_unit=verdict.rate_unit,
        method=verdict.method_version,
        revision=verdict.theme_revision,
        input_hash=verdict.input_hash,
        read_through=verdict.read_through - timedelta(days=1),
        restated=verdict.restates_id is not None,
        numbers=frame.least is None,
    )


def _observed_address(used: Sequence[Week], theme: int | None, observed: float | None) -> str | None:
    """Open the tickets of the after window; not where a week inside was left out, for then they are more."""
    if not used or observed is None:
        return None
    until = used[-1].last + timedelta(days=1)
    if sum(((week.last - week.first).days + 1) for week in used) != (until - used[0].first).days:
        return None
    return counted_address(theme=theme, since=used[0].first, until=until, stated=observed)


def _week_row(week: Week, theme: int | None) -> WeekRow:
    until = week.last + timedelta(days=1)
    address = None
    if week.observed is not None:
        address = counted_address(theme=theme, since=week.first, until=until, stated=week.observed)
    return WeekRow(
        days=say_span(week.first, week.last),
        observed="missing" if week.observed is None else say_count(week.observed),
        expected=say_count(week.expected),
        band=f"{say_count(week.low)} to {say_count(week.high)}",
        note=note_of(week),
        address=address,
        after=week.after,
    )


def _look_line(line: VerdictLine) -> LookLine:
    told = line.word in (Word.FELL, Word.ROSE, Word.UNCHANGED, Word.INCONCLUSIVE)
    change = say_change(line.effect) if told and line.effect is not None else ""
    return LookLine(
        line.look, line.word.value, WORD_LABEL[line.word], change, line.read_through - timedelta(days=1)
    )


def _quotes(session: Session, frame: Frame, spans: Sequence[JsonObject]) -> tuple[QuoteRow, ...]:
    found = impact.read_quotes(session, workspace=frame.workspace, spans=spans)
    return tuple(quote_row(frame, quote) for quote in found)


def quote_row(frame: Frame, quote: impact.Quote) -> QuoteRow:
    """Show a quote with the day it was said and its ticket."""
    return QuoteRow(quote.text, frame.day_of(quote.created_at), quote.plan, ticket_address(quote.item))


def release_chart(
    frame: Frame,
    *,
    verdict: Verdict,
    release: Release,
    subject: str | None,
    lines: Sequence[VerdictLine],
    others: Mapping[str, date],
    next_look: tuple[int, date] | None,
) -> ReleaseChart:
    """Build the chart of a verdict; others: further releases that touched the theme, name to day."""
    start, full = frame.day_of(release.released_at), frame.day_of(release.full_at)
    weeks = read_weeks(verdict.periods)
    shades = [Shade(start, full, "roll-out")] if full > start else []
    shades.append(Shade(full, full + WASH_OUT, "wash-out: the first week after all customers had it"))
    looks = [Marker(line.read_through, f"reading {line.look}: {WORD_LABEL[line.word]}") for line in lines]
    if next_look is not None:
        looks.append(Marker(next_look[1], f"reading {next_look[0]}, planned"))
    first, last = (weeks[0].first, weeks[-1].last) if weeks else (start, start)
    marks = [Marker(start, release.version or release.name)]
    marks += [Marker(day, name) for name, day in others.items() if first <= day <= last]
    return ReleaseChart(
        title=f"{about(subject)[0].upper()}{about(subject)[1:]}: observed and expected, by week",
        weeks=weeks,
        releases=tuple(marks),
        looks=tuple(looks),
        shades=tuple(shades),
    )
