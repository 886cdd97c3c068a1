"""Logs: what a line holds, and that nothing a customer wrote gets into one, whichever way it is offered."""

import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from models.database import Database
from models.jobs import Job
from models.language.encode import FloatArray, WordHashEncoder
from models.logs import bound, configure, get_logger, type_name
from models.settings import Settings
from tests import factories
from tests.clock import Clock
from tests.services import settings_for
from tests.workers.tickets import deliver, entry
from workers import apply
from workers.context import Context
from workers.run import run_batch
from workers.stages import build_stages

POISON = "our invoice leaked zebra-4711"
WORD = "zebra-4711"


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    """Logging belongs to the whole process; pytest wants its own back."""
    root = logging.getLogger()
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "httpcore", "sentence_transformers")
    kept = [(logging.getLogger(name), logging.getLogger(name).__dict__.copy()) for name in names]
    before = (root.handlers[:], root.level, logging.raiseExceptions)
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning)
    yield
    root.handlers[:], logging.raiseExceptions = before[0], before[2]
    root.setLevel(before[1])
    for logger, state in kept:
        logger.__dict__.update(state)
        logger.setLevel(state["level"])
    sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks


class Written:
    """What was logged since the format was chosen."""

    def __init__(self, shape: Literal["text", "json"], level: Literal["DEBUG", "INFO"] = "DEBUG") -> None:
        self.stream = io.StringIO()
        self.settings = Settings(log_format=shape, log_level=level)
        configure(self.settings, stream=self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture(params=["text", "json"])
def written(request: pytest.FixtureRequest) -> Written:
    return Written(request.param)


def test_a_line_says_when_how_bad_who_what_and_for_which_work() -> None:
    written = Written("json")
    with bound(stage=Job.EMBED, work=7, workspace=3, attempt=2):
        get_logger("ebb.worker").warning("a batch failed", items=12, seconds=0.25, is_last=True)
        logging.getLogger("ebb.other").info("%d items of %s", 12, Job.EMBED)
    get_logger("ebb.worker").info("idle")
    first, second, third = written.lines
    moment = datetime.fromisoformat(str(first.pop("time")))
    assert abs(moment - datetime.now(UTC)) < timedelta(minutes=1)
    assert first == {
        "level": "warning",
        "logger": "ebb.worker",
        "event": "a batch failed",
        "stage": "embed",
        "work": 7,
        "workspace": 3,
        "attempt": 2,
        "items": 12,
        "seconds": 0.25,
        "is_last": True,
    }
    assert (second["event"], second["work"]) == ("12 items of embed", 7)
    assert "work" not in third


def test_a_line_for_people_holds_the_same() -> None:
    written = Written("text")
    with bound(request_id="r-1"):
        get_logger("ebb.access").info("request", route="/v1/themes/{theme_id}", ms=1.5, workspace=None)
    assert written.text.endswith(
        " info ebb.access request ms=1.5 request_id=r-1 route=/v1/themes/{theme_id}\n"
    )


def test_lines_below_the_level_are_not_written() -> None:
    written = Written("text", "INFO")
    get_logger("ebb.x").debug("quiet")
    get_logger("ebb.x").info("loud")
    assert "quiet" not in written.text
    assert "loud" in written.text


def fail(text: str, **_: object) -> None:
    hidden = text
    raise ValueError(f"cannot read {hidden}")


def fail_with_company(text: str) -> None:
    """Raise a group that holds a noted error with a cause and a context, all with the text in them."""
    try:
        try:
            fail(text)
        except ValueError as error:
            error.add_note(text)
            raise KeyError(text) from error
    except KeyError as error:
        raise ExceptionGroup(text, [error, PermissionError(text)]) from error


def log_exception(write: Callable[[], None]) -> None:
    try:
        fail_with_company(POISON)
    except ExceptionGroup:
        write()


WAYS: dict[str, Callable[[], object]] = {
    "as a value": lambda: get_logger("ebb.x").info("read", text=POISON, body=POISON.encode(), name=WORD),
    "as a value of several words under a known key": lambda: get_logger("ebb.x").info("read", kind=POISON),
    "inside other values": lambda: get_logger("ebb.x").info(
        "read", all=[POISON], by={POISON: 1}, kind=[WORD]
    ),
    "as an exception": lambda: log_exception(lambda: get_logger("ebb.x").exception("failed")),
    "as an exception of the standard library's": lambda: log_exception(
        lambda: logging.getLogger("library").exception("failed")
    ),
    "as an argument": lambda: logging.getLogger("celery.x").error("%s and %r", POISON, WORD),
    "as a named argument": lambda: logging.getLogger("celery.x").error("%(exc)s", {"exc": POISON}),
    "as an exception in an argument": lambda: logging.getLogger("celery.x").error("%r", ValueError(POISON)),
    "as an argument of too many": lambda: logging.getLogger("celery.x").error("%s", POISON, POISON),
    "as an argument of the wrong kind": lambda: logging.getLogger("celery.x").error("%d", POISON),
    "in another library's whole message": lambda: logging.getLogger("library").error(f"lost {POISON}"),
    "on the second line of a message": lambda: logging.getLogger("uvicorn.error").error(f"failed\n{POISON}"),
    "as asyncio shows a callback": lambda: logging.getLogger("asyncio").error(
        f"Exception in callback store({POISON!r})\nhandle: <Handle {POISON}>"
    ),
    "as an object": lambda: logging.getLogger("library").error(ValueError(POISON)),
    "as an extra": lambda: logging.getLogger("library").error("%d", 1, extra={"text": POISON}),
    "as an id": lambda: log_with_id(POISON),
    "as a warning": lambda: warnings.warn(POISON, stacklevel=1),
    "in a thread": lambda: run_in_thread(fail, POISON),
    "in a method that must not raise": lambda: Undying().__del__(),
}


def log_with_id(text: str) -> None:
    with bound(request_id=text, theme=text):
        get_logger("ebb.x").info("read")
        logging.getLogger("library").error("%d", 1)


def run_in_thread(act: Callable[[str], None], text: str) -> None:
    thread = threading.Thread(target=act, args=(text,), name=text)
    thread.start()
    thread.join()


class Undying:
    def __del__(self) -> None:
        try:
            fail(POISON)
        except ValueError as error:
            sys.unraisablehook(Unraisable(error))  # type: ignore[arg-type]


class Unraisable:
    def __init__(self, error: ValueError) -> None:
        self.exc_value, self.object = error, POISON


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("default")
def test_no_way_leads_a_customers_text_into_a_log(written: Written, way: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure(written.settings, stream=written.stream)  # the block above has put warnings back
        WAYS[way]()
    assert written.text.count("\n") >= 1, "nothing was logged"
    assert "zebra" not in written.text
    assert "invoice" not in written.text


def test_of_an_exception_the_types_and_the_places_are_told() -> None:
    written = Written("json")
    log_exception(lambda: get_logger("ebb.x").exception("failed"))
    told = written.lines[0]["exception"]
    assert isinstance(told, list)
    assert [each["type"] for each in told] == ["ExceptionGroup", "KeyError", "PermissionError", "ValueError"]
    assert told[-1]["frames"][-1].startswith("tests/models/test_logs.py:")
    assert told[-1]["frames"][-1].endswith(" fail")


def test_a_deep_exception_is_cut_and_a_ring_of_causes_ends() -> None:
    def fall(depth: int) -> None:
        fall(depth + 1)

    written = Written("json")
    try:
        fall(0)
    except RecursionError as error:
        other = ValueError()
        error.__cause__, other.__cause__ = other, error
        get_logger("ebb.x").error("failed", exc_info=error)
    told = written.lines[0]["exception"]
    assert isinstance(told, list)
    assert [each["type"] for each in told] == ["RecursionError", "ValueError"]
    assert len(told[0]["frames"]) < 40


def test_values_of_several_lines_stay_on_theirs(written: Written) -> None:
    logging.getLogger("celery.x").error("first\nsecond %d", 3)
    get_logger("ebb.x").info("a\nb", kind="x\ny")
    assert len(written.text.splitlines()) == 2
    assert "first second 3" in written.text


def test_a_template_of_a_library_is_filled_with_what_may_be_shown() -> None:
    written = Written("json")
    arguments = {"stage": "embed", "state": POISON, "n": 3}
    logging.getLogger("celery.x").info("%(stage)s %(state)s %(n)5.2f %% %(missing)s", arguments)
    logging.getLogger("celery.beat").info("due: %s (%s), %s", "remind", POISON, ValueError(POISON))
    assert [line["event"] for line in written.lines] == ["embed … 3 % None", "due: remind (…), ValueError"]


def test_uvicorns_access_log_is_off_and_its_errors_pass() -> None:
    logging.getLogger("uvicorn.access").addHandler(logging.StreamHandler(sys.stderr))
    written = Written("json")
    logging.getLogger("uvicorn.access").critical("GET /%s", POISON)
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\n")
    assert [line["event"] for line in written.lines] == ["Exception in ASGI application"]
    assert not logging.getLogger("uvicorn.access").hasHandlers()


def test_a_line_before_the_log_is_set_up_is_filtered_too() -> None:
    code = (
        "from models.logs import get_logger\n"
        "try: raise ValueError('zebra')\n"
        "except ValueError: get_logger('ebb.x').exception('failed', text='zebra', work=7)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "zebra" not in done.stdout + done.stderr
    assert "'work': 7" in done.stderr


def test_a_program_that_ends_by_an_exception_logs_it_without_its_message() -> None:
    code = (
        "from models.logs import configure\nfrom models.settings import Settings\n"
        "configure(Settings(log_format='json'))\nraise ValueError('zebra')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    line = json.loads(done.stderr)
    assert line["exception"][0]["type"] == "ValueError"
    assert "zebra" not in done.stderr


class Chatty(WordHashEncoder):
    """An encoder that quotes what it could not encode, as libraries do."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        raise ValueError(f"cannot encode {list(texts)!r}")


@pytest.mark.parametrize("place", ["parser", "encoder"])
def test_a_ticket_that_breaks_a_stage_leaves_no_word_in_the_log(
    sqlite: Database, clock: Clock, written: Written, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "parser":
        monkeypatch.setattr(apply, "own_words", fail)
    context = Context(sqlite, settings_for(sqlite), lambda _: Chatty(), clock)
    workspace = factories.workspace(sqlite)
    with sqlite.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
    deliver(context, workspace, source, entry(text=f"{POISON}. Please help."), entry(2, text=f"{POISON}!"))
    stages = build_stages(context.settings)
    while run_batch(context, stages):
        pass
    assert "ValueError" in written.text
    assert "zebra" not in written.text
    assert "invoice" not in written.text


def test_the_place_of_a_librarys_frame_is_told_from_its_folder() -> None:
    written = Written("json")
    with pytest.raises(ValueError) as caught:
        json.loads("{")
    get_logger("ebb.x").error("failed", error=type_name(caught.value), exc_info=caught.value)
    (line,) = written.lines
    assert line["error"] == "json.decoder.JSONDecodeError"
    assert '"json/decoder.py:' in written.text
