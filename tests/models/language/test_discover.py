import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from models.language.discover import (
    Bookkeeping,
    Constraints,
    Event,
    EventKind,
    ThemeSetting,
    ThemeState,
    ThemeStream,
)
from models.language.encode import FloatArray, IntArray, WordHashEncoder, unit_rows
from tests.models.language.synthetic import mixture

SIZES = [300, 220, 160, 120, 90, 60, 40, 30, 25, 20]
QUICK = ThemeSetting(first_fit=200, burst_after=400, burst_window=200)


def feed(stream: ThemeStream, vectors: FloatArray, *, first: int = 0, batch: int = 50) -> list[Event]:
    events: list[Event] = []
    for start in range(first, len(vectors), batch):
        part = vectors[start : start + batch]
        events += stream.add(np.arange(start, start + len(part), dtype=np.int64), part)
    return events


def replay(events: Iterable[Event], count: int) -> IntArray:
    """Rebuild every item's theme from the events alone."""
    themes = np.zeros(count, dtype=np.int64)
    for event in events:
        if event.kind is EventKind.MERGE:
            themes[themes == event.merged] = event.theme
        for item, origin in zip(event.items, event.origins, strict=True):
            assert themes[item] == origin
            themes[item] = event.theme
    return themes


@pytest.fixture(scope="module")
def stream_and_events() -> tuple[ThemeStream, list[Event], IntArray, FloatArray]:
    vectors, labels = mixture(SIZES, seed=11)
    stream = ThemeStream(64, QUICK)
    events = feed(stream, vectors)
    return stream, [*events, *stream.finish()], labels, vectors


def test_themes_match_what_was_mixed(
    stream_and_events: tuple[ThemeStream, list[Event], IntArray, FloatArray],
) -> None:
    stream, _, labels, _ = stream_and_events
    themes = stream.assignments()[1]
    assert (themes == 0).mean() < 0.02
    assert adjusted_rand_score(labels, themes) > 0.9


def test_no_item_changes_theme_without_an_event(
    stream_and_events: tuple[ThemeStream, list[Event], IntArray, FloatArray],
) -> None:
    stream, events, labels, _ = stream_and_events
    assert replay(events, len(labels)).tolist() == stream.assignments()[1].tolist()
    assert all(len(e.items) == len(e.scores) == len(e.origins) for e in events)
    assert all(0 <= score <= 1 for e in events for score in e.scores)
    born = [e.theme for e in events if e.kind in (EventKind.BIRTH, EventKind.BURST)]
    assert born == list(range(1, len(born) + 1))
    assert all((e.merged is not None) == (e.kind is EventKind.MERGE) for e in events)


def test_the_same_stream_gives_the_same_events_in_another_process() -> None:
    code = (
        "import hashlib\n"
        "from tests.models.language.test_discover import *\n"
        "v, _ = mixture(SIZES, seed=12)\n"
        "s = ThemeStream(64, QUICK)\n"
        "print(hashlib.sha256(repr([*feed(s, v), *s.finish()]).encode()).hexdigest())"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].strip()) == 64


@pytest.mark.parametrize("stop", [100, 450, 900])
def test_a_restored_stream_goes_on_as_if_it_had_never_stopped(stop: int) -> None:
    vectors, _ = mixture(SIZES, seed=13)
    vectors[700:720] = vectors[300:320]  # repeated wordings cross the stop
    whole = ThemeStream(64, QUICK)
    feed(whole, vectors[:stop])
    expected = feed(whole, vectors, first=stop)
    before = ThemeStream(64, QUICK)
    feed(before, vectors[:stop])
    state = before.state()
    books = Bookkeeping.from_json(state.bookkeeping.to_json())
    after = ThemeStream.restore(replace(state, bookkeeping=books), vectors[:stop], QUICK)
    assert feed(after, vectors, first=stop) == expected
    assert after.finish() == whole.finish()
    assert after.state().bookkeeping == whole.state().bookkeeping


def test_a_new_subject_becomes_a_theme_of_its_own() -> None:
    vectors, labels = mixture([400, 400, 400, 60], seed=14)
    late = np.argsort(labels == 3, kind="stable")
    stream = ThemeStream(64, QUICK)
    feed(stream, vectors[late])
    stream.finish()
    themes = stream.assignments()[1]
    new = themes[-60:]
    assert (new == np.bincount(new).argmax()).mean() > 0.9
    assert not set(new[new == np.bincount(new).argmax()]) & set(themes[:-60])


def test_a_small_set_gets_themes_when_it_ends() -> None:
    vectors, labels = mixture([30, 30, 25, 20, 15], seed=15)
    stream = ThemeStream(64)
    assert feed(stream, vectors) == []
    assert {event.kind for event in stream.finish()} <= {EventKind.BIRTH, EventKind.PLACED, EventKind.MERGE}
    assert adjusted_rand_score(labels, stream.assignments()[1]) > 0.8


def test_events_alone_tell_every_item_its_theme_copies_too() -> None:
    vectors, _ = mixture([100, 100, 100], seed=16)
    stream = ThemeStream(64, QUICK)
    told: dict[int, int] = {}
    repeated = np.concatenate([vectors, vectors[:60]])
    for start in range(0, len(repeated), 40):
        ids = np.arange(start, min(start + 40, len(repeated)))
        for event in stream.add(ids, repeated[ids]):
            told.update(dict.fromkeys(event.items, event.theme))
        held, themes = stream.assignments()
        stands = {item: stream.resolve(theme) for item, theme in told.items()}
        assert stands == {
            item: theme for item, theme in zip(held.tolist(), themes.tolist(), strict=True) if theme
        }


