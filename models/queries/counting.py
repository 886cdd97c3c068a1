"""Which messages are counted complaints, and why the others are not: one rule for counts, lists and explanations."""

from collections import defaultdict
from collections.abc import Sequence, Set
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.queries.listing import themes_of
from models.queries.themes import dismissed_themes
from models.queries.within import within
from models.records import Assignment, FeedbackItem, Source, Theme, ThemeState
from models.values.feedback import UNKNOWN_TICKET, AuthorRole
from models.values.ids import Prefix, public_id
from models.values.kinds import Kind

COUNTED = "counted: the first complaint of this person on this theme in this ticket"


def relaying_sources(session: Session, *, workspace: int) -> set[int]:
    """Return the sources whose setting says that feedback relayed by staff counts."""
    sources = session.scalars(select(Source).where(Source.workspace_id == workspace))
    return {source.id for source in sources if source.settings.get("count_relayed")}


def why_not_eligible(item: FeedbackItem, relaying: Set[int]) -> str | None:
    """Say why a message cannot be a counted complaint whatever else its ticket holds; None if it can."""
    if item.withdrawn:
        return "not counted: its text was deleted"
    if item.excluded_by is not None:
        return f"not counted: left out by the source's rules ({item.excluded_by})"
    if item.author_role is AuthorRole.BOT:
        return "not counted: written by a machine, an absence note or a confirmation of receipt"
    if item.kind is None:
        return "not counted yet: nobody has read of what kind it is"
    if item.kind is not Kind.COMPLAINT:
        article = "" if item.kind is Kind.PRAISE else "a "
        return f"not counted: it is {article}{item.kind}, not a complaint"
    if item.author_role is AuthorRole.AGENT and item.source_id not in relaying:
        return "not counted: relayed by staff, which this source's setting count_relayed leaves out"
    if item.merged_into is not None:
        name = "another ticket" if item.merged_into == UNKNOWN_TICKET else f"ticket {item.merged_into}"
        return f"not counted: merged into {name}"
    return None


def decide(items: Sequence[FeedbackItem], relaying: Set[int]) -> dict[int, str]:
    """Say of each message of one theme why it is counted (`COUNTED`) or not.

    Counted is the first complaint of a person in a ticket, by the time at which it was written. In a ticket where the
    author of one complaint is known, a complaint of nobody known is taken for a further word of the same people.
    """
    found: dict[int, str] = {}
    tickets: dict[tuple[int, str], list[FeedbackItem]] = defaultdict(list)
    for item in items:
        why = why_not_eligible(item, relaying)
        if why is None:
            tickets[item.source_id, item.external_id].append(item)
        else:
            found[item.id] = why
    for members in tickets.values():
        found |= _of_ticket(sorted(members, key=lambda item: (item.created_at, item.message_id)))
    return found


def _of_ticket(items: Sequence[FeedbackItem]) -> dict[int, str]:
    firsts: dict[int | None, FeedbackItem] = {}
    for item in items:
        firsts.setdefault(item.person_id, item)
    known = [item for person, item in firsts.items() if person is not None]
    if known:
        firsts[None] = known[0]
    return {item.id: _of_item(item, firsts[item.person_id]) for item in items}


def _of_item(item: FeedbackItem, first: FeedbackItem) -> str:
    if item is first:
        return COUNTED
    name = public_id(Prefix.ITEM, first.id)
    if item.person_id is None:
        return f"not counted: its author is unknown, and {name} of the same ticket is counted"
    return (
        f"not counted: a follow-up of {name}, the same person's first complaint on this theme in this ticket"
    )


def why_counted(session: Session, *, workspace: int, items: Sequence[int]) -> dict[int, str]:
    """Say of items, each with the messages of its ticket beside it, why they are counted or not."""
    relaying = relaying_sources(session, workspace=workspace)
    beside = _tickets_of(session, workspace, items)
    themes = themes_of(session, workspace=workspace, items=[item.id for item in beside])
    places: dict[tuple[int, str, int | None], list[FeedbackItem]] = defaultdict(list)
    for item in beside:
        places[item.source_id, item.external_id, themes.get(item.id)].append(item)
    noise = dismissed_themes(session, workspace=workspace)
    in_total = decide([item for item in beside if themes.get(item.id) not in noise], relaying)
    found: dict[int, str] = {}
    for (_, _, theme), members in places.items():
        decided = decide(members, relaying)
        if theme is not None and theme in noise:
            why = f"not counted: its theme {public_id(Prefix.THEME, theme)} was dismissed as noise"
            decided |= {item.id: why for item in members if why_not_eligible(item, relaying) is None}
        for item in members:
            is_placed = theme is not None or why_not_eligible(item, relaying) is not None
            found[item.id] = decided[item.id] if is_placed else _without_theme(in_total[item.id])
    return {item: found[item] for item in items if item in found}


