"""Bets, the assumptions beneath them, the decisions after them, and context events."""

from pydantic import Field, model_validator

from service.api.shapes.base import (
    Answer,
    AssumptionId,
    BetId,
    Day,
    DecisionId,
    EventId,
    FeatureId,
    Finite,
    Key,
    LongText,
    MetricId,
    Moment,
    Paging,
    ReleaseId,
    Request,
    Share,
    TeamId,
    ThemeId,
    Title,
    VerdictId,
)
from service.api.shapes.words import AssumptionState, BetState, DecisionWord, EventKind


class BetPut(Request):
    """What is expected of a feature or release, said beforehand. It freezes when its release ships."""

    key: Key | None = Field(default=None, description="Stable name; null makes one.")
    statement: Title = Field(description="In a sentence; 1 to 500 characters.")
    team: TeamId | None = Field(default=None, description="Who owns it.")
    feature: FeatureId | None = Field(default=None, description="The feature it is about; or name a release.")
    release: ReleaseId | None = Field(default=None, description="The release it is about; or name a feature.")
    theme: ThemeId | None = Field(default=None, description="The theme that should shrink; or name a metric.")
    metric: MetricId | None = Field(default=None, description="The metric that should move; or name a theme.")
    effect: float = Field(
        gt=0, le=100, description="Predicted value divided by the value before: 0.75 is a quarter less."
    )
    horizon_weeks: int = Field(ge=1, le=104, description="Weeks after full roll-out at which it is scored.")
    confidence: float = Field(gt=0, lt=1, description="How sure its owner is, above 0 and below 1.")

    @model_validator(mode="after")
    def _names_one_of_each(self) -> "BetPut":
        if (self.feature is None) == (self.release is None):
            raise ValueError("name a feature or a release, not both")
        if (self.theme is None) == (self.metric is None):
            raise ValueError("name a theme or a metric, not both")
        return self


class BetAnswer(Answer):
    """A bet and how it came out."""

    id: BetId = Field(description="Public id.")
    key: str = Field(description="Stable name.")
    statement: str = Field(description="In a sentence.")
    team: TeamId | None = Field(description="Who owns it.")
    feature: FeatureId | None = Field(description="The feature it is about.")
    release: ReleaseId | None = Field(description="The release it is about.")
    theme: ThemeId | None = Field(description="The theme that should shrink.")
    metric: MetricId | None = Field(description="The metric that should move.")
    effect: Finite = Field(description="Predicted value divided by the value before.")
    horizon_weeks: int = Field(description="Weeks after full roll-out at which it is scored.")
    confidence: Share = Field(description="How sure its owner was.")
    state: BetState = Field(description="open, frozen or scored.")
    frozen_at: Moment | None = Field(description="When it was frozen.")
    scored_at: Moment | None = Field(description="When it was scored.")
    verdict: VerdictId | None = Field(description="The verdict it was scored against.")
    came_true: bool | None = Field(
        description="Whether the interval bears it out; null while it cannot be said."
    )
    brier: Share | None = Field(description="Squared distance of confidence from the outcome; 0 is best.")


class AssumptionPut(Request):
    """What must hold for a bet to work. The same key again updates the same assumption."""

    key: Key | None = Field(default=None, description="Stable name; null makes one.")
    bet: BetId = Field(description="The bet that rests on it.")
    text: Title = Field(description="What must hold; 1 to 500 characters.")
    state: AssumptionState = Field(default=AssumptionState.UNTESTED, description="What discovery says of it.")
    evidence: LongText = Field(default="", description="What was tried and found; at most 20 000 characters.")


class AssumptionAnswer(Answer):
    """An assumption."""

    id: AssumptionId = Field(description="Public id.")
    key: str = Field(description="Stable name.")
    bet: BetId = Field(description="The bet that rests on it.")
    text: str = Field(description="What must hold.")
    state: AssumptionState = Field(description="What discovery says of it.")
    evidence: str = Field(description="What was tried and found.")
    updated_at: Moment = Field(description="When it last changed.")


class DecisionPut(Request):
    """What was decided about a bet; decisions are added, never changed."""

    bet: BetId = Field(description="The bet.")
    decision: DecisionWord = Field(description="continue, change or stop.")
    reason: LongText = Field(description="Why; at most 20 000 characters.")
    decided_on: Day | None = Field(default=None, description="The day; null: today.")


class DecisionAnswer(Answer):
    """A decision with what was known when it was taken."""

    id: DecisionId = Field(description="Public id.")
    bet: BetId = Field(description="The bet.")
    decision: DecisionWord = Field(description="continue, change or stop.")
    reason: str = Field(description="Why.")
    decided_on: Day = Field(description="The day.")
    decided_by: str = Field(description="The name of the key or person.")
    verdict: VerdictId | None = Field(description="The verdict that stood on that day.")


class BetQuery(Paging):
    """Filter of assumptions and decisions."""

    bet: BetId | None = Field(default=None, description="Only those of this bet.")


class BetsQuery(Paging):
    """Filters of the list of bets, newest first."""

    team: TeamId | None = Field(default=None, description="Only bets of this team.")
    state: BetState | None = Field(default=None, description="Only bets in this state.")


class EventPut(Request):
    """Something besides releases that may move complaints. The same key again updates the same event."""

    key: Key | None = Field(default=None, description="Stable name; null makes one.")
    kind: EventKind = Field(description="What kind of thing it was.")
    title: Title = Field(description="In a few words; 1 to 500 characters.")
    starts_at: Moment = Field(description="When it began.")
    ends_at: Moment | None = Field(
        default=None, description="When it ended; null: at once. Not before starts_at."
    )

    @model_validator(mode="after")
    def _is_in_order(self) -> "EventPut":
        if self.ends_at is not None and self.ends_at < self.starts_at:
            raise ValueError("ends_at lies before starts_at")
        return self


class EventAnswer(Answer):
    """A context event."""

    id: EventId = Field(description="Public id.")
    key: str = Field(description="Stable name.")
    kind: EventKind = Field(description="What kind of thing it was.")
    title: str = Field(description="In a few words.")
    starts_at: Moment = Field(description="When it began.")
    ends_at: Moment | None = Field(description="When it ended.")


class EventsQuery(Paging):
    """Filters of the list, oldest first."""

    kind: EventKind | None = Field(default=None, description="Only events of this kind.")
    since: Moment | None = Field(default=None, description="Still going on at or after this moment.")
    until: Moment | None = Field(default=None, description="Begun before this moment.")
