"""A long stream lets go of items: they stay in their themes, and nothing that people see changes by it."""

import pytest
from sqlalchemy import select

from models.database import Database
from models.language import release
from models.language.encode import WordHashEncoder
from models.language.events import ThemeSetting
from models.queries import themes
from models.records import Arrival, Assignment
from tests.steps import recounted, stored_counts
from tests.workers.trying import FED, Trying, live_of, trying

SHORT = ThemeSetting(most_rows=150, kept_rows=100, burst_window=20, theme_rows=10)


class Same(WordHashEncoder):
    """The usual encoder under another name."""

    dtype = "bfloat16"


encoders = {"float32": WordHashEncoder(), "bfloat16": Same()}


def let_go(trial: Trying) -> set[int]:
    with trial.database.read(workspace=None) as session:
        return set(session.scalars(select(Arrival.item_id).where(Arrival.released)))


def written(trial: Trying, items: set[int]) -> list[tuple[int, int, int | None]]:
    """Return the assignments of items as they were written; a merge changes none."""
    with trial.database.read(workspace=None) as session:
        rows = session.scalars(select(Assignment).order_by(Assignment.id)).all()
    return [(row.item_id, row.theme_id, row.until_revision) for row in rows if row.item_id in items]


@pytest.fixture
def long_trial(database: Database, programs: Database, monkeypatch: pytest.MonkeyPatch) -> Trying:
    """A workspace whose stream is longer than what it may keep."""
    monkeypatch.setattr(ThemeSetting, "dialled", classmethod(lambda cls, granularity: SHORT))
    # So small a set gets its themes when its import ends: until then all of it waits.
    monkeypatch.setattr(release, "WAITING_SHARE", 10.0)
    trial = trying(database, programs, load_encoder=lambda dtype: encoders[dtype])
    trial.feed(120)
    return trial


def test_what_is_let_go_stays_in_its_theme_and_in_every_count(long_trial: Trying) -> None:
    trial, gone = long_trial, let_go(long_trial)
    assert 100 < len(gone) < FED + 120
    places = trial.places()
    assert gone <= places.keys()
    assert recounted(trial.database) == stored_counts(trial.database)
    with trial.database.read(workspace=None) as session:
        kept = {member.item for member in themes.members(session, workspace=trial.workspace, encoder=1)}
        sizes = themes.filled_sizes(session, workspace=trial.workspace)
    assert kept.isdisjoint(gone)
    assert sum(sizes.values()) == len(places)
    # Every batch began from what is stored, as after a restart, and what was let go was never moved again.
    before = written(trial, gone)
    trial.feed(80)
    assert gone <= let_go(trial)
    assert written(trial, gone) == before
    assert recounted(trial.database) == stored_counts(trial.database)


def test_an_encoder_that_is_tried_lets_go_of_the_same(long_trial: Trying) -> None:
    trial = long_trial
    before, gone = live_of(trial), let_go(trial)
    trial.start()
    assert (trial.report().items, trial.report().moved_items) == (FED + 120, 0)
    assert live_of(trial) == before
    trial.switch()
    assert let_go(trial) == gone
    trial.feed(40)
    assert recounted(trial.database) == stored_counts(trial.database)
