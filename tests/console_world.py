"""A small company for the console's tests: a year of tickets, 24 themes, 14 releases, every word of a verdict.

Verdicts here are laid out by hand around the counts that are really stored, so that each word occurs and every
number can be followed to its tickets. They test what the console shows, never how verdicts are reached.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from models.database import Database, Session
from models.jobs import Job
from models.queries import (
    access,
    counts,
    exposure,
    goals,
    impact,
    links,
    products,
    search,
    themes,
    work,
    workspaces,
)
from models.queries.links import ProposalDraft
from models.queries.products import FeatureDraft, ReleaseDraft, Step
from models.queries.themes import QuoteSpan
from models.records import (
    Assignment,
    Delivery,
    DeliveryState,
    FeedbackItem,
    KeyResult,
    LinkState,
    Metric,
    Release,
    Source,
    Theme,
    ThemeEvent,
    ThemeState,
    User,
)
from models.values.feedback import AuthorRole
from models.values.kinds import Kind
from models.values.roles import Role
from models.values.verdicts import Reason, Word
from tests import factories
from tests.console_plan import ATTACK, BETS, CHECKS, END, FIRST, NOW, SCALE, SEED, THEMES, ZONE, Bet


@dataclass(frozen=True, slots=True)
class World:
    """What tests need to find their way: ids by the order of THEMES and by version."""

    workspace: int
    themes: tuple[int, ...]
    releases: Mapping[str, int]
    merged_theme: int
    proposed_link: int
    attack_item: int


def build(database: Database) -> World:
    """Fill an empty, migrated database."""
    with database.write(workspace=None) as session:
        workspace = workspaces.create_workspace(
            session, name="Halden Works", time_zone=ZONE.key, encoder_dtype="float32", now=_noon(FIRST)
        ).id
        sources = _add_sources(session, workspace)
        numbers = _add_themes(session, workspace)
        attack = _add_items(session, workspace, sources, numbers)
        _add_exposure(session, workspace)
        merged = _add_history(session, workspace, numbers)
        releases = _add_releases(session, workspace, numbers)
        _add_verdicts(session, workspace, numbers, releases)
        proposed = _add_proposals(session, workspace, numbers)
        _add_goals(session, workspace)
    return World(workspace, tuple(numbers), releases, merged, proposed, attack)


def build_empty(database: Database) -> int:
    """Make a workspace in which nothing happened yet; return its id."""
    with database.write(workspace=None) as session:
        return workspaces.create_workspace(
            session, name="Empty", time_zone="UTC", encoder_dtype="float32", now=NOW
        ).id


def sign_in_token(database: Database, workspace: int, *, role: Role = Role.OWNER) -> str:
    """Make a one-time sign-in token."""
    # No person can be an integration: only a row that was changed by hand says so.
    given = Role.VIEWER if role is Role.INTEGRATION else role
    user = factories.user(database, workspace, role=given)
    with database.write(workspace=workspace) as session:
        session.get_one(User, user).role = role
        session.flush()
        return access.create_sign_in(session, workspace=workspace, user=user, now=NOW, minutes=60)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def _add_sources(session: Session, workspace: int) -> list[int]:
    found = []
    for kind, name, silent in (
        ("zendesk", "Support desk", 0),
        ("intercom", "In-app chat", 0),
        ("csv", "Phone notes", 9),
    ):
        source = Source(workspace_id=workspace, kind=kind, name=name, settings={}, created_at=_noon(FIRST))
        session.add(source)
        session.flush()
        session.add(
            Delivery(
                workspace_id=workspace, source_id=source.id, key=f"{kind}-1", headers={}, body=b"{}",
                received_at=NOW - timedelta(days=silent, hours=1), state=DeliveryState.PARSED,
            )
        )  # fmt: skip
        found.append(source.id)
    return found


def _add_themes(session: Session, workspace: int) -> list[int]:
    numbers = []
    for number, (label, _, _) in enumerate(THEMES, start=1):
        theme = Theme(
            workspace_id=workspace, number=number, state=ThemeState.ACTIVE, label=label,
            keywords=[word for word in label.split() if len(word) > 3], born_at=_noon(FIRST), born_revision=1,
        )  # fmt: skip
        session.add(theme)
        session.flush()
        numbers.append(theme.id)
    return numbers


def _factor(theme: int, day: date) -> float:
    """Return how much a theme's rate differs from its base on a day: releases, and a slow growth."""
    growth = 1.0 + 0.15 * (day - FIRST).days / 365
    for bet in BETS:
        if bet.theme == theme and day >= bet.day + timedelta(days=bet.rollout_days):
            growth *= bet.factor
    return growth


