"""Seven months of synthetic tickets: three problems, one of them much rarer after a release, as rows of a file."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

START = datetime(2025, 9, 1, tzinfo=UTC)
RELEASED = datetime(2026, 2, 2, 9, tzinfo=UTC)
END = datetime(2026, 4, 13, tzinfo=UTC)

FEATURE = (
    "Large calendar exports finish",
    "Exporting a calendar to a spreadsheet no longer stops half way or fails with an empty file.",
)

WORDS = {
    "export": (
        ("The calendar export", "Exporting our calendar to a spreadsheet", "Every export of the calendar"),
        ("fails", "stops half way", "breaks", "gives an empty spreadsheet", "ends with an error"),
        ("for large teams", "when it holds a whole year", "on Mondays", "in the browser", "since the update"),
    ),
    "invoice": (
        ("The invoice", "Our last invoice", "My invoice of this month"),
        (
            "charges the card twice",
            "shows a wrong double charge",
            "has a broken card charge",
            "fails our card",
        ),
        ("and the tax is wrong", "for two seats", "in euros", "after the renewal", "without a refund"),
    ),
    "login": (
        ("The password reset", "Signing in with my password", "The reset mail of the password"),
        ("fails", "never works", "is broken", "ends in a sign in error", "locks me out of sign in"),
        ("on the phone", "for new colleagues", "with two factors", "from home", "at the front desk"),
    ),
}
ENDINGS = (
    "and this is very frustrating",
    "so please fix it",
    "again and again",
    "for the third time",
    "and our whole office waits",
    "which costs us hours",
)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket, with the problem it is truly about."""

    number: int
    problem: str
    at: datetime
    text: str

    @property
    def row(self) -> dict[str, str]:
        return {
            "id": f"C-{self.number}",
            "created_at": self.at.isoformat(),
            "text": self.text,
            "customer_id": f"person-{self.number % 400}",
            "plan": ("free", "team", "business")[self.number % 3],
        }


def tickets(*, weekly: float = 7.0, seed: int = 5, factor: float = 0.35) -> list[Ticket]:
    """Draw the tickets in order of time; from the release on `export` comes at `factor` times its rate."""
    rng = np.random.default_rng(seed)
    found: list[Ticket] = []
    day = START
    while day < END:
        for problem, texts in WORDS.items():
            rate = weekly / 7 * (factor if problem == "export" and day >= RELEASED else 1.0)
            for _ in range(int(rng.poisson(rate))):
                at = day + timedelta(minutes=int(rng.integers(8 * 60, 18 * 60)))
                text = " ".join(parts[int(rng.integers(len(parts)))] for parts in (*texts, ENDINGS)) + "."
                found.append(Ticket(len(found), problem, at, text))
        day += timedelta(days=1)
    return sorted(found, key=lambda ticket: ticket.at)


def jsonl(chosen: Sequence[Ticket]) -> str:
    return "".join(json.dumps(ticket.row) + "\n" for ticket in chosen)


def days(start: datetime = START, end: datetime = END) -> Iterator[str]:
    while start < end:
        yield start.date().isoformat()
        start += timedelta(days=1)


def body(ticket: Ticket) -> bytes:
    """Return a ticket as the body of one delivery."""
    return json.dumps(ticket.row, sort_keys=True).encode()
