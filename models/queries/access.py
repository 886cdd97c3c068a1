"""Who may come in: API keys, users of the console, sign-in links and sessions."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.database import scope
from models.errors import Conflict, Invalid, NotFound
from models.queries import seats
from models.records import ApiKey, ConsoleTicket, User, Workspace
from models.values.ids import Prefix, public_id
from models.values.roles import PEOPLE, SENIOR, Permission, Role, permissions_of

KEY_PREFIX = "ebb_"
SESSION_LIFE = timedelta(days=30)
FIRST_OWNER = "owner@localhost"
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
NAME_LENGTH = 200
LOCK = {"key_share": True}
"""Hold a key or a seat against others who would change it; rows may still come to refer to it."""
NOTED_EVERY = timedelta(hours=1)
"""How exactly the last use of a key is known: one write an hour instead of one for every call."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: a workspace, a role, what it may do here, and a name for the audit log."""

    workspace_id: int
    role: Role
    permissions: frozenset[Permission]
    name: str
    key_id: int | None = None
    user_id: int | None = None
    # The one source that an integration key may deliver to.
    source_id: int | None = None
    # When the key ends; None for keys without an end, and for users.
    expires_at: datetime | None = None

    @property
    def public_id(self) -> str:
        """Return the id under which the audit log knows the caller: names are chosen, and chosen twice."""
        if self.user_id is not None:
            return public_id(Prefix.USER, self.user_id)
        return public_id(Prefix.KEY, self.key_id or 0)

    def may(self, permission: Permission) -> bool:
        """Say whether the caller has a permission."""
        return permission in self.permissions


def digest_of(secret: str) -> str:
    """Hash a key or token of high entropy for storage (SHA-256, hexadecimal)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_key(
    session: Session,
    *,
    workspace: int,
    name: str,
    role: Role,
    now: datetime,
    expires_at: datetime | None = None,
    scopes: Sequence[Permission] | None = None,
    source: int | None = None,
) -> tuple[ApiKey, str]:
    """Add an API key; the text returned beside its row is shown once and cannot be had again.

    `scopes` narrow the role; `source` is the one source that an integration key may deliver to.
    """
    text = KEY_PREFIX + secrets.token_urlsafe(32)
    row = ApiKey(
        workspace_id=workspace,
        name=name,
        role=role,
        scopes=None if scopes is None else sorted({str(scope) for scope in scopes}),
        source_id=source,
        digest=digest_of(text),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return row, text


def scopes_of(row: ApiKey) -> list[Permission] | None:
    """Return the permissions a key is narrowed to; None where it has all of its role's."""
    return None if row.scopes is None else [Permission(scope) for scope in row.scopes]


def is_alive(row: ApiKey, *, now: datetime) -> bool:
    """Say whether a key opens anything at this moment."""
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > now)


def has_admin_key(session: Session, *, workspace: int, now: datetime) -> bool:
    """Say whether a key that is alive can administer the workspace."""
    return any(
        row.role in SENIOR
        and Permission.ADMINISTER in permissions_of(row.role, scopes_of(row))
        and is_alive(row, now=now)
        for row in list_keys(session, workspace=workspace)
    )


def list_keys(session: Session, *, workspace: int) -> list[ApiKey]:
    """List a workspace's keys, newest first."""
    return list(
        session.scalars(select(ApiKey).where(ApiKey.workspace_id == workspace).order_by(ApiKey.id.desc()))
    )


def get_key(session: Session, *, workspace: int, key: int, lock: bool = False) -> ApiKey:
    """Load a key of the workspace; with `lock`, as it is now, and nobody else changes it until the commit."""
    row = session.get(ApiKey, key, with_for_update=LOCK) if lock else session.get(ApiKey, key)
    if row is None or row.workspace_id != workspace:
        raise NotFound(f"There is no key key_{key}.")
    return row


def revoke_key(session: Session, *, workspace: int, key: int, now: datetime) -> ApiKey:
    """End a key's life at once; it stays listed. A key that took its place goes on."""
    row = get_key(session, workspace=workspace, key=key, lock=True)
    row.revoked_at = row.revoked_at or now
    return row


def rotate_key(
    session: Session, *, workspace: int, key: int, now: datetime, overlap: timedelta
) -> tuple[ApiKey, str]:
    """Make a key that takes another's place: same name, role, scopes, source and length of life.

    The old one goes on for `overlap`, so that its holders can change over; never longer than it would have anyway.
    Raise `Conflict` for one that is over, or that another key has replaced already.
    """
    old = get_key(session, workspace=workspace, key=key, lock=True)
    if not is_alive(old, now=now) or old.replaced_by_id is not None:
        raise Conflict(f"key_{key} is over or was rotated already; rotate the key that took its place.")
    row, text = create_key(
        session,
        workspace=workspace,
        name=old.name,
        role=old.role,
        now=now,
        expires_at=next_end(old, now=now),
        scopes=scopes_of(old),
        source=old.source_id,
    )
    old.replaced_by_id = row.id
    until = now + overlap
    old.expires_at = until if old.expires_at is None else min(old.expires_at, until)
    return row, text


