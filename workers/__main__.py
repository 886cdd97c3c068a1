"""Run the embedded worker: `python -m workers [--until-idle]`."""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence

from models.database import Database
from models.errors import EbbError
from models.language.encode import Encoder
from models.settings import Settings, load_settings
from workers.context import Context, utc_now
from workers.progress import Reporter
from workers.run import run_forever, run_until_idle
from workers.stages import build_stages


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until told to stop, or until nothing is due; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("--until-idle", action="store_true", help="stop when nothing is due")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
    except EbbError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    logging.basicConfig(
        level=settings.log_level, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    # It tells of every model it loads; between lines of progress that helps nobody.
    logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
    context = build_context(settings)
    stages = build_stages(settings)
    if options.until_idle:
        reporter = Reporter(context.database, context.clock)
        run_until_idle(context, stages, on_batch=reporter)
        reporter.close()
    else:
        run_forever(context, stages, stop=_stop_event())
    context.database.close()
    return 0


def build_context(settings: Settings) -> Context:
    """Build the world of a worker process; the encoder is loaded when the first item needs it."""

    def load_encoder(dtype: str) -> Encoder:
        # Imported here: torch costs seconds and hundreds of megabytes, and many runs never need it.
        from workers.encoder import SentenceEncoder

        return SentenceEncoder(dtype=dtype, threads=settings.encoder_threads or os.cpu_count() or 1)

    database = Database(settings.database_url, synchronous=settings.sqlite_synchronous)
    return Context(database, settings, load_encoder, utc_now)


def _stop_event() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


if __name__ == "__main__":
    sys.exit(main())
