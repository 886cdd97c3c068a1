"""Secrets of sources with a key set: sealed at rest, told by nobody, and nothing is lost while a key is missing."""

import base64
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from models.database import Database
from models.jobs import Chore
from models.queries import pulls
from models.records import Delivery
from service.app import create_app
from service.cli import run
from tests import factories
from tests.clock import NOON, Clock
from tests.erasing import words_in_files, words_in_rows
from tests.fakes.vendor import TOKEN
from tests.fakes.zendesk import Zendesk
from tests.service.keys import bearer
from tests.services import settings_for
from tests.steps import post_entry
from tests.workers.pulling import START, deliveries_of, once, source_of
from workers.context import Context
from workers.schedule import run_chore

KEY, NEXT_KEY = (base64.b64encode(letter * 32).decode() for letter in (b"k", b"n"))
ENTRY = {"id": "T-1", "created_at": "2026-05-20T10:00:00Z", "text": "The export fails, it is bad."}
SECRET, OTHER_SECRET, PULL_TOKEN = "the-secret-of-the-desk", "the-secret-of-the-shop", "the-token-of-the-desk"
WORDS = (SECRET, OTHER_SECRET, PULL_TOKEN)


@contextmanager
def serving(database: Database, owner: int, key: str) -> Iterator[TestClient]:
    """Run the application with these sealing keys, for a client with an owner's key."""
    app = create_app(settings_for(database, sealing_key=key), database=database, clock=Clock())
    headers = bearer(factories.key(database, owner))
    with TestClient(app, headers=headers) as client:
        yield client


def connect(client: TestClient, *, secret: str = SECRET, name: str = "desk") -> str:
    """Connect a tool with a secret of its own; return where it must send."""
    body = {"kind": "generic_json", "name": name, "secret": secret}
    answer = client.post("/v1/sources", json=body)
    assert answer.status_code == 201
    found: str = answer.json()["ingest_url"]
    return found


def count(database: Database) -> int:
    with database.read(workspace=None) as session:
        return len(session.scalars(select(Delivery.id)).all())


def with_key(context: Context, key: str) -> Context:
    return replace(context, settings=settings_for(context.database, sealing_key=key))


def seal(context: Context, key: str) -> None:
    """Do the chore in an hour of its own, with these keys."""
    clock = context.clock
    assert isinstance(clock, Clock)
    clock.advance(hours=1)
    assert run_chore(with_key(context, key), Chore.SEAL, announce=lambda _: None)


def test_a_secret_is_sealed_at_rest_and_checks_signatures_all_the_same(
    programs: Database, database: Database, workspace: int
) -> None:
    with serving(programs, workspace, KEY) as client:
        address = connect(client)
        assert post_entry(client, address, ENTRY, SECRET, now=NOON).status_code == 202
        client.headers.pop("authorization")
        assert post_entry(client, address, ENTRY, "forged", now=NOON).status_code == 401
    assert words_in_rows(database, (SECRET,)) == {SECRET: set()}
    # The keys rotate: the old one still opens.
    with serving(programs, workspace, f"{NEXT_KEY},{KEY}") as client:
        assert post_entry(client, address, {**ENTRY, "id": "T-2"}, SECRET, now=NOON).status_code == 202
    assert count(database) == 2


