"""Themes as the stream writes them: births, redirects, assignments, the fence between two writers."""

from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from models.database import Database
from models.errors import Conflict, NotFound
from models.jobs import Job
from models.queries import counts, links, theme_reading, theme_stream, themes, work
from models.queries.theme_stream import Change, Entry
from models.queries.themes import QuoteSpan
from models.records import Arrival, Assignment, FeedbackItem, Theme, ThemeEvent, ThemeState, Work
from models.values.kinds import Kind
from tests import factories
from tests.clock import NOON


@pytest.fixture
def items(database: Database, workspace: int) -> list[int]:
    """Four embedded items of four tickets."""
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        found = [
            factories.item(
                session, workspace, source, external_id=f"T-{n}", at=factories.noon(n), plan="team"
            )
            for n in range(4)
        ]
        factories.vectors(session, workspace, found)
    return found


def test_a_merge_leads_straight_to_the_end(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        a, b, c, d = (factories.theme(session, workspace, number) for number in (1, 2, 3, 4))
        for old, into in ((1, 2), (2, 3), (4, 3)):
            factories.merge(session, workspace, old, into)
        session.expire_all()
        assert themes.redirects(session, workspace=workspace) == {a: c, b: c, d: c}
        rows = {row.id: row.state for row in session.scalars(select(Theme))}
        assert rows == {
            a: ThemeState.MERGED,
            b: ThemeState.MERGED,
            c: ThemeState.ACTIVE,
            d: ThemeState.MERGED,
        }
        assert [theme.id for theme in themes.active_themes(session, workspace=workspace)] == [c]
        assert theme_reading.merged_into(session, workspace=workspace, theme=c) == [a, b, d]


def test_births_and_merges_of_one_batch_are_written_in_order_and_logged(
    database: Database, workspace: int
) -> None:
    changes = [Change("birth", 1, 6), Change("birth", 2, 5), Change("merge", 1, 0, 2), Change("move", 1, 3)]
    with database.write(workspace=workspace) as session:
        ids = theme_stream.apply_changes(session, workspace=workspace, changes=changes, revision=7, now=NOON)
        assert sorted(ids) == [1, 2]
        session.expire_all()
        assert session.get_one(Theme, ids[2]).redirect_id == ids[1]
        assert session.get_one(Theme, ids[1]).born_revision == 7
        log = theme_reading.events_of(session, workspace=workspace, theme=ids[2])
        assert [(event.kind, event.theme_id, event.other_theme_id, event.item_count) for event in log] == [
            ("birth", ids[2], None, 5),
            ("merge", ids[1], ids[2], 0),
        ]
        again = theme_stream.apply_changes(session, workspace=workspace, changes=[], revision=8, now=NOON)
        assert again == ids
        assert len(session.scalars(select(ThemeEvent)).all()) == 4


def test_numbers_of_another_workspace_are_other_themes(database: Database, workspace: int) -> None:
    other = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        ids = [
            theme_stream.apply_changes(
                session, workspace=owner, changes=[Change("birth", 1, 5)], revision=1, now=NOON
            )[1]
            for owner in (workspace, other)
        ]
        assert ids[0] != ids[1]
        with pytest.raises(NotFound, match="th_"):
            themes.get_theme(session, workspace=other, theme=ids[0])


def test_items_arrive_enter_move_and_leave_with_their_history(
    database: Database, workspace: int, items: list[int]
) -> None:
    with database.write(workspace=workspace) as session:
        ids = {number: factories.theme(session, workspace, number) for number in (1, 2)}
        theme_stream.arrive(
            session, workspace=workspace, positions={item: n for n, item in enumerate(items, 1)}
        )
        assert theme_stream.arrived_among(session, workspace=workspace, items=[*items, 999]) == set(items)

        def enter(number: int, revision: int, *chosen: int) -> None:
            entries = [Entry(item, number, 0.8) for item in chosen]
            theme_stream.enter(session, workspace=workspace, entries=entries, ids=ids, revision=revision)

        enter(1, 1, *items)
        enter(2, 2, items[0])
        theme_stream.leave_stream(session, workspace=workspace, items=[items[1]], revision=3)
        assert themes.themes_of_items(session, workspace=workspace, items=items) == {
            items[0]: ids[2],
            items[2]: ids[1],
            items[3]: ids[1],
        }
        session.expire_all()
        history = session.scalars(
            select(Assignment).where(Assignment.item_id == items[0]).order_by(Assignment.id)
        )
        assert [(row.theme_id, row.from_revision, row.until_revision) for row in history] == [
            (ids[1], 1, 2),
            (ids[2], 2, None),
        ]
        arrived = {row.item_id: row.theme_number for row in session.scalars(select(Arrival))}
        assert arrived == {items[0]: 2, items[2]: 1, items[3]: 1}


def test_an_item_that_enters_twice_in_a_batch_is_where_it_entered_last(
    database: Database, workspace: int, items: list[int]
) -> None:
    with database.write(workspace=workspace) as session:
        ids = {number: factories.theme(session, workspace, number) for number in (1, 2)}
        theme_stream.arrive(session, workspace=workspace, positions={items[0]: 1})
        entries = [Entry(items[0], 1, 0.5), Entry(items[0], 2, 0.9)]
        for _ in range(2):  # a batch that is written again changes nothing
            theme_stream.enter(session, workspace=workspace, entries=entries, ids=ids, revision=1)
        session.expire_all()
        (row,) = session.scalars(select(Assignment)).all()
        assert (row.theme_id, row.score, row.until_revision) == (ids[2], 0.9, None)


def test_leaving_takes_the_count_of_an_item_back(
    database: Database, workspace: int, items: list[int]
) -> None:
    with database.write(workspace=workspace) as session:
        session.get_one(FeedbackItem, items[0]).counted = True
        session.flush()
        theme_stream.leave_stream(session, workspace=workspace, items=items[:1], revision=1)
        session.expire_all()
        assert not session.get_one(FeedbackItem, items[0]).counted


def test_the_stream_is_read_in_order_of_arrival_without_what_waits_to_be_placed_anew(
    database: Database, workspace: int, items: list[int]
) -> None:
    with database.write(workspace=workspace) as session:
        positions = {item: 10 - n for n, item in enumerate(items)}
        theme_stream.arrive(session, workspace=workspace, positions=positions)
        encoder = factories.vectors(session, workspace, items)
        found = theme_stream.stream_items(session, workspace=workspace, encoder=encoder)
        assert [(row.item, row.position) for row in found] == sorted(
            positions.items(), key=lambda pair: pair[1]
        )
        work.enqueue(session, workspace=workspace, stage=Job.PLACE, subject=items[1], version=2, run_at=NOON)
        found = theme_stream.stream_items(session, workspace=workspace, encoder=encoder)
        assert items[1] not in {row.item for row in found}
        assert theme_stream.stream_items(session, workspace=workspace, encoder=encoder + 1) == []


def test_two_writers_of_one_stream_are_told_apart(database: Database, workspace: int) -> None:
    def write(before: int) -> None:
        with database.write(workspace=workspace) as session:
            theme_stream.write_stream(
                session, workspace=workspace, before=before, revision=before, state={"n": before}
            )

    with database.read(workspace=None) as session:
        assert theme_stream.read_stream(session, workspace=workspace).version == 0
    write(0)
    with pytest.raises(Conflict):
        write(0)
    write(1)
    with pytest.raises(Conflict):
        write(1)
    with database.read(workspace=None) as session:
        row = theme_stream.read_stream(session, workspace=workspace)
    assert (row.version, row.revision, row.state) == (2, 1, {"n": 1})


def test_members_are_items_that_can_be_read_at_the_themes_that_stand(
    database: Database, workspace: int, items: list[int]
) -> None:
    with database.write(workspace=workspace) as session:
        old, new = (factories.theme(session, workspace, number) for number in (1, 2))
        factories.assign(session, workspace, items[:2], old)
        factories.assign(session, workspace, items[2:], new)
        factories.merge(session, workspace, 1, 2)
        session.get_one(FeedbackItem, items[3]).withdrawn = True
        session.get_one(FeedbackItem, items[0]).kind = Kind.PRAISE
        session.flush()
        encoder = factories.vectors(session, workspace, items)
        found = themes.members(session, workspace=workspace, encoder=encoder)
        assert [(row.item, row.theme, row.is_complaint) for row in found] == [
            (items[0], new, False),
            (items[1], new, True),
            (items[2], new, True),
        ]
        days = themes.days_of_theme(session, workspace=workspace, theme=new)
        assert sorted(days) == [factories.noon(number) for number in range(4)]


def test_a_label_replaces_the_quotes_before(database: Database, workspace: int, items: list[int]) -> None:
    with database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        for quotes in ([QuoteSpan(items[0], 0, 3), QuoteSpan(items[1], 0, 3)], [QuoteSpan(items[2], 4, 10)]):
            themes.write_label(
                session,
                workspace=workspace,
                theme=theme,
                label="x" * 400,
                keywords=["export"],
                quotes=quotes,
                size=4,
            )
            session.flush()
        row = session.get_one(Theme, theme)
        assert (len(row.label or ""), row.keywords, row.labelled_size) == (300, ["export"], 4)
        assert theme_reading.spans(session, workspace=workspace, theme=theme) == [
            {"item": items[2], "start": 4, "end": 10}
        ]


def test_themes_without_items_are_retired_and_come_back_with_them(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        a, b, c = (factories.theme(session, workspace, number) for number in (1, 2, 3))
        factories.merge(session, workspace, 3, 1)

        def states(filled: set[int]) -> list[ThemeState]:
            themes.retire_empty(session, workspace=workspace, filled=filled)
            session.flush()
            session.expire_all()
            return [session.get_one(Theme, number).state for number in (a, b, c)]

        assert states({a}) == [ThemeState.ACTIVE, ThemeState.RETIRED, ThemeState.MERGED]
        assert states({a, b}) == [ThemeState.ACTIVE, ThemeState.ACTIVE, ThemeState.MERGED]


def test_every_feature_is_asked_for_new_links(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        ids = {factories.feature(session, workspace, name=name) for name in ("a", "b")}
        for row in session.scalars(select(Work)):
            session.delete(row)
        session.flush()
        links.ask_for_links(session, workspace=workspace, now=NOON)
        assert {row.subject for row in session.scalars(select(Work))} == ids


def test_numbers_of_themes_add_up_from_their_days(
    database: Database, workspace: int, items: list[int]
) -> None:
    with database.write(workspace=workspace) as session:
        theme, empty = (factories.theme(session, workspace, n, label=f"theme {n}") for n in (1, 2))
        factories.assign(session, workspace, items, theme)
        days = {factories.day(number) for number in range(4)}
        counts.recompute(session, workspace=workspace, theme=theme, days=days, zone=ZoneInfo("UTC"))
        session.flush()
        found = theme_reading.numbers_of(session, workspace=workspace, recent_since=factories.day(3))
        assert (found[theme].items, found[theme].complaints, found[theme].recent) == (4, 4, 1)
        assert found[empty] == theme_reading.ThemeNumbers()
        listed = theme_reading.list_themes(
            session,
            workspace=workspace,
            state=ThemeState.ACTIVE,
            words="THEME",
            recent_since=factories.day(0),
        )
        assert [row.id for row, _ in listed] == [theme, empty]
        totals = theme_reading.quote_totals(session, workspace=workspace, theme=theme)
        assert (totals.complaints, totals.folded, totals.gone) == (4, 0, 0)
        assert theme_reading.kinds_of(session, workspace=workspace, theme=theme) == {Kind.COMPLAINT: 4}
