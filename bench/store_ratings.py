"""Kinds against the stars that strangers gave in stores: what one and two stars, and four and five, are said to be.

The reviews are other people's and stay outside this repository. They are read from the folder data/store_ratings of
EBB_SHARED, or from STORE_RATINGS; where they are published, and under which licence, docs/notes/kinds.md says:
  df_safeboda.rda, df_nssf.rda, df_numida.rda, df_xente.rda: github.com/tagasimon/appstorr, folder data, MIT
  fine_food_reviews_1k.csv: github.com/openai/openai-cookbook, folder examples/data, MIT
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np

from bench.fit_kind import Message
from bench.kind import Kinds, decide, kinds_of, references
from bench.r_data import read_frames
from bench.report import Emit, Skipped, say
from models.language.detect import UNDETERMINED, detect
from models.language.own_words import own_words
from models.values.kinds import Kind
from workers.encoder import SentenceEncoder

APPS: Final = ("df_safeboda.rda", "df_nssf.rda", "df_numida.rda", "df_xente.rda")
FOODS: Final = "fine_food_reviews_1k.csv"
SHOWN: Final = 250
"""Reviews of a set and of a number of stars, in the order of the hash of their text; all where there are fewer."""
LEAST_WORDS: Final = 3
READ: Final = 2000


@dataclass(frozen=True, slots=True)
class Review:
    """What a stranger wrote in a store, and the stars beside it."""

    stars: int
    subject: str
    text: str


def run(emit: Emit, _folder: Path) -> None:
    """Hand in what is said of reviews with and without their stars, and of the references."""
    folder = folder_of_reviews()
    encoder = SentenceEncoder()
    for name, reviews in {"apps": read_apps(folder), "foods": read_foods(folder)}.items():
        chosen = choose(reviews)
        messages = [as_message(place, review) for place, review in enumerate(chosen)]
        stars = np.array([review.stars for review in chosen])
        emit(f"{name}: reviews", len(chosen), "reviews", f"of {len(reviews)} distinct ones")
        for way, said in ways(messages, encoder).items():
            _emit_way(emit, f"{name}, {way}", stars, said)


def folder_of_reviews() -> Path:
    """Return where the reviews are; raise Skipped with where they are published if there are none."""
    named, shared = os.environ.get("STORE_RATINGS"), os.environ.get("EBB_SHARED", "")
    folder = Path(named) if named else Path(shared) / "data" / "store_ratings"
    missing = [file for file in (*APPS, FOODS) if not (folder / file).is_file()]
    if missing:
        raise Skipped(
            f"no {', '.join(missing)} in {folder}: get them from github.com/tagasimon/appstorr (data) and "
            "github.com/openai/openai-cookbook (examples/data), and name their folder in STORE_RATINGS"
        )
    return folder


def read_apps(folder: Path) -> list[Review]:
    """Read reviews of four apps in a store, each once though it was gathered in two orders."""
    found: dict[str, Review] = {}
    for file in APPS:
        for columns in read_frames(folder / file).values():
            rows = zip(columns["reviewId"], columns["score"], columns["content"], strict=True)
            for review, score, text in rows:
                if isinstance(score, float) and text is not None:
                    found.setdefault(str(review), Review(int(score), "", str(text)))
    return list(found.values())


def read_foods(folder: Path) -> list[Review]:
    """Read reviews of foods, with their headings as subjects."""
    with (folder / FOODS).open(encoding="utf-8", newline="") as lines:
        return [Review(int(row["Score"]), row["Summary"], row["Text"]) for row in csv.DictReader(lines)]


def choose(reviews: Sequence[Review]) -> list[Review]:
    """Clean reviews as the product does, and take some of each number of stars, in an order that means nothing."""
    taken: list[Review] = []
    seen: set[str] = set()
    for stars in range(1, 6):
        count = 0
        for review in sorted((each for each in reviews if each.stars == stars), key=_by_hash):
            text = own_words(review.text).text[:READ]
            plain = " ".join(text.lower().split())
            if count == SHOWN or len(plain.split()) < LEAST_WORDS or plain in seen:
                continue
            if detect(text) in ("en", UNDETERMINED):
                seen.add(plain)
                count += 1
                taken.append(replace(review, text=text))
    return taken


def _by_hash(review: Review) -> str:
    return sha256(review.text.encode()).hexdigest()


def as_message(place: int, review: Review) -> Message:
    """Make a message of a review; its kind is that of its stars, which nothing here takes for the truth."""
    kind = {1: Kind.COMPLAINT, 2: Kind.COMPLAINT}.get(review.stars, Kind.PRAISE)
    return Message(str(place), "store", kind, (review.stars - 1) / 4, None, review.subject, review.text)


def ways(messages: Sequence[Message], encoder: SentenceEncoder) -> Mapping[str, Kinds]:
    """Say what the product says with and without the stars, and what others say without them."""
    bare = [replace(message, rating=None) for message in messages]
    others = references(bare)
    return {
        "with stars": kinds_of(decide(messages, encoder)),
        "without stars": kinds_of(decide(bare, encoder)),
        "without stars, cues by hand": others["cues by hand"],
        "without stars, TF-IDF + logistic regression": others["TF-IDF + logistic regression"],
    }


def _emit_way(emit: Emit, name: str, stars: Kinds, said: Kinds) -> None:
    low, high = said[stars <= 2], said[stars >= 4]
    emit(f"{name}: 1 and 2 stars said to be complaints", float((low == 0).mean()), "share", "")
    emit(f"{name}: 4 and 5 stars said to be none", float((high != 0).mean()), "share", "")
    table = [np.bincount(said[stars == each], minlength=len(Kind)).tolist() for each in range(1, 6)]
    say(
        f"{name}: stars against {', '.join(Kind)}\n"
        + "\n".join(f"{n + 1} {row}" for n, row in enumerate(table))
    )
