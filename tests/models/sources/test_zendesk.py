import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from models.errors import Invalid
from models.sources.source import settings_from
from models.sources.zendesk import SOURCE, parse
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, FeedbackChange, Status
from tests.models.sources.examples import NOW, PLAIN, Example, example, examples, meaning, meant

ZENDESK = [each for each in examples() if each.data["source"] == "zendesk"]
CREATED = json.loads(example("zendesk.event_ticket_created").data["body"])
AGENT = json.loads(example("zendesk.event_comment_added_agent").data["body"])
TRIGGER = json.loads(example("zendesk.trigger_template").data["body"])
DESCRIPTION = CREATED["detail"]["description"]


def read(
    payload: object, headers: Mapping[str, str] | None = None, **settings: object
) -> list[FeedbackChange]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    found = parse(
        body, headers=headers or {}, settings=settings_from(SOURCE.schemes, settings), received_at=NOW
    )
    assert all(isinstance(change, FeedbackChange) for change in found)
    return [change for change in found if isinstance(change, FeedbackChange)]


def event(kind: str, event: dict | None = None, **detail: object) -> dict:
    changed = {**CREATED, "type": f"zen:event-type:{kind}", "detail": {**CREATED["detail"], **detail}}
    return {**changed, "event": event or {}}


def comment(body: str, *, staff: bool = False, public: bool = True, number: str = "8800000000950") -> dict:
    author = {"id": "8800000000101", "is_staff": staff}
    return {"comment": {"id": number, "body": body, "author": author, "is_public": public}}


@pytest.mark.parametrize("each", ZENDESK, ids=lambda e: e.name)
def test_examples_mean_what_they_should(each: Example) -> None:
    found = parse(each.body, headers=each.headers, settings=PLAIN, received_at=NOW)
    expected = each.expected[0]
    assert meaning(found[0], expected) == meant(expected)
    assert SOURCE.delivery_key(each.headers, each.body) == expected["event_id"]


def test_there_are_five_examples() -> None:
    assert len(ZENDESK) == 5


def test_the_description_is_the_first_message() -> None:
    (change,) = read(CREATED)
    assert change.message_id == FIRST_MESSAGE
    assert change.makes_item
    assert not change.fallback
    (from_trigger,) = read(TRIGGER)
    assert from_trigger.message_id == FIRST_MESSAGE
    assert from_trigger.customer_email == "customer17@example.com"


def test_the_first_comment_is_the_description_and_not_a_second_message() -> None:
    (change,) = read(event("ticket.comment_added", comment(DESCRIPTION.replace(" ", "\n"))))
    assert (change.action, change.message_id) == (Action.UPSERT, FIRST_MESSAGE)
    assert change.body == DESCRIPTION
    assert change.makes_item


def test_a_staff_reply_makes_no_item_but_an_unknown_ticket_is_created_from_it() -> None:
    reply, opening = read(AGENT)
    assert (reply.author_role, reply.message_id, reply.makes_item) == (
        AuthorRole.AGENT,
        "8800000000901",
        False,
    )
    assert (opening.action, opening.message_id, opening.body) == (Action.UPSERT, FIRST_MESSAGE, DESCRIPTION)
    assert opening.fallback
    assert opening.makes_item


def test_a_customers_comment_is_a_message_of_its_own() -> None:
    added, opening = read(event("ticket.comment_added", comment("It is still broken.")))
    assert (added.action, added.message_id) == (Action.APPEND_MESSAGE, "8800000000950")
    assert added.makes_item
    assert added.created_at == datetime(2026, 3, 2, 9, 14, 58, tzinfo=UTC)
    assert opening.fallback


def test_an_internal_note_is_never_an_item() -> None:
    note, _ = read(event("ticket.comment_added", comment("Looks like a bug", staff=True, public=False)))
    assert note.is_public is False
    assert not note.makes_item
    (opening,) = read(event("ticket.comment_added", comment(DESCRIPTION, public=False)))
    assert not opening.makes_item


def test_without_a_description_there_is_nothing_to_create_from() -> None:
    payload = event("ticket.comment_added", comment("Hello"))
    del payload["detail"]["description"]
    assert [change.fallback for change in read(payload)] == [False]


