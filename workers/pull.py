"""Chore `pull`: ask the vendors for what changed, and store it as deliveries.

A source is leased, so that one process pulls it. What a request brought and where to go on are written in one
transaction: whoever dies between two requests loses nothing and doubles nothing, for a version that is stored is not
fetched again, and its delivery has a key. Waiting is a time in the row, never a sleeping worker.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

import httpx

from models import logs
from models.database import Session
from models.errors import Invalid
from models.queries import deliveries, pulls, workspaces
from models.queries.deliveries import DeliveryDraft
from models.queries.pulls import Progress, RecordDraft
from models.queries.sealed import token_of
from models.records import JsonObject, Pull, Source
from models.sealing import bound_to, keyring
from models.sources.pull import PULL_HEADER, Held, Puller, Refused, Stub, backoff, body_of, converse
from models.sources.pullers import address_of, puller_of
from workers.context import Context
from workers.vendor import OpenClient, Wire, open_client

log = logging.getLogger("ebb.pull")

CHUNK = 10
"""Records whose details are fetched before they are stored: so many requests a kill repeats at most."""
SPAN_S = 20.0
"""How long a source is pulled in one turn of the chore; more of it waits for the next turn."""
WANTED_AT_ONCE = 50
PUT_OFF = timedelta(minutes=15)
"""How long a record that could not be read is left alone."""

Budget = Callable[[], bool]
"""Says whether there is time for more."""


class Lost(Exception):
    """Somebody else has the source now, or it is set up anew: what was fetched is not stored."""


@dataclass(slots=True)
class Run:
    """One turn of pulling one source."""

    context: Context
    row: Pull
    source: Source
    puller: Puller
    wire: Wire
    lease: str
    renewed_at: datetime
    stored: int = 0
    # Told after each transaction.
    on_progress: Callable[["Run"], None] = field(default=lambda _: None)
    cursor: JsonObject = field(default_factory=dict)
    covered_until: datetime | None = None
    # Records that could not be read, one after the other.
    failed: int = 0

    @property
    def workspace(self) -> int:
        """The workspace of the source."""
        return self.source.workspace_id

    def keep(self) -> None:
        """Go on holding the source, once in a third of the lease."""
        seconds = self.context.settings.lease_seconds
        now = self.context.clock()
        if now - self.renewed_at < timedelta(seconds=seconds / 3):
            return
        with self.context.database.write(workspace=self.workspace) as session:
            self._hold(session, now)
        self.renewed_at = now

    def _hold(self, session: Session, now: datetime) -> None:
        until = now + timedelta(seconds=self.context.settings.lease_seconds)
        named = {"workspace": self.workspace, "source": self.source.id}
        if not pulls.renew_pull(session, **named, lease=self.lease, until=until):
            raise Lost
        self.renewed_at = now

    def fresh(self, stubs: Sequence[Stub]) -> list[Stub]:
        """Return the stubs of which this version is not stored, without records that were put off."""
        keys = [stub.key for stub in stubs]
        named = {"workspace": self.workspace, "source": self.source.id}
        with self.context.database.read(workspace=self.workspace) as session:
            known = pulls.known_keys(session, **named, keys=keys)
            later = pulls.put_off_records(session, **named, now=self.context.clock())
        return [stub for stub in stubs if stub.key not in known and stub.external_id not in later]

    def fetch(self, stubs: Sequence[Stub]) -> int:
        """Complete records and store them; what is complete when the vendor calls a halt is stored as well."""
        whole: list[tuple[Stub, JsonObject]] = []
        try:
            for stub in stubs:
                record = self._details(stub)
                if record is not None:
                    whole.append((stub, record))
        finally:
            stored = self.store(whole, Progress()) if whole else 0
        return stored

    def _details(self, stub: Stub) -> JsonObject | None:
        """Complete a record; None where it cannot be read now and was put off."""
        try:
            record = converse(self.puller.details(self.row.place, stub), self.wire.send)
        except (Held, Invalid) as error:
            self.put_off(stub.external_id, error)
            return None
        self.failed = 0
        return record

    def put_off(self, external_id: str, error: Held | Invalid) -> None:
        """Leave a record that cannot be read for later, so that it holds up no other.

        Raise the error where it is a limit, or where the record before failed too: then it is the vendor that fails.
        """
        self.failed += 1
        if self.failed > 1 or (isinstance(error, Held) and error.is_limit):
            raise error
        log.warning("a record of source %d could not be read and is put off", self.source.id)
        later = self.context.clock() + PUT_OFF
        with self.context.database.write(workspace=self.workspace) as session:
            pulls.want_record(
                session,
                workspace=self.workspace,
                source=self.source.id,
                external_id=external_id,
                now=later,
            )

    def store(self, whole: Sequence[tuple[Stub, JsonObject]], progress: Progress) -> int:
        """Write records as deliveries together with how far we came; return how many were new."""
        now = self.context.clock()
        drafts = [self._draft(stub, record, now) for stub, record in whole]
        notes = [
            RecordDraft(stub.external_id, stub.created_at, _is_gone(stub, record)) for stub, record in whole
        ]
        named = {"workspace": self.workspace, "source": self.source.id}
        with self.context.database.write(workspace=self.workspace) as session:
            self._hold(session, now)
            stored = sum(deliveries.record(session, drafts=drafts))
            pulls.note_records(session, **named, records=notes)
            told = Progress(progress.cursor, progress.covered_until, progress.is_caught_up, stored)
            pulls.write_progress(session, **named, lease=self.lease, progress=told, now=now)
        self.stored += stored
        self.on_progress(self)
        return stored

    def _draft(self, stub: Stub, record: JsonObject, now: datetime) -> DeliveryDraft:
        kept = {PULL_HEADER: self.puller.kind}
        # What is gone has the version of when it was last seen: its deletion is another delivery.
        key = f"{stub.key}:gone" if _is_gone(stub, record) and not stub.gone else stub.key
        keys = keyring(self.context.settings.sealing_key)
        sealed = keys.seal(body_of(record), bound=bound_to(self.source.id, key))
        return DeliveryDraft(self.workspace, self.source.id, key, now, kept, sealed)


def _is_gone(stub: Stub, record: JsonObject) -> bool:
    ticket = record.get("ticket")
    is_deleted = isinstance(ticket, dict) and ticket.get("status") == "deleted"
    return stub.gone or record.get("gone") is True or is_deleted


def pull_due(context: Context, *, client: OpenClient = open_client) -> int:
    """Pull every source whose time has come, each for a bounded while; return how many records were stored."""
    with context.database.read(workspace=None) as session:
        numbers = [row.id for row in workspaces.list_workspaces(session)]
    stored = 0
    for workspace in numbers:
        with context.database.read(workspace=workspace) as session:
            due = pulls.list_due(session, workspace=workspace, now=context.clock())
        for source in due:
            stored += pull_source(context, workspace, source, budget=for_seconds(SPAN_S), client=client)
    return stored


def for_seconds(span: float) -> Budget:
    """Return a budget that lasts so long from now on, by the machine's own clock."""
    end = time.monotonic() + span
    return lambda: time.monotonic() < end


