"""The Celery application with an encoder that needs no model: `celery --app=tests.celery_app …`."""

from models.language.encode import WordHashEncoder
from models.settings import Settings
from workers import app as real
from workers.context import Context, build_context


def _light_context(settings: Settings, *, kind: str) -> Context:
    context = build_context(settings, kind=kind)
    context.load_encoder = lambda _dtype: WordHashEncoder()
    return context


real.build_context = _light_context  # type: ignore[attr-defined]
app = real.app
