"""`ebb workspaces`, `ebb users`, `ebb sign-in`, and `--workspace` wherever there are several."""

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import select

from models.database import Database
from models.queries import access, workspaces
from models.records import AuditEntry, Source, User, Workspace
from models.values.roles import Permission, Role
from tests import factories
from tests.clock import NOON
from tests.commands import Capture, Command, caller_of, choose, told


def audited(database: Database, workspace: int) -> list[tuple[str, str, str]]:
    with database.read(workspace=workspace) as session:
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.workspace_id == workspace).order_by(AuditEntry.id)
        )
        found = [(row.actor, row.detail["by"], row.action, row.subject) for row in rows]
    assert all(by == "command line" for _, by, _, _ in found)
    return [(actor, action, subject) for actor, _, action, subject in found]


# --- several workspaces -------------------------------------------------------------------------------------


def add_workspace(ebb: Command, capsys: Capture, *arguments: str) -> str:
    capsys.readouterr()
    assert ebb("workspaces", "add", *arguments) == 0
    found = capsys.readouterr().out
    assert re.fullmatch(r"\S{32,}\n", found)
    return found


def test_a_workspace_is_added_with_its_owners_key(ready: Command, opened: Database, capsys: Capture) -> None:
    key = add_workspace(ready, capsys, "Second", "--time-zone", "Europe/Berlin")
    caller = caller_of(opened, key)
    assert caller
    assert (caller.workspace_id, caller.role) == (2, Role.OWNER)
    assert audited(opened, 2) == [
        ("command line", "workspace.create", "ws_2"),
        ("command line", "key.create", "key_2"),
    ]
    assert ready("workspaces", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [
        {"id": "ws_1", "name": "Default", "time_zone": "UTC"},
        {"id": "ws_2", "name": "Second", "time_zone": "Europe/Berlin"},
    ]
    assert ready("workspaces", "list") == 0
    assert capsys.readouterr().out == "ws_1  Default  UTC\nws_2  Second   Europe/Berlin\n"
    with opened.read(workspace=None) as session:
        assert len({row.person_key for row in workspaces.list_workspaces(session)}) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Default",), "NAME: there is a workspace 'Default' already"),
        (("ws_1",), "NAME: there is a workspace 'ws_1' already"),
        (("",), "NAME: a workspace's name has 1 to 200"),
        ((" x",), "NAME: a workspace's name"),
        (("x\ny",), "NAME: a workspace's name"),
        (("New", "--time-zone", "Mars/Olympus"), "time zone 'Mars/Olympus' is unknown"),
    ],
)
def test_a_workspace_that_cannot_be_is_refused(
    ready: Command, opened: Database, capsys: Capture, arguments: tuple[str, ...], said: str
) -> None:
    assert ready("workspaces", "add", *arguments) == 2
    assert said in told(capsys)
    with opened.read(workspace=None) as session:
        assert session.scalars(select(Workspace.name)).all() == ["Default"]


ASKING = [
    ("import", "t.csv"),
    ("releases", "import", "tags.csv"),
    ("replay",),
    ("sign-in",),
    ("init", "--new-key"),
    ("users", "list"),
    ("users", "add", "mira@example.com", "--role", "viewer"),
    ("users", "disable", "mira@example.com"),
]
"""Every command that works for one workspace."""


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_with_several_workspaces_one_must_be_named(
    ready: Command, capsys: Capture, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "t.csv").write_text("id,created_at,text\n")
    (tmp_path / "tags.csv").write_text("tag,date\nv1.0,2026-02-01\n")
    if command == ASKING[-1]:
        ready(*ASKING[-2])
    assert ready(*command) == 0  # the only one
    add_workspace(ready, capsys, "Second")
    assert ready(*command) == 2
    assert told(capsys) == "ebb: say which with --workspace: ws_1 (Default), ws_2 (Second)."
    assert ready(*command, "--workspace", "Third") == 2
    said = "ebb: --workspace: there is no workspace 'Third'; there are ws_1 (Default), ws_2 (Second)."
    assert told(capsys) == said
    assert ready(*command, "--workspace", "Default") == 0


