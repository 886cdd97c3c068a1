import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest

from models.impact import blocks
from models.impact.columns import quick_series
from models.impact.rows import exact_series
from models.impact.tables import sample_series

ROOT = Path(__file__).parents[3]


def series_file(path: Path, series: int, *, days: int = 238) -> Path:
    """Write daily series with a release 56 days before their end."""
    counts = np.random.default_rng(3).poisson(3.0, series * days)
    first = np.datetime64("2025-09-03")
    columns = {
        "series_id": np.repeat([f"theme-{number:06}" for number in range(series)], days),
        "date": np.tile(first + np.arange(days), series),
        "count": counts,
        "release_date": np.repeat(first + days - 56, series * days),
        "exposure": np.full(series * days, 1000),
    }
    table = pyarrow.table({name: pyarrow.array(values) for name, values in columns.items()})
    write = pyarrow.csv.write_csv if path.suffix == ".csv" else pyarrow.parquet.write_table
    write(table, path)
    return path


@pytest.mark.parametrize("block", [500, 1 << 20])
def test_every_series_says_which_share_of_the_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", block // 25)
    for suffix in ("csv", "parquet"):
        path = series_file(tmp_path / f"in.{suffix}", 10, days=60)
        assert [share for _, share in quick_series(path)] == pytest.approx(np.arange(1, 11) / 10, abs=0.01)
        exact = [share for _, share in exact_series(path)]
        assert exact == sorted(exact)
        assert exact[-1] == 1.0


def test_a_sample_is_spread_out_in_file_order_and_the_same_each_time(tmp_path: Path) -> None:
    path = series_file(tmp_path / "in.parquet", 1000, days=2)
    numbers = [int(item.series_id[-6:]) for item in sample_series(path, 100)]
    assert len(numbers) == 100
    assert numbers == sorted(set(numbers))
    tenths = np.bincount(np.array(numbers) // 100, minlength=10)
    assert tenths.min() >= 2  # each holds 10 in the mean, with an sd of 2.8
    assert tenths.max() <= 20
    assert numbers == [int(item.series_id[-6:]) for item in sample_series(path, 100)]
    assert len(sample_series(path, 5000)) == 1000
    with pytest.raises(ValueError, match="most must be at least 1, not 0"):
        sample_series(path, 0)


PEAK = """
import sys
{code}
print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
READ = "from pathlib import Path; from models.impact.tables import read_series; n = sum(1 for _ in read_series(Path({!r})))"
JUDGE = "from service.cli import run; assert run(['impact', 'analyze', {!r}, '--out', {!r}]) == 0"


def peak_mib(code: str) -> int:
    """Run Python code in a process of its own and give its peak of resident memory in MiB."""
    command = [sys.executable, "-c", PEAK.format(code=code)]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    return int(done.stdout)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read from /proc"
)


@needs_proc
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, suffix: str) -> None:
    small, large = (
        peak_mib(READ.format(str(series_file(tmp_path / f"{series}.{suffix}", series))))
        for series in (84, 840)
    )
    assert large - small < 30


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_million_rows_are_judged_in_bounded_memory(tmp_path: Path, suffix: str) -> None:
    peaks = []
    for series in (84, 4202):
        source = series_file(tmp_path / f"{series}.{suffix}", series)
        out = tmp_path / f"{series}.out.csv"
        peaks.append(peak_mib(JUDGE.format(str(source), str(out))))
        assert out.read_text().count("\n") == series + 1
    assert peaks[1] - peaks[0] < 150