def _add_items(session: Session, workspace: int, sources: Sequence[int], numbers: Sequence[int]) -> int:
    rng = np.random.default_rng(SEED)
    rows: list[tuple[FeedbackItem, int]] = []
    for theme, (label, weekly, text) in enumerate(THEMES):
        for offset in range((END - FIRST).days):
            day = FIRST + timedelta(days=offset)
            calm = 0.45 if day.weekday() >= 5 else 1.22
            for _ in range(int(rng.poisson(SCALE * weekly / 7 * calm * _factor(theme, day)))):
                rows += [
                    (item, theme) for item in _ticket(rng, workspace, sources, label, text, day, len(rows))
                ]
    attack = rows[0][0]
    attack.text, attack.subject = f"{ATTACK} {THEMES[0][2]}", "Export <stops>"
    rows[1][0].text = " ".join([THEMES[0][2]] * 20)
    session.add_all(item for item, _ in rows)
    session.flush()
    # The words of three themes are enough to search in, and the world is built in half the time.
    for item in (item for item, theme in rows if theme < 3):
        search.index_item(session, workspace=workspace, item=item.id, content=f"{item.subject} {item.text}")
    session.add_all(
        Assignment(
            workspace_id=workspace, item_id=item.id, theme_id=numbers[theme], score=0.9, from_revision=1
        )
        for item, theme in rows
    )
    session.flush()
    _count(session, workspace, numbers)
    _add_quotes(session, workspace, numbers, rows)
    return attack.id


def _ticket(
    rng: np.random.Generator,
    workspace: int,
    sources: Sequence[int],
    label: str,
    text: str,
    day: date,
    serial: int,
) -> list[FeedbackItem]:
    """Make a complaint, in one of twelve with a second message, in one of ten with a message of another kind."""
    at = datetime.combine(day, time(int(rng.integers(7, 21)), int(rng.integers(60))), ZONE).astimezone(UTC)
    source, plan = int(rng.choice(sources)), str(rng.choice(["Free", "Team", "Business"]))
    closing = ("Please help.", "This is the second time.", "We lost an hour.", "Can you look at it today?")

    def message(number: int, kind: Kind, words: str) -> FeedbackItem:
        return FeedbackItem(
            workspace_id=workspace, source_id=source, external_id=f"{10_000 + serial}", message_id=str(number),
            created_at=at + timedelta(hours=26 * number), ticket_created_at=at, updated_at=at, changed_at=at,
            status="open", subject=label.capitalize(), text=words, author_role=AuthorRole.CUSTOMER, kind=kind,
            kind_why="says that something does not work", plan=plan, product_area="app", language="en",
        )  # fmt: skip

    found = [message(0, Kind.COMPLAINT, f"{text} {closing[int(rng.integers(4))]}")]
    if rng.random() < 1 / 12:
        found.append(message(1, Kind.COMPLAINT, f"Still the same. {text}"))
    if rng.random() < 1 / 10:
        kind = (Kind.QUESTION, Kind.REQUEST, Kind.PRAISE)[int(rng.integers(3))]
        found.append(message(2, kind, "Thank you, is there a date for this?"))
    return found


def _count(session: Session, workspace: int, numbers: Sequence[int]) -> None:
    days = {FIRST + timedelta(days=i) for i in range((END - FIRST).days)}
    for theme in numbers:
        counts.recompute(session, workspace=workspace, theme=theme, days=days, zone=ZONE)
    session.flush()


def _add_quotes(
    session: Session, workspace: int, numbers: Sequence[int], rows: Sequence[tuple[FeedbackItem, int]]
) -> None:
    for theme, (label, _, text) in enumerate(THEMES):
        mine = [item for item, number in rows if number == theme and item.text.startswith(text)][-4:]
        themes.write_label(
            session, workspace=workspace, theme=numbers[theme], label=label, keywords=label.split(),
            quotes=[QuoteSpan(item.id, 0, len(item.text)) for item in mine], size=len(mine),
        )  # fmt: skip


def _add_exposure(session: Session, workspace: int) -> None:
    days = [FIRST + timedelta(days=i) for i in range((END - FIRST).days)]
    values = {(day, "all"): 900.0 + 0.5 * number for number, day in enumerate(days)}
    exposure.put_exposure(
        session, workspace=workspace, series=exposure.DEFAULT_SERIES, values=values, now=NOW
    )