def test_a_ticket_that_staff_wrote_down_is_relayed() -> None:
    (change,) = read(event("ticket.created", submitter_id="8800000000777"))
    assert (change.author_role, change.relayed, change.makes_item) == (AuthorRole.AGENT, True, True)
    (unknown,) = read(event("ticket.created", submitter_id=None))
    assert unknown.author_role is AuthorRole.CUSTOMER
    (called,) = read(event("ticket.created", via={"channel": "voice"}))
    (told,) = read({**TRIGGER, "channel": "Phone call (inbound)"})
    for change in (called, told):
        assert (change.author_role, change.relayed, change.makes_item) == (AuthorRole.AGENT, True, True)


def test_redaction_names_the_comment_and_carries_no_text() -> None:
    (change,) = read(event("ticket.comment_redacted", {"comment": {"id": "8800000000902"}}))
    assert (change.action, change.message_id) == (Action.REDACT, "8800000000902")
    assert (change.body, change.subject, change.makes_item) == (None, None, False)
    (whole,) = read(event("ticket.comment_redacted"))
    assert whole.message_id is None


@pytest.mark.parametrize(
    "kind", ["ticket.soft_deleted", "ticket.permanently_deleted", "ticket.marked_as_spam"]
)
def test_deletions_say_nothing_else_about_the_ticket(kind: str) -> None:
    (change,) = read(event(kind))
    assert (change.action, change.external_id, change.message_id) == (Action.DELETE, "41207", None)
    assert (change.body, change.subject, change.tags, change.customer_id) == (None, None, None, None)


def test_undelete_restores_the_text() -> None:
    restored, said = read(event("ticket.undeleted"))
    assert (restored.action, restored.message_id, restored.body) == (Action.RESTORE, None, None)
    assert (said.action, said.message_id, said.body) == (Action.UPSERT, FIRST_MESSAGE, DESCRIPTION)
    assert said.makes_item


@pytest.mark.parametrize(
    ("previous", "submitter", "role"),
    [
        ("8800000000101", "8800000000101", AuthorRole.CUSTOMER),
        ("8800000000101", "8800000000777", AuthorRole.AGENT),
        ("8800000000101", None, AuthorRole.CUSTOMER),
        (None, "8800000000101", AuthorRole.AGENT),
    ],
)
def test_another_requester_is_whose_the_description_is(
    previous: str | None, submitter: str | None, role: AuthorRole
) -> None:
    detail = {"requester_id": "8800000000102", "submitter_id": submitter}
    told = {"current": "8800000000102", "previous": previous}
    (change,) = read(event("ticket.requester_changed", told, **detail))
    assert (change.action, change.message_id, change.body) == (Action.UPSERT, FIRST_MESSAGE, DESCRIPTION)
    assert (change.customer_id, change.author_role) == ("8800000000102", role)
    assert change.makes_item


def test_a_comment_made_private_goes() -> None:
    (gone,) = read(event("ticket.comment_made_private", {"comment": {"id": 950}}))
    assert (gone.action, gone.message_id) == (Action.DELETE, "950")
    (unnamed,) = read(event("ticket.comment_made_private"))
    assert unnamed.action is Action.IGNORE


def test_merge_names_the_survivor() -> None:
    (change,) = read(event("ticket.merged", {"target_ticket_id": "41199"}))
    assert (change.action, change.merged_into) == (Action.MERGE, "41199")


@pytest.mark.parametrize("kind", ["ticket.status_changed", "ticket.tags_changed", "ticket.subject_changed"])
def test_any_other_ticket_event_updates_its_attributes(kind: str) -> None:
    update, opening = read(event(kind, {"current": "SOLVED", "previous": "OPEN"}, status="SOLVED", tags=None))
    assert (update.action, update.status, update.tags) == (Action.UPDATE_STATUS, Status.RESOLVED, ())
    assert (update.body, update.message_id) == (None, None)
    assert opening.fallback


def test_a_changed_description_replaces_the_first_message() -> None:
    (change,) = read(event("ticket.description_changed", description="Edited"))
    assert (change.action, change.message_id, change.body) == (Action.UPSERT, FIRST_MESSAGE, "Edited")


