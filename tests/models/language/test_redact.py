import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.redaction import BEYOND, SPLITS, Snippet, load, score
from models.language.redact import Redacted, redact

# Written for this test by the author of the rules, some of them beyond what the rules can know (names inside a
# sentence, street addresses): figures on real mail will be lower. Nobody looked at single held-out snippets while the
# rules were mended.
FLOORS = {
    "tuning": (0.97, 0.97, 0.98),  # measured 202 of 203, 201 of 202, 263 of 264
    "held out": (0.88, 0.96, 0.96),  # measured 92 of 102, 92 of 93, 148 of 151
    "fresh": (0.72, 0.93, 0.97),  # measured before any mending: 97 of 130, 96 of 101, 191 of 194
}


def snippets() -> list[Snippet]:
    return [snippet for split in SPLITS for snippet in load(split)]


@pytest.mark.parametrize("split", SPLITS)
def test_finds_personal_data_and_leaves_the_rest(split: str) -> None:
    tally = score(load(split))
    recall, precision, spared = FLOORS[split]

    assert tally.recall() >= recall
    assert tally.precision() >= precision
    assert tally.spared() >= spared


def test_the_snippets_are_many_and_cover_every_kind() -> None:
    assert len(snippets()) >= 400
    assert len({snippet.text for snippet in snippets()}) == len(snippets())
    for split in SPLITS:
        kinds = {what for snippet in load(split) for what, _ in snippet.removed}
        assert kinds - BEYOND == {"email", "phone", "card", "iban", "secret", "ip", "name", "query", "login"}
    assert all(value in each.text for each in snippets() for _, value in each.removed)


@pytest.mark.parametrize("split", ["tuning", "held out"])
@pytest.mark.parametrize("kind", ["email", "phone", "card", "iban"])
def test_kinds_with_a_shape_of_their_own_are_found(split: str, kind: str) -> None:
    tally = score(load(split))

    assert tally.found[kind] >= 0.95 * tally.labelled[kind]


def test_puts_a_placeholder_in_each_place_and_tells_where() -> None:
    text = "Hi Anna,\nmail tom@acme.io or call +1 415 555 2671 about order 20231234567.\nThanks, Tom"
    redacted = redact(text)

    assert redacted.text == (
        "Hi <name>,\nmail <email> or call <phone> about order 20231234567.\nThanks, <name>"
    )
    assert [(span.what, text[span.start : span.end]) for span in redacted.removed] == [
        ("name", "Anna"),
        ("email", "tom@acme.io"),
        ("phone", "+1 415 555 2671"),
        ("name", "Tom"),
    ]


def test_addresses_lose_login_and_query_only() -> None:
    redacted = redact("see https://joe:pw1@example.com/a/b?token=12&x=3 and https://example.com/help.")

    assert redacted.text == "see https://<login>@example.com/a/b?<query> and https://example.com/help."


@pytest.mark.parametrize(
    "text",
    [
        "order 4111111111111111 must be sent again",
        "on 2024-01-05 10:33:21, 05.01.2024 and 12/31/2023",
        "charged 1,249.99 EUR, version 10.0.19045.4291, error 0x80070005",
        "commit 4f2d9c8a7b6e5d4c3b2a1908f7e6d5c4b3a29180 and 550e8400-e29b-41d4-a716-446655440000",
        "Hi team, hello there, dear customer support",
    ],
)
def test_numbers_of_business_survive(text: str) -> None:
    assert redact(text) == Redacted(text)


def test_checksums_decide() -> None:
    assert redact("4111 1111 1111 1111").text == "<card>"
    assert redact("4111 1111 1111 1112").text == "4111 1111 1111 1112"
    assert redact("DE89 3704 0044 0532 0130 00").text == "<iban>"
    assert redact("DE89 3704 0044 0532 0130 01").text == "DE89 3704 0044 0532 0130 01"


@pytest.mark.parametrize("snippet", snippets(), ids=lambda snippet: snippet.text[:30])
def test_redacting_twice_changes_nothing_on_the_snippets(snippet: Snippet) -> None:
    once = redact(snippet.text).text

    assert redact(once) == Redacted(once)


# An e-mail address by a rule of its own, simpler than the one under test.
MAIL = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}")
PIECES = [word for snippet in snippets() for word in snippet.text.split()]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join)))
def test_never_raises_and_redacting_twice_changes_nothing(text: str) -> None:
    once = redact(text)

    assert redact(once.text) == Redacted(once.text)
    assert not MAIL.search(once.text)
    starts = [span.start for span in once.removed]
    assert starts == sorted(starts)
    assert all(0 <= span.start < span.end <= len(text) for span in once.removed)


@settings(max_examples=200, deadline=None)
@given(st.emails(), st.text(max_size=20), st.text(max_size=20))
def test_no_address_is_left(address: str, before: str, after: str) -> None:
    assert not MAIL.search(redact(f"{before} {address} {after}").text)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join))
def test_text_outside_the_spans_is_untouched(text: str) -> None:
    redacted = redact(text)
    pieces, last = [], 0
    for span in redacted.removed:
        pieces += [text[last : span.start], f"<{span.what}>"]
        last = span.end

    assert "".join((*pieces, text[last:])) == redacted.text


@pytest.mark.parametrize(
    "unit",
    [
        "a@",
        "1 ",
        "1",
        "DE89 ",
        "http://a?",
        "::",
        "Hi Anna\n",
        "Aa ",
        "password: ",
        "eyJ",
        "+1 ",
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_hostile_input_takes_seconds_at_most(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    started = time.process_time()
    redact(text)

    assert time.process_time() - started < 5  # 0.2 s at most when measured
