"""Who sent this request? One table of the vendors' signature schemes and one function that checks them.

The scheme comes from the configured source, never from a header's name: `X-Hub-Signature` is SHA-1 at
Intercom, SHA-256 at Jira and legacy SHA-1 at GitHub. The raw body is signed, so nothing here re-serialises
it.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial

from models.errors import Rejected

MAX_HEADER_CHARS = 4096
"""Longer signature or time headers are refused unread: no vendor sends more than a few hundred characters."""
MAX_SIGNATURES = 10
"""Signatures tried per request where a scheme allows several (key rotation)."""


class Mismatch(Rejected):
    """The signature that was computed from the body is another than the one that was sent."""


class Kind(StrEnum):
    """How the proof is made."""

    HMAC = "hmac"
    CONCAT = "sha256-concat"
    TOKEN = "token"
    NONE = "none"


class Strength(StrEnum):
    """What a valid signature proves: strong = the sender knew the secret and wrote exactly this body."""

    STRONG = "strong"
    WEAK = "weak"


@dataclass(frozen=True, slots=True)
class Scheme:
    """One vendor's way to prove who sends.

    `header_format` holds `{sig}`; `signed_content` holds any of `{body}` (raw bytes), `{timestamp}`, `{id}`,
    `{nonce}`, `{method}`, `{uri}`, `{secret}` in signing order. `timestamp_field` names a member of the JSON
    body that holds the signed time where the header's is not signed: such a request is in time by either, since a
    repeated try may keep the body's time, and must not be lost; a body that is sent again changes nothing.
    """

    kind: Kind
    header: str
    signed_content: str = "{body}"
    header_format: str = "{sig}"
    algorithm: str = "sha256"
    encoding: str = "hex"
    key: str = "utf8"
    timestamp_header: str | None = None
    timestamp_unit: str | None = None
    timestamp_signed: bool = False
    timestamp_field: str | None = None
    tolerance_s: int | None = None
    nonce_header: str | None = None
    id_header: str | None = None
    several: bool = False
    body_authenticated: bool = True

    @property
    def strength(self) -> Strength:
        """Grade the scheme: only an HMAC over the whole body is strong (hash(secret + body) can be
        extended)."""
        return Strength.STRONG if self.kind is Kind.HMAC and self.body_authenticated else Strength.WEAK


_hmac = partial(Scheme, Kind.HMAC)
_timed = partial(Scheme, Kind.HMAC, timestamp_signed=True, tolerance_s=300)
_token = partial(Scheme, Kind.TOKEN, signed_content="", body_authenticated=False)
_concat = partial(Scheme, Kind.CONCAT, "X-HubSpot-Signature")

_STANDARD = _timed(
    "webhook-signature",
    timestamp_header="webhook-timestamp",
    timestamp_unit="s",
    signed_content="{id}.{timestamp}.{body}",
    header_format="v1,{sig}",
    encoding="base64",
    key="base64",
    id_header="webhook-id",
    several=True,
)

SCHEMES: Mapping[str, Scheme] = {
    "zendesk": _timed(
        "X-Zendesk-Webhook-Signature",
        timestamp_header="X-Zendesk-Webhook-Signature-Timestamp",
        timestamp_unit="iso8601",
        signed_content="{timestamp}{body}",
        encoding="base64",
    ),
    "generic_json": _timed(
        "X-Signature-256",
        timestamp_header="X-Signature-Timestamp",
        timestamp_unit="s",
        signed_content="{timestamp}.{body}",
        header_format="sha256={sig}",
    ),
    "bearer": _token("Authorization", header_format="Bearer {sig}"),
    "standard": _STANDARD,
    "slack": _timed(
        "X-Slack-Signature",
        timestamp_header="X-Slack-Request-Timestamp",
        timestamp_unit="s",
        signed_content="v0:{timestamp}:{body}",
        header_format="v0={sig}",
    ),
    "github": _hmac("X-Hub-Signature-256", header_format="sha256={sig}"),
    "jira": _hmac("X-Hub-Signature", header_format="sha256={sig}"),
    "intercom": _hmac("X-Hub-Signature", header_format="sha1={sig}", algorithm="sha1"),
    "linear": _hmac(
        "Linear-Signature",
        timestamp_header="Linear-Timestamp",
        timestamp_field="webhookTimestamp",
        timestamp_unit="ms",
        tolerance_s=60,
    ),
    "discourse": _hmac("X-Discourse-Event-Signature", header_format="sha256={sig}"),
    "front": _timed(
        "X-Front-Signature",
        timestamp_header="X-Front-Request-Timestamp",
        timestamp_unit="ms",
        signed_content="{timestamp}:{body}",
        encoding="base64",
    ),
    "front_rule": _hmac("X-Front-Signature", algorithm="sha1", encoding="base64"),
    "helpscout": _hmac("X-HelpScout-Signature", algorithm="sha1", encoding="base64"),
    "hubspot_v3": _timed(
        "X-HubSpot-Signature-v3",
        timestamp_header="X-HubSpot-Request-Timestamp",
        timestamp_unit="ms",
        signed_content="{method}{uri}{body}{timestamp}",
        encoding="base64",
    ),
    "hubspot_v2": _concat("{secret}{method}{uri}{body}"),
    "hubspot_v1": _concat("{secret}{body}"),
    "typeform": _hmac("Typeform-Signature", header_format="sha256={sig}", encoding="base64"),
    "delighted": _hmac("X-Delighted-Webhook-Signature", header_format="sha256={sig}"),
    "launchdarkly": _hmac("X-LD-Signature"),
    "sentry": _hmac("Sentry-Hook-Signature"),
    "segment": _hmac("X-Signature", algorithm="sha1"),
    "canny": _hmac(
        "Canny-Signature",
        signed_content="{nonce}",
        encoding="base64",
        nonce_header="Canny-Nonce",
        body_authenticated=False,
    ),
    "gitlab_token": _token("X-Gitlab-Token"),
    "token": _token("X-Webhook-Token"),
}
"""Every scheme by name; a source names the ones it takes (`models.sources.registry`)."""


def header(headers: Mapping[str, str], name: str) -> str | None:
    """Return the value of a header whatever the case of its name, None where it is absent."""
    wanted = name.lower()
    # Most callers hand over names in lower case: intake looks up a dozen for every call.
    found = headers.get(wanted)
    if found is not None:
        return found
    return next((value for key, value in headers.items() if key.lower() == wanted), None)


def verify(
    scheme: Scheme,
    *,
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    method: str = "POST",
    url: str | None = None,
) -> None:
    """Check that the request was made by somebody who knows `secret`; compare in constant time.

    `url` is the public address as the vendor signed it (two schemes cover it), rebuilt from configuration and
    never from the Host header. Whatever the headers hold, the only error is `Rejected`, whose text never
    quotes them; it is `Mismatch` where the body was hashed to find out.
    """
    given = _bounded(headers, scheme.header)
    if not secret:
        raise Rejected("the source has no secret yet: set one before sending to it", field="secret")
    if scheme.kind is Kind.TOKEN:
        matches = _same(given, scheme.header_format.replace("{sig}", secret))
    else:
        content = _content(scheme, secret=secret, headers=headers, body=body, method=method, url=url)
        expected = scheme.header_format.replace("{sig}", _digest(scheme, secret, content))
        candidates = given.split(maxsplit=MAX_SIGNATURES)[:MAX_SIGNATURES] if scheme.several else [given]
        matches = sum(_same(candidate, expected) for candidate in candidates) > 0
    if not matches:
        is_hashed = scheme.kind is not Kind.TOKEN and "{body}" in scheme.signed_content
        raise (Mismatch if is_hashed else Rejected)(
            f"{scheme.header} does not match: check the secret and that the body is sent unchanged"
        )
    _check_age(scheme, headers=headers, body=body, now=now)


def sign(
    scheme: Scheme,
    *,
    secret: str,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    url: str | None = None,
) -> str:
    """Return the value that the scheme's header must carry; `headers` hold the time, id or nonce it signs.

    Used to send test events and to check the table against the vendors' published vectors.
    """
    if scheme.kind is Kind.TOKEN:
        return scheme.header_format.replace("{sig}", secret)
    content = _content(scheme, secret=secret, headers=headers or {}, body=body, method=method, url=url)
    return scheme.header_format.replace("{sig}", _digest(scheme, secret, content))


def _bounded(headers: Mapping[str, str], name: str) -> str:
    value = header(headers, name)
    if not value:
        raise Rejected(f"header {name} is missing", field=name)
    if len(value) > MAX_HEADER_CHARS:
        raise Rejected(f"header {name} is longer than {MAX_HEADER_CHARS} characters", field=name)
    return value


def _same(given: str, expected: str) -> bool:
    """Compare in constant time on bytes: on text, hmac.compare_digest raises for anything outside ASCII."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))


