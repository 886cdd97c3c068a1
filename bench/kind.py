"""Kinds on messages that nothing was learned from: confusion, figures, references beside.

The test messages are ours (tests/data/kinds.csv, split `test`), of other trades than those learned from, and were
written before anything was fitted. The same hand wrote both, so messages of strangers are harder. As strangers serve
the customers of a bank (banking77, where EBB_SHARED has it): its intents tell most complaints from most questions.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

from bench.fit_kind import TRAINING, Message, calibration_error, encode, kind_numbers, read_messages
from bench.kind_by_hand import by_hand
from bench.report import Emit, say
from models.language.clean import clean
from models.language.kind import KindResult, classify
from models.language.redact import redact
from models.sample.people import active_accounts, gather_crowd
from models.sample.plan import load_company, load_events, load_releases, load_topics
from models.sample.rates import draw_counts, expected_counts
from models.sample.tickets import Scene, draw_tickets
from models.values.kinds import Kind
from workers.encoder import SentenceEncoder

TEST: Final = Path(__file__).parents[1] / "tests" / "data" / "kinds.csv"

EARLIER: Final = frozenset({"tune", "held_back"})
"""Splits of messages to which the cues were once tuned."""

Kinds = NDArray[np.int64]

BANK_COMPLAINTS: Final = frozenset(
    {
        "card_not_working",
        "card_swallowed",
        "cash_withdrawal_not_recognised",
        "compromised_card",
        "contactless_not_working",
        "declined_card_payment",
        "declined_cash_withdrawal",
        "declined_transfer",
        "direct_debit_payment_not_recognised",
        "extra_charge_on_statement",
        "failed_transfer",
        "pin_blocked",
        "Refund_not_showing_up",
        "top_up_failed",
        "transaction_charged_twice",
        "transfer_not_received_by_recipient",
        "virtual_card_not_working",
        "wrong_amount_of_cash_received",
        "wrong_exchange_rate_for_cash_withdrawal",
        "card_payment_wrong_exchange_rate",
    }
)
BANK_QUESTIONS: Final = frozenset(
    {
        "age_limit",
        "apple_pay_or_google_pay",
        "atm_support",
        "automatic_top_up",
        "card_acceptance",
        "country_support",
        "exchange_charge",
        "fiat_currency_support",
        "getting_spare_card",
        "supported_cards_and_currencies",
        "top_up_by_card_charge",
        "top_up_limits",
        "transfer_timing",
        "verify_source_of_funds",
        "visa_or_mastercard",
        "why_verify_identity",
        "receiving_money",
        "exchange_via_app",
        "getting_virtual_card",
        "verify_top_up",
        "top_up_by_cash_or_cheque",
    }
)
SEED, SAMPLED = 1, 4
BANK_SHOWN: Final = 40  # of each intent, first come


def run(emit: Emit, _folder: Path) -> None:
    """Hand in the figures of the classifier and of what it is held against."""
    messages = [message for message in read_messages(TEST, group="split") if message.group == "test"]
    encoder = SentenceEncoder()
    truth = kind_numbers(messages)
    emit("messages", len(messages), "messages", "tests/data/kinds.csv, split test")
    found = decide(messages, encoder)
    _emit_figures(emit, "learned", truth, kinds_of(found))
    chances = np.array([each.probability for each in found])
    emit(
        "learned calibration error", calibration_error(chances, kinds_of(found) == truth), "share", "10 bins"
    )
    for name, said in references(messages).items():
        _emit_figures(emit, name, truth, said)
    _emit_rated(emit, messages, encoder)
    _emit_earlier(emit, encoder)
    _emit_sample(emit, encoder)
    _emit_bank(emit, encoder)


def decide(messages: Sequence[Message], encoder: SentenceEncoder | None) -> list[KindResult]:
    """Classify as the product does; without an encoder by signs alone."""
    vectors: Sequence[NDArray[np.float32] | None] = [None] * len(messages)
    if encoder is not None:
        vectors = list(encode(encoder, messages).astype(np.float32))
    return [
        classify(m.text, rating=m.rating, channel=m.channel, subject=m.subject, vector=vector)
        for m, vector in zip(messages, vectors, strict=True)
    ]


def kinds_of(found: Sequence[KindResult]) -> Kinds:
    """Return kinds as their places in `Kind`."""
    return _numbers([each.kind for each in found])


def references(messages: Sequence[Message]) -> Mapping[str, Kinds]:
    """Say what others would: the cues weighed by hand, TF-IDF learned on the same messages, the commonest kind."""
    learned_from = read_messages(TRAINING)
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    table = words.fit_transform([message.embedded for message in learned_from])
    model = LogisticRegression(C=10, max_iter=5_000).fit(table, kind_numbers(learned_from))
    return {
        "signs alone": kinds_of(decide(messages, None)),
        "cues by hand": _numbers([by_hand(message) for message in messages]),
        "TF-IDF + logistic regression": model.predict(words.transform([m.embedded for m in messages])),
        "commonest kind": np.zeros(len(messages), dtype=np.int64),
    }


def _emit_figures(emit: Emit, name: str, truth: Kinds, said: Kinds) -> None:
    emit(f"{name} macro F1", f1_score(truth, said, average="macro"), "share", "aim .85")
    emit(f"{name} complaint recall", recall_score(truth == 0, said == 0, zero_division=0), "share", "aim .92")
    emit(
        f"{name} complaint precision",
        precision_score(truth == 0, said == 0, zero_division=0),
        "share",
        "aim .9",
    )
    say(
        f"{name}: rows are the truth ({', '.join(Kind)})\n{confusion_matrix(truth, said, labels=range(len(Kind)))}"
    )


def _emit_rated(emit: Emit, messages: Sequence[Message], encoder: SentenceEncoder) -> None:
    """What a rating adds: the rated messages with it, without it, and it alone."""
    rated = [message for message in messages if message.rating is not None]
    truth = kind_numbers(rated)
    ways: Mapping[str, Callable[[Message], Message]] = {
        "as they are": lambda message: message,
        "without rating": lambda message: replace(message, rating=None),
    }
    emit("rated messages", len(rated), "messages", "tests/data/kinds.csv, split test")
    for way, change in ways.items():
        said = kinds_of(decide([change(message) for message in rated], encoder))
        emit(f"rated {way}: right", float((said == truth).mean()), "share", "")
    alone = kinds_of(decide([replace(message, text="", subject="") for message in rated], None))
    emit("rated by rating alone: right", float((alone == truth).mean()), "share", "")


def _emit_earlier(emit: Emit, encoder: SentenceEncoder) -> None:
    """The older messages, from which nothing is learned now, but to which the cues were once tuned."""
    earlier = [message for message in read_messages(TEST, group="split") if message.group in EARLIER]
    _emit_figures(emit, "learned, older messages", kind_numbers(earlier), kinds_of(decide(earlier, encoder)))
    _emit_figures(
        emit, "cues by hand, older messages", kind_numbers(earlier), _numbers(list(map(by_hand, earlier)))
    )


def _emit_sample(emit: Emit, encoder: SentenceEncoder) -> None:
    """The first messages of the sample company's tickets: composed from phrases written for another purpose."""
    company, topics, releases, events = load_company(), load_topics(), load_releases(), load_events()
    crowd = gather_crowd(company, SEED)
    active = active_accounts(crowd, company, SEED)["all"].astype(np.float64)
    counts = draw_counts(topics, expected_counts(topics, releases, events, active), SEED)
    complaints = tuple(topic for topic in topics if topic.kind == "complaint")
    scene = Scene(date(2025, 6, 2), company, crowd, releases, events, complaints)
    drawn = [ticket for ticket in draw_tickets(scene, topics, counts, SEED) if ticket.language == "en"]
    messages = [
        Message(
            ticket.ticket_id,
            "sample",
            Kind(ticket.kind),
            None,
            None,
            ticket.subject,
            redact(clean(ticket.messages[0].letter.body).text).text,
        )
        for ticket in drawn[::SAMPLED]
    ]
    truth = kind_numbers(messages)
    emit("sample company: messages", len(messages), "messages", "English, every fourth ticket")
    _emit_figures(emit, "sample company, learned", truth, kinds_of(decide(messages, encoder)))
    _emit_figures(emit, "sample company, cues by hand", truth, _numbers(list(map(by_hand, messages))))