def test_while_the_key_is_missing_every_failing_call_is_asked_to_come_again_and_none_is_lost(
    programs: Database, database: Database, workspace: int, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(programs, workspace, KEY) as client:
        address = connect(client)
    with serving(programs, workspace, "") as client:
        plain = connect(client, secret=OTHER_SECRET, name="shop")
        owner = dict(client.headers)
        client.headers.pop("authorization")
        right = post_entry(client, address, ENTRY, SECRET, now=NOON)
        forged = post_entry(client, plain, ENTRY, "forged", now=NOON)
        unknown = post_entry(client, "/v1/ingest/src_999", ENTRY, "forged", now=NOON)
        answers = [right, forged, unknown]
        assert [answer.status_code for answer in answers] == [503] * 3
        assert {answer.headers["retry-after"] for answer in answers} == {"5"}  # type: ignore[attr-defined]
        texts = {json.dumps({**answer.json(), "request_id": ""}) for answer in answers}
        assert len(texts) == 1, "which sources there are is nobody's business"
        assert not [word for word in ("EBB_", "key", "seal") if word in right.text]
        assert count(database) == 0
        # A source whose secret can be read goes on, and so does one that is proven by an API key.
        assert post_entry(client, plain, ENTRY, OTHER_SECRET, now=NOON).status_code == 202
        client.headers.update(owner)
        body = json.dumps({**ENTRY, "id": "T-2"})
        assert client.post(address, content=body).status_code == 202
        health = client.get(f"/v1/sources/{address.rpartition('/')[2]}/health").json()
    assert (health["light"], health["signature"]["secret"]) == ("red", "unreadable")
    assert "EBB_SEALING_KEY" in health["last_rejected_reason"]
    assert "EBB_SEALING_KEY" in caplog.text
    # The key is back, and the tool sends again what was answered 503.
    with serving(programs, workspace, KEY) as client:
        assert post_entry(client, address, ENTRY, SECRET, now=NOON).status_code == 202
        assert post_entry(client, "/v1/ingest/src_999", ENTRY, "forged", now=NOON).status_code == 401
        found = client.get(f"/v1/sources/{address.rpartition('/')[2]}/health").json()
    assert (found["light"], found["signature"]["secret"]) == ("green", "sealed")
    assert count(database) == 3


def test_a_pull_waits_for_its_key_where_it_stands_and_goes_on_when_it_is_back(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = Zendesk(clock=clock)
    vendor.add(1, NOON - timedelta(days=1))
    source = source_of(context, workspace, "zendesk", since=START)
    seal(context, KEY)
    row = once(context, workspace, source, vendor)
    assert (row.stopped, row.failures, row.stored_count) == (False, 1, 0)
    assert "EBB_SEALING_KEY" in str(row.error)
    assert row.lease is None
    assert vendor.calls == []
    clock.now = row.next_at
    row = once(with_key(context, f"{NEXT_KEY},{KEY}"), workspace, source, vendor)
    assert (row.error, row.failures) == (None, 0)
    assert len(deliveries_of(context.database, source)) == 1
    with serving(context.database, workspace, "") as client:
        health = client.get(f"/v1/sources/src_{source}/health").json()
        assert (health["light"], health["pull"]["token_seal"]) == ("red", "unreadable")
    with serving(context.database, workspace, f"{NEXT_KEY},{KEY}") as client:
        assert client.get(f"/v1/sources/src_{source}/pull").json()["token_seal"] == "outdated"


def test_the_chore_seals_what_is_plain_when_a_key_is_first_set_and_again_when_it_changes(
    context: Context, database: Database, workspace: int
) -> None:
    vendor = Zendesk(clock=context.clock)
    with serving(context.database, workspace, "") as client:
        address = connect(client)
    source = source_of(context, workspace, "zendesk", since=START)
    words = (SECRET, TOKEN)
    assert words_in_rows(database, words) == {SECRET: {"source"}, TOKEN: {"pull"}}
    seal(context, "")
    assert words_in_rows(database, words) == {SECRET: {"source"}, TOKEN: {"pull"}}
    seal(context, KEY)
    assert words_in_rows(database, words) == {word: set() for word in words}
    if database.is_sqlite:
        assert words_in_files(database, words) == {word: set() for word in words}
    seal(context, f"{NEXT_KEY},{KEY}")
    # The old key is not needed any more.
    assert once(with_key(context, NEXT_KEY), workspace, source, vendor).error is None
    with serving(context.database, workspace, NEXT_KEY) as client:
        assert post_entry(client, address, ENTRY, SECRET, now=NOON).status_code == 202


def test_a_lost_key_is_mended_by_a_new_secret_and_another_tools_secret_is_nobodys_to_change(
    programs: Database, database: Database, workspace: int
) -> None:
    with serving(programs, workspace, KEY) as client:
        address = connect(client)
    path = f"/v1/sources/{address.rpartition('/')[2]}/secret"
    with serving(programs, workspace, NEXT_KEY) as client:
        told = client.put(path, json={"secret": OTHER_SECRET})
        assert (told.status_code, told.json()["secret"]) == (200, None)
        made = client.put(path, json={}).json()["secret"]
        assert client.put(path, json={"secret": "ebb_x"}).json()["field"] == "secret"
        assert client.put("/v1/sources/src_999/secret", json={}).status_code == 404
        entries = client.get("/v1/audit").json()["items"]
        assert [each["action"] for each in entries].count("source.secret") == 2
        client.headers.pop("authorization")
        assert post_entry(client, address, ENTRY, OTHER_SECRET, now=NOON).status_code == 401
        assert post_entry(client, address, ENTRY, made, now=NOON).status_code == 202
    assert words_in_rows(database, (OTHER_SECRET, made.lower())) == {OTHER_SECRET: set(), made.lower(): set()}


def test_no_answer_log_or_audit_tells_a_secret(
    programs: Database, workspace: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pull = {"subdomain": "acme", "account": "mira@example.com", "token": PULL_TOKEN}
    with serving(programs, workspace, KEY) as client:
        made = client.post(
            "/v1/sources", json={"kind": "zendesk", "name": "desk", "secret": SECRET, "pull": pull}
        )
        source = made.json()["id"]
        client.put(f"/v1/sources/{source}/pull", json={**pull, "interval_s": 600})
        wrong = client.put(f"/v1/sources/{source}/pull", json={**pull, "interval_s": 1})
        taken = client.post(
            "/v1/sources", json={"kind": "zendesk", "name": "x", "secret": SECRET, "sekret": SECRET}
        )
        assert (wrong.status_code, taken.status_code) == (422, 422)
        refused = client.post(f"/v1/ingest/{source}", content=b"{}", headers={"Authorization": "none"})
        assert refused.status_code == 401
        paths = ("sources", f"sources/{source}/health", f"sources/{source}/pull", "audit", "deliveries")
        answers = [client.get(f"/v1/{path}") for path in paths]
        assert [answer.status_code for answer in answers] == [200] * len(paths)
        answers += [made, wrong, taken, refused, client.get("/metrics")]
    told = "\n".join([*(answer.text for answer in answers), caplog.text])
    assert [word for word in (*WORDS, KEY) if word in told] == []
    with programs.read(workspace=workspace) as session:
        (row,) = pulls.list_pulls(session, workspace=workspace)
    assert row.stored_token not in told, "nor what it became"


# --- ebb doctor ---------------------------------------------------------------------------------------------


@pytest.fixture
def examined(
    ready: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[int, dict[str, str]]]:
    """Run `ebb doctor --json` with these sealing keys; return its exit code and findings."""

    def examine(key: str) -> tuple[int, dict[str, str]]:
        from models.settings import load_settings

        monkeypatch.setenv("EBB_SEALING_KEY", key)
        load_settings.cache_clear()
        code = run(["doctor", "--json"])
        told = capsys.readouterr().out
        assert [word for word in WORDS if word in told] == []
        return code, json.loads(told)

    return examine


def test_the_doctor_says_which_secrets_are_plain_and_which_need_another_key(
    examined: Callable[[str], tuple[int, dict[str, str]]], opened: Database
) -> None:
    with serving(opened, 1, "") as client:
        connect(client)
    context = Context(opened, settings_for(opened), lambda _: None, Clock())  # type: ignore[arg-type,return-value]
    source_of(context, 1, "zendesk", since=START)
    plain = "src_1 (secret), src_2 (secret), src_2 (pull token)"
    code, found = examined("")
    assert (code, found["secrets of sources"]) == (0, "3 plain")
    assert found["plain secrets"].startswith(f"{plain}: set EBB_SEALING_KEY")
    code, found = examined(KEY)
    assert (code, found["plain secrets"].startswith(f"{plain}: within the hour")) == (0, True)
    seal(context, KEY)
    code, found = examined(KEY)
    assert (code, found["secrets of sources"], "plain secrets" in found) == (0, "3 sealed", False)
    code, found = examined(f"{NEXT_KEY},{KEY}")
    assert (code, found["secrets of sources"]) == (0, "3 outdated")
    assert found["secrets of an older key"].startswith(f"{plain}: keep that key in EBB_SEALING_KEY")
    for key in ("", NEXT_KEY):
        code, found = examined(key)
        assert (code, found["secrets of sources"]) == (3, "3 unreadable")
        assert found["unreadable secrets"] == plain
        assert "EBB_SEALING_KEY" in found["verdict"]


def test_the_doctor_names_no_more_secrets_than_fit(
    examined: Callable[[str], tuple[int, dict[str, str]]], opened: Database
) -> None:
    with opened.write(workspace=1) as session:
        for number in range(23):
            factories.source(session, 1, name=f"desk {number}")
    assert "src_20 (secret) and 3 more:" in examined("")[1]["plain secrets"]
