"""Workspaces, the encoder that is fixed, the audit log; keys and seats are in `test_access`."""

import pytest

from models.database import Database
from models.errors import Invalid, NotFound
from models.queries import workspaces
from tests import factories
from tests.clock import NOON


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
                by="usr_1",
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
