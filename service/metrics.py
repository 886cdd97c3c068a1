"""`/metrics` for Prometheus: what this process did, and how the work of the whole installation stands.

Labels are few and fixed: methods, route templates, stages, workers. No path, no workspace, no name of a source.
"""

from collections.abc import Iterable, Iterator

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from models.jobs import WorkState
from models.queries.delivery_log import Unread
from models.queries.liveness import Liveness

CONTENT_TYPE = prometheus_client.exposition.CONTENT_TYPE_PLAIN_0_0_4
INGEST_ROUTE = "/v1/ingest/{source_id}"
OUTCOMES = ("accepted", "duplicate", "rejected", "busy", "too_large")
NUDGE_OUTCOMES = ("sent", "failed")
_OUTCOME_OF = {401: "rejected", 413: "too_large", 503: "busy"}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_COMMIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0)

# When each series began, as a series of its own: twice the lines, and nobody asks.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The counters of one application; `app.state.metrics` holds them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "ebb_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "ebb_http_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.deliveries = Counter(
            "ebb_deliveries",
            "Deliveries of sources, by what became of them.",
            ("outcome",),
            registry=self.registry,
        )
        self.intake_waiting = Gauge(
            "ebb_intake_waiting", "Deliveries that wait for the writer.", registry=self.registry
        )
        self.intake_commit_seconds = Histogram(
            "ebb_intake_commit_seconds",
            "Seconds that one commit of deliveries took.",
            buckets=_COMMIT_SECONDS,
            registry=self.registry,
        )
        self.nudges = Counter(
            "ebb_nudges", "Messages that tell workers of work.", ("outcome",), registry=self.registry
        )
        # A series that is not there cannot be told from one at zero: alerts on its growth would miss the first.
        for outcome in OUTCOMES:
            self.deliveries.labels(outcome)
        for outcome in NUDGE_OUTCOMES:
            self.nudges.labels(outcome)

    def count_request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; on the ingest route also what became of the delivery."""
        self.requests.labels(method, route, str(status)).inc()
        self.request_seconds.labels(route).observe(seconds)
        if route == INGEST_ROUTE and status in _OUTCOME_OF:
            self.deliveries.labels(_OUTCOME_OF[status]).inc()

    def count_stored(self, *, new: int, copies: int) -> None:
        """Count deliveries that were committed, and copies of some that stood already."""
        self.deliveries.labels("accepted").inc(new)
        self.deliveries.labels("duplicate").inc(copies)

    def count_nudge(self, outcome: str) -> None:
        """Count a message to the workers that was sent, or that could not be."""
        self.nudges.labels(str(outcome)).inc()

    def expose(self, liveness: Liveness | None, unread: Unread | None) -> bytes:
        """Write all metrics in Prometheus' text format; None: the database did not answer."""
        return generate_latest(self.registry) + generate_latest(_Installation(liveness, unread))


class _Installation(Collector):
    """The gauges that are read from the database at the moment they are asked for."""

    def __init__(self, liveness: Liveness | None, unread: Unread | None) -> None:
        self._liveness, self._unread = liveness, unread

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        found = self._liveness
        up = float(found is not None)
        yield GaugeMetricFamily("ebb_database_up", "Whether the database answered within 2 s.", value=up)
        if found is not None:
            yield from _work(found)
            yield from _signs_of_life(found)
        if self._unread is not None:
            yield _unread_deliveries(self._unread)


def _work(found: Liveness) -> Iterator[Metric]:
    yield _gauge(
        "ebb_work",
        "Pieces of work that are not done: ready (also those planned for later) or dead.",
        ("stage", "state"),
        [
            *(((stage.stage, WorkState.READY), stage.waiting) for stage in found.stages),
            *(((stage.stage, WorkState.DEAD), stage.dead) for stage in found.stages),
        ],
    )
    yield _gauge(
        "ebb_work_oldest_due_seconds",
        "How long the oldest due work of a stage has waited; 0 without any.",
        ("stage",),
        [((stage.stage,), stage.oldest_due_s) for stage in found.stages],
    )


def _unread_deliveries(found: Unread) -> Metric:
    return _gauge(
        "ebb_deliveries_unread",
        "Deliveries that were not read: waiting, dead (given up), or invalid (not understood).",
        ("state",),
        [(("waiting",), found.waiting), (("dead",), found.dead), (("invalid",), found.invalid)],
    )


def _signs_of_life(found: Liveness) -> Iterator[Metric]:
    yield _gauge(
        "ebb_worker_silent_seconds",
        "Seconds since a worker showed that it gets work done.",
        ("kind", "worker"),
        [((seen.kind, seen.worker), seen.silent_s) for seen in found.workers],
    )
    yield _gauge(
        "ebb_chore_done_age_seconds",
        "Seconds since a periodic chore was last done.",
        ("chore",),
        [((done.chore,), done.age_s) for done in found.chores],
    )


def _gauge(
    name: str, about: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> Metric:
    family = GaugeMetricFamily(name, about, labels=labels)
    for chosen, value in values:
        family.add_metric([str(label) for label in chosen], value)
    return family
