"""Pulling: how a source is pulled from its vendor's API, how far that came, and what the vendor counts."""

from pydantic import Field

from models.sealing import Seal
from service.api.shapes.base import Answer, Count, Day, Moment, Request, Share, ShortText, SourceId


class PullPut(Request):
    """How to pull a source; one of subdomain, region and repository says where, as its kind has it."""

    subdomain: ShortText | None = Field(default=None, description="Zendesk: the part before .zendesk.com.")
    region: ShortText | None = Field(default=None, description="Intercom: us, eu or au.")
    repository: ShortText | None = Field(default=None, description="GitHub: owner/name.")
    account: str | None = Field(
        default=None,
        min_length=1,
        max_length=320,
        description="Zendesk: the agent's e-mail that an API token belongs to; null for an OAuth token.",
    )
    token: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        pattern=r"^[\x21-\x7e]+$",
        description="The vendor's API token, stored and never told again; null keeps the one that is set.",
    )
    interval_s: int = Field(
        default=300, ge=60, le=86_400, description="Seconds between two turns once it is caught up."
    )
    months: int | None = Field(
        default=None,
        ge=0,
        le=120,
        description="Months of history to fetch first; null: EBB_PULL_MONTHS, or what was fetched before.",
    )
    base_url: str | None = Field(
        default=None,
        min_length=1,
        max_length=300,
        description="The API's address where it is not the public one; one of EBB_PULL_BASES.",
    )


class DayCount(Answer):
    """One day's records, by creation in UTC: theirs and ours."""

    day: Day = Field(description="The day, in UTC.")
    theirs: Count = Field(description="Records the vendor counts.")
    ours: Count = Field(description="Of these and others: records that we have and that are not deleted.")
    fetched: Count = Field(description="Records that were missing and were fetched when it was compared.")
    checked_at: Moment = Field(description="When it was compared.")
    text: str = Field(description="The same in words, such as 412 = 412.")


class Reconciliation(Answer):
    """Our records of each day against the vendor's own count."""

    days: Count = Field(description="Days that were compared.")
    differing: Count = Field(description="Of these: days on which the counts differ.")
    theirs: Count = Field(description="Records of these days that the vendor counts.")
    ours: Count = Field(description="Records of these days that we have.")
    fetched: Count = Field(description="Records that were missing and were fetched.")
    latest: list[DayCount] = Field(
        description="The newest days, and all that differ, at most 60; newest first."
    )


class PullAnswer(Answer):
    """How a source is pulled and how far that came; its token is never told."""

    id: SourceId = Field(description="Public id of the source.")
    place: str = Field(description="Subdomain, region or repository.")
    account: str | None = Field(description="Whose token it is, where the vendor asks for it.")
    token_set: bool = Field(description="Whether a token is stored.")
    token_seal: Seal = Field(
        description="How the token stands at rest: plain, sealed, outdated (sealed with an older key that is still "
        "set) or unreadable (with one that is not set: nothing is pulled)."
    )
    base_url: str | None = Field(description="The API's address where it is not the public one.")
    interval_s: Count = Field(description="Seconds between two turns once it is caught up.")
    covered_from: Moment = Field(description="Changes from here on are fetched.")
    covered_until: Moment | None = Field(description="Changes up to here are fetched; null before the first.")
    covered_share: Share = Field(description="Share of the time from `covered_from` to now that is covered.")
    caught_up_at: Moment | None = Field(description="When the end of what the vendor had was last reached.")
    last_pulled_at: Moment | None = Field(description="When the vendor last answered.")
    next_pull_at: Moment | None = Field(description="When it is asked again; null where it is stopped.")
    records: Count = Field(description="Versions of records that were stored.")
    failures: Count = Field(description="Turns that failed since the last that went well.")
    stopped: bool = Field(description="Whether the vendor refused us: nothing is asked until it is set anew.")
    error: str | None = Field(description="What went wrong last, and how to mend it; null where all is well.")
    texts_missing: Count = Field(description="Records that webhooks told of without text, not fetched yet.")
    reconciliation: Reconciliation | None = Field(description="Null before the first day was compared.")
