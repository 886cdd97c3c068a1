"""The impact engine on record: error rates, power, peers, published answers, hard cases and speed.

Every figure comes from seeds that were not used while the engine was made. About half an hour on two cores.
"""

from __future__ import annotations

import time
from pathlib import Path

from bench.panel import against, by_account, honesty, misleading, planning, real, speed, unexposed
from bench.report import Emit, say


def run(emit: Emit, _folder: Path) -> None:
    """Measure everything, the time-critical part first and alone."""
    started = time.monotonic()
    speed.run(emit)
    final = honesty.run(emit)
    say(f"error rates after {time.monotonic() - started:.0f} s")
    against.run(emit, final)
    say(f"peers after {time.monotonic() - started:.0f} s")
    unexposed.run(emit)
    by_account.run(emit)
    planning.run(emit)
    misleading.run(emit)
    real.run(emit)
    say(f"done after {time.monotonic() - started:.0f} s")
