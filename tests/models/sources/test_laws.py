"""Laws that hold for every connector, whatever it is sent. A new one is covered once its examples are here.

What its staff write has to be shown per tool: `STAFF` rewrites a customer's message into one of theirs.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import Invalid
from models.sources.registry import SOURCES
from models.sources.signature import SCHEMES
from models.values.feedback import Action, AuthorRole, Change, FeedbackChange
from tests.models.sources.examples import NOW, PLAIN, Example, example, examples
from tests.models.sources.test_mutations import VALUES, changed, places

EXAMPLES = examples()
EVENT_HEADERS = (
    "X-HelpScout-Event",
    "X-Discourse-Event",
    "X-Discourse-Event-Type",
    "X-GitHub-Event",
    "Linear-Event",
)
EVENTS = (
    *("convo.created", "convo.customer.reply.created", "convo.status", "convo.merged", "convo.deleted"),
    *("satisfaction.ratings", "post_created", "post_edited", "post_destroyed", "post_recovered"),
    *("topic_edited", "topic_destroyed", "topic_recovered", "accepted_solution", "issues", "issue_comment"),
)
KINDS = (
    *("inbound", "outbound", "comment", "archive", "trash", "restore", "conversations_merged", "sync"),
    *("Issue", "Comment", "CustomerNeed", "form_response", "feedback.deleted", "message.created"),
    *("created", "reply", "deleted", "restored", "update", "remove", "{ticket_action:deleted}"),
)
SILENT = frozenset({Action.IGNORE, Action.PING, Action.HANDSHAKE})
WITHDRAWN = frozenset({Action.DELETE, Action.REDACT, Action.MERGE})


def parsed(each: Example, body: bytes, headers: dict[str, str]) -> tuple[Change, ...]:
    source = SOURCES[each.data["source"]]
    return source.parse(body, headers=headers, settings=PLAIN, received_at=NOW)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[Example, bytes, dict[str, str]]:
    """Draw an example with some of its members replaced, under its own event's name or another's."""
    each = draw(st.sampled_from(EXAMPLES))
    payload = json.loads(each.data["body"])
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(places(payload)))
        new = draw(st.one_of(VALUES, st.sampled_from(KINDS)))
        payload = changed(payload, path, new, draw(st.booleans()))
    if isinstance(payload, dict) and draw(st.booleans()):
        name = draw(st.sampled_from(("type", "action", "event", "event_type")))
        payload = {**payload, name: draw(st.sampled_from(KINDS))}
    headers = dict(each.headers)
    if draw(st.booleans()):
        headers |= dict.fromkeys(EVENT_HEADERS, draw(st.sampled_from(EVENTS)))
    return each, json.dumps(payload).encode(), headers


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deliveries())
def test_whatever_is_read_can_be_stored_and_says_which_record_it_is_about(
    delivery: tuple[Example, bytes, dict[str, str]],
) -> None:
    with suppress(Invalid):
        for change in parsed(*delivery):
            if isinstance(change, FeedbackChange):
                lawful(change)


def lawful(change: FeedbackChange) -> None:
    assert change.external_id or change.action in SILENT
    for value, limit in ((change.external_id, 200), (change.message_id, 200), (change.plan, 100)):
        assert value is None or 0 < len(value) <= limit
    if change.action in WITHDRAWN | SILENT:
        attributes = (change.body, change.subject, change.tags, change.customer_id, change.customer_email)
        assert attributes == (None,) * 5, f"{change.action} carries what has to go"
    if change.makes_item:
        assert change.message_id is not None
        assert change.author_role is AuthorRole.CUSTOMER or change.relayed
    assert (change.merged_into is None) or change.action is Action.MERGE


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deliveries(), st.dictionaries(st.sampled_from(["X-Trace", "Date", "Via"]), st.text(max_size=20)))
def test_only_the_kept_headers_count(
    delivery: tuple[Example, bytes, dict[str, str]], more: dict[str, str]
) -> None:
    """Only these are stored, and the parser reads a delivery again from what is stored."""
    each, body, headers = delivery
    source = SOURCES[each.data["source"]]
    wanted = {name.lower() for name in source.kept_headers}
    kept = {name: value for name, value in headers.items() if name.lower() in wanted}
    with suppress(Invalid):
        assert parsed(each, body, {**headers, **more}) == parsed(each, body, kept)
    assert source.delivery_key({**headers, **more}, body) == source.delivery_key(kept, body)


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_a_retry_has_the_key_of_the_first_try(each: Example) -> None:
    """On a retry the time and the signature over it are new, and nothing else."""
    source = SOURCES[each.data["source"]]
    renewed = {SCHEMES[name].header.lower() for name in source.schemes}
    renewed |= {(SCHEMES[name].timestamp_header or "").lower() for name in source.schemes}
    retried = {
        name: "1772449999" if name.lower() in renewed else value for name, value in each.headers.items()
    }
    assert source.delivery_key(retried, each.body) == source.delivery_key(each.headers, each.body)


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_a_connector_is_no_secret_keeper(each: Example) -> None:
    """What proves the sender is never among the headers that are stored."""
    source = SOURCES[each.data["source"]]
    proofs = {SCHEMES[name].header.lower() for name in source.schemes}
    assert not proofs & {name.lower() for name in source.kept_headers}


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_the_same_body_always_means_the_same(each: Example) -> None:
    assert parsed(each, each.body, each.headers) == parsed(each, each.body, each.headers)


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_every_item_of_a_delivery_has_a_key_of_its_own(each: Example) -> None:
    written = [
        (change.external_id, change.message_id)
        for change in parsed(each, each.body, each.headers)
        if isinstance(change, FeedbackChange) and change.makes_item and not change.fallback
    ]
    assert len(written) == len(set(written))


def put(*path: str | int, value: object) -> Callable[[object], object]:
    """Return a function that sets the member at `path`."""

    def at(payload: object, rest: tuple[str | int, ...] = path) -> object:
        if not rest:
            return value
        step, *more = rest
        if isinstance(payload, list):
            return [at(each, tuple(more)) if index == step else each for index, each in enumerate(payload)]
        assert isinstance(payload, dict)
        return {**payload, step: at(payload.get(str(step)), tuple(more))}

    return at


STAFF: dict[str, tuple[str, Callable[[object], object]]] = {
    "discourse": ("discourse.post_created", put("post", "staff", value=True)),
    "freshdesk": (
        "freshdesk.automation_ticket",
        put("freshdesk_webhook", "ticket_source", value="Outbound Email"),
    ),
    "front": ("front.rule_inbound", put("target", "data", "is_inbound", value=False)),
    "generic_json": ("generic_json.feedback", put("author_role", value="agent")),
    "github": (
        "github.issue_comment_created_maintainer",
        put("comment", "author_association", value="MEMBER"),
    ),
    "helpscout": (
        "helpscout.convo_customer_reply",
        put("_embedded", "threads", 0, "createdBy", "type", value="user"),
    ),
    "intercom": (
        "intercom.conversation_user_replied",
        put(
            *["data", "item", "conversation_parts", "conversation_parts"], 0, "author", "type", value="admin"
        ),
    ),
    "linear": ("linear.issue_create", put("data", "botActor", value={"id": "b1"})),
    "standardwebhooks": ("standardwebhooks.feedback_created", put("data", "author_role", value="agent")),
    "zendesk": (
        "zendesk.event_comment_added_agent",
        put("event", "comment", "author", "is_staff", value=True),
    ),
}
"""Kind -> an example and what makes the message in it staff's own."""
NO_STAFF = frozenset({"typeform", "slack", "jira"})
"""Respondents only; every post is relayed by staff; staff and customers are told apart in a test of their own."""


