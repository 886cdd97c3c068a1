"""A workspace whose themes moved in known ways: 40 whole weeks of tickets up to the clock of the tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.database import Database, Session
from models.queries import counts, exposure
from models.records import FeedbackItem
from models.values.feedback import AuthorRole, Turn
from models.values.kinds import Kind
from tests import factories
from tests.clock import NOON

UNTIL = date(2026, 5, 25)
"""The first Monday after the last complete week, a week before the clock's day."""
WEEKS = 40
FIRST = UNTIL - timedelta(weeks=WEEKS)
RECENT = UNTIL - timedelta(weeks=4)

Weekly = Sequence[int]

CALM = [6, 5, 7, 6, 5, 6, 7, 5, 6, 6] * 4
THEMES: Mapping[str, Weekly] = {
    "steady": CALM,
    "growing": [*CALM[:-4], 18, 15, 17, 20],
    "fading": [*CALM[:-4], 0, 1, 0, 1],
    "new": [0] * 35 + [2, 3, 0, 4, 3],
    "returned": [4] * 16 + [0] * 20 + [3, 0, 2, 0],
    "thin": [1] + [0] * 30 + [1] + [0] * 8,
}
"""Complaints of each week by label, oldest first."""


@dataclass(frozen=True, slots=True)
class World:
    workspace: int
    source: int
    themes: Mapping[str, int]


def build(
    database: Database, workspace: int, *, themes: Mapping[str, Weekly] = THEMES, zone: str = "UTC"
) -> World:
    """Store the themes' tickets, each by another person, and count them."""
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        numbers = {
            label: factories.theme(session, workspace, at, label=label) for at, label in enumerate(themes, 1)
        }
        for label, weeks in themes.items():
            add(session, workspace, source, weeks, theme=numbers[label], name=label)
        count(session, workspace, numbers.values(), zone)
    return World(workspace, source, numbers)


def count(session: Session, workspace: int, themes: object, zone: str = "UTC") -> None:
    days = {FIRST + timedelta(days=at) for at in range(-1, 7 * WEEKS + 8)}
    for theme in themes:  # type: ignore[attr-defined]
        counts.recompute(session, workspace=workspace, theme=theme, days=days, zone=ZoneInfo(zone))


def add(
    session: Session, workspace: int, source: int, weeks: Weekly, *, theme: int | None, name: str, language: str = "en",
    first: date = FIRST,
) -> list[int]:  # fmt: skip
    """Store so many complaints in each week, spread over its days, in a theme or in none."""
    made = []
    for week, complaints in enumerate(weeks):
        for number in range(complaints):
            day = first + timedelta(weeks=week, days=number % 7)
            made.append(_item(workspace, source, f"{name}-{week}-{number}", at(day), language))
    session.add_all(made)
    session.flush()
    if theme is not None:
        factories.assign(session, workspace, [item.id for item in made], theme)
    return [item.id for item in made]


def at(day: date) -> datetime:
    return datetime.combine(day, time(12), NOON.tzinfo)


def _item(workspace: int, source: int, ticket: str, moment: datetime, language: str) -> FeedbackItem:
    return FeedbackItem(
        workspace_id=workspace, source_id=source, external_id=ticket, message_id="0", created_at=moment,
        ticket_created_at=moment, updated_at=moment, changed_at=moment, text="The export fails.",
        author_role=AuthorRole.CUSTOMER, kind=Kind.COMPLAINT, kind_why="x", language=language, turn=Turn.OPENS,
        removed=[],
    )  # fmt: skip


def expose(database: Database, workspace: int, *, daily: float = 900.0, until: date = UNTIL) -> None:
    """Tell how many customers there were on every day up to one."""
    days = (until - FIRST).days
    values = {(FIRST + timedelta(days=day), "all"): daily for day in range(days)}
    with database.write(workspace=workspace) as session:
        exposure.put_exposure(
            session, workspace=workspace, series=exposure.DEFAULT_SERIES, values=values, now=NOON
        )
