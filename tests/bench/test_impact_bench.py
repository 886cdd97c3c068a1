"""The sections of the impact bench run, on a few series, and hand in the figures that the method page quotes."""

import pytest

from bench.panel import honesty, ours
from bench.report import Value
from models.values.verdicts import Word


def test_the_error_rates_of_every_regime_are_handed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six series a regime say nothing of the engine; the shares must add up all the same."""
    monkeypatch.setattr(ours, "RECORD_SEED", 10)
    figures: dict[str, Value] = {}
    final = honesty.run(
        lambda metric, value, unit, against: figures.update({metric: value}), null=6, effect=6
    )
    assert set(final) == {1.0, 0.8, 0.5}
    assert all(len(said.word) == 6 for found in final.values() for said in found.values())
    shares = [figures[name] for name in figures if name.startswith(("false alarms", "fell said", "95%"))]
    assert len(shares) == 14
    assert all(isinstance(share, float) and 0 <= share <= 100 for share in shares)
    at_final, at_any = (
        figures[f"false alarms at {when}, mean of regimes"] for when in ("the final look", "any look")
    )
    assert isinstance(at_final, float)
    assert isinstance(at_any, float)
    assert at_final <= at_any
    called = sum(said.share(Word.FELL, Word.ROSE) for said in final[1.0].values()) / 16
    assert at_final == pytest.approx(100 * called)
