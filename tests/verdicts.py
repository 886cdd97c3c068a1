"""A verdict as stage `measure` stores it, for tests that do not ask how it was reached."""

from datetime import date

from models.values.verdicts import Grade, Word
from tests.clock import NOON


def verdict_row(release: int, theme: int, **chosen: object) -> dict[str, object]:
    """Return the row of a verdict; theme 0 is all complaints together."""
    return {
        "release_id": release,
        "theme_key": theme,
        "theme_id": theme or None,
        "link_id": None,
        "link_state": None,
        "segment": "all",
        "look": 1,
        "method_version": "tests",
        "theme_revision": 1,
        "word": Word.FELL,
        "grade": Grade.D,
        "effect": 0.5,
        "low": 0.4,
        "high": 0.6,
        "decision_low": 0.4,
        "decision_high": 0.6,
        "shrunk_effect": 0.6,
        "p_value": 0.001,
        "expected": 20.0,
        "observed": 10.0,
        "rate_unit": "complaints",
        "bound": 0.6,
        "mde": 0.3,
        "judgeable_on": None,
        "reasons": [],
        "checks": [],
        "periods": [],
        "quotes": [],
        "read_through": date(2026, 6, 29),
        "input_hash": "a" * 64,
        "created_at": NOON,
        **chosen,
    }
