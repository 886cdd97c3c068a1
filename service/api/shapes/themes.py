"""Themes: what customers complain about, under ids that never break."""

from pydantic import Field

from models.values.kinds import Kind
from models.values.periods import Period
from service.api.shapes.base import (
    Answer,
    Count,
    Day,
    Finite,
    ItemId,
    Moment,
    Paging,
    Request,
    Segment,
    Share,
    ShortText,
    SourceId,
    ThemeId,
)
from service.api.shapes.words import ThemeEventKind, ThemeState

Revision = Count


class ThemeSummary(Answer):
    """A theme in a list."""

    id: ThemeId = Field(description="Public id; it never changes and is never given twice.")
    label: str | None = Field(description="What it is about, in a few words; null until it is named.")
    keywords: list[str] = Field(description="Its most telling words, best first, at most 10.")
    state: ThemeState = Field(description="active, merged, retired or dismissed.")
    size: Count | None = Field(
        description="Items placed in it, of every kind; null for callers who may see aggregates only."
    )
    complaints: Count | None = Field(
        description="Counted complaints among them. Callers who may see aggregates only get the sum of the whole "
        "weeks that are shown, a lower bound; null where nothing may be shown."
    )
    recent_complaints: Count | None = Field(
        description="Counted complaints of the last 28 days; for callers who may see aggregates only, of the last "
        "four whole weeks, as in `complaints`."
    )
    pinned: bool = Field(description="Whether a person holds it together: refits neither split nor merge it.")
    born_at: Moment = Field(description="When it was first seen.")


class ThemesQuery(Paging):
    """Filters of the list, most recent complaints first."""

    state: ThemeState = Field(default=ThemeState.ACTIVE, description="Only themes in this state.")
    q: str | None = Field(
        default=None, min_length=1, max_length=200, description="Words of the label or keywords."
    )


class Quote(Answer):
    """A verbatim span of a stored text."""

    item: ItemId = Field(description="The item it stands in.")
    text: str = Field(description="The span, letter for letter.")
    start: Count = Field(description="First character of the span in the item's text, from 0.")
    end: Count = Field(description="First character after the span.")
    created_at: Moment = Field(description="When the item was written.")
    plan: str | None = Field(description="Plan of the account that wrote it.")


class QuoteTotals(Answer):
    """What the quotes are drawn from, so that every number can be opened."""

    complaints: Count = Field(description="Counted complaints.")
    folded: Count = Field(description="Items beneath them: duplicates and follow-ups, kept and not counted.")
    gone: Count = Field(
        description="Items that were erased or have expired: still in the numbers, without text."
    )


class ThemeQuotes(Answer):
    """A page of a theme's quotes, nearest to its middle first."""

    items: list[Quote] = Field(description="The quotes of this page.")
    next_cursor: str | None = Field(
        description="Pass as `cursor` to read the next page; null on the last one."
    )
    totals: QuoteTotals = Field(description="What the quotes are drawn from.")


class ThemeDetail(ThemeSummary):
    """One theme."""

    superseded_by: ThemeId | None = Field(description="The theme that took its place; null while it stands.")
    revision: Revision = Field(description="Theme revision that this answer reads.")
    kinds: dict[Kind, Count] | None = Field(
        description="Items by kind; null for callers who may see aggregates only."
    )
    quotes: list[Quote] = Field(
        description="Its nearest quotes, at most 5; none for callers who may see aggregates only."
    )
    releases: list[str] = Field(
        description="Public ids of releases with a confirmed link to it, newest first."
    )


class TrendQuery(Request):
    """What part of a theme's history to show."""

    period: Period = Field(
        default=Period.WEEK,
        description="Length of one step: day, week (ISO) or month; callers who may see aggregates only get weeks.",
    )
    segment: Segment = Field(default="all", description="A plan or account segment; `all` for everybody.")
    source: SourceId | None = Field(default=None, description="Only messages that came through this source.")
    channel: ShortText | None = Field(
        default=None, description="Only messages of this channel, as sources name it."
    )
    kind: Kind | None = Field(
        default=None,
        description="Count first messages of this kind, and not complaints; null: complaints.",
    )
    since: Day | None = Field(default=None, description="First day; null: a year ago.")
    until: Day | None = Field(default=None, description="First day that is left out; null: tomorrow.")


