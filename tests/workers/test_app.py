"""The Celery application: its tasks, its settings, what a task announces, and what its processes hold in memory."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from kombu import Connection
from sqlalchemy import select

from models.broker import is_redis, queue_settings, sender_options, worker_options
from models.database import Database
from models.errors import Invalid
from models.jobs import QUEUE_OF, Chore, Job, Queue
from models.queries import work
from models.records import Heartbeat, Nudge
from models.settings import Settings
from tests import brokers, factories
from tests.clock import NOON
from tests.servers import GIVEN_UP_S
from tests.services import settings_for
from workers import app as program
from workers.context import utc_now
from workers.run import Stage

AMQP = "amqp://guest:guest@127.0.0.1:5672//"
REDIS = "redis://127.0.0.1:6379/0"


def test_there_is_one_task_for_every_stage_and_chore_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBB_BROKER_URL", AMQP)
    made = program.make_app()
    made.finalize()
    own = {name for name in made.tasks if not name.startswith("celery.")}
    assert own == {str(job) for job in Job} | {str(chore) for chore in Chore}


def test_messages_are_acknowledged_late_and_taken_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBB_BROKER_URL", AMQP)
    found = program.make_app().conf
    assert (found.task_acks_late, found.task_reject_on_worker_lost) == (True, True)
    assert (found.worker_prefetch_multiplier, found.task_ignore_result) == (1, True)
    assert found.worker_soft_shutdown_timeout == 30
    assert found.broker_transport_options == {"confirm_publish": True}
    assert found.accept_content == ["json"]
    for queue in found.task_queues.values():
        assert queue["queue_arguments"]["x-queue-type"] == "quorum"


def test_redis_gives_messages_of_dead_workers_back_soon() -> None:
    found = worker_options(REDIS)
    assert found["broker_transport_options"] == {
        "visibility_timeout": 600,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "socket_keepalive": True,
        "health_check_interval": 25,
    }


@pytest.mark.parametrize("url", [AMQP, REDIS])
def test_sender_and_worker_mean_the_same_queues(url: str) -> None:
    shared = queue_settings(url)
    for options in (sender_options(url), worker_options(url)):
        assert {name: options[name] for name in shared} == shared
    assert set(shared["task_queues"]) == {"ebb.default", "ebb.embed"}  # type: ignore[call-overload]


def test_other_brokers_are_refused_by_name() -> None:
    assert is_redis("rediss://host/0")
    with pytest.raises(Invalid, match=r"EBB_BROKER_URL: sqs is not supported; use amqp"):
        is_redis("sqs://key")
    with pytest.raises(Invalid, match="an empty address"):
        is_redis("")


def test_beat_names_each_chore_at_least_every_minute_and_the_pulse_to_each_queue() -> None:
    entries = program.beat_schedule(Settings(broker_url=REDIS)).values()
    told = sorted((entry["task"], entry["options"]["queue"]) for entry in entries)  # type: ignore[index]
    assert told == sorted(
        [(str(chore), "ebb.default") for chore in Chore] + [(str(Chore.PULSE), "ebb.embed")]
    )
    for entry in entries:
        assert 0 < float(str(entry["schedule"])) <= 60
        life = entry["options"]["expires"]  # type: ignore[index]
        assert life == (30 if entry["task"] == Chore.PULSE else 600)


@pytest.fixture
def here(sqlite: Database) -> Iterator[program.World]:
    """A worker's world on a real broker, with stages of the test's own."""
    with brokers.redis_database() as url:
        settings = settings_for(sqlite, broker_url=url)
        made = program.build_world(settings, kind="default")
        yield made
        made.sender.close()
        made.context.database.close()


def messages(here: program.World, queue: str) -> int:
    with Connection(here.context.settings.broker_url) as connection:
        return int(connection.default_channel.client.llen(queue))


def test_a_task_works_its_stage_and_announces_what_that_made_due(
    here: program.World, sqlite: Database
) -> None:
    database, workspace = here.context.database, factories.workspace(sqlite)

    def handle(_: object, leased: list[work.Leased]) -> None:
        with database.write(workspace=workspace) as session:
            for piece in leased:
                subject = piece.subject
                work.enqueue(session, workspace=workspace, stage=Job.EMBED, subject=subject, run_at=utc_now())
            work.finish(session, leased, now=utc_now())

    here.stages = {Job.INTAKE: Stage(2, handle)}  # type: ignore[arg-type]
    with sqlite.write(workspace=workspace) as session:
        for subject in range(5):
            work.enqueue(session, workspace=workspace, stage=Job.INTAKE, subject=subject, run_at=NOON)
    here.announce([Job.INTAKE])
    assert messages(here, "ebb.default") == 1
    assert program.work_stage(here, Job.INTAKE) == 5
    # Three batches with work for the next stage are one message; while work of its own was due, so was one more.
    assert messages(here, "ebb.embed") == 1
    assert messages(here, "ebb.default") == 2
    with sqlite.read(workspace=None) as session:
        assert session.scalars(select(Heartbeat.kind)).all() == ["default"]
    assert program.work_stage(here, Job.INTAKE) == 0
    assert messages(here, "ebb.default") == 2


def test_a_broker_that_is_gone_stops_no_task_and_the_stage_is_announced_again(
    sqlite: Database,
) -> None:
    settings = settings_for(sqlite, broker_url="redis://127.0.0.1:1/0")
    here = program.build_world(settings, kind="default")
    began = time.monotonic()
    here.announce([Job.INTAKE, Job.EMBED])
    assert time.monotonic() - began < GIVEN_UP_S
    with sqlite.read(workspace=None) as session:
        assert session.scalars(select(Nudge.sent_at)).all() == [None, None]
    here.context.database.close()


def test_the_program_of_the_default_queue_loads_no_model_library() -> None:
    code = "import sys, os; os.environ['EBB_BROKER_URL'] = 'redis://127.0.0.1/0'; import workers.app; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(found.stdout.split())
    assert "celery" in loaded
    assert "workers.themes" in loaded
    assert not {"torch", "sentence_transformers", "transformers"} & loaded
    # Only comparing texts needs these: 110 of 265 MiB and a third of the time that a worker takes to start.
    assert not {"sklearn", "pandas", "scipy.stats"} & loaded


def test_every_stage_has_a_queue() -> None:
    assert set(QUEUE_OF) == set(Job)
    assert set(QUEUE_OF.values()) == set(Queue)
