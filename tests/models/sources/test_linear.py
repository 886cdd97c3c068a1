import json

import pytest

from models.errors import Invalid
from models.sources.linear import DELIVERY, SOURCE
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, FeedbackChange, Status
from tests.models.sources.examples import Example, assert_meant, examples, payload_of, read_all

EXAMPLES = [each for each in examples() if each.data["source"] == "linear"]
ISSUE = payload_of("linear.issue_create")
NEED = payload_of("linear.customer_need_create")
COMMENT = {
    "type": "Comment",
    "action": "create",
    "createdAt": "2026-03-02T09:14:59.000Z",
    "data": {"id": "c1", "body": "Two more asked", "issueId": ISSUE["data"]["id"], "userId": "u1"},
}


def read(payload: object, **settings: object) -> list[FeedbackChange]:
    return read_all(SOURCE, payload, {DELIVERY: "d1"}, **settings)


def event(base: dict, action: str = "update", before: dict | None = None, **data: object) -> dict:
    return {**base, "action": action, "updatedFrom": before, "data": {**base["data"], **data}}


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_examples_mean_what_they_should(each: Example) -> None:
    assert_meant(SOURCE, each)


def test_there_are_two_examples() -> None:
    assert len(EXAMPLES) == 2


def test_a_customers_request_is_an_item_of_its_own() -> None:
    (need,) = read(NEED)
    assert (need.message_id, need.makes_item, need.relayed) == (FIRST_MESSAGE, True, False)
    (edited,) = read(event(NEED, before={"body": "old"}, body="*Edited*"))
    assert (edited.action, edited.body, edited.external_id) == (Action.UPSERT, "Edited", need.external_id)


@pytest.mark.parametrize("body", [None, "", "  "])
def test_a_request_that_lost_its_words_is_a_text_of_none(body: str | None) -> None:
    (emptied,) = read(event(NEED, before={"body": "old"}, body=body))
    assert (emptied.action, emptied.message_id, emptied.makes_item) == (Action.UPSERT, FIRST_MESSAGE, True)
    assert (emptied.body or "").strip() == ""
    assert emptied.body is not None, "None would leave the old words"
    for before in ({"body": None}, {"priority": 1}, None):
        (other,) = read(event(NEED, before=before, body=body))
        assert other.action is Action.IGNORE, "it had no words"


def test_an_issue_whose_description_is_taken_away_is_a_text_of_none() -> None:
    (emptied,) = read(event(ISSUE, before={"description": "old"}, description=None))
    assert (emptied.action, emptied.body, emptied.fallback) == (Action.UPSERT, "", False)


def test_an_issue_is_what_staff_report() -> None:
    (issue,) = read(ISSUE)
    assert (issue.author_role, issue.relayed, issue.makes_item) == (AuthorRole.AGENT, True, True)
    (bare,) = read(event(ISSUE, "create", description=None))
    assert (bare.body, bare.subject, bare.makes_item) == ("", "Webhook retries are not visible", True)
    (robot,) = read(event(ISSUE, "create", botActor={"id": "b1", "type": "integration"}))
    assert (robot.author_role, robot.makes_item) == (AuthorRole.BOT, False)


def test_an_edit_of_the_text_replaces_it_and_any_other_updates() -> None:
    for name in ("description", "title"):
        (change,) = read(event(ISSUE, before={name: "old"}))
        assert (change.action, change.fallback) == (Action.UPSERT, False)
    update, opening = read(
        event(ISSUE, before={"stateId": "s0"}, state={"name": "Done", "type": "completed"})
    )
    assert (update.action, update.status, update.body) == (Action.UPDATE_STATUS, Status.RESOLVED, None)
    assert (opening.fallback, opening.message_id) == (True, FIRST_MESSAGE)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("triage", Status.OPEN),
        ("backlog", Status.OPEN),
        ("started", Status.OPEN),
        ("completed", Status.RESOLVED),
        ("canceled", Status.CLOSED),
        ("duplicate", Status.CLOSED),
        ("unheard", None),
    ],
)
def test_states(kind: str, status: Status | None) -> None:
    (change,) = read(event(ISSUE, "create", state={"name": "Waiting on customer", "type": kind}))
    assert change.status == status
    (own,) = read(
        event(ISSUE, "create", state={"name": "Waiting on customer", "type": kind}),
        statuses={"Waiting on customer": "pending"},
    )
    assert own.status is Status.PENDING


