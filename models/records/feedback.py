"""People, accounts, and what customers said."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import EnumText, InWorkspace, JsonObject, Record, UtcDateTime
from models.values.feedback import AuthorRole, Turn
from models.values.kinds import Kind


class Person(InWorkspace, Record):
    """A customer, one across sources; who it is stands nowhere but in keyed hashes (`PersonIdentity`)."""

    __tablename__ = "person"

    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PersonIdentity(InWorkspace, Record):
    """One address or vendor's id of a person, as a hash under the workspace's key."""

    __tablename__ = "person_identity"
    __table_args__ = (UniqueConstraint("workspace_id", "digest"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TicketState(InWorkspace, Record):
    """What is known of a ticket beside its messages, also before the first of them came.

    Every fact carries the vendor's clock of the change that said it, so that changes may arrive in any order.
    """

    __tablename__ = "ticket_state"
    __table_args__ = (
        UniqueConstraint("source_id", "external_id"),
        Index("ix_ticket_state_merged_into", "source_id", "merged_into"),
    )

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(300))
    # Attribute name -> [value, moment]; never any text of a customer's.
    attributes: Mapped[JsonObject] = mapped_column(JSON, default=dict)
    # The ticket that this one became part of, as the vendor names it; "" where the vendor did not name it.
    merged_into: Mapped[str | None] = mapped_column(String(300))
    # Of the newest merge, or of the newest restoration, which ends a merge.
    merged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Whether others were ever merged into this one: most tickets need not be asked about.
    is_survivor: Mapped[bool] = mapped_column(default=False)
    restored_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Vote(InWorkspace, Record):
    """A further person who stands behind a ticket without a word of their own; kept, not counted."""

    __tablename__ = "vote"
    __table_args__ = (UniqueConstraint("source_id", "external_id", "person_id"),)

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(300))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    voted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Account(InWorkspace, Record):
    """A paying customer organisation."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("workspace_id", "key"),)

    key: Mapped[str] = mapped_column(String(200))
    name: Mapped[str | None] = mapped_column(String(300))
    plan: Mapped[str | None] = mapped_column(String(200))
    segment: Mapped[str | None] = mapped_column(String(100))
    arr_usd: Mapped[float | None]
    created_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FeedbackItem(InWorkspace, Record):
    """One message, cleaned and redacted; staff replies make no item."""

    __tablename__ = "feedback_item"
    __table_args__ = (
        UniqueConstraint("source_id", "external_id", "message_id"),
        Index("ix_feedback_item_ticket_day", "workspace_id", "ticket_created_at"),
        Index("ix_feedback_item_kind_version", "workspace_id", "kind_version"),
    )

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(300))
    message_id: Mapped[str] = mapped_column(String(300))
    # Grows by one whenever the text changes; an old version's work finds nothing to do.
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ticket_created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # The vendor's clock of the newest change applied: older changes that arrive later are not applied.
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str | None] = mapped_column(String(32))
    subject: Mapped[str | None] = mapped_column(String(1000))
    text: Mapped[str] = mapped_column(Text)
    removed: Mapped[list[JsonObject]] = mapped_column(JSON, default=list)
    # Which rules cut and redacted the text; None: older ones than those that were written down.
    text_version: Mapped[str | None] = mapped_column(String(64))
    author_role: Mapped[AuthorRole] = mapped_column(EnumText(AuthorRole))
    # Staff wrote it down for a customer: a phone note, a post in a team's channel.
    reported_by_agent: Mapped[bool] = mapped_column(default=False)
    kind: Mapped[Kind | None] = mapped_column(EnumText(Kind))
    kind_why: Mapped[str | None] = mapped_column(String(300))
    # Which classifier decided the kind; verdicts do not compare items of one with items of another.
    kind_version: Mapped[str | None] = mapped_column(String(32))
    counted: Mapped[bool] = mapped_column(default=False)
    # Deleted or redacted by the vendor: text and vector are gone, the row stays so that nothing revives it.
    withdrawn: Mapped[bool] = mapped_column(default=False)
    # Withdrawn by itself and not with its whole record: a record that is restored does not bring it back.
    withdrawn_alone: Mapped[bool] = mapped_column(default=False)
    # The vendor's clock of the newest deletion by itself, while that holds; a redaction has none: nothing undoes it.
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The vendor's clock of the newest restoration by itself: a deletion of before it changes nothing.
    restored_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Whether it opens its ticket, is the first word of a further person in it, or follows up.
    turn: Mapped[Turn] = mapped_column(EnumText(Turn), default=Turn.OPENS)
    # The ticket that counts in place of this one's since they were merged; null where this one counts.
    merged_into: Mapped[str | None] = mapped_column(String(300))
    # When its person was erased: text and vector are gone, the row still counts, and nothing fills it again.
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    # The vendor's clock of the newest change that said whose message it is; None: as old as the text.
    person_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    account_key: Mapped[str | None] = mapped_column(String(200))
    plan: Mapped[str | None] = mapped_column(String(100))
    product_area: Mapped[str | None] = mapped_column(String(200))
    channel: Mapped[str | None] = mapped_column(String(64))
    tags: Mapped[list[str] | None] = mapped_column(JSON)
    rating: Mapped[JsonObject | None] = mapped_column(JSON)
    language: Mapped[str] = mapped_column(String(8))
    # What rules of scope ask of a record besides; the customer's e-mail domain only as a keyed hash.
    brand: Mapped[str | None] = mapped_column(String(200))
    group: Mapped[str | None] = mapped_column(String(200))
    form: Mapped[str | None] = mapped_column(String(200))
    spam: Mapped[bool | None]
    domain_digest: Mapped[str | None] = mapped_column(String(64))
    # The rule that leaves it out (kept, not themed, not counted); None: it is in scope.
    excluded_by: Mapped[str | None] = mapped_column(String(100))
    # Revision of its source's rules under which that was decided; None: before there were any.
    rules_revision: Mapped[int | None]


class Embedding(Record):
    """An item's vector under one encoder, as float16 bytes of a unit vector."""

    __tablename__ = "embedding"

    item_id: Mapped[int] = mapped_column(ForeignKey("feedback_item.id", ondelete="CASCADE"), primary_key=True)
    encoder_id: Mapped[int] = mapped_column(ForeignKey("encoder.id"), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), index=True)
    item_version: Mapped[int]
    vector: Mapped[bytes] = mapped_column(LargeBinary)
