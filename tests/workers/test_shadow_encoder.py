"""The packaged model tried at half its precision: nearly the same vectors, and the themes that people know."""

import pytest

from models.database import Database
from models.values.encoders import PACKAGED_MODEL
from tests.services import settings_for
from tests.steps import recounted, stored_counts
from tests.workers.trying import OTHER, trying
from workers.context import build_context


@pytest.mark.encoder
def test_the_packaged_model_at_another_precision(sqlite: Database) -> None:
    real = build_context(settings_for(sqlite, encoder_threads=2))
    trial = trying(sqlite, sqlite, count=120, load_encoder=real.load_encoder)
    assert trial.choice().model == PACKAGED_MODEL
    trial.start()
    report = trial.report()
    assert (report.items, report.unread) == (120, 0)
    assert report.moved_share < 0.2
    before = trial.places()
    trial.switch(limit=0.2)
    assert (trial.choice(), trial.vectors()) == (OTHER, {"bfloat16": 120})
    stayed = sum(trial.places().get(item) == theme for item, theme in before.items())
    assert stayed >= 0.8 * len(before)
    trial.feed(20)
    assert recounted(trial.database) == stored_counts(trial.database)
    real.database.close()
