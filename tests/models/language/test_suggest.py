"""Suggestions in streams whose answer is known, and none where there is nothing to correct."""

from collections.abc import Sequence

import numpy as np
import pytest

from models.language.discover import Bookkeeping, Constraints, ThemeState, ThemeStream
from models.language.encode import FloatArray, unit_rows
from models.language.suggest import MOST, Suggestion, mixing, suggest
from models.language.two_parts import parts_of
from models.values.suggestions import SuggestionKind

DIMENSION, SPREAD = 64, 0.09


def cloud(rng: np.random.Generator, centre: FloatArray, size: int) -> FloatArray:
    return unit_rows(centre + SPREAD * rng.normal(size=(size, DIMENSION)))


def directions(count: int, seed: int = 3) -> FloatArray:
    return unit_rows(np.random.default_rng(seed).normal(size=(count, DIMENSION)))


def stream_of(
    vectors: FloatArray,
    themes: Sequence[int],
    constraints: Constraints | None = None,
    *,
    read: int | None = None,
) -> ThemeStream:
    """A stream in which items 1, 2, ... are in these themes (0: waiting)."""
    count = len(vectors)
    order = np.random.default_rng(0).permutation(count)
    numbers = np.asarray(themes, dtype=np.int64)
    state = ThemeState(
        ids=order + 1,
        themes=numbers[order],
        arrived=np.arange(1, count + 1),
        bookkeeping=Bookkeeping(read or count, int(numbers.max()) + 1, 10**6, (), ()),
    )
    return ThemeStream.restore(state, vectors[order], constraints=constraints)


def found(
    stream: ThemeStream,
    kind: SuggestionKind,
    *,
    labels: dict[int, str] | None = None,
    shut: Sequence[int] = (),
) -> list[Suggestion]:
    return [each for each in suggest(stream, labels=labels or {}, shut=frozenset(shut)) if each.kind is kind]


@pytest.fixture(scope="module")
def apart() -> tuple[FloatArray, list[int]]:
    """Six themes that are what they are."""
    rng, themes = np.random.default_rng(5), np.repeat(np.arange(1, 7), 60).tolist()
    return np.concatenate([cloud(rng, centre, 60) for centre in directions(6)]), themes


def test_nothing_is_suggested_where_themes_are_what_they_are(apart: tuple[FloatArray, list[int]]) -> None:
    assert suggest(stream_of(*apart), labels={}, shut=frozenset()) == []


def halved(apart: tuple[FloatArray, list[int]]) -> tuple[FloatArray, list[int]]:
    """Theme 1 is called two themes, 1 and 7, by chance: 40 and 20 items."""
    vectors, themes = apart
    return vectors, [7 if at < 60 and at % 3 == 0 else theme for at, theme in enumerate(themes)]


def test_two_themes_that_are_one_are_to_be_merged_into_the_larger(
    apart: tuple[FloatArray, list[int]],
) -> None:
    vectors, themes = halved(apart)
    (merge,) = found(stream_of(vectors, themes), SuggestionKind.MERGE)
    assert (merge.theme, merge.other, merge.items, merge.size) == (1, 7, (), 60)
    assert merge.score > 0.8
    assert "cosine of 0.9" in merge.reason


@pytest.mark.parametrize(
    "constraints",
    [
        Constraints(apart=frozenset({frozenset({1, 7})})),
        Constraints(pinned=frozenset({1})),
        Constraints(pinned=frozenset({7})),
    ],
)
def test_what_a_person_parted_or_pinned_is_not_to_be_merged(
    apart: tuple[FloatArray, list[int]], constraints: Constraints
) -> None:
    vectors, themes = halved(apart)
    assert found(stream_of(vectors, themes, constraints), SuggestionKind.MERGE) == []


