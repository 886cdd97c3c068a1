"""GitHub's API over issues in memory: list by change with Link headers and ETags, comments, search."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.sources.pull import iso
from tests.fakes.vendor import Call, Said, Vendor


@dataclass
class GitHub(Vendor):
    """Issues by number; the id is another number."""

    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    page_size: int | None = None
    repository: str = "example-org/brightlane"
    # Issues that were transferred or deleted, with the status of who asks for them.
    gone: dict[int, int] = field(default_factory=dict)
    # The status for all of the repository, once it was renamed, or the token may not see it any more.
    lost: int | None = None

    def add(self, number: int, at: datetime, *, association: str = "NONE", is_pull: bool = False) -> None:
        self.issues[number] = {
            "id": 2_900_000 + number,
            "number": number,
            "title": f"Issue {number}",
            "body": f"Import {number} fails.",
            "user": {"id": 81, "login": "ex-customer", "type": "User"},
            "author_association": association,
            "labels": [{"name": "bug"}],
            "state": "open",
            "comments": 0,
            "created_at": iso(at),
            "updated_at": iso(at),
            **({"pull_request": {"url": "x"}} if is_pull else {}),
        }
        self.comments[number] = []

    def reply(self, number: int, text: str, at: datetime, *, association: str = "NONE") -> None:
        held = self.comments[number]
        held.append(
            {
                "id": 3_800_000 + number * 100 + len(held),
                "user": {"id": 82, "login": "ex-other", "type": "User"},
                "author_association": association,
                "body": text,
                "created_at": iso(at),
                "updated_at": iso(at),
            }
        )
        self.issues[number] |= {"comments": len(held), "updated_at": iso(at)}

    def limited(self, seconds: int) -> Said:
        """Refuse as GitHub does: 403, nothing remains, and when it resets."""
        reset = str(int(self.clock().timestamp()) + seconds)
        return Said(
            403,
            {"message": "API rate limit exceeded"},
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset},
        )

    def answer(self, call: Call) -> Said:
        if self.lost is not None and call.path.startswith(f"/repos/{self.repository}"):
            return Said(self.lost, {"message": "Moved Permanently" if self.lost == 301 else "Not Found"})
        if call.path == f"/repos/{self.repository}/issues":
            since = call.query.get("since", "")
            found = sorted(
                (issue for issue in self.issues.values() if issue["updated_at"] >= since),
                key=lambda issue: (issue["updated_at"], issue["number"]),
            )
            return self._page(call, found)
        if found_number := re.fullmatch(rf"/repos/{self.repository}/issues/(\d+)/comments", call.path):
            number = int(found_number.group(1))
            if number in self.gone:
                return Said(self.gone[number], {"message": "This issue was deleted"})
            return self._page(call, self.comments[number])
        if call.path == "/search/issues":
            return self._search(call)
        return Said(404, {"message": "Not Found"})

    def _page(self, call: Call, found: list[dict[str, Any]]) -> Said:
        size = self.page_size or int(call.query["per_page"])
        number = int(call.query.get("page", "1"))
        page = found[(number - 1) * size : number * size]
        tag = 'W/"' + hashlib.sha256(json.dumps(page).encode()).hexdigest()[:16] + '"'
        if call.headers.get("if-none-match") == tag:
            return Said(304, None, {"ETag": tag})
        headers = {"ETag": tag}
        if number * size < len(found):
            headers["Link"] = f'<https://elsewhere.example.com{call.path}?page={number + 1}>; rel="next"'
        return Said(200, page, headers)

    def _search(self, call: Call) -> Said:
        matched = re.search(r"created:(\S+)\.\.(\S+)", call.query["q"])
        assert matched is not None
        start, end = matched.groups()
        found = [
            issue
            for issue in self.issues.values()
            if start <= issue["created_at"] <= end and "pull_request" not in issue
        ]
        return Said(200, {"total_count": len(found), "items": found})
