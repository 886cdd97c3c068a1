import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.redaction import BEYOND, SPLITS, Snippet, load, score
from models.language.redact import Redacted, redact

# Written for this test by the author of the rules, some of them beyond what the rules can know: figures on real mail
# will be lower. `held out` has been open since redact-3; `fresh` was written before redact-3, and nobody looked at what
# is missed of it while the rules were mended.
FLOORS = {
    "tuning": (0.98, 0.98, 0.98),
    "held out": (0.97, 0.97, 0.98),
    "fresh": (0.93, 0.94, 0.97),
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
    assert len(snippets()) >= 700
    assert len({snippet.text for snippet in snippets()}) == len(snippets())
    for split in SPLITS:
        kinds = {what for snippet in load(split) for what, _ in snippet.removed}
        assert kinds - BEYOND >= {"email", "phone", "card", "iban", "secret", "ip", "name", "query", "login"}
    assert all(value in each.text for each in snippets() for _, value in each.removed)


@pytest.mark.parametrize("split", ["tuning", "held out"])
@pytest.mark.parametrize("kind", ["email", "phone", "card", "iban"])
def test_kinds_with_a_shape_of_their_own_are_found(split: str, kind: str) -> None:
    tally = score(load(split))

    assert tally.found[kind] >= 0.95 * tally.labelled[kind]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Hi Xiǎo Míng, login fails", "Hi <name>, login fails"),
        ("Szanowny Panie Łukasik, nie działa", "Szanowny Panie <name>, nie działa"),
        ("Hi MARIA, NOTHING WORKS", "Hi <name>, NOTHING WORKS"),
        ("Dear Mr and Mrs Okonjo, it fails", "Dear Mr and Mrs <name>, it fails"),
        ("It fails.\n\nKind regards from Lisbon, Inês", "It fails.\n\nKind regards from Lisbon, <name>"),
        ("It fails.\n\nBest,\nAnn Lee / CTO", "It fails.\n\nBest,\n<name> / CTO"),
        ("It fails.\n\nAnn Lee\nHead of Sales", "It fails.\n\n<name>\nHead of Sales"),
        ("mvh\ngöran", "mvh\n<name>"),
        ("ring oss på 08-123 456 78", "ring oss på <phone>"),
        ("cvv 123 is refused", "cvv <secret> is refused"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "AWS_SECRET_ACCESS_KEY=<secret>"),
        ("recovery codes: ab12-cd34, ef56-gh78", "recovery codes: <secret>, <secret>"),
        ("licence key ABCDE-12345-FGHIJ is refused", "licence key <secret> is refused"),
    ],
)
def test_names_and_secrets_in_the_places_where_people_put_them(text: str, kept: str) -> None:
    assert redact(text).text == kept


@pytest.mark.parametrize(
    "text",
    [
        "autoscaling_find_secrets_ec2_launch_configuration failed",
        "iam_rotate_access_key_90_days is not unique",
        "tokio master (4daeea8cad1ce8e67946bc0e17d499ab304b5ca2)",
        "it says 0x7FFE12345678 at module.dll+1234567",
        "cftime: 1.0.3.4 and opencv-python 4.10.0.84>=4.6.0",
        "on Linux-5.10.102.1-microsoft-standard",
        "user Activity Report is empty, so is the customer Portal",
        "Sr. Engineer is missing in the list of jobs",
        "please add Dark Mode to the app",
    ],
)
def test_what_stands_in_reports_of_bugs_stays(text: str) -> None:
    assert redact(text).text == text


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
