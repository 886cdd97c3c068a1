import json
from datetime import UTC, datetime
from typing import Any

import pytest

from models.errors import Invalid
from models.sources.jira import SOURCE, parse
from models.sources.jira_text import MAX_NODES, text_in
from models.sources.source import settings_from
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    ReleaseChange,
    Status,
)
from tests.models.sources.examples import NOW, example

CREATED = json.loads(example("jira.issue_created_jsm").data["body"])
RELEASED = json.loads(example("jira.version_released").data["body"])
CUSTOMER = {"accountId": "5b000000", "accountType": "customer"}
STAFF = {"accountId": "5a000001", "accountType": "atlassian", "emailAddress": "staff@example.com"}
COMMENT = {
    "id": "20001",
    "author": CUSTOMER,
    "body": "Still *slow*.",
    "created": "2026-03-02T10:15:00.000+0100",
    "updated": "2026-03-02T10:15:20.000+0100",
    "jsdPublic": True,
}
SKINNY = {"id": "10471", "key": "HELP-471", "fields": {"summary": "Dashboard loads slowly"}}


def read(payload: object, **settings: object) -> list[Change]:
    return list(
        parse(
            json.dumps(payload).encode(),
            headers={"x-atlassian-webhook-identifier": "hook-1"},
            settings=settings_from(SOURCE.schemes, settings),
            received_at=NOW,
        )
    )


def feedback(payload: object, **settings: object) -> list[FeedbackChange]:
    found = read(payload, **settings)
    changes = [change for change in found if isinstance(change, FeedbackChange)]
    assert len(changes) == len(found)
    return changes


def issue(
    name: str = "jira:issue_created", more: dict[str, Any] | None = None, **fields: object
) -> dict[str, Any]:
    held = {**CREATED["issue"], "fields": {**CREATED["issue"]["fields"], **fields}}
    return {**CREATED, "webhookEvent": name, "issue": held, **(more or {})}


def comment(name: str = "comment_created", **changed: object) -> dict[str, Any]:
    return {
        "timestamp": 1772442901000,
        "webhookEvent": name,
        "comment": {**COMMENT, **changed},
        "issue": SKINNY,
    }


def changelog(*fields: str) -> dict[str, Any]:
    return {"changelog": {"id": "1", "items": [{"field": field} for field in fields]}}


@pytest.mark.parametrize(
    ("reporter", "creator", "role", "relayed"),
    [
        (CUSTOMER, CUSTOMER, AuthorRole.CUSTOMER, False),
        (CUSTOMER, None, AuthorRole.CUSTOMER, False),
        (CUSTOMER, STAFF, AuthorRole.AGENT, True),
        (CUSTOMER, {"accountId": "app", "accountType": "app"}, AuthorRole.CUSTOMER, False),
        (CUSTOMER, {"accountId": "5b2", "accountType": "customer"}, AuthorRole.CUSTOMER, False),
        (STAFF, STAFF, AuthorRole.AGENT, True),
        ({"accountId": "app", "accountType": "app"}, None, AuthorRole.BOT, False),
        ({"name": "ann", "emailAddress": "ann@example.com"}, {"name": "ann"}, AuthorRole.CUSTOMER, False),
        ({"name": "ann"}, {"name": "bob"}, AuthorRole.AGENT, True),
        (None, None, AuthorRole.CUSTOMER, False),
    ],
)
def test_whose_words_an_issue_holds(
    reporter: object, creator: object, role: AuthorRole, relayed: bool
) -> None:
    (change,) = feedback(issue(reporter=reporter, creator=creator))
    assert (change.author_role, change.relayed) == (role, relayed)
    assert change.makes_item is (role is not AuthorRole.BOT)


def test_data_center_names_people_by_key_or_name() -> None:
    (change,) = feedback(
        issue(reporter={"name": "ann", "key": "JIRAUSER1", "emailAddress": "ann@example.com"})
    )
    assert (change.customer_id, change.customer_email) == ("JIRAUSER1", "ann@example.com")


