"""Raw bodies, and the secrets of sources, at rest: sealed with AES-256-GCM where a key is set, plain where none is.

What is sealed says so itself and names its key, so that plain and sealed rows, and those of an older key, stand side
by side. What it is bound to (a body: its source and its delivery key; a secret: its source and what it is for) is
authenticated with it: what was moved to another row does not open.
"""

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.errors import Invalid

SETTING = "EBB_SEALING_KEY"
KEY_BYTES = 32
_SEALED = b"\x00ebb sealed 1\x00"
# In front of a plain body that begins as ours do: nobody who sends one may make it look sealed.
_PLAIN = b"\x00ebb plain 1\x00"
_OURS = b"\x00ebb "
_NAME_BYTES, _NONCE_BYTES = 8, 12
# Secrets stand in columns of text, which hold no NUL: the key's name in hex and the rest in base64 follow.
SEALED_TEXT = "ebb sealed 1:"
_PLAIN_TEXT = "ebb plain 1:"
_OUR_TEXT = "ebb "


class Sealed(Invalid):
    """A body or a secret cannot be opened: its key is not set, or it was changed."""


class Seal(StrEnum):
    """How a secret stands at rest: plain, sealed, sealed with a key that is on its way out, or with one we lack."""

    PLAIN = "plain"
    SEALED = "sealed"
    OUTDATED = "outdated"
    UNREADABLE = "unreadable"


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


def bound_secret(source: int) -> bytes:
    """Name what a source's signing secret belongs to."""
    return f"secret of source {source}".encode()


def bound_token(source: int) -> bytes:
    """Name what the token that a source is pulled with belongs to."""
    return f"token of source {source}".encode()


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys of 32 bytes: the first seals, all open; without any, bodies and secrets stay plain."""

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
        key = self._named(head[len(_SEALED) :])
        if key is None:
            raise Sealed(
                f"the raw body is sealed with a key that {SETTING} does not hold; add the key and replay.",
                field=SETTING,
            )
        opened = _decrypt(key, nonce, sealed, head + bound)
        if opened is None:
            raise Sealed("the raw body was changed after it was sealed, or stands in a wrong row.")
        return opened

    def seal_text(self, secret: str, *, bound: bytes) -> str:
        """Return what is stored for a secret."""
        if not self.keys:
            return _PLAIN_TEXT + secret if secret.startswith(_OUR_TEXT) else secret
        nonce = os.urandom(_NONCE_BYTES)
        head = f"{SEALED_TEXT}{self.names[0]}:"
        sealed = AESGCM(self.keys[0]).encrypt(nonce, secret.encode(), head.encode() + bound)
        return head + base64.b64encode(nonce + sealed).decode()

    def open_text(self, stored: str, *, bound: bytes) -> str:
        """Return the secret of what is stored; raise `Sealed` where its key is not set or it was changed."""
        if stored.startswith(_PLAIN_TEXT):
            return stored[len(_PLAIN_TEXT) :]
        if not stored.startswith(SEALED_TEXT):
            return stored
        name, _, packed = stored[len(SEALED_TEXT) :].partition(":")
        key = self._named(bytes.fromhex(name)) if _is_name(name) else None
        if key is None:
            raise Sealed(f"it is sealed with a key that {SETTING} does not hold; add the key.", field=SETTING)
        whole = _unpacked(packed)
        head = f"{SEALED_TEXT}{name}:".encode()
        opened = _decrypt(key, whole[:_NONCE_BYTES], whole[_NONCE_BYTES:], head + bound)
        if opened is None:
            raise Sealed("it was changed after it was sealed, or stands in a wrong row; set it anew.")
        return opened.decode()

    def seal_of(self, stored: str) -> Seal:
        """Say how a secret stands at rest, by what it says of itself."""
        if not stored.startswith(SEALED_TEXT):
            return Seal.PLAIN
        name = stored[len(SEALED_TEXT) :].partition(":")[0]
        if name not in self.names:
            return Seal.UNREADABLE
        return Seal.SEALED if name == self.names[0] else Seal.OUTDATED

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names by which sealed secrets call the keys, which tell nothing of them."""
        return tuple(_name_of(key).hex() for key in self.keys)

    def _named(self, name: bytes) -> bytes | None:
        return next((key for key in self.keys if _name_of(key) == name), None)


def is_sealed(stored: bytes) -> bool:
    """Say whether a stored body is sealed."""
    return stored.startswith(_SEALED)


def _is_name(word: str) -> bool:
    return len(word) == 2 * _NAME_BYTES and not set(word) - set("0123456789abcdef")


def _unpacked(packed: str) -> bytes:
    """Read base64; nothing, which opens with no key, where it is none."""
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _decrypt(key: bytes, nonce: bytes, sealed: bytes, told: bytes) -> bytes | None:
    """Open what was sealed; None where it, its place or its nonce was changed."""
    try:
        return AESGCM(key).decrypt(nonce, sealed, told)
    except (InvalidTag, ValueError):
        return None


def _name_of(key: bytes) -> bytes:
    return hashlib.sha256(b"ebb raw body" + key).digest()[:_NAME_BYTES]
