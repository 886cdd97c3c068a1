"""Impact: what is said about a release, and exploratory calculations that say less."""

from typing import Literal

from pydantic import Field

from models.values.verdicts import Grade, Reason, Word
from service.api.shapes.base import (
    Answer,
    BetId,
    Count,
    Day,
    Finite,
    Hash,
    Moment,
    ReleaseId,
    Request,
    Segment,
    SegmentQuery,
    Share,
    ShortText,
    ThemeId,
)
from service.api.shapes.themes import Quote
from service.api.shapes.words import LinkState

MAX_SERIES = 200
MAX_SERIES_POINTS = 2_000

_EFFECT = "Observed divided by expected rate; 1 = unchanged, 0.8 = a fifth fewer."


class ThemeRef(Answer):
    """A theme by id and name."""

    id: ThemeId = Field(description="Public id.")
    label: str | None = Field(description="What it is about.")


class ReleaseRef(Answer):
    """A release by id and name."""

    id: ReleaseId = Field(description="Public id.")
    key: str = Field(description="Stable name.")
    name: str = Field(description="What people call it.")
    version: str | None = Field(description="Version number.")
    released_at: Moment = Field(description="When it first reached customers.")
    full_at: Moment = Field(description="When all customers had it.")


class CheckAnswer(Answer):
    """One thing that was looked at beside the estimate."""

    code: str = Field(description="Which check.")
    passed: bool = Field(description="Whether it speaks for the verdict.")
    sentence: str = Field(description="Its outcome in words.")


class Displacement(Answer):
    """Complaints that moved elsewhere instead of going away."""

    themes: list[ThemeRef] = Field(description="Sibling or new themes that rose in the same weeks.")
    complaints: Finite = Field(description="Complaints there beyond the expected ones.")
    net_effect: Finite | None = Field(description="The effect with these counted in. " + _EFFECT)


class Prediction(Answer):
    """What the bet had said beforehand."""

    bet: BetId = Field(description="The bet.")
    effect: Finite = Field(description="The predicted effect. " + _EFFECT)
    confidence: Share = Field(description="How sure its owner was, 0 to 1.")
    came_true: bool | None = Field(
        description="Whether the interval bears it out; null while it cannot be said."
    )


class SegmentVerdict(Answer):
    """The same question asked of one segment."""

    segment: str = Field(description="Plan or account segment.")
    verdict: Word = Field(description="One of the six words.")
    effect: Finite | None = Field(description=_EFFECT)
    low: Finite | None = Field(description="Lower end of the 95% interval of the effect.")
    high: Finite | None = Field(description="Upper end of the 95% interval of the effect.")


class VerdictAnswer(Answer):
    """One verdict: immutable; a later view of the same look is a new one."""

    theme: ThemeRef | None = Field(description="The theme; null for all complaints together.")
    link: LinkState | None = Field(
        description="confirmed, or proposed where nobody has decided; null for all complaints together."
    )
    verdict: Word = Field(description="One of the six words.")
    effect: Finite | None = Field(
        description=_EFFECT
        + " Null where the data bear no estimate. Estimates are rounded to two decimals for callers "
        "who may see aggregates only."
    )
    low: Finite | None = Field(description="Lower end of the 95% interval of the effect.")
    high: Finite | None = Field(description="Upper end of the 95% interval of the effect.")
    shrunk_effect: Finite | None = Field(
        description="The effect once most releases are taken to do little: for rankings. " + _EFFECT
    )
    expected: Finite | None = Field(
        description="Complaints expected after the release had nothing changed; null for callers who may see "
        "aggregates only."
    )
    observed: Finite | None = Field(
        description="Complaints counted after the release; null for callers who may see aggregates only."
    )
    rate_unit: str = Field(description="What the rates count, such as complaints per 1 000 customer-days.")
    evidence_grade: Grade = Field(
        description="A randomised, B unexposed accounts, C registered control, D none of these."
    )
    checks: list[CheckAnswer] = Field(description="What was looked at beside the estimate.")
    reasons: list[Reason] = Field(
        description="Why, and what to know beside it: codes whose meaning never changes."
    )
    bound: Share | None = Field(description="Largest fall, as a share, that the data do not rule out.")
    mde: Share | None = Field(
        description="Smallest fall, as a share, that would be seen four times in five; null if none would."
    )
    judgeable_on: Day | None = Field(
        description="First day on which a better answer can exist, where waiting helps."
    )
    displacement: Displacement | None = Field(
        description="Complaints that moved; null where none were found."
    )
    prediction: Prediction | None = Field(description="What the bet had said; null without one.")
    segments: list[SegmentVerdict] = Field(description="The same by segment, where segments were asked for.")
    quotes: list[Quote] = Field(
        description="Quotes of the theme, letter for letter; none for callers who may see aggregates only."
    )
    method_version: str = Field(description="Version of the statistical method.")
    theme_revision: Count = Field(description="Theme revision that was counted.")
    input_hash: Hash | None = Field(
        description="SHA-256 of the numbers it was computed from; null for callers who may see aggregates only."
    )


class ImpactAnswer(Answer):
    """What is said about a release. Confirmed links come first, proposals after them, never as headlines."""

    release: ReleaseRef = Field(description="The release.")
    verdicts: list[VerdictAnswer] = Field(description="All complaints first, then theme by theme.")


class ImpactQuery(SegmentQuery):
    """Which verdicts to read; reading runs no statistics."""

    theme: ThemeId | None = Field(default=None, description="Only this theme.")


class SeriesPoint(Request):
    """One period of a series; a period that is missing is a gap, not 0."""

    date: Day = Field(description="First day of the day, week or month.")
    count: float = Field(ge=0, allow_inf_nan=False, description="Complaints.")
    exposure: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="Exposed customer-days."
    )
    control_count: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="Complaints of the control."
    )


