"""An event that does not tell a text says nothing of it: None, never a text of no words, which would erase it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from models.errors import Invalid
from models.sources.registry import SOURCES
from models.values.feedback import FeedbackChange
from tests.models.sources.examples import NOW, PLAIN, Example, examples, payload_of
from tests.models.sources.test_mutations import changed, places

ENTITY = {
    "linear": (
        "linear.issue_create",
        "data",
        "description",
        {"action": "update", "updatedFrom": {"title": "x"}},
    ),
    "zendesk": ("zendesk.event_ticket_created", "detail", "description", {}),
    "github": ("github.issues_opened", "issue", "body", {"action": "edited"}),
    "discourse": ("discourse.post_created", "post", "raw", {}),
}
"""Kind -> (example, where the record stands, its text there, what makes the event tell of something else)."""


def read(each: Example, payload: Any) -> Iterator[FeedbackChange]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    with suppress(Invalid):
        source = SOURCES[each.data["source"]]
        for change in source.parse(body, headers=each.headers, settings=PLAIN, received_at=NOW):
            if isinstance(change, FeedbackChange):
                yield change


def is_emptied(change: FeedbackChange) -> bool:
    return change.makes_item and change.body is not None and not change.body.strip()


# A response of Typeform's comes once, whole: its answers are its text.
TOLD_AGAIN = [each for each in examples() if each.data["source"] != "typeform"]


@pytest.mark.parametrize("each", TOLD_AGAIN, ids=lambda each: each.name)
def test_no_member_that_is_left_out_makes_a_text_of_no_words(each: Example) -> None:
    payload = json.loads(each.data["body"])
    wordless = {message_of(change) for change in read(each, payload) if is_emptied(change)}
    for path in places(payload):
        if path and isinstance(path[-1], str):
            left = changed(payload, path, None, True)
            emptied = {message_of(change) for change in read(each, left) if is_emptied(change)}
            assert emptied <= wordless, path


def message_of(change: FeedbackChange) -> tuple[str | None, str | None]:
    return change.external_id, change.message_id


@pytest.mark.parametrize("kind", ENTITY)
@pytest.mark.parametrize("words", [None, "", " "])
def test_a_text_that_is_told_as_empty_is_one_of_no_words(kind: str, words: str | None) -> None:
    name, where, text, more = ENTITY[kind]
    each = next(each for each in examples() if each.name == name)
    payload = {**payload_of(name), **more}
    payload[where] = {key: value for key, value in payload[where].items() if key not in ("cooked", text)}
    (told,) = {change.body for change in read(each, payload)}
    assert told is None
    payload[where][text] = words
    (told,) = {(change.body or "").strip() for change in read(each, payload) if change.body is not None}
    assert told == ""
