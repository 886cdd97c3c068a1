"""A small world with small counts in it, and an attacker who asks for everything and subtracts.

The attacker writes every count that is answered as an equation over (day, plan) cells, and looks for counts that
follow from them: sums of cells that lie in the span of what was answered.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import counts, impact, links, themes
from models.queries.links import ProposalDraft
from models.queries.themes import QuoteSpan
from models.records import LinkState
from models.values.roles import Role
from tests import factories
from tests.clock import NOON
from tests.verdicts import verdict_row

LEAST = 5
MONDAY = date(2026, 4, 6)
PLANS = ("free", "team", None)
"""Plans of the test world; items of the last kind name none."""
WEEKS: tuple[tuple[int, int, int], ...] = (
    (6, 0, 0),
    (3, 0, 0),
    (9, 2, 0),
    (1, 1, 8),
    (0, 0, 0),
    (2, 1, 4),
    (7, 6, 5),
    (5, 0, 1),
)
"""Complaints of each week on the large theme, by plan; spread over its days."""
LOOKS = ((1, 1), (2, 2))
"""Number of each look, and the whole weeks after the release that it counts."""
DAYS = 7 * len(WEEKS)
TODAY = MONDAY + timedelta(days=DAYS)


@dataclass(frozen=True, slots=True)
class World:
    workspace: int
    large: str
    small: str
    release: str
    truth: np.ndarray[Any, np.dtype[np.int64]]
    """Complaints on the large theme by day and plan: (days, plans)."""


def build(database: Database, workspace: int) -> World:
    """Make a theme of many people, one of four, a release with both of them judged at two looks."""
    truth = np.zeros((DAYS, len(PLANS)), dtype=np.int64)
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        large = factories.theme(session, workspace, 1, label="export fails")
        small = factories.theme(session, workspace, 2, label="invoice of Jane Roe")
        numbers = itertools.count()

        def complain(day: int, plan: str | None, person: str) -> int:
            at = NOON.replace(year=2026, month=4, day=6) + timedelta(days=day)
            text = f"The export fails for {person}."
            return factories.item(
                session, workspace, source, external_id=f"T{next(numbers)}", at=at, plan=plan, person=person, text=text
            )  # fmt: skip

        made = []
        for week, split in enumerate(WEEKS):
            for plan, count in enumerate(split):
                for number in range(count):
                    day = 7 * week + (3 * number + plan) % 7
                    truth[day, plan] += 1
                    made.append(complain(day, PLANS[plan], f"p{len(made)}"))
        few = [complain(at, "team", f"q{at}") for at in (1, 2, 3, 15)]
        # Five complaints, of four people: the group is still too small.
        few.append(complain(16, "team", "q15"))
        factories.assign(session, workspace, made, large)
        factories.assign(session, workspace, few, small)
        days = {MONDAY + timedelta(days=at) for at in range(DAYS)}
        for theme in (large, small):
            counts.recompute(session, workspace=workspace, theme=theme, days=days, zone=ZoneInfo("UTC"))
        for theme, label, items in ((large, "export fails", made), (small, "invoice of Jane Roe", few)):
            spans = [QuoteSpan(item, 4, 10) for item in items[:3]]
            themes.write_label(
                session, workspace=workspace, theme=theme, label=label, keywords=["export"], quotes=spans, size=9
            )  # fmt: skip
        release = _judged(session, workspace, [large, small], made[0], truth)
    return World(workspace, f"th_{large}", f"th_{small}", f"rel_{release}", truth)


def _judged(session: Any, workspace: int, judged: Sequence[int], item: int, truth: Any) -> int:
    """Write a release with a proposed link and verdicts for each theme."""
    released = NOON.replace(month=4, day=6, hour=0)
    release = factories.release(session, workspace, at=released)
    feature = factories.feature(session, workspace, of="1.0")
    evidence = [{"item": item, "start": 4, "end": 10}]
    drafts = [ProposalDraft(theme, feature, 0.8, "Shared words: Jane.", evidence) for theme in judged]
    links.propose(session, workspace=workspace, feature=feature, drafts=drafts, now=NOON)
    for link in links.list_links(session, workspace=workspace):
        for look, weeks in LOOKS:
            row = verdict_row(
                release, link.theme_id, link_id=link.id, link_state=LinkState.PROPOSED, look=look, quotes=evidence,
                observed=float(truth[: 7 * weeks].sum()), effect=0.123456789,
                created_at=released + timedelta(weeks=weeks),
            )  # fmt: skip
            impact.write_verdict(session, workspace=workspace, row=row)
    return release


Reader = Callable[..., Any]
Question = Callable[[Reader, World, "Attacker"], None]


def reader(client: TestClient, database: Database, world: World, role: Role) -> Reader:
    """Return a function that asks as somebody with this role; an answer that is refused is None."""
    headers = {"Authorization": f"Bearer {factories.key(database, world.workspace, role=role)}"}

    def ask(path: str, **query: str) -> Any:
        answer = client.get(path, params=query, headers=headers)
        return answer.json() if answer.status_code == 200 else None

    return ask


# --- the attacker ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Attacker:
    """Gathers equations over the (day, plan) cells of the large theme."""

    shape: tuple[int, int]
    rows: dict[bytes, np.ndarray[Any, Any]] = field(default_factory=dict)

    def learn(self, first: int, after: int, plans: slice) -> None:
        """Note that the sum of these cells is known; cells outside the world hold nothing."""
        row = np.zeros(self.shape)
        row[max(first, 0) : max(after, 0), plans] = 1
        self.rows[row.tobytes()] = row.ravel()

    def follows(self, wanted: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Say which of the wanted sums, (n, cells), follow from what is known by adding and subtracting."""
        if not self.rows:
            return np.zeros(len(wanted), dtype=bool)
        known = np.array(list(self.rows.values()))
        _, sizes, basis = np.linalg.svd(known, full_matrices=False)
        basis = basis[sizes > 1e-9]
        rest = wanted - wanted @ basis.T @ basis
        return np.abs(rest).max(axis=1) < 1e-9


