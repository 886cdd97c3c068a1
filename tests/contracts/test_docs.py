import re
from pathlib import Path

import pytest

from models.settings import OLDER_NAMES, PREFIX, Settings
from service.cli import ROOMS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_readme_shows_both_commands() -> None:
    assert "make demo" in README
    assert "make test" in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_ebb_command_on_a_page_exists(page: Path) -> None:
    commands = {command for names in ROOMS.values() for command in names}
    shown = re.findall(r"(?:^ {4}|`)ebb ([a-z-]+)", page.read_text(), flags=re.MULTILINE)
    assert set(shown) <= commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_setting_is_documented_and_nothing_else() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    documented = set(re.findall(rf"`({PREFIX}[A-Z_]+)`", page))
    assert documented == {f"{PREFIX}{name.upper()}" for name in (*Settings.model_fields, *OLDER_NAMES)}


def test_every_decision_has_its_three_parts() -> None:
    for page in (ROOT / "docs" / "decisions").glob("*.md"):
        text = page.read_text()
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences")), page.name


def test_no_address_of_a_package_index_is_pinned() -> None:
    pins = (ROOT / "constraints.txt").read_text()
    assert "torch==2.13.0\n" in pins
    assert not re.search(r"https?:|file:|\+cpu|@ ", pins)
