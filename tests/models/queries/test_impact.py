"""Verdicts: immutable, restated by newer views, read as of a moment; quotes cut from stored text."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from models.database import Database, Session
from models.jobs import Job, WorkState
from models.queries import goals, impact, links, withdrawals
from models.records import LinkState, Verdict, Work
from models.values.verdicts import Word
from tests import factories
from tests.clock import NOON
from tests.verdicts import verdict_row


@pytest.fixture
def world(database: Database, workspace: int) -> tuple[int, int]:
    """A release and a theme."""
    with database.write(workspace=workspace) as session:
        return factories.release(session, workspace), factories.theme(session, workspace, 1)


def write(session: Session, workspace: int, release: int, theme: int, **chosen: object) -> int | None:
    row = verdict_row(release, theme, **chosen)
    return impact.write_verdict(session, workspace=workspace, row=row)


def test_the_same_verdict_is_stored_once(database: Database, workspace: int, world: tuple[int, int]) -> None:
    with database.write(workspace=workspace) as session:
        assert write(session, workspace, *world) is not None
        assert write(session, workspace, *world, created_at=NOON + timedelta(days=1)) is None
        assert len(session.scalars(select(Verdict)).all()) == 1


def test_late_data_restate_a_verdict_and_keep_the_older_one(
    database: Database, workspace: int, world: tuple[int, int]
) -> None:
    later = NOON + timedelta(days=1)
    with database.write(workspace=workspace) as session:
        first = write(session, workspace, *world)
        second = write(session, workspace, *world, input_hash="b" * 64, word=Word.ROSE, created_at=later)
        rows = {row.id: row for row in session.scalars(select(Verdict))}
        assert first and second
        assert (rows[first].restates_id, rows[second].restates_id) == (None, first)
        (now,) = impact.latest_verdicts(session, workspace=workspace)
        (then,) = impact.latest_verdicts(session, workspace=workspace, as_of=NOON)
        assert (now.word, then.word) == (Word.ROSE, Word.FELL)
        early = NOON - timedelta(seconds=1)
        assert impact.latest_verdicts(session, workspace=workspace, as_of=early) == []


def test_data_that_are_put_right_again_bring_the_first_verdict_back(
    database: Database, workspace: int, world: tuple[int, int]
) -> None:
    with database.write(workspace=workspace) as session:
        for number, (mark, word) in enumerate((("a", Word.FELL), ("b", Word.ROSE), ("a", Word.FELL))):
            at = NOON + timedelta(days=number)
            written = write(session, workspace, *world, input_hash=mark * 64, word=word, created_at=at)
            assert written is not None
        (now,) = impact.latest_verdicts(session, workspace=workspace)
        assert (now.word, now.restates_id) == (Word.FELL, 2)


def test_the_furthest_look_is_read(database: Database, workspace: int, world: tuple[int, int]) -> None:
    with database.write(workspace=workspace) as session:
        for look, word in ((2, Word.FELL), (1, Word.TOO_EARLY)):
            write(session, workspace, *world, look=look, word=word)
        (found,) = impact.latest_verdicts(session, workspace=workspace)
        assert (found.look, found.word) == (2, Word.FELL)


def test_a_theme_that_was_merged_is_read_under_the_one_that_stands(
    database: Database, workspace: int, world: tuple[int, int]
) -> None:
    release, old = world
    with database.write(workspace=workspace) as session:
        new = factories.theme(session, workspace, 2)
        write(session, workspace, release, old, word=Word.ROSE)
        factories.merge(session, workspace, 1, 2)
        (found,) = impact.latest_verdicts(session, workspace=workspace)
        assert found.theme_key == old  # nothing newer was said
        write(session, workspace, release, new, word=Word.FELL)
        (found,) = impact.latest_verdicts(session, workspace=workspace)
        assert (found.theme_key, found.word) == (new, Word.FELL)


def test_a_rejected_or_withdrawn_link_takes_its_verdict_out_of_sight(
    database: Database, workspace: int, world: tuple[int, int]
) -> None:
    release, theme = world
    with database.write(workspace=workspace) as session:
        feature = factories.feature(session, workspace, of="1.0")
        link = links.add(session, workspace=workspace, theme=theme, feature=feature, actor="mira", now=NOON)
        write(session, workspace, release, theme, link_id=link.id, link_state=LinkState.CONFIRMED)
        assert len(impact.latest_verdicts(session, workspace=workspace)) == 1
        later = NOON + timedelta(days=1)
        links.decide(
            session, workspace=workspace, link=link.id, state=LinkState.REJECTED, actor="mira", now=later
        )
        assert impact.latest_verdicts(session, workspace=workspace) == []
        assert len(impact.latest_verdicts(session, workspace=workspace, as_of=NOON)) == 1


def test_verdicts_of_other_workspaces_and_releases_are_not_read(
    database: Database, workspace: int, world: tuple[int, int]
) -> None:
    other = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        write(session, workspace, *world)
        assert impact.latest_verdicts(session, workspace=other) == []
        assert impact.latest_verdicts(session, workspace=workspace, releases=[999]) == []
        assert impact.latest_verdicts(session, workspace=workspace, releases=[]) == []
        assert len(impact.verdicts_of_theme(session, workspace=workspace, theme=world[1])) == 1


def test_late_data_ask_for_the_releases_whose_window_they_reach(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        old = factories.release(session, workspace, name="old", at=NOON - timedelta(days=100))
        near = factories.release(session, workspace, name="near", at=NOON - timedelta(days=60))
        ahead = factories.release(session, workspace, name="ahead", at=NOON + timedelta(days=5))
        for row in session.scalars(select(Work)):
            row.state = WorkState.DONE
        session.flush()
        impact.mark_releases(session, workspace=workspace, since=NOON.date(), now=NOON)
        session.expire_all()
        ready = select(Work.subject).where(Work.stage == Job.MEASURE, Work.state == WorkState.READY)
        assert set(session.scalars(ready)) == {near, ahead}
        assert old not in set(session.scalars(ready))


def test_events_between_are_those_that_overlap(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        for key, start, end in (("a", 0, 2), ("b", 3, None), ("c", 5, 9), ("d", 9, 12)):
            row = {
                "key": key,
                "kind": "incident",
                "title": key,
                "starts_at": factories.noon(start),
                "ends_at": None if end is None else factories.noon(end),
            }
            goals.put_event(session, workspace=workspace, row=row, now=NOON)
        found = impact.events_between(
            session, workspace=workspace, start=factories.noon(1), end=factories.noon(9)
        )
        assert [event.key for event in found] == ["a", "b", "c"]


def test_quotes_are_cut_from_stored_text_and_erased_ones_left_out(
    database: Database, workspace: int, world: tuple[int, int]
) -> None:
    other = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        first = factories.item(session, workspace, source, text="The export fails.", plan="team")
        second = factories.item(session, workspace, source, external_id="T-2")
        spans: list[dict[str, object]] = [
            {"item": first, "start": 4, "end": 10},
            {"item": second, "start": 0, "end": 3},
            {"item": 999, "start": 0, "end": 3},
        ]
        found = impact.read_quotes(session, workspace=workspace, spans=spans)
        assert [(quote.item, quote.text, quote.plan) for quote in found] == [
            (first, "export", "team"),
            (second, "The", None),
        ]
        withdrawals.withdraw(
            session, workspace=workspace, source=source, external_id="T-2", message_id=None,
            is_redaction=False, changed_at=NOON, now=NOON,
        )  # fmt: skip
        assert len(impact.read_quotes(session, workspace=workspace, spans=spans)) == 1
        assert impact.read_quotes(session, workspace=other, spans=spans) == []


def test_a_day_is_given_as_a_date(database: Database, workspace: int, world: tuple[int, int]) -> None:
    with database.write(workspace=workspace) as session:
        write(session, workspace, *world, judgeable_on=date(2026, 7, 1))
    with database.read(workspace=None) as session:
        assert session.scalars(select(Verdict.judgeable_on)).all() == [date(2026, 7, 1)]
