"""Steps that tests of several programs share: sign and post a delivery, walk the work to its end, recount."""

import json
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from fastapi.testclient import TestClient
from sqlalchemy import select

from models.database import Database
from models.jobs import WorkState
from models.records import Assignment, DailyCount, FeedbackItem, Theme, Work
from models.sources.signature import SCHEMES, sign
from models.values.feedback import AuthorRole
from models.values.kinds import Kind
from tests.clock import Clock
from workers.context import Context
from workers.run import run_until_idle
from workers.stages import build_stages


class Answer(Protocol):
    """What tests read of an HTTP answer."""

    @property
    def status_code(self) -> int: ...

    @property
    def text(self) -> str: ...

    def json(self) -> Any: ...


def signed(body: bytes, secret: str, *, now: datetime, kind: str = "generic_json") -> dict[str, str]:
    """Return the headers that a sender who knows the secret adds."""
    scheme = SCHEMES[kind]
    assert scheme.timestamp_header is not None
    stamp = f"{now:%Y-%m-%dT%H:%M:%SZ}" if kind == "zendesk" else str(int(now.timestamp()))
    headers = {scheme.timestamp_header: stamp}
    return {**headers, scheme.header: sign(scheme, secret=secret, body=body, headers=headers)}


def post_entry(client: TestClient, address: str, entry: object, secret: str, *, now: datetime) -> Answer:
    """Deliver one generic JSON body."""
    body = json.dumps(entry).encode()
    return client.post(address, content=body, headers=signed(body, secret, now=now))


def connect(client: TestClient, *, kind: str = "generic_json", name: str = "desk") -> tuple[str, str]:
    """Connect a tool; return where it must send, and its secret."""
    made = client.post("/v1/sources", json={"kind": kind, "name": name}).json()
    return made["ingest_url"], made["secret"]


def walk(context: Context) -> Counter[str]:
    """Work until nothing is due; return how many pieces each stage worked. Waiting moves the clock."""
    worked: Counter[str] = Counter()
    clock = context.clock
    assert isinstance(clock, Clock)

    def pause(seconds: float) -> None:
        clock.advance(seconds=seconds)

    run_until_idle(
        context,
        build_stages(context.settings),
        on_batch=lambda job, count: worked.update({str(job): count}),
        pause=pause,
    )
    return worked


def unfinished(database: Database, *, now: datetime) -> list[tuple[str, int, str | None]]:
    """List work that was due and is not done: stage, subject, error."""
    with database.read(workspace=None) as session:
        rows = session.scalars(select(Work).where(Work.state != WorkState.DONE, Work.run_at <= now))
        return [(str(row.stage), row.subject, row.error) for row in rows]


def recounted(database: Database, zone: ZoneInfo | None = None) -> dict[tuple[int, date], tuple[int, int]]:
    """Count complaints and items by theme and day in plain Python, from items and their open assignments."""
    with database.read(workspace=None) as session:
        rows = session.execute(
            select(FeedbackItem, Theme)
            .join(Assignment, Assignment.item_id == FeedbackItem.id)
            .join(Theme, Theme.id == Assignment.theme_id)
            .where(Assignment.until_revision.is_(None), FeedbackItem.withdrawn.is_(False))
            .order_by(FeedbackItem.created_at, FeedbackItem.id)
        ).all()
    found: dict[tuple[int, date], tuple[int, int]] = {}
    seen: set[tuple[object, ...]] = set()
    for item, theme in rows:
        place = theme.redirect_id or theme.id, item.ticket_created_at.astimezone(zone or UTC).date()
        claim = (place, item.source_id, item.external_id, item.person_id)
        is_counted = (
            item.kind is Kind.COMPLAINT and item.author_role is AuthorRole.CUSTOMER and claim not in seen
        )
        if is_counted:
            seen.add(claim)
        complaints, items = found.get(place, (0, 0))
        found[place] = complaints + is_counted, items + 1
    return found


def stored_counts(database: Database) -> dict[tuple[int, date], tuple[int, int]]:
    """Return the daily counts of everybody as stored."""
    with database.read(workspace=None) as session:
        rows = session.scalars(select(DailyCount).where(DailyCount.segment == "all"))
        return {(row.theme_id, row.day): (row.complaints, row.items) for row in rows}
