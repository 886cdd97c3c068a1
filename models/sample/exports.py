"""Write tickets as in-app records (JSON lines), as an e-mail export and as store reviews (CSV)."""

import csv
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from random import Random

from models.sample.tickets import Message, Ticket

MAIL_COLUMNS = (
    "id",
    "message_id",
    "created_at",
    "author_role",
    "subject",
    "text",
    "customer_email",
    "account_id",
    "plan",
    "tags",
)
REVIEW_COLUMNS = ("id", "created_at", "stars", "title", "text", "author", "app_version", "language")

STARS = {
    "complaint": ((1, 2, 3), (55, 33, 12)),
    "request": ((3, 4, 5), (35, 50, 15)),
    "question": ((3, 4), (50, 50)),
    "praise": ((4, 5), (22, 78)),
}

BROKEN_MAIL = (
    ({"created_at": "yesterday afternoon"}, "created_at is no date"),
    ({"created_at": "2025-02-30T10:15:00Z"}, "created_at is a day that does not exist"),
    ({"created_at": "31/31/25"}, "created_at is no date"),
    ({"created_at": ""}, "created_at is missing"),
    ({"id": ""}, "id is missing"),
    ({"id": "", "message_id": ""}, "id is missing"),
)
"""Rows an importer must set aside: what is overwritten in a copy of a good row, and why it is wrong."""


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines in UTF-8 with Unix line ends, the same bytes on every system."""
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8"))


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file in UTF-8 with Unix line ends."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def app_records(tickets: Iterable[Ticket]) -> list[str]:
    """Write in-app feedback as one compact JSON record per message, in time order."""
    pairs = [
        (message.at, _app_record(ticket, message, position))
        for ticket in tickets
        for position, message in enumerate(ticket.messages)
    ]
    return [record for _, record in sorted(pairs, key=lambda pair: pair[0])]


def mail_rows(tickets: Iterable[Ticket], seed: int) -> list[tuple[str, ...]]:
    """Write mails as rows of `MAIL_COLUMNS` in time order, with the broken rows among them."""
    rng = Random(f"{seed}/mail")
    pairs = [
        (message.at, _mail_row(ticket, message, position, html=html))
        for ticket in tickets
        for html in [rng.random() < 0.3]
        for position, message in enumerate(ticket.messages)
    ]
    rows = [row for _, row in sorted(pairs, key=lambda pair: pair[0])]
    for number, (changes, _) in enumerate(BROKEN_MAIL, start=1):
        at = len(rows) * number // (len(BROKEN_MAIL) + 1)
        good = dict(zip(MAIL_COLUMNS, rows[at], strict=True))
        broken = good | {"id": f"m-x{number}", "message_id": f"m-x{number}-1"} | changes
        rows.insert(at, tuple(broken[column] for column in MAIL_COLUMNS))
    return rows


def review_rows(tickets: Iterable[Ticket], seed: int) -> list[tuple[str, ...]]:
    """Write store reviews as rows of `REVIEW_COLUMNS`, in time order."""
    rng = Random(f"{seed}/reviews")
    return [_review_row(ticket, rng) for ticket in tickets]


def _app_record(ticket: Ticket, message: Message, position: int) -> str:
    record: dict[str, object] = {
        "external_id": ticket.ticket_id,
        "message_id": f"{ticket.ticket_id}-{position + 1}",
        "created_at": _seconds(message.at),
        "text": message.letter.as_text(),
        "customer_id": ticket.person.customer_id,
        "account_id": ticket.account.account_id,
        "plan": ticket.account.plan,
        "channel": "in_app",
    }
    if ticket.area is not None:
        record["area"] = ticket.area
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _mail_row(ticket: Ticket, message: Message, position: int, *, html: bool) -> tuple[str, ...]:
    subject = ticket.subject or "(no subject)"
    return (
        ticket.ticket_id,
        f"{ticket.ticket_id}-{position + 1}",
        _seconds(message.at),
        message.role,
        f"Re: {subject}" if position else subject,
        message.letter.as_html() if html else message.letter.as_text(),
        ticket.person.email,
        ticket.account.account_id,
        ticket.account.plan,
        ticket.area or "",
    )


def _review_row(ticket: Ticket, rng: Random) -> tuple[str, ...]:
    stars, weights = STARS[ticket.kind]
    author = f"{ticket.person.name.split()[0]} {ticket.person.name.split()[1][0]}."
    return (
        ticket.ticket_id,
        _seconds(ticket.messages[0].at),
        str(rng.choices(stars, weights)[0]),
        ticket.subject if rng.random() < 0.35 else "",
        ticket.messages[0].letter.as_text(),
        author,
        f"4.{rng.randint(0, 4)}",
        ticket.language,
    )


def _seconds(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