def test_every_kind_is_held_to_what_its_staff_write() -> None:
    assert set(SOURCES) <= set(STAFF) | NO_STAFF


@pytest.mark.parametrize("kind", sorted(set(STAFF) & set(SOURCES)))
def test_what_staff_write_is_never_a_customers(kind: str) -> None:
    name, rewrite = STAFF[kind]
    each = example(name)
    payload = json.loads(each.data["body"])
    if each.expected[0]["author_role"] == "customer":
        assert customers_own(each, payload), "the example has a customer's message to begin with"
    assert not customers_own(each, rewrite(payload))


def customers_own(each: Example, payload: object) -> bool:
    """Say whether the example's message is read as an item of a customer."""
    words = (each.expected[0]["body_must_contain"] or [each.expected[0]["body"]])[0]
    return any(
        change.makes_item and change.author_role is AuthorRole.CUSTOMER and words in (change.body or "")
        for change in parsed(each, json.dumps(payload).encode(), each.headers)
        if isinstance(change, FeedbackChange)
    )


def test_the_laws_bite() -> None:
    """A change that breaks one is found."""
    good = FeedbackChange(action=Action.DELETE, external_id="1")
    lawful(good)
    for bad in (
        replace(good, body="text"),
        replace(good, external_id=None),
        replace(good, message_id="x" * 201),
        replace(good, merged_into="2"),
    ):
        with pytest.raises(AssertionError):
            lawful(bad)


TAGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("front.application_inbound_received", ("payload", "conversation", "tags")),
    ("generic_json.feedback", ("tags",)),
    ("github.issues_opened", ("issue", "labels")),
    ("helpscout.convo_customer_reply", ("tags",)),
    ("intercom.conversation_user_created", ("data", "item", "tags")),
    ("jira.issue_created_jsm", ("issue", "fields", "labels")),
    ("linear.issue_create", ("data", "labels")),
    ("standardwebhooks.feedback_created", ("data", "tags")),
    ("zendesk.event_ticket_created", ("detail", "tags")),
)


@pytest.mark.parametrize(("name", "path"), TAGS, ids=lambda each: str(each) if isinstance(each, str) else "")
def test_no_list_of_tags_says_nothing_and_a_null_one_is_empty(name: str, path: tuple[str, ...]) -> None:
    each = example(name)
    payload = json.loads(each.data["body"])

    def tags() -> object:
        (change, *_) = parsed(each, json.dumps(payload).encode(), each.headers)
        assert isinstance(change, FeedbackChange)
        return change.tags

    *above, member = path
    holder = payload
    for step in above:
        holder = holder[step]
    holder[member] = None
    assert tags() == ()
    del holder[member]
    assert tags() is None


@pytest.mark.parametrize(("name", "path"), TAGS, ids=lambda each: str(each) if isinstance(each, str) else "")
def test_a_ticket_outlives_too_many_tags_and_too_long_ones(name: str, path: tuple[str, ...]) -> None:
    each = example(name)
    payload = json.loads(each.data["body"])
    *above, member = path
    holder = payload
    for step in above:
        holder = holder[step]
    given = ["x" * 201, *(f"t{number}" for number in range(340))]
    stands = holder.get(member)
    is_named = isinstance(stands, dict) or (stands and isinstance(stands[0], dict))
    held = [{"id": str(tag), "tag": tag, "name": tag} for tag in given] if is_named else given
    holder[member] = {**stands, "tags": held} if isinstance(stands, dict) else held
    (change, *_) = parsed(each, json.dumps(payload).encode(), each.headers)
    (before, *_) = parsed(each, each.body, each.headers)
    assert isinstance(change, FeedbackChange)
    assert isinstance(before, FeedbackChange)
    assert change.tags == tuple(f"t{number}" for number in range(200))
    assert replace(change, tags=None, plan=None) == replace(before, tags=None, plan=None)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("generic_json.feedback", ("plan",)),
        ("zendesk.trigger_template", ("plan",)),
        ("freshdesk.automation_ticket", ("freshdesk_webhook", "plan")),
        ("intercom.conversation_user_created", ("data", "item", "custom_attributes", "plan")),
    ],
)
def test_a_ticket_outlives_a_plan_that_is_too_long(name: str, path: tuple[str, ...]) -> None:
    each = example(name)
    (before, *_) = parsed(each, each.body, each.headers)
    found = []
    for plan in ("p" * 100, "p" * 101):
        body = put(*path, value=plan)(json.loads(each.data["body"]))
        (change, *_) = parsed(each, json.dumps(body).encode(), each.headers)
        assert isinstance(change, FeedbackChange)
        found.append(change.plan)
        assert change.body == getattr(before, "body", None)
    assert found == ["p" * 100, None]