def _add_history(session: Session, workspace: int, numbers: Sequence[int]) -> int:
    old = Theme(
        workspace_id=workspace, number=99, state=ThemeState.MERGED, redirect_id=numbers[0], label="download breaks",
        keywords=["download"], born_at=_noon(FIRST), born_revision=1,
    )  # fmt: skip
    session.add(old)
    session.flush()
    log = (("birth", 41, None, FIRST), ("merge", 0, old.id, date(2026, 3, 20)))
    for revision, (kind, items, other, day) in enumerate(log, start=1):
        session.add(
            ThemeEvent(
                workspace_id=workspace, revision=revision, kind=kind, theme_id=numbers[0], other_theme_id=other,
                item_count=items, at=_noon(day),
            )
        )  # fmt: skip
    return old.id


def _add_releases(session: Session, workspace: int, numbers: Sequence[int]) -> dict[str, int]:
    found = {}
    for bet in BETS:
        steps: tuple[Step, ...] = ()
        if bet.rollout_days:
            full = _noon(bet.day + timedelta(days=bet.rollout_days))
            steps = (
                Step(_noon(bet.day), 10.0),
                Step(_noon(bet.day + timedelta(days=3)), 50.0),
                Step(full, 100.0),
            )
        draft = ReleaseDraft(
            key=f"app-{bet.version}", name=f"{bet.version} {bet.name}", version=bet.version,
            released_at=_noon(bet.day), environment="production", steps=steps,
        )  # fmt: skip
        release = products.put_release(session, workspace=workspace, draft=draft, now=NOW)
        found[bet.version] = release.id
        feature = products.put_feature(
            session,
            workspace=workspace,
            draft=FeatureDraft(
                f"feat-{bet.version}", bet.name, f"{bet.name}, for all plans.", "app", draft.key
            ),
            now=NOW,
        )
        if bet.theme is not None:
            links.add(
                session, workspace=workspace, theme=numbers[bet.theme], feature=feature.id, actor="mira",
                now=_noon(bet.day - timedelta(days=2)),
            )  # fmt: skip
    return found


def _add_verdicts(
    session: Session, workspace: int, numbers: Sequence[int], releases: Mapping[str, int]
) -> None:
    by_theme = counts.daily(session, workspace=workspace)
    totals = counts.totals(session, workspace=workspace, zone=ZONE)
    for bet in BETS:
        release = session.get_one(Release, releases[bet.version])
        full = bet.day + timedelta(days=bet.rollout_days)
        key = impact.TOTAL if bet.theme is None else numbers[bet.theme]
        days = totals if bet.theme is None else by_theme[key]
        for look, weeks in enumerate((2, 4, 8), start=1):
            run_at = _noon(full + timedelta(weeks=weeks, days=3))
            if run_at > NOW:
                work.enqueue(
                    session,
                    workspace=workspace,
                    stage=Job.MEASURE,
                    subject=release.id,
                    version=look,
                    run_at=run_at,
                )
                break
            row = _verdict_row(
                bet, release, key, look, full, full + timedelta(weeks=weeks), days, is_last=look == 3
            )
            row["quotes"] = impact.quote_spans(session, workspace=workspace, theme=key, limit=3)
            impact.write_verdict(session, workspace=workspace, row=row)


