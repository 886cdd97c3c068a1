"""A shadow run is begun, dropped and mended: one at a time, and nothing of it stays behind."""

from collections.abc import Sequence

import pytest
from sqlalchemy import delete, select

from models.errors import Conflict, Invalid, NotFound
from models.jobs import Job, WorkState
from models.language.encode import FloatArray, WordHashEncoder
from models.queries import shadow_stream, shadows, sweep, work
from models.records import (
    AuditEntry,
    ShadowArrival,
    ShadowState,
    Work,
)
from models.settings import Settings
from models.values.encoders import PACKAGED_MODEL, EncoderChoice, check_choice, model_folders
from service.encoders import GIVEN_UP, read_encoder
from tests import factories
from tests.steps import unfinished
from tests.workers.tickets import deliver, entry
from tests.workers.trying import ADA, FED, OTHER, Trying, live_of, other_encoder
from workers.context import build_context
from workers.run import run_batch
from workers.stages import build_stages


def test_one_at_a_time_and_not_the_own(trial: Trying) -> None:
    with pytest.raises(Conflict, match="is what this workspace uses"):
        trial.start(EncoderChoice(PACKAGED_MODEL, "float32"))
    trial.start(work=False)
    with pytest.raises(Conflict, match="tried already"):
        trial.start(EncoderChoice("elsewhere", "float32"))
    trial.start(work=False)
    with trial.database.read(workspace=None) as session:
        asked = session.scalars(select(AuditEntry).where(AuditEntry.action == "encoder.try")).all()
    assert len(asked) == 1


def test_dropping_deletes_what_it_stored(trial_of_either: Trying) -> None:
    trial = trial_of_either
    before = live_of(trial)
    trial.start()
    trial.drop()
    with pytest.raises(NotFound):
        trial.drop()
    with pytest.raises(Conflict, match="tried already"):
        trial.start()
    trial.work()
    assert (trial.shadow(), trial.vectors(), trial.count(ShadowArrival)) == (None, {"float32": FED}, 0)
    assert live_of(trial) == before
    assert set(trial.context.encoders) <= {trial.choice()}
    with trial.database.read(workspace=None) as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("encoder.%")))
        assert list(actions) == ["encoder.try", "encoder.drop"]
    trial.start()
    assert trial.report().items == FED


def test_dropping_in_the_middle_of_a_batch(trial: Trying) -> None:
    trial.start(work=False)
    trial.one_batch()
    encoder = other_encoder("bfloat16")
    plain = encoder.encode

    def encode(texts: Sequence[str]) -> FloatArray:
        trial.drop()
        encoder.encode = plain  # type: ignore[method-assign]
        return plain(texts)

    encoder.encode = encode  # type: ignore[method-assign]
    trial.context.encoders[OTHER] = encoder
    run_batch(trial.context, build_stages(trial.context.settings))
    trial.work()
    assert (trial.shadow(), trial.vectors(), trial.count(ShadowArrival)) == (None, {"float32": FED}, 0)


def test_nothing_to_compare_before_the_first_vector(trial: Trying) -> None:
    other = factories.workspace(trial.database, name="Empty")
    with (
        pytest.raises(Conflict, match="nothing to compare"),
        trial.database.write(workspace=other) as session,
    ):
        shadows.start(session, workspace=other, choice=OTHER, author=ADA, now=trial.clock())


def test_a_model_that_is_not_there_is_told_and_mended(trial: Trying) -> None:
    trial.start(EncoderChoice("elsewhere", "float32"))
    row = trial.shadow()
    assert row is not None
    assert "no model 'elsewhere'" in (row.error or "")
    assert unfinished(trial.database, now=trial.clock()) == []
    trial.context.load_model = lambda choice: other_encoder("bfloat16")
    trial.feed(1)
    row = trial.shadow()
    assert row is not None
    assert (row.error, row.state) == (None, ShadowState.READY)


def test_files_that_changed_meanwhile_stop_it(trial: Trying) -> None:
    trial.start()
    trial.context.encoders.clear()
    trial.context.load_encoder = lambda dtype: (
        WordHashEncoder(64) if dtype == "bfloat16" else WordHashEncoder()
    )
    trial.feed(1)
    row = trial.shadow()
    assert row is not None
    assert "were changed" in (row.error or "")


def test_the_own_encoder_under_another_name_is_refused(trial: Trying) -> None:
    trial.context.load_model = lambda choice: WordHashEncoder()
    trial.start(EncoderChoice("the-same", "float32"))
    row = trial.shadow()
    assert row is not None
    assert "uses" in (row.error or "")
    assert trial.vectors() == {"float32": FED}


def test_the_sweep_takes_up_a_run_whose_work_was_lost(trial: Trying) -> None:
    trial.start(work=False)
    with trial.database.write(workspace=None) as session:
        session.execute(delete(Work).where(Work.stage == Job.SHADOW))
    with trial.database.write(workspace=trial.workspace) as session:
        added = sweep.add_missing(
            session,
            workspace=trial.workspace,
            method_version="x",
            kind_version="x",
            now=trial.clock(),
            limit=10,
        )
    assert added[Job.SHADOW] == 1
    trial.work()
    assert trial.report().items == FED


def test_items_without_words_are_left_alone(trial: Trying) -> None:
    deliver(
        trial.context, trial.workspace, trial.source, entry(9001, text="Das ist ein Fehler.", language="de")
    )
    trial.start()
    assert trial.report().unread == 0
    assert unfinished(trial.database, now=trial.clock()) == []


def test_models_are_named_by_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    folders = model_folders(" other=/m/other , third=/m/third ")
    assert list(folders) == ["other", "third"]
    check_choice(EncoderChoice("other", "bfloat16"), folders)
    check_choice(EncoderChoice(PACKAGED_MODEL, "float32"), {})
    for choice, why in (
        (EncoderChoice("nope", "float32"), "no model"),
        (EncoderChoice("other", "int8"), "dtype"),
    ):
        with pytest.raises(Invalid, match=why):
            check_choice(choice, folders)
    for text in ("other", "a=/x,a=/y", f"{PACKAGED_MODEL}=/x"):
        with pytest.raises(ValueError, match="encoder_models"):
            Settings(encoder_models=text)
    context = build_context(Settings(database_url=f"sqlite:///{tmp_path}/x.db", encoder_models=""))
    with pytest.raises(Invalid, match="knows no model"):
        context.encoder(EncoderChoice("other", "float32"))


def test_dead_work_is_seen(trial: Trying) -> None:
    """A run that fails at every attempt ends dead, like all other work."""
    trial.start(work=False)

    def broken(_: str) -> WordHashEncoder:
        raise RuntimeError

    trial.context.load_encoder = broken
    for _ in range(10):
        trial.one_batch()
        trial.clock.advance(minutes=15)
    with trial.database.read(workspace=None) as session:
        counted = work.count_states(session)
        view = read_encoder(session, workspace=trial.workspace, settings=trial.context.settings)
    assert counted[Job.SHADOW, WorkState.DEAD] == 1
    assert view.shadow is not None
    assert view.shadow.error == GIVEN_UP
    # What people wait for goes on.
    with trial.database.write(workspace=trial.workspace) as session:
        row = shadow_stream.find(session, workspace=trial.workspace)
        assert row is not None
        row.state = ShadowState.SWITCHING
        session.flush()
        assert not shadow_stream.is_switching(session, workspace=trial.workspace)
