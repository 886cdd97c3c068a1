import json
from typing import Any
from urllib.parse import urlencode

import pytest

from models.errors import Invalid
from models.sources.github import SOURCE, parse
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

OPENED = json.loads(example("github.issues_opened").data["body"])
COMMENTED = json.loads(example("github.issue_comment_created_maintainer").data["body"])
RELEASED = json.loads(example("github.release_published").data["body"])
DEPLOYED = json.loads(example("github.deployment_status_success").data["body"])
CUSTOMER = {"login": "ex-other", "id": 810002, "type": "User"}


def read(event: str, payload: object, **settings: object) -> list[Change]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = {"x-github-event": event, "X-GitHub-Delivery": "d-1"}
    return list(
        parse(body, headers=headers, settings=settings_from(SOURCE.schemes, settings), received_at=NOW)
    )


def feedback(event: str, payload: object, **settings: object) -> list[FeedbackChange]:
    found = read(event, payload, **settings)
    changes = [change for change in found if isinstance(change, FeedbackChange)]
    assert len(changes) == len(found)
    return changes


def issue(action: str, **changed: object) -> dict[str, Any]:
    return {**OPENED, "action": action, "issue": {**OPENED["issue"], **changed}}


def comment(action: str, **changed: object) -> dict[str, Any]:
    held = {**COMMENTED["comment"], "author_association": "NONE", "user": CUSTOMER, "body": "Me too."}
    return {**COMMENTED, "action": action, "comment": {**held, **changed}}


def deployment(state: str = "success", environment: str = "production", **changed: object) -> dict[str, Any]:
    status = {**DEPLOYED["deployment_status"], "state": state, "environment": environment}
    return {
        **DEPLOYED,
        "deployment_status": status,
        "deployment": {**DEPLOYED["deployment"], "environment": environment, **changed},
    }


def test_an_edit_replaces_the_opening_text() -> None:
    (change,) = feedback("issues", issue("edited", body="Edited", updated_at="2026-03-02T09:15:10Z"))
    assert (change.action, change.message_id, change.body) == (Action.UPSERT, FIRST_MESSAGE, "Edited")


@pytest.mark.parametrize("action", ["closed", "labeled", "reopened", "assigned", "milestoned"])
def test_any_other_change_is_one_of_attributes(action: str) -> None:
    state, opening = feedback("issues", issue(action, state="closed"))
    assert (state.action, state.status, state.body) == (Action.UPDATE_STATUS, Status.CLOSED, None)
    assert (opening.action, opening.fallback, opening.makes_item) == (Action.UPSERT, True, True)


def test_a_deletion_carries_no_text() -> None:
    (change,) = feedback("issues", issue("deleted"))
    assert (change.action, change.external_id, change.message_id) == (Action.DELETE, "2900041", None)
    assert (change.body, change.subject, change.tags) == (None, None, None)


def test_a_transferred_issue_lives_on_under_its_new_id() -> None:
    moved = {**issue("transferred"), "changes": {"new_issue": {"id": 2900099, "body": "x"}}}
    (change,) = feedback("issues", moved)
    assert (change.action, change.external_id, change.merged_into) == (Action.MERGE, "2900041", "2900099")
    assert [c.action for c in feedback("issues", issue("transferred"))] == [Action.IGNORE]


@pytest.mark.parametrize("association", ["OWNER", "MEMBER", "COLLABORATOR"])
def test_an_issue_that_staff_opened_is_relayed(association: str) -> None:
    (change,) = feedback("issues", issue("opened", author_association=association))
    assert (change.author_role, change.relayed, change.makes_item) == (AuthorRole.AGENT, True, True)


@pytest.mark.parametrize("association", ["NONE", "CONTRIBUTOR", "FIRST_TIME_CONTRIBUTOR", None])
def test_everybody_else_is_a_customer(association: str | None) -> None:
    (change,) = feedback("issues", issue("opened", author_association=association))
    assert (change.author_role, change.relayed) == (AuthorRole.CUSTOMER, False)


def test_bots_make_no_item() -> None:
    bot = {"login": "stale[bot]", "id": 1, "type": "Bot"}
    (opened,) = feedback("issues", issue("opened", user=bot))
    (said,) = feedback("issue_comment", comment("created", user=bot))
    assert (opened.author_role, opened.makes_item) == (AuthorRole.BOT, False)
    assert (said.author_role, said.makes_item) == (AuthorRole.BOT, False)


def test_the_issue_of_a_deleted_account_has_no_person() -> None:
    (change,) = feedback("issues", issue("opened", user=None))
    assert (change.customer_id, change.makes_item) == (None, True)


def test_a_customers_comment_is_a_message_of_that_customer() -> None:
    (said,) = feedback("issue_comment", comment("created"))
    assert (said.action, said.message_id, said.customer_id) == (Action.APPEND_MESSAGE, "3800001", "810002")
    assert said.makes_item


def test_an_edited_comment_is_as_new_as_its_edit() -> None:
    (said,) = feedback("issue_comment", comment("edited", updated_at="2026-03-02T09:15:20Z"))
    assert said.occurred_at is not None
    assert said.occurred_at.second == 20


def test_a_deleted_comment_goes_alone() -> None:
    (change,) = feedback("issue_comment", comment("deleted"))
    assert (change.action, change.message_id, change.body) == (Action.DELETE, "3800001", None)


