"""Erasing a person: nothing of them is left in rows or files, every count stays, and nothing comes back."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from models.database import Database
from models.queries import counts
from models.queries.feedback import load_items
from models.records import Delivery, FeedbackItem, Record, Theme, Verdict
from models.sealing import Keyring, keyring
from service.erasure import Who, erase
from tests import erasing
from tests.clock import NOON, Clock
from tests.erasing import EMAIL, OTHER, WORDS
from tests.query_world import ZONE
from tests.steps import post_entry, recounted, stored_counts, unfinished, walk
from workers.context import Context

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
"""For what the two databases do differently."""


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(getattr(request, "param", "sqlite"))
    return found


@pytest.fixture
def desk(
    client: TestClient, context: Context, clock: Clock, database: Database, workspace: int
) -> tuple[str, str]:
    """The address and secret of a desk that delivered a person's tickets among others'."""
    found = erasing.deliver_all(client, context, clock)
    erasing.leave_traces(database, workspace)
    return found


def ask(client: TestClient, **body: object) -> dict[str, Any]:
    answer = client.post("/v1/erasures", json={"email": EMAIL, **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def texts(client: TestClient, **where: str) -> list[str]:
    found = client.get("/v1/feedback", params={"limit": "200", **where}).json()["items"]
    return [each["text"] for each in found]


def numbers(database: Database, workspace: int) -> tuple[object, ...]:
    with database.read(workspace=workspace) as session:
        return (
            counts.totals(session, workspace=workspace, zone=ZONE),
            counts.daily(session, workspace=workspace),
            session.scalars(select(Verdict.input_hash).order_by(Verdict.id)).all(),
        )


@BOTH
def test_no_word_is_left_in_any_row_or_file(
    desk: tuple[str, str], client: TestClient, database: Database
) -> None:
    before = erasing.words_in_rows(database)
    assert all(before.values()), "a word that stands nowhere would prove nothing"
    assert {"feedback_item", "delivery", "theme"} <= set().union(*before.values())
    if database.is_sqlite:
        assert all(erasing.words_in_files(database).values())
    receipt = ask(client)

    assert (receipt["persons"], receipt["items"], receipt["deliveries"]) == (1, 12, 13)
    assert receipt["vectors"] >= 1
    assert receipt["labels"] >= 1
    assert receipt["left"] == 0
    nowhere: dict[str, set[str]] = {word: set() for word in WORDS}
    assert erasing.words_in_rows(database) == nowhere
    if database.is_sqlite:
        assert receipt["files_cleaned"]
        assert erasing.words_in_files(database) == nowhere


@BOTH
def test_counts_stay_and_say_how_many_are_erased(
    desk: tuple[str, str], client: TestClient, database: Database, context: Context, workspace: int
) -> None:
    before = numbers(database, workspace)
    theirs = {item.id for item in _items(database, "Z-1")}
    theme = next(each["theme_id"] for each in _feedback(client, "Z-1") if each["theme_id"])
    quotes = client.get(f"/v1/themes/{theme}/quotes").json()["totals"]
    receipt = ask(client)
    walk(context)

    assert receipt["reports_unchanged"]
    assert numbers(database, workspace) == before
    assert recounted(database) == stored_counts(database)
    with database.read(workspace=workspace) as session:
        (row,) = load_items(session, workspace=workspace, items=sorted(theirs))
    assert (row.text, row.subject, row.tags, row.removed) == ("", None, None, [])
    assert row.erased_at is not None
    assert not row.withdrawn
    after = client.get(f"/v1/themes/{theme}/quotes").json()["totals"]
    assert after["gone"] - quotes["gone"] == sum(
        quotes[part] - after[part] for part in ("complaints", "folded")
    )
    assert after["gone"] >= 10
    assert unfinished(database, now=context.clock()) == []


@BOTH
def test_nothing_brings_the_words_back(
    desk: tuple[str, str], client: TestClient, database: Database, context: Context, clock: Clock
) -> None:
    ask(client)
    clock.advance(hours=1)
    address, secret = desk
    later = {"updated_at": "2026-06-01T12:30:00Z", "occurred_at": "2026-06-01T12:30:00Z"}
    copies = [{**body, **later} for body in erasing.entries()[:3]]
    more = erasing.entry(1, message_id="m9", text="The grumblefang crashes again, so bad.", **later)
    restored = erasing.entry(2, action="restore", **later)
    for body in (*copies, more, restored):
        assert post_entry(client, address, body, secret, now=clock()).status_code == 202
    walk(context)

    for number in (1, 2, 3):
        assert all(row.text == "" for row in _items(database, f"Z-{number}"))
        assert _feedback(client, f"Z-{number}") == []
    assert texts(client, q="grumblefang") == []


def test_a_new_ticket_of_the_same_person_is_of_somebody_new(
    desk: tuple[str, str], client: TestClient, database: Database, context: Context, clock: Clock
) -> None:
    (old,) = _items(database, "Z-1")
    ask(client)
    address, secret = desk
    fresh = erasing.entry(20, created_at="2026-06-01T11:00:00Z", subject=None, text="The export is broken.")
    post_entry(client, address, fresh, secret, now=clock())
    walk(context)

    (new,) = _items(database, "Z-20")
    assert new.text == "The export is broken."
    assert new.person_id not in (None, old.person_id)


def test_others_keep_their_words(desk: tuple[str, str], client: TestClient, database: Database) -> None:
    before = sorted(texts(client))
    ask(client)

    assert sorted(texts(client)) == [text for text in before if "grumblefang" not in text.lower()]
    assert [row.text for row in _items(database, "Z-12") if row.text] == [
        "The panel crashes for our team as well, it is bad."
    ]


@BOTH
def test_a_theme_that_others_speak_of_keeps_its_name(
    desk: tuple[str, str], client: TestClient, database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        named = session.scalars(select(Theme).where(Theme.number == 900)).one()
        named.label, named.keywords = "calendar panel", ["calendar", "grumblefang panel"]
    ask(client)
    with database.read(workspace=workspace) as session:
        named = session.scalars(select(Theme).where(Theme.number == 900)).one()
    assert (named.label, named.keywords) == ("calendar panel", ["calendar"])


def test_a_dry_run_counts_and_changes_nothing(
    desk: tuple[str, str], client: TestClient, database: Database
) -> None:
    before = erasing.words_in_rows(database)
    told = ask(client, dry_run=True)

    assert told["id"] is None
    assert (told["persons"], told["items"], told["deliveries"]) == (1, 12, 13)
    assert erasing.words_in_rows(database) == before
    assert client.get("/v1/erasures").json()["items"] == []


def test_the_receipt_is_listed_and_stands_in_the_audit_log(desk: tuple[str, str], client: TestClient) -> None:
    receipt = ask(client)
    (listed,) = client.get("/v1/erasures").json()["items"]

    assert {**receipt, "files_cleaned": None} == listed
    (act,) = client.get("/v1/audit", params={"subject": receipt["id"]}).json()["items"]
    assert act["action"] == "person.erase"
    assert act["detail"]["receipt_hash"] == receipt["receipt_hash"]
    assert client.post("/v1/erasures", json={"email": EMAIL}).status_code == 404


def test_nobody_is_found_under_a_stranger_and_nothing_goes(
    desk: tuple[str, str], client: TestClient, database: Database
) -> None:
    before = erasing.words_in_rows(database)
    for body in ({"email": "who@example.org"}, {"customer_id": "Z"}, {"customer_id": "1", "source": "src_1"}):
        assert client.post("/v1/erasures", json=body).status_code == 404
    assert erasing.words_in_rows(database) == before


def test_a_delivery_that_waits_is_read_first(
    desk: tuple[str, str], client: TestClient, context: Context, clock: Clock
) -> None:
    address, secret = desk
    post_entry(client, address, erasing.entry(21, created_at="2026-06-01T11:00:00Z"), secret, now=clock())
    refused = client.post("/v1/erasures", json={"email": EMAIL})
    assert refused.status_code == 409
    assert "wait to be read" in refused.json()["detail"]
    walk(context)
    assert ask(client)["items"] == 13


def test_a_body_is_found_however_it_writes_the_address(
    desk: tuple[str, str], client: TestClient, database: Database, context: Context, clock: Clock
) -> None:
    """JSON may escape any character, and a body that cannot be read is not left because of that."""
    address, secret = desk
    from tests.steps import signed

    bodies = [
        b'{"id": "X-1", "text": "cc zora.quibblewick\\u0040snarkmail.example please", "customer_id": "5"}',
        b'{"broken": "zora.quibblewick%40snarkmail.example"',
    ]
    for body in bodies:
        client.post(address, content=body, headers=signed(body, secret, now=clock()))
    walk(context)
    assert ask(client)["deliveries"] == 13 + len(bodies)
    with database.read(workspace=None) as session:
        bodies_left = session.scalars(select(Delivery.body).where(Delivery.body != b"")).all()
    assert not [body for body in bodies_left if b"quibblewick" in body.lower()]


def test_by_customer_id_only_what_is_about_them_goes(
    client: TestClient, database: Database, context: Context, clock: Clock, workspace: int
) -> None:
    """A short id stands in many bodies as something else: those stay."""
    made = client.post("/v1/sources", json={"kind": "generic_json", "name": "desk"}).json()
    bodies: list[dict[str, object]] = [
        {
            "id": "A",
            "text": "The export is broken.",
            "customer_id": "7",
            "created_at": "2026-05-01T10:00:00Z",
        },
        {
            "id": "B",
            "text": "I waited 7 days, it fails.",
            "customer_id": "8",
            "created_at": "2026-05-01T10:00:00Z",
        },
    ]
    for body in bodies:
        post_entry(client, made["ingest_url"], body, made["secret"], now=clock())
    walk(context)
    answer = client.post("/v1/erasures", json={"customer_id": "7"}).json()

    assert (answer["persons"], answer["items"], answer["deliveries"]) == (1, 1, 1)
    assert texts(client) == ["I waited 7 days, it fails."]


@BOTH
def test_sealed_bodies_are_looked_into_and_without_the_key_nothing_is_claimed(
    database: Database, workspace: int, desk: tuple[str, str]
) -> None:
    keys = Keyring((b"k" * 32,))
    with database.write(workspace=workspace) as session:
        for row in session.scalars(select(Delivery)):
            row.body = keys.seal(row.body, bound=f"{row.source_id}:{row.key}".encode())
    who = {"workspace": workspace, "who": Who(email=EMAIL), "actor": "a", "by": "key_1", "now": NOON}
    from models.sealing import Sealed

    with pytest.raises(Sealed, match="EBB_SEALING_KEY"):
        erase(database, keyring(""), **who)  # type: ignore[arg-type]
    assert erase(database, keys, **who).removed.deliveries == 13  # type: ignore[arg-type]


def test_no_other_table_leads_to_the_person(
    desk: tuple[str, str], client: TestClient, database: Database, workspace: int
) -> None:
    """A table that names persons, added later, must be thought of in `forget_persons`."""
    (row,) = _items(database, "Z-1")
    ask(client)
    with database.read(workspace=workspace) as session:
        for table in Record.metadata.sorted_tables:
            if "person_id" in table.columns and table.name != "feedback_item":
                query = select(table).where(table.c.person_id == row.person_id)
                assert session.execute(query).all() == [], table.name
        known = session.scalar(
            text("SELECT count(*) FROM person_identity WHERE person_id = :id"), {"id": row.person_id}
        )
    assert known == 0


def test_another_persons_erasure_leaves_this_one(
    desk: tuple[str, str], client: TestClient, database: Database
) -> None:
    assert ask(client, email=OTHER)["items"] == 1
    assert len([row for number in range(1, 13) for row in _items(database, f"Z-{number}") if row.text]) == 12


def _items(database: Database, record: str) -> list[FeedbackItem]:
    with database.read(workspace=None) as session:
        query = select(FeedbackItem).where(FeedbackItem.external_id == record, FeedbackItem.message_id != "")
        return list(session.scalars(query.order_by(FeedbackItem.id)))


def _feedback(client: TestClient, record: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/feedback", params={"external_id": record}).json()["items"]
    return found
