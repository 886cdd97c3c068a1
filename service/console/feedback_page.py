"""The list of tickets behind a number."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from urllib.parse import urlencode

from markupsafe import Markup, escape

from models.database import Session
from models.errors import Invalid
from models.queries import counting, overview, tickets
from models.queries.tickets import Ticket, TicketFilter
from models.values.feedback import AuthorRole
from models.values.ids import Prefix, parse_id, public_id
from models.values.kinds import Kind
from service.console.addresses import theme_address
from service.console.frame import Frame
from service.console.verdict_row import label_of
from service.dependencies import read_cursor, write_cursor

_PAGE: Final = 40
_LONG: Final = 420
_KIND_LABEL: Final = {
    Kind.COMPLAINT: "Complaint",
    Kind.REQUEST: "Request",
    Kind.PRAISE: "Praise",
    Kind.QUESTION: "Question",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The list's address as a person typed or followed it; empty texts leave a part open."""

    theme: str = ""
    kind: str = ""
    counted: str = ""
    q: str = ""
    since: str = ""
    until: str = ""
    item: str = ""
    stated: str = ""
    cursor: str = ""

    def query(self, **changes: str) -> str:
        """Write the address with some parts changed."""
        parts = {
            "theme": self.theme,
            "kind": self.kind,
            "counted": self.counted,
            "q": self.q,
            "from": self.since,
            "to": self.until,
            "item": self.item,
            **changes,
        }
        return "/feedback?" + urlencode({name: value for name, value in parts.items() if value})


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A message in the list; head and rest: its text cut where it is long, search words marked."""

    id: str
    subject: Markup
    head: Markup
    rest: Markup
    opened_on: date
    kind: str
    kind_label: str
    kind_why: str
    counted: bool
    counted_why: str
    theme: str | None
    theme_address: str | None
    source: str
    external_id: str
    plan: str | None
    relayed: bool
    merged_into: str | None
    wanted: bool


@dataclass(frozen=True, slots=True)
class FeedbackPage:
    """All that the list shows; gone: by how much the number followed here exceeds what is left (0: nothing)."""

    asked: Asked
    title: str
    total: int
    rows: list[TicketRow]
    more: str | None
    folded: int
    folded_address: str
    gone: int
    added: int
    theme: str | None
    themes: list[tuple[str, str]]
    kinds: list[tuple[str, str]]


def read_feedback(session: Session, frame: Frame, asked: Asked) -> FeedbackPage:
    """Read a page of the list; raise `Invalid` for a part of the address that cannot be read."""
    where = read_filter(frame, asked)
    total = tickets.count_tickets(session, workspace=frame.workspace, where=where)
    found = tickets.list_tickets(
        session, workspace=frame.workspace, where=where, after=_after(asked.cursor), limit=_PAGE + 1
    )
    labels = overview.theme_labels(session, workspace=frame.workspace)
    wanted = parse_id(Prefix.ITEM, asked.item) if asked.item else None
    marks = _mark_pattern(asked.q)
    shown = [ticket.item.id for ticket in found[:_PAGE]]
    reasons = counting.why_counted(session, workspace=frame.workspace, items=shown)
    folded = _folded(session, frame, where)
    stated = int(asked.stated) if asked.stated.isdigit() else total
    return FeedbackPage(
        asked=asked,
        title=_title(asked, where, labels),
        total=total,
        rows=[
            _row(frame, ticket, labels, marks, wanted, reasons[ticket.item.id]) for ticket in found[:_PAGE]
        ],
        more=_more(asked, found),
        folded=folded,
        folded_address=asked.query(counted="no"),
        gone=max(stated - total, 0),
        added=max(total - stated, 0),
        theme=None if where.theme is None else label_of(labels, where.theme),
        themes=_theme_choices(session, frame, labels),
        kinds=[(kind.value, label) for kind, label in _KIND_LABEL.items()],
    )


def read_filter(frame: Frame, asked: Asked) -> TicketFilter:
    """Read the address; raise `Invalid` naming the part that cannot be read, `NotFound` for a false id."""
    since, until = _read_day("from", asked.since), _read_day("to", asked.until)
    return TicketFilter(
        theme=parse_id(Prefix.THEME, asked.theme) if asked.theme else None,
        kind=_read_kind(asked.kind),
        counted=_read_counted(asked.counted),
        words=asked.q.strip() or None,
        since=None if since is None else frame.start_of(since),
        until=None if until is None else frame.start_of(until),
        ticket_of=parse_id(Prefix.ITEM, asked.item) if asked.item else None,
    )


def _read_kind(text: str) -> Kind | None:
    if not text:
        return None
    if text not in list(Kind):
        raise Invalid(f"kind {text!r} is unknown; use one of {', '.join(Kind)}.", field="kind")
    return Kind(text)


def _read_counted(text: str) -> bool | None:
    if text not in ("", "yes", "no"):
        raise Invalid(f"counted {text!r} is unknown; use yes or no.", field="counted")
    return None if not text else text == "yes"


def _read_day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{name} {text!r} is no day; write it as 2026-11-21.", field=name) from error


def _after(cursor: str) -> tuple[datetime, int] | None:
    parts = read_cursor(cursor or None, 2)
    if parts is None:
        return None
    try:
        return datetime.fromisoformat(str(parts[0])), int(parts[1])
    except ValueError as error:
        raise Invalid(
            "cursor is not one of ours; leave it out to start at the first page.", field="cursor"
        ) from error


def _more(asked: Asked, found: list[Ticket]) -> str | None:
    if len(found) <= _PAGE:
        return None
    last = found[_PAGE - 1].item
    cursor = write_cursor(last.ticket_created_at.isoformat(), last.id)
    return asked.query(cursor=cursor, stated=asked.stated)


def _folded(session: Session, frame: Frame, where: TicketFilter) -> int:
    """Count what the list of counted complaints leaves folded: further messages of the same people and tickets."""
    if not where.counted:
        return 0
    return tickets.count_tickets(session, workspace=frame.workspace, where=replace(where, counted=False))


def _title(asked: Asked, where: TicketFilter, labels: dict[int, str | None]) -> str:
    if where.ticket_of is not None:
        return "One ticket"
    noun = {Kind.PRAISE: "Praise", None: "Messages"}.get(where.kind, f"{_label(where.kind)}s")
    if where.counted:
        noun = f"Counted {noun.lower()}"
    return f"{noun} about “{label_of(labels, where.theme)}”" if where.theme is not None else noun


def _label(kind: Kind | None) -> str:
    return "" if kind is None else _KIND_LABEL[kind]


def _theme_choices(session: Session, frame: Frame, labels: dict[int, str | None]) -> list[tuple[str, str]]:
    """List the themes that hold something, by label, for the filter."""
    held = overview.theme_sizes(session, workspace=frame.workspace)
    choices = [(public_id(Prefix.THEME, theme), label_of(labels, theme)) for theme in held]
    return sorted(choices, key=lambda choice: choice[1].casefold())


def _row(
    frame: Frame,
    ticket: Ticket,
    labels: dict[int, str | None],
    marks: re.Pattern[str] | None,
    wanted: int | None,
    why: str,
) -> TicketRow:
    item, theme = ticket.item, ticket.theme_id
    head, rest = _cut(item.text)
    return TicketRow(
        id=public_id(Prefix.ITEM, item.id),
        subject=mark_words(item.subject or "", marks),
        head=mark_words(head, marks),
        rest=mark_words(rest, marks),
        opened_on=frame.day_of(item.ticket_created_at),
        kind="" if item.kind is None else item.kind.value,
        kind_label="Not read yet" if item.kind is None else _KIND_LABEL[item.kind],
        kind_why=item.kind_why or "",
        counted=item.counted,
        counted_why=why,
        theme=None if theme is None else label_of(labels, theme),
        theme_address=None if theme is None else theme_address(theme),
        source=ticket.source_name,
        external_id=item.external_id,
        plan=item.plan,
        relayed=item.reported_by_agent or item.author_role is AuthorRole.AGENT,
        merged_into=item.merged_into,
        wanted=item.id == wanted,
    )


def _cut(text: str) -> tuple[str, str]:
    """Cut a long text at a word; both parts together are the text."""
    if len(text) <= _LONG:
        return text, ""
    at = text.rfind(" ", _LONG // 2, _LONG)
    at = _LONG if at < 0 else at
    return text[:at], text[at:]


def _mark_pattern(words: str) -> re.Pattern[str] | None:
    found = re.findall(r"\w+", words)
    return re.compile(rf"\b({'|'.join(map(re.escape, found))})\b", re.IGNORECASE) if found else None


def mark_words(text: str, pattern: re.Pattern[str] | None) -> Markup:
    """Escape a customer's text and put `mark` around the words searched for."""
    if pattern is None:
        return escape(text)
    parts = pattern.split(text)
    marked = [
        Markup("<mark>{}</mark>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    ]
    return Markup("").join(marked)
