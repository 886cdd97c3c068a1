"""What all shapes share: strict requests, typed answers, public ids, pages."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from pydantic.fields import FieldInfo

from models.values.storable import UNSTORABLE

T = TypeVar("T")


class Request(BaseModel):
    """A body or query that people send: an unknown field is refused, so that a typing error is never
    ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _is_storable(cls, value: object) -> object:
        if any(UNSTORABLE.search(text) for text in _texts(value)):
            raise ValueError("holds a character that cannot be stored: NUL or half of a surrogate pair")
        return value


def _texts(value: object) -> Iterator[str]:
    """Yield every text of a JSON value; the fields of nested shapes look after their own."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(name)
            yield from _texts(each)


class Answer(BaseModel):
    """A body that we send; fields that do not apply are null, never missing."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Page(Answer, Generic[T]):
    """One page of a list."""

    items: list[T] = Field(description="The entries of this page, in the list's order.")
    next_cursor: str | None = Field(
        description="Pass as `cursor` to read the next page; null on the last one. Opaque; at most 400 characters."
    )


class Paging(Request):
    """Query of every list."""

    cursor: str | None = Field(default=None, max_length=400, description="`next_cursor` of the page before.")
    limit: int = Field(default=50, ge=1, le=500, description="Entries on a page, 1 to 500.")


def _public(prefix: str) -> FieldInfo:
    """Constrain a text to a public id of one kind."""
    found: FieldInfo = Field(pattern=rf"^{prefix}_[0-9]{{1,18}}$", examples=[f"{prefix}_17"])
    return found


def _with_room(moment: datetime) -> datetime:
    """Refuse moments so near the ends of the calendar that another zone or a window of weeks leaves it."""
    if not 2 <= moment.year <= 9998:
        raise ValueError("lies outside the calendar: use a year from 2 to 9998")
    return moment


SourceId = Annotated[str, _public("src")]
DeliveryId = Annotated[str, _public("dlv")]
ItemId = Annotated[str, _public("fb")]
AccountId = Annotated[str, _public("acc")]
ThemeId = Annotated[str, _public("th")]
FeatureId = Annotated[str, _public("feat")]
ReleaseId = Annotated[str, _public("rel")]
LinkId = Annotated[str, _public("lnk")]
TeamId = Annotated[str, _public("team")]
MetricId = Annotated[str, _public("met")]
ObjectiveId = Annotated[str, _public("obj")]
KeyResultId = Annotated[str, _public("kr")]
EventId = Annotated[str, _public("evt")]
KeyId = Annotated[str, _public("key")]
UserId = Annotated[str, _public("usr")]
VerdictId = Annotated[str, _public("ver")]
BetId = Annotated[str, _public("bet")]
AssumptionId = Annotated[str, _public("asm")]
DecisionId = Annotated[str, _public("dec")]
SnapshotId = Annotated[str, _public("snap")]
ErasureId = Annotated[str, _public("era")]
AlertId = Annotated[str, _public("alr")]
ActId = Annotated[str, _public("act")]
SuggestionId = Annotated[str, _public("sug")]
AuditId = Annotated[str, _public("aud")]

Moment = Annotated[AwareDatetime, AfterValidator(_with_room)]
"""A point in time with its offset; answers write it in UTC with Z."""
Day = date
"""A calendar day in the workspace's time zone."""

Key = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$", examples=["checkout-2.3"])]
"""A stable name that the sender chooses; writing the same key again updates the same thing."""
Title = Annotated[str, Field(min_length=1, max_length=500)]
LongText = Annotated[str, Field(max_length=20_000)]
ShortText = Annotated[str, Field(min_length=1, max_length=200)]
Segment = Annotated[str, Field(min_length=1, max_length=100, examples=["all", "business"])]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SegmentQuery(Request):
    """Query of a read that may be narrowed to a segment and to what was known at a moment."""

    segment: Segment = Field(default="all", description="A plan or account segment; `all` for everybody.")
    as_of: Moment | None = Field(
        default=None, description="Answer as it would have been given at this moment; null means now."
    )
