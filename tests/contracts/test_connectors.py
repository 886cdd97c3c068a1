"""The pages on connectors: every kind has one, and the table of signatures is what the code does."""

from pathlib import Path

import pytest

from models.sources.exports import EXPORTS
from models.sources.registry import SOURCES
from models.sources.scope import Fact
from models.sources.signature import SCHEMES, Scheme
from models.sources.strength import proof, weaknesses

DOCS = Path(__file__).resolve().parents[2] / "docs"
INDEX = (DOCS / "connectors.md").read_text()


def row(name: str, scheme: Scheme) -> str:
    age = f"{scheme.tolerance_s} s" if scheme.tolerance_s else "none"
    open_points = "; ".join(weaknesses(scheme)) or "nothing"
    return f"| `{name}` | `{scheme.header}` | {proof(scheme)} | {age} | {scheme.strength} | {open_points} |"


def test_the_table_of_signatures_is_what_the_code_does() -> None:
    shown = [line for line in INDEX.splitlines() if line.startswith("| `")]
    assert shown == [row(name, scheme) for name, scheme in sorted(SCHEMES.items())]


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_every_kind_has_its_page(kind: str) -> None:
    page = (DOCS / "connectors" / f"{kind}.md").read_text()
    assert page.startswith("# ")
    assert f"[{kind}]: connectors/{kind}.md" in INDEX


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_every_page_says_where_what_rules_of_scope_ask_stands(kind: str) -> None:
    page = (DOCS / "connectors" / f"{kind}.md").read_text()
    _, found, rest = page.partition("## What rules of scope can ask\n")
    shown = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    tells = SOURCES[kind].tells
    assert found and shown[2:] == [f"| {fact} | {where} |" for fact, where in tells.items()]
    assert list(tells) == [fact for fact in Fact if fact in tells]


def test_every_tool_with_an_export_can_be_imported_and_stands_in_the_page_on_imports() -> None:
    page = (DOCS / "import.md").read_text()
    # GitHub's lists are told as JSON, Slack's export is many files; the two left out are no products.
    assert {export.name for export in EXPORTS} | {"github", "slack"} == SOURCES.keys() - {
        "generic_json",
        "standardwebhooks",
    }
    named = {
        line.split("`")[1]
        for line in page.splitlines()
        if line.startswith("| `") and len(line.split(" | ")) == 4
    }
    assert SOURCES.keys() - {"generic_json", "standardwebhooks"} <= named


def test_only_a_whole_and_timed_signature_leaves_nothing_open() -> None:
    assert {name for name, scheme in SCHEMES.items() if not weaknesses(scheme)} == {
        "front",
        "generic_json",
        "hubspot_v3",
        "slack",
        "standard",
        "zendesk",
    }
    assert "unsigned header" in " ".join(weaknesses(SCHEMES["linear"]))
    assert "SHA-1" in " ".join(weaknesses(SCHEMES["intercom"]))
    assert weaknesses(SCHEMES["bearer"])[0].startswith("the secret itself")
    assert weaknesses(SCHEMES["canny"])[0] == "the body is not covered"
    assert proof(SCHEMES["slack"]) == "HMAC-SHA-256 over `v0:{timestamp}:{body}`"
