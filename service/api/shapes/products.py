"""Features and releases: what shipped, when, and to how many."""

from pydantic import Field

from service.api.shapes.base import (
    Answer,
    FeatureId,
    Key,
    LongText,
    Moment,
    Paging,
    Percent,
    ReleaseId,
    Request,
    Segment,
    Title,
)

MAX_STEPS = 50


class FeaturePut(Request):
    """Something customers can use. The same key again updates the same feature."""

    key: Key | None = Field(default=None, description="Stable name; null makes one from the title.")
    title: Title = Field(description="What it is, in customers' words; 1 to 500 characters.")
    body: LongText = Field(
        default="", description="What changed, as in the release notes; at most 20 000 characters."
    )
    area: Title | None = Field(
        default=None, description="Product area; links are sought within it where items have one."
    )
    release: ReleaseId | None = Field(
        default=None, description="The release that brings it; null while it is planned."
    )


class FeatureAnswer(Answer):
    """A feature."""

    id: FeatureId = Field(description="Public id.")
    key: str = Field(description="Stable name.")
    title: str = Field(description="What it is.")
    body: str = Field(description="What changed.")
    area: str | None = Field(description="Product area.")
    release: ReleaseId | None = Field(description="The release that brought it.")
    created_at: Moment = Field(description="When Ebb first heard of it.")


class FeaturesQuery(Paging):
    """Filters of the list, oldest first."""

    release: ReleaseId | None = Field(default=None, description="Only features of this release.")


class RolloutStep(Request):
    """From a moment on, a share of customers had the release."""

    at: Moment = Field(description="When this step began.")
    percent: Percent = Field(
        description="Share of customers that had it from then on, 0 to 100; never falls."
    )
    segments: list[Segment] = Field(
        default_factory=list, max_length=50, description="Whom it is limited to; empty: everybody."
    )


class ReleasePut(Request):
    """Something that reached customers, or will. The same key again updates the same release."""

    key: Key | None = Field(default=None, description="Stable name; null: the version, else the name.")
    name: Title = Field(description="What people call it; 1 to 500 characters.")
    version: Key | None = Field(default=None, description="Version number.")
    released_at: Moment = Field(description="When it first reached customers; may lie ahead.")
    environment: Title | None = Field(
        default=None, description="production, staging ...; null is production."
    )
    description: LongText | None = Field(default=None, description="Release notes.")
    url: str | None = Field(
        default=None, max_length=1000, pattern=r"^https?://", description="Where to read more."
    )
    steps: list[RolloutStep] = Field(
        default_factory=list,
        max_length=MAX_STEPS,
        description="Roll-out in order of time; empty: all customers at released_at.",
    )
    features: list[FeaturePut] = Field(
        default_factory=list, max_length=200, description="Features it brings, written along with it."
    )


class RolloutStepAnswer(Answer):
    """A step of a roll-out."""

    at: Moment = Field(description="When it began.")
    percent: Percent = Field(description="Share of customers that had it from then on, 0 to 100.")
    segments: list[str] = Field(description="Whom it was limited to; empty: everybody.")


class ReleaseAnswer(Answer):
    """A release."""

    id: ReleaseId = Field(description="Public id.")
    key: str = Field(description="Stable name.")
    name: str = Field(description="What people call it.")
    version: str | None = Field(description="Version number.")
    released_at: Moment = Field(description="When it first reached customers.")
    full_at: Moment = Field(description="When all customers had it; looks are counted from here.")
    environment: str | None = Field(description="Where it was released.")
    description: str | None = Field(description="Release notes.")
    url: str | None = Field(description="Where to read more.")
    steps: list[RolloutStepAnswer] = Field(description="Roll-out in order of time.")
    features: list[FeatureId] = Field(description="Features it brings.")
    created_at: Moment = Field(description="When Ebb first heard of it.")


class ReleasesQuery(Paging):
    """Filters of the list, newest release first."""

    since: Moment | None = Field(default=None, description="Released at or after this moment.")
    until: Moment | None = Field(default=None, description="Released before this moment.")
