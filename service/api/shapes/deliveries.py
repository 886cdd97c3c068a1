"""Deliveries: what a source sent, what became of it, and reading it again."""

from pydantic import Field

from models.values.deliveries import DeliveryOutcome
from service.api.shapes.base import (
    Answer,
    Count,
    DeliveryId,
    ItemId,
    Moment,
    Paging,
    Request,
    SourceId,
)


class DeliveriesQuery(Paging):
    """Which deliveries to list."""

    source: SourceId | None = Field(default=None, description="Of this source only.")
    state: DeliveryOutcome | None = Field(
        default=None,
        description="open, parsed, ignored, invalid (not understood) or dead (reading it failed every time).",
    )


class DeliveryAnswer(Answer):
    """One delivery as it stands."""

    id: DeliveryId = Field(description="Public id.")
    source: SourceId = Field(description="The source that sent it.")
    key: str = Field(description="What makes a second copy of it the same delivery.")
    received_at: Moment = Field(description="When it was accepted.")
    state: DeliveryOutcome = Field(description="open, parsed, ignored, invalid or dead.")
    reason: str | None = Field(description="What is wrong with it and what helps; null where nothing is.")
    attempts: Count = Field(description="How often it was read or tried to.")
    next_attempt_at: Moment | None = Field(description="When it is read next; null where it does not wait.")


class DeliveryDetail(DeliveryAnswer):
    """One delivery with what was sent."""

    headers: dict[str, str] = Field(
        description="The headers that were kept, never those that hold a secret; X-Ebb-Proof is our own note of the "
        "scheme that proved the call."
    )
    body: str | None = Field(
        description="What was sent, with U+FFFD for bytes that are no UTF-8; null for all who do not `administer`."
    )
    body_bytes: Count = Field(description="Length of the body in bytes.")
    items: list[ItemId] = Field(description="Items of the records that it speaks of, at most 200.")


class DeliveriesReplay(Request):
    """Which deliveries to read again."""

    source: SourceId | None = Field(default=None, description="Of this source only.")
    state: DeliveryOutcome = Field(description="invalid or dead.")


class DeliveriesReplayed(Answer):
    """What is read again."""

    replayed: Count = Field(description="Deliveries that wait to be read again.")
