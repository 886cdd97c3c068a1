"""A source's rhythm: what its weekdays and hours let expect, and which silence is no chance."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from models.sources.rhythm import (
    HOUR,
    LEARNED,
    LEAST_TICKETS,
    Mark,
    Reading,
    allowed_until,
    learn,
    poisson_at_most,
    read,
    weigh,
)

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""
WEEKS = 20
NOW = START + timedelta(weeks=WEEKS)
Tickets = dict[datetime, int]


def office(*, weekly: float, weeks: int = WEEKS, seed: int = 3, uneven: float = 0.0) -> Tickets:
    """Draw tickets of Monday to Friday, 8 to 18 in Berlin; `uneven`: how much days differ (coefficient)."""
    rng = np.random.default_rng(seed)
    found: Tickets = {}
    factors: dict[date, float] = {}
    for number in range(weeks * 168):
        hour = START + number * HOUR
        local = hour.astimezone(BERLIN)
        if local.weekday() < 5 and 8 <= local.hour < 18:
            if local.date() not in factors:
                factors[local.date()] = rng.gamma(1 / uneven**2, uneven**2) if uneven else 1.0
            count = int(rng.poisson(weekly / 50 * factors[local.date()]))
            if count:
                found[hour] = count
    return found


def without(tickets: Tickets, start: datetime, end: datetime) -> Tickets:
    return {hour: count for hour, count in tickets.items() if not start <= hour < end}


def reading(tickets: Tickets, *, now: datetime, goes_on: bool = True, **more: object) -> Reading:
    marked: dict[date, Mark] = more.pop("marked", {})  # type: ignore[assignment]
    return read(tickets, start=START, now=now, zone=BERLIN, marked=marked, goes_on=goes_on, **more)  # type: ignore[arg-type]


def test_a_weekend_without_tickets_is_ordinary_and_a_working_day_is_not() -> None:
    tickets = office(weekly=50)
    monday = NOW + timedelta(hours=5)
    calm = reading(tickets, now=monday)
    assert not calm.is_silent
    assert calm.present is not None
    assert calm.present.expected < 1
    assert calm.marks == {}
    late = reading(tickets, now=NOW + timedelta(days=2))
    assert late.is_silent
    assert late.rhythm is not None
    assert late.present is not None
    assert 15 < late.present.expected < 25
    assert late.rhythm.chance(late.present.evidence) < 1e-4
    # Friday's tickets came; the silence touches Monday and Tuesday, and no Saturday or Sunday.
    assert set(late.marks) == {NOW.date(), NOW.date() + timedelta(days=1)}
    assert all(mark.is_firm and 5 < mark.expected < 15 for mark in late.marks.values())


def test_the_hours_that_are_allowed_are_those_after_which_it_is_told() -> None:
    tickets = office(weekly=50)
    found = reading(tickets, now=NOW + timedelta(hours=1))
    assert found.rhythm is not None
    last = max(tickets) + HOUR
    limit = allowed_until(found.rhythm, last)
    assert not reading(tickets, now=limit - HOUR).is_silent
    assert reading(tickets, now=limit).is_silent


def test_the_week_of_a_zone_is_its_own() -> None:
    tickets = office(weekly=500)
    rhythm = learn(tickets, start=START, end=NOW, zone=BERLIN, without=frozenset())
    assert rhythm is not None
    assert rhythm.rates[7] < 1 < rhythm.rates[8]  # Monday 7:00 and 8:00 in Berlin, summer and winter
    assert rhythm.weekly == pytest.approx(500, rel=0.05)
    assert rhythm.steadiness > 10
    assert weigh(rhythm, NOW, NOW + timedelta(weeks=1)).expected == pytest.approx(rhythm.weekly)


def test_days_that_differ_much_make_a_source_slower_to_call_silent() -> None:
    even = learn(office(weekly=500), start=START, end=NOW, zone=BERLIN, without=frozenset())
    odd = learn(office(weekly=500, uneven=0.8), start=START, end=NOW, zone=BERLIN, without=frozenset())
    assert even is not None
    assert odd is not None
    assert odd.steadiness == pytest.approx(1 / 0.8**2, rel=0.4)
    since = NOW + timedelta(hours=8)
    assert allowed_until(odd, since) > allowed_until(even, since)
    assert even.of_day(3.0) == pytest.approx(3.0, rel=0.2)
    assert odd.of_day(100.0) < 10


def test_a_young_source_is_learned_and_not_watched() -> None:
    assert reading({}, now=NOW) == Reading(None, None, {})
    young = office(weekly=50, weeks=1)
    found = reading(young, now=START + timedelta(weeks=3))
    assert (found.rhythm, found.present, found.marks) == (None, None, {})
    sparse = dict(list(office(weekly=50).items())[::80])
    assert sum(sparse.values()) < 20
    assert reading(sparse, now=NOW + timedelta(weeks=9)).rhythm is None


def test_a_holiday_is_ordinary_and_the_working_day_after_it_is_not() -> None:
    tickets = office(weekly=50)
    monday, tuesday = NOW.date(), NOW.date() + timedelta(days=1)
    evening = NOW + timedelta(hours=20)
    assert reading(tickets, now=evening).is_silent
    calm = reading(tickets, now=evening, quiet={monday})
    assert not calm.is_silent
    assert calm.marks == {}
    assert calm.rhythm is not None
    assert weigh(calm.rhythm, NOW, NOW + timedelta(days=1)).expected == pytest.approx(0, abs=0.1)
    # Hours that are allowed go on over the holiday.
    plain = reading(tickets, now=evening).rhythm
    assert plain is not None
    last = max(tickets) + HOUR
    assert allowed_until(calm.rhythm, last) > allowed_until(plain, last) + timedelta(hours=12)
    # The silence that goes on after it is told, and leaves the holiday itself as it is.
    late = reading(tickets, now=NOW + timedelta(days=2), quiet={monday})
    assert late.is_silent
    assert set(late.marks) == {tuesday}


def test_holidays_of_the_past_are_neither_silences_nor_learned_from() -> None:
    week = START + timedelta(weeks=14)
    off = {(week + timedelta(days=day)).date() for day in range(5)}
    tickets = without(office(weekly=50), week, week + timedelta(days=5))
    now = NOW + timedelta(hours=1)
    assert set(reading(tickets, now=now).marks) == off
    found = reading(tickets, now=now, quiet=off)
    assert found.marks == {}
    assert found.rhythm is not None
    whole = reading(office(weekly=50), now=now).rhythm
    assert whole is not None
    assert found.rhythm.weekly == pytest.approx(whole.weekly, rel=0.1)
    # Declared after the days were marked: the marks go.
    marked = {day: Mark(10.0, is_firm=True) for day in off}
    assert reading(tickets, now=now, marked=marked).marks.keys() == off
    assert reading(tickets, now=now, marked=marked, quiet=off).marks == {}


def test_nothing_more_is_expected_of_a_file() -> None:
    found = reading(office(weekly=50), now=NOW + timedelta(weeks=4), goes_on=False)
    assert found.present is None
    assert found.marks == {}


def test_a_silence_that_is_over_stays_marked_until_its_tickets_arrive() -> None:
    whole = office(weekly=50)
    start = START + timedelta(weeks=12)
    end = start + timedelta(days=5)
    holed = without(whole, start, end)
    found = reading(holed, now=NOW)
    days = {(start + timedelta(days=number)).date() for number in range(5)}
    assert set(found.marks) == days
    assert not found.is_silent
    # One ticket is not a day's worth: the marks stand.
    one = {**holed, start + timedelta(hours=10): 1}
    assert set(reading(one, now=NOW, marked=found.marks).marks) == days
    # A day that was fetched is complete, the others are not.
    first = start + timedelta(days=1)
    part = {**holed, **{hour: count for hour, count in whole.items() if start <= hour < first}}
    assert set(reading(part, now=NOW, marked=found.marks).marks) == days - {start.date()}
    assert reading(whole, now=NOW, marked=found.marks).marks == {}


def test_a_sparse_source_is_complete_again_with_the_tickets_of_its_weeks() -> None:
    whole = office(weekly=4, weeks=30)
    start, end = START + timedelta(weeks=16), START + timedelta(weeks=21)
    now = START + timedelta(weeks=30)
    found = reading(without(whole, start, end), now=now)
    assert len(found.marks) > 20
    assert any(start <= hour < end for hour in whole)
    # Most of its days have no ticket at all, and are complete all the same.
    assert reading(whole, now=now, marked=found.marks).marks == {}


def test_a_lasting_silence_that_may_be_chance_makes_days_doubtful_and_alerts_nobody() -> None:
    tickets = office(weekly=4, weeks=30)
    last = max(tickets) + HOUR
    quiet = reading(tickets, now=last + timedelta(days=3))
    assert quiet.marks == {}
    found = reading(tickets, now=last + timedelta(days=9))
    assert not found.is_silent
    assert found.marks
    assert not any(mark.is_firm for mark in found.marks.values())
    # A ticket ends the doubt.
    spoken = {**tickets, last + timedelta(days=9): 1}
    assert reading(spoken, now=last + timedelta(days=9, hours=2), marked=found.marks).marks == {}


def test_a_source_too_slow_for_eight_weeks_is_known_by_all_its_history() -> None:
    """Three tickets in two weeks, 51 in all: its weeks of silence are told, though eight weeks hold too few to learn."""
    tickets = office(weekly=1.5, weeks=34)
    last = max(tickets) + HOUR
    assert sum(count for hour, count in tickets.items() if hour >= last - LEARNED) < LEAST_TICKETS
    calm = reading(tickets, now=last + timedelta(days=4))
    assert calm.rhythm is not None
    assert calm.rhythm.weekly == pytest.approx(1.5, rel=0.2)
    assert calm.marks == {}
    gone = reading(tickets, now=last + timedelta(weeks=20))
    assert gone.is_silent
    assert last.date() + timedelta(days=7) in gone.marks


def test_tickets_that_come_late_by_habit_are_waited_for() -> None:
    tickets = office(weekly=50)
    now = NOW + timedelta(days=2)
    assert reading(tickets, now=now).is_silent
    late = reading(tickets, now=now, patience_s=36 * 3600.0)
    assert not late.is_silent


def test_an_old_silence_does_not_teach_that_silence_is_ordinary() -> None:
    whole = office(weekly=50)
    holed = without(whole, START + timedelta(weeks=14), START + timedelta(weeks=16))
    before, after = reading(whole, now=NOW + HOUR), reading(holed, now=NOW + HOUR)
    assert before.rhythm is not None
    assert after.rhythm is not None
    assert after.rhythm.weekly == pytest.approx(before.rhythm.weekly, rel=0.15)
    assert after.rhythm.stretch == pytest.approx(before.rhythm.stretch, rel=0.3)


def test_sources_that_never_stop_are_rarely_called_silent() -> None:
    """Twelve sources over fifteen weeks that are judged, uneven ones too: the design is one false silence a year."""
    blocks = 0
    for seed in range(12):
        tickets = office(weekly=(5, 50, 500)[seed % 3], weeks=23, seed=seed, uneven=(0.0, 0.5)[seed % 2])
        days = sorted(reading(tickets, now=START + timedelta(weeks=23)).marks)
        blocks += sum(1 for a, b in zip([date.min, *days], days, strict=False) if (b - a).days > 4)
    assert blocks <= 6


def test_the_tail_of_poisson() -> None:
    assert poisson_at_most(0, 2.0) == pytest.approx(0.1353, abs=1e-4)
    assert poisson_at_most(3, 2.0) == pytest.approx(0.8571, abs=1e-4)
    assert poisson_at_most(50, 2.0) == pytest.approx(1.0)
