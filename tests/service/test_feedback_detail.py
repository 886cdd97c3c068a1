"""One item: why it is counted or not, of its kind, and what was cut from it."""

from fastapi.testclient import TestClient

from models.database import Database
from tests import factories
from tests.clock import Clock
from tests.steps import connect, post_entry, walk
from workers.context import Context

TEXT = "The calendar export fails for large teams and this is very frustrating, please fix it."


def test_an_item_is_explained(client: TestClient, context: Context, clock: Clock) -> None:
    address, secret = connect(client)
    entries = [
        {"id": "T-1", "text": f"{TEXT}\n\n-- \nAnn Example\nOps lead", "customer_email": "ann@example.com"},
        {"id": "T-1", "message_id": "7", "text": "Any news on this?", "customer_email": "ann@example.com"},
        {"id": "T-2", "text": TEXT, "author_role": "agent", "customer_email": "bob@example.com"},
        {"id": "T-3", "text": TEXT, "customer_email": "eve@example.com"},
        {"id": "T-3", "action": "merge", "merged_into": "T-1"},
        {"id": "T-4", "text": "Automatic reply: I am out of the office until Monday."},
    ]
    for entry in entries:
        assert post_entry(client, address, entry, secret, now=clock()).status_code == 202
    walk(context)
    listed = {
        (row["external_id"], row["message_id"]): row for row in client.get("/v1/feedback").json()["items"]
    }
    found = {key: client.get(f"/v1/feedback/{row['id']}").json() for key, row in listed.items()}
    for key, row in listed.items():
        assert {name: found[key][name] for name in row} == row
    (cut,) = found["T-1", "0"]["removed"]
    assert (cut["kind"], cut["reason"]) == ("signature", "a greeting's end, a signature, or a legal notice")
    assert "Ann Example" not in str(found["T-1", "0"])
    why = {key: each["counted_why"] for key, each in found.items()}
    assert "in none yet" in why["T-1", "0"]
    assert "follow-up" in why["T-1", "7"] or "not a complaint" in why["T-1", "7"]
    assert "relayed by staff" in why["T-2", "0"]
    assert found["T-2", "0"]["reported_by_agent"] is True
    assert why["T-3", "0"] == "not counted: merged into ticket T-1"
    assert (found["T-3", "0"]["merged_into"], found["T-3", "0"]["text"]) == ("T-1", TEXT)
    assert (found["T-4", "0"]["author_role"], "machine" in why["T-4", "0"]) == ("bot", True)
    assert found["T-1", "0"]["votes"] == 0


def test_an_item_that_is_not_there_or_anothers_is_not_found(
    client: TestClient, database: Database, workspace: int
) -> None:
    other = factories.workspace(database)
    with database.write(workspace=other) as session:
        theirs = factories.item(session, other, factories.source(session, other))
    for number in (theirs, 999):
        assert client.get(f"/v1/feedback/fb_{number}").status_code == 404
