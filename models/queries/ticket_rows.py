"""One ticket with all rows of its messages, deleted ones too: what a change of it is decided by."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from models.queries import ticket_states
from models.queries.within import within
from models.records import Embedding, FeedbackItem, JsonObject, ThemeQuote, TicketState
from models.values.feedback import TOMBSTONE

DOUBT: list[JsonObject] = [{"kind": "redaction"}]
"""In `removed` of a row that remembers the redaction of a message we did not know."""


@dataclass(slots=True)
class TicketRows:
    """A ticket while it is written: what is known of it, whether it was deleted as a whole, its messages."""

    state: TicketState
    tombstone: FeedbackItem | None
    messages: list[FeedbackItem]

    @property
    def standing(self) -> list[FeedbackItem]:
        """The messages whose text stands."""
        return [item for item in self.messages if not item.withdrawn and item.erased_at is None]

    @property
    def is_closed(self) -> bool:
        """Whether a person behind the ticket was erased, so that nothing more is written about it."""
        return self.tombstone is not None and self.tombstone.erased_at is not None

    def find(self, message_id: str) -> FeedbackItem | None:
        """Find a message by the vendor's id."""
        return next((item for item in self.messages if item.message_id == message_id), None)

    def is_opener_doubted(self) -> bool:
        """Say whether a redaction may mean the opening text: of a message that never came under the id it named."""
        opener_id = ticket_states.value_of(self.state, "opener_id")
        return any(
            item.removed == DOUBT and item.version == 1 and opener_id in (None, item.message_id)
            for item in self.messages
        )


def load(session: Session, *, workspace: int, source: int, external_id: str) -> TicketRows:
    """Load a ticket, and keep other workers from changing it before this transaction ends."""
    state = ticket_states.ensure(session, workspace=workspace, source=source, external_id=external_id)
    rows = list(session.scalars(select(FeedbackItem).where(*named(workspace, source, external_id))))
    tombstone = next((row for row in rows if row.message_id == TOMBSTONE), None)
    return TicketRows(state, tombstone, [row for row in rows if row is not tombstone])


def named(workspace: int, source: int, external_id: str) -> tuple[ColumnElement[bool], ...]:
    """Build the conditions "a row of this record", deleted or not."""
    return (
        within(FeedbackItem, workspace),
        FeedbackItem.source_id == source,
        FeedbackItem.external_id == external_id,
    )


def drop_made(
    session: Session, *, workspace: int, item: int, tables: Sequence[type[Embedding | ThemeQuote]]
) -> None:
    """Remove what was made from an item's text."""
    for table in tables:
        session.execute(delete(table).where(table.item_id == item, within(table, workspace)))
