import csv
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from models.errors import Invalid
from models.impact import files
from models.impact.tables import read_series
from models.values.series import Period
from tests.models.impact.simulate import REGIMES, RELEASE, series

HEADER = ["series_id", "date", "count", "release_date", "exposure", "control_count"]
Row = list[object]


def panel(*ratios: float, seed: int = 5) -> list[Row]:
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for number, ratio in enumerate(ratios):
        drawn = series(REGIMES["shared shocks"], ratio=ratio, rng=rng)
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


def test_csv_and_parquet_give_the_same_verdicts(tmp_path: Path) -> None:
    rows, seen = panel(0.4, 1.0), list[int]()
    done = files.analyze(write_csv(tmp_path / "in.csv", rows), tmp_path / "a.csv", progress=seen.append)
    files.analyze(write_parquet(tmp_path / "in.parquet", rows), tmp_path / "b.csv")
    assert done == 2
    assert seen == [1, 2]
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
    assert "exposure_missing" in verdict["reasons"].split(";")
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


def test_planned_looks_are_read_in_order_until_one_calls(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", panel(0.15, 1.0))
    files.analyze(source, tmp_path / "out.csv", looks=(2, 4, 8))
    fell, quiet = read(tmp_path / "out.csv")
    assert fell["verdict"] == "fell"
    assert fell["looks"] in ("2", "2;4")
    assert quiet["looks"] == "2;4;8"
    files.analyze(source, tmp_path / "out.csv", looks=(2, 4, 12))
    waiting = read(tmp_path / "out.csv")[1]
    assert (waiting["verdict"], waiting["reasons"].split(";")[0]) == ("too_early", "looks_remain")
    assert waiting["judgeable_on"] == (RELEASE + timedelta(weeks=12)).isoformat()


@pytest.mark.parametrize("looks", [(4, 2), (1, 8), (4, 4)])
def test_looks_out_of_order_or_inside_the_wash_out_are_refused(
    tmp_path: Path, looks: tuple[int, ...]
) -> None:
    with pytest.raises(Invalid, match="rising weeks"):
        files.analyze(tmp_path / "in.csv", tmp_path / "out.csv", looks=looks)


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


def test_a_file_without_rows_gives_a_header(tmp_path: Path) -> None:
    assert files.analyze(write_csv(tmp_path / "in.csv", []), tmp_path / "out.csv") == 0
    assert (tmp_path / "out.csv").read_text() == ",".join(files.COLUMNS) + "\n"