def _verdict_row(
    bet: Bet, release: Release, key: int, look: int, full: date, through: date, days: Mapping[date, int],
    *, is_last: bool,
) -> dict[str, object]:  # fmt: skip
    periods = _periods(full, through, days)
    used = [row for row in periods if row["after"] and row["used"]]
    observed, expected = (
        math.fsum(float(str(row[name])) for row in used) for name in ("observed", "expected")
    )
    effect = (observed + 0.5) / (expected + 0.5)
    spread = math.exp(1.96 * math.sqrt(1.3 / max(observed, 1) + 0.3 / max(expected, 1)))
    if bet.word is Word.UNCHANGED:
        spread = 1.12
    if bet.word in (Word.FELL, Word.ROSE):
        spread = min(spread, max(effect, 1 / effect) ** 0.7)
    word = bet.word if bet.word and (is_last or bet.word is Word.CANNOT_TELL) else Word.TOO_EARLY
    reasons = bet.reasons if word is bet.word else (Reason.LOOKS_REMAIN,)
    return {
        "release_id": release.id, "theme_key": key, "theme_id": key or None, "link_id": None,
        "link_state": LinkState.CONFIRMED if key else None, "segment": "all", "look": look,
        "method_version": "laid-out-by-hand", "theme_revision": 1, "word": word, "grade": bet.grade,
        "effect": effect, "low": effect / spread, "high": effect * spread, "decision_low": effect / spread,
        "decision_high": effect * spread, "shrunk_effect": effect**0.8, "p_value": 0.01, "expected": expected,
        "observed": observed, "rate_unit": "complaints per 1,000 customer-days",
        "bound": min(max(1 - effect / spread, 0.0), 1.0), "mde": 0.3,
        "judgeable_on": full + timedelta(weeks=8, days=3) if word is Word.TOO_EARLY else None,
        "reasons": [str(reason) for reason in reasons], "checks": CHECKS, "periods": periods, "quotes": [],
        "read_through": through, "input_hash": f"{release.id:08x}{key:08x}{look:08x}".ljust(64, "0"),
        "created_at": _noon(through + timedelta(days=3)),
    }  # fmt: skip


def _periods(full: date, through: date, days: Mapping[date, int]) -> list[dict[str, object]]:
    """Lay weeks out around the day of full roll-out; expected is the mean of the weeks before it."""
    back = (full - FIRST).days // 7
    starts = [full + timedelta(weeks=week) for week in range(-back, (through - full).days // 7)]
    seen = [sum(days.get(start + timedelta(days=i), 0) for i in range(7)) for start in starts]
    level = sum(seen[:back]) / back
    rows: list[dict[str, object]] = []
    for number, (start, count) in enumerate(zip(starts, seen, strict=True)):
        expected = level * (1 + 0.06 * math.sin(number / 3))
        half = 1.96 * math.sqrt(1.3 * expected)
        is_gap = number == back // 2
        is_wash_out = start == full
        rows.append(
            {
                "start": str(start), "observed": None if is_gap else float(count), "expected": expected,
                "low": max(math.floor(expected - half), 0.0), "high": float(math.ceil(expected + half)),
                "exposure": 6500.0, "used": not (is_gap or is_wash_out), "after": start > full,
            }
        )  # fmt: skip
    return rows


def _add_proposals(session: Session, workspace: int, numbers: Sequence[int]) -> int:
    """Propose two links for 2.6 and one more for 2.3; return the likeliest of 2.6."""
    wanted = (("2.6", 10, 0.83), ("2.6", 19, 0.55), ("2.3", 15, 0.52))
    for version in ("2.6", "2.3"):
        feature = next(
            f for f in products.list_features(session, workspace=workspace) if f.key == f"feat-{version}"
        )
        drafts = [
            ProposalDraft(
                numbers[theme], feature.id, probability, "Shares the words “payment” and “card”.",
                [dict(span) for span in impact.quote_spans(session, workspace=workspace, theme=numbers[theme], limit=2)],
            )
            for name, theme, probability in wanted
            if name == version
        ]  # fmt: skip
        links.propose(session, workspace=workspace, feature=feature.id, drafts=drafts, now=NOW)
    proposed = links.list_links(session, workspace=workspace, state=LinkState.PROPOSED)
    return min(link.id for link in proposed)


def _add_goals(session: Session, workspace: int) -> None:
    metric = goals.put(
        session,
        Metric,
        workspace=workspace,
        row={"key": "contact-rate", "name": "Contact rate", "definition": ""},
    )
    values = {(_noon(date(2026, month, 28)), "all"): 4.4 - 0.08 * month for month in range(7, 11)}
    goals.put_observations(session, workspace=workspace, metric=metric.id, values=values)
    rows: tuple[tuple[str, str, int | None, float | None, float | None], ...] = (
        ("kr-contact", "Contacts per 100 customers a week fall from 4.4 to 3.2", metric.id, 4.4, 3.2),
        ("kr-export", "Nine of ten exports finish at the first try", None, None, 0.9),
    )
    for key, text, number, baseline, target in rows:
        row: dict[str, object] = {
            "key": key, "text": text, "metric_id": number, "baseline": baseline, "target": target,
            "unit": "per 100 customers" if number else None, "starts_on": date(2026, 7, 1),
            "ends_on": date(2026, 12, 31),
        }  # fmt: skip
        goals.put(session, KeyResult, workspace=workspace, row=row)