@pytest.mark.parametrize(
    ("name", "category", "status"),
    [
        ("Waiting for support", "new", Status.OPEN),
        ("Work in progress", "indeterminate", Status.OPEN),
        ("Waiting for customer", "indeterminate", Status.PENDING),
        ("Pending", "indeterminate", Status.PENDING),
        ("Behoben", "done", Status.RESOLVED),
        ("Closed", "done", Status.CLOSED),
        ("Canceled", "done", Status.CLOSED),
        ("Geparkt", "indeterminate", Status.PENDING),
        ("Odd", "", None),
    ],
)
def test_the_state_by_name_then_by_category(name: str, category: str, status: Status | None) -> None:
    held = {"name": name, "statusCategory": {"key": category}}
    (change,) = feedback(issue(status=held), statuses={"Geparkt": "pending"})
    assert change.status is status


@pytest.mark.parametrize(
    ("field", "account"),
    [
        ([{"id": "77", "name": "Example Logistics"}], "77"),
        ([{"id": "77", "name": "E", "_links": {"self": "x"}, "uuid": "u"}], "77"),
        ([{"id": 1, "name": "Sprint 4", "state": "active", "boardId": 2}], None),
        ([{"id": "1", "name": "4.3", "released": False}], None),
        ([{"id": "1", "value": "Web"}], None),
        ([], None),
        ("text", None),
        (["a"], None),
    ],
)
def test_the_organisation_is_told_by_its_shape(field: object, account: str | None) -> None:
    assert feedback(issue(customfield_10002=field))[0].account_id == account


def test_labels_and_components_say_plan_and_area() -> None:
    (tagged,) = feedback(
        issue(labels=["plan_pro", "area_sync"]), plan_tag_prefix="plan_", area_tag_prefix="area_"
    )
    assert (tagged.plan, tagged.product_area) == ("pro", "sync")
    assert feedback(issue(components=[]))[0].product_area is None


def test_a_changed_text_replaces_the_first_message() -> None:
    payload = issue("jira:issue_updated", changelog("status", "description"), description="Edited")
    (change,) = feedback(payload)
    assert (change.action, change.message_id, change.body) == (Action.UPSERT, FIRST_MESSAGE, "Edited")


@pytest.mark.parametrize(
    "more",
    [changelog("status"), {}, {"changelog": {"items": None}}, {"changelog": {"items": [5, {"field": []}]}}],
)
def test_any_other_change_is_one_of_attributes(more: dict[str, Any]) -> None:
    state, opening = feedback(issue("jira:issue_updated", more))
    assert (state.action, state.body) == (Action.UPDATE_STATUS, None)
    assert (opening.fallback, opening.makes_item) == (True, True)


def test_an_update_may_carry_the_comment_that_caused_it() -> None:
    said, state, opening = feedback(issue("jira:issue_updated", {"comment": COMMENT}))
    assert (said.action, said.message_id, said.makes_item) == (Action.APPEND_MESSAGE, "20001", True)
    assert state.action is Action.UPDATE_STATUS
    assert opening.fallback


def test_an_issue_without_its_text() -> None:
    skinny = {**CREATED, "issue": SKINNY}
    assert [c.action for c in feedback(skinny)] == [Action.FETCH]
    updated = {**skinny, "webhookEvent": "jira:issue_updated"}
    assert [c.action for c in feedback(updated)] == [Action.UPDATE_STATUS]
    (empty,) = feedback(issue(description=None))
    assert (empty.action, empty.body) == (Action.UPSERT, "")


def test_deletions_carry_no_text() -> None:
    (gone,) = feedback(issue("jira:issue_deleted"))
    assert (gone.action, gone.external_id, gone.message_id) == (Action.DELETE, "10471", None)
    (said,) = feedback(comment("comment_deleted"))
    assert (said.action, said.message_id) == (Action.DELETE, "20001")
    for change in (gone, said):
        assert (change.body, change.subject, change.tags, change.customer_id) == (None, None, None, None)


