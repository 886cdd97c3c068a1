"""Sources, the deliveries they send, and their health."""

from pydantic import Field

from models.sealing import Seal
from models.sources.signature import Strength
from models.values.deliveries import DeliveryOutcome
from models.values.feedback import RatingKind, Status
from service.api.shapes.base import (
    Answer,
    Count,
    Day,
    DeliveryId,
    Finite,
    Moment,
    Request,
    Share,
    ShortText,
    SourceId,
)
from service.api.shapes.pulls import PullAnswer, PullPut
from service.api.shapes.words import SilenceState, SourceLight


class RatingScale(Request):
    """The scale on which a source's ratings stand where its payloads do not say."""

    min: Finite = Field(default=1, description="Lowest rating that can be given.")
    max: Finite = Field(default=5, description="Highest rating that can be given.")
    kind: RatingKind = Field(default=RatingKind.STARS, description="stars, csat or nps.")


class SourceSettings(Request):
    """How this source differs from the default of its kind."""

    signature: ShortText | None = Field(
        default=None, description="Take this signature scheme of the kind only; null takes each of them."
    )
    count_relayed: bool = Field(
        default=False, description="Whether feedback that staff relay for customers counts as complaints."
    )
    plan_tag_prefix: ShortText | None = Field(
        default=None, description="The plan is the rest of a tag that starts so: plan_ reads plan_business."
    )
    area_tag_prefix: ShortText | None = Field(
        default=None, description="The product area is the rest of a tag that starts so."
    )
    rating_scale: RatingScale | None = Field(
        default=None, description="Scale of ratings; null: 1 to 5 stars."
    )
    statuses: dict[str, Status] = Field(
        default_factory=dict,
        max_length=200,
        description="Words of a custom or localised workflow, each with ours.",
    )
    time_zone: ShortText | None = Field(
        default=None, description="IANA zone for times without one, such as Europe/Berlin; null: UTC."
    )
    fields: dict[str, ShortText] = Field(
        default_factory=dict,
        max_length=10,
        description="Where product_area, plan, account, brand, group and form stand in the payload, such as "
        "custom_fields.36000; change it with PUT /v1/sources/{id}/rules.",
    )


class SourceCreate(Request):
    """Connect a tool."""

    kind: ShortText = Field(description="zendesk, generic_json, ...: a connector's name.")
    name: ShortText = Field(description="How people call this source; 1 to 200 characters.")
    secret: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="The signing secret or token of the tool; null makes one, told once in the answer.",
    )
    settings: SourceSettings | None = Field(default=None, description="Null: the defaults of the kind.")
    pull: PullPut | None = Field(
        default=None, description="Ask the vendor's API as well, or instead; null: wait for webhooks."
    )


class SecretPut(Request):
    """Change the secret of a source."""

    secret: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="The new signing secret or token of the tool; null makes one, told once in the answer.",
    )


class RetirementPut(Request):
    """Say that a source will bring nothing more: the tool was given up, or its tickets come some other way now."""

    at: Moment | None = Field(default=None, description="Since when; not in the future; null: now.")


class SourceAnswer(Answer):
    """A configured source; its secret is never told."""

    id: SourceId = Field(description="Public id.")
    kind: str = Field(description="Connector's name.")
    name: str = Field(description="How people call it.")
    ingest_url: str = Field(description="Where the tool must send, as a path or an address; any host works.")
    settings: SourceSettings = Field(description="Settings in force.")
    created_at: Moment = Field(description="When it was connected.")
    retired_at: Moment | None = Field(
        description="Since when nothing more is expected of it; null: it goes on."
    )


class SourceCreated(SourceAnswer):
    """The answer to connecting a tool or changing its secret, the only one that may hold a secret."""

    secret: str | None = Field(description="The secret that was made; null where the caller brought one.")


class IngestAnswer(Answer):
    """Said once the delivery is committed, for new and repeated ones alike."""

    status: str = Field(description="accepted, or duplicate where the same delivery is stored already.")


class DeliveryCounts(Answer):
    """Deliveries of one source since it was connected."""

    accepted: Count = Field(description="Stored deliveries, each once.")
    parsed: Count = Field(description="Of these: understood and applied.")
    ignored: Count = Field(description="Of these: with nothing for us in them.")
    waiting: Count = Field(description="Of these: stored and not yet read; they are read by themselves.")
    dead: Count = Field(
        description="Of these: given up after every attempt to read them failed, by a fault of ours; kept, and "
        "replayed after an update."
    )
    failed: Count = Field(
        description="Of these: not understood (invalid); kept, and replayed once that is mended."
    )
    rejected: Count = Field(description="Requests refused for their signature; not stored.")


class DeliveryFailure(Answer):
    """A delivery that could not be read."""

    id: DeliveryId = Field(description="Public id of the delivery.")
    received_at: Moment = Field(description="When it arrived.")
    state: DeliveryOutcome = Field(description="invalid (not understood) or dead (given up).")
    reason: str = Field(description="What is wrong with it, and how to mend it.")


