"""Sign-in links and browser sessions: good once, for their time, with the role their user has now."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models.database import Database
from models.errors import Conflict
from models.queries import access
from models.queries.access import Caller
from models.records import ConsoleTicket, User
from models.values.roles import GRANTS, Role
from tests import factories
from tests.clock import NOON
from tests.locks import behind

LATER = NOON + timedelta(hours=1)


def put(database: Database, workspace: int, role: Role, *, name: str = "Mira") -> int:
    with database.write(workspace=workspace) as session:
        return access.put_user(
            session, workspace=workspace, email="mira@example.com", name=name, role=role, now=NOON
        ).id


def signed_in(database: Database, workspace: int, user: int) -> str:
    """Make a link and follow it, as the command line and the console do; return the session's token."""
    with database.write(workspace=workspace) as session:
        token = access.create_sign_in(session, workspace=workspace, user=user, now=NOON, minutes=60)
    with database.write(workspace=None) as session:
        granted = access.exchange_sign_in(session, token=token, now=NOON)
    assert granted
    return granted


def visitor(database: Database, token: str, *, now: datetime = NOON) -> Caller | None:
    with database.read(workspace=None) as session:
        return access.find_session(session, token=token, now=now)


def test_a_sign_in_link_works_once_and_for_its_time(
    database: Database, programs: Database, workspace: int
) -> None:
    user = factories.user(database, workspace, role=Role.MEMBER)
    with programs.write(workspace=workspace) as session:
        token, late = (
            access.create_sign_in(session, workspace=workspace, user=user, now=NOON, minutes=60)
            for _ in range(2)
        )
    with programs.write(workspace=None) as session:
        assert access.exchange_sign_in(session, token=late, now=LATER) is None
        browser = access.exchange_sign_in(session, token=token, now=NOON)
        assert browser is not None
        assert access.exchange_sign_in(session, token=token, now=NOON) is None
        assert access.exchange_sign_in(session, token=browser, now=NOON) is None
    assert visitor(programs, token) is None
    assert visitor(programs, browser) == Caller(
        workspace, Role.MEMBER, GRANTS[Role.MEMBER], "member of tests", user_id=user
    )
    assert visitor(programs, browser, now=NOON + access.SESSION_LIFE) is None
    with database.read(workspace=workspace) as session:
        digests = session.scalars(select(ConsoleTicket.digest)).all()
    assert not {token, late, browser} & set(digests)


def test_a_session_has_the_role_of_this_moment(
    database: Database, programs: Database, workspace: int
) -> None:
    factories.key(database, workspace)
    user = put(database, workspace, Role.OWNER)
    token = signed_in(programs, workspace, user)
    put(database, workspace, Role.AGGREGATE_ONLY, name="Mira K.")
    found = visitor(programs, token)
    assert found
    assert (found.role, found.name) == (Role.AGGREGATE_ONLY, "Mira K.")
    assert found.permissions == GRANTS[Role.AGGREGATE_ONLY]


def links_and_sessions(programs: Database, workspace: int, user: int) -> tuple[str, str]:
    """Return the token of an unused link and of a running session."""
    browser = signed_in(programs, workspace, user)
    with programs.write(workspace=workspace) as session:
        return access.create_sign_in(session, workspace=workspace, user=user, now=NOON, minutes=60), browser


def exchanged(programs: Database, link: str) -> str | None:
    with programs.write(workspace=None) as session:
        return access.exchange_sign_in(session, token=link, now=NOON)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Role.VIEWER, Role.OWNER),
        (Role.ADMIN, Role.OWNER),
        (Role.AGGREGATE_ONLY, Role.VIEWER),
    ],
)
def test_whoever_holds_a_link_or_session_does_not_rise_with_the_seat(
    database: Database, programs: Database, workspace: int, before: Role, after: Role
) -> None:
    user = put(programs, workspace, before)
    other = factories.user(database, workspace)
    kept = signed_in(programs, workspace, other)
    link, browser = links_and_sessions(programs, workspace, user)
    assert put(programs, workspace, after) == user
    assert visitor(programs, browser) is None
    assert exchanged(programs, link) is None
    assert visitor(programs, kept) is not None  # nobody else is signed out
    anew = visitor(programs, signed_in(programs, workspace, user))
    assert anew
    assert anew.role is after


