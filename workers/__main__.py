"""Run the embedded worker: `python -m workers [--until-idle]`."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from models import logs
from models.errors import EbbError
from models.settings import load_settings
from workers.context import build_context
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
    logs.configure(settings)
    context = build_context(settings)
    stages = build_stages(settings)
    if options.until_idle:
        reporter = Reporter(context.database, context.clock)
        run_until_idle(context, stages, on_batch=reporter)
        reporter.close()
    else:
        run_forever(context, stages, stop=stop_event())
    context.database.close()
    return 0


def stop_event() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


if __name__ == "__main__":
    sys.exit(main())
