"""Logs: one line for each event, with the ids of the request or the work, and never what a customer wrote.

Nothing is shown because it happens to be there. Of a value, numbers, moments and enums are shown, and short words
under the keys of `WORDS_OF`; of an exception, its type and its frames, for its message may quote a ticket; of another
library's message, the template without its words. What is left out is shown as `…`.
"""

import logging
import math
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, cast

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.stdlib import BoundLogger, ProcessorFormatter

from models.jobs import Chore, Job, Queue, WorkState
from models.settings import Settings

LEFT_OUT = "…"
WORDS_OF = frozenset(
    {
        *("chore", "error", "kind", "method", "outcome", "place", "program", "queue", "request_id", "role"),
        *("route", "service", "stage", "state", "task_id", "version", "worker"),
    }
)
"""Keys under which a word of ours may stand; anything else in words is left out."""

_WORD = re.compile(r"[A-Za-z0-9._:@/{}+-]{1,120}")
_OUR_WORDS = frozenset(str(word) for kind in (Job, Chore, Queue, WorkState) for word in kind)
_TRUSTED = ("ebb", "uvicorn", "celery", "kombu", "amqp", "alembic", "sqlalchemy", "asyncio")
"""Loggers whose messages without arguments are constants up to the first bracket or end of line."""
_CONVERSION = re.compile(r"%(?:\((?P<key>[^)]*)\))?[#0\- +]*[\d*]*(?:\.[\d*]+)?[hlL]?(?P<kind>[a-zA-Z%])")
_MOST_FRAMES = 30
_MOST_CAUSES = 8
_ROOT = f"{Path(__file__).resolve().parents[1]}/"
_LIBRARY = re.compile(r"^.*/(?:site-packages|python3\.\d+)/")
_QUIET = ("httpx", "httpcore", "sentence_transformers")
"""Libraries that tell of each step at INFO."""

Event = MutableMapping[str, Any]


