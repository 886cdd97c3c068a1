"""Every recorded example of every connector over HTTP: what is answered, what is refused, what it becomes.

A connector is covered as soon as its examples lie in tests/data/webhooks.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.sources.registry import SOURCES
from models.sources.signature import SCHEMES, Kind, Strength
from models.sources.strength import weaknesses
from tests.clock import Clock
from tests.models.sources.examples import Example, example, examples
from tests.steps import unfinished, walk
from workers.context import Context

EXAMPLES = examples()
WRITES = ("upsert", "append_message")
# Placeholders stand where personal data was; what is between them are the customer's own words.
PLACEHOLDER = re.compile(r"<[a-z_]+>")


@pytest.fixture
def database(sqlite: Database) -> Database:
    """Connectors do not know which database there is; that both take what they write is shown elsewhere."""
    return sqlite


def at(clock: Clock, epoch: float) -> None:
    clock.now = datetime.fromtimestamp(epoch, UTC)


def scheme_name(each: Example) -> str:
    """Name the scheme by which an example is signed."""
    told = each.data["signature"]
    for name in SOURCES[each.data["source"]].schemes:
        scheme = SCHEMES[name]
        is_header = scheme.header.lower() == told["header"].lower()
        if (
            is_header
            and scheme.kind == told["kind"]
            and (scheme.kind is Kind.TOKEN or scheme.algorithm == told["algorithm"])
        ):
            return name
    raise AssertionError(f"{each.name}: no scheme of its kind fits {told['header']}")


def connect(client: TestClient, each: Example, *, is_pinned: bool = True) -> dict[str, Any]:
    """Connect the tool as its administrator would, with the example's secret."""
    settings = {"signature": scheme_name(each)} if is_pinned else {}
    asked = {"kind": each.data["source"], "name": each.name, "secret": each.secret, "settings": settings}
    made = client.post("/v1/sources", json=asked)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def post(
    client: TestClient, source: Mapping[str, Any], each: Example, case: Mapping[str, Any] | None = None
) -> Any:
    """Send an example, or one of its negatives. The sender has no key: one would stand in for a signature."""
    case = case or {}
    headers = {k: v for k, v in each.headers.items() if k != case.get("drop_header")}
    body = case.get("body", each.data["body"]).encode()
    return client.post(source["ingest_url"], content=body, headers={"Authorization": "", **headers})


