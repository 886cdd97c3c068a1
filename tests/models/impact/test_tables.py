import csv
import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from models.errors import Invalid
from models.impact import blocks
from models.impact.blocks import Odd
from models.impact.columns import quick_series
from models.impact.rows import exact_series
from models.impact.tables import NamedSeries, read_series
from models.values.series import Period

HEADER = ("series_id", "date", "note", "count", "release_date", "exposure", "control_count")
Cells = list[str]
Column: TypeAlias = "pyarrow.Array"


def panel(series: int = 7, *, seed: int = 1) -> list[Cells]:
    """Write series of unequal length with missing rows and empty cells; ids hold commas and umlauts."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(series):
        for day in range(int(rng.integers(2, 60))):
            if rng.random() < 0.1 and day > 1:
                continue
            count = "" if rng.random() < 0.1 else str(rng.integers(0, 9))
            exposure = "" if number % 3 == 0 else f"{rng.uniform(1, 9):.3f}"
            when = (date(2026, 1, 1) + timedelta(days=day)).isoformat()
            rows.append([f"größe, {number}", when, "fine", count, "2026-02-01", exposure, "7"])
    return rows


def as_csv(rows: list[Cells], *, quoting: Literal[0, 1] = csv.QUOTE_MINIMAL, end: str = "\n") -> bytes:
    file = io.StringIO()
    csv.writer(file, quoting=quoting, lineterminator=end).writerows([HEADER, *rows])
    return file.getvalue().encode()


def told(item: NamedSeries) -> tuple[object, ...]:
    series = item.series
    columns = (series.counts, series.exposure, series.control)
    values = [None if column is None else np.nan_to_num(column, nan=-1.0).tolist() for column in columns]
    return item.series_id, item.release, series.start, series.period, values


def same(path: Path) -> int:
    """Assert that the fast reader takes a file and reads in it what the exact one reads; count the series."""
    quick, exact = ([told(item) for item, _ in reader(path)] for reader in (quick_series, exact_series))
    assert quick == exact
    return len(quick)


def with_text(column: int, change: Callable[[str], str]) -> bytes:
    return as_csv([[*row[:column], change(row[column]), *row[column + 1 :]] for row in panel()])


def _week_date(day: str) -> str:
    return "{}-W{:02}-{}".format(*date.fromisoformat(day).isocalendar())


USUAL: dict[str, bytes] = {
    "plain": as_csv(panel()),
    "quoted": as_csv(panel(), quoting=csv.QUOTE_ALL),
    "carriage returns": as_csv(panel(), end="\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + as_csv(panel()),
    "blank lines": as_csv(panel(), end="\n\n"),
    "no last newline": as_csv(panel()).rstrip(),
    "newlines and quotes in a note": with_text(2, lambda _: 'he said "no",\nthen\r\nleft'),
    "newlines and quotes in an id": with_text(0, lambda name: f'"{name}"\nof ours'),
    "times of day": with_text(1, lambda day: f"{day}T00:00:00"),
    "times of day and zones": with_text(1, lambda day: f"{day} 23:59:59.5+02:00"),
    "spaces around ids": with_text(0, lambda name: f" {name}\u00a0"),
    "spaces around dates": with_text(4, lambda day: f" {day} "),
    "spaces around numbers": with_text(3, lambda count: f" {count} "),
    "floats": with_text(3, lambda count: count and f"{count}.0e0"),
}


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("block", [150, 1000, 1 << 20])
def test_blocks_of_csv_read_what_single_rows_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, block: int
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block)
    (tmp_path / "in.csv").write_bytes(USUAL[name])
    assert same(tmp_path / "in.csv") == 7


def parquet(path: Path, **changed: Column) -> Path:
    rows = panel()
    columns: dict[str, Column] = {
        name: pyarrow.array(column) for name, column in zip(HEADER, zip(*rows, strict=True), strict=True)
    }
    numbers = {
        name: pyarrow.array([float(cell) if cell else None for cell in columns[name].to_pylist()])
        for name in HEADER
        if name in ("count", "exposure", "control_count")
    }
    pyarrow.parquet.write_table(pyarrow.table({**columns, **numbers, **changed}), path)
    return path


DAYS = pyarrow.array([date.fromisoformat(row[1]) for row in panel()])
COUNTS = [int(row[3]) if row[3] else None for row in panel()]
IDS = [int(row[0][-1]) for row in panel()]
EVENINGS = pyarrow.array([datetime.fromisoformat(row[1]) + timedelta(hours=23) for row in panel()])


@pytest.mark.parametrize("rows", [1, 13, 1 << 14])
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"date": DAYS, "release_date": DAYS.take([5] * len(DAYS))},
        {"date": DAYS.cast(pyarrow.date64())},
        {"date": EVENINGS},
        {"date": EVENINGS.cast(pyarrow.timestamp("s", "Pacific/Auckland"))},
        {"date": EVENINGS.cast(pyarrow.timestamp("ms"))},
        {"date": DAYS.cast(pyarrow.string()).dictionary_encode()},
        {"date": DAYS.cast(pyarrow.large_string())},
        {"count": pyarrow.array(COUNTS)},
        {"count": pyarrow.array(COUNTS, pyarrow.uint8())},
        {"count": pyarrow.array(COUNTS, pyarrow.float32())},
        {"count": pyarrow.array([None if c is None else Decimal(c) / 4 for c in COUNTS])},
        {"count": pyarrow.array([float("nan") if c is None else c for c in COUNTS])},
        {"count": pyarrow.array(["" if c is None else f" {c}.5 " for c in COUNTS])},
        {"exposure": pyarrow.nulls(len(DAYS))},
        {"series_id": pyarrow.array(IDS)},
        {"series_id": pyarrow.array(map(float, IDS))},
        {"series_id": pyarrow.array(map(str, IDS)).dictionary_encode()},
        {"series_id": pyarrow.array(map(str, IDS), pyarrow.large_string())},
    ],
    ids=lambda changed: ", ".join(f"{name} {column.type}" for name, column in changed.items()) or "text",
)
def test_blocks_of_parquet_read_what_single_rows_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Column], rows: int
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", rows)
    assert same(parquet(tmp_path / "in.parquet", **changed)) == 7


@pytest.mark.parametrize(
    "changed",
    [
        {"series_id": pyarrow.array(map(str, IDS), pyarrow.string_view())},
        {"date": pyarrow.array([int(f"{day:%Y%m%d}") for day in DAYS.to_pylist()])},
    ],
)
def test_valid_but_unusual_parquet_is_read_row_by_row(tmp_path: Path, changed: dict[str, Column]) -> None:
    path = parquet(tmp_path / "in.parquet", **changed)
    with pytest.raises(Odd):
        list(quick_series(path))
    usual = [told(item) for item in read_series(parquet(tmp_path / "usual.parquet"))]
    assert [told(item)[1:] for item in read_series(path)] == [item[1:] for item in usual]


def test_nanoseconds_are_read_as_their_day(tmp_path: Path) -> None:
    odd = pyarrow.array(EVENINGS.cast(pyarrow.int64()).to_numpy() * 1000 + 1).cast(pyarrow.timestamp("ns"))
    path = parquet(tmp_path / "in.parquet", date=odd)
    assert same(path) == 7
    assert next(read_series(path)).series.start == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        (with_text(1, lambda day: day.replace("-", "")), as_csv(panel())),
        (with_text(1, _week_date), as_csv(panel())),
        (
            with_text(3, lambda count: count and f"1_{count}"),
            with_text(3, lambda count: count and f"1{count}"),
        ),
        (as_csv(panel()).replace(b",fine,", b',6" wide,'), as_csv(panel())),
        (as_csv(panel(), end="\r"), as_csv(panel())),
    ],
    ids=["compact dates", "week dates", "underscores", "quotes inside a cell", "bare carriage returns"],
)
def test_valid_but_unusual_csv_is_read_row_by_row(tmp_path: Path, odd: bytes, plain: bytes) -> None:
    (tmp_path / "odd.csv").write_bytes(odd)
    (tmp_path / "plain.csv").write_bytes(plain)
    with pytest.raises(Odd):
        list(quick_series(tmp_path / "odd.csv"))
    found, usual = (
        [told(item)[1:] for item in read_series(tmp_path / name)] for name in ("odd.csv", "plain.csv")
    )
    assert found == usual


def broken(column: str, text: str) -> Callable[[list[Cells], int], None]:
    def change(rows: list[Cells], at: int) -> None:
        rows[at][HEADER.index(column)] = text

    return change


def swapped(rows: list[Cells], at: int) -> None:
    rows[at], rows[at - 1] = rows[at - 1], rows[at]


def again(rows: list[Cells], at: int) -> None:
    rows[at][0] = rows[0][0]


FAULTS: dict[str, tuple[Callable[[list[Cells], int], None], str]] = {
    "date": (broken("date", "2026-02-30"), "'2026-02-30' is not a date"),
    "no date": (broken("date", ""), "'' is not a date"),
    "an early date": (broken("date", "1066-10-14"), "outside the years 1900 to 2199"),
    "a late release": (broken("release_date", "9999-12-31"), "outside the years 1900 to 2199"),
    "count": (broken("count", "many"), "'many' is not a number"),
    "a negative count": (broken("count", "-1"), "-1 is not a count"),
    "nan": (broken("count", "nan"), "nan is not a count"),
    "infinity": (broken("exposure", "1e999"), "1e999 is not a count"),
    "a huge count": (broken("control_count", "1e13"), "1e13 is too large; use numbers up to 1e[+]12"),
    "no id": (broken("series_id", "  "), "is empty"),
    "order": (swapped, "does not follow"),
    "an id again": (again, "came earlier"),
    "another release": (broken("release_date", "2026-02-02"), "2026-02-02 differs from 2026-02-01"),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("block", [300, 1 << 20])
def test_a_fault_far_into_a_file_is_named_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, block: int
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block)
    change, says = FAULTS[name]
    rows = panel()
    at = next(i for i, row in enumerate(rows) if row[0] == "größe, 5") + 1
    before = len({row[0] for row in rows[: at - 1]})
    change(rows, at)
    path = tmp_path / "in.csv"
    path.write_bytes(as_csv(rows))
    reader, seen = read_series(path), 0
    with pytest.raises(Invalid, match=says) as caught:
        for _ in reader:
            seen += 1
    assert f"{path}, line {at + 2}, " in caught.value.message
    assert before <= seen <= before + 1


def test_the_first_of_two_faults_in_a_series_is_named(tmp_path: Path) -> None:
    rows = panel()
    rows[2][1], rows[4][3] = rows[1][1], "many"
    (tmp_path / "in.csv").write_bytes(as_csv(rows))
    with pytest.raises(Invalid, match="line 4, date: "):
        list(read_series(tmp_path / "in.csv"))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (b"a,2026-01-01", "line {}, row: does not have 7 cells"),
        (b"a,2026-01-01,,1,2026-02-01,1,1,1", "line {}, row: does not have 7 cells"),
        (b'a,2026-01-01,"x"y,1,2026-02-01,1,1', "check its quotes"),
        (b'a,2026-01-01,""y,1,2026-02-01,1,1', "check its quotes"),
        (b'a,2026-01-01,"x,1,2026-02-01,1,1', "check its quotes"),
        (b"a,2026-01-01,\xe9,1,2026-02-01,1,1", "not UTF-8"),
    ],
)
def test_csv_that_pyarrow_would_let_pass_is_turned_down(tmp_path: Path, row: bytes, says: str) -> None:
    content = as_csv(panel()) + row + b"\n"
    (tmp_path / "in.csv").write_bytes(content)
    with pytest.raises(Invalid, match=says.format(content.count(b"\n"))):
        list(read_series(tmp_path / "in.csv"))


def test_of_two_columns_with_one_name_the_last_counts(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(as_csv(panel()).replace(b"control_count", b"count", 1))
    with pytest.raises(Odd):
        list(quick_series(tmp_path / "in.csv"))
    assert {np.nanmax(item.series.counts) for item in read_series(tmp_path / "in.csv")} == {7.0}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"date": pyarrow.array([*DAYS.to_pylist()[:-1], None])}, "line {}, date: None is not a date"),
        ({"series_id": pyarrow.array([*IDS[:-1], None])}, "line {}, series_id: is empty"),
        ({"count": pyarrow.array([True] * len(DAYS))}, "line 1, count: 'True' is not a number"),
        ({"count": pyarrow.array([1.0] * (len(DAYS) - 1) + [-1.0])}, "line {}, count: -1.0 is not a count"),
        ({"count": pyarrow.array([1.0] * (len(DAYS) - 1) + [np.inf])}, "line {}, count: inf is not a count"),
        ({"count": pyarrow.array(["1"] * (len(DAYS) - 1) + ["nan"])}, "line {}, count: nan is not a count"),
        ({"date": pyarrow.array([-800_000] * len(DAYS), pyarrow.date32())}, "line 1, date: .* is not a date"),
        ({"release_date": DAYS}, "line 2, release_date: 2026-01-02 differs"),
        ({"count": pyarrow.array([[1]] * len(DAYS))}, "line 1, count: .* is not a number"),
    ],
)
def test_parquet_faults_are_named_by_their_row(tmp_path: Path, changed: dict[str, Column], says: str) -> None:
    path = parquet(tmp_path / "in.parquet", **changed)
    with pytest.raises(Invalid, match=says.format(len(DAYS))):
        list(read_series(path))


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    path = parquet(tmp_path / "in.parquet")
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    with pytest.raises(Invalid, match="damaged after row 0"):
        list(read_series(path))


@pytest.mark.parametrize(
    ("days", "period"),
    [
        (["2026-01-02", "2026-02-02", "2026-03-02"], None),
        (["2026-01-31", "2026-02-28", "2026-04-30"], None),
        (["2026-01-05", "2026-02-02", "2026-03-02"], None),
        (["2026-01-15", "2026-03-20"], Period.DAY),
        (["2026-01-05", "2026-03-16", "2026-05-11"], Period.WEEK),
        (["2026-02-01", "2026-06-01"], Period.MONTH),
    ],
)
def test_rows_far_apart_are_months_only_if_they_look_it(
    tmp_path: Path, days: list[str], period: Period | None
) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(as_csv([["a", day, "", "1", "2026-02-01", "", ""] for day in days]))
    if period is None:
        with pytest.raises(Invalid, match=r"line 2, date: .* does not begin a month"):
            list(read_series(path))
    else:
        assert [item.series.period for item in read_series(path)] == [period]
