import re
from pathlib import Path

import pytest

from models.errors import Invalid
from models.sources.freshdesk import SOURCE
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, FeedbackChange, Status
from tests.models.sources.examples import Example, assert_meant, examples, payload_of, read_all

EXAMPLES = [each for each in examples() if each.data["source"] == "freshdesk"]
SIMPLE = payload_of("freshdesk.automation_ticket")["freshdesk_webhook"]
TEMPLATE = {
    "event": "created",
    "ticket_id": "8841",
    "subject": "Invoice PDF shows the wrong VAT",
    "status": "Open",
    "source": "Email",
    "tags": "billing, plan_pro",
    "requester_email": "customer30@example.com",
    "company_name": "Example Bakery",
    "description": "The invoice shows 19% instead of 21%.",
}


def read(payload: object, **settings: object) -> list[FeedbackChange]:
    return read_all(SOURCE, payload, **settings)


def one(**more: object) -> FeedbackChange:
    first, *_ = read({**TEMPLATE, **more})
    return first


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_examples_mean_what_they_should(each: Example) -> None:
    assert_meant(SOURCE, each)


def test_there_is_one_example() -> None:
    assert len(EXAMPLES) == 1


def test_advanced_content_is_read_by_name_without_a_wrapper() -> None:
    tagged = {**TEMPLATE, "tags": "billing, plan_pro, area_tax"}
    (change,) = read(tagged, plan_tag_prefix="plan_", area_tag_prefix="area_")
    assert change.product_area == "tax"
    assert (change.action, change.message_id, change.makes_item) == (Action.UPSERT, FIRST_MESSAGE, True)
    assert (change.body, change.body_is_html) == ("The invoice shows 19% instead of 21%.", False)
    assert (change.plan, change.account_id, change.channel) == ("pro", "Example Bakery", "email")


def test_the_template_of_our_documentation_is_read() -> None:
    page = Path(__file__).parents[3] / "docs" / "connectors" / "freshdesk.md"
    (template,) = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    filled = re.sub(r"\{\{ticket\.(?:requester\.)?(\w+)\}\}", r"7 \1", template)
    (change,) = read(filled.encode())
    assert (change.external_id, change.body, change.subject) == ("7 id", "7 description", "7 subject")
    assert (change.customer_email, change.account_id) == ("7 email", "7 company_name")
    assert (change.plan, change.product_area, change.tags) == ("7 cf_plan", "7 cf_product_area", ("7 tags",))
    (empty,) = read(template.encode().replace(b"{{ticket.id}}", b"7"))
    assert (empty.plan, empty.action) == (None, Action.UPDATE_STATUS)


@pytest.mark.parametrize("empty", ["", "  ", "{{ticket.company_name}}", None])
def test_a_placeholder_without_a_value_says_nothing(empty: object) -> None:
    change = one(company_name=empty, requester_email=empty, ticket_company_name="Other")
    assert (change.account_id, change.customer_id) == ("Other", None)


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("Open", Status.OPEN),
        ("Waiting on Customer", Status.PENDING),
        (4, Status.RESOLVED),
        ("5", Status.CLOSED),
        ("Closed", Status.CLOSED),
        ("In Prüfung", None),
    ],
)
def test_status_by_name_or_code(written: object, status: Status | None) -> None:
    assert one(status=written).status == status


def test_a_status_of_ones_own_is_read_by_the_settings() -> None:
    (change,) = read({**TEMPLATE, "status": "In Prüfung"}, statuses={"In Prüfung": "pending"})
    assert change.status is Status.PENDING


@pytest.mark.parametrize("source", ["Phone", 3])
def test_a_call_is_written_down_by_staff(source: object) -> None:
    change = one(source=source)
    assert (change.author_role, change.relayed, change.channel) == (AuthorRole.AGENT, True, "phone")
    assert change.makes_item


@pytest.mark.parametrize("source", ["Outbound Email", 10])
def test_a_mail_that_staff_began_is_nobodys_complaint(source: object) -> None:
    change = one(source=source)
    assert (change.author_role, change.makes_item) == (AuthorRole.AGENT, False)


