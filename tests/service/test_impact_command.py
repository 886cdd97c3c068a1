import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from models.errors import Invalid
from service.commands.impact import app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_plan_says_how_long_in_words_and_in_json() -> None:
    asked = ("plan", "--rate", "0.5", "--exposure", "10000", "--drop")
    words = run(*asked, "50%")
    assert words.exit_code == 0
    assert "35 complaints a week" in words.stdout
    found = json.loads(run(*asked, "0.5", "--json").stdout)
    assert found["drop"] == 0.5
    assert f"in {found['weeks']} weeks" in words.stdout
    assert [row["weeks"] for row in found["smallest_drops"]] == [4, 8, 12, 26, 52]
    assert "not within 52 weeks" in run(*asked, "1%").stdout


@pytest.mark.parametrize("drop", ["0%", "100%", "half", "-20%", "25"])
def test_a_drop_that_is_no_share_is_bad_input(drop: str) -> None:
    result = run("plan", "--rate", "1", "--exposure", "10", f"--drop={drop}")
    assert isinstance(result.exception, Invalid)
    assert "write it as 25%" in result.exception.message


def test_rates_below_zero_are_bad_input() -> None:
    result = run("plan", "--rate", "0", "--exposure", "10", "--drop", "25%")
    assert isinstance(result.exception, Invalid)
    assert "rate and exposure" in result.exception.message


def test_analyze_writes_verdicts_and_keeps_stdout_clean(tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    rows = [f"a,2026-01-{day:02},3,2026-01-20" for day in range(1, 31)]
    source.write_text("\n".join(["series_id,date,count,release_date", *rows]) + "\n")
    result = run("analyze", str(source), "--out", str(out), "--wash-out", "3d")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "1 series judged" in result.stderr
    assert out.read_text().splitlines()[1].startswith("a,cannot_tell,")


@pytest.mark.parametrize(
    ("option", "value"), [("--wash-out", "a week"), ("--looks", "2;4"), ("--looks", "8,4")]
)
def test_bad_options_name_their_fix(tmp_path: Path, option: str, value: str) -> None:
    result = run("analyze", str(tmp_path / "in.csv"), "--out", str(tmp_path / "out.csv"), option, value)
    assert isinstance(result.exception, Invalid)
    assert "write it as" in result.exception.message or "such as 2,4,8" in result.exception.message