def configure(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send every log line of this process to `stream` (default: stderr) in the format of the settings.

    Takes the place of handlers that are there already, also uvicorn's, whose access log is turned off: ours names
    routes instead of paths. Exceptions that nobody catches, and warnings, become log lines too. Celery must be told
    to leave the handlers alone: `worker_hijack_root_logger = False`.
    """
    # A line that cannot be written would be printed with its arguments.
    logging.raiseExceptions = False
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(settings.log_format))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    _catch_the_uncaught()


def get_logger(name: str) -> BoundLogger:
    """Return a logger: `log.info("what happened", key=value)`; the event is a constant, values are filtered.

    Works before `configure` too: the line then goes wherever the process sends its log, as filtered.
    """
    return cast(
        BoundLogger,
        structlog.wrap_logger(
            logging.getLogger(name),
            processors=[
                structlog.stdlib.filter_by_level,
                merge_contextvars,
                _filter_values,
                _hand_over,
            ],
            wrapper_class=BoundLogger,
            # Bound once here, and not anew for every line.
        ).bind(),
    )


@contextmanager
def bound(**ids: object) -> Iterator[None]:
    """Add ids to every line logged inside the block, by whichever library: `bound(stage=…, work=…, workspace=…)`."""
    with bound_contextvars(**ids):
        yield


def describe(error: BaseException) -> list[dict[str, object]]:
    """Describe an exception and its causes, outermost first: type, and frames from the outermost call inwards.

    Neither messages nor notes nor local values are told: they may hold a customer's words.
    """
    found: list[dict[str, object]] = []
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting and len(found) < _MOST_CAUSES:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        found.append({"type": type_name(each), "frames": _frames(each.__traceback__)})
        cause = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        waiting += [cause] if cause is not None else []
        waiting += each.exceptions if isinstance(each, BaseExceptionGroup) else []
    return found


def type_name(error: BaseException) -> str:
    """Name an exception's type: `ValueError`, `sqlalchemy.exc.OperationalError`."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _frames(trace: TracebackType | None) -> list[str]:
    frames = [
        f"{_short(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(trace)
    ]
    return frames if len(frames) <= _MOST_FRAMES else [LEFT_OUT, *frames[-_MOST_FRAMES:]]


def _short(file: str) -> str:
    """Name a file from our root, or from the folder of the library it belongs to."""
    return _LIBRARY.sub("", file.removeprefix(_ROOT))


def _shown(value: object, *, word: bool) -> object:
    """Return what may be shown of a value: itself, its plain form, or `…`."""
    if isinstance(value, Enum):
        return _shown(value.value, word=True)
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else str(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, BaseException):
        return type_name(value)
    is_shown = isinstance(value, str) and (value in _OUR_WORDS or (word and _WORD.fullmatch(value)))
    return str(value) if is_shown else LEFT_OUT


def _filter_values(_: object, __: str, event: Event) -> Event:
    """Filter the values of a line of ours; runs before the line leaves for a handler that might show everything."""
    filtered: Event = {"event": event.pop("event", "")}
    error = event.pop("exc_info", None)
    for key, value in event.items():
        filtered[key] = _shown(value, word=key in WORDS_OF)
    return _with_exception(filtered, error)


def _hand_over(logger: Any, name: str, event: Event) -> tuple[tuple[Event], dict[str, Any]]:
    """Hand a filtered line to the standard library's logging, which would add the exception being handled."""
    arguments, named = ProcessorFormatter.wrap_for_formatter(logger, name, event)
    return arguments, {**named, "exc_info": None}


def _with_exception(event: Event, given: object) -> Event:
    """Add an exception's description; `given` is what logging takes: an exception, its triple, or True."""
    if given is True:
        given = sys.exc_info()
    if isinstance(given, tuple):
        given = given[1]
    if isinstance(given, BaseException):
        event["exception"] = describe(given)
    return event


def _tell_foreign(_: object, __: str, event: Event) -> Event:
    """Rewrite a line of the standard library's logging: its template, with what may be shown of its arguments."""
    record: logging.LogRecord = event["_record"]
    arguments = event.pop("positional_args", None)
    error = event.pop("exc_info", None)
    event.pop("stack_info", None)
    event["event"] = _message(record, arguments)
    merged = merge_contextvars(None, "", {})
    event.update({key: _shown(value, word=key in WORDS_OF) for key, value in merged.items()})
    return _with_exception(event, error)


def _message(record: logging.LogRecord, arguments: object) -> str:
    if not isinstance(record.msg, str):
        return f"{type(record.msg).__name__} {LEFT_OUT}"
    if arguments:
        return _fill(record.msg, arguments)
    if record.name.partition(".")[0] in _TRUSTED:
        return re.split(r"[\n(<{\[]", record.msg, maxsplit=1)[0].strip()
    return LEFT_OUT


def _fill(template: str, arguments: object) -> str:
    """Put into a %-template what may be shown of its arguments."""
    named = arguments if isinstance(arguments, Mapping) else {}
    following = iter(arguments if isinstance(arguments, tuple) else ())

    def shown(match: re.Match[str]) -> str:
        if match["kind"] == "%":
            return "%"
        key = match["key"]
        value = next(following, LEFT_OUT) if key is None else named.get(key)
        return str(_shown(value, word=key in WORDS_OF))

    return _CONVERSION.sub(shown, template)


def _formatter(shape: str) -> ProcessorFormatter:
    render = structlog.processors.JSONRenderer(ensure_ascii=False) if shape == "json" else _render_text
    return ProcessorFormatter(
        foreign_pre_chain=[_tell_foreign],
        processors=[_in_order, render],
        use_get_message=False,
        pass_foreign_args=True,
    )


def _in_order(_: object, __: str, event: Event) -> Event:
    """Put time, level, logger, event first; the exception last. Line ends inside values become spaces."""
    record: logging.LogRecord = event.pop("_record")
    event.pop("_from_structlog", None)
    moment = datetime.fromtimestamp(record.created, UTC)
    told = " ".join(str(event.pop("event", "")).split())
    exception = event.pop("exception", None)
    line: Event = {
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": told,
        **dict(sorted(event.items())),
    }
    return line if exception is None else {**line, "exception": exception}


def _render_text(_: object, __: str, event: Event) -> str:
    exceptions = event.pop("exception", [])
    head = [event.pop(key) for key in ("time", "level", "logger", "event")]
    lines = [
        " ".join([*map(str, head), *(f"{key}={value}" for key, value in event.items() if value is not None)])
    ]
    for number, each in enumerate(exceptions):
        lines.append(f"    {'because of ' if number else ''}{each['type']}")
        lines += [f"      {frame}" for frame in each["frames"]]
    return "\n".join(lines)


def _catch_the_uncaught() -> None:
    """Log what Python itself would print with its message: uncaught exceptions of any thread, and warnings."""
    log = get_logger("ebb.process")

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("nobody caught an exception", exc_info=error)

    def in_thread(told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None and not issubclass(told.exc_type, SystemExit):
            log.critical("nobody caught an exception of a thread", exc_info=told.exc_value)

    def unraisable(told: Any) -> None:
        log.error("an exception could not be raised", exc_info=told.exc_value)

    def warned(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object
    ) -> None:
        log.warning("a library warns", kind=category.__name__, place=f"{_short(filename)}:{lineno}")

    sys.excepthook = uncaught
    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
    warnings.showwarning = cast(Any, warned)