def segments() -> Iterator[tuple[str, slice]]:
    yield "all", slice(0, len(PLANS))
    for at, plan in enumerate(PLANS):
        if plan is not None:
            yield plan if at else f"plan:{plan}", slice(at, at + 1)
    yield "nobody", slice(0, 0)


def step_end(start: date, period: str) -> date:
    if period == "month":
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=7 if period == "week" else 1)


def ask_trends(ask: Reader, world: World, attacker: Attacker) -> None:
    """Ask for every period and segment, with bounds on several days of the week and in the middle of months."""
    for period in ("day", "week", "month"):
        for name, plans in segments():
            for first in (-3, 1, 12, 24):
                for last in (first + 9, DAYS + 10):
                    ask_trend(ask, world, attacker, period, name, plans, first, last)


def ask_weeks(ask: Reader, world: World, attacker: Attacker) -> None:
    """Ask for the weeks of everybody."""
    ask_trend(ask, world, attacker, "week", "all", slice(None), 0, DAYS)


def ask_trend(
    ask: Reader,
    world: World,
    attacker: Attacker,
    period: str,
    segment: str,
    plans: slice,
    first: int,
    last: int,
) -> None:
    query = {"period": period, "segment": segment}
    bounds = {"since": str(MONDAY + timedelta(days=first)), "until": str(MONDAY + timedelta(days=last))}
    answer = ask(f"/v1/themes/{world.large}/trend", **query, **bounds)
    for point in answer["points"] if answer else []:
        # Every complaint of the large theme is another person's: either number tells both.
        if point["complaints"] is not None or point["people"] is not None:
            start = date.fromisoformat(point["start"])
            attacker.learn((start - MONDAY).days, (step_end(start, period) - MONDAY).days, plans)


def ask_totals(ask: Reader, world: World, attacker: Attacker) -> None:
    """Take the totals of the list and of the theme for what a reader takes them for."""
    listed = {each["id"]: each for each in ask("/v1/themes")["items"]}[world.large]
    detail = ask(f"/v1/themes/{world.large}")
    for told in (listed, detail):
        if told["complaints"] == world.truth.sum():
            attacker.learn(0, DAYS, slice(None))
        recent = world.truth[DAYS - 28 :].sum()
        if told["recent_complaints"] == recent:
            attacker.learn(DAYS - 28, DAYS, slice(None))


def ask_impact(ask: Reader, world: World, attacker: Attacker) -> None:
    for _, weeks in LOOKS:
        as_of = f"{NOON.replace(month=4, day=6) + timedelta(weeks=weeks):%Y-%m-%dT%H:%M:%SZ}"
        for each in ask(f"/v1/releases/{world.release}/impact", as_of=as_of)["verdicts"]:
            if (
                each["theme"] is not None
                and each["theme"]["id"] == world.large
                and each["observed"] is not None
            ):
                attacker.learn(0, 7 * weeks, slice(None))


def ask_movements(ask: Reader, world: World, attacker: Attacker) -> None:
    """Ask how themes moved in windows of every length, ending in every week."""
    for weeks in range(2, 9):
        for end in range(2, len(WEEKS) + 2):
            until = str(MONDAY + timedelta(weeks=end))
            answer = ask("/v1/trends", weeks=str(weeks), until=until)
            ask_window(answer, world, attacker)


def ask_window(answer: Any, world: World, attacker: Attacker) -> None:
    """Take a window's sum for that of its weeks; a rate and a ratio tell it as well."""
    for each in answer["items"]:
        if each["theme"] != world.large:
            continue
        for name in ("recent", "baseline"):
            since, until = (date.fromisoformat(answer[name][side]) for side in ("since", "until"))
            window = each[name]
            told = [window["complaints"], window["rate"], each["ratio"]]
            if any(number is not None for number in told) or each["sentence"].startswith("First seen"):
                attacker.learn((since - MONDAY).days, (until - MONDAY).days, slice(None))


def targets(world: World) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return every sum of successive days and of some plans, (n, cells), and its true count, (n,)."""
    places = range(len(PLANS))
    some = [list(each) for size in (1, 2, 3) for each in itertools.combinations(places, size)]
    rows = []
    for first in range(DAYS):
        for after in range(first + 1, min(first + 32, DAYS) + 1):
            for plans in some:
                row = np.zeros(world.truth.shape)
                row[first:after, plans] = 1
                rows.append(row.ravel())
    wanted = np.array(rows)
    return wanted, wanted @ world.truth.ravel()


def attack(ask: Reader, world: World, *questions: Question) -> set[int]:
    """Return the small counts that follow from what is answered to these questions, or to all."""
    attacker = Attacker(world.truth.shape)
    for question in questions or (ask_trends, ask_totals, ask_movements, ask_impact):
        question(ask, world, attacker)
    wanted, true = targets(world)
    is_small = (true > 0) & (true < LEAST)
    found = attacker.follows(wanted[is_small])
    return {int(count) for count in true[is_small][found]}