def test_a_workspace_is_named_by_id_or_by_its_exact_name(
    ready: Command, opened: Database, capsys: Capture, tmp_path: Path
) -> None:
    add_workspace(ready, capsys, "Second")
    for number, given in enumerate(("ws_2", "Second", "ws_1", "Default")):
        file = tmp_path / f"{number}.csv"
        file.write_text("id,created_at,text\nT-1,2026-05-01T10:00:00Z,The export fails\n")
        assert ready("import", file, "--workspace", given) == 0
    with opened.read(workspace=None) as session:
        rows = session.execute(select(Source.name, Source.workspace_id).order_by(Source.id)).all()
        assert [tuple(row) for row in rows] == [("0", 2), ("1", 2), ("2", 1), ("3", 1)]
    for given in ("second", "2", "ws_02", "ws_3", ""):
        capsys.readouterr()
        assert ready("replay", "--workspace", given) == 2
        assert "there is no workspace" in told(capsys)
    factories.workspace(opened, name="Second")
    assert ready("replay", "--workspace", "Second") == 2
    assert told(capsys) == "ebb: say which with --workspace: ws_2 (Second), ws_3 (Second)."
    assert ready("replay", "--workspace", "ws_3") == 0


def test_a_key_is_made_for_the_workspace_that_is_named(
    ready: Command, opened: Database, capsys: Capture
) -> None:
    add_workspace(ready, capsys, "Second")
    assert ready("init", "--print-key") == 0  # needs no name: every workspace is migrated, none gets a key
    assert capsys.readouterr().out == ""
    for given, number in (("Second", 2), ("ws_1", 1)):
        assert ready("init", "--print-key", "--new-key", "--workspace", given) == 0
        caller = caller_of(opened, capsys.readouterr().out)
        assert caller
        assert (caller.workspace_id, caller.role) == (number, Role.OWNER)
        assert audited(opened, number)[-1] == ("command line", "key.create", caller.public_id)


@pytest.mark.parametrize("left", ["integration", "expired", "narrowed", "revoked"])
def test_init_makes_a_key_where_none_is_left_that_administers(
    ready: Command, opened: Database, capsys: Capture, left: str
) -> None:
    with opened.write(workspace=1) as session:
        access.revoke_key(session, workspace=1, key=1, now=NOON)
        if left != "revoked":
            access.create_key(
                session,
                workspace=1,
                name=left,
                now=NOON,
                role=Role.INTEGRATION if left == "integration" else Role.ADMIN,
                expires_at=NOON if left == "expired" else None,
                scopes=[Permission.READ_NUMBERS] if left == "narrowed" else None,
            )
    assert ready("init", "--print-key") == 0
    caller = caller_of(opened, capsys.readouterr().out)
    assert caller
    assert caller.role is Role.OWNER
    assert ready("init", "--print-key") == 0
    assert capsys.readouterr().out == ""


# --- users --------------------------------------------------------------------------------------------------


