"""What cleaning keeps and cuts of mails of ours, each labelled with words that must stay and words that must go.

Two files of `tests/data`: `cleaning.jsonl` (`tuning` and `held_out`, both open since clean-3) and
`cleaning_fresh.jsonl`, written before the rules of clean-3 were read or mended.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.report import Emit
from models.language.clean import CLEAN_VERSION, CleanNote, clean

DATA = Path(__file__).parents[1] / "tests" / "data"
FILES = ("cleaning.jsonl", "cleaning_fresh.jsonl")
SPLITS = ("tuning", "held_out", "fresh")


@dataclass(frozen=True, slots=True)
class Message:
    """A message, whether it is HTML (`None`: not declared), and words of it that must stay and that must go."""

    name: str
    split: str
    text: str
    html: bool | None
    keep: tuple[str, ...]
    cut: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Faults:
    """Words of a message that were lost although they must stay, and left although they must go."""

    lost: tuple[str, ...]
    left: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.lost or self.left)


def run(emit: Emit, _folder: Path) -> None:
    """Measure every split."""
    for split in SPLITS:
        messages = load(split)
        found = [faults(message) for message in messages]
        kept = sum(len(message.keep) for message in messages)
        cut = sum(len(message.cut) for message in messages)
        emit(
            f"wholly right ({split})",
            sum(not each for each in found),
            "messages",
            f"{len(messages)} messages, {CLEAN_VERSION}",
        )
        emit(
            f"words kept ({split})",
            kept - sum(len(each.lost) for each in found),
            "passages",
            f"{kept} labelled",
        )
        emit(
            f"words cut ({split})", cut - sum(len(each.left) for each in found), "passages", f"{cut} labelled"
        )


def load(split: str) -> list[Message]:
    """Read the messages of a split."""
    rows = [
        json.loads(line) for name in FILES for line in (DATA / name).read_text(encoding="utf-8").splitlines()
    ]
    return [
        Message(row["id"], split, row["text"], row["html"], tuple(row["keep"]), tuple(row["cut"]))
        for row in rows
        if row["split"] == split
    ]


def faults(message: Message) -> Faults:
    """Clean a message and compare with its labels, whatever the blanks and line ends."""
    left = left_of(message)
    return Faults(_missing(message.keep, left), _present(message.cut, left))


def left_of(message: Message) -> str:
    """Return what is read of a message, on one line: nothing where all of it is a machine's."""
    cleaned = clean(message.text, html=message.html)
    return "" if CleanNote.ONLY_AUTOMATIC_TEXT in cleaned.notes else flat(cleaned.text)


def flat(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def _missing(words: Sequence[str], text: str) -> tuple[str, ...]:
    return tuple(each for each in words if flat(each) not in text)


def _present(words: Sequence[str], text: str) -> tuple[str, ...]:
    return tuple(each for each in words if flat(each) in text)