def test_noise_is_left_alone(apart: tuple[FloatArray, list[int]]) -> None:
    vectors, themes = halved(apart)
    stream = stream_of(vectors, themes)
    assert [
        each for each in suggest(stream, labels={}, shut=frozenset({7})) if 7 in (each.theme, each.other)
    ] == []


def test_themes_named_alike_are_to_be_merged_where_they_lie_close() -> None:
    rng, centres = np.random.default_rng(6), directions(4)
    centres[1] = unit_rows((centres[0] + 0.95 * centres[1])[None, :])[0]
    vectors = np.concatenate([cloud(rng, centre, 50) for centre in centres])
    stream = stream_of(vectors, np.repeat([1, 2, 3, 4], 50).tolist())
    assert found(stream, SuggestionKind.MERGE) == []
    labels = {1: "Exports fail", 2: "export failing", 3: "late mails", 4: "a late mail"}
    assert [(each.theme, each.other) for each in found(stream, SuggestionKind.MERGE, labels=labels)] == [
        (1, 2)
    ]


def joined(sizes: tuple[int, int], seed: int = 8) -> tuple[FloatArray, list[int]]:
    """Two clouds that are one theme, the smaller one first, beside three that are what they are."""
    rng, centres = np.random.default_rng(seed), directions(5)
    clouds = [cloud(rng, centre, size) for centre, size in zip(centres, (*sizes, 60, 60, 60), strict=True)]
    themes = [1] * sum(sizes) + np.repeat([2, 3, 4], 60).tolist()
    return np.concatenate(clouds), themes


def test_a_theme_that_is_two_is_to_be_split_with_the_smaller_part() -> None:
    stream = stream_of(*joined((30, 70)))
    (split,) = found(stream, SuggestionKind.SPLIT)
    assert (split.theme, split.other, split.size) == (1, 0, 100)
    assert sorted(split.items) == list(range(1, 31))
    assert split.score > 0.8


@pytest.mark.parametrize(
    "constraints", [Constraints(pinned=frozenset({1})), Constraints(settled={1: 0}), Constraints()]
)
def test_what_a_person_holds_together_is_not_to_be_split(constraints: Constraints) -> None:
    stream = stream_of(*joined((30, 70)), constraints)
    is_held = bool(constraints.pinned or constraints.settled)
    assert [each.theme for each in found(stream, SuggestionKind.SPLIT)] == ([] if is_held else [1])


def test_a_few_stragglers_are_no_part() -> None:
    assert found(stream_of(*joined((8, 90))), SuggestionKind.SPLIT) == []


@pytest.mark.parametrize("seed", range(8))
def test_one_cloud_is_hardly_ever_cut_clearly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one = cloud(rng, directions(1)[0], 120)
    wide = unit_rows(one + np.outer(rng.normal(size=120), 0.3 * directions(2)[1]).astype(np.float32))
    assert not parts_of(one).is_clear()
    assert not parts_of(wide).is_clear()


def test_two_clouds_are_cut_where_they_part() -> None:
    rng, centres = np.random.default_rng(9), directions(2)
    parts = parts_of(np.concatenate([cloud(rng, centres[0], 90), cloud(rng, centres[1], 40)]))
    assert np.flatnonzero(parts.is_smaller).tolist() == list(range(90, 130))
    assert parts.is_clear()


def test_one_wording_has_no_parts() -> None:
    parts = parts_of(np.repeat(directions(1), 30, axis=0))
    assert not parts.is_smaller.any()
    assert not parts.is_clear()


@pytest.fixture(scope="module")
def border() -> tuple[FloatArray, list[int]]:
    """Two themes with five items half-way between them, which are in the first; items 121 to 125."""
    rng, centres = np.random.default_rng(11), directions(2)
    half = unit_rows((centres[0] + centres[1])[None, :])[0]
    vectors = np.concatenate([cloud(rng, centres[0], 60), cloud(rng, centres[1], 60), cloud(rng, half, 5)])
    return vectors, [1] * 60 + [2] * 60 + [1] * 5


