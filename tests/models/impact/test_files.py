import csv
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from bench.panel.regimes import REGIMES
from bench.panel.series import RELEASE, draw
from models.errors import Invalid
from models.impact import files
from models.impact.tables import NamedSeries, placed_series, read_series
from models.values.series import Period

HEADER = ["series_id", "date", "count", "release_date", "exposure", "control_count"]
Row = list[object]


def panel(*ratios: float, seed: int = 5) -> list[Row]:
    rows: list[Row] = []
    for number, ratio in enumerate(ratios):
        drawn = draw(REGIMES["common_20"], ratio=ratio, count=1, seed=seed + number).series(0)
        assert drawn.exposure is not None
        assert drawn.control is not None
        for day, *cells in zip(drawn.starts(), drawn.counts, drawn.exposure, drawn.control, strict=True):
            count, exposure, control = (int(cell) for cell in cells)
            rows.append([f"s{number}", day, count, RELEASE, exposure, control])
    return rows


def write_csv(path: Path, rows: list[Row], header: list[str] = HEADER) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_parquet(path: Path, rows: list[Row]) -> Path:
    columns = dict(zip(HEADER, map(list, zip(*rows, strict=True)), strict=True))
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def reasons(row: dict[str, str]) -> list[str]:
    return row["reasons"].split(";")


def test_csv_and_parquet_give_the_same_verdicts(tmp_path: Path) -> None:
    rows, seen = panel(0.4, 1.0), list[tuple[int, float]]()
    source = write_csv(tmp_path / "in.csv", rows)
    done = files.analyze(source, tmp_path / "a.csv", progress=lambda *heard: seen.append(heard))
    files.analyze(write_parquet(tmp_path / "in.parquet", rows), tmp_path / "b.csv")
    assert done == 2
    assert seen == [(1, pytest.approx(0.5, abs=0.01)), (2, 1.0)]
    verdicts = read(tmp_path / "a.csv")
    assert verdicts == read(tmp_path / "b.csv")
    assert tuple(verdicts[0]) == files.COLUMNS
    fell, other = verdicts
    assert (fell["series_id"], fell["verdict"], fell["evidence_grade"]) == ("s0", "fell", "C")
    assert float(fell["low"]) < 0.4 < float(fell["high"])
    assert float(fell["p_value"]) < 0.03
    assert fell["looks"] == "8"
    assert fell["judgeable_on"] == ""
    assert other["verdict"] in ("inconclusive", "unchanged")
    assert float(other["low"]) < 1 < float(other["high"])
    assert not (tmp_path / "a.csv.part").exists()


def test_without_exposure_and_control_counts_are_used_as_they_are(tmp_path: Path) -> None:
    rows = [row[:4] for row in panel(0.3)]
    files.analyze(write_csv(tmp_path / "in.csv", rows, HEADER[:4]), tmp_path / "out.csv")
    (verdict,) = read(tmp_path / "out.csv")
    assert verdict["evidence_grade"] == "D"
    assert "exposure_missing" in reasons(verdict)
    assert verdict["effect"] != ""


def test_estimates_are_filled_from_twelve_weeks_before_and_four_after(tmp_path: Path) -> None:
    first, last = RELEASE - timedelta(weeks=12), RELEASE + timedelta(weeks=4)
    rows = [row for row in panel(1.0) if isinstance(row[1], date) and first <= row[1] < last]
    files.analyze(write_csv(tmp_path / "in.csv", rows), tmp_path / "out.csv")
    assert read(tmp_path / "out.csv")[0]["effect"] != ""
    files.analyze(write_csv(tmp_path / "in.csv", rows[1:]), tmp_path / "out.csv")
    (short,) = read(tmp_path / "out.csv")
    assert (short["verdict"], short["effect"]) == ("cannot_tell", "")
    assert "history_too_short" in short["reasons"]