def test_a_customers_comment_is_a_message() -> None:
    (said,) = feedback(comment())
    assert (said.action, said.external_id, said.message_id) == (Action.APPEND_MESSAGE, "10471", "20001")
    assert (said.body, said.makes_item, said.customer_id) == ("Still slow.", True, "5b000000")
    assert said.occurred_at == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    (edited,) = feedback(comment("comment_updated"))
    assert edited.occurred_at == datetime(2026, 3, 2, 9, 15, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changed", "role", "makes_item"),
    [
        ({"author": STAFF}, AuthorRole.AGENT, False),
        ({"author": STAFF, "jsdPublic": False}, AuthorRole.AGENT, False),
        ({"jsdPublic": False}, AuthorRole.CUSTOMER, False),
        ({"jsdPublic": None}, AuthorRole.CUSTOMER, True),
        ({"author": {"name": "ann"}}, AuthorRole.AGENT, False),
        ({"author": None}, AuthorRole.AGENT, False),
    ],
)
def test_who_comments(changed: dict[str, Any], role: AuthorRole, makes_item: bool) -> None:
    (said,) = feedback(comment(**changed))
    assert (said.author_role, said.makes_item) == (role, makes_item)


def test_on_data_center_the_reporter_comments_as_a_customer() -> None:
    payload = comment(author={"name": "ann"})
    payload["issue"] = {"id": "1", "fields": {"reporter": {"name": "ann"}}}
    assert feedback(payload)[0].makes_item


def test_a_comment_made_internal_goes() -> None:
    (change,) = feedback(comment("comment_updated", jsdPublic=False))
    assert (change.action, change.message_id, change.body) == (Action.DELETE, "20001", None)
    assert change.occurred_at == datetime(2026, 3, 2, 9, 15, 20, tzinfo=UTC)


@pytest.mark.parametrize("public", [True, None])
def test_a_comment_made_public_again_comes_back(public: bool | None) -> None:
    (change,) = feedback(comment("comment_updated", jsdPublic=public))
    assert (change.action, change.message_id, change.body) == (Action.RESTORE, "20001", "Still slow.")
    assert change.makes_item


def test_an_edit_is_dated_by_the_later_of_comment_and_event() -> None:
    """A change of who may see it may leave the comment's own time as it was."""
    payload = {**comment("comment_updated"), "timestamp": 1772442925000}
    (change,) = feedback(payload)
    assert change.occurred_at == datetime(2026, 3, 2, 9, 15, 25, tzinfo=UTC)


def test_a_release_without_name_or_time() -> None:
    held = {"id": 7, "description": None}
    (change,) = read({**RELEASED, "version": held})
    assert isinstance(change, ReleaseChange)
    assert (change.name, change.version, change.description) == ("7", None, None)
    with pytest.raises(Invalid, match="timestamp"):
        read({"webhookEvent": "jira:version_released", "version": held})


@pytest.mark.parametrize(
    "name",
    [
        "jira:version_unreleased",
        "jira:version_created",
        "jira:version_deleted",
        "issuelink_created",
        "sprint_started",
    ],
)
def test_other_events_are_ignored(name: str) -> None:
    (change,) = feedback({**RELEASED, "webhookEvent": name})
    assert (change.action, change.event_id) == (Action.IGNORE, "hook-1")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("*40 seconds* and _slow_ and +new+", "40 seconds and slow and new"),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
        ("{quote}It used to take 3{quote}", "It used to take 3"),
        ("{code:java|title=x}int a;{code}", "int a;"),
        ("{color:#ff0000}red{color} {noformat}raw{noformat}", "red raw"),
        ("h2. Steps\r\n# open\r\n# click\r\n** twice", "Steps\n- open\n- click\n- twice"),
        ("bq. cited", "cited"),
        ("[this page|https://x.example/a] [https://y.example]", "this page https://y.example"),
        ("[~accountid:5b:1] and [~ann]", "@user and @user"),
        ("!screen.png|thumbnail! see! that!", "see! that!"),
        ("{{GET /x}}", "GET /x"),
        ("||a||b||\n|1|2|", "a b \n 1 2"),
        ("one\\\\two", "one\ntwo"),
        ("[INFO] kept", "[INFO] kept"),
    ],
)
def test_wiki_markup_becomes_text(written: str, text: str) -> None:
    assert text_in(written, field="d") == text


