"""Teams, objectives, key results and metrics."""

from pydantic import Field, model_validator

from service.api.shapes.base import (
    Answer,
    Count,
    Day,
    Finite,
    Key,
    KeyResultId,
    LongText,
    MetricId,
    Moment,
    ObjectiveId,
    Paging,
    Request,
    Segment,
    Share,
    ShortText,
    TeamId,
    Title,
)
from service.api.shapes.words import Direction, LintCode

MAX_OBSERVATIONS = 10_000


class TeamPut(Request):
    """An owner of bets, metrics and digests. The same key again updates the same team."""

    key: Key | None = Field(default=None, description="Stable name; null makes one from the name.")
    name: ShortText = Field(description="What people call it; 1 to 200 characters.")


class TeamAnswer(Answer):
    """A team."""

    id: TeamId = Field(description="Public id.")
    key: str = Field(description="Stable name.")
    name: str = Field(description="What people call it.")


class MetricPut(Request):
    """What is measured, and how exactly. The same key again updates the same metric."""

    key: Key = Field(description="Stable name, such as activation_rate; webhooks name it.")
    name: Title = Field(description="What people call it; 1 to 500 characters.")
    definition: LongText = Field(
        default="", description="How it is computed, so that two people get the same number."
    )
    unit: ShortText | None = Field(default=None, description="Unit of its values: ratio, %, EUR, minutes ...")
    better: Direction | None = Field(default=None, description="Which way is better; null where neither is.")
    leading: bool | None = Field(default=None, description="Leading (true), lagging (false), or not said.")
    team: TeamId | None = Field(default=None, description="Who owns it.")


class MetricAnswer(Answer):
    """A metric."""

    id: MetricId = Field(description="Public id.")
    key: str = Field(description="Stable name.")
    name: str = Field(description="What people call it.")
    definition: str = Field(description="How it is computed.")
    unit: str | None = Field(description="Unit of its values.")
    better: Direction | None = Field(description="Which way is better.")
    leading: bool | None = Field(description="Leading or lagging.")
    team: TeamId | None = Field(description="Who owns it.")
    last_value: Finite | None = Field(description="Its latest value for everybody.")
    last_at: Moment | None = Field(description="When that was observed.")


class ObservationPut(Request):
    """One value; the same moment and segment again replaces it."""

    at: Moment = Field(description="When it was observed.")
    segment: Segment = Field(default="all", description="A plan or account segment; `all` for everybody.")
    value: Finite = Field(description="The value, in the metric's unit.")


class ObservationsPut(Request):
    """Values to write."""

    observations: list[ObservationPut] = Field(
        min_length=1, max_length=MAX_OBSERVATIONS, description="At most 10 000 values per call."
    )


class ObservationAnswer(Answer):
    """One value."""

    at: Moment = Field(description="When it was observed.")
    segment: str = Field(description="Whom it describes.")
    value: Finite = Field(description="The value, in the metric's unit.")


class ObservationsWritten(Answer):
    """What was written."""

    metric: MetricId = Field(description="The metric.")
    written: Count = Field(description="Values written.")


class ObservationsQuery(Paging):
    """Which values to read, oldest first."""

    segment: Segment = Field(default="all", description="A plan or account segment; `all` for everybody.")
    since: Moment | None = Field(default=None, description="Observed at or after this moment.")
    until: Moment | None = Field(default=None, description="Observed before this moment.")


class ObjectivePut(Request):
    """What a team wants to reach. The same key again updates the same objective."""

    key: Key | None = Field(
        default=None, description="Stable name, such as O-3; null makes one from the title."
    )
    title: Title = Field(description="What is wanted; 1 to 500 characters.")
    team: TeamId | None = Field(default=None, description="Who owns it.")
    starts_on: Day | None = Field(default=None, description="First day of its period.")
    ends_on: Day | None = Field(default=None, description="Last day of its period; not before starts_on.")

    @model_validator(mode="after")
    def _is_in_order(self) -> "ObjectivePut":
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValueError("ends_on lies before starts_on")
        return self


class ObjectiveAnswer(Answer):
    """An objective."""

    id: ObjectiveId = Field(description="Public id.")
    key: str = Field(description="Stable name.")
    title: str = Field(description="What is wanted.")
    team: TeamId | None = Field(description="Who owns it.")
    starts_on: Day | None = Field(description="First day of its period.")
    ends_on: Day | None = Field(description="Last day of its period.")
    key_results: list[KeyResultId] = Field(description="How it is told whether it was reached.")


