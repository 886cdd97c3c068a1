"""Links between features and themes: proposals with evidence, and people's decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from models.errors import Conflict, NotFound
from models.jobs import Job
from models.queries import work
from models.queries.within import within
from models.queries.workspaces import COMMAND_LINE, audit
from models.records import Feature, JsonObject, Link, LinkState, Release, Theme, ThemeState
from models.values.timing import SEEN_AFTER


@dataclass(frozen=True, slots=True)
class ProposalDraft:
    """A proposed link with what speaks for it; evidence holds item ids and spans, never text."""

    theme_id: int
    feature_id: int
    probability: float
    reason: str
    evidence: list[JsonObject]


def propose(
    session: Session, *, workspace: int, feature: int, drafts: Sequence[ProposalDraft], now: datetime
) -> int:
    """Write the proposals for a feature in place of its earlier undecided ones; return how many stand.

    What a person decided is never touched: a rejected pair is not proposed again.
    """
    stood = {
        link.theme_id: link
        for link in session.scalars(
            select(Link).where(Link.workspace_id == workspace, Link.feature_id == feature)
        )
    }
    wanted = {draft.theme_id: draft for draft in drafts}
    for theme, link in stood.items():
        if link.state is LinkState.PROPOSED and theme not in wanted:
            session.delete(link)
    for theme, draft in wanted.items():
        link = stood.get(theme) or Link(
            workspace_id=workspace,
            theme_id=theme,
            feature_id=feature,
            state=LinkState.PROPOSED,
            proposed_at=now,
        )
        if link.state is LinkState.PROPOSED:
            link.probability, link.reason, link.evidence = draft.probability, draft.reason, draft.evidence
            session.add(link)
    session.flush()
    _measure_again(session, workspace, feature, now)
    return sum(
        theme in wanted or link.state is not LinkState.PROPOSED for theme, link in stood.items()
    ) + sum(theme not in stood for theme in wanted)


def add(
    session: Session,
    *,
    workspace: int,
    theme: int,
    feature: int,
    actor: str,
    now: datetime,
    by: str = COMMAND_LINE,
) -> Link:
    """Add a link that a person claims; it is confirmed at once. `by` as in `decide`."""
    link = session.scalar(
        select(Link).where(Link.theme_id == theme, Link.feature_id == feature, Link.workspace_id == workspace)
    )
    if link is None:
        link = Link(
            workspace_id=workspace,
            theme_id=theme,
            feature_id=feature,
            state=LinkState.PROPOSED,
            probability=None,
            reason="Entered by a person.",
            evidence=[],
            proposed_at=now,
        )
        session.add(link)
        session.flush()
    return decide(
        session,
        workspace=workspace,
        link=link.id,
        state=LinkState.CONFIRMED,
        actor=actor,
        by=by,
        now=now,
    )


def get_link(session: Session, *, workspace: int, link: int) -> Link:
    """Load a link of the workspace."""
    row = session.get(Link, link)
    if row is None or row.workspace_id != workspace:
        raise NotFound(f"There is no link lnk_{link}.")
    return row


def decide(
    session: Session,
    *,
    workspace: int,
    link: int,
    state: LinkState,
    actor: str,
    now: datetime,
    by: str = COMMAND_LINE,
    note: str = "",
) -> Link:
    """Confirm or reject a link; repeating a decision changes nothing, turning one over is allowed and audited.

    `actor` is the decider's name, `by` the public id of their key or seat for the audit log.
    """
    row = get_link(session, workspace=workspace, link=link)
    if state is LinkState.PROPOSED:
        raise Conflict("a decision is either confirmed or rejected.", field="state")
    if row.state is state:
        return row
    before = row.state
    row.state, row.decided_at, row.decided_by = state, now, actor
    session.flush()
    audit(
        session,
        workspace=workspace,
        actor=actor,
        by=by,
        action=f"link.{state}",
        subject=f"lnk_{row.id}",
        now=now,
        detail={"before": str(before), **({"note": note} if note else {})},
    )
    _measure_again(session, workspace, row.feature_id, now)
    return row


def _measure_again(session: Session, workspace: int, feature: int, now: datetime) -> None:
    release = session.scalar(
        select(Feature.release_id).where(Feature.id == feature, Feature.workspace_id == workspace)
    )
    if release is not None:
        work.mark_dirty(session, workspace=workspace, stage=Job.MEASURE, subject=release, run_at=now)


def list_links(
    session: Session,
    *,
    workspace: int,
    state: LinkState | None = None,
    feature: int | None = None,
    theme: int | None = None,
    after: int = 0,
    limit: int = 1000,
) -> list[Link]:
    """List links in order of id, those after `after`; with `theme`, those of themes it stands for as well."""
    query = (
        select(Link)
        .join(Theme, Theme.id == Link.theme_id)
        .where(Link.workspace_id == workspace, Link.id > after)
    )
    if state is not None:
        query = query.where(Link.state == state)
    if feature is not None:
        query = query.where(Link.feature_id == feature)
    if theme is not None:
        query = query.where(func.coalesce(Theme.redirect_id, Theme.id) == theme)
    return list(session.scalars(query.order_by(Link.id).limit(limit)))


@dataclass(frozen=True, slots=True)
class ReleaseLink:
    """A link seen from its release: the theme is the one that stands today (redirects followed)."""

    link: Link
    feature: Feature
    theme_id: int


def of_release(session: Session, *, workspace: int, release: int) -> list[ReleaseLink]:
    """Return the links of a release's features that were not rejected, likeliest first.

    Without those to themes that were called noise: nothing is judged on what does not count.
    """
    standing = aliased(Theme)
    rows = session.execute(
        select(Link, Feature, standing.id)
        .join(Feature, Feature.id == Link.feature_id)
        .join(Theme, Theme.id == Link.theme_id)
        .join(standing, standing.id == func.coalesce(Theme.redirect_id, Theme.id))
        .where(
            standing.state != ThemeState.DISMISSED,
            within(Link, workspace),
            within(Feature, workspace),
            Feature.release_id == release,
            Link.state != LinkState.REJECTED,
        )
    )
    found = [ReleaseLink(link, feature, theme) for link, feature, theme in rows]
    return sorted(
        found,
        key=lambda each: (
            each.link.state is not LinkState.CONFIRMED,
            -(each.link.probability or 0),
            each.link.id,
        ),
    )


def is_prospective(link: Link, release: Release) -> bool:
    """Say whether a link was confirmed before the first week after its release could be seen."""
    return (
        link.state is LinkState.CONFIRMED
        and link.decided_at is not None
        and link.decided_at < release.released_at + SEEN_AFTER
    )


def confirmed_releases(session: Session, *, workspace: int) -> dict[int, set[int]]:
    """Map themes that stand today to the releases with a confirmed link to them."""
    rows = session.execute(
        select(Theme, Feature.release_id)
        .join(Link, Link.theme_id == Theme.id)
        .join(Feature, Feature.id == Link.feature_id)
        .where(
            Link.workspace_id == workspace,
            Link.state == LinkState.CONFIRMED,
            Feature.release_id.is_not(None),
        )
    )
    found: dict[int, set[int]] = {}
    for theme, release in rows:
        if release is not None:
            found.setdefault(theme.redirect_id or theme.id, set()).add(release)
    return found


def ask_for_links(session: Session, *, workspace: int, now: datetime) -> None:
    """Ask for new link proposals of every feature, because the themes changed."""
    for feature in session.scalars(select(Feature.id).where(Feature.workspace_id == workspace)):
        work.mark_dirty(session, workspace=workspace, stage=Job.LINK, subject=feature, run_at=now)
