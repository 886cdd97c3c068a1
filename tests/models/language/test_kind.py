import csv
import json
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.language.kind import Kind, classify, load_model, version_for
from models.language.signs import read_signs
from models.values.kinds import KIND_VERSION, KIND_VERSION_WITHOUT_VECTORS

ROOT = Path(__file__).parents[3]
MESSAGES = ROOT / "tests" / "data" / "kinds.csv"
TRAINING = ROOT / "bench" / "data" / "kinds_train.csv"
NUMBERS = ROOT / "models" / "language" / "data" / "kind.json"

# Signs alone, without a vector; measured 0.79 and 0.91. With vectors: tests/workers/test_kinds.py.
RIGHT_ON_TEST = 0.75
RIGHT_ON_EARLIER = 0.87


@dataclass(frozen=True, slots=True)
class Message:
    split: str
    kind: Kind
    rating: float | None
    channel: str | None
    subject: str
    text: str


def messages() -> list[Message]:
    with MESSAGES.open(encoding="utf-8", newline="") as lines:
        return [
            Message(
                row["split"],
                Kind(row["kind"]),
                float(row["rating"]) if row["rating"] else None,
                row["channel"] or None,
                row["subject"],
                row["text"],
            )
            for row in csv.DictReader(lines)
        ]


def is_right(message: Message) -> bool:
    found = classify(message.text, rating=message.rating, channel=message.channel, subject=message.subject)
    return found.kind is message.kind


@pytest.mark.parametrize(
    ("splits", "bar"), [({"test"}, RIGHT_ON_TEST), ({"tune", "held_back"}, RIGHT_ON_EARLIER)]
)
def test_signs_alone_are_right_on_most_messages(splits: set[str], bar: float) -> None:
    part = [message for message in messages() if message.split in splits]
    right = sum(map(is_right, part))
    print(f"{sorted(splits)}: {right} of {len(part)}")  # noqa: T201
    assert right / len(part) >= bar


def test_the_test_messages_are_many_and_were_not_learned_from() -> None:
    test = [message for message in messages() if message.split == "test"]
    assert len(test) >= 350
    assert min(Counter(message.kind for message in test).values()) >= 60
    with TRAINING.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) >= 1200
    learned = {(_bare(row["subject"]), _bare(row["text"])) for row in rows if _bare(row["text"])}
    assert [m.text for m in test if (_bare(m.subject), _bare(m.text)) in learned] == []


def _bare(text: str) -> str:
    return " ".join(text.lower().split()).strip(" .,!?")


def test_the_numbers_were_made_from_the_messages_that_stand_here() -> None:
    stored = json.loads(NUMBERS.read_text(encoding="utf-8"))
    assert stored["made"]["data_sha256"] == sha256(TRAINING.read_bytes()).hexdigest()
    assert stored["version"] == KIND_VERSION
    assert stored["signs"] == [sign.name for sign in read_signs("")]
    assert len(set(stored["signs"])) == len(stored["signs"])
    assert NUMBERS.stat().st_size < 64_000


@pytest.mark.parametrize("text", ["Any news on this?", "just checking in", "any update?", "What's the ETA"])
def test_nudges_are_questions_that_ask_for_news(text: str) -> None:
    found = classify(text, rating=None, channel=None)
    assert found.kind is Kind.QUESTION
    assert "asks for news" in found.why


@pytest.mark.parametrize(
    "text", ["ok", "hello", "see attached", "Yes, that's right", "fyi", "test", "12345", "?"]
)
def test_what_says_nothing_of_its_own_is_no_complaint(text: str) -> None:
    found = classify(text, rating=None, channel=None)
    assert found.kind is Kind.QUESTION
    assert "says nothing of its own" in found.why


def test_an_empty_message_is_no_complaint_unless_its_rating_says_so() -> None:
    assert classify("", rating=None, channel="email").kind is Kind.QUESTION
    assert classify("", rating=0.0, channel="app_store").kind is Kind.COMPLAINT
    assert classify("", rating=1.0, channel="app_store").kind is Kind.PRAISE


def test_thanks_are_praise() -> None:
    assert classify("thank you!", rating=None, channel=None).kind is Kind.PRAISE


def test_a_complaint_within_praise_is_a_complaint() -> None:
    text = "Great app, but since the last update it crashes every time I open it."
    assert classify(text, rating=None, channel=None).kind is Kind.COMPLAINT


def test_a_rating_weighs_and_is_named() -> None:
    low, high = (classify("as described", rating=rating, channel="app_store") for rating in (0.0, 1.0))
    assert (low.kind, high.kind) == (Kind.COMPLAINT, Kind.PRAISE)
    assert "has a low rating" in low.why
    assert "has a high rating" in high.why
    with pytest.raises(ValueError, match="between 0 and 1"):
        classify("fine", rating=4.0, channel=None)


def test_words_outweigh_a_rating() -> None:
    text = "The app crashes and nobody answers, I want my money back, it is broken"
    assert classify(text, rating=1.0, channel="app_store").kind is Kind.COMPLAINT


def test_an_idea_board_makes_requests() -> None:
    found = classify("Multiple currencies", rating=None, channel="canny")
    assert found.kind is Kind.REQUEST
    assert "came from an idea board" in found.why


def test_the_subject_counts() -> None:
    found = classify("see subject", rating=None, channel=None, subject="Login is broken")
    assert found.kind is Kind.COMPLAINT


def test_the_reason_names_kinds_chances_and_words() -> None:
    found = classify("The export is broken since yesterday", rating=None, channel=None)
    assert found.why.startswith(f"{found.probability:.0%} complaint, ")
    assert "says it is broken (“broken”)" in found.why
    assert len(found.why) <= 300


def test_a_vector_counts_only_with_the_encoder_that_was_learned_with() -> None:
    model = load_model()
    assert version_for(model.encoder) == version_for(None) == KIND_VERSION
    assert version_for(("another", model.encoder[1])) == KIND_VERSION_WITHOUT_VECTORS
    assert version_for((model.encoder[0], "another")) == KIND_VERSION_WITHOUT_VECTORS
    towards = model.with_vector[list(Kind).index(Kind.PRAISE), 1 + len(model.signs) :]
    vector = (towards / np.linalg.norm(towards)).astype(np.float32)
    text = "The lamp in the hall"
    plain = classify(text, rating=None, channel=None)
    pulled = classify(text, rating=None, channel=None, vector=vector)
    foreign = classify(text, rating=None, channel=None, vector=vector, version=KIND_VERSION_WITHOUT_VECTORS)
    assert pulled.kind is Kind.PRAISE
    assert "the sense of the text as a whole" in pulled.why
    assert pulled.version == KIND_VERSION
    assert (foreign.kind, foreign.probability) == (plain.kind, plain.probability)
    assert foreign.version == KIND_VERSION_WITHOUT_VECTORS


@given(st.text(max_size=300), st.one_of(st.none(), st.floats(0, 1)))
def test_any_text_gets_a_kind_a_reason_and_a_probability(text: str, rating: float | None) -> None:
    found = classify(text, rating=rating, channel=None)
    assert found.why
    assert 0.25 <= found.probability <= 1