def test_the_dial_joins_wordings_below_one_only() -> None:
    assert ThemeSetting.dialled(1.0).alike_cosine > 1
    assert ThemeSetting.dialled(2.0).granularity == 2.0
    wide, wider = ThemeSetting.dialled(0.75), ThemeSetting.dialled(0.5)
    assert wider.alike_cosine < wide.alike_cosine < 1


def test_repeated_wordings_share_one_place() -> None:
    vectors, _ = mixture([100, 100, 100, 100], seed=16)
    flood = np.concatenate([vectors, np.repeat(vectors[:1], 150, axis=0)])
    stream = ThemeStream(64, QUICK)
    feed(stream, flood)
    stream.finish()
    themes = stream.assignments()[1]
    assert set(themes[400:].tolist()) == {int(themes[0])}


def test_people_can_pin_themes_and_keep_them_apart() -> None:
    vectors, _ = mixture([150, 150], seed=17)

    def run(constraints: Constraints) -> list[Event]:
        stream = ThemeStream(64, QUICK, constraints)
        return [*feed(stream, vectors), *stream.finish()]

    first = next(event for event in run(Constraints()) if event.kind is EventKind.MERGE)
    assert first.merged is not None
    pair = frozenset((first.theme, first.merged))
    kept_apart = run(Constraints(apart=frozenset((pair,))))
    assert not [e for e in kept_apart if e.kind is EventKind.MERGE and {e.theme, e.merged} == pair]
    everything = run(Constraints(pinned=frozenset(range(1, 500))))
    assert not [e for e in everything if e.kind is EventKind.MERGE or any(e.origins)]


def test_a_person_can_merge_themes() -> None:
    stream = ThemeStream(64, QUICK)
    feed(stream, mixture([150, 150, 150], seed=18)[0])
    stream.finish()
    a, b = sorted(set(stream.assignments()[1].tolist()) - {0})[:2]
    event = stream.merge(a, into=b)
    assert (event.kind, event.theme, event.merged) == (EventKind.MERGE, b, a)
    assert stream.resolve(a) == b
    assert a not in stream.assignments()[1]
    for old, into in ((a, b), (b, b), (b, 999)):
        with pytest.raises(ValueError, match="two existing themes"):
            stream.merge(old, into)


@pytest.mark.parametrize("gone", [[3, 5, 8], [7], [590], [7, 590]])
def test_removed_items_are_forgotten(gone: list[int]) -> None:
    vectors, _ = mixture(SIZES, seed=19)
    vectors[590] = vectors[7]  # a copy: alone, or left behind when the first goes
    stream = ThemeStream(64, QUICK)
    feed(stream, vectors[:600])
    before = dict(zip(*(a.tolist() for a in stream.assignments()), strict=True))
    stream.remove([*gone, 10_000])
    stream.remove([])
    ids, themes = stream.assignments()
    assert set(ids.tolist()) == set(before) - set(gone)
    assert all(before[i] == t for i, t in zip(ids.tolist(), themes.tolist(), strict=True))
    kept = np.setdiff1d(np.arange(600), gone)
    other = ThemeStream.restore(stream.state(), vectors[kept], QUICK)
    assert feed(stream, vectors, first=600) == feed(other, vectors, first=600)


def test_removing_everything_leaves_an_empty_stream() -> None:
    stream = ThemeStream(64, QUICK)
    feed(stream, mixture([150, 150], seed=20)[0])
    stream.remove(range(300))
    assert stream.finish() == ()
    stream.add(np.array([900]), mixture([1], seed=21)[0])
    assert stream.assignments()[1].tolist() == [0]


def test_an_empty_batch_changes_nothing() -> None:
    stream = ThemeStream(8)
    assert stream.add(np.zeros(0, dtype=np.int64), np.zeros((0, 8), dtype=np.float32)) == ()
    assert stream.finish() == ()


def test_misuse_is_refused() -> None:
    stream = ThemeStream(8)
    one = unit_rows(np.ones((1, 8)))
    stream.add(np.array([1]), one)
    for ids, vectors, message in (
        ([1], one, "added twice"),
        ([2, 2], np.concatenate([one, one]), "added twice"),
        ([2], one[:, :4], "shape"),
        ([2], one * 2, "unit length"),
    ):
        with pytest.raises(ValueError, match=message):
            stream.add(np.array(ids), vectors)
    state = stream.state()
    with pytest.raises(ValueError, match="one entry per item"):
        ThemeStream.restore(ThemeState(state.ids[:0], state.themes, state.arrived, state.bookkeeping), one)


def test_words_alone_already_separate_plain_subjects() -> None:
    parts = {
        "export": ["csv export fails", "export to csv is broken", "report export button does nothing"],
        "login": ["cannot log in with sso", "login page loops after sso", "sso login rejected my password"],
        "invoice": ["invoice shows wrong tax", "tax on invoice is wrong", "wrong amount on our invoice"],
    }
    rng = np.random.default_rng(22)
    extras = [
        "today",
        "again",
        "since monday",
        "for our office",
        "on mac",
        "in chrome",
        "urgent",
        "every week",
    ]
    labels = rng.integers(0, 3, size=150)
    texts = [
        f"{rng.choice(list(parts.values())[label])} {rng.choice(extras)} {rng.choice(extras)}"
        for label in labels
    ]
    encoder = WordHashEncoder()
    stream = ThemeStream(encoder.dimension)
    stream.add(np.arange(150), encoder.encode(texts))
    stream.finish()
    themes = stream.assignments()[1]
    for theme in set(themes.tolist()) - {0}:
        counts = np.bincount(labels[themes == theme])
        assert counts.max() / counts.sum() > 0.9
