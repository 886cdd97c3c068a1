"""The Celery application with an encoder that needs no model: `celery --app=tests.celery_app …`."""

import os
import time
from collections.abc import Sequence

from models.language.encode import FloatArray, WordHashEncoder
from models.settings import Settings
from workers import app as real
from workers.context import Context, build_context


class SlowEncoder(WordHashEncoder):
    """Takes its time, as a model on a slow machine does."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        time.sleep(float(os.environ.get("TEST_ENCODE_SECONDS", "0")))
        return super().encode(texts)


def _light_context(settings: Settings, *, kind: str) -> Context:
    context = build_context(settings, kind=kind)
    context.load_encoder = lambda _dtype: SlowEncoder()
    return context


real.build_context = _light_context  # type: ignore[attr-defined]
app = real.app
