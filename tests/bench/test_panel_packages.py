"""The exchange with a CausalImpact package, tried with a stand-in for the package that says what it was given."""

import csv
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.panel.packages.driver import PACKAGES, VARIABLE, ask, interpreter, read_answers, write_series
from bench.panel.regimes import Regime
from bench.panel.series import Panel, draw
from bench.report import Skipped

STAND_IN = """
class CausalImpact:
    def __init__(self, data, before, after):
        y, x = data["y"], data["x"]
        with open({calls!r}, "a") as log:
            log.write("x")
        if max(y) > 1e6:
            raise ValueError("too much for me")
        first, last = slice(before[0], before[1] + 1), slice(after[0], after[1] + 1)
        fall = sum(y[last]) / len(y[last]) / (sum(y[first]) / len(y[first])) - 1
        self.p_value = sum(x[last])
        self.summary_data = {{
            "average": {{"rel_effect": fall, "rel_effect_lower": fall - 0.25, "rel_effect_upper": fall + 0.5}}
        }}
"""
PANDAS = "def DataFrame(columns):\n    return columns\n"


@pytest.fixture
def panel() -> Panel:
    return draw(Regime(5.5), ratio=0.5, count=3, seed=41)


@pytest.fixture
def peers(tmp_path: Path) -> Path:
    """Make a folder of environments whose one package is the stand-in; it writes an x per call to `calls`."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "causalimpact.py").write_text(STAND_IN.format(calls=str(tmp_path / "calls")))
    (modules / "pandas.py").write_text(PANDAS)
    python = tmp_path / "peers" / "pycausalimpact" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH={modules} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return tmp_path / "peers"


def test_a_package_gets_weekly_rates_without_the_wash_out(panel: Panel, tmp_path: Path) -> None:
    write_series(panel, tmp_path / "s.npz")
    held = np.load(tmp_path / "s.npz")
    assert held["rate"].shape == held["control"].shape == (3, 26 + 7)
    assert held["before"] == 26
    last, eighth = slice(175, 182), slice(189, 196)
    expected = 7000 * panel.counts[1, eighth].sum() / panel.exposure[1, eighth].sum()
    assert held["rate"][1, 26] == pytest.approx(expected)
    expected = 7000 * panel.control[2, last].sum() / panel.exposure[2, last].sum()
    assert held["control"][2, 25] == pytest.approx(expected)


def test_answers_come_back_as_ratios_and_are_not_asked_for_twice(
    panel: Panel, peers: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    first = ask("pycausalimpact", panel, results=results, folder=peers)
    write_series(panel, tmp_path / "s.npz")
    held = np.load(tmp_path / "s.npz")
    ratio = held["rate"][:, 26:].mean(axis=1) / held["rate"][:, :26].mean(axis=1)
    np.testing.assert_allclose(first.answer.effect, ratio)
    np.testing.assert_allclose(first.answer.low, ratio - 0.25)
    np.testing.assert_allclose(first.answer.high, ratio + 0.5)
    np.testing.assert_allclose(first.answer.p_value, held["control"][:, 26:].sum(axis=1))
    assert np.all(first.seconds >= 0)
    again = ask("pycausalimpact", panel, results=results, folder=peers)
    np.testing.assert_array_equal(again.seconds, first.seconds)
    assert (tmp_path / "calls").read_text() == "xxx"


def test_a_run_that_was_cut_short_goes_on(panel: Panel, peers: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    whole = ask("pycausalimpact", panel, results=results, folder=peers)
    (answers,) = results.glob("*.csv")
    lines = answers.read_text().splitlines(keepends=True)
    answers.write_text("".join(lines[:2]))
    half = read_answers(answers, 3)
    assert np.isnan(half.answer.effect).tolist() == [False, True, True]
    assert np.isnan(half.seconds).tolist() == [False, True, True]
    rest = ask("pycausalimpact", panel, results=results, folder=peers)
    np.testing.assert_array_equal(rest.answer, whole.answer)
    assert (tmp_path / "calls").read_text() == "xxxxx"
    with answers.open() as source:
        assert [line["row"] for line in csv.DictReader(source)] == ["0", "1", "2"]


def test_a_series_that_the_package_fails_on_has_no_answer(panel: Panel, peers: Path, tmp_path: Path) -> None:
    counts = panel.counts.copy()
    counts[1] *= 1e7
    failing = Panel(counts, panel.exposure, panel.control, panel.before, panel.ratio)
    found = ask("pycausalimpact", failing, results=tmp_path / "results", folder=peers)
    assert np.isnan(found.answer.p_value).tolist() == [False, True, False]


def test_another_panel_gets_answers_of_its_own(panel: Panel, peers: Path, tmp_path: Path) -> None:
    other = draw(Regime(5.5), ratio=0.5, count=3, seed=42)
    found = [
        ask("pycausalimpact", each, results=tmp_path / "results", folder=peers) for each in (panel, other)
    ]
    assert not np.array_equal(found[0].answer.effect, found[1].answer.effect)


def test_without_an_environment_the_reader_is_told_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, peers: Path
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    for package in PACKAGES:
        with pytest.raises(Skipped, match=f"requirements-{package}.txt.*{VARIABLE}"):
            interpreter(package)
        with pytest.raises(Skipped, match="there is no"):
            interpreter(package, tmp_path)
    monkeypatch.setenv(VARIABLE, str(peers))
    assert os.access(interpreter("pycausalimpact"), os.X_OK)
    with pytest.raises(ValueError, match="package must be one of"):
        interpreter("prophet")


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_has_its_requirements(package: str) -> None:
    wanted = Path(__file__).parents[2] / "bench" / "panel" / "packages" / f"requirements-{package}.txt"
    assert f"{package}==" in wanted.read_text()
