"""Reports: the weekly read, the monthly deep dive and the quarterly retro are views of one document each."""

from pydantic import Field

from models.values.verdicts import Grade, Word
from service.api.shapes.base import (
    Answer,
    BetId,
    Count,
    Day,
    Finite,
    Hash,
    KeyResultId,
    Moment,
    Request,
    Share,
    SnapshotId,
)
from service.api.shapes.impact import ReleaseRef, ThemeRef, VerdictAnswer
from service.api.shapes.themes import Quote
from service.api.shapes.words import DecisionWord, LinkTiming, ReportFormat, ReportKind


class ReportQuery(Request):
    """Which report to read."""

    period: str | None = Field(
        default=None,
        pattern=r"^\d{4}-(W\d{2}|Q[1-4]|\d{2})$",
        description="2026-W10, 2026-03 or 2026-Q1, as the report asks; null: the last complete one.",
        examples=["2026-W10", "2026-03", "2026-Q1"],
    )
    as_of: Moment | None = Field(default=None, description="As it read at this moment; null: now.")
    format: ReportFormat = Field(default=ReportFormat.JSON, description="json, md, html or csv.")


class ReportPeriod(Answer):
    """The time a report is about."""

    label: str = Field(description="2026-W10, 2026-03 or 2026-Q1.")
    start: Day = Field(description="First day.")
    end: Day = Field(description="First day after it.")


class ThemeMove(Answer):
    """How a theme fared in the period."""

    theme: ThemeRef = Field(description="The theme.")
    complaints: Count = Field(description="Counted complaints in the period.")
    before: Count = Field(description="Counted complaints in the period before it.")
    rate: Finite | None = Field(
        description="Complaints per 1 000 exposed customer-days; null without exposure."
    )
    change: Finite | None = Field(
        description="Rate divided by the rate before; null where that was 0 or is unknown."
    )
    is_new: bool = Field(description="Whether the theme was born in the period.")
    has_work: bool = Field(description="Whether a confirmed link to an unfinished feature exists.")
    quote: Quote | None = Field(description="Its nearest quote of the period.")


class ReleaseReading(Answer):
    """A release and what is said about it; proposals are never headlines."""

    release: ReleaseRef = Field(description="The release.")
    verdicts: list[VerdictAnswer] = Field(description="Verdicts on confirmed links and on all complaints.")
    is_headline: bool = Field(description="Whether a look was read in the period.")


class DiscoveryFlag(Answer):
    """A verdict of the quarter with its false-discovery flag (Benjamini and Hochberg 1995)."""

    release: ReleaseRef = Field(description="The release.")
    theme: ThemeRef | None = Field(description="The theme; null for all complaints together.")
    verdict: Word = Field(description="One of the six words.")
    grade: Grade = Field(description="Evidence grade.")
    timing: LinkTiming | None = Field(description="Whether the link was confirmed beforehand.")
    q_value: Share | None = Field(description="Smallest false-discovery rate at which it still counts.")
    holds: bool | None = Field(
        description="Whether it holds at a false-discovery rate of 10%; null without estimate."
    )


class KeyResultReading(Answer):
    """A key result at the end of the period."""

    key_result: KeyResultId = Field(description="The key result.")
    text: str = Field(description="As people say it.")
    value: Finite | None = Field(description="Latest value.")
    done: Finite | None = Field(description="Share of the way from baseline to target.")
    elapsed: Share | None = Field(description="Share of its time that has passed.")


class BetReading(Answer):
    """A bet that was scored or decided in the period."""

    bet: BetId = Field(description="The bet.")
    statement: str = Field(description="In a sentence.")
    predicted: Finite = Field(description="Predicted value divided by the value before.")
    effect: Finite | None = Field(description="What was seen; null while it cannot be said.")
    came_true: bool | None = Field(description="Whether the interval bears it out.")
    decision: DecisionWord | None = Field(description="What was decided.")


class Totals(Answer):
    """Numbers of the whole period."""

    items: Count = Field(description="Customer messages.")
    complaints: Count = Field(description="Counted complaints.")
    unassigned: Share | None = Field(description="Share of complaints in no theme; null without complaints.")
    unsupported_language: Share | None = Field(
        description="Share of messages in languages that are not themed."
    )
    exposure: Finite | None = Field(description="Exposed customer-days; null where unknown.")
    silent_sources: list[str] = Field(description="Names of sources that were silent in the period.")


class Report(Answer):
    """One document; numbers and quotes only, no generated prose."""

    kind: ReportKind = Field(description="weekly, monthly or quarterly.")
    period: ReportPeriod = Field(description="The time it is about.")
    as_of: Moment = Field(description="What was known when it was written.")
    theme_revision: Count = Field(description="Theme revision it names.")
    snapshot: SnapshotId | None = Field(description="The snapshot it was read from; null: computed now.")
    number_hash: Hash = Field(description="SHA-256 of its numbers; erasing a person changes none of them.")
    totals: Totals = Field(description="What the period holds in all.")
    themes: list[ThemeMove] = Field(description="Themes by complaints, most first.")
    releases: list[ReleaseReading] = Field(description="Releases of the period and verdicts read in it.")
    discoveries: list[DiscoveryFlag] = Field(description="Quarterly only: every verdict with its flag.")
    key_results: list[KeyResultReading] = Field(description="Monthly and quarterly: key results.")
    bets: list[BetReading] = Field(description="Monthly and quarterly: bets.")
    caveats: list[str] = Field(description="What a reader must know beside the numbers, in sentences.")


class SnapshotCreate(Request):
    """Freeze a report: numbers and spans, never text."""

    kind: ReportKind = Field(description="weekly, monthly or quarterly.")
    period: str = Field(
        pattern=r"^\d{4}-(W\d{2}|Q[1-4]|\d{2})$",
        description="2026-W10, 2026-03 or 2026-Q1, as the report asks.",
    )


class SnapshotAnswer(Answer):
    """A frozen report."""

    id: SnapshotId = Field(description="Public id.")
    kind: ReportKind = Field(description="weekly, monthly or quarterly.")
    period: ReportPeriod = Field(description="The time it is about.")
    created_at: Moment = Field(description="When it was frozen.")
    created_by: str = Field(description="The name of the key or person.")
    number_hash: Hash = Field(description="SHA-256 of its numbers.")
