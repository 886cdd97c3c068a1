import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from service.commands.themes import app, links_app

RUNNER = CliRunner()


def test_discover_runs_in_a_child_and_writes_both_files(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text("id,text\n" + "".join(f"{n},csv export fails\n" for n in range(12)))
    np.save(tmp_path / "E.npy", np.random.default_rng(1).normal(size=(12, 8)))
    out = tmp_path / "A.csv"
    arguments = [
        "discover",
        str(tmp_path / "in.csv"),
        "--out",
        str(out),
        "--embeddings",
        str(tmp_path / "E.npy"),
    ]
    assert RUNNER.invoke(app, arguments).exit_code == 0
    assert len(out.read_text().splitlines()) == 13
    assert out.with_suffix(".themes.json").is_file()
    assert "12 items" in capfd.readouterr().err


def test_bad_input_exits_with_2(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    none = str(tmp_path / "none.csv")
    assert RUNNER.invoke(app, ["discover", none, "--out", str(tmp_path / "A.csv")]).exit_code == 2
    assert "none.csv: cannot be read" in capfd.readouterr().err
    files = ["--features", none, "--feedback", none, "--out", str(tmp_path / "R.csv")]
    assert RUNNER.invoke(links_app, ["rank", *files]).exit_code == 2


def test_the_command_never_loads_torch() -> None:
    heavy = "{'torch', 'sentence_transformers', 'workers'}"
    code = f"import sys, service.commands.themes; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