def _emit_bank(emit: Emit, encoder: SentenceEncoder) -> None:
    """Real customers: how many with a complaint for an intent are complaints, how many with a question are none."""
    shared = os.environ.get("EBB_SHARED")
    file = Path(shared or "") / "data" / "banking77" / "banking77.csv.gz"
    if shared is None or not file.is_file():
        say("SKIPPED the bank's customers: EBB_SHARED names no folder with data/banking77")
        return
    for name, intents in (("complaint", BANK_COMPLAINTS), ("question", BANK_QUESTIONS)):
        messages = _of_bank(file, intents, Kind(name))
        truth, said = kind_numbers(messages), kinds_of(decide(messages, encoder))
        hand = _numbers([by_hand(message) for message in messages])
        emit(f"bank, {name} intents: messages", len(messages), "messages", "banking77, split test")
        for way, each in (("learned", said), ("cues by hand", hand)):
            share = float(((each == 0) == (truth == 0)).mean())
            emit(f"bank, {name} intents, {way}: on the right side", share, "share", "complaint or not")


def _of_bank(file: Path, intents: frozenset[str], kind: Kind) -> list[Message]:
    seen: dict[str, int] = dict.fromkeys(intents, 0)
    found = []
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines)):
            intent = row["label"]
            if row["split"] == "test" and intent in intents and seen[intent] < BANK_SHOWN:
                seen[intent] += 1
                found.append(Message(str(number), intent, kind, None, None, "", row["text"]))
    return found


def _numbers(kinds: Sequence[Kind]) -> Kinds:
    places = {kind: place for place, kind in enumerate(Kind)}
    return np.array([places[kind] for kind in kinds], dtype=np.int64)