def _content(
    scheme: Scheme, *, secret: str, headers: Mapping[str, str], body: bytes, method: str, url: str | None
) -> bytes:
    def named(name: str | None) -> bytes:
        return _bounded(headers, name or "").encode("utf-8", "replace")

    parts: Mapping[str, Callable[[], bytes]] = {
        "{body}": lambda: body,
        "{timestamp}": lambda: named(scheme.timestamp_header),
        "{id}": lambda: named(scheme.id_header),
        "{nonce}": lambda: named(scheme.nonce_header),
        "{method}": lambda: method.encode(),
        "{uri}": lambda: (url or "").encode("utf-8", "replace"),
        "{secret}": lambda: secret.encode("utf-8", "replace"),
    }
    pieces = re.split(r"(\{[a-z]+\})", scheme.signed_content)
    return b"".join(parts[piece]() if piece in parts else piece.encode() for piece in pieces)


def _digest(scheme: Scheme, secret: str, content: bytes) -> str:
    if scheme.kind is Kind.CONCAT:
        raw = hashlib.new(scheme.algorithm, content).digest()
    else:
        raw = hmac.digest(_key(scheme, secret), content, scheme.algorithm)
    return raw.hex() if scheme.encoding == "hex" else base64.b64encode(raw).decode()


def _key(scheme: Scheme, secret: str) -> bytes:
    if scheme.key == "utf8":
        return secret.encode("utf-8", "replace")
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise Rejected(
            "the source's secret is not base64 after whsec_: paste it again", field="secret"
        ) from None