def pull_source(
    context: Context,
    workspace: int,
    source: int,
    *,
    budget: Budget,
    client: OpenClient = open_client,
    on_progress: Callable[[Run], None] = lambda _: None,
) -> int:
    """Pull one source until the vendor has no more, calls a halt, or the budget is spent.

    Return how many records were stored; 0 where somebody else has the source.
    """
    with client() as opened:
        run = begin(context, workspace, source, opened, on_progress=on_progress)
        if run is None:
            return 0
        with logs.bound(stage="pull", workspace=workspace):
            turn(run, lambda: _pull(run, budget))
        return run.stored


def begin(
    context: Context,
    workspace: int,
    source: int,
    client: httpx.Client,
    *,
    on_progress: Callable[[Run], None] = lambda _: None,
) -> Run | None:
    """Lease a source and open the wire to its vendor; None where somebody has it, or nobody may."""
    now = context.clock()
    until = now + timedelta(seconds=context.settings.lease_seconds)
    with context.database.write(workspace=workspace) as session:
        row = pulls.lease_pull(session, workspace=workspace, source=source, now=now, until=until)
        if row is None:
            return None
        owner = deliveries.get_source(session, workspace=workspace, source=source)
    puller = puller_of(owner.kind)
    wire = Wire(client, "", (), context.clock, row.failures)
    run = Run(context, row, owner, puller, wire, row.lease or "", now, on_progress=on_progress)
    run.cursor, run.covered_until = dict(row.cursor), row.covered_until
    wire.on_send = run.keep
    return run