class SignatureHealth(Answer):
    """How well this source proves who it is."""

    scheme: str | None = Field(
        description="Scheme by which the last accepted request was proven (api_key: by a key in its place); null "
        "before the first."
    )
    strength: Strength = Field(
        description="Of that scheme; before the first request, of the weakest that is taken. strong: secret and "
        "body are proven; weak: less than that."
    )
    leaves_open: list[str] = Field(description="What that scheme does not prove, the gravest first.")
    accepted: list[str] = Field(description="Schemes that are taken, the strongest first.")
    secret: Seal | None = Field(
        description="How its secret stands at rest: plain, sealed, outdated (sealed with an older key that is still "
        "set) or unreadable (with one that is not set: calls are answered 503); null where it has none."
    )


class FailureReason(Answer):
    """Why deliveries were not read."""

    state: DeliveryOutcome = Field(description="invalid (not understood) or dead (given up).")
    reason: str = Field(description="What is wrong with them, and how to mend it.")
    count: Count = Field(description="How many of the latest 1,000 failures.")
    last_at: Moment = Field(description="When the last of them arrived.")


class LagHealth(Answer):
    """How late the latest 1,000 deliveries came, in seconds; null where none tells.

    Events older than three days at their arrival are history that was fetched, and left out.
    """

    vendor_median_s: Finite | None = Field(description="Half arrived within so long of the event.")
    vendor_p95_s: Finite | None = Field(description="95 of 100 arrived within so long of the event.")
    parsing_median_s: Finite | None = Field(description="Half were read within so long of their arrival.")
    parsing_p95_s: Finite | None = Field(description="95 of 100 were read within so long of their arrival.")


class SilenceHealth(Answer):
    """How long the source has brought no new ticket, against its own rhythm by weekday and hour."""

    state: SilenceState = Field(
        description="learning: too little history; ended: nothing more is expected of it (a file, or retired); else "
        "ordinary or silent."
    )
    since: Moment | None = Field(description="When its last ticket was opened, to the hour.")
    hours: Finite | None = Field(description="Hours since then.")
    allowed_hours: Finite | None = Field(
        description="Hours of silence from then on that are still ordinary at this time of the week."
    )
    expected_tickets: Finite | None = Field(description="Tickets that its rhythm let expect since then.")
    chance: Share | None = Field(description="Probability that such a silence comes by chance.")
    weekly_tickets: Finite | None = Field(
        description="Tickets a week, as learned from the last eight weeks, or from half a year of a slow one."
    )
    incomplete_days: list[Day] = Field(
        description="Days on which it was silent, newest first, at most 60: gaps in charts and verdicts."
    )


class ScopeHealth(Answer):
    """What its rules of scope make of it."""

    revision: Count = Field(description="Revision of its rules in force; 0 where it never had any.")
    rules: Count = Field(description="How many rules there are.")
    messages: Count = Field(description="Messages of it that are stored.")
    excluded: Count = Field(description="Of these: left out by its rules; kept, not themed, not counted.")
    applied_at: Moment | None = Field(
        description="When all that is stored had been looked at under these rules; null while that goes on."
    )


class SourceHealth(Answer):
    """Is it on, is it silent, does it fail?"""

    id: SourceId = Field(description="Public id of the source.")
    light: SourceLight = Field(description="waiting before the first delivery, then green, amber or red.")
    reasons: list[str] = Field(
        description="What keeps the light from green, each with what helps; empty where nothing does."
    )
    last_delivery_at: Moment | None = Field(description="When the last request was accepted.")
    last_rejected_at: Moment | None = Field(description="When the last request was refused.")
    last_answered_at: Moment | None = Field(
        description="When a handshake or ping was last answered; its proof held."
    )
    last_rejected_reason: str | None = Field(description="Why it was; whoever sent it is not told.")
    silent_seconds: Count | None = Field(
        description="Seconds since the last delivery; null before the first."
    )
    usual_gap_seconds: Count | None = Field(
        description="Seconds within which 99 of 100 deliveries followed the one before; null below 100 deliveries."
    )
    counts: DeliveryCounts = Field(description="Deliveries by what became of them.")
    failures: list[DeliveryFailure] = Field(description="The latest failures, newest first, at most 20.")
    signature: SignatureHealth = Field(description="Strength of its signature.")
    failure_reasons: list[FailureReason] = Field(
        description="Why deliveries were not understood or given up, most frequent first."
    )
    lag: LagHealth = Field(description="How late its deliveries come and are read.")
    silence: SilenceHealth = Field(description="Whether its silence is ordinary.")
    scope: ScopeHealth = Field(description="What its rules leave out.")
    pull: PullAnswer | None = Field(description="How it is pulled; null where it is not.")
    texts_missing: Count = Field(
        description="Records that webhooks told of without text; pulling fetches them."
    )
