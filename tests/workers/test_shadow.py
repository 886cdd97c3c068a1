"""An encoder is tried in the shadow: it reads all items, however often its worker dies, and nothing else changes."""

import shutil
from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import select

from models.database import Database
from models.jobs import Job
from models.language.discover import ThemeStream
from models.language.encode import FloatArray, WordHashEncoder
from models.queries import embeddings, shadow_stream, shadows
from models.records import (
    Arrival,
    Embedding,
    FeedbackItem,
    ShadowArrival,
    ShadowState,
    ThemeStreamState,
)
from models.sealing import Keyring
from models.values.moves import Fate
from service.erasure import erase, parse_who
from tests import year
from tests.workers.tickets import deliver
from tests.workers.trying import (
    FED,
    OTHER,
    Trying,
    live_of,
    other_encoder,
    reopened,
)
from workers import settling, shadow
from workers.run import run_batch
from workers.stages import build_stages


def by_hand(trial: Trying, batch: int) -> dict[int, int]:
    """Place the stored vectors of the shadow in a stream of our own, as the worker should."""
    with trial.database.read(workspace=None) as session:
        row = shadow_stream.find(session, workspace=trial.workspace)
        assert row is not None
        rows = session.execute(
            select(Arrival.item_id, Embedding.vector)
            .join(Embedding, Embedding.item_id == Arrival.item_id)
            .where(Embedding.encoder_id == row.encoder_id)
            .order_by(Arrival.position)
        ).all()
    vectors = embeddings.unpack([vector for _, vector in rows], other_encoder(OTHER.dtype).dimension)
    ids = np.array([item for item, _ in rows], dtype=np.int64)
    stream = ThemeStream(vectors.shape[1])
    for start in range(0, len(ids), batch):
        stream.add(ids[start : start + batch], vectors[start : start + batch])
    stream.finish()
    first: dict[int, int] = {}
    return {
        item: 0 if theme == 0 else first.setdefault(theme, item)
        for item, theme in zip(*(column.tolist() for column in stream.assignments()), strict=True)
    }


# --- what it does, and what it leaves alone -----------------------------------------------------------------


def test_it_reads_all_items_and_changes_nothing_that_is_seen(trial_of_either: Trying) -> None:
    trial = trial_of_either
    before = live_of(trial)
    trial.start()
    assert live_of(trial) == before
    row = trial.shadow()
    assert row is not None
    assert (row.state, row.error) == (ShadowState.READY, None)
    assert trial.vectors() == {"float32": FED, "bfloat16": FED}
    assert trial.count(ShadowArrival) == FED
    report = trial.report()
    assert (report.items, report.complaints, report.unread) == (FED, FED, 0)
    assert 0 < report.moved_share < 1
    assert {each.fate for each in report.themes} == set(Fate)
    assert all(each.label for each in report.of(Fate.NEW))
    assert trial.partition() == by_hand(trial, 60)


def test_the_report_says_what_both_partitions_say(trial: Trying) -> None:
    trial.start()
    report, new = trial.report(), trial.partition()
    numbers = {row.id: row.number for row in trial.themes().values()}
    old = {item: numbers[theme] for item, theme in trial.places().items()}
    assert report.waiting_before == sum(item not in old for item in new)
    assert report.waiting_after == sum(theme == 0 for theme in new.values())
    matched = {each.number: each for each in report.of(Fate.MATCHED)}
    for number, each in matched.items():
        mine = {item for item, theme in old.items() if theme == number}
        best = max(
            ({item for item, theme in new.items() if theme == other} for other in set(new.values()) - {0}),
            key=lambda theirs: len(mine & theirs) / len(mine | theirs),
        )
        assert len(mine & best) / len(mine | best) >= 0.5
        assert (each.before, each.after, each.stayed) == (len(mine), len(best), len(mine & best))
    stayed = sum(each.stayed for each in report.themes)
    both = sum(item not in old and new[item] == 0 for item in new)
    assert report.moved_items == FED - stayed - both


