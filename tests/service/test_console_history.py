"""The history on a theme's page: what refits did stands in few lines, and hides no act of a person."""

import pytest

from models.database import Database
from models.queries import theme_history, theme_stream
from models.queries.theme_stream import Change
from models.records import Theme, ThemeEvent
from models.values.roles import Role
from tests import factories
from tests.clock import NOON
from tests.console_site import read, signed_in
from tests.console_world import World
from tests.service.test_console_curation import Curator


@pytest.fixture
def curator(fresh: Database, world: World) -> Curator:
    return Curator(fresh, world)


def refit(curator: Curator, revision: int, *, merges: int = 0, moves: int = 0) -> list[int]:
    """Let a refit merge new themes into the first one and move messages to it; return the themes that went."""
    world = curator.world
    with curator.database.write(workspace=world.workspace) as session:
        into = session.get_one(Theme, world.themes[0]).number
        numbers = [1000 * revision + each for each in range(merges)]
        gone = [
            factories.theme(session, world.workspace, number, label=f"part {number}") for number in numbers
        ]
        changes = [Change("merge", into, 3, other) for other in numbers]
        changes += [Change("move", into, 2)] * moves
        theme_stream.apply_changes(
            session, workspace=world.workspace, changes=changes, revision=revision, now=NOON
        )
    return gone


def test_the_merges_of_a_revision_are_one_line_that_opens(curator: Curator) -> None:
    theme = curator.world.themes[0]
    gone = refit(curator, 90, merges=12, moves=1)
    page = read(curator.client, f"/themes/th_{theme}")
    assert "took in 12 themes" in page.text
    assert page.text.count("revision 90") == 2
    assert "36 messages" in page.text
    assert "took over messages of a neighbour 2 messages" in page.text
    for number, other in zip(range(90_000, 90_012), gone, strict=True):
        assert f"“part {number}” (th_{other}), 3 messages" in page.text
    html = curator.client.get(f"/themes/th_{theme}").text
    assert '<details class="parts"><summary>took in 12 themes</summary>' in html


def test_a_single_event_is_told_as_before(curator: Curator) -> None:
    (gone,) = refit(curator, 91, merges=1)
    text = read(curator.client, f"/themes/th_{curator.world.themes[0]}").text
    assert f"took in “part 91000” (th_{gone}) 3 messages" in text
    refit(curator, 92, moves=5)
    text = read(curator.client, f"/themes/th_{curator.world.themes[0]}").text
    assert "took over messages of neighbours 5 times" in text


def test_no_act_is_pushed_out_by_refits(curator: Curator) -> None:
    theme = curator.world.themes[0]
    curator.press(f"/themes/th_{theme}/rename", label="Exports break")
    for revision in range(100, 150):
        refit(curator, revision, merges=3)
    text = read(curator.client, f"/themes/th_{theme}").text
    assert "was renamed" in text
    assert text.count("took in 3 themes") == theme_history.MOST_GROUPS
    with curator.database.read(workspace=curator.world.workspace) as session:
        found = theme_history.history_of(session, workspace=curator.world.workspace, theme=theme)
        assert [entry.count for entry in found if entry.revision >= 100] == [3] * theme_history.MOST_GROUPS
        assert found[-1].kind == "rename"


def test_readers_of_aggregates_hear_how_many_and_not_which(curator: Curator) -> None:
    gone = refit(curator, 93, merges=4)
    leader = signed_in(curator.database, curator.world.workspace, role=Role.AGGREGATE_ONLY)
    text = read(leader, f"/themes/th_{curator.world.themes[0]}").text
    assert "took in 4 themes" in text
    assert "part 93" not in text
    assert not any(f"th_{other}" in text for other in gone)


def test_very_many_events_are_counted_and_the_newest_named(
    curator: Curator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(theme_history, "MOST_NAMED", 7)
    refit(curator, 94, merges=5)
    refit(curator, 95, merges=150)
    with curator.database.read(workspace=curator.world.workspace) as session:
        found = theme_history.history_of(
            session, workspace=curator.world.workspace, theme=curator.world.themes[0]
        )
    counts = {entry.revision: (entry.count, len(entry.events)) for entry in found}
    assert (counts[94], counts[95]) == ((5, 1), (150, 7))
    assert "and 143 more" in read(curator.client, f"/themes/th_{curator.world.themes[0]}").text


def test_a_theme_that_was_taken_in_says_by_which(curator: Curator) -> None:
    world = curator.world
    with curator.database.write(workspace=world.workspace) as session:
        session.add(
            ThemeEvent(
                workspace_id=world.workspace,
                revision=96,
                kind="merge",
                theme_id=world.themes[1],
                other_theme_id=world.themes[0],
                item_count=3,
                at=NOON,
            )
        )
    text = read(curator.client, f"/themes/th_{world.themes[0]}").text
    assert f"was taken in by “{curator.row(world.themes[1]).label}”" in text