def test_items_on_the_border_are_to_be_looked_at(border: tuple[FloatArray, list[int]]) -> None:
    items = found(stream_of(*border), SuggestionKind.ITEM)
    assert items
    assert {item for each in items for item in each.items} <= set(range(121, 126))
    for each in items:
        assert (each.theme, each.other) == (1, 2)
        assert each.margin is not None
        assert each.margin <= 0.1
    assert [each.margin for each in items] == sorted(each.margin or 0.0 for each in items)


def test_what_a_person_put_on_the_border_stays(border: tuple[FloatArray, list[int]]) -> None:
    held = Constraints(held=dict.fromkeys(range(121, 126), 1))
    assert found(stream_of(*border, held), SuggestionKind.ITEM) == []


def test_items_that_wait_for_long_are_to_be_put_somewhere(border: tuple[FloatArray, list[int]]) -> None:
    vectors, themes = border
    waiting = [*themes[:120], *([0] * 5)]
    assert found(stream_of(vectors, waiting), SuggestionKind.ITEM) == []
    items = found(stream_of(vectors, waiting, read=1_000), SuggestionKind.ITEM)
    assert {item for each in items for item in each.items} == set(range(121, 126))
    assert {each.theme for each in items} == {0}


def test_at_most_fifty_of_a_kind_the_best_first_and_always_the_same() -> None:
    rng, centres = np.random.default_rng(12), directions(2)
    half = unit_rows((centres[0] + centres[1])[None, :])[0]
    vectors = np.concatenate([cloud(rng, centre, size) for centre, size in ((centres[0], 60), (half, 200))])
    themes = [1] * 60 + (np.arange(200) % 2 + 1).tolist()
    items = found(stream_of(vectors, themes), SuggestionKind.ITEM)
    assert len(items) == MOST
    assert [each.score for each in items] == sorted((each.score for each in items), reverse=True)
    assert found(stream_of(vectors, themes), SuggestionKind.ITEM) == items


def test_what_was_declined_takes_no_others_place() -> None:
    rng, centres = np.random.default_rng(12), directions(2)
    half = unit_rows((centres[0] + centres[1])[None, :])[0]
    vectors = np.concatenate([cloud(rng, centre, size) for centre, size in ((centres[0], 60), (half, 300))])
    stream = stream_of(vectors, [1] * 60 + (np.arange(300) % 2 + 1).tolist())
    declined: set[tuple[int, ...]] = set()

    def is_declined(each: Suggestion) -> bool:
        return each.items in declined

    for _ in range(3):
        items = {
            each.items
            for each in suggest(stream, labels={}, shut=frozenset(), declined=is_declined)
            if each.kind is SuggestionKind.ITEM
        }
        assert len(items - declined) == MOST
        declined |= items


def test_mixing_is_none_apart_and_one_by_chance() -> None:
    rng = np.random.default_rng(13)
    near = np.array([rng.choice(400, size=15, replace=False) for _ in range(400)])
    by_chance = np.repeat([1, 2], [100, 300])
    assert mixing(near, by_chance, by_chance, [1, 2])[0, 1] == pytest.approx(1.0, abs=0.1)
    apart = np.where(np.arange(400)[:, None] < 100, near % 100, 100 + near % 300)
    assert mixing(apart, by_chance, by_chance, [1, 2])[0, 1] == 0.0


def test_copies_move_together(border: tuple[FloatArray, list[int]]) -> None:
    vectors, themes = border
    (item, *_) = found(stream_of(vectors, themes), SuggestionKind.ITEM)[0].items
    copied = np.concatenate([vectors, np.repeat(vectors[item - 1 : item], 3, axis=0)])
    items = found(stream_of(copied, [*themes, 1, 1, 1]), SuggestionKind.ITEM)
    assert [sorted(each.items) for each in items if item in each.items] == [[item, 126, 127, 128]]
