import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.language.kind import KIND_VERSION, Kind, classify

# 283 messages written before the cues were tuned; every third of a kind is held back from tuning. Both parts and the
# cues are by one hand, so accuracy on real messages will be lower than on either.
MESSAGES = Path(__file__).parents[2] / "data" / "kinds.csv"
TUNED = 0.95  # measured 184 of 190
HELD_BACK = 0.90  # measured 85 of 93


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


@pytest.mark.parametrize(("split", "bar"), [("tune", TUNED), ("held_back", HELD_BACK)])
def test_accuracy_on_labelled_messages(split: str, bar: float) -> None:
    part = [message for message in messages() if message.split == split]
    right = sum(map(is_right, part))
    print(f"{KIND_VERSION} {split}: {right} of {len(part)}")  # noqa: T201

    assert right / len(part) >= bar


@pytest.mark.parametrize("kind", list(Kind))
def test_no_kind_is_missed_often(kind: Kind) -> None:
    part = [message for message in messages() if message.kind is kind]

    assert sum(map(is_right, part)) / len(part) >= 0.88


def test_the_labelled_set_is_broad() -> None:
    counts = Counter(message.kind for message in messages())

    assert sum(counts.values()) >= 200
    assert min(counts.values()) >= 50
    assert 0.3 < sum(message.split == "held_back" for message in messages()) / sum(counts.values()) < 0.36


@pytest.mark.parametrize("text", ["Any news on this?", "just checking in", "any update?", "What's the ETA"])
def test_nudges_are_questions_that_ask_for_news(text: str) -> None:
    found = classify(text, rating=None, channel=None)

    assert (found.kind, found.why) == (Kind.QUESTION, "asks for news")


def test_denied_praise_is_a_complaint_and_denied_trouble_is_praise() -> None:
    assert classify("not great", rating=None, channel=None).kind is Kind.COMPLAINT
    assert classify("never had a problem", rating=None, channel=None).kind is Kind.PRAISE


def test_the_rating_decides_where_words_do_not() -> None:
    assert classify("meh", rating=0.0, channel="delighted").kind is Kind.COMPLAINT
    assert classify("as described", rating=1.0, channel="delighted").kind is Kind.PRAISE
    with pytest.raises(ValueError, match="between 0 and 1"):
        classify("fine", rating=4.0, channel=None)


def test_the_subject_counts() -> None:
    assert (
        classify("see subject", rating=None, channel=None, subject="Login is broken").kind is Kind.COMPLAINT
    )


@given(st.text(max_size=300), st.one_of(st.none(), st.floats(0, 1)))
def test_any_text_gets_a_kind_a_reason_and_a_share(text: str, rating: float | None) -> None:
    found = classify(text, rating=rating, channel=None)

    assert found.why
    assert 0.25 <= found.score <= 1
