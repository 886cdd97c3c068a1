"""Keys, seats, sign-in links and sessions: who comes in, as what, and for how long."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models.database import Database, Session
from models.errors import Conflict, NotFound
from models.queries import access
from models.queries.access import Caller
from models.records import ApiKey
from models.values.roles import GRANTS, Permission, Role, permissions_of
from tests import factories
from tests.clock import NOON
from tests.factories import seat
from tests.locks import behind

HOUR = timedelta(hours=1)
LATER = NOON + HOUR


def find(database: Database, key: str, *, now: datetime = NOON) -> Caller | None:
    """Look a key up as the programs do: before any workspace is known."""
    with database.read(workspace=None) as session:
        found = access.find_caller(session, key=key, now=now)
    return found[0] if found else None


# --- keys ---------------------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_stored_as_a_digest(
    database: Database, programs: Database, workspace: int
) -> None:
    key = factories.key(database, workspace, role=Role.INTEGRATION)
    assert len(key) >= 32
    with database.read(workspace=workspace) as session:
        row = session.scalars(select(ApiKey)).one()
    assert key not in (row.digest, row.name)
    assert row.digest == access.digest_of(key)
    assert find(programs, key) == Caller(
        workspace, Role.INTEGRATION, GRANTS[Role.INTEGRATION], "integration of tests", key_id=row.id
    )


def test_unknown_expired_and_revoked_keys_open_nothing(database: Database, workspace: int) -> None:
    expiring = factories.key(database, workspace, expires_at=LATER)
    revoked = factories.key(database, workspace)
    with database.write(workspace=workspace) as session:
        access.revoke_key(session, workspace=workspace, key=2, now=NOON)
        row = access.revoke_key(session, workspace=workspace, key=2, now=LATER)
        assert row.revoked_at == NOON
    assert find(database, expiring) is not None
    for key, now in ((expiring, LATER), (revoked, NOON), ("ebb_nothing", NOON), ("", NOON)):
        assert find(database, key, now=now) is None


def test_scopes_narrow_a_role_and_never_widen_it(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        keys = [
            access.create_key(session, workspace=workspace, name="k", role=role, now=NOON, scopes=scopes)[1]
            for role, scopes in (
                (Role.CURATOR, [Permission.PLAN, Permission.READ_NUMBERS, Permission.PLAN]),
                (Role.VIEWER, [Permission.READ_TICKETS, Permission.OWN]),
                (Role.ADMIN, []),
                (Role.ADMIN, None),
            )
        ]
        row = session.get_one(ApiKey, 1)
        assert access.scopes_of(row) == [Permission.PLAN, Permission.READ_NUMBERS]
    callers = [find(database, key) for key in keys]
    assert [caller and caller.permissions for caller in callers] == [
        {Permission.PLAN, Permission.READ_NUMBERS},
        {Permission.READ_TICKETS},
        frozenset(),
        permissions_of(Role.ADMIN),
    ]
    assert callers[0]
    assert callers[0].may(Permission.PLAN)
    assert not callers[0].may(Permission.CURATE)


def test_an_integration_key_knows_its_one_source(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        _, key = access.create_key(
            session, workspace=workspace, name="desk", role=Role.INTEGRATION, now=NOON, source=source
        )
    caller = find(database, key)
    assert caller
    assert caller.source_id == source


def test_the_last_use_is_noted_once_an_hour(database: Database, workspace: int) -> None:
    key = factories.key(database, workspace)

    def is_due(now: datetime) -> bool:
        with database.read(workspace=None) as session:
            found = access.find_caller(session, key=key, now=now)
            assert found
            return found[1]

    assert is_due(NOON)
    with database.write(workspace=workspace) as session:
        access.note_use(session, key=1, now=NOON)
    assert [is_due(NOON + wait) for wait in (timedelta(), HOUR - timedelta(seconds=1), HOUR)] == [
        False,
        False,
        True,
    ]
    with database.read(workspace=workspace) as session:
        assert session.get_one(ApiKey, 1).last_used_at == NOON


def test_a_workspace_has_an_admin_key_while_one_lives_that_administers(
    database: Database, workspace: int
) -> None:
    def has(now: datetime = NOON) -> bool:
        with database.read(workspace=workspace) as session:
            return access.has_admin_key(session, workspace=workspace, now=now)

    assert not has()
    for role in set(Role) - {Role.OWNER, Role.ADMIN}:
        factories.key(database, workspace, role=role)
    with database.write(workspace=workspace) as session:
        access.create_key(
            session, workspace=workspace, name="k", role=Role.OWNER, now=NOON, scopes=[Permission.PLAN]
        )
    assert not has()
    factories.key(database, workspace, role=Role.ADMIN, expires_at=LATER)
    assert has()
    assert not has(LATER)
    factories.key(database, workspace)
    assert has(LATER)
    with database.write(workspace=workspace) as session:
        for row in access.list_keys(session, workspace=workspace):
            access.revoke_key(session, workspace=workspace, key=row.id, now=NOON)
    assert not has()


def test_a_caller_is_known_by_an_id_that_nobody_chooses(database: Database, workspace: int) -> None:
    keys = [find(database, factories.key(database, workspace)) for _ in range(2)]
    assert [caller and caller.public_id for caller in keys] == ["key_1", "key_2"]
    permissions = permissions_of(Role.VIEWER)
    assert Caller(workspace, Role.VIEWER, permissions, "key_1", user_id=7).public_id == "usr_7"


def test_keys_and_users_of_another_workspace_are_not_there(database: Database, workspace: int) -> None:
    other = factories.workspace(database)
    factories.key(database, workspace)
    factories.user(database, workspace)
    with database.write(workspace=other) as session:
        assert access.list_keys(session, workspace=other) == []
        assert access.list_users(session, workspace=other) == []
        with pytest.raises(NotFound, match="key_1"):
            access.revoke_key(session, workspace=other, key=1, now=NOON)
        with pytest.raises(NotFound, match="key_1"):
            access.rotate_key(session, workspace=other, key=1, now=NOON, overlap=HOUR)
        with pytest.raises(NotFound, match="usr_1"):
            access.disable_user(session, workspace=other, user=1, now=NOON)
        with pytest.raises(NotFound, match="usr_1"):
            access.create_sign_in(session, workspace=other, user=1, now=NOON, minutes=5)


# --- rotating -----------------------------------------------------------------------------------------------


def test_a_rotated_key_opens_the_same_and_the_old_one_for_a_while(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        old, before = access.create_key(
            session, workspace=workspace, name="desk", role=Role.INTEGRATION, now=NOON,
            expires_at=NOON + 30 * HOUR, scopes=[Permission.DELIVER], source=source,
        )  # fmt: skip
        row, after = access.rotate_key(session, workspace=workspace, key=old.id, now=LATER, overlap=2 * HOUR)
        assert (old.replaced_by_id, old.expires_at) == (row.id, LATER + 2 * HOUR)
        assert row.expires_at == LATER + 30 * HOUR  # as long a life as the old one had
    one, two = find(database, before, now=LATER), find(database, after, now=LATER)
    assert one
    assert two
    assert (one.key_id, two.key_id) == (1, 2)
    assert (one.role, one.permissions, one.name, one.source_id) == (
        two.role, two.permissions, two.name, two.source_id,
    )  # fmt: skip
    assert find(database, before, now=LATER + 2 * HOUR) is None
    assert find(database, after, now=LATER + 2 * HOUR) is not None


def test_rotating_never_lengthens_the_old_keys_life(database: Database, workspace: int) -> None:
    factories.key(database, workspace, expires_at=LATER)
    factories.key(database, workspace)
    with database.write(workspace=workspace) as session:
        access.rotate_key(session, workspace=workspace, key=1, now=NOON, overlap=9 * HOUR)
        fresh, _ = access.rotate_key(session, workspace=workspace, key=2, now=NOON, overlap=9 * HOUR)
        assert session.get_one(ApiKey, 1).expires_at == LATER
        assert session.get_one(ApiKey, 2).expires_at == NOON + 9 * HOUR
        assert fresh.expires_at is None


def test_a_key_that_is_over_or_was_rotated_is_not_rotated(database: Database, workspace: int) -> None:
    for _ in range(2):
        factories.key(database, workspace)
    factories.key(database, workspace, expires_at=NOON)
    with database.write(workspace=workspace) as session:
        access.revoke_key(session, workspace=workspace, key=1, now=NOON)
        access.rotate_key(session, workspace=workspace, key=2, now=NOON, overlap=HOUR)
        for key in (1, 2, 3):
            with pytest.raises(Conflict, match=f"key_{key} is over or was rotated"):
                access.rotate_key(session, workspace=workspace, key=key, now=NOON, overlap=HOUR)


@pytest.mark.parametrize("first", ["rotate", "revoke"])
def test_a_key_that_is_rotated_or_revoked_meanwhile_is_not_rotated(
    postgres: Database, postgres_programs: Database, first: str
) -> None:
    workspace = factories.workspace(postgres)
    factories.key(postgres, workspace)

    def rotate(session: Session) -> None:
        access.rotate_key(session, workspace=workspace, key=1, now=NOON, overlap=HOUR)

    def act() -> None:
        with postgres_programs.write(workspace=workspace) as session:
            # As the API does: it looks at the key before.
            access.get_key(session, workspace=workspace, key=1)
            rotate(session)

    with (
        pytest.raises(Conflict, match="key_1 is over or was rotated"),
        behind(act, postgres) as start,
        postgres_programs.write(workspace=workspace) as session,
    ):
        if first == "rotate":
            rotate(session)
        else:
            access.revoke_key(session, workspace=workspace, key=1, now=NOON)
        session.flush()
        start()
    with postgres.read(workspace=workspace) as session:
        rows = access.list_keys(session, workspace=workspace)
    alive = [row.id for row in rows if access.is_alive(row, now=NOON)]
    assert alive == ([2, 1] if first == "rotate" else [])


@pytest.mark.parametrize("second", ["disable", "demote"])
def test_a_seat_is_judged_as_it_is_when_its_turn_comes(
    postgres: Database, postgres_programs: Database, second: str
) -> None:
    """Made the only owner while somebody takes the seat for a viewer's: it must not go."""
    workspace = factories.workspace(postgres)
    key = factories.key(postgres, workspace)
    mira = seat(postgres, workspace, "mira@example.com", Role.VIEWER)

    def act() -> None:
        with postgres_programs.write(workspace=workspace) as session:
            access.get_user(session, workspace=workspace, user=mira)
            if second == "disable":
                access.disable_user(session, workspace=workspace, user=mira, now=NOON)
            else:
                access.put_user(
                    session,
                    workspace=workspace,
                    email="mira@example.com",
                    name="M",
                    role=Role.MEMBER,
                    now=NOON,
                )

    with (
        pytest.raises(Conflict, match="last owner"),
        behind(act, postgres) as start,
        postgres_programs.write(workspace=workspace) as session,
    ):
        access.put_user(
            session, workspace=workspace, email="mira@example.com", name="M", role=Role.OWNER, now=NOON
        )
        access.revoke_key(session, workspace=workspace, key=1, now=NOON)
        start()
    assert find(postgres, key) is None
    with postgres.read(workspace=workspace) as session:
        assert access.count_owners(session, workspace=workspace, now=NOON) == 1


def test_of_two_who_give_one_new_seat_at_once_one_is_told(
    postgres: Database, postgres_programs: Database
) -> None:
    workspace = factories.workspace(postgres)

    def act() -> None:
        seat(postgres_programs, workspace, "mira@example.com", Role.VIEWER)

    with (
        pytest.raises(Conflict, match="somebody else has just given"),
        behind(act, postgres) as start,
        postgres_programs.write(workspace=workspace) as session,
    ):
        access.put_user(
            session, workspace=workspace, email="mira@example.com", name="M", role=Role.OWNER, now=NOON
        )
        start()
    with postgres.read(workspace=workspace) as session:
        assert [row.role for row in access.list_users(session, workspace=workspace)] == [Role.OWNER]
