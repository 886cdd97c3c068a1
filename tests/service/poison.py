"""A parser with a fault, as a fault of ours would be: it fails on some deliveries until it is mended."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from models.sources.registry import SOURCES

POISON = "the words of a customer"


@contextmanager
def poisoned(monkeypatch: pytest.MonkeyPatch, *, on: bytes = b"T-3") -> Iterator[list[int]]:
    """Let the parser of generic JSON fail on bodies that hold these bytes; count how often."""
    real = SOURCES["generic_json"]
    fails: list[int] = []

    def parse(body: bytes, **more: Any) -> Any:
        if on in body:
            fails.append(1)
            raise ZeroDivisionError(POISON)
        return real.parse(body, **more)

    with monkeypatch.context() as patched:
        patched.setitem(SOURCES, "generic_json", replace(real, parse=parse))
        yield fails
