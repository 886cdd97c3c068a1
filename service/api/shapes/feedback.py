"""Feedback items: what customers said."""

from pydantic import ConfigDict, Field

from models.values.feedback import AuthorRole, RatingKind, Status
from models.values.kinds import Kind
from models.values.text import RemovedKind
from service.api.shapes.base import Answer, Finite, ItemId, Moment, Paging, SourceId, ThemeId


class RatingAnswer(Answer):
    """A score with its scale; never compare scores of different scales."""

    value: Finite = Field(description="The score, between scale_min and scale_max.")
    scale_min: Finite = Field(description="Lowest score that could be given.")
    scale_max: Finite = Field(description="Highest score that could be given.")
    kind: RatingKind = Field(description="stars, csat or nps.")


class FeedbackItem(Answer):
    """One customer message after parsing, cleaning and redaction."""

    id: ItemId = Field(description="Public id.")
    source: SourceId = Field(description="The source that sent it.")
    external_id: str = Field(description="The vendor's id of the ticket, conversation or post.")
    message_id: str = Field(
        description="The vendor's id of the message; 0 is the text the record was opened with."
    )
    created_at: Moment = Field(description="When the message was written.")
    updated_at: Moment = Field(description="When it last changed, by the vendor's clock.")
    status: Status | None = Field(description="State of the record.")
    subject: str | None = Field(description="Subject of the record, redacted.")
    text: str = Field(
        description="The customer's own words, cleaned and redacted; empty where only a rating came."
    )
    author_role: AuthorRole = Field(
        description="customer; agent where staff relayed it; bot where all of it is automatic."
    )
    reported_by_agent: bool = Field(description="Whether staff wrote it down for a customer.")
    kind: Kind | None = Field(description="complaint, request, praise or question; null until it is known.")
    counted: bool = Field(
        description="Whether it is a counted complaint: a person's first on a theme in a record."
    )
    merged_into: str | None = Field(
        description="The record that counts in place of this one since they were merged; `unknown` where the vendor "
        "does not name it; null where this one counts."
    )
    account_id: str | None = Field(description="The customer's account, as the vendor names it.")
    plan: str | None = Field(description="The account's plan.")
    tags: list[str] | None = Field(
        description="The vendor's tags; null where the payload says nothing of tags."
    )
    product_area: str | None = Field(
        description="Product area, where the source's settings or payload name one."
    )
    rating: RatingAnswer | None = Field(description="Score that came with it.")
    language: str = Field(description="ISO 639 code of the detected language; und where it cannot be told.")
    theme_id: ThemeId | None = Field(
        description="The theme it is placed in, redirects followed; null if in none."
    )
    excluded_by: str | None = Field(
        description="The rule of its source that leaves it out (called_spam: the tool does): kept, not themed, not "
        "counted; null: in scope."
    )


class RemovedSpan(Answer):
    """A part of the message that is not the customer's own words, or was personal; never the text itself."""

    kind: RemovedKind = Field(description="quote, signature, macro, personal_data or overflow.")
    what: str = Field(description="Which personal data; empty otherwise.")
    start: int = Field(description="First character, in the plain text of the message.")
    end: int = Field(description="The character after the last.")
    reason: str = Field(description="Why it was cut, in words.")


class FeedbackDetail(FeedbackItem):
    """One customer message, with what was decided about it and why."""

    counted_why: str = Field(description="Why it is a counted complaint, or why not.")
    kind_why: str | None = Field(description="The strongest reason for its kind; null until it is known.")
    removed: list[RemovedSpan] = Field(description="What was cut from it before it was stored.")
    text_version: str | None = Field(
        description="Which rules cut and redacted it; null: older ones, before versions were kept."
    )
    votes: int = Field(description="People who stand behind its record without a word of their own.")


class FeedbackQuery(Paging):
    """Filters of the list, newest first; each that is absent leaves its part open."""

    model_config = ConfigDict(populate_by_name=True)

    source: SourceId | None = Field(default=None, description="Only items of this source.")
    external_id: str | None = Field(default=None, max_length=300, description="Exactly this record.")
    theme: ThemeId | None = Field(default=None, description="Only items of this theme.")
    kind: Kind | None = Field(default=None, description="Only items of this kind.")
    q: str | None = Field(
        default=None, min_length=1, max_length=200, description="Words that must all occur."
    )
    since: Moment | None = Field(default=None, alias="from", description="Written at or after this moment.")
    until: Moment | None = Field(default=None, alias="to", description="Written before this moment.")
    counted: bool | None = Field(default=None, description="Only counted complaints, or only the others.")
