"""The page of the team's seats: who has one, with what role, and the links that let people in."""

from dataclasses import dataclass
from datetime import date

from models.database import Session
from models.errors import Forbidden, Invalid
from models.queries import access, seats
from models.records import User
from models.values.ids import Prefix, parse_id, public_id
from models.values.roles import PEOPLE, SENIOR, Permission, Role
from service import acts
from service.console.frame import Frame
from service.console.guard import Visit
from service.console.roles_text import ROLE_LABEL, ROLE_MEANING, say_who_may


@dataclass(frozen=True, slots=True)
class SeatRow:
    """A person's seat; last_on: day of the newest sign-in, None before the first; mine: the reader's own.

    may_change: the reader may disable it or make a link for it.
    """

    id: str
    name: str
    email: str
    role: str
    last_on: date | None
    disabled_on: date | None
    mine: bool
    may_change: bool


@dataclass(frozen=True, slots=True)
class SignInLink:
    """A link that was just made for somebody: shown once, never stored."""

    name: str
    url: str
    minutes: int


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """All that the page shows; roles: those the reader may give, as value, label and meaning."""

    rows: tuple[SeatRow, ...]
    roles: tuple[tuple[str, str, str], ...]
    link: SignInLink | None


def read_people(
    session: Session, frame: Frame, visit: Visit, *, link: SignInLink | None = None
) -> PeoplePage:
    """Read the seats, oldest first, those that were taken away last."""
    last = seats.last_sign_ins(session, workspace=frame.workspace)
    users = access.list_users(session, workspace=frame.workspace)
    users.sort(key=lambda user: (user.disabled_at is not None, user.id))
    rows = []
    for user in users:
        at = last.get(user.id)
        rows.append(
            SeatRow(
                id=public_id(Prefix.USER, user.id),
                name=user.name,
                email=user.email,
                role=ROLE_LABEL[user.role],
                last_on=None if at is None else frame.day_of(at),
                disabled_on=None if user.disabled_at is None else frame.day_of(user.disabled_at),
                mine=user.id == visit.caller.user_id,
                may_change=_may_manage(visit, user.role),
            )
        )
    roles = [
        (role.value, ROLE_LABEL[role], ROLE_MEANING[role])
        for role in reversed(PEOPLE)
        if _may_manage(visit, role)
    ]
    return PeoplePage(tuple(rows), tuple(roles), link)


def add_seat(session: Session, visit: Visit, *, email: str, name: str, role: str) -> User:
    """Give a person a seat, or change name and role of theirs; raise `Forbidden` for what only an owner gives."""
    if role not in list(PEOPLE):
        raise Invalid(f"A person cannot be {role!r}; choose one of the roles in the list.", field="role")
    _check_rank(visit, Role(role))
    workspace = visit.caller.workspace_id
    before = access.find_user(session, workspace=workspace, email=email, lock=True)
    if before is not None:
        _check_rank(visit, before.role)
    row = access.put_user(
        session, workspace=workspace, email=email, name=name.strip(), role=Role(role), now=visit.now
    )
    acts.note(
        session,
        visit.caller,
        "user.put",
        public_id(Prefix.USER, row.id),
        now=visit.now,
        detail={"role": role},
    )
    return row


def disable_seat(session: Session, visit: Visit, *, number: str) -> User:
    """Take a person's seat away at once."""
    row = _load(session, visit, number)
    access.disable_user(session, workspace=visit.caller.workspace_id, user=row.id, now=visit.now)
    acts.note(session, visit.caller, "user.disable", public_id(Prefix.USER, row.id), now=visit.now)
    return row


def make_link(session: Session, visit: Visit, *, number: str) -> SignInLink:
    """Make a link that signs a person in once; whoever holds it acts as that person."""
    row = _load(session, visit, number)
    minutes = visit.settings.sign_in_minutes
    token = access.create_sign_in(
        session, workspace=visit.caller.workspace_id, user=row.id, now=visit.now, minutes=minutes
    )
    acts.note(session, visit.caller, "user.sign_in", public_id(Prefix.USER, row.id), now=visit.now)
    return SignInLink(row.name, f"{visit.settings.public_url.rstrip('/')}/sign-in?token={token}", minutes)


def _load(session: Session, visit: Visit, number: str) -> User:
    user = parse_id(Prefix.USER, number)
    row = access.get_user(session, workspace=visit.caller.workspace_id, user=user, lock=True)
    _check_rank(visit, row.role)
    return row


def _may_manage(visit: Visit, role: Role) -> bool:
    return role not in SENIOR or visit.caller.may(Permission.OWN)


def _check_rank(visit: Visit, role: Role) -> None:
    if not _may_manage(visit, role):
        raise Forbidden(say_who_may(Permission.OWN, visit.caller.role))
