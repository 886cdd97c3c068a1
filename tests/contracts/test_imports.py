"""The API pays for no model: what importing the application loads, and the import rules."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "torch",
    "sentence_transformers",
    "transformers",
    "altair",
    "vl_convert",
    "sklearn",
    "sknetwork",
    "scipy",
}


def test_importing_the_application_loads_no_model_library() -> None:
    code = "import sys, service.app; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "service.api.impact" in found.stdout.split()
    assert not HEAVY & set(found.stdout.split())


def test_the_import_rules_hold() -> None:
    found = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert found.returncode == 0, found.stdout[-2000:]
