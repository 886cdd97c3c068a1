"""Since when a source holds all its tickets: history that was fetched counts, stray old tickets do not."""

from datetime import date, timedelta

import numpy as np
import pytest

from models.sources.span import covered_from, span_of
from models.values.coverage import Span

CONNECTED = date(2026, 1, 5)
UNTIL = CONNECTED + timedelta(weeks=20)


def drawn(daily: float, start: date, end: date, seed: int = 1) -> dict[date, int]:
    rng = np.random.default_rng(seed)
    days = (start + timedelta(days=number) for number in range((end - start).days))
    return {day: int(count) for day in days if (count := rng.poisson(daily))}


def strays(count: int) -> dict[date, int]:
    """Old tickets that somebody wrote in again: most of last month, the oldest of two years ago."""
    ages = np.geomspace(1, 730, count).astype(int)
    found: dict[date, int] = {}
    for age in ages.tolist():
        day = CONNECTED - timedelta(days=age)
        found[day] = found.get(day, 0) + 1
    return found


def begun(tickets: dict[date, int], *, until: date = UNTIL) -> date:
    return covered_from(tickets, known_from=CONNECTED, until=until)


@pytest.mark.parametrize("daily", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("seed", range(5))
def test_history_that_was_fetched_is_covered_from_its_first_ticket(daily: float, seed: int) -> None:
    tickets = drawn(daily, CONNECTED - timedelta(weeks=104), UNTIL, seed)
    assert begun(tickets) == min(tickets)


@pytest.mark.parametrize("daily", [1.0, 30.0])
def test_stray_old_tickets_are_no_history(daily: float) -> None:
    since = drawn(daily, CONNECTED, UNTIL)
    old = strays(int(20 * daily))
    assert min(old) < CONNECTED - timedelta(days=700)
    assert begun(since | old) >= CONNECTED - timedelta(weeks=4)


def test_strays_beyond_a_short_history_do_not_lengthen_it() -> None:
    tickets = drawn(10.0, CONNECTED - timedelta(weeks=16), UNTIL)
    old = CONNECTED - timedelta(weeks=60)
    assert CONNECTED - timedelta(weeks=20) <= begun(tickets | {old: 3}) <= CONNECTED - timedelta(weeks=16)


def test_a_source_that_was_just_connected_is_held_against_its_own_last_weeks() -> None:
    history = drawn(5.0, CONNECTED - timedelta(weeks=52), CONNECTED)
    assert begun(history, until=CONNECTED) == min(history)
    assert begun(strays(200), until=CONNECTED) >= CONNECTED - timedelta(weeks=8)


def test_a_source_covers_the_time_before_its_first_ticket() -> None:
    late = drawn(5.0, CONNECTED + timedelta(weeks=9), UNTIL)
    assert begun(late) == CONNECTED
    assert begun({}) == CONNECTED


def test_a_slow_source_is_not_lengthened_by_a_few_old_tickets() -> None:
    since = drawn(0.2, CONNECTED, UNTIL + timedelta(weeks=30))
    old = {CONNECTED - timedelta(days=age): 1 for age in (100, 40)}
    assert begun(since | old, until=UNTIL + timedelta(weeks=30)) == CONNECTED


def test_a_handful_of_tickets_tells_nothing_and_the_first_counts() -> None:
    first = CONNECTED - timedelta(weeks=30)
    assert begun({first: 1, CONNECTED: 4}) == first


def test_history_that_ended_before_the_source_was_connected_is_not_joined_to_it() -> None:
    old = drawn(5.0, CONNECTED - timedelta(weeks=60), CONNECTED - timedelta(weeks=12))
    assert begun(old | drawn(5.0, CONNECTED, UNTIL)) == CONNECTED


def test_a_source_that_brought_old_data_alone_covers_what_they_cover() -> None:
    old = drawn(5.0, CONNECTED - timedelta(weeks=60), CONNECTED - timedelta(weeks=12))
    found = span_of(old, known_from=CONNECTED, until=CONNECTED + timedelta(weeks=2))
    assert found == Span(min(old), max(old) + timedelta(days=1))
    # As soon as it delivers, it is one that goes on.
    since = drawn(5.0, CONNECTED, UNTIL)
    assert span_of(old | since, known_from=CONNECTED, until=UNTIL) == Span(CONNECTED)


def test_a_history_that_reaches_to_the_connection_goes_on() -> None:
    history = drawn(5.0, CONNECTED - timedelta(weeks=52), CONNECTED - timedelta(days=9))
    assert span_of(history, known_from=CONNECTED, until=CONNECTED) == Span(min(history))
