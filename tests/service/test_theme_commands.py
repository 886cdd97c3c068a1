"""`ebb themes merge` and the other acts, as somebody runs them: what is done, printed, and refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from models.database import Database
from models.queries import workspaces
from models.records import Theme, ThemeState
from models.values.suggestions import SuggestionKind
from tests import factories
from tests.workers.tickets import open_assignments

Run = Callable[..., int]


@pytest.fixture
def said(ready: Run, opened: Database, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run `ebb themes`, expect an exit code, and return what was printed as JSON, or the line on stderr."""
    with opened.read(workspace=None) as session:
        (owner,) = workspaces.list_workspaces(session)
        workspace = owner.id
    with opened.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        made = [factories.item(session, workspace, source, external_id=f"T{at}") for at in range(8)]
        one, two = (factories.theme(session, workspace, number, label=f"theme {number}") for number in (1, 2))
        factories.assign(session, workspace, made[:5], one)
        factories.assign(session, workspace, made[5:], two)
    capsys.readouterr()

    def run(*arguments: str, code: int = 0) -> Any:
        assert ready("themes", *arguments, *(["--json"] if code == 0 else [])) == code
        told = capsys.readouterr()
        return json.loads(told.out) if code == 0 else told.err

    return run


def test_each_act_is_done_and_undone(said: Callable[..., Any], opened: Database) -> None:
    before = open_assignments(opened)
    assert said("split", "th_1", "--item", "fb_1", "--item", "fb_2", "--label", "Small")["others"] == ["th_3"]
    assert said("move", "fb_8", "--into", "th_1")["moved"] == 1
    assert said("rename", "th_1", "Exports")["act"] == "act_3"
    assert said("merge", "th_2", "--into", "th_1")["moved"] == 2
    assert said("pin", "th_1")["theme"] == "th_1"
    assert said("seed", "Refunds", "--description", "Money back", "--example", "Refund me")["theme"] == "th_4"
    assert said("dismiss", "th_3")["theme"] == "th_3"
    places = open_assignments(opened)
    assert [places[item] for item in range(1, 9)] == [3, 3, 1, 1, 1, 1, 1, 1]
    listed = said("acts")
    assert [each["id"] for each in listed] == [f"act_{number}" for number in range(7, 0, -1)]
    assert "the split of th_1 into th_3 by command line" in listed[-1]["act"]
    assert said("unpin", "th_1")["act"] == "act_8"
    assert said("undo", "th_3")["theme"] == "th_3"
    for act in ("act_6", "act_4", "act_3", "act_2", "act_1"):
        said("undo", "th_4" if act == "act_6" else "th_1", "--act", act)
    assert open_assignments(opened) == before
    with opened.read(workspace=None) as session:
        assert {row: session.get_one(Theme, row).state for row in (1, 2, 3, 4)} == {
            1: ThemeState.ACTIVE,
            2: ThemeState.ACTIVE,
            3: ThemeState.MERGED,
            4: ThemeState.RETIRED,
        }
    assert said("acts", "--theme", "th_2")[0]["undone_by"] is None  # the latest is an undoing itself


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("merge", "th_1", "--into", "th_1"), "th_1 is that theme already"),
        (("merge", "th_9", "--into", "th_1"), "There is no theme th_9"),
        (("merge", "fb_1", "--into", "th_1"), "ids here start with th_"),
        (("rename", "th_1", "  "), "1 to 200 characters"),
        (("split", "th_1", "--item", "fb_6"), "fb_6 is not in th_1"),
        (("split", "th_1", "--item", "fb_99"), "There is no item fb_99"),
        (("move", "fb_1", "--into", "th_1"), "in th_1 already"),
        (("undo", "th_1"), "nothing to undo"),
        (("unpin", "th_1"), "not pinned"),
    ],
)
def test_bad_acts_are_one_line_and_exit_2(
    said: Callable[..., Any], opened: Database, arguments: tuple[str, ...], told: str
) -> None:
    before = open_assignments(opened)
    line = said(*arguments, code=2)
    assert told in line
    assert line.count("\n") == 1
    assert open_assignments(opened) == before


def test_acts_are_said_in_words(
    said: Callable[..., Any], ready: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ready("themes", "acts") == 0
    assert "Nobody has changed a theme yet." in capsys.readouterr().out
    assert ready("themes", "merge", "th_2", "--into", "th_1") == 0
    assert "Done: act_1, the merge of th_1 with th_2 by command line" in capsys.readouterr().out
    assert ready("themes", "undo", "th_1") == 0
    capsys.readouterr()
    assert ready("themes", "acts") == 0
    assert "(undone by act_2)" in capsys.readouterr().out


def test_suggestions_are_listed_by_kind(
    said: Callable[..., Any], ready: Run, opened: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said("suggestions") == []
    assert ready("themes", "suggestions") == 0
    assert "Nothing waits for you" in capsys.readouterr().out
    with opened.read(workspace=None) as session:
        workspace = workspaces.list_workspaces(session)[0].id
    with opened.write(workspace=workspace) as session:
        factories.suggestion(session, workspace, theme=1, other=2, items=[3])
        factories.suggestion(session, workspace, kind=SuggestionKind.SPLIT, theme=1, other=None, items=[1, 2])
        factories.suggestion(session, workspace, kind=SuggestionKind.MERGE, theme=1, other=2, margin=None)
        factories.suggestion(session, workspace, theme=None, other=2, items=[4], margin=-0.1)
    told = said("suggestions")
    assert [(each["kind"], each["theme"], each["other"], each["items"]) for each in told] == [
        ("item", "th_1", "th_2", ["fb_3"]),
        ("item", None, "th_2", ["fb_4"]),
        ("merge", "th_1", "th_2", []),
        ("split", "th_1", None, ["fb_1", "fb_2"]),
    ]
    assert [each["id"] for each in said("suggestions", "--kind", "merge")] == ["sug_3"]
    assert ready("themes", "suggestions") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    for line, words in zip(
        lines,
        (
            "move fb_3 from “theme 1” to “theme 2”?",
            "put fb_4 into “theme 2”?",
            "merge “theme 2” into “theme 1”?",
            "split 2 items from “theme 1”?",
        ),
        strict=True,
    ):
        assert words in line
