"""Why a message is counted or not: the same rule in Python, in SQL and in words."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text

from models.database import Database, Session
from models.queries import counting, counts, groups, overview, tickets
from models.queries.tickets import TicketFilter
from models.records import Assignment, FeedbackItem, Theme, ThemeState
from models.values.feedback import AuthorRole
from models.values.kinds import Kind
from tests import factories
from tests.clock import NOON
from tests.query_world import ZONE

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def counted(session: Session, workspace: int, themes: dict[str, list[int]]) -> set[int]:
    for number, (_, items) in enumerate(sorted(themes.items()), 1):
        theme = factories.theme(session, workspace, number)
        factories.assign(session, workspace, items, theme)
        counts.recompute(session, workspace=workspace, theme=theme, days={NOON.date()}, zone=ZONE)
    session.flush()
    return set(session.scalars(select(FeedbackItem.id).where(FeedbackItem.counted)))


def why(session: Session, workspace: int, item: int) -> str:
    return counting.why_counted(session, workspace=workspace, items=[item])[item]


def test_a_person_counts_once_on_each_theme_of_a_ticket(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        # Stored in another order than written.
        later, first, other, colleague = (
            factories.item(session, workspace, source, message_id=name, person=who, created_at=at)
            for name, who, at in (
                ("7", "ann", LATER), ("0", "ann", NOON), ("8", "ann", LATER), ("9", "bob", LATER),
            )
        )  # fmt: skip
        assert counted(session, workspace, {"a": [later, first, colleague], "b": [other]}) == {
            first,
            other,
            colleague,
        }
        assert why(session, workspace, first) == counting.COUNTED
        assert why(session, workspace, later) == (
            f"not counted: a follow-up of fb_{first}, the same person's first complaint on this theme in this ticket"
        )


def test_a_complaint_of_nobody_known_is_a_further_word_of_those_who_are(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        nobody = factories.item(session, workspace, source)
        ann = factories.item(session, workspace, source, message_id="7", person="ann", created_at=LATER)
        assert counted(session, workspace, {"a": [nobody, ann]}) == {ann}
        assert f"author is unknown, and fb_{ann}" in why(session, workspace, nobody)
        assert sum(counts.totals(session, workspace=workspace, zone=ZONE).values()) == 1


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"kind": Kind.PRAISE}, "it is praise, not a complaint"),
        ({"kind": Kind.REQUEST}, "it is a request, not a complaint"),
        ({"kind": None}, "nobody has read"),
        ({"author_role": AuthorRole.AGENT}, "relayed by staff"),
        ({"author_role": AuthorRole.BOT}, "written by a machine"),
        ({}, "it is in none yet"),
    ],
)
def test_the_reason_is_said_in_words(
    database: Database, workspace: int, source: int, chosen: dict[str, object], words: str
) -> None:
    with database.write(workspace=workspace) as session:
        number = factories.item(session, workspace, source, **chosen)  # type: ignore[arg-type]
        assert words in why(session, workspace, number)
        is_complaint = words == "it is in none yet"
        assert sum(counts.totals(session, workspace=workspace, zone=ZONE).values()) == is_complaint


def test_the_words_say_of_each_message_in_no_theme_what_the_total_holds(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        asked, angry, again, colleague = (
            factories.item(session, workspace, source, message_id=name, person=who, created_at=at, kind=kind)
            for name, who, at, kind in (
                ("0", "ann", NOON, Kind.QUESTION),
                ("7", "ann", LATER, Kind.COMPLAINT),
                ("8", "ann", LATER + timedelta(hours=1), Kind.COMPLAINT),
                ("9", "bob", LATER + timedelta(hours=2), Kind.COMPLAINT),
            )
        )
        firsts = {item for item, _ in session.execute(counting.first_complaints(workspace, set()))}
        assert firsts == {angry, colleague}
        held = {
            item for item in (asked, angry, again, colleague) if "the total" in why(session, workspace, item)
        }
        assert held == firsts
        assert why(session, workspace, again) == (
            f"not counted: a follow-up of fb_{angry}, the same person's first complaint in this ticket, in no theme of its own"
        )


def test_a_merged_ticket_says_into_which(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        number = factories.item(session, workspace, source)
        session.get_one(FeedbackItem, number).merged_into = "T-9"
        session.flush()
        assert counted(session, workspace, {"a": [number]}) == set()
        assert why(session, workspace, number) == "not counted: merged into ticket T-9"
        assert counts.totals(session, workspace=workspace, zone=ZONE) == {}


@pytest.mark.parametrize("is_counted", [False, True])
def test_every_total_leaves_out_what_staff_relayed_where_its_source_does(
    database: Database, workspace: int, is_counted: bool
) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace, settings={"count_relayed": is_counted})
        factories.item(session, workspace, source, author_role=AuthorRole.AGENT, person="ann")
        listed = TicketFilter(kind=Kind.COMPLAINT, counted=True)
        found = [
            sum(counts.totals(session, workspace=workspace, zone=ZONE).values()),
            sum(overview.complaints_by_day(session, workspace=workspace, zone=ZONE, since=NOON).values()),
            tickets.count_tickets(session, workspace=workspace, where=listed),
            groups.count_people(session, workspace=workspace),
        ]
        assert found == [is_counted] * 4


def test_noise_is_found_by_its_few_themes_and_counts_for_nothing(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        names = ("plain", "noise", "merged", "free")
        items = {name: factories.item(session, workspace, source, external_id=name) for name in names}
        plain, noise = (factories.theme(session, workspace, number) for number in (1, 2))
        merged = factories.theme(session, workspace, 3, into=noise)
        session.get_one(Theme, noise).state = ThemeState.DISMISSED
        for name, theme in (("plain", plain), ("noise", noise), ("merged", merged)):
            factories.assign(session, workspace, [items[name]], theme)
        others = [factories.theme(session, workspace, number) for number in range(10, 110)]
        held = {"workspace_id": workspace, "item_id": items["plain"], "score": 1.0, "until_revision": None}
        rows = [{**held, "theme_id": others[at % 100], "from_revision": 2 + at} for at in range(8_000)]
        session.execute(insert(Assignment), rows)
        query = select(FeedbackItem.id).where(counting.eligible(workspace, set()))
        assert set(session.scalars(query)) == {items["plain"], items["free"]}
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        if not is_sqlite:  # which plans without statistics
            session.execute(text("ANALYZE assignment, theme"))
        statement = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plan = [str(row) for row in session.connection().exec_driver_sql(f"{explain} {statement}")]
    assert any("ix_assignment_theme_open" in line for line in plan), plan
    assert not any("SCAN assignment" in line or "Seq Scan on assignment" in line for line in plan), plan
