"""Intercom's API over conversations in memory: search with paging by place, retrieval with parts."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.fakes.vendor import Call, Said, Vendor


@dataclass
class Intercom(Vendor):
    """Conversations by id; a place on a page is a number, so that records that change push others over its edge."""

    conversations: dict[str, dict[str, Any]] = field(default_factory=dict)
    page_size: int | None = None

    def add(self, name: str, at: datetime, *, text: str = "", remark: str | None = None) -> None:
        stamp = int(at.timestamp())
        author = {"type": "user", "id": f"u{name}", "email": f"person{name}@example.com"}
        self.conversations[name] = {
            "type": "conversation",
            "id": name,
            "created_at": stamp,
            "updated_at": stamp,
            "open": True,
            "state": "open",
            "tags": {"type": "tag.list", "tags": []},
            "source": {
                "type": "conversation",
                "id": f"s{name}",
                "body": f"<p>{text or name}</p>",
                "author": author,
            },
            "contacts": {"contacts": [{"type": "contact", "id": f"u{name}"}]},
            "custom_attributes": {"Product area": "Mobile"},
            "conversation_rating": {"rating": 2, "remark": remark, "created_at": stamp} if remark else None,
            "parts": [],
        }

    def reply(self, name: str, text: str, at: datetime, *, kind: str = "user", note: bool = False) -> None:
        held = self.conversations[name]
        part = {
            "type": "conversation_part",
            "id": f"{len(held['parts']) + 1}0{name}",
            "part_type": "note" if note else "comment",
            "body": f"<p>{text}</p>",
            "created_at": int(at.timestamp()),
            "author": {"type": kind, "id": f"u{name}" if kind == "user" else "701"},
        }
        held["parts"].append(part)
        held["updated_at"] = int(at.timestamp())

    def answer(self, call: Call) -> Said:
        if "intercom-version" not in call.headers:
            return Said(400, {"errors": [{"code": "intercom_version_invalid"}]})
        if call.path == "/conversations/search" and call.method == "POST":
            return self._search(call.body)
        name = call.path.removeprefix("/conversations/")
        if call.method == "GET" and name in self.conversations:
            held = self.conversations[name]
            parts = {"type": "conversation_part.list", "conversation_parts": held["parts"]}
            return Said(200, {**_without_parts(held), "conversation_parts": parts})
        return Said(404, {"errors": [{"code": "not_found"}]})

    def _search(self, body: dict[str, Any]) -> Said:
        low, high = (each["value"] for each in body["query"]["value"])
        name = body["sort"]["field"]
        found = sorted(
            (held for held in self.conversations.values() if low < held[name] < high),
            key=lambda held: (held[name], held["id"]),
        )
        size = self.page_size or body["pagination"]["per_page"]
        start = int(body["pagination"].get("starting_after", "0"))
        following = {"next": {"starting_after": str(start + size)}} if start + size < len(found) else {}
        page = [_without_parts(held) for held in found[start : start + size]]
        return Said(200, {"conversations": page, "total_count": len(found), "pages": following})


def _without_parts(held: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in held.items() if key != "parts"}
