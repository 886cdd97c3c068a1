"""`ebb doctor`: what runs, what waits, and what needs a person."""

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

import typer

from models.database import Database, Session
from models.jobs import Chore, Queue
from models.queries.liveness import LONGEST_WAIT_S, Liveness, last_refused, read_liveness, silence_of
from models.sealing import keyring
from models.settings import PREFIX, Settings, load_settings
from service.commands.doctor_deliveries import tell_unread
from service.commands.doctor_secrets import read_secrets, tell_secrets
from service.commands.findings import Finding
from service.patience import Patience, Unanswered
from service.unread import read_unread

BROKER_WITHIN_S = 2.0
DATABASE_WITHIN_S = 5.0
LEAST_FREE_MB = 500
REFUSED_SHOWN = 5

T = TypeVar("T")


class WorkerKind(StrEnum):
    """What can be asked after: a worker of one of the broker's queues, the embedded one, or beat."""

    DEFAULT = Queue.DEFAULT.value
    EMBED = Queue.EMBED.value
    EMBEDDED = "embedded"
    BEAT = "beat"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    settings: Annotated[bool, typer.Option("--settings", help="List every setting instead.")] = False,
    worker: Annotated[
        WorkerKind | None,
        typer.Option(help="Say only whether this machine's worker of this kind lives, or whether beat does."),
    ] = None,
) -> None:
    """Check settings, database, broker, workers and the work that waits; exit 3 if something needs a person."""
    if settings:
        _tell(_settings_table(), as_json)
        return
    chosen = load_settings()
    findings = [*(_examine(chosen) if worker is None else _examine_worker(chosen, worker))]
    advice = [each.advice for each in findings if each.advice]
    verdict = f"needs a person: {'; '.join(advice)}" if advice else "healthy"
    _tell({**{each.name: each.value for each in findings}, "verdict": verdict}, as_json)
    if advice:
        raise typer.Exit(3)


