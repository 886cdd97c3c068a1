"""`ebb pull`: turns until caught up, waits that are told, and a process that is killed again and again."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.database import Database
from models.values.ids import Prefix, public_id
from service.commands import pull as command
from tests import factories
from tests.clock import Clock
from tests.fakes.vendor import listening
from tests.fakes.zendesk import Zendesk
from tests.workers.pulling import copies, deliveries_of, pull_of, source_of, texts_of
from tests.workers.test_pull import START, expected, filled
from workers.context import Context, utc_now
from workers.pull_now import Teller, pull_until_done

TICKETS = 90
KILLS = 6
PATIENCE_S = 120.0


def test_it_takes_turns_until_caught_up_and_tells_what_it_waits_for(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = filled("zendesk", clock, count=30)
    vendor.per_minute = 5
    source = source_of(context, workspace, "zendesk", since=START)
    told = io.StringIO()
    waited: list[float] = []

    def pause(seconds: float) -> bool:
        waited.append(seconds)
        clock.advance(seconds=seconds)
        return False

    teller = Teller(clock, stream=told)
    code = pull_until_done(
        context, workspace, source, once=False, teller=teller, pause=pause, client=vendor.client
    )
    assert code == 0 and waited
    assert "30 records stored, 100% of the time since 2025-05-31" in told.getvalue()
    assert "goes on in" in told.getvalue()
    assert len(texts_of(context.database, source)) == expected("zendesk", 30)


def test_a_refusal_ends_with_exit_code_2_and_the_reason(
    context: Context, workspace: int, clock: Clock
) -> None:
    vendor = Zendesk(clock=clock, token="another")
    source = source_of(context, workspace, "zendesk", since=START)
    told = io.StringIO()
    code = pull_until_done(
        context,
        workspace,
        source,
        once=False,
        teller=Teller(clock, stream=told),
        pause=lambda _: True,
        client=vendor.client,
    )
    assert code == 2 and "refused the token (401)" in told.getvalue()


def test_the_command_names_what_is_wrong_and_starts_a_worker_for_the_rest(
    ready: Callable[..., int],
    opened: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(command, "become", started.append)
    assert ready("pull", "--source", "desk") == 2
    assert "there is no source 'desk'" in capsys.readouterr().err
    context = Context(opened, None, None, Clock())  # type: ignore[arg-type]
    with opened.write(workspace=1) as session:
        waiting = factories.source(session, 1, name="waiting")
    assert ready("pull", "--source", "waiting") == 2
    assert f"{public_id(Prefix.SOURCE, waiting)} is not pulled" in capsys.readouterr().err
    source = source_of(context, 1, "zendesk", since=START)
    assert ready("pull", "--source", "desk", "--once") == 0
    assert ready("pull", "--source", public_id(Prefix.SOURCE, source)) == 0
    assert [run[2:] for run in started] == [
        ["workers.pull_now", "1", str(source), "--once"],
        ["workers.pull_now", "1", str(source)],
    ]


def start(database: Database, address: str, workspace: int, source: int) -> "subprocess.Popen[bytes]":
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("EBB_")},
        "EBB_DATABASE_URL": database.url.render_as_string(hide_password=False),
        "EBB_SQLITE_SYNCHRONOUS": "NORMAL",
        "EBB_LEASE_SECONDS": "1",
        "EBB_PULL_BASES": address,
        "NO_PROXY": "127.0.0.1",
    }
    place = [str(workspace), str(source)]
    return subprocess.Popen(
        [sys.executable, "-m", "workers.pull_now", *place],
        env=environment,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.chaos
def test_a_process_that_is_killed_in_the_middle_loses_and_doubles_nothing(
    context: Context, database: Database, workspace: int
) -> None:
    vendor = Zendesk(clock=utc_now, page_size=20)
    first = datetime.now(UTC) - timedelta(days=100)
    for number in range(1, TICKETS + 1):
        vendor.add(number, first + timedelta(days=number), replies=2)
    # Slow enough that a kill meets it at work.
    vendor.after_call = lambda *_: time.sleep(0.02)
    context.clock = utc_now
    with listening(vendor) as address:
        since = first - timedelta(days=1)
        source = source_of(context, workspace, "zendesk", since=since, base_url=address)
        killed, until = 0, time.monotonic() + PATIENCE_S
        while pull_of(context, workspace, source).caught_up_at is None and time.monotonic() < until:
            child = start(database, address, workspace, source)
            reached = len(vendor.calls) + 12
            while killed < KILLS and child.poll() is None and len(vendor.calls) < reached:
                time.sleep(0.01)
            if killed < KILLS and child.poll() is None:
                os.kill(child.pid, signal.SIGKILL)
                killed += 1
            child.wait(timeout=PATIENCE_S)
    row = pull_of(context, workspace, source)
    assert (killed, row.caught_up_at is not None, row.stored_count) == (KILLS, True, TICKETS)
    assert len(deliveries_of(context.database, source)) == TICKETS
    assert copies(context.database, source) == []
    assert len(texts_of(context.database, source)) == TICKETS * 3
