"""Two help desks of different kinds: what happened in them, in order, and what they tell of it by webhook.

The truth is kept by plain Python as it happens. `told` holds one body for each event; what a test makes of their order
and number is its own affair.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tests.clock import NOON

ZENDESK, GENERIC = "zendesk", "generic_json"
KINDS: Final = (ZENDESK, GENERIC)
WORDS: Final = {
    "export": "The calendar export fails for large teams every day and this is very frustrating, please fix it",
    "invoice": "The invoice shows a wrong amount again and our accountant refuses such terrible documents",
    "praise": "I love the new calendar and everybody in the office is happy with it, great work and thank you",
    "": "Any news on this",
}
"""What people say, by theme; the last is about nothing."""


@dataclass(slots=True)
class Said:
    """A customer's message: `gone` is deleted or redacted by itself, for good."""

    id: str
    person: int
    names: frozenset[str]
    at: int
    text: str
    gone: bool = False


@dataclass(slots=True)
class Ticket:
    """A ticket as it is now. A merge holds while no restoration is newer."""

    kind: str
    id: str
    opened: int
    messages: list[Said]
    status: str = "open"
    tags: list[str] = field(default_factory=list)
    deleted: bool = False
    restored: bool = False
    into: str | None = None

    @property
    def visible(self) -> list[Said]:
        return [] if self.deleted else [said for said in self.messages if not said.gone]


@dataclass(slots=True)
class Desks:
    """All tickets, and every body that was sent, with the ticket it is about."""

    tickets: list[Ticket] = field(default_factory=list)
    told: list[tuple[str, str, bytes]] = field(default_factory=list)
    lost_words: list[str] = field(default_factory=list)
    now: int = 0
    names: int = 0

    def tick(self) -> int:
        self.now += 1
        return self.now

    def words(self, theme: str) -> str:
        """Say something of a theme, with a word of its own by which it can be found again."""
        self.names += 1
        mark = "".join(chr(ord("a") + int(digit)) for digit in f"{self.names:04}")
        return f"{WORDS[theme]}, word{mark}."

    # --- what happens

    def open(self, kind: str, person: int, theme: str, *, with_mail: bool, with_id: bool) -> None:
        at = self.tick()
        number = str(100 + len(self.tickets))
        names = _names(kind, person, with_mail=with_mail, with_id=with_id or kind == ZENDESK)
        said = Said("0", person, names, at, self.words(theme))
        ticket = Ticket(kind, number, at, [said])
        self.tickets.append(ticket)
        if kind == GENERIC:
            self._write(ticket, said, at)
            return
        self._event(ticket, "ticket.created", {}, at)
        # The opening text comes again as a comment under an id of its own.
        self._comment(ticket, f"{number}000", said.person, said.text, self.tick())
        if with_mail:
            self._trigger(ticket, person, self.tick())

    def say(self, ticket: Ticket, person: int, theme: str, *, with_mail: bool, with_id: bool) -> None:
        at = self.tick()
        named = f"{ticket.id}{len(ticket.messages):03}"
        is_zendesk = ticket.kind == ZENDESK
        names = _names(
            ticket.kind, person, with_mail=with_mail and not is_zendesk, with_id=with_id or is_zendesk
        )
        said = Said(named, person, names, at, self.words(theme))
        ticket.messages.append(said)
        if is_zendesk:
            self._comment(ticket, named, person, said.text, at)
        else:
            self._write(ticket, said, at)

    def answer(self, ticket: Ticket) -> None:
        """Staff answer: nothing of it is a customer's, but the ticket waits now."""
        at = self.tick()
        ticket.status = "pending"
        text = self.words("praise")
        self.lost_words.append(text)
        if ticket.kind == ZENDESK:
            self._comment(ticket, f"{ticket.id}9{at}", None, text, at)
        else:
            body = {"id": ticket.id, "message_id": f"s{at}", "author_role": "agent", "text": text}
            self._tell(ticket, {**body, "occurred_at": _time(at), "status": "pending"})

    def edit(self, ticket: Ticket, said: Said, theme: str) -> None:
        at = self.tick()
        self.lost_words.append(said.text)
        said.text = self.words(theme)
        self._write(ticket, said, at)

    def change(self, ticket: Ticket, status: str, tag: str | None) -> None:
        at = self.tick()
        ticket.status = status
        if tag is not None:
            ticket.tags = sorted({*ticket.tags, tag})
        if ticket.kind == ZENDESK:
            self._event(ticket, "ticket.status_changed", {"current": status}, at)
            return
        body: dict[str, object] = {"id": ticket.id, "action": "update_status", "status": status}
        self._tell(ticket, body | ({} if tag is None else {"tags": ticket.tags}) | {"occurred_at": _time(at)})

    def remove(self, ticket: Ticket, said: Said, *, redact: bool) -> None:
        at = self.tick()
        said.gone = True
        self.lost_words.append(said.text)
        if ticket.kind == ZENDESK:
            named = f"{ticket.id}000" if said.id == "0" else said.id
            kind = "ticket.comment_redacted" if redact or said.id == "0" else "ticket.comment_made_private"
            self._event(ticket, kind, {"comment": {"id": named}}, at)
            return
        action = "redact" if redact else "delete"
        self._tell(
            ticket, {"id": ticket.id, "message_id": said.id, "action": action, "occurred_at": _time(at)}
        )

    def redact_answer(self, ticket: Ticket) -> None:
        """Staff redact a comment of their own, which we never stored."""
        at = self.tick()
        self._event(ticket, "ticket.comment_redacted", {"comment": {"id": f"{ticket.id}999"}}, at)

    def delete(self, ticket: Ticket) -> None:
        at = self.tick()
        ticket.deleted = True
        if ticket.kind == ZENDESK:
            self._event(ticket, "ticket.soft_deleted", {}, at)
        else:
            self._tell(ticket, {"id": ticket.id, "action": "delete", "occurred_at": _time(at)})

    def restore(self, ticket: Ticket) -> None:
        at = self.tick()
        ticket.deleted, ticket.restored, ticket.into = False, True, None
        self._event(ticket, "ticket.undeleted", {}, at)

    def merge(self, ticket: Ticket, into: Ticket) -> None:
        at = self.tick()
        ticket.into = into.id
        if ticket.kind == ZENDESK:
            self._event(ticket, "ticket.merged", {"target_ticket_id": into.id}, at)
        else:
            body = {"id": ticket.id, "action": "merge", "merged_into": into.id}
            self._tell(ticket, {**body, "occurred_at": _time(at)})

    def again(self) -> list[tuple[str, bytes]]:
        """Return the messages to be asked for again of tickets that were restored: our copies are gone.

        That a ticket was deleted and restored is not told again.
        """
        restored = {(ticket.kind, ticket.id) for ticket in self.tickets if ticket.restored}
        return [
            (kind, body)
            for kind, number, body in self.told
            if (kind, number) in restored and b"deleted" not in body
        ]

    # --- how it is told

    def _tell(self, ticket: Ticket, body: dict[str, object]) -> None:
        self.told.append((ticket.kind, ticket.id, json.dumps(body).encode()))

    def _write(self, ticket: Ticket, said: Said, at: int) -> None:
        mail = next((name for name in said.names if "@" in name), None)
        number = next((name.partition(":")[2] for name in said.names if "@" not in name), None)
        body: dict[str, object] = {
            "id": ticket.id,
            "message_id": said.id,
            "text": said.text,
            "language": "en",
            "created_at": _time(ticket.opened),
            "occurred_at": _time(at),
            "customer_email": mail,
            "customer_id": number,
        }
        if said.id == "0" and at == said.at:
            body |= {"status": ticket.status, "tags": ticket.tags}
        self._tell(ticket, body)

    def _event(self, ticket: Ticket, kind: str, event: dict[str, object], at: int) -> None:
        opener = ticket.messages[0]
        requester = f"z{opener.person}"
        self._tell(
            ticket,
            {
                "type": f"zen:event-type:{kind}",
                "id": f"event-{at}",
                "time": _time(at),
                "subject": f"zen:ticket:{ticket.id}",
                "detail": {
                    "id": ticket.id,
                    "description": "redacted by the desk" if opener.gone else opener.text,
                    "created_at": _time(ticket.opened),
                    "updated_at": _time(at),
                    "is_public": True,
                    "requester_id": requester,
                    "submitter_id": requester,
                    "status": ticket.status.upper(),
                    "tags": ticket.tags,
                    "via": {"channel": "mail"},
                },
                "event": event,
            },
        )

    def _comment(self, ticket: Ticket, number: str, person: int | None, text: str, at: int) -> None:
        author = {"id": "staff" if person is None else f"z{person}", "is_staff": person is None}
        comment = {"id": number, "author": author, "body": text, "is_public": True}
        self._event(ticket, "ticket.comment_added", {"comment": comment}, at)

    def _trigger(self, ticket: Ticket, person: int, at: int) -> None:
        self._tell(
            ticket,
            {
                "hook": "ticket",
                "ticket_id": ticket.id,
                "created_at": _time(ticket.opened),
                "updated_at": _time(at),
                "status": ticket.status,
                "description": ticket.messages[0].text,
                "requester_id": f"z{person}",
                "requester_email": f"p{person}@example.com",
                "tags": " ".join(ticket.tags),
            },
        )