def next_end(row: ApiKey, *, now: datetime) -> datetime | None:
    """Return when the key that takes this one's place will end: it lives as long as this one was meant to."""
    return None if row.expires_at is None else now + (row.expires_at - row.created_at)


def find_caller(session: Session, *, key: str, now: datetime) -> tuple[Caller, bool] | None:
    """Find whose API key this is, and whether its last use should be noted anew.

    None for keys that are unknown, revoked or expired.
    """
    row = session.scalar(select(ApiKey).where(ApiKey.digest == digest_of(key)))
    if row is None or not is_alive(row, now=now):
        return None
    permissions = permissions_of(row.role, scopes_of(row))
    caller = Caller(
        row.workspace_id,
        row.role,
        permissions,
        row.name,
        key_id=row.id,
        source_id=row.source_id,
        expires_at=row.expires_at,
    )
    return caller, row.last_used_at is None or row.last_used_at <= now - NOTED_EVERY


def note_use(session: Session, *, key: int, now: datetime) -> None:
    """Write down that a key was used."""
    session.execute(
        update(ApiKey)
        .where(ApiKey.id == key)
        .values(last_used_at=now)
        .execution_options(synchronize_session=False)
    )


def put_user(session: Session, *, workspace: int, email: str, name: str, role: Role, now: datetime) -> User:
    """Give a person a seat, or change the name and role of the seat with this e-mail; a disabled one is enabled.

    Links and sessions end where the seat gains a permission: whoever made or took them was trusted with less.
    Raise `Invalid` for values that no seat can have, `Conflict` where the last owner would be no owner any more.
    """
    _check_seat(email, name, role)
    found = find_user(session, workspace=workspace, email=email, lock=True)
    if found is None:
        return _add_user(session, workspace, email.strip().lower(), name, role, now)
    if role is not Role.OWNER:
        _keep_an_owner(session, user=found, now=now)
    if found.disabled_at is not None or permissions_of(role) - permissions_of(found.role):
        seats.end_tickets(session, workspace=workspace, user=found.id, now=now)
    found.name, found.role, found.disabled_at = name, role, None
    session.flush()
    return found


def _add_user(session: Session, workspace: int, email: str, name: str, role: Role, now: datetime) -> User:
    row = User(workspace_id=workspace, email=email, name=name, role=role, created_at=now)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        # What the caller checked was that nobody has this seat.
        raise Conflict(f"somebody else has just given {email} a seat; try again.", field="email") from error
    return row


def _check_seat(email: str, name: str, role: Role) -> None:
    if not EMAIL.fullmatch(email.strip()):
        raise Invalid(f"{email!r} is no e-mail address; use one such as mira@example.com.", field="email")
    if not 1 <= len(name.strip()) <= NAME_LENGTH:
        raise Invalid(f"the name must have 1 to {NAME_LENGTH} characters.", field="name")
    if role not in PEOPLE:
        raise Invalid(f"a person cannot be {role}; choose one of {', '.join(PEOPLE)}.", field="role")


def find_owner(session: Session, *, workspace: int) -> User | None:
    """Find the oldest seat of an owner that is not disabled."""
    return session.scalar(
        select(User)
        .where(User.workspace_id == workspace, User.role == Role.OWNER, User.disabled_at.is_(None))
        .order_by(User.id)
        .limit(1)
    )


def first_owner(session: Session, *, workspace: int, now: datetime) -> User:
    """Return the seat of whoever set the service up, made at first use: who can run commands here owns it."""
    return find_owner(session, workspace=workspace) or put_user(
        session, workspace=workspace, email=FIRST_OWNER, name="Owner", role=Role.OWNER, now=now
    )


def find_user(session: Session, *, workspace: int, email: str, lock: bool = False) -> User | None:
    """Find a person's seat by e-mail; with `lock`, as it is now, and nobody else changes it until the commit."""
    query = select(User).where(User.workspace_id == workspace, User.email == email.strip().lower())
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalar(query)


def get_user(session: Session, *, workspace: int, user: int, lock: bool = False) -> User:
    """Load a user of the workspace; `lock` as in `find_user`."""
    row = session.get(User, user, with_for_update=LOCK) if lock else session.get(User, user)
    if row is None or row.workspace_id != workspace:
        raise NotFound(f"There is no user usr_{user}.")
    return row


