"""The light of a source: the worst of its signs, each in words with what helps."""

from collections.abc import Iterator
from dataclasses import dataclass

from models.queries.deliveries import SourceHealth
from models.queries.delivery_log import Unread
from models.records import Source
from models.sealing import SETTING, Seal
from models.values.deliveries import DeliveryOutcome
from service.api.delivery_words import replay_all
from service.api.shapes.pulls import PullAnswer
from service.api.shapes.sources import SilenceHealth
from service.api.shapes.words import SilenceState, SourceLight

ORDER = (SourceLight.GREEN, SourceLight.WAITING, SourceLight.AMBER, SourceLight.RED)
"""Lights from the best to the worst."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that keeps a light from green, and what helps."""

    light: SourceLight
    reason: str


@dataclass(frozen=True, slots=True)
class Signs:
    """All that a light is made from; `secret` None where the source has none."""

    row: Source
    found: SourceHealth
    unread: Unread
    silence: SilenceHealth
    pull: PullAnswer | None
    secret: Seal | None


def signs_of(known: Signs) -> list[Sign]:
    """List what keeps a source's light from green, the worst first."""
    found = [*_of_calls(known), *_of_silence(known), *_of_pull(known.pull), *_of_deliveries(known)]
    return sorted(found, key=lambda sign: ORDER.index(sign.light), reverse=True)


def _of_calls(known: Signs) -> Iterator[Sign]:
    row, latest = known.row, known.found.last_delivery_at
    if known.secret is Seal.UNREADABLE:
        yield Sign(
            SourceLight.RED,
            f"Its secret is sealed with a key that {SETTING} does not hold: calls are answered 503, and come again, "
            "until the key is added.",
        )
    heard = max((at for at in (latest, row.answered_at) if at is not None), default=None)
    if row.rejected_at is not None and (heard is None or row.rejected_at > heard):
        yield Sign(
            SourceLight.RED,
            f"The newest call was refused: {row.rejected_reason or 'its proof does not hold'}",
        )
    elif latest is None:
        known_so_far = (
            "" if row.answered_at is None else "Its ping was answered, so address and secret are right. "
        )
        yield Sign(SourceLight.WAITING, f"{known_so_far}Nothing has been delivered yet.")


def _of_silence(known: Signs) -> Iterator[Sign]:
    if known.silence.state is SilenceState.SILENT:
        yield Sign(
            SourceLight.RED,
            "It has brought no new ticket for longer than its rhythm lets expect; GET /v1/alerts says since when.",
        )


def _of_pull(pull: PullAnswer | None) -> Iterator[Sign]:
    if pull is None:
        return
    if pull.token_seal is Seal.UNREADABLE:
        yield Sign(
            SourceLight.RED,
            f"Its pull token is sealed with a key that {SETTING} does not hold: nothing is pulled until the key is "
            "added.",
        )
    elif pull.stopped:
        yield Sign(SourceLight.RED, f"Pulling has stopped: {pull.error}")
    elif pull.error:
        yield Sign(SourceLight.AMBER, f"Pulling failed, and is tried again: {pull.error}")


def _of_deliveries(known: Signs) -> Iterator[Sign]:
    unread, source = known.unread, known.row.id
    if unread.dead:
        yield Sign(
            SourceLight.AMBER,
            f"Reading was given up {_times(unread.dead)} ({', '.join(unread.errors)}), by a fault of this program; "
            f"after an update replay: {replay_all(source, DeliveryOutcome.DEAD)}.",
        )
    if unread.invalid:
        yield Sign(
            SourceLight.AMBER,
            f"A delivery was not understood {_times(unread.invalid)}; failure_reasons says why. Once that is mended "
            f"replay: {replay_all(source, DeliveryOutcome.INVALID)}.",
        )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
