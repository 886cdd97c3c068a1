"""The demo's product managers, who know what each release was for, and its verdicts beside the truth.

The invented company registered its bets when it planned them, so the links are confirmed as of a week before
each release. That is what makes the demo's verdicts prospective; your own imports are marked retrospective.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from models.database import Database, Session
from models.queries import deliveries, impact, links, listing, products, themes
from models.queries.listing import FeedbackFilter
from models.records import LinkState, Verdict
from models.values.verdicts import Word

PLANNED_BEFORE = timedelta(days=7)
ACTOR = "demo: product manager"
LEAST_ITEMS = 20
LEAST_PURITY = 0.5
"""A theme is taken to be about a problem if so large a part of its complaints is."""

SOURCES = {"zendesk": "zendesk", "app_feedback": "app", "mail_export": "mail", "reviews": "reviews"}


@dataclass(frozen=True, slots=True)
class Effect:
    """What a release truly did to a problem, and which verdict words would be honest."""

    release: str
    problem: str
    ratio: float
    expected: str
    acceptable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """What the sample was made from."""

    problem_of: Mapping[str, str]
    feature_problem: Mapping[str, str | None]
    names: Mapping[str, str]
    effects: tuple[Effect, ...]


def read_truth(path: Path) -> Truth:
    """Read the truth that lies beside the sample."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return Truth(
        problem_of={key: ticket["problem"] or ticket["kind"] for key, ticket in found["tickets"].items()},
        feature_problem={link["feature"]: link["problem"] for link in found["links"]},
        names={key: problem["name"] for key, problem in found["problems"].items()},
        effects=tuple(
            Effect(
                release=each["release"],
                problem=each["problem"],
                ratio=each["joint_ratio"] if each["overlaps_with"] else each["true_ratio"],
                expected=each["expected"],
                acceptable=tuple(each["acceptable"]),
            )
            for each in found["effects"]
        ),
    )


def confirm(database: Database, truth: Truth) -> None:
    """Confirm, for every feature, the themes that are about its problem, as of a week before its release.

    Proposals are taken where Ebb made them; where it made none, the product manager links the theme by hand.
    """
    with database.read(workspace=1) as session:
        problems = theme_problems(session, truth)
        features = products.list_features(session, workspace=1)
        releases = {row.id: row for row in products.list_releases(session, workspace=1)}
    for feature in features:
        problem = truth.feature_problem.get(feature.key)
        if problem is None or feature.release_id is None:
            continue
        planned_at = releases[feature.release_id].released_at - PLANNED_BEFORE
        for theme in (theme for theme, about in problems.items() if about == problem):
            with database.write(workspace=1) as session:
                links.add(session, workspace=1, theme=theme, feature=feature.id, actor=ACTOR, now=planned_at)


def theme_problems(session: Session, truth: Truth) -> dict[int, str]:
    """Say which problem each theme is about, for themes that are mostly about one."""
    found = {}
    for theme in themes.active_themes(session, workspace=1):
        counted = _problems_of(session, theme.id, truth)
        if not counted:
            continue
        problem, count = counted.most_common(1)[0]
        if counted.total() >= LEAST_ITEMS and count >= LEAST_PURITY * counted.total():
            found[theme.id] = problem
    return found


def _problems_of(session: Session, theme: int, truth: Truth) -> Counter[str]:
    names = {row.id: SOURCES.get(row.name, row.name) for row in deliveries.list_sources(session, workspace=1)}
    rows = listing.list_feedback(
        session, workspace=1, where=FeedbackFilter(theme=theme), after=None, limit=100_000
    )
    keys = (f"{names[item.source_id]}:{item.external_id}" for item, _ in rows)
    return Counter(truth.problem_of[key] for key in keys if key in truth.problem_of)


def table(database: Database, truth: Truth) -> Iterator[str]:
    """Yield the lines of the verdict table, and how many verdicts agree with the truth."""
    with database.read(workspace=1) as session:
        problems = theme_problems(session, truth)
        labels = {theme.id: theme.label or "" for theme in themes.active_themes(session, workspace=1)}
        releases = {row.key: row for row in products.list_releases(session, workspace=1)}
        verdicts = impact.latest_verdicts(session, workspace=1)
    yield (
        f"  {'release':<8} {'shipped':<11} {'theme, in customers’ words':<34} {'verdict':<13} "
        f"{'effect (95%)':<21} {'grade':<6} {'truth':<12} agrees"
    )
    marks: Counter[str] = Counter()
    for effect in truth.effects:
        release = releases[effect.release]
        own = [
            each for each in verdicts if each.release_id == release.id and _is_about(each, effect, problems)
        ]
        verdict = max(own, key=lambda each: each.observed or 0, default=None)
        word = verdict.word if verdict else None
        mark = "no theme" if word is None else "yes" if word in effect.acceptable else "NO"
        marks[mark] += 1
        label = labels.get(verdict.theme_key, "") if verdict else "no theme found for it"
        yield (
            f"  {release.version or release.key:<8} {release.released_at:%Y-%m-%d}  {_short(label):<34} "
            f"{word or '-':<13} {_effect(verdict):<21} {verdict.grade if verdict else '-':<6} "
            f"x{effect.ratio:<11.2f} {mark}"
        )
    yield ""
    yield (
        f"  {marks['yes']} of {len(truth.effects)} verdicts agree with the truth the sample was made from, "
        f"{marks['NO']} contradict it,"
    )
    yield f"  {marks['no theme']} could not be judged because its problem has no theme of its own."
    kinds = Counter(str(each.word) for each in verdicts if each.link_state is LinkState.CONFIRMED)
    yield "  " + ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items()))


def _is_about(verdict: Verdict, effect: Effect, problems: Mapping[int, str]) -> bool:
    return verdict.link_state is LinkState.CONFIRMED and problems.get(verdict.theme_key) == effect.problem


def _short(text: str) -> str:
    return text if len(text) <= 34 else text[:33] + "…"


def _effect(verdict: Verdict | None) -> str:
    if verdict is None or verdict.effect is None or verdict.word in (Word.TOO_EARLY, Word.CANNOT_TELL):
        return "-"
    return f"x{verdict.effect:.2f} ({verdict.low:.2f}-{verdict.high:.2f})"
