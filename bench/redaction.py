"""What redaction finds and what it takes by mistake, for each kind of personal data, on labelled snippets of ours.

Four files of `tests/data`: `redaction.jsonl` and `redaction_tuning.jsonl` were open while the rules were written;
`redaction_held_out.jsonl` was held out from redact-2 and has been open since; `redaction_fresh.jsonl` was written
before the rules of redact-3 were read or mended.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.report import Emit
from models.language.redact import REDACT_VERSION, redact
from models.values.text import Removed

DATA = Path(__file__).parents[1] / "tests" / "data"
SPLITS: Mapping[str, tuple[str, ...]] = {
    "tuning": ("redaction.jsonl", "redaction_tuning.jsonl"),
    "held out": ("redaction_held_out.jsonl",),
    "fresh": ("redaction_fresh.jsonl",),
}
BEYOND = frozenset({"address", "account", "document"})
"""Kinds that the issue does not ask for; rules look for them since redact-3, and all figures count them in."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text, the values in it that must go (with their kind), and those that must stay."""

    name: str
    text: str
    removed: tuple[tuple[str, str], ...]
    kept: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """How many labelled values of each kind were removed whole, and how many removed spans were labelled."""

    labelled: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    survived: int = 0
    snippets: int = 0

    def recall(self) -> float:
        """Return the share of labelled values that went."""
        return self.found.total() / self.labelled.total()

    def precision(self) -> float:
        """Return the share of removed spans that a label of their kind covers."""
        return self.right.total() / self.taken.total()

    def spared(self) -> float:
        """Return the share of near misses (order numbers, versions, product names) that stayed."""
        return self.survived / self.kept


def run(emit: Emit, _folder: Path) -> None:
    """Measure both splits."""
    for split in SPLITS:
        tally = score(load(split))
        against = f"{tally.snippets} snippets, {REDACT_VERSION}"
        emit(f"recall ({split})", tally.recall(), "share", against)
        emit(f"precision ({split})", tally.precision(), "share", against)
        emit(f"near misses that stay ({split})", tally.spared(), "share", f"{tally.kept} near misses")
        for kind in sorted(tally.labelled | tally.taken):
            emit(f"{kind} found ({split})", tally.found[kind], "values", f"{tally.labelled[kind]} labelled")
            emit(f"{kind} right ({split})", tally.right[kind], "spans", f"{tally.taken[kind]} removed")


def load(split: str) -> list[Snippet]:
    """Read the snippets of a split."""
    rows = [
        json.loads(line)
        for name in SPLITS[split]
        for line in (DATA / name).read_text(encoding="utf-8").splitlines()
    ]
    return [
        Snippet(
            row["id"],
            row["text"],
            tuple((item["what"], item["value"]) for item in row["removed"]),
            tuple(row["kept"]),
        )
        for row in rows
    ]


def score(snippets: Sequence[Snippet]) -> Tally:
    """Redact every snippet and compare with its labels."""
    tally = Tally(snippets=len(snippets))
    for snippet in snippets:
        redacted = redact(snippet.text)
        for what, value in snippet.removed:
            tally.labelled[what] += 1
            tally.found[what] += is_covered(value, snippet.text, redacted.removed)
        for span in redacted.removed:
            tally.taken[span.what] += 1
            tally.right[span.what] += is_labelled(span, snippet)
        tally.kept += len(snippet.kept)
        tally.survived += sum(value in redacted.text for value in snippet.kept)
    return tally


def is_covered(value: str, text: str, removed: Sequence[Removed]) -> bool:
    """Tell whether every character of a value was removed."""
    start = text.index(value)
    return all(
        any(span.start <= at < span.end for span in removed) for at in range(start, start + len(value))
    )


def is_labelled(span: Removed, snippet: Snippet) -> bool:
    """Tell whether a removed span overlaps a labelled value of its kind."""
    for label, value in snippet.removed:
        at = snippet.text.index(value)
        if label == span.what and at < span.end and span.start < at + len(value):
            return True
    return False