class Places(Answer):
    """Where all complaints of a time lie, each person once in a ticket."""

    complaints: Count = Field(description="All complaints, in a theme or in none.")
    unassigned: Count = Field(description="Of them in no theme, whatever the reason: also those that wait.")
    unassigned_share: Share | None = Field(description="Their share; null without complaints.")
    unsupported_language: Count = Field(
        description="Of them in languages that are not placed in themes; mostly a part of the unassigned."
    )
    unsupported_language_share: Share | None = Field(description="Their share; null without complaints.")


class TrendPoint(Answer):
    """One step of a trend."""

    start: Day = Field(description="First day of the step.")
    complaints: Count | None = Field(
        description="Counted complaints; null where a source was silent (a gap), and where they are too few for "
        "callers who may see aggregates only."
    )
    people: Count | None = Field(description="Persons behind them, day by day; null as complaints are.")
    accounts: Count | None = Field(
        description="Accounts behind them, each once in the step; null in gaps and for callers who may see "
        "aggregates only."
    )
    arr_usd: Finite | None = Field(
        description="Annual recurring revenue of these accounts in US dollars, where on record; null where of none."
    )
    exposure: Finite | None = Field(description="Exposed customer-days; null where unknown.")
    rate: Finite | None = Field(
        description="Complaints per 1 000 exposed customer-days; null without exposure."
    )
    complete: bool = Field(description="Whether all days of the step have passed.")


class ThemeTrend(Answer):
    """How often a theme was complained about."""

    theme: ThemeId = Field(description="The theme, redirects followed.")
    period: Period = Field(description="Length of one step.")
    segment: str = Field(description="Segment counted.")
    source: SourceId | None = Field(description="Source counted; null: every one.")
    channel: str | None = Field(description="Channel counted; null: every one.")
    kind: Kind = Field(description="Kind of the messages counted as `complaints`.")
    revision: Revision = Field(description="Theme revision that all steps are drawn from, the past too.")
    rate_unit: str = Field(description="Unit of `rate`.")
    points: list[TrendPoint] = Field(description="Steps in order of time, without holes.")
    places: Places | None = Field(
        description="Where all complaints of these days lie; null for callers who may see aggregates only."
    )
    note: str = Field(description="What must not be added up.")


class LineageEvent(Answer):
    """One entry of a theme's log."""

    at: Moment = Field(description="When it happened.")
    revision: Revision = Field(description="Theme revision it made.")
    kind: ThemeEventKind = Field(description="What happened.")
    theme: ThemeId = Field(description="The theme it happened to.")
    other: ThemeId | None = Field(description="The other theme of a merge or split.")
    items: Count | None = Field(description="Items that moved; null for callers who may see aggregates only.")
    actor: str | None = Field(description="The person who did it; null for a refit.")


class ThemeLineage(Answer):
    """Where a theme came from and what became of it."""

    theme: ThemeId = Field(description="The theme that was asked for.")
    superseded_by: ThemeId | None = Field(description="The theme that stands in its place today.")
    ancestors: list[ThemeId] = Field(description="Themes whose items it took over.")
    descendants: list[ThemeId] = Field(description="Themes that were split off it.")
    events: list[LineageEvent] = Field(description="Its log, oldest first.")


class ThemeAccount(Answer):
    """An account that complained about a theme."""

    account_id: str = Field(description="The account, as the vendor names it.")
    name: str | None = Field(description="Its name, where accounts were supplied.")
    plan: str | None = Field(description="Its plan.")
    arr_usd: Finite | None = Field(description="Annual recurring revenue in US dollars.")
    complaints: Count = Field(description="Counted complaints on this theme.")
    people: Count = Field(description="Persons behind them.")
    last_at: Moment = Field(description="When the latest was made.")