def list_users(session: Session, *, workspace: int) -> list[User]:
    """List a workspace's users, oldest first."""
    return list(session.scalars(select(User).where(User.workspace_id == workspace).order_by(User.id)))


def count_owners(session: Session, *, workspace: int, now: datetime) -> int:
    """Count the users and keys that can still act as an owner: the last one must not be taken away."""
    users = select(func.count()).where(
        User.workspace_id == workspace, User.role == Role.OWNER, User.disabled_at.is_(None)
    )
    keys = [
        row
        for row in list_keys(session, workspace=workspace)
        if row.role is Role.OWNER and row.scopes is None and row.expires_at is None and is_alive(row, now=now)
    ]
    return int(session.scalar(users) or 0) + len(keys)


def check_not_last_owner(session: Session, *, workspace: int, now: datetime) -> None:
    """Raise `Conflict` if only one user or key can act as an owner; it is the caller's turn until its commit."""
    # Two at once must not each take the other for the one that stays. This lock leaves intake alone.
    session.execute(select(Workspace.id).where(Workspace.id == workspace).with_for_update(key_share=True))
    if count_owners(session, workspace=workspace, now=now) <= 1:
        raise Conflict("this is the workspace's last owner; make somebody else an owner first.", field="role")


def _keep_an_owner(session: Session, *, user: User, now: datetime) -> None:
    if user.role is Role.OWNER and user.disabled_at is None:
        check_not_last_owner(session, workspace=user.workspace_id, now=now)


def disable_user(session: Session, *, workspace: int, user: int, now: datetime) -> User:
    """Take a person's seat away: links and sessions end at once; the name stays in the audit log.

    Raise `Conflict` for the last owner.
    """
    row = get_user(session, workspace=workspace, user=user, lock=True)
    _keep_an_owner(session, user=row, now=now)
    row.disabled_at = row.disabled_at or now
    seats.end_tickets(session, workspace=workspace, user=row.id, now=now)
    return row


def create_sign_in(session: Session, *, workspace: int, user: int, now: datetime, minutes: int) -> str:
    """Make a console sign-in link's token for a user, good for one use; raise `Conflict` for a disabled one."""
    row = get_user(session, workspace=workspace, user=user, lock=True)
    if row.disabled_at is not None:
        raise Conflict(f"{row.email} is disabled; add the user again first.", field="user")
    return _create_ticket(session, workspace, user, now, timedelta(minutes=minutes), is_session=False)


def exchange_sign_in(session: Session, *, token: str, now: datetime) -> str | None:
    """Turn an unused sign-in token into a browser session of 30 days; None if it is used, expired or unknown."""
    link = session.execute(
        select(ConsoleTicket.id, ConsoleTicket.workspace_id, ConsoleTicket.user_id).where(
            ConsoleTicket.digest == digest_of(token),
            ConsoleTicket.session.is_(False),
            ConsoleTicket.expires_at > now,
        )
    ).one_or_none()
    if link is None:
        return None
    number, workspace, user = link
    # Work of no workspace may see seats, and hold none.
    scope(session, workspace=workspace)
    if get_user(session, workspace=workspace, user=user, lock=True).disabled_at is not None:
        return None
    used = session.scalar(
        update(ConsoleTicket)
        .where(ConsoleTicket.id == number, ConsoleTicket.used_at.is_(None))
        .values(used_at=now)
        .returning(ConsoleTicket.id)
    )
    if used is None:
        return None
    return _create_ticket(session, workspace, user, now, SESSION_LIFE, is_session=True)


def find_session(session: Session, *, token: str, now: datetime) -> Caller | None:
    """Find whose browser session this is; the role is the one the user has now, not the one at sign-in."""
    user = session.scalar(
        select(User)
        .join(ConsoleTicket, ConsoleTicket.user_id == User.id)
        .where(
            ConsoleTicket.digest == digest_of(token),
            ConsoleTicket.session.is_(True),
            ConsoleTicket.used_at.is_(None),
            ConsoleTicket.expires_at > now,
            User.disabled_at.is_(None),
        )
    )
    if user is None:
        return None
    return Caller(user.workspace_id, user.role, permissions_of(user.role), user.name, user_id=user.id)


def end_session(session: Session, *, token: str, now: datetime) -> None:
    """Sign a browser out."""
    session.execute(
        update(ConsoleTicket)
        .where(
            ConsoleTicket.digest == digest_of(token),
            ConsoleTicket.session.is_(True),
            ConsoleTicket.used_at.is_(None),
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )


def _create_ticket(
    session: Session, workspace: int, user: int, now: datetime, life: timedelta, *, is_session: bool
) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        ConsoleTicket(
            workspace_id=workspace,
            user_id=user,
            digest=digest_of(token),
            session=is_session,
            created_at=now,
            expires_at=now + life,
        )
    )
    session.flush()
    return token
