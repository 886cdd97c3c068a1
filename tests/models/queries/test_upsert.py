"""Insert-or-ignore and insert-or-update mean the same on both databases."""

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models.database import Database
from models.queries.upsert import insert_many, insert_or_ignore, insert_or_update
from models.records import Team

KEY = ("workspace_id", "key")


def team(workspace: int, key: str, name: str) -> dict[str, object]:
    return {"workspace_id": workspace, "key": key, "name": name}


def names(database: Database) -> dict[str, str]:
    with database.read(workspace=None) as session:
        return {row.key: row.name for row in session.scalars(select(Team))}


def test_ignoring_keeps_the_first_and_says_so(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        assert insert_or_ignore(session, Team, team(workspace, "a", "first"), key=KEY) == 1
        assert insert_or_ignore(session, Team, team(workspace, "a", "second"), key=KEY) is None
    assert names(database) == {"a": "first"}


def test_updating_keeps_the_id_and_what_shall_be_kept(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        first = insert_or_update(session, Team, team(workspace, "a", "first"), key=KEY)
        assert insert_or_update(session, Team, team(workspace, "a", "second"), key=KEY) == first
        assert (
            insert_or_update(session, Team, team(workspace, "a", "third"), key=KEY, keep=("name",)) == first
        )
    assert names(database) == {"a": "second"}


@pytest.mark.parametrize("update", [True, False])
def test_many_rows_are_written_in_chunks(database: Database, workspace: int, update: bool) -> None:
    with database.write(workspace=workspace) as session:
        insert_many(session, Team, [], key=KEY, update=update)
        insert_many(session, Team, [team(workspace, str(n), "old") for n in range(3)], key=KEY, update=update)
        rows = [team(workspace, str(n), "new") for n in range(1100)]
        insert_many(session, Team, rows, key=KEY, update=update)
    found = names(database)
    assert len(found) == 1100
    assert (found["0"], found["3"]) == ("new" if update else "old", "new")


def test_only_the_named_key_is_forgiven(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write(workspace=None) as session:
        insert_or_ignore(session, Team, team(99, "a", "of no workspace"), key=KEY)
