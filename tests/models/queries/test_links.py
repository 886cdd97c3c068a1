"""Links: proposals replaced, decisions kept, merged themes followed."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.database import Database, Session
from models.errors import Conflict, NotFound
from models.jobs import Job, WorkState
from models.queries import impact, links
from models.queries.links import ProposalDraft
from models.records import AuditEntry, Link, LinkState, Release, Verdict, Work
from tests import factories
from tests.clock import NOON
from tests.verdicts import verdict_row


@pytest.fixture
def world(database: Database, workspace: int) -> tuple[int, int, list[int]]:
    """A release with one feature, and three themes: (release, feature, themes)."""
    with database.write(workspace=workspace) as session:
        release = factories.release(session, workspace)
        feature = factories.feature(session, workspace, of="1.0")
        themes = [factories.theme(session, workspace, number) for number in (1, 2, 3)]
    return release, feature, themes


def proposal(theme: int, feature: int, probability: float = 0.8) -> ProposalDraft:
    return ProposalDraft(
        theme, feature, probability, "Shared words: export.", [{"item": 1, "start": 0, "end": 3}]
    )


def propose(session: Session, workspace: int, feature: int, *themes: int) -> int:
    drafts = [proposal(theme, feature) for theme in themes]
    return links.propose(session, workspace=workspace, feature=feature, drafts=drafts, now=NOON)


def states(session: Session, workspace: int) -> dict[int, LinkState]:
    return {link.theme_id: link.state for link in links.list_links(session, workspace=workspace)}


def decide(session: Session, workspace: int, link: int, state: LinkState, **more: object) -> Link:
    return links.decide(session, workspace=workspace, link=link, state=state, actor="mira", now=NOON, **more)  # type: ignore[arg-type]


def test_new_proposals_replace_undecided_ones(
    database: Database, workspace: int, world: tuple[int, int, list[int]]
) -> None:
    _, feature, (a, b, c) = world
    with database.write(workspace=workspace) as session:
        assert propose(session, workspace, feature, a, b) == 2
        assert propose(session, workspace, feature, b, c) == 2
        assert states(session, workspace) == {b: LinkState.PROPOSED, c: LinkState.PROPOSED}


def test_what_a_person_decided_stays_and_is_not_proposed_again(
    database: Database, workspace: int, world: tuple[int, int, list[int]]
) -> None:
    _, feature, (a, b, c) = world
    with database.write(workspace=workspace) as session:
        propose(session, workspace, feature, a, b)
        first, second = links.list_links(session, workspace=workspace)
        decide(session, workspace, first.id, LinkState.REJECTED)
        decide(session, workspace, second.id, LinkState.CONFIRMED)
        propose(session, workspace, feature, a, c)
        assert states(session, workspace) == {
            a: LinkState.REJECTED,
            b: LinkState.CONFIRMED,
            c: LinkState.PROPOSED,
        }


def test_a_proposal_that_a_verdict_was_told_of_can_be_taken_back(
    database: Database, workspace: int, world: tuple[int, int, list[int]]
) -> None:
    release, feature, (a, b, _) = world
    with database.write(workspace=workspace) as session:
        propose(session, workspace, feature, a)
        (link,) = links.list_links(session, workspace=workspace)
        row = verdict_row(release, a, link_id=link.id, link_state=LinkState.PROPOSED)
        impact.write_verdict(session, workspace=workspace, row=row)
    with database.write(workspace=workspace) as session:
        assert propose(session, workspace, feature, b) == 1
    with database.read(workspace=None) as session:
        assert states(session, workspace) == {b: LinkState.PROPOSED}
        stood = session.scalars(select(Verdict)).one()
        assert (stood.link_id, stood.link_state, stood.theme_id) == (None, LinkState.PROPOSED, a)


def test_a_decision_is_audited_once_and_may_be_turned_over(
    database: Database, workspace: int, world: tuple[int, int, list[int]]
) -> None:
    _, feature, (a, *_) = world
    with database.write(workspace=workspace) as session:
        propose(session, workspace, feature, a)
        (link,) = links.list_links(session, workspace=workspace)
        for state in (LinkState.CONFIRMED, LinkState.CONFIRMED, LinkState.REJECTED):
            decide(session, workspace, link.id, state, note="because", by="key_4")
        session.flush()
        acts = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [(act.action, act.subject, act.actor) for act in acts] == [
            ("link.confirmed", f"lnk_{link.id}", "mira"),
            ("link.rejected", f"lnk_{link.id}", "mira"),
        ]
        assert acts[1].detail == {"before": "confirmed", "note": "because", "by": "key_4"}
        with pytest.raises(Conflict):
            decide(session, workspace, link.id, LinkState.PROPOSED)


def test_a_link_that_a_person_enters_is_confirmed_at_once(
    database: Database, workspace: int, world: tuple[int, int, list[int]]
) -> None:
    _, feature, (a, *_) = world
    with database.write(workspace=workspace) as session:
        for _ in range(2):
            link = links.add(session, workspace=workspace, theme=a, feature=feature, actor="mira", now=NOON)
        assert (link.state, link.probability, link.decided_by) == (LinkState.CONFIRMED, None, "mira")
        assert len(links.list_links(session, workspace=workspace)) == 1


def test_proposing_and_deciding_ask_for_new_verdicts(
    database: Database, workspace: int, world: tuple[int, int, list[int]]
) -> None:
    release, feature, (a, *_) = world

    def measured(session: Session) -> bool:
        row = session.scalars(select(Work).where(Work.stage == Job.MEASURE, Work.subject == release)).one()
        asked, row.state = row.state is WorkState.READY, WorkState.DONE
        session.flush()
        return asked

    with database.write(workspace=workspace) as session:
        assert measured(session)  # a new release is judged
        assert not measured(session)
        propose(session, workspace, feature, a)
        session.expire_all()
        assert measured(session)
        (link,) = links.list_links(session, workspace=workspace)
        decide(session, workspace, link.id, LinkState.CONFIRMED)
        session.expire_all()
        assert measured(session)


def test_a_release_sees_its_links_confirmed_first_and_at_the_themes_that_stand(
    database: Database, workspace: int, world: tuple[int, int, list[int]]
) -> None:
    release, feature, (a, b, c) = world
    with database.write(workspace=workspace) as session:
        drafts = [proposal(a, feature, 0.6), proposal(b, feature, 0.9), proposal(c, feature, 0.7)]
        links.propose(session, workspace=workspace, feature=feature, drafts=drafts, now=NOON)
        by_theme = {link.theme_id: link.id for link in links.list_links(session, workspace=workspace)}
        decide(session, workspace, by_theme[a], LinkState.CONFIRMED)
        decide(session, workspace, by_theme[c], LinkState.REJECTED)
        factories.merge(session, workspace, 1, 3)
        session.expire_all()
        found = links.of_release(session, workspace=workspace, release=release)
        assert [(each.theme_id, each.link.state) for each in found] == [
            (c, LinkState.CONFIRMED),
            (b, LinkState.PROPOSED),
        ]
        assert links.confirmed_releases(session, workspace=workspace) == {c: {release}}


@pytest.mark.parametrize(("days", "prospective"), [(-3, True), (6, True), (7, False), (30, False)])
def test_a_link_is_prospective_until_the_first_week_can_be_seen(
    database: Database, workspace: int, world: tuple[int, int, list[int]], days: int, prospective: bool
) -> None:
    release, feature, (a, *_) = world
    with database.write(workspace=workspace) as session:
        at = NOON + timedelta(days=days)
        link = links.add(session, workspace=workspace, theme=a, feature=feature, actor="mira", now=at)
        row = session.get_one(Release, release)
        assert links.is_prospective(link, row) is prospective


def test_links_are_listed_by_state_feature_and_theme_page_by_page(
    database: Database, workspace: int, world: tuple[int, int, list[int]]
) -> None:
    _, feature, (a, b, c) = world
    other = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        propose(session, workspace, feature, a, b, c)
        ids = [link.id for link in links.list_links(session, workspace=workspace)]
        decide(session, workspace, ids[0], LinkState.CONFIRMED)

        def listed(**where: object) -> list[int]:
            return [link.id for link in links.list_links(session, workspace=workspace, **where)]  # type: ignore[arg-type]

        assert listed(state=LinkState.PROPOSED) == ids[1:]
        assert listed(feature=feature + 1) == []
        assert listed(theme=b) == [ids[1]]
        assert listed(after=ids[0], limit=1) == [ids[1]]
        factories.merge(session, workspace, 2, 3)
        assert listed(theme=c) == ids[1:]
        assert links.list_links(session, workspace=other) == []
        with pytest.raises(NotFound, match="lnk_"):
            links.get_link(session, workspace=other, link=ids[0])
