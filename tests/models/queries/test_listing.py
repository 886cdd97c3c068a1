"""Reading feedback: filters, whole words, pages without gaps or repeats."""

import pytest

from models.database import Database, Session
from models.queries import listing, search
from models.queries.listing import FeedbackFilter, Place
from models.records import FeedbackItem
from models.values.kinds import Kind
from tests import factories

TEXTS = (
    "The export fails on Mondays.",
    "Our invoice_2026 is wrong; the Export too.",
    "Das Größenfeld fehlt beim Exportieren.",
    "Please add dark mode, it would be naïve not to.",
)


@pytest.fixture
def world(database: Database, workspace: int) -> list[int]:
    """Four items, a day apart, oldest first."""
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        return [
            factories.item(session, workspace, source, external_id=f"T-{n}", at=factories.noon(n), text=text)
            for n, text in enumerate(TEXTS)
        ]


def found(
    session: Session, workspace: int, limit: int = 100, after: Place | None = None, **where: object
) -> list[int]:
    rows = listing.list_feedback(
        session,
        workspace=workspace,
        where=FeedbackFilter(**where),  # type: ignore[arg-type]
        after=after,
        limit=limit,
    )
    return [item.id for item, _ in rows]


@pytest.mark.parametrize(
    ("words", "positions"),
    [
        ("export", [1, 0]),
        ("EXPORT fails", [0]),
        ("fails export", [0]),
        ("invoice_2026", [1]),
        ("größenfeld", [2]),
        ("naïve", [3]),
        ("expo", []),
        ("nothing", []),
        ("???", []),
        ('"', []),
        ("export OR invoice", []),
        ("export* NOT x", []),
        ("dark mode, it", [3]),
    ],
)
def test_every_word_must_stand_in_the_item(
    database: Database, workspace: int, world: list[int], words: str, positions: list[int]
) -> None:
    with database.read(workspace=workspace) as session:
        assert found(session, workspace, words=words) == [world[n] for n in positions]


def test_a_text_that_was_replaced_is_no_longer_found(
    database: Database, workspace: int, world: list[int]
) -> None:
    with database.write(workspace=workspace) as session:
        search.index_item(session, workspace=workspace, item=world[0], content="The refund is late.")
        assert found(session, workspace, words="fails") == []
        assert found(session, workspace, words="refund") == [world[0]]
        search.index_item(session, workspace=workspace, item=world[0], content="  ")
        assert found(session, workspace, words="refund") == []


def test_filters_narrow_the_list(database: Database, workspace: int, world: list[int]) -> None:
    with database.write(workspace=workspace) as session:
        old, new = (factories.theme(session, workspace, number) for number in (1, 2))
        factories.assign(session, workspace, world[:1], old)
        factories.assign(session, workspace, world[1:2], new)
        factories.merge(session, workspace, 1, 2)
        session.get_one(FeedbackItem, world[0]).counted = True
        session.get_one(FeedbackItem, world[3]).kind = Kind.REQUEST
        session.flush()
        assert found(session, workspace) == world[::-1]
        assert found(session, workspace, external_id="T-2") == [world[2]]
        assert found(session, workspace, source=999) == []
        assert found(session, workspace, kind=Kind.REQUEST) == [world[3]]
        assert found(session, workspace, counted=True) == [world[0]]
        assert found(session, workspace, counted=False) == world[:0:-1]
        assert found(session, workspace, since=factories.noon(1), until=factories.noon(3)) == [
            world[2],
            world[1],
        ]
        assert found(session, workspace, theme=new) == [world[1], world[0]]
        assert found(session, workspace, theme=old) == [world[1], world[0]]  # an old id never breaks
        assert listing.themes_of(session, workspace=workspace, items=world) == {world[0]: new, world[1]: new}


def test_other_workspaces_and_deleted_items_are_not_listed(
    database: Database, workspace: int, world: list[int]
) -> None:
    other = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        session.get_one(FeedbackItem, world[0]).withdrawn = True
        session.flush()
        assert found(session, workspace) == world[:0:-1]
        assert found(session, other) == []
        assert found(session, other, words="export") == []


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_have_no_gaps_and_no_repeats(database: Database, workspace: int, size: int) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        ids = [
            # Several items share a moment.
            factories.item(session, workspace, source, external_id=f"T-{n}", at=factories.noon(n // 3))
            for n in range(10)
        ]
    seen: list[int] = []
    after: Place | None = None
    with database.read(workspace=workspace) as session:
        while True:
            rows = listing.list_feedback(
                session, workspace=workspace, where=FeedbackFilter(), after=after, limit=size
            )
            if not rows:
                break
            seen += [item.id for item, _ in rows]
            last = rows[-1][0]
            after = Place(last.created_at, last.id)
    assert seen == sorted(ids, key=lambda n: (ids.index(n) // 3, n), reverse=True)
