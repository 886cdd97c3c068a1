"""Accounts: the companies that customers belong to."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.records import Account


def put_account(
    session: Session,
    *,
    workspace: int,
    key: str,
    name: str | None,
    plan: str | None,
    segment: str | None,
    arr_usd: float | None,
    created_at: datetime | None,
) -> Account:
    """Add an account, or bring it up to date; what is None stays as it is stored."""
    account = session.scalar(
        select(Account).where(Account.workspace_id == workspace, Account.key == key)
    ) or Account(workspace_id=workspace, key=key)
    told = {"name": name, "plan": plan, "segment": segment, "arr_usd": arr_usd, "created_at": created_at}
    for column, value in told.items():
        if value is not None:
            setattr(account, column, value)
    session.add(account)
    session.flush()
    return account


def list_accounts(session: Session, *, workspace: int, after: int, limit: int) -> list[Account]:
    """List accounts in order of id, those after `after`."""
    return list(
        session.scalars(
            select(Account)
            .where(Account.workspace_id == workspace, Account.id > after)
            .order_by(Account.id)
            .limit(limit)
        )
    )
