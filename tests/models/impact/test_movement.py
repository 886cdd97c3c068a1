"""Movements of themes: each word and its reason, and what must not matter."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.impact import movement
from models.impact.movement import ThemeWeeks, theme_weeks
from models.values.movements import Movement, MovementReason, Outcome, excess
from tests.models.impact.moving import REGIMES, rates, simulate

# --- the words ------------------------------------------------------------------------------------------------

SIZE = 44


def theme(
    counts: Sequence[int | None],
    *,
    hidden: Sequence[int] = (),
    barred: MovementReason | None = None,
    exposure: Sequence[float | None] | None = None,
) -> ThemeWeeks:
    """Lay out a theme whose last weeks are these, after weeks without a complaint; None is a gap in which some came."""
    weeks = [0] * (SIZE - len(counts)) + list(counts)
    return theme_weeks(
        weeks,
        exposure or [7.0] * SIZE,
        arrived=[count is None or count > 0 for count in weeks],
        hidden=[at in hidden for at in range(SIZE)],
        barred=barred,
    )


def said(*themes: ThemeWeeks, recent: int = 4) -> list[tuple[Movement, MovementReason]]:
    return [(each.movement, each.reason) for each in movement.judge(themes, recent=recent)]


STEADY = [6, 5, 7, 6, 5, 6, 7, 5, 6, 6] * 4
UNABLE = Movement.CANNOT_TELL


def test_growing_fading_and_steady() -> None:
    grown, faded = [*STEADY[:-4], 18, 15, 17, 20], [*STEADY[:-4], 1, 0, 1, 0]
    assert said(theme(grown), theme(faded), theme(STEADY)) == [
        (Movement.GROWING, MovementReason.BEYOND_BASELINE),
        (Movement.FADING, MovementReason.BEYOND_BASELINE),
        (Movement.STEADY, MovementReason.WITHIN_BASELINE),
    ]


def test_an_interval_beside_1_that_may_be_chance_among_many_themes_is_said_to_be_that() -> None:
    """Alone it would be growing; of forty themes, two leave 1 out by chance."""
    somewhat = theme([*STEADY[:-4], 9, 10, 8, 10])
    (alone,) = movement.judge([somewhat], recent=4)
    assert (alone.movement, alone.reason) == (Movement.GROWING, MovementReason.BEYOND_BASELINE)
    found, *others = movement.judge([somewhat, *[theme(STEADY)] * 39], recent=4)
    assert found.low is not None
    assert found.high is not None
    assert (found.movement, found.reason) == (UNABLE, MovementReason.AMONG_MANY)
    assert 1 < found.low < 2 < found.high
    assert {each.movement for each in others} == {Movement.STEADY}


@pytest.mark.parametrize("seed", range(6))
def test_only_an_interval_that_holds_no_change_is_called_wide(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ratios = np.where(rng.random(40) < 0.3, 1.7, 1.0)
    for each in movement.judge(simulate(rng, REGIMES["gamma_2"], rates(rng, 40), ratios), recent=4):
        if each.reason in (MovementReason.WIDE, MovementReason.AMONG_MANY):
            assert each.low is not None
            holds = each.low <= 1 and (each.high is None or each.high >= 1)
            assert holds is (each.reason is MovementReason.WIDE)


def test_an_outcome_holds_the_numbers_it_rests_on() -> None:
    (found,) = movement.judge([theme([*STEADY[:-4], 18, 15, 17, 20])], recent=4)
    assert (found.recent.complaints, found.recent.weeks, found.recent.exposure) == (70, 4, 28.0)
    assert (found.baseline.complaints, found.baseline.weeks) == (sum(STEADY[10:36]), 26)
    assert found.ratio == pytest.approx((70 / 4) / (found.baseline.complaints / 26))
    assert found.low is not None
    assert found.high is not None
    assert 1 < found.low < (found.ratio or 0) < found.high
    assert found.p_value == found.q_value
    assert found.dispersion == 1.0


@pytest.mark.parametrize("age", [1, 4, 8])
def test_a_theme_first_seen_in_the_last_eight_weeks_is_new_and_has_no_ratio(age: int) -> None:
    (found,) = movement.judge([theme([9] + [3] * (age - 1))], recent=4)
    assert (found.movement, found.reason) == (Movement.NEW, MovementReason.FIRST_SEEN)
    assert (found.ratio, found.p_value, found.first) == (None, None, SIZE - age)


def test_a_theme_as_old_as_the_history_is_not_new() -> None:
    weeks: list[int | None] = [None] * (SIZE - 9) + [0, 0, 0, 9, 3, 3, 3, 3, 3]
    found = theme_weeks(
        weeks, [7.0] * SIZE, arrived=[bool(each) for each in weeks], hidden=[False] * SIZE, barred=None
    )
    assert said(found) == [(UNABLE, MovementReason.SHORT_HISTORY)]


def test_a_past_without_known_customers_is_a_past_all_the_same() -> None:
    unknown: list[float | None] = [None] * (SIZE - 8) + [7.0] * 8
    assert said(theme([9, 3, 3], exposure=unknown)) == [(Movement.NEW, MovementReason.FIRST_SEEN)]


@pytest.mark.parametrize("age", [9, 12])
def test_a_theme_between_new_and_old_has_too_short_a_baseline(age: int) -> None:
    assert said(theme([5] * age)) == [(UNABLE, MovementReason.YOUNG)]


def test_the_week_a_theme_was_found_in_is_no_part_of_its_baseline() -> None:
    (found,) = movement.judge([theme([90] + [5] * 16)], recent=4)
    assert (found.baseline.complaints, found.baseline.weeks) == (60, 12)


def test_a_theme_that_was_quiet_for_long_has_returned() -> None:
    (found,) = movement.judge([theme([4] * 12 + [0] * 8 + [3, 0, 2, 0])], recent=4)
    assert (found.movement, found.reason, found.quiet) == (Movement.RETURNED, MovementReason.AFTER_QUIET, 8)
    assert found.p_value is None


@pytest.mark.parametrize(
    ("weeks", "reason"),
    [
        ([4] * 12 + [0] * 7 + [3, 0, 2, 0], None),
        ([1] + [0] * 20 + [1, 0, 0, 0], MovementReason.THIN),
        ([4] * 12 + [0] * 8 + [0, 0, 0, 0], MovementReason.THIN),
        ([4] * 12 + [0, 0, None, 0, 0, 0, 0, 0] + [3, 0, 2, 0], None),
    ],
    ids=["a pause", "its usual pauses", "still quiet", "a gap in which some came"],
)
def test_a_shorter_or_usual_pause_is_no_return(
    weeks: list[int | None], reason: MovementReason | None
) -> None:
    (found,) = movement.judge([theme(weeks)], recent=4)
    assert found.movement is not Movement.RETURNED
    assert reason in (None, found.reason)


def test_a_quiet_time_with_a_silent_source_is_not_known_to_be_quiet() -> None:
    weeks = [4] * 12 + [0] * 8 + [3, 0, 2, 0]
    found = theme(weeks)
    gap = found.counts.copy()
    gap[-7] = np.nan
    assert said(replace(found, counts=gap)) == [(UNABLE, MovementReason.SOURCE_GAP)]


@pytest.mark.parametrize(
    ("weeks", "reason"),
    [
        ([0] * SIZE, MovementReason.THIN),
        ([1, *[0] * 20, 1, 1, *[0] * 9, 1, 0, 1, 0], MovementReason.THIN),
        ([*STEADY[:-4], None, None, None, 6], MovementReason.SOURCE_GAP),
        ([*STEADY[:6], *[None] * 20, 6, 5, 7, 5, 6, 5, 6], MovementReason.SOURCE_GAP),
        ([1, 0, 0, 2, 0, 1, 0, 0, 1, 0, 3, 0, 1, 0, 0, 2, 0, 1, 0, 0, 1, 0, 3, 0, 1, 0], MovementReason.WIDE),
    ],
    ids=["nothing", "thin", "recent gaps", "gaps", "wide"],
)
def test_thin_data_and_gaps_cannot_tell(weeks: list[int | None], reason: MovementReason) -> None:
    assert said(theme(weeks)) == [(UNABLE, reason)]


def test_unknown_exposure_is_told_apart_from_silence() -> None:
    unknown: list[float | None] = [7.0] * (SIZE - 4) + [None, None, None, 7.0]
    assert said(theme(STEADY, exposure=unknown)) == [(UNABLE, MovementReason.EXPOSURE_MISSING)]


def test_a_gap_is_left_out_of_complaints_and_exposure_alike() -> None:
    gap: list[int | None] = [*STEADY[:-4], 6, None, 6, 6]
    gap[20] = None
    (found,) = movement.judge([theme(gap)], recent=4)
    assert (found.recent.complaints, found.recent.weeks, found.recent.exposure) == (18, 3, 21.0)
    assert (found.baseline.weeks, found.baseline.exposure) == (25, 175.0)
    assert found.movement is Movement.STEADY


@pytest.mark.parametrize("barred", [MovementReason.KIND_CHANGED, MovementReason.DEFINITION_CHANGED])
def test_what_was_decided_differently_is_not_compared(barred: MovementReason) -> None:
    assert said(theme(STEADY[:-4] + [90] * 4, barred=barred)) == [(UNABLE, barred)]


def test_weeks_that_are_not_shown_are_not_compared() -> None:
    assert said(theme(STEADY, hidden=[SIZE - 20])) == [(UNABLE, MovementReason.HIDDEN)]
    # Before both windows they do not matter.
    assert said(theme(STEADY, hidden=[0])) == [(Movement.STEADY, MovementReason.WITHIN_BASELINE)]


def test_arrays_of_other_lengths_and_impossible_values_are_a_misuse() -> None:
    plain = theme(STEADY)
    with pytest.raises(ValueError, match="same length"):
        replace(plain, exposure=np.ones(3))
    with pytest.raises(ValueError, match="at least 0"):
        replace(plain, counts=-plain.counts - 1)
    with pytest.raises(ValueError, match="recent window"):
        movement.judge([plain], recent=SIZE + 1)
    assert movement.judge([], recent=4) == []


# --- properties -----------------------------------------------------------------------------------------------


def some_themes(seed: int) -> list[ThemeWeeks]:
    rng = np.random.default_rng(seed)
    return simulate(rng, REGIMES["gamma_2"], rates(rng, 12), 1.0 + (np.arange(12) % 3 == 0) * 1.5)


def same(one: Outcome, other: Outcome) -> bool:
    numbers = [(one.ratio, other.ratio), (one.p_value, other.p_value), (one.q_value, other.q_value)]
    # Of a p value of a millionth or less the last digits are those of the integration.
    close = all(a is b or (a is not None and a == pytest.approx(b, rel=1e-4, abs=1e-10)) for a, b in numbers)
    return close and (one.movement, one.reason) == (other.movement, other.reason)


@given(seed=st.integers(0, 50), scale=st.floats(0.01, 1e5))
@settings(max_examples=8, deadline=None)
def test_scaling_exposure_changes_nothing(seed: int, scale: float) -> None:
    themes = some_themes(seed)
    scaled = [replace(each, exposure=each.exposure * scale) for each in themes]
    pairs = zip(movement.judge(themes, recent=4), movement.judge(scaled, recent=4), strict=True)
    assert all(same(one, other) for one, other in pairs)


@given(seed=st.integers(0, 50), order=st.permutations(range(12)))
@settings(max_examples=8, deadline=None)
def test_the_order_of_themes_changes_nothing(seed: int, order: list[int]) -> None:
    themes = some_themes(seed)
    plain = movement.judge(themes, recent=4)
    mixed = movement.judge([themes[at] for at in order], recent=4)
    assert mixed == [plain[at] for at in order]


def test_more_themes_that_do_not_move_make_it_harder_to_be_called() -> None:
    grown = theme([*STEADY[:-4], 9, 8, 10, 9])
    alone, among = (movement.judge([grown, *[theme(STEADY)] * many], recent=4)[0] for many in (0, 30))
    assert among.p_value == pytest.approx(alone.p_value)
    assert (among.q_value or 0) > 10 * (alone.q_value or 0)


# --- a rise of what no theme holds ----------------------------------------------------------------------------


def test_the_excess_of_a_part_is_counted_at_the_baselines_share() -> None:
    assert excess((60, 200), (200, 1000)) == pytest.approx(20.0)
    assert excess((42, 200), (200, 1000)) == 0.0, "chance explains it"
    assert excess((20, 200), (200, 1000)) == 0.0, "it fell"
    assert excess((1, 0), (2, 0)) == 0.0