def turn(run: Run, act: Callable[[], timedelta]) -> None:
    """Act while the source is held, and give it back with the time of its next turn, whatever happened."""
    failures = run.row.failures
    try:
        allowed = run.context.settings.pull_bases
        run.wire.base = address_of(run.puller, run.row.place, run.row.base_url, allowed=allowed)
        token = token_of(run.row, keyring(run.context.settings.sealing_key))
        run.wire.headers = run.puller.sign(token, run.row.account)
        _release(run, act())
    except Held as held:
        wait = timedelta(seconds=held.wait_s)
        _release(run, wait, error=None if held.is_limit else held.reason, is_failure=not held.is_limit)
    except Refused as refused:
        log.warning("source %d is pulled no more: %s", run.source.id, refused.reason)
        _release(run, timedelta(0), error=refused.reason, is_refusal=True)
    except Invalid as error:
        # The vendor's answer, an address that is allowed no more, a key that is not set: later it may be right again.
        _release(run, timedelta(seconds=backoff(failures)), error=error.message, is_failure=True)
    except Lost:
        log.info("source %d is pulled by somebody else", run.source.id)
    except Exception as error:
        # A fault of ours with one source must not hold up the others.
        log.error("a source could not be pulled", exc_info=error)
        reason = f"a fault of Ebb's ({type(error).__name__}); its log tells more"
        _release(run, timedelta(seconds=backoff(failures)), error=reason, is_failure=True)


def _release(
    run: Run,
    wait: timedelta,
    *,
    error: str | None = None,
    is_failure: bool = False,
    is_refusal: bool = False,
) -> None:
    with run.context.database.write(workspace=run.workspace) as session:
        pulls.release_pull(
            session,
            workspace=run.workspace,
            source=run.source.id,
            lease=run.lease,
            next_at=run.context.clock() + wait,
            error=error,
            is_failure=is_failure,
            is_refusal=is_refusal,
        )


def _pull(run: Run, budget: Budget) -> timedelta:
    """Fetch what is wanted, then pages until there are no more; return how long to wait for the next turn."""
    _fetch_wanted(run)
    while budget():
        talk = run.puller.page(run.row.place, run.cursor, run.row.since, run.context.clock())
        page = converse(talk, run.wire.send)
        for chunk in chunks(run.fresh(page.stubs), CHUNK):
            if not budget():
                return timedelta(0)
            run.fetch(chunk)
        run.cursor = page.cursor
        run.covered_until = page.covered_until or run.covered_until
        run.store((), Progress(page.cursor, page.covered_until, page.done))
        if page.done:
            return timedelta(seconds=run.row.interval_s)
    return timedelta(0)


def _fetch_wanted(run: Run) -> None:
    """Fetch the records whose texts are missing; where two in a row fail the others wait for another turn."""
    if run.puller.one is None:
        return
    named = {"workspace": run.workspace, "source": run.source.id}
    now = run.context.clock()
    with run.context.database.read(workspace=run.workspace) as session:
        wanted = pulls.wanted_records(session, **named, now=now, limit=WANTED_AT_ONCE)
    try:
        for external_id in wanted:
            fetch_one(run, external_id)
    except (Held, Invalid) as error:
        if isinstance(error, Held) and error.is_limit:
            raise
        log.warning("wanted records of source %d could not be read", run.source.id)
    run.failed = 0


def fetch_one(run: Run, external_id: str) -> None:
    """Fetch one record by its id, or note that it is gone."""
    assert run.puller.one is not None
    try:
        stub = converse(run.puller.one(run.row.place, external_id), run.wire.send)
    except (Held, Invalid) as error:
        run.put_off(external_id, error)
        return
    if stub is not None:
        run.fetch([stub])
        return
    # What is gone may come back, and go again.
    gone = Stub(external_id, f"gone {int(run.context.clock().timestamp())}", None, {}, gone=True)
    run.store([(gone, run.puller.gone(external_id))], Progress())


def chunks(stubs: Sequence[Stub], size: int) -> Iterator[list[Stub]]:
    """Split stubs into lists of at most `size`."""
    iterator = iter(stubs)
    while chunk := list(islice(iterator, size)):
        yield chunk
