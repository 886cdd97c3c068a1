"""What every connector has: its name, its signature schemes, its parser; and the settings a person may give
it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

from models.errors import Invalid, Rejected
from models.sources.paths import fields_of
from models.sources.payload import flag_of, object_or_empty, rating_of, short_of
from models.sources.scope import Fact
from models.sources.signature import SCHEMES, header, verify
from models.values.feedback import Change, Rating, RatingKind, Status

MAX_KEY_CHARS = 128
STARS = Rating(value=1, scale_min=1, scale_max=5, kind=RatingKind.STARS)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """How one configured source differs from the default.

    `signature` pins one of the kind's schemes; without it every scheme of the kind is taken, the strongest
    first. `count_relayed`: feedback that staff relay for customers counts as complaints. `*_tag_prefix`: the
    plan or product area is the rest of a tag that starts so ("plan_" reads business from plan_business).
    `statuses` maps the words of a custom or localised workflow (lower case) to ours. `zone` reads times
    without a zone. `fields` says where product area, plan, account, brand, group and form stand in the payload
    (`models.sources.paths`).
    """

    signature: str | None = None
    count_relayed: bool = False
    plan_tag_prefix: str | None = None
    area_tag_prefix: str | None = None
    rating_scale: Rating = STARS
    statuses: Mapping[str, Status] = field(default_factory=dict)
    zone: tzinfo = UTC
    fields: Mapping[str, str] = field(default_factory=dict)


_SETTINGS = frozenset(
    {
        "signature",
        "count_relayed",
        "plan_tag_prefix",
        "area_tag_prefix",
        "rating_scale",
        "statuses",
        "time_zone",
        "fields",
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor's handshake or ping wants to read, with status 200."""

    body: bytes
    content_type: str = "application/json"


class DeliveryKey(Protocol):
    """Name a delivery so that a repeated one is known: the vendor's event id, else the SHA-256 of the
    body."""

    def __call__(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return the key; never raise, whatever was sent."""


class Parse(Protocol):
    """Turn a raw body into changes; raise Invalid with a reason where it cannot be understood, nothing
    else."""

    def __call__(
        self, body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
    ) -> tuple[Change, ...]:
        """Return the changes in the order in which to apply them."""


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of tool that can send to us.

    `kept_headers` are the only headers `parse` and `delivery_key` read: store these with a delivery, never
    the rest (the others may hold the secret). `tells` says what of a record rules of scope can ask, and where in a
    payload it stands.
    """

    kind: str
    title: str
    schemes: tuple[str, ...]
    delivery_key: DeliveryKey
    parse: Parse
    handshake: Callable[[Mapping[str, str], bytes], Answer | None]
    kept_headers: tuple[str, ...] = ()
    tells: Mapping[Fact, str] = field(default_factory=dict)


def authenticate(
    source: Source,
    *,
    settings: SourceSettings,
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    method: str = "POST",
    url: str | None = None,
) -> str:
    """Check a request's signature and return the name of the scheme that held, for the source's health.

    Only schemes of the configured source are tried: the pinned one, else the first whose headers are all present
    (two kinds of one tool may use one header for the signature and differ by the signed time beside it).
    All need the same secret, so a sender cannot win by choosing the weaker one. Raises Rejected.
    """
    schemes = {name: SCHEMES[name] for name in accepted(source, settings)}
    signed = [name for name, scheme in schemes.items() if header(headers, scheme.header)]
    timed = (
        name
        for name in signed
        if schemes[name].timestamp_header is None or header(headers, schemes[name].timestamp_header or "")
    )
    chosen = next(timed, next(iter(signed), None))
    if chosen is None:
        wanted = [scheme.header for scheme in schemes.values()]
        raise Rejected(f"header {' or '.join(wanted)} is missing", field=wanted[0])
    verify(schemes[chosen], secret=secret, headers=headers, body=body, now=now, method=method, url=url)
    return chosen


def accepted(source: Source, settings: SourceSettings) -> tuple[str, ...]:
    """Return the schemes that a configured source takes: the pinned one, else each of its kind's."""
    return (settings.signature,) if settings.signature else source.schemes


def body_key(body: bytes) -> str:
    """Return the delivery key of a body without an event id: "sha256:" and 64 hex digits."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


def bounded_key(key: str) -> str:
    """Return `key` if it is at most 128 printable characters, else a digest of it; a key must fit its
    column."""
    if len(key) <= MAX_KEY_CHARS and key.isprintable():
        return key
    return body_key(key.encode("utf-8", "surrogatepass"))


def settings_from(kind_schemes: tuple[str, ...], given: Mapping[str, object]) -> SourceSettings:
    """Read a source's settings as a person sent them; raise Invalid naming an unknown or wrong one."""
    unknown = sorted(set(given) - _SETTINGS)
    if unknown:
        raise Invalid(
            f"unknown setting {unknown[0]}: known are {', '.join(sorted(_SETTINGS))}", field=unknown[0]
        )
    signature = short_of(given.get("signature"), field="signature")
    if signature is not None and signature not in kind_schemes:
        raise Invalid(f"signature must be one of {', '.join(kind_schemes)}", field="signature")
    return SourceSettings(
        signature=signature,
        count_relayed=flag_of(given.get("count_relayed"), field="count_relayed") or False,
        plan_tag_prefix=short_of(given.get("plan_tag_prefix"), field="plan_tag_prefix"),
        area_tag_prefix=short_of(given.get("area_tag_prefix"), field="area_tag_prefix"),
        rating_scale=_scale(given.get("rating_scale")),
        statuses=_statuses(given.get("statuses")),
        zone=zone_of(given.get("time_zone"), field="time_zone"),
        fields=fields_of(given.get("fields")),
    )


def zone_of(value: object, *, field: str) -> tzinfo:
    """Return an IANA time zone by name, UTC for None."""
    name = short_of(value, field=field)
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise Invalid(f"{field} must be a zone such as Europe/Berlin", field=field) from None


def tagged(tags: tuple[str, ...] | None, prefix: str | None) -> str | None:
    """Return the rest of the first tag that starts with `prefix`."""
    if not prefix:
        return None
    return next((tag[len(prefix) :] for tag in tags or () if tag.startswith(prefix) and tag != prefix), None)


def _scale(value: object) -> Rating:
    if value is None:
        return STARS
    given = object_or_empty(value, field="rating_scale")
    low = given.get("min", STARS.scale_min)
    scale = {"value": low, "scale_min": low, "scale_max": given.get("max"), "kind": given.get("kind")}
    return rating_of(scale, field="rating_scale", scale=STARS) or STARS


def _statuses(value: object) -> Mapping[str, Status]:
    given = object_or_empty(value, field="statuses")
    try:
        return {word.strip().lower(): Status(str(meaning)) for word, meaning in given.items()}
    except ValueError:
        raise Invalid(f"statuses must map words to {', '.join(Status)}", field="statuses") from None
