"""The embedded worker with an encoder that needs no model: `python -m tests.chaos.worker [--real] [--forever]`."""

import os
import sys

from models import logs
from models.language.encode import WordHashEncoder
from models.settings import load_settings
from workers.__main__ import stop_event
from workers.context import build_context
from workers.run import run_forever, run_until_idle
from workers.stages import build_stages


def main() -> None:
    """Say `ready` once the programs are loaded, then work; parents kill us in between."""
    settings = load_settings()
    context = build_context(settings)
    if "--real" not in sys.argv:
        context.load_encoder = lambda _dtype: WordHashEncoder()
    stages = build_stages(settings)
    if "--forever" in sys.argv:
        logs.configure(settings)
        run_forever(context, stages, stop=stop_event())
        return
    _tell("ready\n")
    run_until_idle(context, stages, on_batch=lambda job, count: _tell(f"{job} {count}\n"))


def _tell(line: str) -> None:
    os.write(1, line.encode())


if __name__ == "__main__":
    main()