def _without_theme(in_total: str) -> str:
    """Say of a message in no theme whether the total of all complaints, which asks for no theme, holds it."""
    if in_total == COUNTED:
        return "not counted on a theme: it is in none yet; the total of all complaints holds it"
    return in_total.replace("on this theme in this ticket", "in this ticket, in no theme of its own")


def _tickets_of(session: Session, workspace: int, items: Sequence[int]) -> list[FeedbackItem]:
    """Load all messages of the tickets that items belong to."""
    rows = session.execute(
        select(FeedbackItem.source_id, FeedbackItem.external_id)
        .where(FeedbackItem.id.in_(items), within(FeedbackItem, workspace))
        .distinct()
    )
    named = [
        and_(FeedbackItem.source_id == source, FeedbackItem.external_id == ticket) for source, ticket in rows
    ]
    if not named:
        return []
    query = select(FeedbackItem).where(
        within(FeedbackItem, workspace), FeedbackItem.withdrawn.is_(False), or_(*named)
    )
    return list(session.scalars(query.order_by(FeedbackItem.id)))


# --- in SQL, for all complaints in a theme or in none -------------------------------------------------------


def eligible(
    workspace: int, relaying: Set[int], kind: Kind = Kind.COMPLAINT, *, is_narrow: bool = False
) -> ColumnElement[bool]:
    """Build the condition "a complaint (or another kind) that may count", as `why_not_eligible` says it.

    `is_narrow`: something else names few items, which are not looked for by their workspace.
    """
    return and_(
        within(FeedbackItem, workspace) if is_narrow else FeedbackItem.workspace_id == workspace,
        FeedbackItem.kind == kind,
        FeedbackItem.withdrawn.is_(False),
        FeedbackItem.merged_into.is_(None),
        FeedbackItem.excluded_by.is_(None),
        FeedbackItem.id.not_in(_noise(workspace)),
        or_(
            FeedbackItem.author_role == AuthorRole.CUSTOMER,
            and_(FeedbackItem.author_role == AuthorRole.AGENT, FeedbackItem.source_id.in_(relaying)),
        ),
    )


def _noise(workspace: int) -> Select[int]:
    """Select the items in themes that a person called noise, found by those few themes."""
    redirected = aliased(Theme)
    themes = (
        select(Theme.id)
        .outerjoin(redirected, redirected.id == Theme.redirect_id)
        .where(
            Theme.workspace_id == workspace,
            or_(Theme.state == ThemeState.DISMISSED, redirected.state == ThemeState.DISMISSED),
        )
    )
    return select(Assignment.item_id).where(
        Assignment.theme_id.in_(themes), within(Assignment, workspace), Assignment.until_revision.is_(None)
    )


def first_complaints(
    workspace: int, relaying: Set[int], *, since: datetime | None = None, plan: str | None = None
) -> Select[int, datetime]:
    """Select id and ticket creation of the first complaint of each person in each ticket, in a theme or in none."""
    conditions = [eligible(workspace, relaying)]
    if since is not None:
        conditions.append(FeedbackItem.ticket_created_at >= since)
    if plan is not None:
        conditions.append(FeedbackItem.plan == plan)
    return first_of_each_person(*conditions)


def first_of_each_person(*conditions: ColumnElement[bool]) -> Select[int, datetime]:
    """Select id and ticket creation of each person's first message in each ticket, of those that meet conditions.

    A message of nobody known is left out of a ticket in which somebody known has one.
    """
    ticket = (FeedbackItem.source_id, FeedbackItem.external_id)
    order = (FeedbackItem.created_at, FeedbackItem.message_id)
    place = func.row_number().over(partition_by=(*ticket, FeedbackItem.person_id), order_by=order)
    known = func.count(FeedbackItem.person_id).over(partition_by=ticket)
    ranked = (
        select(
            FeedbackItem.id,
            FeedbackItem.ticket_created_at.label("at"),
            place.label("place"),
            # Of nobody known, in a ticket in which somebody known has one.
            case((FeedbackItem.person_id.is_(None), known), else_=0).label("others"),
        )
        .where(*conditions)
        .subquery()
    )
    return select(ranked.c.id, ranked.c.at).where(ranked.c.place == 1, ranked.c.others == 0)