def test_the_final_planned_look_is_the_headline(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", panel(0.15, 1.0))
    files.analyze(source, tmp_path / "out.csv", looks=(2, 4, 8))
    fell, quiet = read(tmp_path / "out.csv")
    assert (fell["verdict"], fell["looks"]) == ("fell", "2;4;8")
    assert not {"early", "not_sustained"} & set(reasons(fell))
    assert quiet["looks"] == "2;4;8"
    files.analyze(source, tmp_path / "whole.csv")
    for name in ("verdict", "effect", "p_value"):  # all days up to week 8 are the whole file
        assert (fell[name], quiet[name]) == tuple(row[name] for row in read(tmp_path / "whole.csv"))


def test_before_the_final_look_an_early_one_may_call(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", panel(0.05, 1.0))
    files.analyze(source, tmp_path / "out.csv", looks=(4, 8, 16))
    fell, waiting = read(tmp_path / "out.csv")
    assert (fell["verdict"], fell["looks"], reasons(fell)[-1]) == ("fell", "4;8", "early")
    assert (waiting["verdict"], waiting["looks"]) == ("too_early", "4;8")
    assert reasons(waiting)[0] == "looks_remain"
    assert {row["judgeable_on"] for row in (fell, waiting)} == {(RELEASE + timedelta(weeks=16)).isoformat()}


def test_a_call_that_the_final_look_does_not_bear_out_is_not_sustained(tmp_path: Path) -> None:
    rows = [row[:4] for row in panel(1.0)]
    for row in rows:
        assert isinstance(row[1], date)
        row[2] = 40 if row[1] < RELEASE else 1 if row[1] < RELEASE + timedelta(weeks=4) else 80
    files.analyze(write_csv(tmp_path / "in.csv", rows, HEADER[:4]), tmp_path / "out.csv", looks=(4, 8))
    (answer,) = read(tmp_path / "out.csv")
    assert answer["verdict"] in ("inconclusive", "rose")
    assert answer["looks"] == "4;8"
    assert reasons(answer)[-1] == "not_sustained"
    files.analyze(tmp_path / "in.csv", tmp_path / "out.csv", looks=(4, 9))
    (early,) = read(tmp_path / "out.csv")
    assert (early["verdict"], early["looks"], reasons(early)[-1]) == ("fell", "4", "early")


def test_a_look_beyond_the_end_of_the_file_is_not_read(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", panel(0.05))
    files.analyze(source, tmp_path / "out.csv", looks=(9,))
    (answer,) = read(tmp_path / "out.csv")
    assert (answer["verdict"], reasons(answer)[0], answer["looks"]) == ("too_early", "look_not_due", "")
    assert answer["judgeable_on"] == (RELEASE + timedelta(weeks=9)).isoformat()
    assert float(answer["high"]) < 0.2  # the estimate is there, whatever the verdict


def steady(first: date, step: Callable[[date], date], periods: int, release: date, ratio: float) -> list[Row]:
    """Write periods with 200 complaints before a release and a multiple of it in those that begin after."""
    days = [first]
    while len(days) < periods:
        days.append(step(days[-1]))
    rng = np.random.default_rng(2)
    return [["a", day, rng.poisson(200 * (ratio if day >= release else 1.0)), release] for day in days]


def next_week(day: date) -> date:
    return day + timedelta(weeks=1)


def next_month(day: date) -> date:
    return (day + timedelta(days=31)).replace(day=1)


@pytest.mark.parametrize("weekday", range(7))
def test_weeks_have_the_same_looks_whatever_the_weekday_of_the_release(tmp_path: Path, weekday: int) -> None:
    release = RELEASE + timedelta(days=weekday)
    rows = steady(RELEASE - timedelta(weeks=30), next_week, 39, release, 0.4)
    source = write_csv(tmp_path / "in.csv", rows, HEADER[:4])
    files.analyze(source, tmp_path / "out.csv", looks=(2, 4, 8))
    (answer,) = read(tmp_path / "out.csv")
    assert (answer["verdict"], answer["looks"]) == ("fell", "2;4;8")
    assert float(answer["low"]) < 0.4 < float(answer["high"])


def test_months_are_read_at_planned_looks_too(tmp_path: Path) -> None:
    release = date(2025, 4, 1)
    source = write_csv(
        tmp_path / "in.csv", steady(date(2023, 1, 1), next_month, 33, release, 0.4), HEADER[:4]
    )
    files.analyze(source, tmp_path / "out.csv", looks=(5, 13, 26))
    (answer,) = read(tmp_path / "out.csv")
    assert (answer["verdict"], answer["looks"]) == ("fell", "5;13;26")
    assert "early" not in reasons(answer)
    files.analyze(source, tmp_path / "out.csv", looks=(8,))  # one whole month after: too few for a verdict
    (answer,) = read(tmp_path / "out.csv")
    assert (answer["verdict"], answer["looks"]) == ("too_early", "8")
    assert reasons(answer)[0] == "after_too_short"


def test_three_looks_read_the_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, opened = write_csv(tmp_path / "in.csv", panel(1.0, 1.0)), list[Path]()

    def counted(path: Path) -> Iterator[tuple[NamedSeries, float]]:
        opened.append(path)
        return placed_series(path)

    monkeypatch.setattr(files, "placed_series", counted)
    files.analyze(source, tmp_path / "out.csv", looks=(2, 4, 8))
    assert opened == [source]


def test_twelve_weeks_before_and_four_after_fill_the_estimate_of_a_weekly_file(tmp_path: Path) -> None:
    rows = steady(RELEASE - timedelta(weeks=12), next_week, 16, RELEASE, 1.0)
    files.analyze(write_csv(tmp_path / "in.csv", rows, HEADER[:4]), tmp_path / "out.csv")
    (answer,) = read(tmp_path / "out.csv")
    assert all(answer[name] for name in ("effect", "low", "high", "p_value"))
    assert answer["verdict"] in ("inconclusive", "unchanged")
    files.analyze(write_csv(tmp_path / "in.csv", rows[1:], HEADER[:4]), tmp_path / "out.csv")
    (short,) = read(tmp_path / "out.csv")
    assert (short["verdict"], reasons(short)[0]) == ("cannot_tell", "history_too_short")


@pytest.mark.parametrize("looks", [(4, 2), (1, 8), (4, 4)])
def test_looks_out_of_order_or_inside_the_wash_out_are_refused(
    tmp_path: Path, looks: tuple[int, ...]
) -> None:
    with pytest.raises(Invalid, match="rising weeks"):
        files.analyze(tmp_path / "in.csv", tmp_path / "out.csv", looks=looks)


def test_a_look_too_early_to_spend_any_error_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="looks 2,999: week 2 is too early to call anything"):
        files.analyze(tmp_path / "in.csv", tmp_path / "out.csv", looks=(2, 999))


def test_a_missing_row_and_an_empty_count_are_gaps(tmp_path: Path) -> None:
    rows = panel(1.0)
    rows[3][2] = ""
    del rows[10]
    (item,) = read_series(write_csv(tmp_path / "in.csv", rows))
    assert np.flatnonzero(np.isnan(item.series.counts)).tolist() == [3, 10]
    assert len(item.series) == 238


@pytest.mark.parametrize(
    ("dates", "period", "length"),
    [
        (["2026-01-05", "2026-01-12", "2026-01-26"], Period.WEEK, 4),
        (["2026-01-01", "2026-02-01", "2026-04-01"], Period.MONTH, 4),
        (["2026-02-01", "2026-03-01"], Period.MONTH, 2),
        (["2026-01-05", "2026-01-06", "2026-01-13"], Period.DAY, 9),
        (["2026-01-05T00:00:00"], Period.DAY, 1),
    ],
)
def test_the_period_is_read_off_the_dates(
    tmp_path: Path, dates: list[str], period: Period, length: int
) -> None:
    rows: list[Row] = [["a", day, 1, "2026-03-01", "", ""] for day in dates]
    (item,) = read_series(write_csv(tmp_path / "in.csv", rows))
    assert item.series.period is period
    assert len(item.series) == length
    assert item.series.exposure is None


GOOD: Row = ["a", "2026-01-01", "1", "2026-02-01", "5", "3"]


@pytest.mark.parametrize(
    ("rows", "line", "field", "says"),
    [
        ([GOOD, ["a", "2026-01-32", "1", "2026-02-01", "5", "3"]], 3, "date", "2026-01-31"),
        ([["a", "2026-01-01", "one", "2026-02-01", "5", "3"]], 2, "count", "not a number"),
        ([["a", "2026-01-01", "-1", "2026-02-01", "5", "3"]], 2, "count", "at least 0"),
        ([["a", "2026-01-01", "nan", "2026-02-01", "5", "3"]], 2, "count", "at least 0"),
        ([["a", "2026-01-01", "1", "soon", "5", "3"]], 2, "release_date", "not a date"),
        ([["a", "2026-01-01", "1", "2026-02-01", "inf", "3"]], 2, "exposure", "at least 0"),
        ([["", "2026-01-01", "1", "2026-02-01", "5", "3"]], 2, "series_id", "is empty"),
        ([GOOD, GOOD], 3, "date", "one row per period"),
        ([GOOD, ["a", "2026-01-02", "1", "2026-02-02", "5", "3"]], 3, "release_date", "same release_date"),
        ([GOOD, ["b", *GOOD[1:]], GOOD], 4, "series_id", "sort rows"),
        ([["a", "2026-01-15", *GOOD[2:]], ["a", "2026-02-15", *GOOD[2:]]], 2, "date", "first day"),
        ([GOOD[:4]], 2, "row", "6 cells"),
        ([[*GOOD, "more"]], 2, "row", "6 cells"),
    ],
)
def test_a_bad_row_is_named_by_file_line_field_and_fix(
    tmp_path: Path, rows: list[Row], line: int, field: str, says: str
) -> None:
    source = write_csv(tmp_path / "in.csv", rows)
    with pytest.raises(Invalid) as caught:
        files.analyze(source, tmp_path / "out.csv")
    assert caught.value.message.startswith(f"{source}, line {line}, {field}: ")
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert list(tmp_path.iterdir()) == [source]


def test_a_parquet_gap_may_be_nan_or_null(tmp_path: Path) -> None:
    days = [datetime(2026, 1, 1) + timedelta(days=i) for i in range(3)]
    table = pyarrow.table(
        {
            "series_id": [1] * 3,
            "date": days,
            "count": [1.0, float("nan"), None],
            "release_date": [days[0]] * 3,
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    (item,) = read_series(tmp_path / "in.parquet")
    assert item.series_id == "1"
    assert np.isnan(item.series.counts).tolist() == [False, True, True]


def test_bad_parquet_cells_are_named_too(tmp_path: Path) -> None:
    table = pyarrow.table(
        {
            "series_id": [1, 1],
            "date": ["2026-01-01", "x"],
            "count": [1.0, None],
            "release_date": ["2026-02-01"] * 2,
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    with pytest.raises(Invalid, match="line 2, date"):
        files.analyze(tmp_path / "in.parquet", tmp_path / "out.csv")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gone.csv", None, "no such file"),
        ("in.xlsx", b"", "give a .csv or .parquet"),
        ("in.csv", b"series_id,date,count\n", "column release_date is missing"),
        ("in.csv", b"", "column series_id is missing"),
        ("in.csv", b"series_id,date,count,release_date\n\xff\xfe,2026-01-01,1,2026-01-01\n", "UTF-8"),
        ("in.csv", b'series_id,date,count,release_date\n"a"b,2026-01-01,1,2026-01-01\n', "check its quotes"),
        ("in.parquet", b"not parquet", "not a parquet file"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Invalid, match=says):
        files.analyze(tmp_path / name, tmp_path / "out.csv")


def test_a_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", [GOOD])
    with pytest.raises(Invalid, match="--out"):
        files.analyze(source, tmp_path / "nowhere" / "out.csv")


def test_the_file_itself_is_no_target(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", [GOOD])
    before = source.read_text()
    with pytest.raises(Invalid, match="is the file to read; give another --out"):
        files.analyze(source, tmp_path / "." / "in.csv")
    assert source.read_text() == before


def test_a_run_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    def stop(judged: int, share: float) -> None:
        raise KeyboardInterrupt

    source = write_csv(tmp_path / "in.csv", panel(1.0))
    with pytest.raises(KeyboardInterrupt):
        files.analyze(source, tmp_path / "out.csv", progress=stop)
    assert list(tmp_path.iterdir()) == [source]


def test_a_file_without_rows_gives_a_header(tmp_path: Path) -> None:
    assert files.analyze(write_csv(tmp_path / "in.csv", []), tmp_path / "out.csv") == 0
    assert (tmp_path / "out.csv").read_text() == ",".join(files.COLUMNS) + "\n"
