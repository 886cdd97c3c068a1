"""Raw bodies at rest: sealed with AES-256-GCM where a key is set, as they came where none is.

A sealed body says so itself and names its key, so that plain and sealed rows, and those of an older key, stand side
by side. What a body is bound to (its source and its delivery key) is authenticated with it: a sealed body that was
moved to another row does not open.
"""

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass, field
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.errors import Invalid

SETTING = "EBB_RAW_BODY_KEY"
KEY_BYTES = 32
_SEALED = b"\x00ebb sealed 1\x00"
# In front of a plain body that begins as ours do: nobody who sends one may make it look sealed.
_PLAIN = b"\x00ebb plain 1\x00"
_OURS = b"\x00ebb "
_NAME_BYTES, _NONCE_BYTES = 8, 12


class Sealed(Invalid):
    """A body cannot be opened: its key is not set, or it was changed."""


def parse_keys(text: str) -> tuple[bytes, ...]:
    """Read keys of 32 bytes in base64, comma-separated; raise ValueError that says which one is wrong."""
    keys = []
    for place, word in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
        try:
            key = base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise ValueError(
                f"key {place} is not {KEY_BYTES} bytes in base64; make one with `openssl rand -base64 {KEY_BYTES}`"
            )
        keys.append(key)
    return tuple(keys)


@cache
def keyring(text: str) -> "Keyring":
    """Return the keyring of a setting's value."""
    return Keyring(parse_keys(text))


def bound_to(source: int, key: str) -> bytes:
    """Name what a body belongs to: its source and its delivery key."""
    return f"{source}:{key}".encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys of 32 bytes: the first seals, all open; without any, bodies stay plain."""

    keys: tuple[bytes, ...] = field(default=(), repr=False)

    def seal(self, body: bytes, *, bound: bytes) -> bytes:
        """Return what is stored for a body."""
        if not self.keys:
            return _PLAIN + body if body.startswith(_OURS) else body
        nonce = os.urandom(_NONCE_BYTES)
        head = _SEALED + _name_of(self.keys[0])
        return head + nonce + AESGCM(self.keys[0]).encrypt(nonce, body, head + bound)

    def open(self, stored: bytes, *, bound: bytes) -> bytes:
        """Return the body of what is stored; raise `Sealed` where its key is not set or it was changed."""
        if stored.startswith(_PLAIN):
            return stored[len(_PLAIN) :]
        if not is_sealed(stored):
            return stored
        start = len(_SEALED) + _NAME_BYTES
        head, nonce = stored[:start], stored[start : start + _NONCE_BYTES]
        sealed = stored[start + _NONCE_BYTES :]
        key = next((key for key in self.keys if _name_of(key) == head[len(_SEALED) :]), None)
        if key is None:
            raise Sealed(
                f"the raw body is sealed with a key that {SETTING} does not hold; add the key and replay.",
                field=SETTING,
            )
        return _decrypt(key, nonce, sealed, head + bound)


def is_sealed(stored: bytes) -> bool:
    """Say whether a stored body is sealed."""
    return stored.startswith(_SEALED)


def _decrypt(key: bytes, nonce: bytes, sealed: bytes, told: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce, sealed, told)
    except (InvalidTag, ValueError):
        raise Sealed("the raw body was changed after it was sealed, or stands in a wrong row.") from None


def _name_of(key: bytes) -> bytes:
    return hashlib.sha256(b"ebb raw body" + key).digest()[:_NAME_BYTES]
