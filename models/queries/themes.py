"""Themes that stand: their items and days, labels and quotes, redirects."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, false, func, select, update
from sqlalchemy.orm import Session

from models.errors import NotFound
from models.queries.within import within
from models.records import Arrival, Assignment, Embedding, FeedbackItem, Theme, ThemeQuote, ThemeState
from models.values.kinds import Kind


def ticket_days(session: Session, *, workspace: int, items: Sequence[int]) -> dict[int, datetime]:
    """Map items to the moment their ticket was opened."""
    found: dict[int, datetime] = {}
    for start in range(0, len(items), 500):
        rows = session.execute(
            select(FeedbackItem.id, FeedbackItem.ticket_created_at).where(
                FeedbackItem.id.in_(items[start : start + 500]), FeedbackItem.workspace_id == workspace
            )
        )
        found.update({item: moment for item, moment in rows})
    return found


def days_of_theme(session: Session, *, workspace: int, theme: int) -> list[datetime]:
    """Return the moments at which tickets of a theme, or of those it stands for, were opened."""
    rows = session.scalars(
        select(FeedbackItem.ticket_created_at)
        .join(Assignment, Assignment.item_id == FeedbackItem.id)
        .join(Theme, Theme.id == Assignment.theme_id)
        .where(
            Theme.workspace_id == workspace,
            (Theme.id == theme) | (Theme.redirect_id == theme),
            Assignment.until_revision.is_(None),
        )
    )
    return list(rows)


def items_assigned(session: Session, *, workspace: int, themes: Sequence[int]) -> list[int]:
    """Return the items assigned to any of these themes, redirects not followed, in order of id."""
    query = select(Assignment.item_id).where(
        Assignment.theme_id.in_(themes), within(Assignment, workspace), Assignment.until_revision.is_(None)
    )
    return list(session.scalars(query.order_by(Assignment.item_id)))


def size(session: Session, *, workspace: int, theme: int) -> int:
    """Count the items in a theme and in those it stands for."""
    query = (
        select(func.count())
        .select_from(Assignment)
        .join(Theme, Theme.id == Assignment.theme_id)
        .where(
            Theme.workspace_id == workspace,
            (Theme.id == theme) | (Theme.redirect_id == theme),
            Assignment.until_revision.is_(None),
        )
    )
    return session.scalar(query) or 0


def numbers(session: Session, *, workspace: int) -> dict[int, int]:
    """Map all themes to their numbers in the stream."""
    rows = session.execute(select(Theme.id, Theme.number).where(Theme.workspace_id == workspace))
    return {theme: number for theme, number in rows}


def get_theme(session: Session, *, workspace: int, theme: int) -> Theme:
    """Load a theme of the workspace, merged ones too."""
    row = session.get(Theme, theme)
    if row is None or row.workspace_id != workspace:
        raise NotFound(f"There is no theme th_{theme}.")
    return row


def standing_theme(session: Session, *, workspace: int, theme: int) -> Theme:
    """Load the theme that stands for an id today."""
    row = get_theme(session, workspace=workspace, theme=theme)
    return row if row.redirect_id is None else get_theme(session, workspace=workspace, theme=row.redirect_id)


def active_themes(session: Session, *, workspace: int) -> list[Theme]:
    """Return the themes that stand today, in order of birth."""
    return list(
        session.scalars(
            select(Theme)
            .where(Theme.workspace_id == workspace, Theme.state == ThemeState.ACTIVE)
            .order_by(Theme.id)
        )
    )


def dismissed_themes(session: Session, *, workspace: int) -> set[int]:
    """Return the themes that a person called noise."""
    query = select(Theme.id).where(Theme.workspace_id == workspace, Theme.state == ThemeState.DISMISSED)
    return set(session.scalars(query))


def labelled_sizes(session: Session, *, workspace: int) -> dict[int, int]:
    """Return how many items each theme had when it was last named; 0 for one that never was."""
    rows = session.execute(
        select(Theme.id, Theme.labelled_size).where(
            Theme.workspace_id == workspace, Theme.state != ThemeState.MERGED
        )
    )
    return {theme: size for theme, size in rows}


def filled_sizes(session: Session, *, workspace: int) -> dict[int, int]:
    """Return how many items stand in each theme that holds any, redirects followed."""
    standing = func.coalesce(Theme.redirect_id, Theme.id)
    rows = session.execute(
        select(standing, func.count())
        .select_from(Assignment)
        .join(Theme, Theme.id == Assignment.theme_id)
        .join(FeedbackItem, FeedbackItem.id == Assignment.item_id)
        .where(
            Theme.workspace_id == workspace,
            Assignment.until_revision.is_(None),
            FeedbackItem.withdrawn.is_(False),
        )
        .group_by(standing)
    )
    return {theme: size for theme, size in rows}


@dataclass(frozen=True, slots=True)
class Member:
    """An item of a theme that stands today, with what labelling and linking read of it."""

    item: int
    theme: int
    subject: str | None
    text: str
    is_complaint: bool
    created_at: datetime
    vector: bytes


def members(session: Session, *, workspace: int, encoder: int) -> list[Member]:
    """Return placed items with their theme (redirects followed), in order of id, but what the stream let go.

    What was put in a theme by hand and never arrived in the stream is among them.
    """
    rows = session.execute(
        select(
            FeedbackItem.id,
            func.coalesce(Theme.redirect_id, Theme.id),
            FeedbackItem.subject,
            FeedbackItem.text,
            FeedbackItem.kind == Kind.COMPLAINT,
            FeedbackItem.ticket_created_at,
            Embedding.vector,
        )
        .join(Assignment, Assignment.item_id == FeedbackItem.id)
        .join(Theme, Theme.id == Assignment.theme_id)
        .join(Embedding, (Embedding.item_id == FeedbackItem.id) & (Embedding.encoder_id == encoder))
        .outerjoin(Arrival, Arrival.item_id == FeedbackItem.id)
        .where(
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.withdrawn.is_(False),
            Assignment.until_revision.is_(None),
            func.coalesce(Arrival.released, false()).is_(False),
        )
        .order_by(FeedbackItem.id)
    )
    return [
        Member(item, theme, subject, text, bool(c), at, v) for item, theme, subject, text, c, at, v in rows
    ]


def standing_texts(session: Session, *, workspace: int, items: Sequence[int]) -> dict[int, str]:
    """Map items to the text that they have now, and have until the transaction ends.

    Left out are those without a text, and those that somebody is changing at this moment, who is not waited for:
    whoever names themes holds their work, and whoever takes a text holds the item and then waits for that work.
    """
    found: dict[int, str] = {}
    for start in range(0, len(items), 500):
        query = select(FeedbackItem.id, FeedbackItem.text).where(
            FeedbackItem.id.in_(items[start : start + 500]),
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.withdrawn.is_(False),
            FeedbackItem.erased_at.is_(None),
        )
        rows = session.execute(query.order_by(FeedbackItem.id).with_for_update(read=True, skip_locked=True))
        found.update({item: text for item, text in rows})
    return found


@dataclass(frozen=True, slots=True)
class QuoteSpan:
    """A verbatim span of an item's stored text."""

    item: int
    start: int
    end: int


