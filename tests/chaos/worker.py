"""The embedded worker with an encoder that needs no model: `python -m tests.chaos.worker [--real]`."""

import os
import sys
from dataclasses import replace

from models.language.encode import Encoder, WordHashEncoder
from models.settings import load_settings
from workers.__main__ import build_context
from workers.run import run_until_idle
from workers.stages import build_stages


def main() -> None:
    """Say `ready` once the programs are loaded, then work until nothing is due; parents kill us in between."""
    settings = load_settings()
    context = build_context(settings)
    if "--real" not in sys.argv:
        context = replace(context, load_encoder=_word_hash)
    os.write(1, b"ready\n")
    stages = build_stages(settings)
    run_until_idle(context, stages, on_batch=lambda job, count: _tell(f"{job} {count}\n"))


def _word_hash(_dtype: str) -> Encoder:
    return WordHashEncoder()


def _tell(line: str) -> None:
    os.write(1, line.encode())


if __name__ == "__main__":
    main()