def test_pull_requests_are_not_feedback() -> None:
    for event, payload in (
        ("issue_comment", {**comment("created"), "issue": {**OPENED["issue"], "pull_request": {"url": "x"}}}),
        ("issues", issue("opened", pull_request={})),
        ("pull_request", {"action": "opened"}),
        ("push", {}),
        ("issue_comment", comment("pinned")),
    ):
        assert [c.action for c in feedback(event, payload)] == [Action.IGNORE]


def test_discussions_are_records_of_their_own() -> None:
    payload = {"action": "created", "discussion": {**OPENED["issue"], "id": 41}}
    (opened,) = feedback("discussion", payload)
    assert (opened.external_id, opened.message_id) == ("discussion:41", FIRST_MESSAGE)
    (said,) = feedback(
        "discussion_comment", {**comment("created"), "discussion": {**OPENED["issue"], "id": 41}}
    )
    assert (said.external_id, said.message_id) == ("discussion:41", "3800001")
    moved = {"action": "transferred", "changes": {"new_discussion": {"id": 42}}}
    (merged,) = feedback("discussion", {**payload, **moved})
    assert merged.merged_into == "discussion:42"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("a\r\nb", "a\nb"),
        ("<!-- Tell us\n what -->It fails", "It fails"),
        ("<!-- never ends", "<!-- never ends"),
        ("a<!-- 1 -->b<!-- 2 -->c<!-- 3", "abc<!-- 3"),
        ("### Version\n\n_No response_\n", "### Version\n\n"),
        (None, ""),
    ],
)
def test_what_a_template_wrote_is_cut(written: str | None, text: str) -> None:
    (change,) = feedback("issues", issue("opened", body=written))
    assert change.body == text


def test_many_unfinished_comments_take_no_time() -> None:
    (change,) = feedback("issues", issue("opened", body="<!--" * 200_000))
    assert change.body is not None
    assert len(change.body) == 800_000


def test_labels_say_plan_and_area() -> None:
    (change,) = feedback("issues", OPENED, area_tag_prefix="area/", plan_tag_prefix="plan/")
    assert (change.product_area, change.plan) == ("import", None)


def test_a_form_is_read_like_json() -> None:
    body = urlencode({"payload": json.dumps(OPENED)}).encode()
    assert read("issues", body) == read("issues", OPENED)
    for broken in (b"payload=", b"payload=%7B", b"payload=\xff", b"payload=1&x"):
        with pytest.raises(Invalid):
            read("issues", broken)


@pytest.mark.parametrize("action", ["created", "released", "prereleased", "edited", "deleted"])
def test_one_publication_is_one_release(action: str) -> None:
    assert [c.action for c in feedback("release", {**RELEASED, "action": action})] == [Action.IGNORE]


def test_a_release_without_name_and_text_goes_by_its_tag() -> None:
    held = {**RELEASED["release"], "name": "", "body": None}
    (change,) = read("release", {**RELEASED, "release": held})
    assert isinstance(change, ReleaseChange)
    assert (change.name, change.version, change.description) == ("v4.3.0", "v4.3.0", None)
    bare = {"id": 1, "published_at": None}
    (numbered,) = read("release", {"action": "published", "release": bare})
    assert isinstance(numbered, ReleaseChange)
    assert (numbered.name, numbered.product_area, numbered.released_at) == ("1", None, None)


@pytest.mark.parametrize("state", ["queued", "in_progress", "pending", "failure", "error", "inactive"])
def test_only_a_successful_deployment_reached_customers(state: str) -> None:
    assert [c.action for c in feedback("deployment_status", deployment(state))] == [Action.IGNORE]


@pytest.mark.parametrize(
    ("environment", "flags", "counts"),
    [
        ("production", {}, True),
        ("Prod-EU", {}, True),
        ("live", {}, True),
        ("blue", {"production_environment": True}, True),
        ("staging", {}, False),
        ("preview", {"production_environment": False}, False),
        ("reproduction-lab", {}, False),
        ("delivery", {}, False),
        ("production", {"transient_environment": True}, False),
    ],
)
def test_only_production_reached_customers(environment: str, flags: dict[str, bool], counts: bool) -> None:
    (change,) = read("deployment_status", deployment(environment=environment, **flags))
    assert isinstance(change, ReleaseChange) is counts


@pytest.mark.parametrize(
    ("ref", "name", "version"),
    [
        ("v4.3.0", "v4.3.0", "v4.3.0"),
        ("release-2026.3.1", "release-2026.3.1", "release-2026.3.1"),
        ("main", "main (f95f852)", "f95f852"),
        (None, "145900746", None),
    ],
)
def test_what_was_deployed(ref: str | None, name: str, version: str | None) -> None:
    (change,) = read("deployment_status", deployment(ref=ref))
    assert isinstance(change, ReleaseChange)
    assert (change.name, change.version) == (name, version)


def test_only_a_ping_is_answered() -> None:
    assert SOURCE.handshake({"X-GitHub-Event": "ping"}, b"{}") is not None
    assert SOURCE.handshake({"X-GitHub-Event": "issues"}, b"{}") is None
    assert [c.action for c in feedback("ping", {"zen": "x"})] == [Action.IGNORE]


def test_a_request_without_the_events_name_is_refused() -> None:
    with pytest.raises(Invalid, match="X-GitHub-Event"):
        parse(b"{}", headers={}, settings=settings_from(SOURCE.schemes, {}), received_at=NOW)


def test_the_key_is_the_deliverys_id() -> None:
    assert SOURCE.delivery_key({"x-github-delivery": "d-1"}, b"") == "d-1"
    assert SOURCE.delivery_key({}, b"{}").startswith("sha256:")