class SeriesInput(Request):
    """One series with its release date."""

    series_id: ShortText = Field(description="Your name for it; comes back in the answer.")
    release_date: Day = Field(description="All points from this day on are after the release.")
    points: list[SeriesPoint] = Field(
        min_length=1, max_length=MAX_SERIES_POINTS, description="Points in order of time, at most 2 000."
    )


class AnalyzeRequest(Request):
    """Judge series as `ebb impact analyze` does."""

    series: list[SeriesInput] = Field(min_length=1, max_length=MAX_SERIES, description="At most 200 series.")
    wash_out_days: int = Field(default=7, ge=0, le=90, description="Days left out after the release.")
    looks: list[int] = Field(
        default_factory=list,
        max_length=20,
        description="Weeks after release at which a reading was planned; empty: one final look at the last point.",
    )


class LookAnswer(Answer):
    """A reading that was planned."""

    number: Count = Field(description="From 1.")
    weeks: Count = Field(description="Whole weeks since all customers had the release.")
    read_on: Day = Field(description="First day it may be read.")
    alpha: Share = Field(description="Two-sided error probability spent on it.")


class SeriesVerdict(Answer):
    """The verdict on one series: the columns of `ebb impact analyze`."""

    series_id: str = Field(description="Your name for it.")
    verdict: Word = Field(description="One of the six words.")
    effect: Finite | None = Field(description=_EFFECT)
    low: Finite | None = Field(description="Lower end of the 95% interval.")
    high: Finite | None = Field(description="Upper end of the 95% interval.")
    p_value: Share | None = Field(description="Two-sided p value against no change.")
    decision_low: Finite | None = Field(description="Lower end of the interval that matches the word.")
    decision_high: Finite | None = Field(description="Upper end of the interval that matches the word.")
    mde: Share | None = Field(description="Smallest fall, as a share, that would be seen four times in five.")
    bound: Share | None = Field(description="Largest fall, as a share, that is not ruled out.")
    looks: list[LookAnswer] = Field(description="Looks read so far.")
    reasons: list[Reason] = Field(description="Reason codes.")
    evidence_grade: Grade = Field(description="C with a control, else D.")
    judgeable_on: Day | None = Field(description="First day on which a better answer can exist.")


class AnalyzeAnswer(Answer):
    """Verdicts on series that were sent; nothing is stored."""

    exploratory: Literal[True] = Field(
        default=True, description="Not a registered verdict: dates were chosen by hand."
    )
    results: list[SeriesVerdict] = Field(description="One per series, in the order sent.")


class PlanRequest(Request):
    """How long until a fall of a given size can be seen?"""

    rate: float = Field(gt=0, le=1000, description="Complaints per 1 000 exposed customer-days.")
    exposure: float = Field(gt=0, le=1e12, description="Exposed customers on a day.")
    drop: float = Field(gt=0, lt=1, description="The fall to be seen, as a share: 0.25 is a quarter fewer.")
    power: float = Field(default=0.8, gt=0.05, lt=1, description="How often it should be seen, as a share.")
    noise: float = Field(
        default=0.2, ge=0, le=3, description="Standard deviation of the weekly log rate beyond chance."
    )
    memory: float = Field(
        default=0.5, ge=0, lt=1, description="Correlation of that noise from one week to the next."
    )
    wash_out_weeks: int = Field(default=1, ge=0, le=12, description="Weeks left out after the release.")


class VisibleFall(Answer):
    """What can be seen after so many weeks."""

    weeks: Count = Field(description="Weeks since all customers had the release.")
    fall: Share | None = Field(
        description="Smallest fall, as a share, that would be seen; null: not even 95%."
    )
    called: Share = Field(
        description="Share of releases with the drop asked about that would be called `fell`."
    )


class PlanAnswer(Answer):
    """A forecast, not a verdict."""

    exploratory: Literal[True] = Field(default=True, description="A calculation ahead of the data.")
    weeks: Count | None = Field(description="Weeks until it can be seen; null: over a year.")
    called: Share = Field(
        description="Share of such releases that would be called `fell` then; in a year where weeks is null."
    )
    weekly_complaints: Finite = Field(description="Complaints expected per week before the release.")
    smallest_falls: list[VisibleFall] = Field(description="What can be seen after 4, 8, 12, 26 and 52 weeks.")


class WhatIfRequest(Request):
    """Ask of any day what changed at it; chosen after the fact, so never a verdict."""

    theme: ThemeId | None = Field(default=None, description="The theme; null: all complaints together.")
    date: Day = Field(description="Compare before and after this day.")
    segment: Segment = Field(default="all", description="A plan or account segment; `all` for everybody.")
    weeks: int = Field(default=8, ge=4, le=52, description="Weeks after the day that are compared.")
    wash_out_days: int = Field(default=7, ge=0, le=90, description="Days left out after it.")


class WhatIfAnswer(Answer):
    """An estimate in numbers alone."""

    exploratory: Literal[True] = Field(
        default=True, description="The day was chosen by hand: no error rate is promised."
    )
    theme: ThemeRef | None = Field(description="The theme; null for all complaints together.")
    date: Day = Field(description="The day.")
    effect: Finite | None = Field(description=_EFFECT)
    low: Finite | None = Field(description="Lower end of the 95% interval.")
    high: Finite | None = Field(description="Upper end of the 95% interval.")
    expected: Finite | None = Field(description="Complaints expected had nothing changed.")
    observed: Finite | None = Field(description="Complaints counted.")
    reasons: list[Reason] = Field(description="What to know beside it, as codes.")
