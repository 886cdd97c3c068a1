"""Verdicts: what judging a release needs to read, writing what was said, and reading it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.jobs import Job
from models.queries import work
from models.queries.upsert import insert_or_ignore
from models.queries.within import within
from models.records import (
    ContextEvent,
    FeedbackItem,
    JsonObject,
    Link,
    LinkState,
    Release,
    Theme,
    ThemeAct,
    ThemeQuote,
    ThemeState,
    ThemeVerb,
    Verdict,
)

TOTAL = 0
"""Theme key of all complaints together."""

LONGEST_WINDOW = timedelta(days=7 * 10)
"""How long after full roll-out a day can still belong to a release's window: the horizon and some room."""

_KEY = (
    "release_id",
    "theme_key",
    "segment",
    "look",
    "method_version",
    "theme_revision",
    "view",
)


def write_verdict(session: Session, *, workspace: int, row: Mapping[str, object]) -> int | None:
    """Store a verdict; None if the very same one stands. A newer view of the same look restates the older."""
    names = ("release_id", "theme_key", "segment", "look")
    same = [within(Verdict, workspace), *(getattr(Verdict, name) == row[name] for name in names)]
    latest = session.scalar(select(Verdict).where(*same).order_by(Verdict.id.desc()).limit(1))
    if latest is not None and _says_the_same(latest, row):
        return None
    values = {
        **row,
        "workspace_id": workspace,
        "view": latest.view + 1 if latest else 0,
        "restates_id": latest.id if latest else None,
    }
    return insert_or_ignore(session, Verdict, values, key=_KEY)


def _says_the_same(stood: Verdict, row: Mapping[str, object]) -> bool:
    return (stood.input_hash, stood.method_version) == (row["input_hash"], row["method_version"])


def latest_verdicts(
    session: Session,
    *,
    workspace: int,
    releases: Sequence[int] | None = None,
    as_of: datetime | None = None,
) -> list[Verdict]:
    """Return, for each release and theme, what was said last at the furthest look, as of a moment.

    What was said of a theme that was merged gives way to what is said of the one that stands for it; of a link
    that was rejected or taken back since, nothing is said any more, nor of a theme that was called noise.
    """
    query = select(Verdict, Link).outerjoin(Link, Link.id == Verdict.link_id)
    query = query.where(Verdict.workspace_id == workspace)
    if releases is not None:
        query = query.where(Verdict.release_id.in_(releases))
    if as_of is not None:
        query = query.where(Verdict.created_at <= as_of)
    standing = _standing_themes(session, workspace)
    noise = _noise(session, workspace, as_of)
    best: dict[tuple[int, int, str], Verdict] = {}
    for verdict, link in session.execute(query.order_by(Verdict.look, Verdict.id)):
        if _is_claimed(verdict, link, as_of):
            theme = standing.get(verdict.theme_key, verdict.theme_key)
            if theme not in noise:
                best[verdict.release_id, theme, verdict.segment] = verdict
    return list(best.values())


def _standing_themes(session: Session, workspace: int) -> dict[int, int]:
    """Map themes that were merged to the one that stands for them."""
    rows = session.execute(
        select(Theme.id, Theme.redirect_id).where(
            Theme.workspace_id == workspace, Theme.redirect_id.is_not(None)
        )
    )
    return {old: into for old, into in rows if into is not None}


def _noise(session: Session, workspace: int, as_of: datetime | None) -> set[int]:
    """Return the themes that are called noise, as of a moment."""
    rows = session.execute(
        select(Theme.id, ThemeAct.at)
        .join(ThemeAct, (ThemeAct.theme_id == Theme.id) & (ThemeAct.verb == ThemeVerb.DISMISS))
        .where(Theme.workspace_id == workspace, Theme.state == ThemeState.DISMISSED)
        .order_by(ThemeAct.id)
    )
    latest = {theme: at for theme, at in rows}
    return {theme for theme, at in latest.items() if as_of is None or at <= as_of}


def _is_claimed(verdict: Verdict, link: Link | None, as_of: datetime | None) -> bool:
    """Say whether the link that a verdict was about stands, as of a moment."""
    if link is None:
        return verdict.link_state is not LinkState.PROPOSED
    is_decided = as_of is None or (link.decided_at is not None and link.decided_at <= as_of)
    return not (link.state is LinkState.REJECTED and is_decided)


def verdicts_of_theme(session: Session, *, workspace: int, theme: int) -> list[Verdict]:
    """Return the latest verdicts in which a theme was judged."""
    return [
        verdict for verdict in latest_verdicts(session, workspace=workspace) if verdict.theme_key == theme
    ]


def mark_releases(session: Session, *, workspace: int, since: date, now: datetime) -> None:
    """Ask for new verdicts of every release whose window reaches the day `since`: its data changed late."""
    moment = datetime(since.year, since.month, since.day, tzinfo=now.tzinfo) - LONGEST_WINDOW
    rows = session.scalars(
        select(Release.id).where(Release.workspace_id == workspace, Release.full_at >= moment)
    )
    for release in rows:
        work.mark_dirty(session, workspace=workspace, stage=Job.MEASURE, subject=release, run_at=now)


def events_between(session: Session, *, workspace: int, start: datetime, end: datetime) -> list[ContextEvent]:
    """Return the context events that overlap a half-open time."""
    return list(
        session.scalars(
            select(ContextEvent)
            .where(
                ContextEvent.workspace_id == workspace,
                ContextEvent.starts_at < end,
                func.coalesce(ContextEvent.ends_at, ContextEvent.starts_at) >= start,
            )
            .order_by(ContextEvent.starts_at)
        )
    )


def quote_spans(session: Session, *, workspace: int, theme: int, limit: int) -> list[JsonObject]:
    """Return a theme's nearest quotes as item ids and spans, for storage beside a verdict."""
    rows = session.scalars(
        select(ThemeQuote)
        .where(ThemeQuote.theme_id == theme, within(ThemeQuote, workspace))
        .order_by(ThemeQuote.rank)
        .limit(limit)
    )
    return [{"item": row.item_id, "start": row.start, "end": row.end} for row in rows]


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim span of stored text, with the item it stands in."""

    item: int
    start: int
    end: int
    text: str
    created_at: datetime
    plan: str | None


def read_quotes(session: Session, *, workspace: int, spans: Sequence[JsonObject]) -> list[Quote]:
    """Cut the spans out of the stored texts; quotes of items that were erased are left out."""
    numbers = [int(str(span["item"])) for span in spans]
    items = {
        item.id: item
        for item in session.scalars(
            select(FeedbackItem).where(
                FeedbackItem.workspace_id == workspace,
                FeedbackItem.id.in_(numbers),
                FeedbackItem.withdrawn.is_(False),
            )
        )
    }
    found = []
    for number, span in zip(numbers, spans, strict=True):
        item, start, end = items.get(number), int(str(span["start"])), int(str(span["end"]))
        text = item.text[start:end] if item else ""
        if item and text:
            found.append(Quote(number, start, end, text, item.created_at, item.plan))
    return found


def theme_quotes(session: Session, *, workspace: int, theme: int, limit: int = 10) -> list[Quote]:
    """Return a theme's quotes, nearest first."""
    spans = quote_spans(session, workspace=workspace, theme=theme, limit=limit)
    return read_quotes(session, workspace=workspace, spans=spans)
