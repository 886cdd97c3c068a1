"""Seats: one for an e-mail, and always somebody who owns."""

import threading
from datetime import timedelta

import pytest

from models.database import Database
from models.errors import Conflict, Invalid
from models.queries import access
from models.records import User
from models.values.roles import PEOPLE, Permission, Role
from tests import factories
from tests.clock import NOON
from tests.factories import seat

HOUR = timedelta(hours=1)
LATER = NOON + HOUR


def test_an_email_has_one_seat_in_a_workspace(database: Database, workspace: int) -> None:
    other = factories.workspace(database)
    first = seat(database, workspace, "Mira@Example.com", Role.VIEWER)
    assert seat(database, workspace, " mira@example.COM", Role.CURATOR, name="Mira K.") == first
    assert seat(database, other, "mira@example.com", Role.OWNER) != first
    with database.write(workspace=workspace) as session:
        row = access.find_user(session, workspace=workspace, email="MIRA@example.com")
        assert row
        assert (row.email, row.name, row.role) == ("mira@example.com", "Mira K.", Role.CURATOR)
        access.disable_user(session, workspace=workspace, user=first, now=NOON)
    seat(database, workspace, "mira@example.com", Role.MEMBER)
    with database.read(workspace=workspace) as session:
        assert session.get_one(User, first).disabled_at is None
        assert [row.id for row in access.list_users(session, workspace=workspace)] == [first]


@pytest.mark.parametrize(
    ("field", "chosen"),
    [
        ("email", {"email": "mira"}),
        ("email", {"email": "mira @example.com"}),
        ("email", {"email": "@example.com"}),
        ("email", {"email": f"mira@{'x' * 300}"}),
        ("email", {"email": "a@b@c"}),
        ("name", {"name": " "}),
        ("name", {"name": "x" * 201}),
        ("role", {"role": Role.INTEGRATION}),
    ],
)
def test_a_seat_that_cannot_be_is_refused(
    database: Database, workspace: int, field: str, chosen: dict[str, object]
) -> None:
    given = {"email": "mira@example.com", "name": "Mira", "role": Role.VIEWER, **chosen}
    with database.write(workspace=workspace) as session, pytest.raises(Invalid) as caught:
        access.put_user(session, workspace=workspace, now=NOON, **given)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_the_first_owner_is_made_once_and_is_whoever_owns(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        made = access.first_owner(session, workspace=workspace, now=NOON)
        assert (made.email, made.role) == (access.FIRST_OWNER, Role.OWNER)
        assert access.first_owner(session, workspace=workspace, now=LATER).id == made.id
        owner = access.find_owner(session, workspace=workspace)
        assert owner is made
    real = seat(database, workspace, "mira@example.com", Role.OWNER)
    with database.write(workspace=workspace) as session:
        access.disable_user(session, workspace=workspace, user=made.id, now=NOON)
        assert access.first_owner(session, workspace=workspace, now=NOON).id == real
        assert len(access.list_users(session, workspace=workspace)) == 2


# --- the last owner -----------------------------------------------------------------------------------------


def test_the_last_owner_can_be_neither_disabled_nor_demoted(database: Database, workspace: int) -> None:
    owner = seat(database, workspace, "mira@example.com", Role.OWNER)
    seat(database, workspace, "sam@example.com", Role.ADMIN)
    # None of these can act as an owner tomorrow.
    with database.write(workspace=workspace) as session:
        for more in ({"expires_at": LATER}, {"scopes": [Permission.OWN]}):
            access.create_key(session, workspace=workspace, name="k", role=Role.OWNER, now=NOON, **more)
        access.create_key(session, workspace=workspace, name="k", role=Role.OWNER, now=NOON)
        access.revoke_key(session, workspace=workspace, key=3, now=NOON)
    with pytest.raises(Conflict, match="last owner"), database.write(workspace=workspace) as session:
        access.disable_user(session, workspace=workspace, user=owner, now=NOON)
    for role in set(PEOPLE) - {Role.OWNER}:
        with pytest.raises(Conflict, match="last owner"):
            seat(database, workspace, "mira@example.com", role)
    assert seat(database, workspace, "mira@example.com", Role.OWNER, name="Mira K.") == owner
    seat(database, workspace, "sam@example.com", Role.VIEWER)  # everybody else can be
    with database.read(workspace=workspace) as session:
        row = session.get_one(User, owner)
        assert (row.role, row.disabled_at, row.name) == (Role.OWNER, None, "Mira K.")


@pytest.mark.parametrize("second", ["user", "key"])
def test_an_owner_can_go_while_another_user_or_key_stays(
    database: Database, workspace: int, second: str
) -> None:
    owner = seat(database, workspace, "mira@example.com", Role.OWNER)
    if second == "user":
        seat(database, workspace, "sam@example.com", Role.OWNER)
    else:
        factories.key(database, workspace)
    seat(database, workspace, "mira@example.com", Role.VIEWER)
    with database.write(workspace=workspace) as session:
        access.disable_user(session, workspace=workspace, user=owner, now=NOON)
        access.disable_user(session, workspace=workspace, user=owner, now=LATER)
        assert session.get_one(User, owner).disabled_at == NOON
        assert access.count_owners(session, workspace=workspace, now=NOON) == 1
        with pytest.raises(Conflict, match="last owner"):
            access.check_not_last_owner(session, workspace=workspace, now=NOON)


def test_of_two_owners_who_disable_each_other_at_once_one_stays(
    database: Database, programs: Database, workspace: int
) -> None:
    owners = [seat(database, workspace, f"{name}@example.com", Role.OWNER) for name in ("mira", "sam")]
    ready = threading.Barrier(2, timeout=30)
    ended: list[str] = []

    def disable(user: int) -> None:
        ready.wait()
        try:
            with programs.write(workspace=workspace) as session:
                access.disable_user(session, workspace=workspace, user=user, now=NOON)
                session.flush()
        except Conflict:
            ended.append("refused")
        else:
            ended.append("done")

    threads = [threading.Thread(target=disable, args=(user,)) for user in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ended) == ["done", "refused"]
    with database.read(workspace=workspace) as session:
        assert access.count_owners(session, workspace=workspace, now=NOON) == 1