def test_a_seat_that_does_not_rise_keeps_its_links_and_sessions(
    database: Database, programs: Database, workspace: int
) -> None:
    factories.key(database, workspace)
    user = put(programs, workspace, Role.OWNER)
    link, browser = links_and_sessions(programs, workspace, user)
    for role in (Role.OWNER, Role.ADMIN, Role.VIEWER):
        put(programs, workspace, role, name=f"Mira, {role}")
        found = visitor(programs, browser)
        assert found
        assert found.role is role
    assert exchanged(programs, link) is not None


def test_a_seat_that_is_enabled_again_brings_nothing_back(
    database: Database, programs: Database, workspace: int
) -> None:
    user = put(programs, workspace, Role.VIEWER)
    link, browser = links_and_sessions(programs, workspace, user)
    with database.write(workspace=workspace) as session:
        session.get_one(User, user).disabled_at = NOON  # by hand: nothing was ended with it
    assert visitor(programs, browser) is None
    assert exchanged(programs, link) is None
    put(programs, workspace, Role.VIEWER)
    assert visitor(programs, browser) is None
    assert exchanged(programs, link) is None


@pytest.mark.parametrize("change", ["rise", "disable"])
def test_a_link_that_is_exchanged_meanwhile_does_not_outlive_the_change(
    postgres: Database, postgres_programs: Database, change: str
) -> None:
    workspace = factories.workspace(postgres)
    user = put(postgres, workspace, Role.VIEWER)
    with postgres.write(workspace=workspace) as session:
        link = access.create_sign_in(session, workspace=workspace, user=user, now=NOON, minutes=60)

    def act() -> None:
        if change == "rise":
            put(postgres_programs, workspace, Role.OWNER)
            return
        with postgres_programs.write(workspace=workspace) as session:
            access.disable_user(session, workspace=workspace, user=user, now=NOON)

    with behind(act, postgres) as start, postgres_programs.write(workspace=None) as session:
        browser = access.exchange_sign_in(session, token=link, now=NOON)
        assert browser
        start()
    put(postgres, workspace, Role.OWNER if change == "rise" else Role.VIEWER)
    assert visitor(postgres, browser) is None


def test_a_link_is_not_exchanged_while_its_seat_rises(
    postgres: Database, postgres_programs: Database
) -> None:
    workspace = factories.workspace(postgres)
    user = put(postgres, workspace, Role.VIEWER)
    with postgres.write(workspace=workspace) as session:
        link = access.create_sign_in(session, workspace=workspace, user=user, now=NOON, minutes=60)
    got: list[str | None] = []
    with (
        behind(lambda: got.append(exchanged(postgres_programs, link)), postgres) as start,
        postgres_programs.write(workspace=workspace) as session,
    ):
        access.put_user(
            session, workspace=workspace, email="mira@example.com", name="M", role=Role.OWNER, now=NOON
        )
        start()
    assert got == [None]


def test_disabling_ends_links_and_sessions_for_good(
    database: Database, programs: Database, workspace: int
) -> None:
    user = put(database, workspace, Role.VIEWER)
    token = signed_in(programs, workspace, user)
    with programs.write(workspace=workspace) as session:
        link = access.create_sign_in(session, workspace=workspace, user=user, now=NOON, minutes=60)
        access.disable_user(session, workspace=workspace, user=user, now=NOON)
    for step in range(2):
        assert visitor(programs, token) is None
        with programs.write(workspace=None) as session:
            assert access.exchange_sign_in(session, token=link, now=NOON) is None
        if step == 0:
            with programs.write(workspace=workspace) as session, pytest.raises(Conflict, match="disabled"):
                access.create_sign_in(session, workspace=workspace, user=user, now=NOON, minutes=60)
            # Whoever comes back signs in anew.
            put(database, workspace, Role.VIEWER)


def test_signing_out_ends_this_browsers_session_alone(
    database: Database, programs: Database, workspace: int
) -> None:
    user = factories.user(database, workspace)
    one, two = (signed_in(programs, workspace, user) for _ in range(2))
    with programs.write(workspace=workspace) as session:
        access.end_session(session, token=one, now=NOON)
        access.end_session(session, token="unknown", now=NOON)
    assert visitor(programs, one) is None
    assert visitor(programs, two) is not None
