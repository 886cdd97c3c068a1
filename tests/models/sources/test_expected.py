"""Every recorded example of every connector means what it should, and a retry of it has the same key."""

import pytest

from models.language.clean import clean
from models.sources.registry import SOURCES
from models.sources.times import instant_of
from models.values.feedback import Action, Change, FeedbackChange
from tests.models.sources.examples import NOW, PLAIN, Example, examples, meaning, meant

EXAMPLES = examples()
MORE_THAN_AN_ID = {"generic_json", "typeform"}
"""Kinds whose deliveries are named by more than the event's id."""
# A test request and its answer say nothing: the vocabulary of the examples has one word for it.
SILENT = {Action.PING: "ignore"}


def read(each: Example) -> tuple[Change, ...]:
    source = SOURCES[each.data["source"]]
    kept = {name: value for name, value in each.headers.items() if name in source.kept_headers}
    return source.parse(each.body, headers=kept, settings=PLAIN, received_at=NOW)


def precise(name: str, value: object) -> object:
    """Return a time as a time: 58.412 and 58.412000 seconds are the same."""
    return instant_of(value, field=name) if name.endswith("_at") else value


def words(body: str | None, *, html: bool | None = None) -> str | None:
    """Return a text as it is stored: without markup, quotes and signature, blanks made one."""
    return None if body is None else " ".join(clean(body, html=html).text.split())


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_examples_mean_what_they_should(each: Example) -> None:
    changes = read(each)
    assert len(changes) >= len(each.expected)
    for change, expected in zip(changes, each.expected, strict=False):
        named = {name: precise(name, value) for name, value in meant(expected).items() if name != "body"}
        found = {name: precise(name, value) for name, value in meaning(change, named).items()}
        assert {**found, "action": SILENT.get(change.action, found["action"])} == named  # type: ignore[union-attr]
        text = None
        if isinstance(change, FeedbackChange):
            text = words(change.body, html=True if change.body_is_html else None)
        if "body" in expected:
            assert text == words(expected["body"])
        assert all(part in (text or "") for part in expected.get("body_must_contain") or [])
        assert not any(part in (text or "") for part in expected.get("body_must_not_contain") or [])


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_no_text_of_an_example_becomes_two_items(each: Example) -> None:
    written = [
        (change.external_id, change.message_id)
        for change in read(each)
        if isinstance(change, FeedbackChange) and change.makes_item and not change.fallback
    ]
    assert len(written) == len(set(written))
    assert len(written) <= sum("body" in expected for expected in each.expected)


@pytest.mark.parametrize("each", EXAMPLES, ids=lambda e: e.name)
def test_a_retry_has_the_key_of_the_first_try(each: Example) -> None:
    source = SOURCES[each.data["source"]]
    key = source.delivery_key(each.headers, each.body)
    retried = {**each.headers, "X-Slack-Retry-Num": "1", "X-Atlassian-Webhook-Retry": "2"}
    assert source.delivery_key(retried, each.body) == key
    expected = each.expected[0].get("event_id")
    if expected and source.kind not in MORE_THAN_AN_ID:
        assert key == expected


def test_every_kind_has_an_example() -> None:
    assert {each.data["source"] for each in EXAMPLES} == set(SOURCES)