def test_the_same_vectors_under_another_name_move_nothing(
    trial: Trying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Themes as they came about by and by: the stream was settled more than once since the first import."""
    monkeypatch.setattr(settling, "WAITING_SHARE", -1.0)  # however few wait

    class Same(WordHashEncoder):
        dtype = "bfloat16"

    trial.feed(120)
    trial.feed(80)
    trial.context.load_encoder = lambda dtype: WordHashEncoder() if dtype == "float32" else Same()
    trial.start()
    report = trial.report()
    assert (report.items, report.moved_items) == (FED + 200, 0)
    assert {each.fate for each in report.themes} == {Fate.MATCHED}
    assert report.waiting_before == report.waiting_after
    with trial.database.read(workspace=None) as session:
        state = session.scalars(select(ThemeStreamState.state)).one()
    assert len(settling.settles(state)) > 1


def test_progress_is_told(trial: Trying) -> None:
    trial.start(work=False)
    seen = []
    for _ in range(5):
        with trial.database.read(workspace=trial.workspace) as session:
            found = shadows.progress(session, workspace=trial.workspace)
        seen.append((found.done, found.total))
        assert trial.one_batch() is Job.SHADOW
    assert seen == [(0, FED), (60, FED), (120, FED), (180, FED), (240, FED)]


def test_live_work_goes_first(trial: Trying) -> None:
    trial.start(work=False)
    assert trial.one_batch() is Job.SHADOW
    trial.feed(30, work=False)
    order = []
    while (job := trial.one_batch()) is not None:
        order.append(job)
    assert order.index(Job.SHADOW) > order.index(Job.COUNT)
    assert len(trial.places()) > FED
    assert trial.report().items == FED + 30


# --- killed, and taken up again -----------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


def outcome(trial: Trying) -> object:
    return trial.partition(), trial.report()


@pytest.fixture(scope="module")
def undisturbed(fed_trial: Trying, tmp_path_factory: pytest.TempPathFactory) -> object:
    """What a run makes that nothing disturbs."""
    path = tmp_path_factory.mktemp("undisturbed") / "ebb.db"
    shutil.copy(str(fed_trial.database.url.database), path)
    trial = reopened(Database(f"sqlite:///{path}", synchronous="NORMAL"), fed_trial)
    trial.start()
    found = outcome(trial)
    trial.database.close()
    return found


def test_a_worker_that_starts_anew_for_every_batch_gets_the_same(trial: Trying, undisturbed: object) -> None:
    trial.start(work=False)
    while trial.one_batch():
        pass
    assert outcome(trial) == undisturbed


@pytest.mark.parametrize("place", ["_vectors", "_write_vectors", "_changed", "_store", "_report"])
@pytest.mark.parametrize("at", [0, 2])
def test_a_worker_killed_anywhere_costs_nothing(
    trial: Trying, undisturbed: object, monkeypatch: pytest.MonkeyPatch, place: str, at: int
) -> None:
    real, calls = getattr(shadow, place), [0]

    def dying(*given: object, **named: object) -> object:
        calls[0] += 1
        found = real(*given, **named)
        if calls[0] == at + 1:
            raise Killed
        return found

    monkeypatch.setattr(shadow, place, dying)
    trial.start(work=False)
    for _ in range(20):
        try:
            if trial.one_batch() is None:
                break
        except Killed:
            # Its lease runs out, and another worker takes the piece over.
            trial.clock.advance(seconds=61)
    trial.work()
    found, undisturbed_report = outcome(trial), undisturbed
    assert found == undisturbed_report
    assert calls[0] > at or place == "_report"


def test_a_worker_that_lost_its_lease_does_not_write_over_the_other(trial: Trying) -> None:
    trial.start(work=False)
    mine, theirs = (build_stages(trial.context.settings) for _ in range(2))

    def encode(texts: Sequence[str]) -> FloatArray:
        # While this one encodes, its lease runs out, and the other does the same batch.
        trial.context.encoders.clear()
        trial.context.load_encoder = other_encoder
        trial.clock.advance(seconds=61)
        assert run_batch(trial.context, theirs) == (Job.SHADOW, 1)
        return other_encoder("bfloat16").encode(texts)

    slow = other_encoder("bfloat16")
    slow.encode = encode  # type: ignore[method-assign]
    trial.context.load_encoder = lambda _: slow
    run_batch(trial.context, mine)
    row = trial.shadow()
    assert row is not None
    assert (row.version, trial.count(ShadowArrival)) == (1, 60)
    trial.work()
    assert trial.partition() == by_hand(trial, 60)


# --- while things go on -------------------------------------------------------------------------------------


def test_items_come_change_and_go_meanwhile(trial: Trying) -> None:
    trial.start(work=False)
    for _ in range(2):
        trial.one_batch()
    trial.feed(30, work=False)
    gone, edited = year.tickets()[3], year.tickets()[5]
    later = trial.clock.advance(minutes=5).isoformat()
    deliver(
        trial.context,
        trial.workspace,
        trial.source,
        {"id": gone.row["id"], "action": "delete", "occurred_at": later},
        {
            **edited.row,
            "text": "The invoice charges the card twice and the tax is wrong.",
            "occurred_at": later,
        },
    )
    trial.work()
    with trial.database.read(workspace=None) as session:
        ids = {row.external_id: row.id for row in session.scalars(select(FeedbackItem))}
        stored = set(session.scalars(select(ShadowArrival.item_id)))
        arrived = set(session.scalars(select(Arrival.item_id)))
        version = session.scalar(
            select(Embedding.item_version)
            .join(FeedbackItem, FeedbackItem.id == Embedding.item_id)
            .where(FeedbackItem.external_id == edited.row["id"], Embedding.encoder_id == 2)
        )
        left = session.scalars(select(Embedding).where(Embedding.item_id == ids[gone.row["id"]])).all()
    assert stored == arrived
    assert ids[gone.row["id"]] not in stored
    assert left == []
    assert version == 2
    assert len(stored) == FED + 29
    # An item that changed has come last in either stream.
    assert max(trial.partition()) in stored
    row = trial.shadow()
    assert row is not None
    assert row.state is ShadowState.READY


def test_erasing_a_person_takes_their_vectors_of_every_encoder(trial: Trying) -> None:
    trial.start()
    with trial.database.read(workspace=None) as session:
        number = session.scalars(select(FeedbackItem.person_id).limit(1)).one()
        mine = set(session.scalars(select(FeedbackItem.id).where(FeedbackItem.person_id == number)))
    receipt = erase(
        trial.database,
        Keyring(),
        workspace=trial.workspace,
        who=parse_who(f"per_{number}"),
        actor="Ada",
        by="usr_1",
        now=trial.clock(),
    )
    assert (receipt.removed.items, receipt.removed.vectors, receipt.left) == (len(mine), 2 * len(mine), 0)
    with trial.database.read(workspace=None) as session:
        assert not mine & set(session.scalars(select(Embedding.item_id)))
    row = trial.shadow()
    assert row is not None
    # Names of new themes are customers' words: the report goes, and is made anew without theirs.
    assert row.report is None
    before = trial.places()
    trial.work()
    assert trial.report().items == FED - len(mine)
    trial.switch()
    # Their complaints are still counted, where they were.
    assert {item: trial.places()[item] for item in mine} == {item: before[item] for item in mine}


def test_a_report_is_made_anew_when_somebody_acts_but_not_for_every_item(trial: Trying) -> None:
    trial.start()
    first = trial.report()
    trial.feed(5)
    assert trial.report() == first
    trial.clock.advance(minutes=6)
    trial.work()
    assert trial.report().items == FED + 5
