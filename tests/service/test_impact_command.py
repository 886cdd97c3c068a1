import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from models.errors import Invalid
from service.commands.impact import Meter, app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_plan_says_how_long_in_words_and_in_json() -> None:
    asked = ("plan", "--rate", "0.5", "--exposure", "10000", "--drop")
    words = run(*asked, "50%")
    assert words.exit_code == 0
    assert "35 complaints a week" in words.stdout
    found = json.loads(run(*asked, "0.5", "--json").stdout)
    assert found["drop"] == 0.5
    assert f"can be seen {found['weeks']} weeks after all customers have the release" in words.stdout
    assert f"{found['called']:.0%} of such releases would be called `fell` then." in words.stdout
    assert [row["weeks"] for row in found["smallest_drops"]] == [4, 8, 12, 26, 52]
    for row in found["smallest_drops"]:
        assert f"  {row['weeks']:>11}  {row['drop']:>18.0%}" in words.stdout
    assert words.stderr == ""


@pytest.mark.parametrize(("rate", "enough"), [("0.5", "is enough, 8"), ("0.05", "is not enough here, 7")])
def test_a_fall_that_cannot_be_seen_is_told_what_would_help(rate: str, enough: str) -> None:
    words = run("plan", "--rate", rate, "--exposure", "10000", "--drop", "32.5%", "--noise", "0.15").stdout
    assert "a week cannot be seen within 52 weeks: " in words
    assert "A fall of 32.5% from" in words
    assert "a larger fall: " in words
    assert f"10 times as much {enough}" in words
    assert "a roll-out to some accounts first" in words


@pytest.mark.parametrize("drop", ["0%", "100%", "half", "-20%", "25"])
def test_a_drop_that_is_no_share_is_bad_input(drop: str) -> None:
    result = run("plan", "--rate", "1", "--exposure", "10", f"--drop={drop}")
    assert isinstance(result.exception, Invalid)
    assert "write it as 25%" in result.exception.message


@pytest.mark.parametrize(
    ("option", "value", "fix"),
    [
        ("--rate", "0", "above 0"),
        ("--exposure", "-5", "above 0"),
        ("--noise", "20", "0 to 3, for example 0.2"),
        ("--memory", "1", "below 1, for example 0.5"),
    ],
)
def test_a_number_out_of_bounds_is_bad_input_that_names_the_option(option: str, value: str, fix: str) -> None:
    asked = {"--rate": "1", "--exposure": "10", "--drop": "25%", option: value}
    result = run("plan", *(f"{name}={given}" for name, given in asked.items()))
    assert isinstance(result.exception, Invalid)
    assert result.exception.message.startswith(f"{option} must be ")
    assert fix in result.exception.message
    assert result.exception.field == option.strip("-")


def test_analyze_writes_verdicts_and_keeps_stdout_clean(tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    rows = [f"a,2026-01-{day:02},3,2026-01-20" for day in range(1, 31)]
    source.write_text("\n".join(["series_id,date,count,release_date", *rows]) + "\n")
    result = run("analyze", str(source), "--out", str(out), "--wash-out", "3d")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == f"1 series judged, verdicts in {out}\n"
    assert out.read_text().splitlines()[1].startswith("a,cannot_tell,")


def run_meter(console: Console) -> None:
    seconds = iter([0.0, 1.0, 4.9, 5.0, 9.9, 20.0])
    with Meter(console, clock=lambda: next(seconds)) as meter:
        for judged in (10, 49, 50, 99, 200):
            meter(judged, judged / 200)


def test_a_long_run_without_a_terminal_says_every_few_seconds_how_far_it_is() -> None:
    stream = io.StringIO()
    run_meter(Console(file=stream))
    assert stream.getvalue().splitlines() == [
        "   25% of the file  50 series judged  10/s  15 s left",
        "  100% of the file  200 series judged  10/s  0 s left",
    ]


def test_a_terminal_gets_a_bar_that_leaves_nothing_behind() -> None:
    stream = io.StringIO()
    run_meter(Console(file=stream, force_terminal=True, width=100, legacy_windows=False))
    assert "of the file" not in stream.getvalue()
    assert "100%  200 series judged  10/s  0 s left" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")


@pytest.mark.parametrize(
    ("option", "value"), [("--wash-out", "a week"), ("--looks", "2;4"), ("--looks", "8,4")]
)
def test_bad_options_name_their_fix(tmp_path: Path, option: str, value: str) -> None:
    result = run("analyze", str(tmp_path / "in.csv"), "--out", str(tmp_path / "out.csv"), option, value)
    assert isinstance(result.exception, Invalid)
    assert "write it as" in result.exception.message or "such as 2,4,8" in result.exception.message