def test_a_reply_counts_only_where_the_rule_says_that_the_requester_wrote_it() -> None:
    reply = {**TEMPLATE, "latest_public_comment": "Any  news?"}
    said, parent = read({**reply, "event": "requester_reply"})
    assert (said.action, said.body, said.makes_item) == (Action.APPEND_MESSAGE, "Any  news?", True)
    assert (parent.message_id, parent.fallback, parent.body) == (FIRST_MESSAGE, True, TEMPLATE["description"])
    (again, _) = read({**reply, "event": "reply", "latest_public_comment": "Any news?"})
    assert again.message_id == said.message_id, "a reply is known by its words"
    assert (said.body_is_html, again.body_is_html) == (False, False)
    (html, _) = read({**reply, "event": "reply", "latest_public_comment": "<p>News?</p>"})
    assert html.body_is_html
    assert len(said.message_id or "") <= 200
    for event in ("updated", "agent_reply", ""):
        found = read({**reply, "event": event})
        assert not any("news" in (change.body or "") for change in found), event


def test_a_reply_without_its_text_has_to_be_fetched() -> None:
    ticket, parent, asked = read({**TEMPLATE, "event": "reply"})
    assert (ticket.action, ticket.status, parent.fallback) == (Action.UPDATE_STATUS, Status.OPEN, True)
    assert asked == FeedbackChange(action=Action.FETCH, external_id="8841")


@pytest.mark.parametrize(
    ("triggered", "action"),
    [
        ("{ticket_action:created}", Action.UPSERT),
        ("{ticket_action:deleted}", Action.DELETE),
        ("{ticket_action:marked_as_spam}", Action.UPDATE_STATUS),
        ("{status:{from:Open,to:Deleted}}", Action.UPDATE_STATUS),
        ("{note_type:private}", Action.UPDATE_STATUS),
    ],
)
def test_what_freshdesk_itself_says_happened(triggered: str, action: Action) -> None:
    found = read({"freshdesk_webhook": {**SIMPLE, "triggered_event": triggered}})
    assert found[0].action is action
    if action is Action.UPDATE_STATUS:
        assert found[1].fallback


def test_deletion_carries_no_text() -> None:
    (change,) = read({**TEMPLATE, "event": "deleted"})
    assert change == FeedbackChange(action=Action.DELETE, external_id="8841")


def test_restored_with_its_text_or_without() -> None:
    (whole,) = read({**TEMPLATE, "event": "restored"})
    assert (whole.action, whole.makes_item) == (Action.RESTORE, True)
    bare, asked = read({"ticket_id": 1, "event": "restored"})
    assert (bare.action, asked.action) == (Action.RESTORE, Action.FETCH)


def test_an_update_without_text_creates_nothing() -> None:
    (change,) = read({"ticket_id": 8841, "status": "Closed", "event": "updated"})
    assert (change.action, change.status, change.makes_item) == (Action.UPDATE_STATUS, Status.CLOSED, False)


def test_only_an_instant_is_taken_as_a_time() -> None:
    assert one(created_at="Mon, 2 Mar, 2026 at 9:14 AM").created_at is None
    assert str(one(created_at="2026-03-02T10:14:58+01:00").created_at) == "2026-03-02 09:14:58+00:00"


@pytest.mark.parametrize(
    ("written", "value"),
    [(103, 3), ("100", 0), (-103, -3), ("-101", -1), ("Happy", None), (5, None), ("", None)],
)
def test_survey_answers_have_their_own_scale(written: object, value: float | None) -> None:
    rating = one(satisfaction=written).rating
    assert (rating.value if rating else None) == value


def test_html_is_told_from_text() -> None:
    assert one(description="<p>It fails</p>").body_is_html
    assert one(description="a &amp; b").body_is_html
    assert not one(description="5 < 6 & 7 > 2").body_is_html


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"description": "<a href="x">"}', "not JSON"),
        ({"freshdesk_webhook": "x"}, "freshdesk_webhook must be an object"),
        ({"freshdesk_webhook": {}}, "ticket_id is missing"),
        ({"subject": "x"}, "ticket_id is missing"),
        ({**TEMPLATE, "subject": {"a": 1}}, "subject must be a text"),
    ],
)
def test_what_cannot_be_understood_says_why(payload: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read(payload)


def test_a_copy_is_known_by_its_bytes() -> None:
    assert (
        SOURCE.delivery_key({}, b"a")
        == SOURCE.delivery_key({"X": "1"}, b"a")
        != SOURCE.delivery_key({}, b"b")
    )
    assert SOURCE.handshake({}, b"{}") is None
