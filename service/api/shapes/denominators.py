"""Denominators: how many customers there were, and who they are."""

from pydantic import Field

from service.api.shapes.base import Answer, Count, Day, Key, Moment, Request, Segment, ShortText

MAX_POINTS = 10_000
MAX_ACCOUNTS = 5_000


class ExposurePoint(Request):
    """How many customers could have complained on one day."""

    day: Day = Field(description="Calendar day in the workspace's time zone.")
    segment: Segment = Field(default="all", description="A plan or account segment; `all` for everybody.")
    value: float = Field(ge=0, allow_inf_nan=False, description="Customers exposed that day: customer-days.")


class ExposurePut(Request):
    """Days to write; a day and segment written again is replaced."""

    points: list[ExposurePoint] = Field(
        min_length=1, max_length=MAX_POINTS, description="At most 10 000 days and segments per call."
    )


class ExposureWritten(Answer):
    """What was written."""

    series: str = Field(description="Name of the series, such as active_accounts.")
    written: Count = Field(description="Days and segments written.")
    first_day: Day = Field(description="Earliest day written.")
    last_day: Day = Field(description="Latest day written.")


class AccountPut(Request):
    """One account; what is null stays as it was stored."""

    key: Key = Field(description="The account's id in your systems: the `account_id` of feedback.")
    name: ShortText | None = Field(default=None, description="Name, 1 to 200 characters.")
    plan: ShortText | None = Field(default=None, description="Plan, such as business.")
    segment: Segment | None = Field(default=None, description="Segment that verdicts may be cut by.")
    arr_usd: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="Annual recurring revenue in US dollars."
    )
    created_at: Moment | None = Field(default=None, description="When it became a customer.")


class AccountsPut(Request):
    """Accounts to write by key."""

    accounts: list[AccountPut] = Field(
        min_length=1, max_length=MAX_ACCOUNTS, description="At most 5 000 accounts per call."
    )


class AccountsWritten(Answer):
    """What was written."""

    written: Count = Field(description="Accounts written.")
