"""Suggestions end to end: found by the worker, accepted and declined over HTTP, and how long that holds."""

import pytest
from sqlalchemy import select, update

from models.database import Database
from models.queries import theme_suggestions
from models.queries.theme_log import Author
from models.queries.theme_suggestions import GROWN, Found
from models.records import FeedbackItem, SuggestionState, Theme, ThemeState, ThemeSuggestion
from models.values.suggestions import SuggestionKind
from tests import factories
from tests.clock import NOON
from tests.service.correcting import BOTH, FED, Correcting
from tests.steps import recounted, stored_counts


def waiting(desk: Correcting, kind: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = desk.get(f"theme-suggestions?kind={kind}&limit=500")["items"]
    assert {each["kind"] for each in found} <= {kind}
    return found


def suggested(
    desk: Correcting, kind: SuggestionKind, theme: int | None, other: int | None, items: list[int]
) -> str:
    """Let a suggestion wait, as a run would have found it."""
    with desk.database.write(workspace=desk.workspace) as session:
        made = factories.suggestion(session, desk.workspace, kind=kind, theme=theme, other=other, items=items)
    return f"sug_{made}"


def state_of(desk: Correcting, suggestion: str) -> ThemeSuggestion:
    with desk.database.read(workspace=desk.workspace) as session:
        return session.get_one(ThemeSuggestion, int(suggestion[4:]))


@BOTH
def test_a_split_is_accepted_and_holds_on_either_database(empty_desk: Correcting) -> None:
    desk = empty_desk
    desk.feed(FED)
    a, b = desk.themes()[:2]
    theirs = desk.items_in(b)
    desk.act(a, "move", {"items": [f"fb_{item}" for item in theirs]})
    # Held items are a person's own: no part of them is suggested.
    assert [each for each in waiting(desk, "split") if each["theme"] == f"th_{a}"] == []
    desk.act(a, "undo")
    made = suggested(desk, SuggestionKind.SPLIT, a, None, desk.items_in(a)[:8])
    part = desk.items_in(a)[:8]
    (listed,) = (each for each in waiting(desk, "split") if each["id"] == made)
    assert listed["items"] == [f"fb_{item}" for item in part]
    assert len(listed["evidence"]) == 6  # type: ignore[arg-type]
    done = desk.post(f"theme-suggestions/{made}/accept")
    assert desk.items_in(int(done["created"][3:])) == part
    assert recounted(desk.database) == stored_counts(desk.database)
    desk.feed(60)
    assert set(part) <= set(desk.items_in(int(done["created"][3:])))
    row = state_of(desk, made)
    assert (row.state, f"act_{row.act_id}") == (SuggestionState.ACCEPTED, done["act"])
    entry = next(each for each in desk.get("audit?limit=50")["items"] if each["action"] == "theme.split")
    assert entry["detail"]["suggestion"] == made


def test_a_merge_is_accepted_once_and_can_be_undone(desk: Correcting) -> None:
    a, b = desk.themes()[:2]
    both = sorted([*desk.items_in(a), *desk.items_in(b)])
    made = suggested(desk, SuggestionKind.MERGE, a, b, [])
    (listed,) = (each for each in waiting(desk, "merge") if each["id"] == made)
    assert (listed["label"], listed["other_label"]) == (desk.row(a).label, desk.row(b).label)
    done = desk.post(f"theme-suggestions/{made}/accept")
    assert (done["theme"], desk.items_in(a)) == (f"th_{a}", both)
    refused = desk.post(f"theme-suggestions/{made}/accept", status=409)
    assert "was accepted already by" in refused["detail"]
    desk.post(f"theme-suggestions/{made}/decline", status=409)
    desk.act(a, "undo")
    assert desk.items_in(b)


def test_an_item_goes_to_the_other_theme_and_stays(desk: Correcting) -> None:
    a, b = desk.themes()[:2]
    item = desk.items_in(a)[0]
    made = suggested(desk, SuggestionKind.ITEM, a, b, [item])
    done = desk.post(f"theme-suggestions/{made}/accept")
    assert (done["moved"], desk.places()[item]) == (1, b)
    desk.feed(60)
    assert desk.places()[item] == b


def test_what_changed_since_is_out_of_date(desk: Correcting) -> None:
    a, b, c = desk.themes()[:3]
    item = desk.items_in(a)[0]
    made = suggested(desk, SuggestionKind.ITEM, a, b, [item])
    with desk.database.write(workspace=desk.workspace) as session:
        author = Author("mira", "key_1")
        other = factories.suggestion(session, desk.workspace, theme=a, other=c, items=[item])
        theme_suggestions.accept(session, workspace=desk.workspace, suggestion=other, author=author, now=NOON)
    refused = desk.post(f"theme-suggestions/{made}/accept", status=409)
    assert "out of date" in refused["detail"]
    assert state_of(desk, made).state is SuggestionState.OPEN
    desk.post("theme-suggestions/sug_99999/accept", status=404)


def listed(desk: Correcting) -> dict[str, list[str]]:
    found = desk.get("theme-suggestions?limit=500")["items"]
    return {each["id"]: each["items"] for each in found}


def count(desk: Correcting) -> int:
    with desk.database.read(workspace=desk.workspace) as session:
        return theme_suggestions.count_waiting(session, workspace=desk.workspace)


@pytest.mark.parametrize("gone", [{"withdrawn": True}, {"erased_at": NOON}, {"excluded_by": "spam"}])
def test_items_that_are_gone_are_neither_listed_nor_moved(desk: Correcting, gone: dict[str, object]) -> None:
    a, b = desk.themes()[:2]
    first, second, *rest = desk.items_in(a)
    with desk.database.write(workspace=desk.workspace) as session:
        theme_suggestions.replace_open(session, workspace=desk.workspace, found=[], revision=1, now=NOON)
    alone = suggested(desk, SuggestionKind.ITEM, a, b, [first])
    some = suggested(desk, SuggestionKind.SPLIT, a, None, [first, second, *rest[:3]])
    assert (len(listed(desk)), count(desk)) == (2, 2)
    with desk.database.write(workspace=desk.workspace) as session:
        session.execute(update(FeedbackItem).where(FeedbackItem.id == first).values(**gone))
    assert listed(desk) == {some: [f"fb_{item}" for item in (second, *rest[:3])]}
    assert count(desk) == 1
    refused = desk.post(f"theme-suggestions/{alone}/accept", status=409)
    assert (refused["field"], "deleted since. Decline it." in refused["detail"]) == ("items", True)
    done = desk.post(f"theme-suggestions/{some}/accept")
    assert (done["moved"], desk.places()[first]) == (4, a)


def test_items_that_go_while_a_run_looks_are_not_suggested(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        one, two = (factories.theme(session, workspace, number) for number in (1, 2))
        items = [factories.item(session, workspace, source, external_id=f"T-{each}") for each in range(3)]
        session.get_one(FeedbackItem, items[0]).withdrawn = True
        found = [
            Found(ITEM, one, two, (items[0],), 0.5, 0.05, 9, "Because."),
            Found(SPLIT, one, None, tuple(items), 0.5, None, 9, "Because."),
        ]
        theme_suggestions.replace_open(session, workspace=workspace, found=found, revision=1, now=NOON)
        rows = session.scalars(select(ThemeSuggestion)).all()
        assert [(row.kind, row.item_ids) for row in rows] == [(SPLIT, items[1:])]


@pytest.mark.parametrize("end", ["dismissed", "merged", "retired"])
def test_a_theme_that_ended_meanwhile_takes_nothing_in(desk: Correcting, end: str) -> None:
    a, b, c = desk.themes()[:3]
    item = desk.items_in(a)[0]
    made = suggested(desk, SuggestionKind.ITEM, a, b, [item])
    before = count(desk)
    with desk.database.write(workspace=desk.workspace) as session:
        row = session.get_one(Theme, b)
        row.state = ThemeState(end)
        row.redirect_id = c if end == "merged" else None
    assert made not in listed(desk)
    assert count(desk) < before
    refused = desk.post(f"theme-suggestions/{made}/accept", status=409)
    assert (refused["status"], refused["field"]) == (409, "other")
    assert f"{made} names th_{b}, which" in refused["detail"]
    fix = {
        "dismissed": "undo that dismissal first",
        "merged": f"merged into th_{c} meanwhile: undo that merge first",
        "retired": "pin it first",
    }[end]
    assert f"{fix}, or decline the suggestion." in refused["detail"]
    assert (state_of(desk, made).state, desk.places()[item]) == (SuggestionState.OPEN, a)
    desk.post(f"theme-suggestions/{made}/decline")
    assert state_of(desk, made).state is SuggestionState.DECLINED


def test_a_decline_changes_nothing_and_is_written_down(desk: Correcting) -> None:
    a, b = desk.themes()[:2]
    before = desk.places()
    made = suggested(desk, SuggestionKind.MERGE, a, b, [])
    answer = desk.post(f"theme-suggestions/{made}/decline")
    assert (answer["id"], answer["kind"]) == (made, "merge")
    assert desk.places() == before
    assert made not in {each["id"] for each in desk.get("theme-suggestions")["items"]}
    entry = desk.get("audit?limit=5")["items"][0]
    assert (entry["action"], entry["subject"]) == ("theme_suggestion.decline", made)


def test_the_worker_finds_the_border_and_keeps_to_what_was_declined(desk: Correcting) -> None:
    """Most items of a theme go elsewhere by hand: what is left is on the border, and then is left alone."""
    a, b = desk.themes()[:2]
    inside = desk.items_in(a)
    desk.act(b, "move", {"items": [f"fb_{item}" for item in inside[::2]]})
    found = [
        each for each in waiting(desk, "item") if (each["theme"], each["other"]) == (f"th_{a}", f"th_{b}")
    ]
    assert found
    assert all(float(str(each["margin"])) <= 0.1 for each in found)
    assert {item for each in found for item in each["items"]} <= {f"fb_{item}" for item in inside}  # type: ignore[attr-defined]
    declined = {str(each["id"]) for each in found}
    for each in declined:
        desk.post(f"theme-suggestions/{each}/decline")
    desk.act(a, "rename", {"label": "Another name"})
    desk.act(desk.themes()[2], "pin")  # themes changed: there is a new run
    again = [
        each for each in waiting(desk, "item") if (each["theme"], each["other"]) == (f"th_{a}", f"th_{b}")
    ]
    items = {item for each in found for item in each["items"]}  # type: ignore[attr-defined]
    assert not [each for each in again if items & set(each["items"])]  # type: ignore[call-overload]


def test_a_run_keeps_the_ids_of_what_it_finds_again(desk: Correcting) -> None:
    a, b = desk.themes()[:2]
    desk.act(b, "move", {"items": [f"fb_{item}" for item in desk.items_in(a)[::2]]})
    before = {(str(each["items"]), each["id"]) for each in waiting(desk, "item")}
    assert before
    third = desk.themes()[2]
    part = [f"fb_{item}" for item in desk.items_in(third)[:3]]
    desk.act(third, "split", {"items": part, "label": "Elsewhere"})  # themes changed: there is a new run
    after = {(str(each["items"]), each["id"]) for each in waiting(desk, "item")}
    assert len(before & after) >= len(before) / 2


# --- on what grounds ------------------------------------------------------------------------------------------

ITEM, MERGE, SPLIT = SuggestionKind.ITEM, SuggestionKind.MERGE, SuggestionKind.SPLIT


def told(
    kind: SuggestionKind, theme: int | None, other: int | None, items: range, size: int, margin: float
) -> Found:
    return Found(kind, theme, other, tuple(items), 0.5, margin, size, "Because.")


@pytest.mark.parametrize(
    ("kind", "again", "items", "size", "margin", "is_made"),
    [
        (ITEM, (1, 2), range(1, 3), 100, 0.05, False),
        (ITEM, (1, 2), range(1, 3), 100, -0.2, True),  # the other theme leads by far now
        (ITEM, (1, 3), range(1, 3), 100, 0.05, True),  # another theme
        (ITEM, (1, 2), range(7, 9), 100, 0.05, True),  # other items
        (MERGE, (1, 2), range(0), 100, 0.0, False),
        (MERGE, (2, 1), range(0), 149, 0.0, False),
        (MERGE, (1, 2), range(0), int(GROWN * 100), 0.0, True),
        (MERGE, (1, 3), range(0), 100, 0.0, True),
        (SPLIT, (1, None), range(1, 21), 100, 0.0, False),
        (SPLIT, (1, None), range(1, 28), 100, 0.0, False),  # much the same part
        (SPLIT, (1, None), range(15, 35), 100, 0.0, True),  # another part
        (SPLIT, (2, None), range(1, 21), 100, 0.0, True),
    ],
)
def test_what_was_declined_comes_back_on_new_grounds_alone(
    database: Database,
    workspace: int,
    kind: SuggestionKind,
    again: tuple[int, int | None],
    items: range,
    size: int,
    margin: float,
    is_made: bool,
) -> None:
    first = {ITEM: range(1, 3), MERGE: range(0), SPLIT: range(1, 21)}[kind]
    with database.write(workspace=workspace) as session:
        themes: dict[int | None, int | None] = {
            number: factories.theme(session, workspace, number) for number in (1, 2, 3)
        }
        themes[None] = None
        before = told(kind, themes[1], None if kind is SPLIT else themes[2], first, 100, 0.05)
        later = told(kind, themes[again[0]], themes[again[1]], items, size, margin)
        theme_suggestions.replace_open(session, workspace=workspace, found=[before], revision=1, now=NOON)
        (row,) = theme_suggestions.list_suggestions(session, workspace=workspace)
        author = Author("mira", "key_1")
        theme_suggestions.decline(session, workspace=workspace, suggestion=row.id, author=author, now=NOON)
        theme_suggestions.replace_open(session, workspace=workspace, found=[later], revision=2, now=NOON)
        assert len(theme_suggestions.list_suggestions(session, workspace=workspace)) == is_made
        kept = session.scalars(select(ThemeSuggestion.state).where(ThemeSuggestion.id == row.id)).one()
        assert kept is SuggestionState.DECLINED


def test_a_run_replaces_what_waits(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        one, two = (factories.theme(session, workspace, number) for number in (1, 2))
        first = told(MERGE, one, two, range(0), 100, 0.0)
        second = told(ITEM, one, two, range(1, 2), 100, 0.05)
        theme_suggestions.replace_open(session, workspace=workspace, found=[first], revision=1, now=NOON)
        (kept,) = theme_suggestions.list_suggestions(session, workspace=workspace)
        theme_suggestions.replace_open(
            session, workspace=workspace, found=[first, second], revision=2, now=NOON
        )
        rows = theme_suggestions.list_suggestions(session, workspace=workspace)
        assert [(row.kind, row.revision) for row in rows] == [(ITEM, 2), (MERGE, 2)]
        assert rows[1].id == kept.id
        assert theme_suggestions.count_waiting(session, workspace=workspace) == 2
        theme_suggestions.replace_open(session, workspace=workspace, found=[], revision=3, now=NOON)
        assert theme_suggestions.count_waiting(session, workspace=workspace) == 0
