"""Keys, the audit log, erasures, export, the state of the service, and problems."""

from typing import Literal

from pydantic import Field, model_validator

from models.values.roles import Permission, Role
from service.api.shapes.base import (
    Answer,
    AuditId,
    Count,
    ErasureId,
    Finite,
    Hash,
    KeyId,
    Moment,
    Paging,
    Request,
    ShortText,
    SourceId,
)


class KeyCreate(Request):
    """Make an API key."""

    name: ShortText = Field(description="Who or what uses it; 1 to 200 characters. The audit log names it.")
    role: Role = Field(
        default=Role.MEMBER, description="What its holder may do: docs/roles.md has the table."
    )
    scopes: list[Permission] | None = Field(
        default=None,
        min_length=1,
        max_length=len(Permission),
        description="Permissions that narrow the role's; null: all of the role's.",
    )
    source: SourceId | None = Field(
        default=None,
        description="The one source that a key of the role integration may deliver to; null: every source.",
    )
    expires_at: Moment | None = Field(
        default=None, description="When it stops working, ahead of now; null: when it is revoked."
    )


class KeyRotate(Request):
    """Let a new key take this one's place."""

    overlap_hours: int = Field(
        default=24, ge=0, le=168, description="Hours for which the old key goes on, 0 to 168."
    )


class KeyAnswer(Answer):
    """A key, without the key itself."""

    id: KeyId = Field(description="Public id.")
    name: str = Field(description="Who or what uses it.")
    role: Role = Field(description="What its holder may do.")
    scopes: list[Permission] | None = Field(
        description="Permissions that narrow the role's; null: all of them."
    )
    source: SourceId | None = Field(description="The one source it may deliver to; null: every one it may.")
    created_at: Moment = Field(description="When it was made.")
    last_used_at: Moment | None = Field(description="When it was last used, to the hour; null: never.")
    expires_at: Moment | None = Field(description="When it stops working.")
    revoked_at: Moment | None = Field(description="When it was revoked.")
    replaced_by: KeyId | None = Field(
        description="The key that took its place; null while it was not rotated."
    )


class KeyCreated(KeyAnswer):
    """The one answer that holds the key."""

    key: str = Field(min_length=32, description="The key; it is told once and stored as a digest.")


class AuditEntry(Answer):
    """Who did what; the log only grows."""

    id: AuditId = Field(description="Public id.")
    at: Moment = Field(description="When.")
    actor: str = Field(description="The name of the key or person.")
    action: str = Field(description="What was done, such as theme.merge.")
    subject: str = Field(description="To what: a public id.")
    detail: dict[str, str | int | float | bool | list[str] | None] = Field(
        description="Values that matter to the act; never a customer's text."
    )


class AuditQuery(Paging):
    """Filters of the log, newest first."""

    actor: ShortText | None = Field(default=None, description="Only acts of this actor.")
    subject: ShortText | None = Field(default=None, description="Only acts on this id.")
    since: Moment | None = Field(default=None, description="Done at or after this moment.")
    until: Moment | None = Field(default=None, description="Done before this moment.")


class ErasureCreate(Request):
    """Erase a person: by the vendor's customer id at a source, or by e-mail address."""

    customer_id: ShortText | None = Field(
        default=None, description="The customer's id at the source; or an address."
    )
    source: SourceId | None = Field(
        default=None, description="The source that knows the id; null: every source."
    )
    email: str | None = Field(
        default=None, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$", description="Address; or a customer id."
    )
    dry_run: bool = Field(default=False, description="Only count what would go.")

    @model_validator(mode="after")
    def _names_somebody(self) -> "ErasureCreate":
        if (self.customer_id is None) == (self.email is None):
            raise ValueError("name a customer_id or an email, not both")
        return self


class ErasureAnswer(Answer):
    """The receipt: what went, and that no number changed."""

    id: ErasureId | None = Field(description="Public id of the receipt; null for a dry run.")
    at: Moment = Field(description="When it was done.")
    asked_by: str = Field(description="The name of the key or person that asked for it.")
    persons: Count = Field(description="Persons erased: 1, or more where several stand behind one name.")
    digests: list[Hash] = Field(
        description="Keyed hashes of the person: the same address or customer id has the same in this workspace."
    )
    items: Count = Field(description="Items whose text went.")
    vectors: Count = Field(description="Vectors that went.")
    quotes: Count = Field(description="Quotes that went.")
    deliveries: Count = Field(description="Raw deliveries that went.")
    labels: Count = Field(
        description="Themes whose label or keywords lost a word that only this person said."
    )
    left: Count = Field(
        description="Rows that still held words of the person when looked for afterwards; more than 0 is our fault."
    )
    reports_unchanged: bool = Field(description="Whether the daily counts, computed anew, are those before.")
    files_cleaned: bool | None = Field(
        description="Whether the database's files were cleaned of what was deleted, told by the answer to the "
        "request alone; false: docs/privacy.md says what is left to do.",
    )
    receipt_hash: Hash = Field(description="SHA-256 of this receipt's other fields.")


class ExportQuery(Request):
    """What to export: everything, or what changed since a moment."""

    since: Moment | None = Field(default=None, description="Only what was written at or after this moment.")


class ExportLine(Answer):
    """One line of the export, which is JSON Lines (application/x-ndjson)."""

    kind: str = Field(description="Which table, such as feedback_item.")
    record: dict[str, object] = Field(description="The row as the API shows it.")


class Health(Answer):
    """The process answers; needs no key, no database and no model."""

    status: Literal["ok"] = Field(description="Always ok.")


class Readiness(Answer):
    """The database answers and work gets done."""

    status: Literal["ready", "behind", "down"] = Field(
        description="behind (work waits too long) and down (the database does not answer) go with status 503."
    )
    database: Literal["ok", "down"] = Field(description="Whether the database answered within two seconds.")
    oldest_work_s: Finite | None = Field(
        description="Age of the oldest unfinished due work in seconds; null while the database is down."
    )
    oldest_work_s_by_stage: dict[str, Finite] = Field(
        description="The same for each stage that has due work."
    )
    dead_work: Count | None = Field(
        description="Pieces of work that failed for good and wait for a person; null while the database is down."
    )
    workers: dict[str, Finite] = Field(
        description="Seconds since a worker of each kind was last seen; only kinds that were seen this week."
    )
    reasons: list[str] = Field(description="Why it is not ready, in words; empty when it is.")


class Problem(Answer):
    """What is wrong and how to mend it (RFC 9457, application/problem+json)."""

    type: str = Field(default="about:blank", description="Address that names the kind of problem.")
    title: str = Field(description="The status in words.")
    status: int = Field(ge=400, le=599, description="HTTP status.")
    detail: str = Field(description="What is wrong with this request, and how to mend it.")
    field: str | None = Field(default=None, description="Field, parameter or header that it is about.")
    request_id: str | None = Field(
        default=None, description="Id of the request, under which the log tells of it."
    )