def test_users_come_change_and_go(ready: Command, opened: Database, capsys: Capture) -> None:
    for arguments in (
        ("add", "Mira@example.com", "--name", "Mira K.", "--role", "owner"),
        ("add", "sam@example.com", "--role", "viewer"),
        ("add", "sam@example.com", "--name", "Sam", "--role", "aggregate_only"),
        ("disable", "SAM@example.com"),
    ):
        assert ready("users", *arguments) == 0, capsys.readouterr().err
    assert capsys.readouterr().out == ""
    assert ready("users", "list", "--json") == 0
    mira = {"id": "usr_1", "email": "mira@example.com", "name": "Mira K.", "role": "owner", "state": "active"}
    sam = {
        "id": "usr_2",
        "email": "sam@example.com",
        "name": "Sam",
        "role": "aggregate_only",
        "state": "disabled",
    }
    assert json.loads(capsys.readouterr().out) == [mira, sam]
    assert ready("users", "list") == 0
    assert capsys.readouterr().out.splitlines() == [
        "usr_1  mira@example.com  Mira K.  owner           active",
        "usr_2  sam@example.com   Sam      aggregate_only  disabled",
    ]
    assert audited(opened, 1) == [
        ("command line", "key.create", "key_1"),
        ("command line", "user.put", "usr_1"),
        ("command line", "user.put", "usr_2"),
        ("command line", "user.put", "usr_2"),
        ("command line", "user.disable", "usr_2"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "mira", "--role", "viewer"), "email"),
        (
            ("add", "mira@example.com", "--role", "king"),
            "--role: there is no role 'king'; choose one of owner,",
        ),
        (("add", "mira@example.com", "--role", "integration"), "a person cannot be integration"),
        (("add", "mira@example.com", "--role", "viewer", "--name", " "), "name"),
        (("add", "mira@example.com"), "--role"),
        (("disable", "nobody@example.com"), "nobody in “Default” has the e-mail 'nobody@example.com'"),
    ],
)
def test_a_user_that_cannot_be_is_refused(
    ready: Command, opened: Database, capsys: Capture, arguments: tuple[str, ...], said: str
) -> None:
    assert ready("users", *arguments) == 2
    assert said in told(capsys)
    with opened.read(workspace=1) as session:
        assert session.scalars(select(User)).all() == []
    assert [action for _, action, _ in audited(opened, 1)] == ["key.create"]


def test_the_last_owner_stays(ready: Command, opened: Database, capsys: Capture) -> None:
    ready("users", "add", "mira@example.com", "--role", "owner")
    with opened.write(workspace=1) as session:
        access.revoke_key(session, workspace=1, key=1, now=NOON)
    capsys.readouterr()
    for arguments in (("disable", "mira@example.com"), ("add", "mira@example.com", "--role", "admin")):
        assert ready("users", *arguments) == 2
        assert "last owner" in told(capsys)
    assert [action for _, action, _ in audited(opened, 1)] == ["key.create", "user.put"]


# --- sign-in ------------------------------------------------------------------------------------------------


def test_a_link_signs_in_the_first_owner_or_whoever_is_named(
    ready: Command, opened: Database, capsys: Capture
) -> None:
    for email, role in (("mira@example.com", "curator"), ("sam@example.com", "viewer")):
        ready("users", "add", email, "--role", role)
    found = []
    for arguments in ((), ("--user", "Mira@example.com")):
        capsys.readouterr()
        assert ready("sign-in", *arguments) == 0
        link = re.fullmatch(r"http://127\.0\.0\.1:8000/sign-in\?token=(\S{32,})\n", capsys.readouterr().out)
        assert link
        with opened.write(workspace=None) as session:
            token = access.exchange_sign_in(session, token=link[1], now=NOON)
            assert token
            caller = access.find_session(session, token=token, now=NOON)
        assert caller
        found.append((caller.role, caller.name))
    assert found == [(Role.OWNER, "Owner"), (Role.CURATOR, "mira@example.com")]
    assert [(action, subject) for _, action, subject in audited(opened, 1)] == [
        ("key.create", "key_1"),
        ("user.put", "usr_1"),
        ("user.put", "usr_2"),
        ("user.put", "usr_3"),  # the first owner's seat, which the command made
        ("user.sign_in", "usr_3"),
        ("user.sign_in", "usr_1"),
    ]


def test_a_link_begins_with_the_address_people_use(
    ready: Command, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, PUBLIC_URL="https://ebb.example.com/")
    assert ready("sign-in") == 0
    assert capsys.readouterr().out.startswith("https://ebb.example.com/sign-in?token=")
    assert ready("sign-in", "--port", 9000) == 0
    assert capsys.readouterr().out.startswith("http://127.0.0.1:9000/sign-in?token=")


def test_nobody_signs_in_without_a_seat(ready: Command, capsys: Capture) -> None:
    assert ready("sign-in", "--user", "mira@example.com") == 2
    assert "`ebb users list` names everybody" in told(capsys)
    ready("users", "add", "mira@example.com", "--role", "viewer")
    ready("users", "disable", "mira@example.com")
    capsys.readouterr()
    assert ready("sign-in", "--user", "mira@example.com") == 2
    assert "mira@example.com is disabled" in told(capsys)