class KeyResultPut(Request):
    """How it is told whether an objective was reached. The same key again updates the same key result."""

    key: Key | None = Field(
        default=None, description="Stable name, such as KR-7; null makes one from the text."
    )
    objective: ObjectiveId | None = Field(default=None, description="The objective it belongs to.")
    text: str = Field(min_length=1, max_length=1000, description="As people say it; 1 to 1 000 characters.")
    metric: MetricId | None = Field(default=None, description="The metric that it moves.")
    unit: ShortText | None = Field(
        default=None, description="Unit of baseline and target; null: the metric's."
    )
    baseline: Finite | None = Field(default=None, description="Value at the start.")
    target: Finite | None = Field(default=None, description="Value that is wanted at the end.")
    starts_on: Day | None = Field(default=None, description="First day.")
    ends_on: Day | None = Field(default=None, description="Last day; not before starts_on.")

    @model_validator(mode="after")
    def _is_in_order(self) -> "KeyResultPut":
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValueError("ends_on lies before starts_on")
        return self


class KeyResultAnswer(Answer):
    """A key result."""

    id: KeyResultId = Field(description="Public id.")
    key: str = Field(description="Stable name.")
    objective: ObjectiveId | None = Field(description="The objective it belongs to.")
    text: str = Field(description="As people say it.")
    metric: MetricId | None = Field(description="The metric that it moves.")
    unit: str | None = Field(description="Unit of baseline and target.")
    baseline: Finite | None = Field(description="Value at the start.")
    target: Finite | None = Field(description="Value that is wanted at the end.")
    starts_on: Day | None = Field(description="First day.")
    ends_on: Day | None = Field(description="Last day.")


class KeyResultProgress(Answer):
    """How far a key result has come."""

    key_result: KeyResultId = Field(description="The key result.")
    value: Finite | None = Field(description="Latest value of its metric.")
    observed_at: Moment | None = Field(description="When that was observed.")
    done: Finite | None = Field(
        description="Share of the way from baseline to target: 1 = reached, below 0 = moved away; null if unknown."
    )
    elapsed: Share | None = Field(description="Share of its time that has passed, 0 to 1.")
    forecast: Finite | None = Field(
        description="Value at the end if the trend goes on; null if it cannot be told."
    )
    forecast_low: Finite | None = Field(description="Lower end of the 80% interval of the forecast.")
    forecast_high: Finite | None = Field(description="Upper end of the 80% interval of the forecast.")
    history: list[ObservationAnswer] = Field(description="Values since it started, oldest first.")


class KeyResultDraft(Request):
    """A key result as written, for the linter; numbers are read from the fields, else from the text."""

    id: ShortText = Field(description="Your name for it; comes back in the answer.")
    text: str = Field(min_length=1, max_length=1000, description="As people say it; 1 to 1 000 characters.")
    metric: ShortText | None = Field(default=None, description="Name of the metric.")
    unit: ShortText | None = Field(default=None, description="Unit of the numbers.")
    baseline: Finite | None = Field(default=None, description="Value at the start.")
    target: Finite | None = Field(default=None, description="Value that is wanted at the end.")
    start: Day | None = Field(default=None, description="First day.")
    end: Day | None = Field(default=None, description="Last day.")
    history: list[Finite] = Field(
        default_factory=list,
        max_length=1000,
        description="Values up to the start, oldest first, evenly spaced over as long a time as it runs.",
    )


class LintRequest(Request):
    """Key results to check, as `ebb kr lint` does."""

    key_results: list[KeyResultDraft] = Field(min_length=1, max_length=500, description="At most 500.")


class LintFinding(Answer):
    """One thing that is wrong with a key result as written."""

    code: LintCode = Field(description="What is wrong; codes are independent of each other.")
    message: str = Field(description="The same in words, with the passage.")
    rewrite_hint: str = Field(description="How it could be written instead.")


class LintedKeyResult(Answer):
    """The findings on one key result."""

    id: str = Field(description="Your name for it.")
    findings: list[LintFinding] = Field(description="Empty where nothing is wrong.")


class LintAnswer(Answer):
    """All findings."""

    key_results: list[LintedKeyResult] = Field(description="In the order sent.")