def _tell(found: dict[str, str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        typer.echo(f"{name:<32} {value}")


def _settings_table() -> dict[str, str]:
    return {
        f"{PREFIX}{name.upper()}": f"{field.description} Default: {field.default}."
        for name, field in Settings.model_fields.items()
    }


def _examine(settings: Settings) -> Iterator[Finding]:
    database = Database(settings.database_url)
    try:
        yield Finding("database", database.url.render_as_string(hide_password=True))
        if database.is_sqlite:
            yield _free_space(Path(str(database.url.database)).absolute().parent)
        yield from _examine_database(database, settings)
        yield from _examine_broker(settings.broker_url)
    finally:
        database.close()


def _examine_database(database: Database, settings: Settings) -> Iterator[Finding]:
    patience = Patience(DATABASE_WITHIN_S)
    try:
        if database.is_missing or not patience.ask(lambda: _is_current(database)):
            yield Finding("tables", "not current: run `ebb init`", "run `ebb init`")
            return
        yield Finding("tables", "current")
        if not database.is_sqlite:
            yield _wall(patience.ask(lambda: _is_walled(database)))
        now = datetime.now(UTC)
        found = patience.ask(_reading(database, lambda session: read_liveness(session, now=now)))
        yield from _work(found)
        yield from _workers(found, settings)
        yield from _chores(found, settings)
        yield from patience.ask(_reading(database, _refused))
        yield from tell_unread(patience.ask(lambda: read_unread(database)))
        keys = keyring(settings.sealing_key)
        yield from tell_secrets(patience.ask(lambda: read_secrets(database, keys)), keys)
    except Unanswered as unanswered:
        yield Finding(
            "database answers",
            f"no: {_cause(unanswered)}",
            "start the database, or mend EBB_DATABASE_URL",
        )


def _reading(database: Database, question: Callable[[Session], T]) -> Callable[[], T]:
    """Make a question to the database that a thread can ask; no workspace's rows are in it."""

    def ask() -> T:
        with database.read(workspace=None) as session:
            return question(session)

    return ask


def _is_current(database: Database) -> bool:
    # Imported here: the check of a worker runs every few seconds and needs no migrations.
    from migrations.run import is_current

    return is_current(database)


def _is_walled(database: Database) -> bool:
    from migrations.grants import is_walled

    return is_walled(database)


def _wall(stands: bool) -> Finding:
    told = (
        "stands: row-level security holds this user"
        if stands
        else "warning: this user owns the tables or is a superuser, so row-level security does not hold it; "
        "set EBB_OWNER_DATABASE_URL and run `ebb init`"
    )
    return Finding("wall between workspaces", told)


def _work(found: Liveness) -> Iterator[Finding]:
    yield Finding("work waiting", str(sum(stage.waiting for stage in found.stages)))
    is_late = found.oldest_due_s > LONGEST_WAIT_S
    yield Finding(
        "oldest due work (s)",
        f"{found.oldest_due_s:.0f}",
        "due work is not done: look at the workers and their log" if is_late else "",
    )
    yield Finding("work given up", str(found.dead), "see `ebb replay`" if found.dead else "")
    for stage in found.stages:
        if stage.waiting:
            oldest = f", the oldest due for {stage.oldest_due_s:.0f} s" if stage.oldest_due_s else ""
            yield Finding(f"waiting work, stage {stage.stage}", f"{stage.waiting}{oldest}")
        if stage.dead:
            yield Finding(f"dead work, stage {stage.stage}", str(stage.dead))


def _workers(found: Liveness, settings: Settings) -> Iterator[Finding]:
    """Tell of every worker; a person is needed where none of a kind that must be there shows itself."""
    for seen in found.workers:
        is_silent = seen.silent_s > settings.worker_silent_seconds
        word = "silent" if is_silent else "seen"
        ago = "for" if is_silent else "before"
        yield Finding(f"worker {seen.worker}", f"{word} {ago} {_span(seen.silent_s)}, version {seen.version}")
    silence = found.silent_s
    needed = [*Queue] if settings.broker_url else [kind for kind in ("embedded",) if kind in silence]
    for kind in needed:
        start = f"ebb worker --queue {kind}" if settings.broker_url else "ebb worker"
        if kind not in silence:
            yield Finding(f"workers, {kind}", "never seen", f"start `{start}`")
        elif silence[kind] > settings.worker_silent_seconds:
            yield Finding(f"workers, {kind}", f"none for {_span(silence[kind])}", f"start `{start}`")


def _chores(found: Liveness, settings: Settings) -> Iterator[Finding]:
    ages = {done.chore: done.age_s for done in found.chores}
    for chore, age in ages.items():
        yield Finding(f"chore {chore}", f"done {_span(age)} ago")
    if settings.broker_url and _is_beat_late(found, settings):
        yield Finding("beat", "announces nothing", "start `ebb beat`")


def _is_beat_late(found: Liveness, settings: Settings) -> bool:
    """Say whether nobody was reminded lately: only beat reminds, and more often than it does all else."""
    patience = max(10 * settings.remind_seconds, settings.worker_silent_seconds)
    ages = {done.chore: done.age_s for done in found.chores}
    return ages.get(Chore.REMIND, patience + 1) > patience


def _refused(session: Session) -> list[Finding]:
    return [
        Finding(
            f"refused calls, src_{refused.source}",
            f"{refused.count}, the last at {_moment(refused.last_at)} ({refused.name})",
        )
        for refused in last_refused(session, limit=REFUSED_SHOWN)
    ]


def _examine_broker(url: str) -> Iterator[Finding]:
    if not url:
        yield Finding("broker", "none: one embedded worker looks for work itself")
        return
    place = urlsplit(url)
    yield Finding("broker", f"{place.scheme}://{place.hostname or ''}:{place.port or ''}{place.path}")
    try:
        Patience(BROKER_WITHIN_S).ask(lambda: _greet(url))
    except Unanswered as unanswered:
        advice = "start the broker, or mend EBB_BROKER_URL; until then workers hear of nothing"
        yield Finding("broker answers", f"no: {_cause(unanswered)}", advice)
    else:
        yield Finding("broker answers", "yes")


def _greet(url: str) -> None:
    """Connect to the broker as a worker would, and leave; raises whatever goes wrong."""
    # Imported here: most installations have no broker.
    from kombu import Connection

    limits = {"socket_connect_timeout": BROKER_WITHIN_S, "socket_timeout": BROKER_WITHIN_S}
    options = limits if url.startswith("redis") else {}
    with Connection(url, connect_timeout=BROKER_WITHIN_S, transport_options=options) as connection:
        # One more try at once: a refusal is then told as such, and in time.
        connection.ensure_connection(
            max_retries=1, interval_start=0, interval_step=0, reraise_as_library_errors=False
        )


def _free_space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free // 1_000_000
    advice = f"make room in {folder}: less than {LEAST_FREE_MB} MB are free" if free < LEAST_FREE_MB else ""
    return Finding("free disk (MB)", str(free), advice)


def _examine_worker(settings: Settings, kind: WorkerKind) -> Iterator[Finding]:
    """Look for the one program that a health check asks for; nothing else is examined."""
    database = Database(settings.database_url)
    try:
        if kind is WorkerKind.BEAT:
            yield from _examine_beat(database, settings)
        else:
            yield from _examine_one(database, settings, f"{kind}@{socket.gethostname()}")
    except Unanswered as unanswered:
        yield Finding(str(kind), f"the database does not say: {_cause(unanswered)}", "see `ebb doctor`")
    finally:
        database.close()


def _examine_beat(database: Database, settings: Settings) -> Iterator[Finding]:
    """Look whether beat's reminders are taken: it keeps nothing itself."""
    now = datetime.now(UTC)
    found = Patience(DATABASE_WITHIN_S).ask(
        _reading(database, lambda session: read_liveness(session, now=now))
    )
    is_late = _is_beat_late(found, settings)
    yield Finding(
        "beat", "announces nothing" if is_late else "announces", "start `ebb beat`" if is_late else ""
    )


def _examine_one(database: Database, settings: Settings, worker: str) -> Iterator[Finding]:
    silent = Patience(DATABASE_WITHIN_S).ask(
        _reading(database, lambda session: silence_of(session, worker=worker, now=datetime.now(UTC)))
    )
    told = "never seen" if silent is None else f"seen before {_span(silent)}"
    is_alive = silent is not None and silent <= settings.worker_silent_seconds
    yield Finding(f"worker {worker}", told, "" if is_alive else "this worker does no work: look at its log")


def _cause(unanswered: Unanswered) -> str:
    """Say why there was no answer in the words of the driver, if it gave any; they hold no password."""
    cause = unanswered.__cause__
    words = str(getattr(cause, "orig", cause)).strip() if cause is not None else ""
    return words.splitlines()[0] if words else unanswered.reason


def _span(seconds: float) -> str:
    """Write a span so that a person takes it in: seconds up to two minutes, then `1:02:03`."""
    return f"{seconds:.0f} s" if seconds < 120 else str(timedelta(seconds=round(seconds)))


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
