"""The recorded webhook examples, and how to read what they should mean."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from models.sources.source import SourceSettings
from models.values.feedback import Change, Rating

FOLDER = Path(__file__).parents[2] / "data" / "webhooks"
NOW = datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
PLAIN = SourceSettings()


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    data: dict

    @property
    def body(self) -> bytes:
        return self.data["body"].encode()

    @property
    def headers(self) -> dict[str, str]:
        return self.data["headers_example"]

    @property
    def secret(self) -> str:
        return self.data["secret_example"]

    @property
    def expected(self) -> list[dict]:
        expected = self.data["expected_normalised"]
        return expected if isinstance(expected, list) else [expected]


def examples(folder: Path = FOLDER) -> list[Example]:
    paths = sorted(path for path in folder.glob("*.json") if not path.name.startswith("_"))
    return [Example(path.stem, json.loads(path.read_text())) for path in paths]


def example(name: str) -> Example:
    return next(each for each in examples() if each.name == name)


def meant(expected: dict) -> dict[str, object]:
    """Return the part of `expected_normalised` that names one attribute each."""
    return {name: value for name, value in expected.items() if not name.startswith("body_must")}


def meaning(change: Change, expected: dict) -> dict[str, object]:
    """Write the attributes of a change that `expected` names, in its spelling."""
    return {name: _plain(getattr(change, name)) for name in meant(expected)}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Rating):
        return {
            "value": value.value,
            "scale_min": value.scale_min,
            "scale_max": value.scale_max,
            "kind": value.kind,
        }
    if isinstance(value, tuple):
        pairs = value and isinstance(value[0], tuple)
        return dict(value) if pairs else list(value)
    return value
