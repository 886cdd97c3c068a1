"""Read the data frames of an R package (.rda) without R: the XDR serialisation of versions 2 and 3.

The format is described in "R Internals", section 1.8. Read are what data frames of texts and numbers consist of;
anything else raises ValueError.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

Value = str | int | float | list["Value"] | dict[str, "Value"] | None

OPENERS: Final[Mapping[bytes, Callable[[bytes], bytes]]] = {
    b"BZh": bz2.decompress,
    b"\x1f\x8b": gzip.decompress,
    b"\xfd7z": lzma.decompress,
}
_MISSING: Final = -(2**31)
_SYMBOL, _PAIRS, _CHARS, _LOGICAL, _INTEGER, _REAL, _STRINGS, _LIST = 1, 2, 9, 10, 13, 14, 16, 19
_ALTERNATIVE, _NOTHING, _REFERENCE = 238, 254, 255


def read_frames(path: Path) -> dict[str, dict[str, list[Value]]]:
    """Return the data frames in a file by name, each as its columns by name."""
    raw = path.read_bytes()
    opened = next((opener(raw) for start, opener in OPENERS.items() if raw.startswith(start)), raw)
    if opened[:5] not in (b"RDX2\n", b"RDX3\n") or opened[5:7] != b"X\n":
        raise ValueError(f"{path} holds no R data in XDR form")
    stream = _Stream(io.BytesIO(opened[7:]))
    version = stream.integers(3)[0]
    if version == 3:
        stream.take(stream.integers(1)[0])
    found = stream.value()
    assert isinstance(found, dict)
    return {name: columns for name, each in found.items() if (columns := _columns(each)) is not None}


def _columns(value: Value) -> dict[str, list[Value]] | None:
    if not isinstance(value, dict):
        return None
    return {name: column for name, column in value.items() if isinstance(column, list)}


@dataclass(slots=True)
class _Stream:
    """A serialised value while it is read; symbols are written once and referred to from then on."""

    source: io.BytesIO
    symbols: list[Value] = field(default_factory=list)

    def take(self, count: int) -> bytes:
        read = self.source.read(count)
        if len(read) != count:
            raise ValueError("the R data end too early")
        return read

    def integers(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f">{count}i", self.take(4 * count))

    def value(self) -> Value:
        (flags,) = self.integers(1)
        return self._of_type(flags & 0xFF, flags)

    def _of_type(self, kind: int, flags: int) -> Value:
        if kind == _NOTHING:
            return None
        if kind == _REFERENCE:
            return self.symbols[(flags >> 8 or self.integers(1)[0]) - 1]
        if kind == _SYMBOL:
            self.symbols.append(self.value())
            return self.symbols[-1]
        if kind == _CHARS:
            (size,) = self.integers(1)
            return None if size == -1 else self.take(size).decode("utf-8", "replace")
        if kind == _PAIRS:
            return self._pairs(flags)
        if kind == _ALTERNATIVE:
            return [self.value() for _ in range(3)][1]
        return self._named(self._vector(kind), flags)

    def _vector(self, kind: int) -> list[Value]:
        (size,) = self.integers(1)
        if kind in (_LOGICAL, _INTEGER):
            return [None if number == _MISSING else number for number in self.integers(size)]
        if kind == _REAL:
            return list(struct.unpack(f">{size}d", self.take(8 * size)))
        if kind in (_STRINGS, _LIST):
            return [self.value() for _ in range(size)]
        raise ValueError(f"R values of type {kind} are not read")

    def _named(self, values: list[Value], flags: int) -> Value:
        """Read the attributes, if any: a list with names becomes a mapping, factors their levels."""
        attributes = self.value() if flags & 0x200 else None
        if not isinstance(attributes, dict):
            return values
        levels, names = attributes.get("levels"), attributes.get("names")
        if isinstance(levels, list):
            return [levels[place - 1] if isinstance(place, int) else None for place in values]
        if isinstance(names, list):
            return {str(name): value for name, value in zip(names, values, strict=True)}
        return values

    def _pairs(self, flags: int) -> Value:
        """Read a linked list of tagged values to its end."""
        found: dict[str, Value] = {}
        while flags & 0xFF == _PAIRS:
            if flags & 0x200:
                self.value()
            tag = self.value() if flags & 0x400 else len(found)
            found[str(tag)] = self.value()
            (flags,) = self.integers(1)
        if flags & 0xFF != _NOTHING:
            raise ValueError("a list in the R data does not end")
        return found
