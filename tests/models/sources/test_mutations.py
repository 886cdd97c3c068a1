"""Whatever a sender sends, a parser returns changes that can be stored, or raises Invalid with a reason."""

import json
from contextlib import suppress
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import Invalid
from models.sources.registry import SOURCES
from models.values.feedback import Change
from tests.models.sources.examples import NOW, PLAIN, Example, examples

EXAMPLES = examples()
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.sampled_from(
        ["", "0", "ticket.created", "zen:event-type:ticket.merged", "2026-03-02", "delete", "metric"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: object, path: tuple = ()) -> list[tuple]:
    """List the path of every member of a JSON value."""
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    else:
        return [path]
    return [path] + [place for key, inner in steps for place in places(inner, (*path, key))]


def changed(value: Any, path: tuple, new: object, drop: bool) -> Any:
    if not path:
        return new
    copy = value.copy()
    if drop and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = changed(value[path[0]], path[1:], new, drop)
    return copy


def check(example: Example, body: bytes, headers: dict[str, str]) -> None:
    source = SOURCES[example.data["source"]]
    key = source.delivery_key(headers, body)
    assert key
    assert len(key) <= 128
    source.handshake(headers, body)
    with suppress(Invalid):
        for change in source.parse(body, headers=headers, settings=PLAIN, received_at=NOW):
            storable(change)


def storable(change: Change) -> None:
    for each in fields(change):
        value = getattr(change, each.name)
        hash(value)
        if isinstance(value, str):
            assert "\x00" not in value
            value.encode()
        if each.name.endswith("_at") and value is not None:
            assert value.utcoffset().total_seconds() == 0


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_mutated_payloads(data: st.DataObject) -> None:
    example = data.draw(st.sampled_from(EXAMPLES), label="example")
    payload = json.loads(example.data["body"])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(payload)), label="path")
        payload = changed(payload, path, data.draw(VALUES), data.draw(st.booleans()))
    check(example, json.dumps(payload).encode(), example.headers)


@settings(max_examples=200, deadline=None)
@given(
    example=st.sampled_from(EXAMPLES), at=st.floats(0, 1), junk=st.binary(max_size=6), cut=st.integers(0, 9)
)
def test_damaged_bytes(example: Example, at: float, junk: bytes, cut: int) -> None:
    place = int(at * len(example.body))
    check(example, example.body[:place] + junk + example.body[place + cut :], example.headers)


@settings(max_examples=100, deadline=None)
@given(example=st.sampled_from(EXAMPLES), value=st.text(max_size=300))
def test_any_header(example: Example, value: str) -> None:
    check(example, example.body, dict.fromkeys([*example.headers, "X-Zendesk-Webhook-Invocation-Id"], value))
    check(example, b"broken", dict.fromkeys(["Idempotency-Key", "X-Zendesk-Webhook-Invocation-Id"], value))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_every_member_as_every_kind_of_value(example: Example) -> None:
    payload = json.loads(example.data["body"])
    for path in places(payload):
        for value in (None, True, 0, -1.5, "", "x", [], [[]], [None], {}, {"id": {}}, {"type": []}):
            check(example, json.dumps(changed(payload, path, value, drop=False)).encode(), example.headers)
