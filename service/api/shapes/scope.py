"""Rules of scope, where fields stand, and what a draft of both would do; alerts."""

from pydantic import Field

from models.sources.scope import Act, Fact
from service.api.shapes.base import (
    AlertId,
    Answer,
    Count,
    DeliveryId,
    Moment,
    Paging,
    Request,
    ShortText,
    SourceId,
)
from service.api.shapes.words import AlertKind, AlertState


class RuleShape(Request):
    """One rule; a record is left out if an exclude rule matches it, or if include rules exist and none does."""

    name: str | None = Field(
        default=None, min_length=1, max_length=60, description="Unique name; null makes one of what it does."
    )
    action: Act = Field(description="include or exclude; exclusion wins, whatever the order.")
    field: Fact = Field(
        description="brand, group, form, tag, channel, language, product_area, plan, account, spam, or domain (of "
        "the customer's e-mail address; compared exactly, stored as a keyed hash)."
    )
    values: list[ShortText] = Field(
        default_factory=list,
        max_length=200,
        description="Any of these matches, in either case; of spam: true or false, true where it is empty.",
    )


class RulesDraft(Request):
    """Rules and map of a source, whole: what is not sent is gone."""

    rules: list[RuleShape] = Field(default_factory=list, max_length=100, description="In any order.")
    fields: dict[str, ShortText] | None = Field(
        default=None,
        max_length=10,
        description="Where product_area, plan, account, brand, group and form stand in the payload, such as "
        "custom_fields.36000 or customer.plan; null leaves the map as it is.",
    )


class RulesPut(RulesDraft):
    """The next revision."""

    revision: Count | None = Field(
        default=None, description="The revision that was read before; another one that stands by now is 409."
    )


class PreviewRequest(RulesDraft):
    """A draft to try on the latest deliveries; nothing is stored."""

    limit: int = Field(default=200, ge=1, le=500, description="How many of the latest deliveries to try.")


class RulesRevision(Answer):
    """One revision, by whom and when."""

    revision: Count = Field(description="From 1.")
    author: str = Field(description="Who wrote it.")
    at: Moment = Field(description="When.")
    rules: list[RuleShape] = Field(description="Its rules.")
    fields: dict[str, str] = Field(description="Its map.")
    applied_at: Moment | None = Field(
        description="When all stored tickets had been looked at under it; null while that goes on, or where a newer "
        "revision came first."
    )


class RulesAnswer(Answer):
    """The rules of a source in force; until they are applied to all that is stored, verdicts cannot tell."""

    source: SourceId = Field(description="Public id of the source.")
    revision: Count = Field(description="0 where it never had any.")
    rules: list[RuleShape] = Field(description="Rules in force.")
    fields: dict[str, str] = Field(description="Map in force.")
    applied_at: Moment | None = Field(description="When all that is stored had been looked at under them.")
    messages: Count = Field(description="Stored messages of the source.")
    excluded: Count = Field(description="Of these: left out.")
    history: list[RulesRevision] = Field(description="Revisions, newest first, at most 50.")


class PreviewCount(Answer):
    """What one rule would do."""

    rule: str | None = Field(
        description="Its name; not_included: no include rule matches; called_spam: the tool calls it spam and no "
        "rule is on spam; null: no rule."
    )
    kept: Count = Field(description="Messages that it would let in.")
    excluded: Count = Field(description="Messages that it would leave out.")


class PreviewExample(Answer):
    """One message of the latest deliveries and what would become of it."""

    delivery: DeliveryId = Field(description="The delivery that it came with.")
    external_id: str = Field(description="The vendor's id of its record.")
    subject: str | None = Field(description="Its subject, redacted.")
    kept: bool = Field(description="Whether it would stay in scope.")
    rule: str | None = Field(description="The rule that decides; null: none does.")
    why: str = Field(description="Why, in words.")
    fields: dict[str, str | None] = Field(description="What the draft's map finds: one entry a mapped field.")


class PreviewAnswer(Answer):
    """What a draft would have done to the latest deliveries."""

    deliveries: Count = Field(description="Deliveries that were tried.")
    unreadable: Count = Field(description="Of these: not understood, or their raw bodies have expired.")
    messages: Count = Field(description="Customers' messages in them.")
    kept: Count = Field(description="Of these: would stay in scope.")
    excluded: Count = Field(description="Of these: would be left out.")
    by_rule: list[PreviewCount] = Field(description="The same by the rule that decides, busiest first.")
    found: dict[str, Count] = Field(
        description="For each mapped field: messages in which the path finds something."
    )
    examples: list[PreviewExample] = Field(description="Up to 5 of each rule, newest first.")


class AlertsQuery(Paging):
    """Which alerts to list, newest first."""

    state: AlertState = Field(default=AlertState.OPEN, description="open, closed or all.")


class AlertAnswer(Answer):
    """Something that a person should look at; it closes by itself when it is over."""

    id: AlertId = Field(description="Public id.")
    kind: AlertKind = Field(description="What it is about.")
    subject: str = Field(description="Public id of the thing that it is about, such as src_4.")
    reason: str = Field(description="What is wrong, and what may be behind it.")
    since: Moment = Field(description="When what it tells of began.")
    opened_at: Moment = Field(description="When it was noticed.")
    closed_at: Moment | None = Field(description="When it was over; null while it is not.")
