"""Rules on every field that a connector claims to tell, over HTTP: tried on what was sent, and put in force."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from models.database import Database
from models.queries import scope
from models.records import FeedbackItem
from models.sources.registry import SOURCES
from models.sources.scope import NOT_INCLUDED, Fact
from tests.clock import Clock
from tests.models.sources.scope_cases import Case, cases
from tests.service.desk import Desk
from tests.steps import walk
from workers.context import Context

# A topic of a forum has no text of its own: what it says is shown with its posts.
CASES = [case for case in cases() if "topic" not in case.payload]


@pytest.fixture
def database(sqlite: Database) -> Database:
    """Rules are held to both databases elsewhere."""
    return sqlite


def rule(action: str, fact: Fact, value: str) -> dict[str, object]:
    return {"name": f"{action} {fact}", "action": action, "field": fact, "values": [value]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_rules_on_what_a_tool_says(
    client: TestClient, clock: Clock, context: Context, database: Database, case: Case
) -> None:
    settings = {"signature": SOURCES[case.kind].schemes[0], **case.settings}
    desk = Desk(client, context, clock, case.kind, str(settings.pop("signature")), **settings)
    rules = f"/v1/sources/{desk.source['id']}/rules"
    desk.send(case.payload, **{name.replace("-", "_"): value for name, value in case.headers.items()})
    for fact, value in case.says.items():
        for action, kept in (("include", 1), ("exclude", 0)):
            tried = client.post(f"{rules}/preview", json={"rules": [rule(action, fact, value)]}).json()
            assert (tried["messages"], tried["kept"]) == (1, kept), (action, fact)
    with database.read(workspace=None) as session:
        (item,) = session.scalars(select(FeedbackItem))
        stored = scope.facts_of(item)
        domain = scope.digest_domain(
            session, workspace=item.workspace_id, domain=case.says.get(Fact.DOMAIN, "")
        )
    one = {Fact.ACCOUNT: stored.account, Fact.DOMAIN: stored.domain, Fact.TAG: case.says.get(Fact.TAG)}
    found = {fact: one[fact] if fact in one else getattr(stored, fact) for fact in case.says}
    if Fact.TAG in case.says:
        assert case.says[Fact.TAG] in stored.tags
    wanted = {**case.says, **({Fact.DOMAIN: domain} if Fact.DOMAIN in case.says else {})}
    assert {fact: str(value).lower() for fact, value in found.items()} == {
        fact: value.lower() for fact, value in wanted.items()
    }
    in_force(client, context, desk, rules, case)


def in_force(client: TestClient, context: Context, desk: Desk, rules: str, case: Case) -> None:
    """Put rules on the fields in force, one way and the other, and see that the stored item follows them."""
    others = [
        rule("include", fact, "true" if fact is Fact.SPAM else f"not {value}")
        for fact, value in case.says.items()
    ]
    fact, value = list(case.says.items())[-1]
    for put, by in (
        ([rule("exclude", fact, value)], f"exclude {fact}"),
        (others, NOT_INCLUDED),
        ([*others, {**rule("include", fact, value), "name": "this one"}], None),
    ):
        assert client.put(rules, json={"rules": put}).status_code == 200
        walk(context)
        (item,) = desk.listed()
        assert item["excluded_by"] == by


@pytest.mark.parametrize("kind", ["helpscout", "front", "freshdesk"])
def test_spam_is_kept_left_out_and_comes_back(
    client: TestClient, clock: Clock, context: Context, kind: str
) -> None:
    case = next(case for case in CASES if case.kind == kind)
    scheme = str(case.settings.get("signature", SOURCES[kind].schemes[0]))
    desk = Desk(client, context, clock, kind, scheme)
    spam, ham = {
        "helpscout": ({"status": "spam"}, {"status": "active"}),
        "front": ({"type": "archive"}, {"type": "reopen"}),
        "freshdesk": ({"event": "spam"}, {"event": "unmarked_as_spam"}),
    }[kind]
    desk.send(case.payload, **{"X_HelpScout_Event": "convo.created"} if kind == "helpscout" else {})
    for number, (changed, by) in enumerate(((spam, "called_spam"), (ham, None))):
        clock.advance(minutes=1)
        payload = {**case.payload, **changed}
        if kind == "front":
            status = "spam" if by else "unassigned"
            at = case.payload["emitted_at"] + 60 * (number + 1)
            payload |= {"id": f"evt_{number}", "emitted_at": at}
            payload["conversation"] = {**case.payload["conversation"], "status": status}
        if kind == "freshdesk":
            payload = {"ticket_id": 8841, **changed}
        if kind == "helpscout":
            payload["userUpdatedAt"] = f"2026-03-02T09:1{number + 5}:58Z"
        desk.send(payload, **{"X_HelpScout_Event": "convo.status"} if kind == "helpscout" else {})
        assert {item["excluded_by"] for item in desk.listed()} == {by}
        assert all(item["text"] for item in desk.listed())
