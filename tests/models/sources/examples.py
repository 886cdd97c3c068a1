"""The recorded webhook examples, and how to read what they should mean."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from models.language.clean import clean
from models.sources.source import Source, SourceSettings, settings_from
from models.values.feedback import Change, FeedbackChange, Rating

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


def payload_of(name: str) -> dict:
    """Return an example's body as a JSON object of one's own, to change at will."""
    return json.loads(example(name).data["body"])


def read_all(
    source: Source, payload: object, headers: Mapping[str, str] | None = None, **settings: object
) -> list[FeedbackChange]:
    """Parse a payload (bytes as they are, anything else as JSON) into changes of feedback."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    found = source.parse(
        body, headers=headers or {}, settings=settings_from(source.schemes, settings), received_at=NOW
    )
    assert all(isinstance(change, FeedbackChange) for change in found)
    return [change for change in found if isinstance(change, FeedbackChange)]


def assert_meant(source: Source, each: Example) -> None:
    """Check that an example's first change means what it should; its text is compared as it is stored."""
    first, *others = source.parse(each.body, headers=each.headers, settings=PLAIN, received_at=NOW)
    assert isinstance(first, FeedbackChange)
    (expected,) = each.expected
    found = meaning(replace(first, body=None), expected)
    assert _instants(found) == _instants(meant(expected) | {"body": None})
    text = clean(first.body or "", html=True if first.body_is_html else None).text
    said = expected["body_must_contain"] or ([expected["body"]] if expected["body"] else [])
    assert all(words in text for words in said)
    assert not any(words in text for words in expected["body_must_not_contain"] or [])
    assert bool(text) is bool(expected["body"])
    assert not any(change.makes_item for change in others if isinstance(change, FeedbackChange))


def _instants(meaning: dict[str, object]) -> dict[str, object]:
    """Read times, which may be written with three or six decimals."""
    return {
        name: datetime.fromisoformat(value) if name.endswith("_at") and isinstance(value, str) else value
        for name, value in meaning.items()
    }