def _check_age(scheme: Scheme, *, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    if scheme.tolerance_s is None:
        return
    sent = _times(scheme, headers=headers, body=body)
    if sent[0] is None:
        raise Rejected(
            "the signed time cannot be read", field=scheme.timestamp_header or scheme.timestamp_field
        )
    if all(abs(now.timestamp() - each) > scheme.tolerance_s for each in sent if each is not None):
        raise Rejected(
            f"the request was signed more than {scheme.tolerance_s} s away from now: check the clocks, "
            "or it is a replay",
            field=scheme.timestamp_header or scheme.timestamp_field,
        )


def _times(scheme: Scheme, *, headers: Mapping[str, str], body: bytes) -> tuple[float | None, ...]:
    """List the times at which a request says it was sent, the signed one first; None where one cannot be read."""
    name = scheme.timestamp_header or ""
    if scheme.timestamp_field is None:
        return (_seconds(_bounded(headers, name), scheme.timestamp_unit),)
    signed = _seconds(_member(body, scheme.timestamp_field), scheme.timestamp_unit)
    tried = header(headers, name)
    return signed, None if tried is None else _seconds(tried[:MAX_HEADER_CHARS], scheme.timestamp_unit)


def _member(body: bytes, name: str) -> str:
    """Read one top-level number of an authentic body; empty where there is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    found = value.get(name) if isinstance(value, dict) else None
    return str(found) if isinstance(found, int) and abs(found) < 10**15 else ""


def _seconds(value: str, unit: str | None) -> float | None:
    """Read a signed time as epoch seconds; None where it is not one."""
    if unit == "iso8601":
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", value.strip(), re.ASCII):
        return None
    return float(value) / (1000 if unit == "ms" else 1)
