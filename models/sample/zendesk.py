"""Write tickets as the event webhooks of a help desk, body by body, in the order they would arrive."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from random import Random
from uuid import UUID

from models.sample.tickets import Message, Ticket

ACCOUNT_ID = 70_004_471
BRAND_ID = "8800000000201"
FORM_ID = "8800000000401"
GROUP_ID = "8800000000501"
STATUS_ID = "8800000000301"
AGENT_IDS = {"Hanna": "8800000000771", "Joel": "8800000000772", "Mirela": "8800000000773"}
OTHER_AGENT_ID = "8800000000774"
FIRST_COMMENT = 8_800_000_100_000

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def event_bodies(tickets: Iterable[Ticket], seed: int) -> list[str]:
    """Write `ticket.created` and `ticket.comment_added` bodies as compact JSON, in time order."""
    rng = Random(f"{seed}/zendesk")
    events = [event for ticket in tickets for event in _events(ticket, rng)]
    events.sort(key=lambda pair: pair[0])
    return [body for _, body in events]


def _events(ticket: Ticket, rng: Random) -> Iterator[tuple[datetime, str]]:
    channel = rng.choices(("mail", "web", "api"), (55, 40, 5))[0]
    tags = _tags(ticket, rng)
    for position, message in enumerate(ticket.messages):
        detail = _detail(ticket, message, channel, tags, position)
        event: dict[str, object] = {"meta": {"sequence": _sequence(rng)}}
        kind = "ticket.created"
        if position:
            kind = "ticket.comment_added"
            event = {"comment": _comment(ticket, message, rng)} | event
        yield message.at, _body(ticket, message, detail, event, kind, rng)


def _body(
    ticket: Ticket,
    message: Message,
    detail: dict[str, object],
    event: dict[str, object],
    kind: str,
    rng: Random,
) -> str:
    body = {
        "account_id": ACCOUNT_ID,
        "detail": detail,
        "event": event,
        "id": str(UUID(int=rng.getrandbits(128), version=4)),
        "subject": f"zen:ticket:{ticket.ticket_id}",
        "time": f"{message.at:%Y-%m-%dT%H:%M:%S}.{rng.randrange(10**9):09d}Z",
        "type": f"zen:event-type:{kind}",
        "zendesk_event_version": "2022-11-06",
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _detail(
    ticket: Ticket, message: Message, channel: str, tags: list[str], position: int
) -> dict[str, object]:
    first = ticket.messages[0]
    status = "PENDING" if message.role == "agent" else "OPEN" if position else "NEW"
    return {
        "actor_id": _author_id(ticket, message),
        "assignee_id": None,
        "brand_id": BRAND_ID,
        "created_at": _seconds(first.at),
        "custom_status": STATUS_ID,
        "description": first.letter.as_text(),
        "external_id": None,
        "form_id": FORM_ID,
        "group_id": GROUP_ID,
        "id": ticket.ticket_id,
        "is_public": True,
        "organization_id": ticket.account.account_id,
        "priority": "NORMAL",
        "requester_id": ticket.person.requester_id,
        "status": status,
        "subject": ticket.subject or first.letter.body[:60],
        "submitter_id": ticket.person.requester_id,
        "tags": tags,
        "type": "PROBLEM" if ticket.kind == "complaint" else "QUESTION",
        "updated_at": _seconds(message.at),
        "via": {"channel": channel},
    }


def _comment(ticket: Ticket, message: Message, rng: Random) -> dict[str, object]:
    text = message.letter.as_text()
    paragraphs = "".join(f"<p>{escape(part, quote=False)}</p>" for part in text.split("\n\n"))
    author = {
        "id": _author_id(ticket, message),
        "is_staff": message.role == "agent",
        "name": message.author,
    }
    return {
        "author": author,
        "body": text,
        "html_body": f'<div class="zd-comment" dir="auto">{paragraphs}</div>'.replace("\n", "<br>"),
        "id": str(FIRST_COMMENT + rng.getrandbits(36)),
        "is_public": True,
    }


def _author_id(ticket: Ticket, message: Message) -> str:
    if message.role == "agent":
        return AGENT_IDS.get(message.author, OTHER_AGENT_ID)
    return ticket.person.requester_id


def _tags(ticket: Ticket, rng: Random) -> list[str]:
    tags = [f"plan_{ticket.account.plan}"]
    if ticket.area is not None:
        tags.insert(0, ticket.area)
    if rng.random() < 0.05:
        tags.append("callback")
    return tags


def _sequence(rng: Random) -> dict[str, object]:
    return {"id": "01J" + "".join(rng.choices(_CROCKFORD, k=23)), "position": 1, "total": 1}


def _seconds(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
