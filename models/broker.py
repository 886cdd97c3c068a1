"""How both programs talk to the broker: the same queues, and connections that give up quickly.

Plain values in the names of Celery's settings; only `service.nudge` and `workers.app` hand them to Celery.
"""

from collections.abc import Mapping

from models.errors import Invalid
from models.jobs import QUEUE_OF, Job, Queue

Options = dict[str, object]

MESSAGE_LIFE_S = 3600
MESSAGES_KEPT = 10_000
"""A message is only a nudge: when no worker is there for long, old ones may go, and due work is announced anew."""

GIVE_UP_S = 0.5
"""How long a sender waits for a broker that accepts and does not answer."""

VISIBILITY_S = 600
"""Redis: after so long a message that was taken and not acknowledged comes again; longer tasks are not disturbed."""


SOFT_SHUTDOWN_S = 30.0
"""How long a worker that is told to stop goes on with what it has in hand."""


def is_redis(url: str) -> bool:
    """Say whether a broker address is Redis; raise `Invalid` unless it is Redis or RabbitMQ."""
    scheme = url.partition("://")[0]
    if scheme in ("redis", "rediss"):
        return True
    if scheme in ("amqp", "amqps", "pyamqp"):
        return False
    raise Invalid(
        f"EBB_BROKER_URL: {scheme or 'an empty address'} is not supported; use amqp://… or redis://…",
        field="EBB_BROKER_URL",
    )


def queue_settings(url: str) -> Options:
    """Return the settings that sender and worker must share: queues, routes, formats."""
    arguments = {
        "x-queue-type": "quorum",
        "x-message-ttl": MESSAGE_LIFE_S * 1000,
        "x-max-length": MESSAGES_KEPT,
    }
    # On Redis an exchange is a key that can be lost with all others, while senders believe that it stands; a direct
    # one is not needed: the message goes to the queue by name. On RabbitMQ Celery's worker asks for a topic.
    exchange_type = "direct" if is_redis(url) else "topic"
    queues = {
        name: {
            "exchange": f"ebb.{queue}",
            "exchange_type": exchange_type,
            "routing_key": name,
            "queue_arguments": {} if is_redis(url) else arguments,
        }
        for queue in Queue
        for name in [queue_name(queue)]
    }
    return {
        "broker_url": url,
        "task_queues": queues,
        "task_default_queue": queue_name(Queue.DEFAULT),
        "task_default_queue_type": "classic" if is_redis(url) else "quorum",
        "task_create_missing_queues": False,
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "event_serializer": "json",
        "enable_utc": True,
    }


def queue_name(queue: Queue) -> str:
    """Name a queue on the broker, apart from those of other programs that share it."""
    return f"ebb.{queue}"


def queue_of(stage: Job) -> str:
    """Name the broker's queue of a stage."""
    return queue_name(QUEUE_OF[stage])


def sender_options(url: str) -> Options:
    """Return the settings of a sender that gives up within about a second, whatever the broker does."""
    at_once: Mapping[str, object] = {
        "max_retries": 0,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
    }
    if is_redis(url):
        transport = {**at_once, "socket_timeout": GIVE_UP_S, "socket_connect_timeout": GIVE_UP_S}
    else:
        transport = {
            **at_once,
            "confirm_publish": True,
            "connect_timeout": GIVE_UP_S,
            "read_timeout": GIVE_UP_S,
            "write_timeout": GIVE_UP_S,
        }
    return {
        **queue_settings(url),
        "broker_transport_options": transport,
        "broker_connection_timeout": GIVE_UP_S,
        "broker_connection_retry": False,
        "broker_connection_max_retries": 0,
        "broker_pool_limit": 1,
        "task_publish_retry": False,
    }


def worker_options(url: str) -> Options:
    """Return the settings of a worker: a message is acknowledged when its work is done, and taken one at a time."""
    if is_redis(url):
        transport: Options = {
            "visibility_timeout": VISIBILITY_S,
            # Look every ten seconds for messages that a dead worker took; the default is every hundred.
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            "socket_keepalive": True,
            "health_check_interval": 25,
        }
    else:
        transport = {"confirm_publish": True}
    return {
        **queue_settings(url),
        "broker_transport_options": transport,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # The solo pool does not answer while it works, so the broker must be patient.
        "broker_heartbeat": 600,
        # Nothing is sent with a delay; the queues that Celery declares for that stay light.
        "broker_native_delayed_delivery_queue_type": "classic",
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        "worker_soft_shutdown_timeout": SOFT_SHUTDOWN_S,
        # Idle workers hold no message that waits for its hour, so there is nothing to put back first.
        "worker_enable_soft_shutdown_on_idle": False,
        "worker_max_tasks_per_child": 500,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
    }
