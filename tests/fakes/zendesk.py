"""Zendesk's API over tickets in memory: incremental export by cursor, comments, search."""

import base64
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from models.sources.pull import iso
from tests.fakes.vendor import Call, Said, Vendor

AGENT = 900


@dataclass
class Zendesk(Vendor):
    """Tickets by id; the export lists them by the moment of their last change."""

    tickets: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    # Cursors begin with this word; another makes those given before unknown.
    era: str = "c"
    page_size: int | None = None
    # Tickets that the export forgets to list.
    hidden: set[int] = field(default_factory=set)

    def is_known(self, headers: Any) -> bool:
        pair = base64.b64encode(f"mira@example.com/token:{self.token}".encode()).decode()
        return bool(headers.get("authorization") == f"Basic {pair}")

    def add(
        self, number: int, at: datetime, *, text: str = "", by: int | None = None, replies: int = 0
    ) -> None:
        """Open a ticket, by customer 100 + number or submitted by somebody else, with replies of both sides."""
        customer = 100 + number
        text = text or f"The export number {number} fails for us."
        self.tickets[number] = {
            "id": number,
            "subject": f"Ticket {number}",
            "description": text,
            "requester_id": customer,
            "submitter_id": by or customer,
            "organization_id": 7,
            "status": "open",
            "tags": ["export"],
            "via": {"channel": "email"},
            "created_at": iso(at),
            "updated_at": iso(at),
            "is_public": True,
        }
        self.comments[number] = [self._comment(number * 1000, by or customer, text, at)]
        for place in range(1, replies + 1):
            author = AGENT if place % 2 else customer
            self.reply(number, f"Reply {place} on {number}", author, at + timedelta(minutes=place))

    def _comment(self, number: int, author: int, text: str, at: datetime) -> dict[str, Any]:
        return {"id": number, "author_id": author, "body": text, "public": True, "created_at": iso(at)}

    def reply(self, number: int, text: str, author: int, at: datetime) -> None:
        held = self.comments[number]
        held.append(self._comment(number * 1000 + len(held), author, text, at))
        self.touch(number, at)

    def touch(self, number: int, at: datetime, **changed: Any) -> None:
        self.tickets[number] |= {"updated_at": iso(at), **changed}

    def answer(self, call: Call) -> Said:
        if call.path == "/api/v2/incremental/tickets/cursor.json":
            return self._export(call)
        if call.path.startswith("/api/v2/search/"):
            return self._search(call)
        if found := re.fullmatch(r"/api/v2/tickets/(\d+)(/comments)?\.json", call.path):
            number = int(found.group(1))
            ticket = self.tickets.get(number)
            if ticket is None or ticket["status"] == "deleted":
                return Said(404, {"error": "RecordNotFound"})
            return (
                self._comments(number, call)
                if found.group(2)
                else Said(200, self._with_users([ticket], "ticket"))
            )
        return Said(404, {"error": "InvalidEndpoint"})

    def _users(self, numbers: set[int]) -> list[dict[str, Any]]:
        return [
            {
                "id": number,
                "role": "agent" if number == AGENT else "end-user",
                "email": f"person{number}@example.com",
                "locale": "en-US",
            }
            for number in sorted(numbers)
        ]

    def _with_users(self, tickets: list[dict[str, Any]], name: str) -> dict[str, Any]:
        users = self._users({ticket["requester_id"] for ticket in tickets})
        return {name: tickets[0] if name == "ticket" else tickets, "users": users}

    def _export(self, call: Call) -> Said:
        """List tickets by (moment of change, id); the cursor is the place after which to go on."""
        limit = self.page_size or int(call.query.get("per_page", "1000"))
        if cursor := call.query.get("cursor"):
            era, _, rest = cursor.partition(":")
            if era != self.era:
                return Said(400, {"error": "InvalidCursor"})
            after = tuple(rest.split("|"))
        else:
            start = int(call.query["start_time"])
            if start > self.clock().timestamp() - 60:
                return Said(422, {"error": "Too recent start_time. Use a start_time older than 60 seconds"})
            after = (iso(datetime.fromtimestamp(start, tz=self.clock().tzinfo)), "")
        latest = iso(self.clock() - timedelta(seconds=60))
        ordered = sorted(
            (ticket["updated_at"], f"{ticket['id']:09d}", ticket)
            for ticket in self.tickets.values()
            if ticket["id"] not in self.hidden and ticket["updated_at"] <= latest
        )
        rest_of = [each for each in ordered if (each[0], each[1]) > after]
        page = rest_of[:limit]
        last = page[-1][:2] if page else after
        counted = [
            {
                **each[2],
                "comment_count": len(self.comments[each[2]["id"]]),
                "generated_timestamp": int(datetime.fromisoformat(each[0]).timestamp()),
            }
            for each in page
        ]
        body = {
            **self._with_users(counted, "tickets"),
            "after_cursor": f"{self.era}:{'|'.join(last)}",
            "end_of_stream": len(rest_of) <= limit,
        }
        return Said(200, body)

    def _comments(self, number: int, call: Call) -> Said:
        held = self.comments[number]
        size = min(int(call.query["page[size]"]), 2)
        start = int(call.query.get("page[after]") or 0)
        page = held[start : start + size]
        has_more = start + size < len(held)
        meta = {"has_more": has_more, "after_cursor": str(start + size) if has_more else None}
        users = self._users({comment["author_id"] for comment in page})
        return Said(200, {"comments": page, "users": users, "meta": meta})

    def _search(self, call: Call) -> Said:
        start, end = re.findall(r"created[>=<]+(\S+)", call.query["query"])
        found = [
            ticket
            for ticket in self.tickets.values()
            if start <= ticket["created_at"] < end and ticket["status"] != "deleted"
        ]
        if call.path.endswith("count.json"):
            return Said(200, {"count": len(found)})
        size, at = 2, int(call.query.get("page[after]") or 0)
        meta = {"has_more": at + size < len(found), "after_cursor": str(at + size)}
        return Said(200, {"results": found[at : at + size], "meta": meta})