def doc(*content: object) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


def paragraph(*texts: str) -> dict[str, Any]:
    return {"type": "paragraph", "content": [{"type": "text", "text": text} for text in texts]}


def test_a_document_becomes_text() -> None:
    given = doc(
        {"type": "heading", "attrs": {"level": 2}, "content": [{"type": "text", "text": "Steps"}]},
        paragraph("It is ", "slow"),
        {"type": "bulletList", "content": [{"type": "listItem", "content": [paragraph("one")]}]},
        {
            "type": "paragraph",
            "content": [
                {"type": "mention", "attrs": {"id": "5b", "text": "@Ann"}},
                {"type": "hardBreak"},
                {"type": "inlineCard", "attrs": {"url": "https://x.example"}},
                {"type": "emoji", "attrs": {"text": "🙁"}},
            ],
        },
        {
            "type": "table",
            "content": [
                {
                    "type": "tableRow",
                    "content": [
                        {"type": "tableCell", "content": [{"type": "text", "text": "a"}]},
                        {"type": "tableCell", "content": [{"type": "text", "text": "b"}]},
                    ],
                }
            ],
        },
        {"type": "mediaSingle", "content": [{"type": "media", "attrs": {"id": "f"}}]},
    )
    text = text_in(given, field="d")
    assert text == "Steps\nIt is slow\none\n\n@user\nhttps://x.example🙁\na b"
    (change,) = feedback(issue(description=given))
    assert change.body == text


@pytest.mark.parametrize(
    "given", [{}, {"content": 5}, doc(5, None, "x", {"type": []}, {"type": "text", "text": 1})]
)
def test_documents_of_any_shape_are_no_error(given: dict[str, Any]) -> None:
    assert isinstance(text_in(given, field="d"), str)


def test_a_document_may_be_nested_deeply_but_not_endlessly_long() -> None:
    nested: dict[str, Any] = paragraph("deep")
    for _ in range(5_000):
        nested = {"type": "blockquote", "content": [nested]}
    assert text_in(doc(nested), field="d") == "deep"
    assert text_in(doc(*["x"] * (MAX_NODES + 100)), field="d") == "x" * (MAX_NODES - 1)
    with pytest.raises(Invalid, match="longer than"):
        text_in(doc(*[paragraph("x" * 1000)] * 1001), field="d")


@pytest.mark.parametrize("sign", ["*", "_", "+", "[", "{", "!", "|", "{quote", "[~", "*a "])
def test_markup_without_an_end_takes_no_time(sign: str) -> None:
    assert text_in(sign * 100_000, field="d") is not None


def test_there_is_no_handshake_and_the_key_is_the_identifier() -> None:
    assert SOURCE.handshake({}, b"{}") is None
    assert SOURCE.delivery_key({"X-Atlassian-Webhook-Identifier": "h"}, b"") == "h"
    assert SOURCE.delivery_key({}, b"{}").startswith("sha256:")


def test_what_cannot_be_understood_is_named() -> None:
    for payload, field in (
        ({}, "webhookEvent"),
        ({"webhookEvent": "jira:issue_created"}, "issue"),
        ({"webhookEvent": "comment_created", "issue": SKINNY}, "comment"),
    ):
        with pytest.raises(Invalid) as caught:
            read(payload)
        assert caught.value.field == field
