"""Trends of all themes: how each moved in the recent weeks against its own past."""

from pydantic import Field

from models.values.movements import RECENT_WEEKS, Movement, MovementReason
from service.api.shapes.base import Answer, Count, Day, Finite, Paging, Segment, Share, ThemeId
from service.api.shapes.themes import Places


class TrendsQuery(Paging):
    """Which weeks to compare, and which themes to list."""

    weeks: int = Field(
        default=RECENT_WEEKS, ge=2, le=13, description="Whole ISO weeks of the recent window, 2 to 13."
    )
    until: Day | None = Field(
        default=None,
        description="Day before which the recent window ends, moved back to a Monday; null: the latest week.",
    )
    segment: Segment = Field(
        default="all",
        description="A plan; `all` for everybody, as callers who may see aggregates only must ask.",
    )
    movement: Movement | None = Field(
        default=None, description="Only themes that moved so; q values stay those over all themes."
    )


class TrendWindow(Answer):
    """Whole ISO weeks: half-open days."""

    since: Day = Field(description="First day, a Monday.")
    until: Day = Field(description="First day after it, a Monday.")
    weeks: Count = Field(description="How many weeks.")


class WindowCount(Answer):
    """A theme's complaints in the usable weeks of a window."""

    complaints: Count | None = Field(
        description="Counted complaints in weeks that are no gaps; null where some weeks are not shown to the caller."
    )
    weeks: Count = Field(
        description="Weeks they lie in: a week with a silent source, or with unknown exposure where rates are "
        "compared, is left out of complaints and exposure alike."
    )
    rate: Finite | None = Field(description="In the list's `unit`; null without usable weeks.")


class ThemeMovement(Answer):
    """How one theme moved."""

    theme: ThemeId = Field(description="The theme.")
    label: str | None = Field(description="What it is about; null until it is named.")
    movement: Movement = Field(
        description="new: first complaint in the last 8 weeks. returned: complaints again after 8 weeks or more "
        "without. growing, fading: differs from its own baseline at the list's false-discovery rate. steady: a "
        "doubling and a halving are ruled out. cannot_tell: none of these can be said, which is no sign that nothing "
        "changed."
    )
    reasons: list[MovementReason] = Field(description="Why, as codes.")
    sentence: str = Field(description="Why, in words.")
    first_seen: Day | None = Field(
        description="Day of its first complaint; for callers who may see aggregates only the Monday of that week."
    )
    recent: WindowCount = Field(description="The recent window.")
    baseline: WindowCount = Field(
        description="The 26 weeks before, of a younger theme those after the week of its first complaint."
    )
    ratio: Finite | None = Field(
        description="Recent over baseline rate; null where nothing was tested, so for new and returned themes."
    )
    low: Finite | None = Field(description="Lower end of the ratio's 95% interval.")
    high: Finite | None = Field(description="Upper end; null where nothing bounds it.")
    p_value: Share | None = Field(description="Two-sided, given the sum of both windows.")
    q_value: Share | None = Field(
        description="Least false-discovery rate at which it would be called, over all themes tested."
    )
    dispersion: Finite | None = Field(
        description="Variance over mean of its sums of weeks in the baseline; at least 1."
    )
    unassigned_rose: bool = Field(
        description="It fades while complaints in no theme rose by half of its fall or more."
    )


class Trends(Answer):
    """A page of themes with their movements, those with the most recent complaints first."""

    items: list[ThemeMovement] = Field(description="The themes of this page.")
    next_cursor: str | None = Field(
        description="Pass as `cursor` to read the next page; null on the last one."
    )
    revision: Count = Field(description="Theme revision that all weeks are drawn from, the past too.")
    segment: str = Field(description="Segment counted.")
    unit: str = Field(description="Unit of the rates: per exposure, or per week where customers are unknown.")
    recent: TrendWindow | None = Field(description="The recent window; null before the first complete week.")
    baseline: TrendWindow | None = Field(description="The 26 weeks before it.")
    tested: Count = Field(description="Themes tested against their baseline.")
    false_discovery_rate: Share = Field(
        description="Largest q value at which themes are called growing or fading (Benjamini and Hochberg 1995). It "
        "bounds false calls but where themes swing for months by themselves (docs/trends.md)."
    )
    recent_places: Places | None = Field(
        description="Where complaints of the recent window lie; null for callers who may see aggregates only."
    )
    baseline_places: Places | None = Field(description="The same of the 26 weeks before.")
    warnings: list[str] = Field(description="What must be known before the list is believed.")
    note: str = Field(description="What must not be added up.")
