"""Brokers for tests: a RabbitMQ virtual host and a Redis database of our own, on servers that may not be there."""

import contextlib
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.services import need

RABBIT = "amqp://guest:guest@127.0.0.1:5672"
REDIS = "redis://127.0.0.1:6379"


@contextmanager
def rabbit() -> Iterator[str]:
    """Make a virtual host of our own, and remove it afterwards; yield its address."""
    name = f"ebb_test_{os.getpid()}_{uuid.uuid4().hex[:6]}"
    try:
        socket.create_connection(("127.0.0.1", 5672), timeout=30).close()
    except OSError as error:
        need("RabbitMQ at 127.0.0.1:5672", str(error))
    if shutil.which("rabbitmqctl") is None:
        need("rabbitmqctl", "it makes a virtual host for the test")
    control("add_vhost", name)
    try:
        control("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        yield f"{RABBIT}/{name}"
    finally:
        control("delete_vhost", name)


def control(*arguments: str) -> str:
    """Run rabbitmqctl."""
    found = subprocess.run(
        ["rabbitmqctl", "--quiet", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


@contextmanager
def redis_database() -> Iterator[str]:
    """Take a Redis database that is empty, and empty it afterwards; yield its address."""
    with contextlib.closing(redis.Redis.from_url(REDIS, socket_connect_timeout=30)) as client:
        try:
            client.ping()
        except redis.ConnectionError as error:
            need("Redis at 127.0.0.1:6379", str(error))
    for number in range(1, 16):
        with contextlib.closing(redis.Redis.from_url(f"{REDIS}/{number}")) as client:
            # Whoever sets the mark first has the database to himself.
            if client.dbsize() == 0 and client.set("ebb_test_mark", os.getpid(), nx=True, ex=900):
                try:
                    yield f"{REDIS}/{number}"
                finally:
                    client.flushdb()
                return
    need("an empty Redis database", "1 to 15 all hold something")


BROKERS = {"rabbitmq": rabbit, "redis": redis_database}


QUEUES = ("ebb.default", "ebb.embed")


def waiting(url: str) -> int:
    """Count the messages in our queues; RabbitMQ tells of them with some seconds of delay."""
    if url.startswith("redis"):
        with contextlib.closing(redis.Redis.from_url(url)) as client:
            return sum(int(client.llen(queue)) for queue in QUEUES)  # type: ignore[arg-type]
    return sum(_counts(url).values())


def _counts(url: str) -> dict[str, int]:
    name = url.rpartition("/")[2]
    rows = control("list_queues", "-p", name, "name", "messages", "--no-table-headers").splitlines()
    counts = {row.split()[0]: int(row.split()[1]) for row in rows if row.strip()}
    return {queue: counts[queue] for queue in QUEUES if queue in counts}


def empty(url: str) -> None:
    """Take everything out of a broker, queues and all, as one does that lost its disk."""
    if url.startswith("redis"):
        with contextlib.closing(redis.Redis.from_url(url)) as client:
            client.delete(*(key for key in client.keys("*") if key != b"ebb_test_mark"))  # type: ignore[union-attr]
        return
    for queue in _counts(url):
        control("delete_queue", "-p", url.rpartition("/")[2], queue)