def write_label(
    session: Session,
    *,
    workspace: int,
    theme: int,
    label: str,
    keywords: Sequence[str],
    quotes: Sequence[QuoteSpan],
    size: int,
) -> None:
    """Store the label found in a theme's words, its keywords and quotes; a name that a person gave stays.

    Also one that is being given while this runs: the theme is held first, and read as it is then.
    """
    query = select(Theme).where(Theme.id == theme, Theme.workspace_id == workspace)
    held = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    row = session.scalar(held)
    if row is None:
        raise NotFound(f"There is no theme th_{theme}.")
    row.found_label, row.keywords, row.labelled_size = label[:300], list(keywords), size
    if not row.named:
        row.label = row.found_label
    # One that is being removed with its item at this moment goes by itself: to wait for it could be to wait for each
    # other.
    old = select(ThemeQuote.id).where(ThemeQuote.theme_id == theme, within(ThemeQuote, workspace))
    quoted = session.scalars(old.order_by(ThemeQuote.id).with_for_update(skip_locked=True)).all()
    session.execute(delete(ThemeQuote).where(ThemeQuote.id.in_(quoted), ThemeQuote.workspace_id == workspace))
    for rank, quote in enumerate(quotes):
        session.add(
            ThemeQuote(
                workspace_id=workspace,
                theme_id=theme,
                item_id=quote.item,
                rank=rank,
                start=quote.start,
                end=quote.end,
            )
        )


def themes_of_items(session: Session, *, workspace: int, items: Sequence[int]) -> dict[int, int]:
    """Map items to their theme as assigned, redirects not followed."""
    rows = session.execute(
        select(Assignment.item_id, Assignment.theme_id).where(
            Assignment.item_id.in_(items),
            within(Assignment, workspace),
            Assignment.until_revision.is_(None),
        )
    )
    return {item: theme for item, theme in rows}


def redirects(session: Session, *, workspace: int) -> dict[int, int]:
    """Map themes that were merged to the one that stands for them today."""
    rows = session.execute(
        select(Theme.id, Theme.redirect_id).where(
            Theme.workspace_id == workspace, Theme.redirect_id.is_not(None)
        )
    )
    return {old: into for old, into in rows if into is not None}


def retire_empty(session: Session, *, workspace: int, filled: Set[int]) -> None:
    """Retire the themes that no item is left in, and bring back those that hold items again.

    One that a person holds stays, and shows that it is empty.
    """
    rows = session.execute(
        select(Theme.id, Theme.state, Theme.pinned).where(
            Theme.workspace_id == workspace, Theme.state.in_((ThemeState.ACTIVE, ThemeState.RETIRED))
        )
    ).all()
    for theme, state, pinned in rows:
        wanted = ThemeState.ACTIVE if theme in filled or pinned else ThemeState.RETIRED
        if state is not wanted:
            # Only as it was read: a person may be merging or pinning it at this moment.
            session.execute(
                update(Theme)
                .where(
                    Theme.id == theme,
                    Theme.workspace_id == workspace,
                    Theme.state == state,
                    Theme.pinned.is_(pinned),
                )
                .values(state=wanted)
            )
