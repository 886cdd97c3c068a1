"""Paths into a vendor's JSON: custom fields by id, nested objects, places in lists; odd payloads say nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid
from models.sources.paths import TARGETS, fields_of, lookup, mapped, mapped_all
from models.sources.reading import newest_event, read_changes
from models.values.feedback import Action, FeedbackChange
from models.values.storable import storable
from tests.clock import NOON

PAYLOAD = {
    "custom_fields": [
        {"id": 36000, "value": "billing"},
        {"id": 7, "value": None},
        {"id": 8, "value": ["a", "b"]},
    ],
    "customer": {"plan": {"name": "Business", "id": 3}, "seats": 4},
    "list": ["first", "second"],
    "flag": True,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("custom_fields.36000", "billing"),
        ("custom_fields.7", None),
        ("custom_fields.8", "a"),
        ("custom_fields.9", None),
        ("customer.plan", "Business"),
        ("customer.plan.id", 3),
        ("customer.seats", 4),
        ("list.1", "second"),
        ("list.2", None),
        ("nothing.at.all", None),
        ("flag", True),
    ],
)
def test_what_stands_at_a_path(path: str, found: object) -> None:
    assert lookup(PAYLOAD, path) == found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab0") | st.just("value"), inner)
    ),
    max_leaves=20,
)


@given(JSON, st.lists(st.sampled_from(["a", "b", "0", "value", "99999999999"]), min_size=1, max_size=12))
def test_no_payload_breaks_it_and_what_is_found_fits_its_column(payload: object, steps: list[str]) -> None:
    fields = dict.fromkeys(TARGETS, ".".join(steps))
    change = mapped(FeedbackChange(Action.UPSERT, external_id="1"), payload, fields)
    for attribute, limit in TARGETS.values():
        value = getattr(change, attribute)
        assert value is None or (
            isinstance(value, str) and 0 < len(value) <= limit and storable(value) == value
        )


def test_a_deep_value_is_no_recursion_error() -> None:
    payload: object = "x"
    for _ in range(5000):
        payload = {"value": payload}
    assert lookup({"a": payload}, "a") is None


def test_what_is_mapped_wins_over_what_the_parser_found() -> None:
    change = FeedbackChange(Action.UPSERT, external_id="1", plan="old", account_id="acc")
    fields = fields_of({"plan": "customer.plan", "account": "customer.seats", "product_area": "nothing"})
    found = mapped(change, PAYLOAD, fields)
    assert (found.plan, found.account_id, found.product_area) == ("Business", "4", None)
    deleted = FeedbackChange(Action.DELETE, external_id="1")
    assert mapped(deleted, PAYLOAD, fields) is deleted


def test_every_connector_reads_fields_from_the_whole_body() -> None:
    change = FeedbackChange(Action.UPSERT, external_id="1")
    (found,) = mapped_all((change,), json.dumps(PAYLOAD).encode(), {"plan": "customer.plan"})
    assert isinstance(found, FeedbackChange)
    assert found.plan == "Business"
    for broken in (b"{", b"[" * 100_000, b"\xff"):
        assert mapped_all((change,), broken, {"plan": "customer.plan"}) == (change,)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"colour": "a"}, "fields.colour"),
        ({"plan": "a..b"}, "fields.plan"),
        ({"plan": ""}, "fields.plan"),
        ({"plan": ".".join("abcdefghijk")}, "fields.plan"),
        ({"plan": "x" * 201}, "fields.plan"),
        ({"plan": True}, "fields.plan"),
        ("x", "fields"),
    ],
)
def test_a_wrong_map_is_named(given: object, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        fields_of(given)
    assert caught.value.field == field


def test_zendesk_events_and_triggers_say_brand_group_form_and_mapped_fields() -> None:
    settings = {"fields": {"product_area": "custom_fields.36000", "plan": "custom_fields.7"}}
    detail = {
        "id": 5, "brand_id": 11, "group_id": 12, "ticket_form_id": 13, "requester_id": 1, "submitter_id": 1,
        "description": "x", "custom_fields": PAYLOAD["custom_fields"],
    }  # fmt: skip
    event = {"type": "zen:event-type:ticket.created", "id": "e", "detail": detail, "event": {}}
    (change,) = read_changes(
        "zendesk", json.dumps(event).encode(), headers={}, settings=settings, received_at=NOON
    )
    assert isinstance(change, FeedbackChange)
    assert (change.brand, change.group, change.form, change.product_area) == ("11", "12", "13", "billing")
    trigger = {"ticket_id": 5, "description": "x", "brand": "Acme", "group": "G", "form": "F", "spam": "yes"}
    (change,) = read_changes(
        "zendesk", json.dumps(trigger).encode(), headers={}, settings={}, received_at=NOON
    )
    assert isinstance(change, FeedbackChange)
    assert (change.brand, change.group, change.form, change.spam) == ("Acme", "G", "F", True)


def test_entries_of_a_batch_are_mapped_each_by_itself() -> None:
    items = [
        {"id": number, "text": "x", "tier": tier, "brand": "B", "team": "T", "is_spam": 1, "sent_at": at}
        for number, tier, at in ((1, "free", "2026-05-01T00:00:00Z"), (2, "team", "2026-05-02T00:00:00Z"))
    ]
    changes = read_changes(
        "generic_json",
        json.dumps({"items": items}).encode(),
        headers={},
        settings={"fields": {"plan": "tier"}},
        received_at=NOON,
    )
    assert [each.plan for each in changes if isinstance(each, FeedbackChange)] == ["free", "team"]
    first = changes[0]
    assert isinstance(first, FeedbackChange)
    assert (first.brand, first.group, first.spam) == ("B", "T", True)
    newest = newest_event(changes)
    assert newest is not None
    assert newest.day == 2
    assert newest_event(()) is None