def items(
    client: TestClient, source: Mapping[str, Any], external_id: str | None = None
) -> list[dict[str, Any]]:
    asked = {"source": source["id"], **({"external_id": external_id} if external_id else {})}
    answer = client.get("/v1/feedback", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def is_handshake(each: Example) -> bool:
    return each.expected[0]["action"] == "handshake" or "ping" in each.name


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_an_example_is_answered_its_forgeries_are_refused_and_it_becomes_what_it_means(
    client: TestClient, clock: Clock, context: Context, database: Database, each: Example
) -> None:
    source = connect(client, each)
    for case in each.data["negatives"]:
        at(clock, case.get("verify_at", each.data["verify_at"]))
        if case["expect"].startswith("signature still valid"):
            continue
        forged = {**source}
        if "secret" in case:  # the sender signed with another secret: connect one that expects it
            other = client.post(
                "/v1/sources",
                json={"kind": each.data["source"], "name": "other", "secret": case["secret"]},
            )
            forged = other.json()
        refused = post(client, forged, each, case)
        assert refused.status_code == 401, case["why"]
        assert refused.headers["content-type"] == "application/problem+json"
    walk(context)
    assert items(client, source) == []
    at(clock, each.data["verify_at"])
    answers = [post(client, source, each) for _ in range(2)]
    wanted = 200 if is_handshake(each) else 202
    assert [answer.status_code for answer in answers] == [wanted, wanted]
    if wanted == 202:
        assert [answer.json()["status"] for answer in answers] == ["accepted", "duplicate"]
    walk(context)
    assert unfinished(database, now=clock.now) == []
    check_meaning(client, source, each)


def check_meaning(client: TestClient, source: Mapping[str, Any], each: Example) -> None:
    """Read everything back and compare it with what the example should mean."""
    health = client.get(f"/v1/sources/{source['id']}/health").json()
    assert health["failures"] == []
    stored = items(client, source)
    wrote = [one for one in each.expected if one["action"] in WRITES and each.data["kind"] == "feedback"]
    for expected in each.expected:
        if expected in wrote:
            check_item(client, source, expected)
        elif expected["action"] == "release":
            check_release(client, expected)
        elif expected["action"] == "metric":
            keys = {one["key"] for one in client.get("/v1/metrics").json()["items"]}
            assert expected["metric"] in keys
        elif expected["action"] in ("delete", "redact", "handshake", "ignore", "merge"):
            assert stored == []
    assert len({(one["external_id"], one["message_id"]) for one in stored}) == len(stored)


def check_item(client: TestClient, source: Mapping[str, Any], expected: dict[str, Any]) -> None:
    found = items(client, source, expected["external_id"])
    if expected["author_role"] != "customer":
        check_relayed(found, expected)
        return
    (item,) = found
    assert item["author_role"] == "customer"
    for name in ("account_id", "plan", "product_area", "status", "tags", "rating"):
        if expected.get(name) is not None:
            assert item[name] == expected[name], name
    if expected.get("subject"):
        assert item["subject"]
    check_text(item, expected)


def check_relayed(found: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    """Staff's own text is an item only where it relays a customer's, and then not counted by default."""
    own = " ".join((expected["body"] or "").split())
    for item in found:
        assert item["counted"] is False or item["author_role"] == "customer"
        if item["author_role"] == "agent":
            check_text(item, expected)
        else:
            assert own not in " ".join(item["text"].split())
    if expected["action"] == "append_message":
        assert all(item["author_role"] == "customer" for item in found)
    for part in expected.get("body_must_contain") or []:
        assert any(part in item["text"] for item in found), part


def check_text(item: dict[str, Any], expected: dict[str, Any]) -> None:
    """Hold a stored text to the expected one: nothing added, and nothing lost but personal data."""
    stored = " ".join(item["text"].split())
    told = " ".join((expected["body"] or "").split())
    kept = [piece.strip() for piece in PLACEHOLDER.split(stored)]
    assert all(piece in told for piece in kept), (stored, told)
    assert len("".join(kept)) >= 0.6 * len(told), (stored, told)
    whole = f"{item['subject'] or ''} {item['text']}"
    assert all(part in whole for part in expected.get("body_must_contain") or [])
    assert not any(part in whole for part in expected.get("body_must_not_contain") or [])


def check_release(client: TestClient, expected: dict[str, Any]) -> None:
    (release,) = [
        one for one in client.get("/v1/releases").json()["items"] if one["key"] == expected["external_id"]
    ]
    assert release["name"] == expected["name"]
    assert release["version"] == expected["version"]
    assert release["environment"] == expected["environment"]
    assert datetime.fromisoformat(release["released_at"]) == datetime.fromisoformat(expected["released_at"])


def deliver(client: TestClient, clock: Clock, context: Context, names: tuple[str, ...]) -> dict[str, Any]:
    """Send examples of one tool to one source, in this order, each twice, and work them off."""
    first = example(names[0])
    source = connect(client, first)
    for name in names:
        each = example(name)
        at(clock, each.data["verify_at"])
        for _ in range(2):
            assert post(client, source, each).status_code in (200, 202)
        walk(context)
    return source


INTERCOM = tuple(
    f"intercom.{name}"
    for name in ("conversation_user_created", "conversation_user_replied", "conversation_rating_added")
)


def test_an_intercom_conversation_from_its_opening_to_a_redaction(
    client: TestClient, clock: Clock, context: Context
) -> None:
    source = deliver(client, clock, context, INTERCOM)
    said = {item["message_id"]: item for item in items(client, source)}
    assert set(said) == {"0", "5001", "rating"}
    assert said["5001"]["text"] == "It also happens on Wi-Fi."
    assert said["rating"]["text"] == "Still broken after the update."
    assert all(item["status"] == "closed" for item in said.values())
    assert said["0"]["rating"]["value"] == 2
    assert post(client, source, example("intercom.conversation_part_redacted")).status_code == 202
    walk(context)
    left = {item["message_id"]: item["text"] for item in items(client, source)}
    assert set(left) == {"0", "rating"}
    assert "This message was deleted" not in "".join(left.values())


@pytest.mark.parametrize("order", [INTERCOM, INTERCOM[::-1], (*INTERCOM[1:], INTERCOM[0])])
def test_an_intercom_conversation_is_the_same_whatever_arrives_first(
    client: TestClient, clock: Clock, context: Context, order: tuple[str, ...]
) -> None:
    source = deliver(client, clock, context, order)
    said = {item["message_id"]: item["text"] for item in items(client, source)}
    assert set(said) == {"0", "5001", "rating"}
    assert said["0"].startswith("The mobile app logs me out")


def test_a_text_redacted_at_intercom_before_it_arrived_never_arrives(
    client: TestClient, clock: Clock, context: Context
) -> None:
    names = ("intercom.conversation_part_redacted", *INTERCOM[:2])
    source = deliver(client, clock, context, names)
    assert {item["message_id"] for item in items(client, source)} == {"0"}


def test_a_maintainers_comment_on_a_github_issue_makes_no_item(
    client: TestClient, clock: Clock, context: Context
) -> None:
    names = ("github.issues_opened", "github.issue_comment_created_maintainer", "github.ping")
    (item,) = items(client, deliver(client, clock, context, names))
    assert item["text"].startswith("### Steps")
    assert item["tags"] == ["bug", "area/import"]


def test_a_slack_thread_is_one_relayed_item(client: TestClient, clock: Clock, context: Context) -> None:
    names = ("slack.url_verification", "slack.message_channel", "slack.thread_reply", "slack.bot_message")
    (item,) = items(client, deliver(client, clock, context, names))
    assert (item["author_role"], item["counted"]) == ("agent", False)
    assert item["external_id"] == "C0FEEDBACK:1772442898.000200"


def test_slacks_challenge_is_given_back(client: TestClient, clock: Clock) -> None:
    each = example("slack.url_verification")
    at(clock, each.data["verify_at"])
    assert post(client, connect(client, each), each).json() == {"challenge": "3eZexampleChallenge0000"}


@pytest.mark.parametrize("is_pinned", [True, False])
@pytest.mark.parametrize("name", sorted({scheme_name(each) for each in EXAMPLES}))
def test_the_health_of_a_source_grades_what_its_calls_are_proven_by(
    client: TestClient, clock: Clock, name: str, is_pinned: bool
) -> None:
    each = next(each for each in EXAMPLES if scheme_name(each) == name and not is_handshake(each))
    source = connect(client, each, is_pinned=is_pinned)
    at(clock, each.data["verify_at"])

    def told() -> dict[str, Any]:
        found: dict[str, Any] = client.get(f"/v1/sources/{source['id']}/health").json()["signature"]
        return found

    accepted = [name] if is_pinned else list(SOURCES[each.data["source"]].schemes)
    assert told()["scheme"] is None
    is_weak = any(SCHEMES[one].strength is Strength.WEAK for one in accepted)
    assert told()["strength"] == ("weak" if is_weak else "strong")
    assert post(client, source, each).status_code == 202
    assert told() == {
        "scheme": name,
        "strength": SCHEMES[name].strength,
        "leaves_open": list(weaknesses(SCHEMES[name])),
        "accepted": accepted,
        "secret": "plain",
    }
