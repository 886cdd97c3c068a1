"""A workspace whose tickets are in themes, and somebody who corrects them over HTTP."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from models.database import Database
from models.language.encode import WordHashEncoder
from models.records import FeedbackItem, Theme, ThemeState
from service.app import create_app
from tests import factories, year
from tests.clock import Clock
from tests.services import settings_for
from tests.steps import unfinished, walk
from tests.workers.tickets import deliver, open_assignments
from workers.context import Context

FED = 140
"""Tickets in the file that tests begin with."""
BOTH = pytest.mark.parametrize("empty_desk", ["sqlite", "postgres"], indirect=True)
"""For tests that walk both databases."""


@dataclass
class Correcting:
    """Acts over HTTP, and the worker that goes on after each."""

    client: TestClient
    context: Context
    database: Database
    workspace: int
    source: int
    clock: Clock
    read: int = 0

    def feed(self, count: int) -> None:
        """Let the next tickets of the year come and be worked."""
        tickets = year.tickets()[self.read : self.read + count]
        assert len(tickets) == count
        self.read += count
        deliver(self.context, self.workspace, self.source, *(ticket.row for ticket in tickets))
        self.work()

    def work(self) -> None:
        walk(self.context)
        assert unfinished(self.context.database, now=self.clock()) == []

    def post(self, path: str, body: object = None, *, status: int = 200) -> Any:
        """Act; then let the worker do what that asks for."""
        answer = (
            self.client.post(f"/v1/{path}", json=body)
            if body is not None
            else self.client.post(f"/v1/{path}")
        )
        assert answer.status_code == status, answer.text
        if status < 400:
            self.clock.advance(minutes=1)
            self.work()
        return answer.json()

    def act(self, theme: int, verb: str, body: object = None, *, status: int = 200) -> Any:
        return self.post(f"themes/th_{theme}/{verb}", body, status=status)

    def divide(self) -> None:
        """Move every third message of the first theme into the second, so that neighbours are divided there."""
        first, second = self.themes()[:2]
        self.act(second, "move", {"items": [f"fb_{item}" for item in self.items_in(first)[::3]]})
        self.work()

    def get(self, path: str, *, status: int = 200) -> Any:
        answer = self.client.get(f"/v1/{path}")
        assert answer.status_code == status, answer.text
        return answer.json()

    def themes(self) -> list[int]:
        """The themes that stand, largest first."""
        sizes = Counter(self.places().values())
        standing = {row.id for row in self.rows() if row.state is ThemeState.ACTIVE}
        return [theme for theme, _ in sizes.most_common() if theme in standing]

    def rows(self) -> list[Theme]:
        with self.database.read(workspace=None) as session:
            return list(session.scalars(select(Theme).order_by(Theme.id)))

    def row(self, theme: int) -> Theme:
        return next(row for row in self.rows() if row.id == theme)

    def places(self) -> dict[int, int]:
        """Map items to the theme that stands for theirs."""
        return open_assignments(self.database)

    def items_in(self, theme: int) -> list[int]:
        return sorted(item for item, place in self.places().items() if place == theme)

    def problems(self) -> dict[int, str]:
        """Map items to what they are truly about."""
        truth = {ticket.row["id"]: ticket.problem for ticket in year.tickets()}
        with self.database.read(workspace=None) as session:
            rows = session.execute(select(FeedbackItem.id, FeedbackItem.external_id))
            return {item: truth[name] for item, name in rows if name in truth}


def opened(database: Database, programs: Database, *, workspace: int, source: int, read: int) -> Correcting:
    clock = Clock()
    context = Context(programs, settings_for(programs), lambda _: WordHashEncoder(), clock)
    app = create_app(settings_for(programs), database=programs, clock=clock)
    key = factories.key(database, workspace)
    client = TestClient(app, headers={"Authorization": f"Bearer {key}"}, follow_redirects=False)
    return Correcting(client, context, database, workspace, source, clock, read)


def prepared(database: Database) -> tuple[int, int]:
    workspace = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        return workspace, factories.source(session, workspace)
