"""How often our engine cries wolf, how often it sees an effect, how often its interval is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from bench.panel import ours, score
from bench.panel.ours import Said
from bench.panel.score import Share
from bench.report import Emit, say
from models.values.series import Floats
from models.values.verdicts import Word

NULL_SERIES: Final = 2_000
EFFECT_SERIES: Final = 1_000
EFFECTS: Final = (0.8, 0.5)
CALLS: Final = (Word.FELL, Word.ROSE)
NO_ANSWER: Final = (Word.CANNOT_TELL, Word.TOO_EARLY)
ALPHA: Final = 0.03
MIX: Final = "half of the releases do nothing, a quarter -20%, a quarter -50%"


def run(emit: Emit, *, null: int = NULL_SERIES, effect: int = EFFECT_SERIES) -> dict[float, dict[str, Said]]:
    """Print the error rates of record; return what was said at the final look, by ratio and regime."""
    looked = ours.look_answers(ratio=1.0, count=null)
    final = {1.0: {regime: looks[-1] for regime, looks in looked.items()}}
    for ratio in EFFECTS:
        final[ratio] = ours.final_answers(ratio=ratio, count=effect)
    _tell_table(final)
    _false_alarms(emit, looked)
    _coverage(emit, final)
    _power(emit, final)
    _power_were_noise_known(emit, final)
    _shrinkage(emit, final)
    _unchanged(emit, final)
    return final


def _false_alarms(emit: Emit, looked: Mapping[str, Sequence[Said]]) -> None:
    final = {regime: looks[-1] for regime, looks in looked.items()}
    at_final = _words(final, *CALLS)
    _mean_and_worst(emit, "false alarms at the final look", at_final, average=3, worst=5)
    at_any = {
        regime: score.share(np.any([np.isin(said.word, CALLS) for said in looks], axis=0))
        for regime, looks in looked.items()
    }
    _mean_and_worst(emit, "false alarms at any look", at_any, average=3.5, worst=5)
    none = score.mean(_words(final, *NO_ANSWER))
    emit("cannot_tell and too_early at the final look, nothing happened", 100 * none.value, "%", "printed")
    after_spike = {name: each for name, each in _words(final, Word.FELL).items() if name.startswith("select")}
    name, most = score.largest(after_spike)
    emit("wrong fell after a spike-timed release, worst regime", 100 * most.value, "%", f"at most 5 ({name})")


def _mean_and_worst(
    emit: Emit, what: str, shares: Mapping[str, Share], *, average: float, worst: float
) -> None:
    mean, (name, most) = score.mean(shares), score.largest(shares)
    emit(f"{what}, mean of regimes", 100 * mean.value, "%", f"at most {average}")
    emit(
        f"{what}, worst regime", 100 * most.value, "%", f"at most {worst} ({name}, +-{100 * most.error:.1f})"
    )


def _coverage(emit: Emit, final: Mapping[float, Mapping[str, Said]]) -> None:
    for ratio, found in final.items():
        shares = score.coverage(ours.answers(found), ratio)
        name, least = min(shares.items(), key=lambda item: item[1].value)
        what = "no effect" if ratio == 1 else f"{ratio - 1:+.0%}"
        emit(f"95% interval covers, {what}, mean", 100 * score.mean(shares).value, "%", "95")
        told = f"at least 93 ({name}, +-{100 * least.error:.1f})"
        emit(f"95% interval covers, {what}, worst regime", 100 * least.value, "%", told)


def _power(emit: Emit, final: Mapping[float, Mapping[str, Said]]) -> None:
    for ratio, target in zip(EFFECTS, (16, 75), strict=True):
        mean = score.mean(_words(final[ratio], Word.FELL))
        emit(f"fell said at {ratio - 1:+.0%}, mean of regimes", 100 * mean.value, "%", f"at least {target}")
    for regime in ("ramp_10", "novelty_10"):
        seen = _words(final[0.5], Word.FELL)[regime]
        emit(f"fell said at -50%, {regime}", 100 * seen.value, "%", "at least 70")


def _power_were_noise_known(emit: Emit, final: Mapping[float, Mapping[str, Said]]) -> None:
    """Print what the same p-values would see with a threshold of each regime's own, read off its null series.

    No method has that knowledge from one series; it bounds what learning the noise elsewhere could add to ours.
    """
    null = ours.answers(final[1.0])
    own = {regime: score.equal_honesty({regime: null[regime].p_value}, worst=ALPHA) for regime in null}
    for ratio in EFFECTS:
        each = ours.answers(final[ratio])
        seen = {
            regime: score.power({regime: each[regime]}, threshold)[regime]
            for regime, threshold in own.items()
        }
        what = f"falls seen at {ratio - 1:+.0%} were each regime's noise known (3% false alarms in each)"
        emit(what, 100 * score.mean(seen).value, "%", "a limit: what knowing the noise could add")


def _shrinkage(emit: Emit, final: Mapping[float, Mapping[str, Said]]) -> None:
    errors = {ratio: (_log_errors(final[ratio], ratio, shrunk=True)) for ratio in EFFECTS}
    raw = {ratio: (_log_errors(final[ratio], ratio, shrunk=False)) for ratio in EFFECTS}
    told = f"at most .05 either way; {MIX}"
    emit("mean log error of the shrunk effect among fell", _joined_mean(errors), "log ratio", told)
    emit("mean log error of the plain effect among fell", _joined_mean(raw), "log ratio", "the shrunk one")
    for ratio in EFFECTS:
        what = f"mean log error of the shrunk effect among fell, {ratio - 1:+.0%} alone"
        emit(what, float(errors[ratio].mean()), "log ratio", f"plain: {raw[ratio].mean():.3f}")


def _log_errors(found: Mapping[str, Said], ratio: float, *, shrunk: bool) -> Floats:
    each = [
        np.log((said.shrunk if shrunk else said.answer.effect)[said.word == Word.FELL] / ratio)
        for said in found.values()
    ]
    return np.concatenate(each)


def _joined_mean(errors: Mapping[float, Floats]) -> float:
    return float(np.concatenate(list(errors.values())).mean())


def _unchanged(emit: Emit, final: Mapping[float, Mapping[str, Said]]) -> None:
    for ratio, found in final.items():
        mean = score.mean(_words(found, Word.UNCHANGED))
        what = "it is true" if ratio == 1 else f"the truth is {ratio - 1:+.0%}"
        emit(f"unchanged said when {what}", 100 * mean.value, "%", "printed" if ratio == 1 else "at most 2")


def _words(found: Mapping[str, Said], *words: Word) -> dict[str, Share]:
    return {regime: score.share(np.isin(said.word, words)) for regime, said in found.items()}


def _tell_table(final: Mapping[float, Mapping[str, Said]]) -> None:
    """Tell a person who watches how each regime fares."""
    say(f"{'regime':16s} fell, rose at no effect; interval covers 1, .8, .5; fell at .8, .5; no answer (%)")
    for regime, null in final[1.0].items():
        calls = [null.share(Word.FELL), null.share(Word.ROSE)]
        covers = [score.coverage({"": final[ratio][regime].answer}, ratio)[""].value for ratio in final]
        seen = [final[ratio][regime].share(Word.FELL) for ratio in EFFECTS]
        row = (*calls, *covers, *seen, null.share(*NO_ANSWER))
        say(f"{regime:16s} " + " ".join(f"{100 * value:6.1f}" for value in row))
