"""What our engine says where a count of complaints misleads: described, because some of it no method can tell."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Final

from bench.panel import ours, score
from bench.panel.hard import HARD, variants
from bench.panel.ours import Said
from bench.report import Emit, say
from models.values.verdicts import Word

COUNT: Final = 400
_SEED: Final = ours.RECORD_SEED + 500_000


def run(emit: Emit) -> None:
    """Print, for every situation and what is known in it, the words said and whether the interval holds."""
    for ratio in (1.0, 0.5):
        with ProcessPoolExecutor(ours.WORKERS) as pool:
            found = dict(zip(HARD, pool.map(partial(_said, ratio=ratio), HARD), strict=True))
        for name, by_variant in found.items():
            say(f"{name}: {HARD[name].description} {HARD[name].advice}")
            for variant, said in by_variant.items():
                what = f"{name}, {variant}, release {'does nothing' if ratio == 1 else f'{ratio - 1:+.0%}'}"
                words = {word: said.share(word) for word in Word}
                told = ", ".join(f"{word} {100 * part:.0f}" for word, part in words.items() if part >= 0.005)
                covers = score.coverage({"": said.answer}, ratio)[""].value
                emit(
                    f"{what}: fell",
                    100 * words[Word.FELL],
                    "%",
                    f"{told}; interval covers {100 * covers:.0f}",
                )


def _said(name: str, *, ratio: float) -> dict[str, Said]:
    hard = HARD[name]
    cases = hard.draw(ratio, COUNT, _SEED + 10 * list(HARD).index(name) + round(10 * ratio))
    return {variant: ours.judge(some) for variant, some in variants(hard, cases).items()}