@pytest.mark.parametrize("base", [ISSUE, NEED], ids=["issue", "need"])
def test_deletion_carries_no_text(base: dict) -> None:
    for removed in (event(base, "remove"), event(base, trashed=True)):
        (change,) = read(removed)
        assert (change.action, change.external_id) == (Action.DELETE, base["data"]["id"])
        assert (change.body, change.subject, change.tags, change.account_id) == (None, None, None, None)


@pytest.mark.parametrize("base", [ISSUE, NEED], ids=["issue", "need"])
def test_what_comes_back_from_the_bin_brings_its_text(base: dict) -> None:
    for restored in (event(base, before={"trashed": True}, trashed=False), event(base, "restore")):
        (change,) = read(restored)
        assert (change.action, change.makes_item) == (Action.RESTORE, True)


@pytest.mark.parametrize(
    ("author", "role"),
    [
        ({}, AuthorRole.AGENT),
        ({"userId": None, "externalUserId": "x1"}, AuthorRole.AGENT),
        ({"userId": None, "botActor": {"id": "b"}}, AuthorRole.BOT),
    ],
)
def test_comments_are_staffs_own(author: dict, role: AuthorRole) -> None:
    (change,) = read(event(COMMENT, "create", **author))
    assert (change.action, change.external_id, change.message_id) == (
        Action.APPEND_MESSAGE,
        ISSUE["data"]["id"],
        "c1",
    )
    assert (change.author_role, change.makes_item) == (role, False)


def test_a_removed_comment_is_a_removed_message() -> None:
    (change,) = read(event(COMMENT, "remove"))
    assert (change.action, change.message_id, change.body) == (Action.DELETE, "c1", None)


def test_a_comment_on_a_project_is_ignored() -> None:
    (change,) = read(event(COMMENT, "create", issueId=None))
    assert change.action is Action.IGNORE


def test_a_request_without_words_is_a_vote_for_its_issue() -> None:
    (vote,) = read(event(NEED, "create", body=" "))
    assert (vote.action, vote.external_id) == (Action.VOTE, NEED["data"]["issueId"])
    assert (vote.account_id, vote.body) == (NEED["data"]["customerId"], None)
    assert vote.customer_id == vote.account_id, "a vote without anybody behind it would not count"
    for nothing in (
        event(NEED, "update", body=None),
        event(NEED, "create", body="", issueId=None, issue=None),
    ):
        (change,) = read(nothing)
        assert change.action is Action.IGNORE


@pytest.mark.parametrize("kind", ["Project", "Reaction", "Customer", "IssueLabel", "Cycle"])
def test_what_is_not_feedback_is_ignored(kind: str) -> None:
    (change,) = read({"type": kind})
    assert (change.action, change.event_id) == (Action.IGNORE, "d1")


def test_labels_may_say_plan_and_area() -> None:
    labels = [{"name": "plan_pro"}, {"name": "area_api"}, "bare"]
    (change,) = read(event(ISSUE, "create", labels=labels), plan_tag_prefix="plan_", area_tag_prefix="area_")
    assert (change.plan, change.product_area, change.tags) == ("pro", "api", ("plan_pro", "area_api", "bare"))
    (none,) = read(event(ISSUE, "create", labels=None, project=None))
    assert (none.tags, none.product_area) == ((), None)


def test_the_delivery_is_the_key_and_not_the_webhook() -> None:
    body = json.dumps(ISSUE).encode()
    assert SOURCE.delivery_key({"linear-delivery": "d7"}, body) == "d7"
    assert (
        SOURCE.delivery_key({}, body) == SOURCE.delivery_key({}, body) != SOURCE.delivery_key({}, body + b" ")
    )
    assert SOURCE.handshake({}, body) is None


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, "type is missing"),
        ({"type": "Issue"}, "action is missing"),
        ({"type": "Issue", "action": "create", "data": {}}, "data.id is missing"),
        (event(ISSUE, "create", description=[1]), "data.description must be a text"),
        (event(ISSUE, "update", before=None) | {"updatedFrom": 5}, "updatedFrom must be an object"),
    ],
)
def test_what_cannot_be_understood_says_why(payload: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read(payload)
