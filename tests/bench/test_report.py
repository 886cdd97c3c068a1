import json
from pathlib import Path

import pytest

from bench import __main__ as program
from bench.report import Figure, Report, Skipped, data_set, merge, read_results


def test_a_figure_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    Report().of("speed")("rate", 1234.5678, "items/s", "one core")
    assert json.loads(capsys.readouterr().out) == {
        "bench": "speed",
        "metric": "rate",
        "value": 1234.6,
        "unit": "items/s",
        "against": "one core",
    }


def test_a_number_that_is_not_finite_becomes_null(capsys: pytest.CaptureFixture[str]) -> None:
    Report().of("speed")("ratio", float("inf"), "ratio", "nothing before")
    assert json.loads(capsys.readouterr().out)["value"] is None


def test_a_later_run_replaces_its_own_figures_and_leaves_others(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    merge([Figure("speed", "rate", 1, "1/s"), Figure("size", "disk", 7, "MiB")], file)
    merge([Figure("speed", "rate", 2, "1/s")], file)
    found = {(row["bench"], row["metric"]): row["value"] for row in read_results(file)}
    assert found == {("speed", "rate"): 2, ("size", "disk"): 7}


@pytest.mark.parametrize("shared", [None, "nowhere"])
def test_a_missing_data_set_says_where_it_is_published(
    shared: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EBB_SHARED", raising=False)
    if shared:
        monkeypatch.setenv("EBB_SHARED", str(tmp_path / shared))
    with pytest.raises(Skipped, match=r"tickets .* at example\.org"):
        data_set("tickets", published="at example.org")


def test_a_skipped_bench_is_loud_and_a_failed_one_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def skips(_emit: object, _folder: Path) -> None:
        raise Skipped("the data set stands at example.org")

    def fails(_emit: object, _folder: Path) -> None:
        raise ValueError("broken")

    written: list[Figure] = []
    monkeypatch.setattr(program, "BENCHES", {"skips": skips, "fails": fails})
    monkeypatch.setattr(program, "merge", written.extend)
    assert program.main(["skips"]) == 0
    assert "SKIPPED skips: the data set stands at example.org" in capsys.readouterr().err
    assert program.main([]) == 1
    assert "FAILED: fails" in capsys.readouterr().err
    assert written == []