@pytest.mark.parametrize("kind", ["ticket.attachment_linked_to_comment", "user.created", "article.published"])
def test_what_is_not_feedback_is_ignored(kind: str) -> None:
    (change,) = read(event(kind))
    assert change.action is Action.IGNORE
    assert change.event_id == CREATED["id"]


@pytest.mark.parametrize(
    ("actor", "role"),
    [("end_user", AuthorRole.CUSTOMER), ("agent", AuthorRole.AGENT), ("system", AuthorRole.BOT)],
)
def test_messaging_tickets_are_skinny(actor: str, role: AuthorRole) -> None:
    payload = {
        "type": "zen:event-type:messaging_ticket.message_added",
        "id": "e1",
        "time": "2026-03-02T09:14:59Z",
        "detail": {"id": "77"},
        "event": {"actor": {"type": actor}, "message": {"id": "m1", "body": "Where is my invoice?"}},
    }
    (change,) = read(payload)
    assert (change.external_id, change.message_id, change.author_role) == ("77", "m1", role)
    assert (change.channel, change.tags) == ("chat", None)
    assert change.makes_item is (role is AuthorRole.CUSTOMER)


def test_the_ticket_id_may_stand_in_the_subject_alone() -> None:
    (change,) = read({**event("ticket.soft_deleted"), "detail": {}})
    assert change.external_id == "41207"


def test_settings_read_plan_area_and_status_where_they_stand() -> None:
    (change,) = read(
        event("ticket.created", tags=["plan_business", "area_export"], status="In Arbeit"),
        plan_tag_prefix="plan_",
        area_tag_prefix="area_",
        statuses={"In Arbeit": "pending"},
    )
    assert (change.plan, change.product_area, change.status) == ("business", "export", Status.PENDING)


@pytest.mark.parametrize(
    ("word", "value"), [("Good with comment", 1.0), ("Bad", 0.0), ("Unoffered", None), ("", None)]
)
def test_satisfaction_is_a_rating_of_two_values(word: str, value: float | None) -> None:
    (change,) = read({**TRIGGER, "satisfaction": word})
    assert (change.rating.value if change.rating else None) == value


def test_a_trigger_with_the_id_alone_is_enough() -> None:
    (change,) = read({"id": 41207, "tags": ""})
    assert (change.external_id, change.body, change.tags, change.event_id) == ("41207", None, (), None)


def test_delivery_keys() -> None:
    headers = {"x-zendesk-webhook-invocation-id": "01HX"}
    assert SOURCE.delivery_key(headers, b'{"type":"t","id":"e1"}') == "e1"
    assert SOURCE.delivery_key(headers, b'{"id":"41207"}') == "01HX", (
        "a trigger's id is the ticket's, not the event's"
    )
    assert SOURCE.delivery_key(headers, b"broken") == "01HX"
    assert (
        SOURCE.delivery_key({}, b"broken")
        == SOURCE.delivery_key({}, b"broken")
        != SOURCE.delivery_key({}, b"broken ")
    )
    assert len(SOURCE.delivery_key({"X-Zendesk-Webhook-Invocation-Id": "x" * 999}, b"")) <= 128


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"subject": "He said "no""}', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        ([], "an object"),
        ({"hook": "ticket"}, "ticket_id"),
        ({"type": 5.5}, "type"),
        ({"type": "ticket.created", "detail": {}}, "detail.id is missing"),
        (event("ticket.created", description={"a": 1}), "detail.description must be a text"),
        (event("ticket.created", created_at="March 2"), "detail.created_at is not a time"),
        (event("ticket.created", created_at="2027-03-02T00:00:00Z"), "in the future"),
        (event("ticket.comment_added", {"comment": "x"}), "event.comment must be an object"),
        (event("ticket.comment_added", {"comment": {"body": "x"}}), "event.comment.id is missing"),
        (event("ticket.created", tags={"a": 1}), "detail.tags"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"type":' * 100_000, "nested too deeply"),
    ],
)
def test_what_cannot_be_understood_says_why(payload: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read(payload)


def test_there_is_no_handshake() -> None:
    assert SOURCE.handshake({}, b"{}") is None