def _names(kind: str, person: int, *, with_mail: bool, with_id: bool) -> frozenset[str]:
    mail = {f"p{person}@example.com"} if with_mail else set()
    return frozenset(mail | ({f"{kind}:{kind[0]}{person}"} if with_id else set()))


def _time(at: int) -> str:
    return f"{moment(at):%Y-%m-%dT%H:%M:%SZ}"


def moment(at: int) -> datetime:
    """Turn an hour of the desks into a moment, ten days before noon."""
    return NOON - timedelta(days=10) + timedelta(hours=at)


# --- what must be known of it -------------------------------------------------------------------------------


def people(desks: Desks) -> dict[str, str]:
    """Map every name that was told to the first of those that are the same person's, as far as can be known."""
    first: dict[str, str] = {}

    def find(name: str) -> str:
        while first.setdefault(name, name) != name:
            name = first[name]
        return name

    for ticket in desks.tickets:
        for said in ticket.messages:
            roots = sorted({find(name) for name in said.names})
            for root in roots[1:]:
                first[root] = roots[0]
    return {name: find(name) for name in list(first)}


def standing_for(desks: Desks, ticket: Ticket) -> Ticket | None:
    """Return the ticket that counts where this one was merged: the survivor, or the earliest that is stored."""
    mine = {each.id: each for each in desks.tickets if each.kind == ticket.kind}

    def root(number: str) -> str:
        path: list[str] = []
        while number in mine and mine[number].into is not None and number not in path:
            path.append(number)
            number = mine[number].into or ""
        return min(path[path.index(number) :]) if number in path else number

    of = root(ticket.id)
    group = [each for each in mine.values() if root(each.id) == of and each.visible]
    survivor = next((each for each in group if each.id == of), None)
    return survivor or min(group, key=lambda each: each.opened, default=None)
