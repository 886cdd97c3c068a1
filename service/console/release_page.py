"""The page of a release: its verdicts, what it shipped, the links that wait for a person."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from models.database import Session
from models.errors import NotFound
from models.queries import impact, links, overview, products, themes
from models.queries.links import ReleaseLink
from models.queries.overview import VerdictLine
from models.records import LinkState, Release, Verdict
from models.values.ids import Prefix, parse_id, public_id
from service.console import key_results, theme_page
from service.console.addresses import theme_address
from service.console.cells import seen_themes, sees_total
from service.console.charts import ReleaseChart
from service.console.frame import Frame
from service.console.key_results import KeyResultRow
from service.console.verdict_card import (
    QuoteRow,
    VerdictCard,
    quote_row,
    read_card,
    release_chart,
    subject_of,
)
from service.console.verdict_row import ReleaseRow, label_of, rows_of

_NAMES_ON_CHART: Final = 6
_IN_FULL: Final = 3
"""Confirmed themes whose verdicts the page shows in full; the summary leads to the others."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """A roll-out step."""

    on: date
    percent: float
    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """The claim that a feature addresses a theme; percent: how likely, None where a person entered it.

    It holds no verdict on purpose: who sees the outcome first chooses links by it.
    """

    id: str
    feature: str
    theme: str
    theme_address: str
    confirmed: bool
    percent: int | None
    reason: str
    evidence: tuple[QuoteRow, ...]
    decided_by: str | None
    decided_on: date | None
    prospective: bool


@dataclass(frozen=True, slots=True)
class ThemeVerdict:
    """A confirmed theme of a release: its links, and its verdict once there is one."""

    theme: str
    theme_address: str
    card: VerdictCard | None
    links: tuple[LinkRow, ...]


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """A feature that shipped with the release."""

    title: str
    body: str
    area: str | None


@dataclass(frozen=True, slots=True)
class ReleasePage:
    """All that the page of a release shows.

    summary: every confirmed theme in a line, where there are several; total: the verdict on all complaints, only
    where no theme is confirmed; proposed: links that wait; withheld: confirmed themes that the
    reader must not hear of.
    """

    release: Release
    number: str
    released_on: date
    full_on: date
    steps: tuple[StepRow, ...]
    confirmed: tuple[ThemeVerdict, ...]
    summary: list[ReleaseRow]
    total: VerdictCard | None
    withheld: int
    proposed: tuple[LinkRow, ...]
    features: tuple[FeatureRow, ...]
    key_results: list[KeyResultRow]
    next_look: tuple[int, date] | None
    has_chart: bool


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """The newest verdicts of a release by theme that stands today (0: all complaints), and all their looks."""

    latest: dict[int, Verdict]
    lines: dict[int, list[VerdictLine]]

    def volume(self, theme: int) -> float:
        """Return the complaints expected after the release, 0 where unknown."""
        verdict = self.latest.get(theme)
        return 0.0 if verdict is None else verdict.expected or 0.0


def read_release(session: Session, frame: Frame, *, release: int, theme: int | None = None) -> ReleasePage:
    """Read the page of a release, in full for its largest themes, or for one theme; raise `NotFound` without it."""
    row = products.get_release(session, workspace=frame.workspace, release=release)
    verdicts = _read_verdicts(session, frame, release)
    labels = overview.theme_labels(session, workspace=frame.workspace)
    seen = seen_themes(session, frame)
    every = links.of_release(session, workspace=frame.workspace, release=release)
    found = [each for each in every if seen is None or each.theme_id in seen]
    by_theme: dict[int, list[ReleaseLink]] = {}
    for each in found:
        by_theme.setdefault(each.theme_id, []).append(each)
    wanted = _confirmed_themes(found)
    wanted.sort(key=lambda number: -verdicts.volume(number) if seen is None else number)
    shown = wanted[:_IN_FULL] if theme not in wanted else [theme]
    confirmed = tuple(
        _theme_verdict(session, frame, row, number, by_theme[number], verdicts, labels) for number in shown
    )
    withheld = len(_confirmed_themes(every)) - len(wanted)
    is_veiled = bool(confirmed or withheld) or not sees_total(session, frame)
    total = None if is_veiled else _card(session, frame, row, impact.TOTAL, verdicts, labels)
    proposed = [each for each in found if each.link.state is LinkState.PROPOSED]
    cards = [*(each.card for each in confirmed), total]
    return ReleasePage(
        release=row,
        number=public_id(Prefix.RELEASE, row.id),
        released_on=frame.day_of(row.released_at),
        full_on=frame.day_of(row.full_at),
        steps=_steps(session, frame, release),
        confirmed=confirmed,
        summary=_summary(session, frame, row, seen) if len(wanted) > 1 else [],
        total=total,
        withheld=withheld,
        proposed=tuple(_link_row(session, frame, row, each, labels) for each in proposed),
        features=tuple(
            FeatureRow(feature.title, feature.body, feature.area)
            for feature in products.list_features(session, workspace=frame.workspace, release=release)
        ),
        key_results=key_results.read_key_results(session, frame, on=frame.day_of(row.released_at)),
        next_look=_next_look(session, frame, release),
        has_chart=any(card is not None and card.chart_address for card in cards),
    )


def _confirmed_themes(found: Sequence[ReleaseLink]) -> list[int]:
    themes_of = [each.theme_id for each in found if each.link.state is LinkState.CONFIRMED]
    return list(dict.fromkeys(themes_of))


def read_release_chart(session: Session, frame: Frame, *, release: int, key: str) -> ReleaseChart:
    """Read the chart of a release and a theme (`all`: all complaints); raise `NotFound` where there is none."""
    row = products.get_release(session, workspace=frame.workspace, release=release)
    theme = impact.TOTAL if key == "all" else parse_id(Prefix.THEME, key)
    verdicts = _read_verdicts(session, frame, release)
    verdict = verdicts.latest.get(theme)
    if verdict is None or not verdict.periods:
        raise NotFound(f"There is no chart of {key} for {public_id(Prefix.RELEASE, release)}.")
    labels = overview.theme_labels(session, workspace=frame.workspace)
    return release_chart(
        frame,
        verdict=verdict,
        release=row,
        subject=subject_of(verdict, labels.get(theme)),
        lines=[line for line in verdicts.lines.get(theme, []) if line.look > 0],
        others=_other_releases(session, frame, theme, release),
        next_look=_next_look(session, frame, release),
    )


def _read_verdicts(session: Session, frame: Frame, release: int) -> _Verdicts:
    redirects = themes.redirects(session, workspace=frame.workspace)
    rows = impact.latest_verdicts(session, workspace=frame.workspace, releases=[release])
    latest = {redirects.get(row.theme_key, row.theme_key): row for row in rows}
    latest |= {row.theme_key: row for row in rows}
    lines: dict[int, list[VerdictLine]] = {}
    for line in overview.verdict_lines(session, workspace=frame.workspace, releases=[release]):
        lines.setdefault(line.theme_key, []).append(line)
    return _Verdicts(latest, {theme: lines.get(row.theme_key, []) for theme, row in latest.items()})


def _card(
    session: Session,
    frame: Frame,
    release: Release,
    theme: int,
    verdicts: _Verdicts,
    labels: dict[int, str | None],
) -> VerdictCard | None:
    verdict = verdicts.latest.get(theme)
    if verdict is None:
        return None
    return read_card(
        session,
        frame,
        verdict=verdict,
        release=release,
        theme=theme or None,
        label=labels.get(theme),
        lines=verdicts.lines.get(theme, []),
    )


def _theme_verdict(
    session: Session,
    frame: Frame,
    release: Release,
    theme: int,
    group: Sequence[ReleaseLink],
    verdicts: _Verdicts,
    labels: dict[int, str | None],
) -> ThemeVerdict:
    confirmed = [each for each in group if each.link.state is LinkState.CONFIRMED]
    card = _card(session, frame, release, theme, verdicts, labels)
    if card is not None and frame.least is not None:
        # The theme's own calendar weeks: those of the verdict would give days back by subtraction.
        address = theme_page.chart_address(theme, theme_page.read_points(session, frame, theme=theme))
        card = replace(card, chart_address=address)
    return ThemeVerdict(
        theme=label_of(labels, theme),
        theme_address=theme_address(theme),
        card=card,
        links=tuple(_link_row(session, frame, release, each, labels) for each in confirmed),
    )


def _link_row(
    session: Session,
    frame: Frame,
    release: Release,
    each: ReleaseLink,
    labels: dict[int, str | None],
) -> LinkRow:
    link = each.link
    sees = frame.least is None
    spans = [span for span in link.evidence if "item" in span] if sees else []
    quotes = impact.read_quotes(session, workspace=frame.workspace, spans=spans)
    return LinkRow(
        id=public_id(Prefix.LINK, link.id),
        feature=each.feature.title,
        theme=label_of(labels, each.theme_id),
        theme_address=theme_address(each.theme_id),
        confirmed=link.state is LinkState.CONFIRMED,
        percent=None if link.probability is None else round(link.probability * 100),
        reason=link.reason if sees else "",
        evidence=tuple(quote_row(frame, quote) for quote in quotes),
        decided_by=link.decided_by,
        decided_on=None if link.decided_at is None else frame.day_of(link.decided_at),
        prospective=links.is_prospective(link, release),
    )


def _summary(
    session: Session, frame: Frame, release: Release, seen: frozenset[int] | None
) -> list[ReleaseRow]:
    return rows_of(
        frame,
        [release],
        overview.linked_releases(session, workspace=frame.workspace, releases=[release.id]),
        overview.verdict_lines(session, workspace=frame.workspace, releases=[release.id]),
        overview.theme_labels(session, workspace=frame.workspace),
        themes.redirects(session, workspace=frame.workspace),
        seen,
    )


def _steps(session: Session, frame: Frame, release: int) -> tuple[StepRow, ...]:
    steps = products.steps_of(session, workspace=frame.workspace, releases=[release])[release]
    return tuple(StepRow(frame.day_of(s.at), s.percent, tuple(s.segments)) for s in steps)


def _next_look(session: Session, frame: Frame, release: int) -> tuple[int, date] | None:
    planned = overview.next_looks(session, workspace=frame.workspace, now=frame.now, limit=1, release=release)
    return (planned[0].number, frame.day_of(planned[0].due_at)) if planned else None


def _other_releases(session: Session, frame: Frame, theme: int, release: int) -> dict[str, date]:
    """Return further releases with a confirmed link to the theme, newest ones only: a chart holds few names."""
    if theme == impact.TOTAL:
        return {}
    found = [
        each.release
        for each in overview.linked_releases(session, workspace=frame.workspace, theme=theme)
        if each.release is not None and each.release.id != release and each.link.state is LinkState.CONFIRMED
    ]
    return {row.version or row.name: frame.day_of(row.released_at) for row in found[-_NAMES_ON_CHART:]}
