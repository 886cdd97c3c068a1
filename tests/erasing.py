"""A person with words that nobody else says, and where to look for them afterwards."""

import json
from collections.abc import Sequence
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import inspect, text

from models.database import Database
from tests import factories, year
from tests.clock import Clock
from tests.steps import post_entry, walk
from workers.context import Context

EMAIL = "zora.quibblewick@snarkmail.example"
OTHER = "mats@example.org"
WORDS = ("quibblewick", "snarkmail", "flumoxagon", "grumblefang", "wobblethorpe", "vipzora")
"""Of the address and name; of the subject; of the text, of every message and of one; of a tag."""


def entry(number: int, **chosen: object) -> dict[str, object]:
    """Write a complaint of the person; its mail is signed."""
    body = (
        f"Hi Anna,\n\nthe grumblefang panel of the calendar crashes when I open week {number}, this is very "
        "frustrating and broken, please fix it.\n\nBest regards,\nZora Quibblewick"
    )
    return {
        "id": f"Z-{number}",
        "created_at": f"2026-05-{number:02d}T10:00:00Z",
        "subject": "Flumoxagon trouble",
        "text": body,
        "customer_email": EMAIL,
        "customer_id": "zora-17",
        "tags": ["vipzora"],
        **chosen,
    }


def entries() -> list[dict[str, object]]:
    """Return twelve tickets of the person, one with words of its own, and one that another person wrote in too."""
    made = [entry(number) for number in range(1, 13)]
    made[3]["text"] = f"{made[3]['text']}".replace("very", "wobblethorpe and very")
    theirs: dict[str, object] = {
        "customer_email": OTHER,
        "customer_id": "mats-4",
        "subject": None,
        "tags": [],
    }
    made.append(
        entry(12, message_id="m2", text="The panel crashes for our team as well, it is bad.", **theirs)
    )
    return made


def deliver_all(client: TestClient, context: Context, clock: Clock) -> tuple[str, str]:
    """Connect a tool, let it deliver a half-year of others and the person's tickets; walk it all to its end."""
    made = client.post("/v1/sources", json={"kind": "generic_json", "name": "desk"}).json()
    address, secret = made["ingest_url"], made["secret"]
    for body in (*(ticket.row for ticket in year.tickets()[:60]), *entries()):
        assert post_entry(client, address, body, secret, now=clock()).status_code == 202
    walk(context)
    return address, secret


def words_in_rows(database: Database, words: Sequence[str] = WORDS) -> dict[str, set[str]]:
    """Say for each word in which tables it stands: every column of every table is read, bytes as text."""
    found: dict[str, set[str]] = {word: set() for word in words}
    with database.engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                said = " ".join(_said(value) for value in row).lower()
                for word in words:
                    if word in said:
                        found[word].add(table)
    return found


def _said(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("latin-1")
    return (
        json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)
    )


def words_in_files(database: Database, words: Sequence[str] = WORDS) -> dict[str, set[str]]:
    """Say for each word in which of SQLite's files its bytes stand, whatever table or free page they are of."""
    main = Path(str(database.url.database))
    found: dict[str, set[str]] = {word: set() for word in words}
    for file in sorted(main.parent.glob(f"{main.name}*")):
        bytes_there = file.read_bytes().lower()
        for word in words:
            if word.encode() in bytes_there:
                found[word].add(file.name.removeprefix(main.name) or "database")
    return found


def leave_traces(database: Database, workspace: int) -> None:
    """Let the person's words stand in a theme's label, as the namer of themes may put them there."""
    with database.write(workspace=workspace) as session:
        factories.theme(session, workspace, 900, label="grumblefang panel")
