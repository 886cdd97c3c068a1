"""Workspaces, keys, one-time sign-in, the encoder that is fixed, the audit log."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.database import Database
from models.errors import Invalid, NotFound
from models.queries import workspaces
from models.records import ApiKey, ConsoleTicket
from models.values.roles import Role
from tests import factories
from tests.clock import NOON

LATER = NOON + timedelta(hours=1)


def test_a_key_is_shown_once_and_stored_as_a_digest(database: Database, workspace: int) -> None:
    key = factories.key(database, workspace, role=Role.INGEST)
    assert len(key) >= 32
    with database.read(workspace=None) as session:
        row = session.scalars(select(ApiKey)).one()
        caller = workspaces.find_caller(session, key=key, now=NOON)
    assert key not in (row.digest, row.name)
    assert row.digest == workspaces.digest_of(key)
    assert caller == workspaces.Caller(workspace, Role.INGEST, "ingest of tests")


def test_unknown_expired_and_revoked_keys_open_nothing(database: Database, workspace: int) -> None:
    expiring = factories.key(database, workspace, expires_at=LATER)
    revoked = factories.key(database, workspace)
    with database.write(workspace=workspace) as session:
        workspaces.revoke_key(session, workspace=workspace, key=2, now=NOON)
        row = workspaces.revoke_key(session, workspace=workspace, key=2, now=LATER)
        assert row.revoked_at == NOON
    with database.read(workspace=None) as session:
        assert workspaces.find_caller(session, key=expiring, now=NOON) is not None
        for key, now in ((expiring, LATER), (revoked, NOON), ("ebb_nothing", NOON), ("", NOON)):
            assert workspaces.find_caller(session, key=key, now=now) is None


def test_a_workspace_has_a_key_until_the_last_is_revoked(database: Database, workspace: int) -> None:
    with database.read(workspace=None) as session:
        assert not workspaces.has_key(session, workspace=workspace)
    factories.key(database, workspace)
    with database.write(workspace=workspace) as session:
        assert workspaces.has_key(session, workspace=workspace)
        workspaces.revoke_key(session, workspace=workspace, key=1, now=NOON)
        session.flush()
        assert not workspaces.has_key(session, workspace=workspace)


def test_keys_of_another_workspace_cannot_be_revoked(database: Database, workspace: int) -> None:
    other = factories.workspace(database)
    factories.key(database, workspace)
    with database.write(workspace=other) as session, pytest.raises(NotFound, match="key_1"):
        workspaces.revoke_key(session, workspace=other, key=1, now=NOON)


def test_a_sign_in_link_works_once_and_for_its_time(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        token, late = (
            workspaces.create_sign_in(session, workspace=workspace, role=Role.MEMBER, now=NOON, minutes=60)
            for _ in range(2)
        )
        assert workspaces.exchange_sign_in(session, token=late, now=LATER) is None
        browser = workspaces.exchange_sign_in(session, token=token, now=NOON)
        assert browser is not None
        assert workspaces.exchange_sign_in(session, token=token, now=NOON) is None
        assert workspaces.exchange_sign_in(session, token=browser, now=NOON) is None
        assert workspaces.find_session(session, token=token, now=NOON) is None
        caller = workspaces.find_session(session, token=browser, now=NOON)
        assert caller == workspaces.Caller(workspace, Role.MEMBER, "console")
        assert workspaces.find_session(session, token=browser, now=NOON + timedelta(days=30)) is None
        digests = session.scalars(select(ConsoleTicket.digest)).all()
        assert not {token, late, browser} & set(digests)


def test_the_encoder_is_fixed_at_its_first_use(database: Database, workspace: int) -> None:
    one = {"name": "m", "digest": "d" * 64, "dtype": "float32", "dimension": 8}
    other = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        assert workspaces.encoder_of(session, workspace=workspace) is None
        first = workspaces.bind_encoder(session, workspace=workspace, **one)  # type: ignore[arg-type]
        assert workspaces.bind_encoder(session, workspace=workspace, **one) == first  # type: ignore[arg-type]
        assert workspaces.bind_encoder(session, workspace=other, **one) == first  # type: ignore[arg-type]
        for change in ({"digest": "e" * 64}, {"dtype": "bfloat16"}, {"name": "n"}):
            with pytest.raises(Invalid, match="vectors come from m"):
                workspaces.bind_encoder(session, workspace=workspace, **{**one, **change})  # type: ignore[arg-type]
        bound = workspaces.encoder_of(session, workspace=workspace)
        assert bound is not None
        assert bound.dimension == 8


def test_an_unknown_time_zone_is_refused(database: Database) -> None:
    for zone in ("Mars/Olympus", "", "../etc/passwd"):
        with database.write(workspace=None) as session, pytest.raises(Invalid) as caught:
            workspaces.create_workspace(session, name="x", time_zone=zone, encoder_dtype="float32", now=NOON)
        assert caught.value.field == "EBB_TIME_ZONE"


def test_the_first_workspace_is_made_once(database: Database) -> None:
    with database.write(workspace=None) as session:
        assert workspaces.first_workspace(session) is None
        ids = {
            workspaces.ensure_workspace(session, time_zone=zone, encoder_dtype="float32", now=NOON).id
            for zone in ("UTC", "Europe/Berlin")
        }
        assert len(ids) == 1
        with pytest.raises(NotFound):
            workspaces.get_workspace(session, workspace=99)


def test_people_hash_alike_only_under_the_same_key() -> None:
    hashes = {
        workspaces.hash_person(key, name) for key in (b"a", b"b") for name in ("Ann@x.org", "ann@x.org ")
    }
    assert len(hashes) == 2


def test_the_audit_log_is_filtered_and_read_page_by_page(database: Database, workspace: int) -> None:
    other = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        for number in range(5):
            workspaces.audit(
                session,
                workspace=workspace,
                actor="mira" if number % 2 else "sam",
                action="key.create",
                subject=f"key_{number}",
                now=factories.noon(number),
            )
        session.flush()

        def subjects(**where: object) -> list[str]:
            chosen = {"before": None, "limit": 10, **where}
            rows = workspaces.list_audit(session, workspace=workspace, **chosen)  # type: ignore[arg-type]
            return [row.subject for row in rows]

        assert subjects() == [f"key_{n}" for n in (4, 3, 2, 1, 0)]
        assert subjects(limit=2) == ["key_4", "key_3"]
        assert subjects(before=4, limit=2) == ["key_2", "key_1"]
        assert subjects(actor="mira") == ["key_3", "key_1"]
        assert subjects(subject="key_2") == ["key_2"]
        assert subjects(since=factories.noon(1), until=factories.noon(3)) == ["key_2", "key_1"]
        assert workspaces.list_audit(session, workspace=other, before=None, limit=10) == []
