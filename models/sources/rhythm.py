"""A source's own rhythm: how many tickets each hour of the week brings, and which silence is too long to be chance.

Tickets are taken as a Poisson process whose rate depends on weekday and hour in the workspace's time zone. Under it
the number of tickets expected during a silence is exponential with mean 1, whatever the hour (time rescaling: Brown,
Barbieri, Ventura, Kass & Frank 2002, Neural Computation 14, 325-346): a Sunday without tickets costs a source that
never has any on Sundays nothing. Real tickets come in bursts: `stretch` is how much longer the source's longest
ordinary silence was than chance would have it, and divides what was expected. A silence is told where a source like
this has one so long less than once a year.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import exp, log
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
CELLS = 168
LEARNED = timedelta(weeks=8)
"""How much history tells the rhythm."""
LEAST_TIME = timedelta(days=14)
LEAST_TICKETS = 20
"""A source with less history than these is learned, not watched."""
PSEUDO_WEEKS = 2.0
"""Weight of the product of weekday and hour against the cell's own tickets, in weeks."""
MOST_STRETCH = 4.0
LEAST_EXPECTED = log(1000)
"""Tickets missed before any silence is told, however few tickets a source has."""
DOUBTED_AFTER = timedelta(days=2)
DOUBTED_EXPECTED = 3.0
"""A silence that lasts, and of which chance would bring only one in twenty: verdicts wait, nobody is alerted."""
TOUCHED_SHARE = 0.1
"""Share of a day's tickets that a silence must cover for the day to be incomplete."""
LONGEST_LOOK_AHEAD = timedelta(days=120)
_BLOCK = 6.0
_ODD = 0.02
_NEAR = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What a source usually brings.

    rates: tickets an hour by hour of the week, Monday 0:00 first, in `zone`; stretch: at least 1; tickets: how many
    it was learned from.
    """

    rates: tuple[float, ...]
    stretch: float
    tickets: int
    zone: ZoneInfo

    @property
    def weekly(self) -> float:
        """Tickets a week."""
        return sum(self.rates)

    @property
    def limit(self) -> float:
        """Tickets expected during a silence beyond which it is told: longer ones come less than once a year."""
        return self.stretch * max(log(max(self.weekly, 1.0) * 52), LEAST_EXPECTED)

    def chance(self, expected: float) -> float:
        """Return the probability that a silence during which so many tickets were expected comes by chance."""
        return exp(-expected / self.stretch)


@dataclass(frozen=True, slots=True)
class Silence:
    """A half-open time without a ticket, and how many were expected; `is_open`: it lasts."""

    start: datetime
    end: datetime
    expected: float
    is_open: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A day that is not complete: tickets expected on it, and whether that is sure or only doubtful."""

    expected: float
    is_firm: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a source now: its rhythm (None: too young), the present silence, and incomplete days."""

    rhythm: Rhythm | None
    present: Silence | None
    marks: Mapping[date, Mark]

    @property
    def is_silent(self) -> bool:
        """Say whether the present silence is longer than chance would have it."""
        return bool(self.rhythm and self.present and self.present.expected > self.rhythm.limit)


def cell_of(moment: datetime, zone: ZoneInfo) -> int:
    """Return the hour of the week, from Monday 0:00, that a moment lies in."""
    local = moment.astimezone(zone)
    return local.weekday() * 24 + local.hour


def hour_of(moment: datetime) -> datetime:
    """Return the start of a moment's hour in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _hours(start: datetime, end: datetime) -> Iterator[datetime]:
    hour = hour_of(start)
    while hour < end:
        yield hour
        hour += HOUR


def learn(
    tickets: Mapping[datetime, int], *, start: datetime, end: datetime, zone: ZoneInfo, without: Set[date]
) -> Rhythm | None:
    """Learn a rhythm from tickets by hour (UTC) of a half-open time; None where there is too little.

    without: days that were not complete, and count as not seen.
    """
    seen, found = [0.0] * CELLS, [0.0] * CELLS
    for hour in _hours(start, end):
        local = hour.astimezone(zone)
        if local.date() not in without:
            cell = local.weekday() * 24 + local.hour
            seen[cell] += 1
            found[cell] += tickets.get(hour, 0)
    total = sum(found)
    if sum(seen) * HOUR < LEAST_TIME or total < LEAST_TICKETS:
        return None
    plain = Rhythm(_smoothed(seen, found), 1.0, int(total), zone)
    longest = max(
        (each.expected for each in empty_runs(tickets, plain, start=start, end=end, without=without)),
        default=0.0,
    )
    # The longest of n silences that come by chance is about log(n).
    stretch = min(max(longest / max(log(total), 1.0), 1.0), MOST_STRETCH)
    return Rhythm(plain.rates, stretch, int(total), zone)


def _smoothed(seen: Sequence[float], found: Sequence[float]) -> tuple[float, ...]:
    """Draw each hour of the week towards what its weekday and its hour of the day alone would say."""
    mean = sum(found) / sum(seen)
    days = [_rate(found, seen, range(day * 24, day * 24 + 24)) for day in range(7)]
    hours = [_rate(found, seen, range(hour, CELLS, 24)) for hour in range(24)]
    return tuple(
        (found[cell] + PSEUDO_WEEKS * days[cell // 24] * hours[cell % 24] / mean)
        / (seen[cell] + PSEUDO_WEEKS)
        for cell in range(CELLS)
    )


def _rate(found: Sequence[float], seen: Sequence[float], cells: range) -> float:
    observed = sum(seen[cell] for cell in cells)
    return sum(found[cell] for cell in cells) / observed if observed else 0.0


def expected(rhythm: Rhythm, start: datetime, end: datetime) -> float:
    """Return how many tickets a half-open time should bring; parts of an hour count in part."""
    total = 0.0
    for hour in _hours(start, end):
        share = (min(hour + HOUR, end) - max(hour, start)) / HOUR
        total += rhythm.rates[cell_of(hour, rhythm.zone)] * share
    return total


def allowed_until(rhythm: Rhythm, since: datetime) -> datetime:
    """Return until when a silence since a moment is ordinary (at most 120 days ahead)."""
    total, hour = 0.0, hour_of(since)
    last = since + LONGEST_LOOK_AHEAD
    while total <= rhythm.limit and hour < last:
        share = (hour + HOUR - max(hour, since)) / HOUR
        total += rhythm.rates[cell_of(hour, rhythm.zone)] * share
        hour += HOUR
    return hour


def empty_runs(
    tickets: Mapping[datetime, int],
    rhythm: Rhythm,
    *,
    start: datetime,
    end: datetime,
    without: Set[date] = frozenset(),
) -> list[Silence]:
    """Return the silences of a half-open time, in order; the one that reaches its end is open.

    An hour of a day in `without` ends a silence: nothing is known of it.
    """
    found: list[Silence] = []
    since: datetime | None = None
    total = 0.0
    for hour in _hours(start, end):
        local = hour.astimezone(rhythm.zone)
        if tickets.get(hour, 0) or local.date() in without:
            if since is not None:
                found.append(Silence(since, hour, total, is_open=False))
            since, total = None, 0.0
            continue
        since = since or max(hour, start)
        total += rhythm.rates[local.weekday() * 24 + local.hour] * ((min(hour + HOUR, end) - hour) / HOUR)
    if since is not None:
        found.append(Silence(since, end, total, is_open=True))
    return found


def read(
    tickets: Mapping[datetime, int],
    *,
    start: datetime,
    now: datetime,
    zone: ZoneInfo,
    marked: Mapping[date, Mark],
    goes_on: bool,
) -> Reading:
    """Read a source's silences from its tickets by hour (UTC), from `start` or its first ticket on.

    marked: days known not to be complete; a firm one stays until enough tickets of it have come after all. goes_on:
    the source should still deliver, so that its present silence means something.
    """
    if not tickets:
        return Reading(None, None, {})
    first, last = max(min(tickets), hour_of(start)), max(tickets) + HOUR
    kept = _still_marked(tickets, marked, zone)
    found = dict(kept)
    since = first
    while since < last:
        until = min(since + LEARNED / 2, last)
        rhythm = _rhythm_for(tickets, since, first=first, last=last, zone=zone, without=found.keys())
        if rhythm is not None:
            for run in empty_runs(tickets, rhythm, start=since, end=until):
                whole = _extended(run, tickets, rhythm, last)
                if whole is not None and whole.expected > rhythm.limit:
                    found.update(days_of(whole, rhythm, is_firm=True))
        since = until
    rhythm = learn(tickets, start=max(last - LEARNED, first), end=last, zone=zone, without=found.keys())
    if rhythm is None or not goes_on or now <= last:
        return Reading(rhythm, None, found)
    present = Silence(last, now, expected(rhythm, last, now), is_open=True)
    is_doubtful = present.expected > DOUBTED_EXPECTED * rhythm.stretch and now - last >= DOUBTED_AFTER
    if present.expected > rhythm.limit:
        found.update(days_of(present, rhythm, is_firm=True))
    elif is_doubtful:
        found = {**days_of(present, rhythm, is_firm=False), **found}
    return Reading(rhythm, present, found)


def _rhythm_for(
    tickets: Mapping[datetime, int],
    since: datetime,
    *,
    first: datetime,
    last: datetime,
    zone: ZoneInfo,
    without: Set[date],
) -> Rhythm | None:
    """Learn from the weeks before a moment; at the beginning of the history, from its first weeks."""
    before = learn(tickets, start=max(since - LEARNED, first), end=since, zone=zone, without=without)
    return before or learn(tickets, start=first, end=min(first + LEARNED, last), zone=zone, without=without)


def _extended(
    run: Silence, tickets: Mapping[datetime, int], rhythm: Rhythm, last: datetime
) -> Silence | None:
    """Follow a silence over the borders of the part that was looked at."""
    start, end = run.start, run.end
    earliest = min(tickets)
    while start > earliest and not tickets.get(start - HOUR, 0):
        start -= HOUR
    while end < last and not tickets.get(hour_of(end), 0):
        end += HOUR
    return Silence(start, end, expected(rhythm, start, end), is_open=False)


def days_of(silence: Silence, rhythm: Rhythm, *, is_firm: bool) -> dict[date, Mark]:
    """Return the days that a silence leaves incomplete, in the rhythm's zone."""
    found: dict[date, Mark] = {}
    day = silence.start.astimezone(rhythm.zone).date()
    while day <= silence.end.astimezone(rhythm.zone).date():
        start, end = (
            datetime(each.year, each.month, each.day, tzinfo=rhythm.zone)
            for each in (day, day + timedelta(days=1))
        )
        whole = expected(rhythm, start, end)
        missed = expected(rhythm, max(start, silence.start), min(end, silence.end))
        if missed > 0 and missed >= TOUCHED_SHARE * whole:
            found[day] = Mark(whole, is_firm)
        day += timedelta(days=1)
    return found


def _still_marked(
    tickets: Mapping[datetime, int], marked: Mapping[date, Mark], zone: ZoneInfo
) -> dict[date, Mark]:
    """Return the firm marks of days that still have fewer tickets than they should have.

    Where a day should have few, its neighbours are looked at together with it: a day without tickets is then
    complete if the days around it have theirs.
    """
    firm = sorted(day for day, mark in marked.items() if mark.is_firm)
    counts: dict[date, int] = {}
    for hour, count in tickets.items():
        day = hour.astimezone(zone).date()
        counts[day] = counts.get(day, 0) + count
    return {day: marked[day] for day in firm if not _is_complete(_block(day, firm, marked), counts, marked)}


def _block(day: date, firm: Sequence[date], marked: Mapping[date, Mark]) -> Sequence[date]:
    """Return marked days around one, until enough tickets are expected of them together."""
    low = high = firm.index(day)
    while sum(marked[each].expected for each in firm[low : high + 1]) < _BLOCK:
        can_low = low > 0 and firm[low] - firm[low - 1] <= _NEAR
        can_high = high + 1 < len(firm) and firm[high + 1] - firm[high] <= _NEAR
        if not (can_low or can_high):
            break
        low, high = low - can_low, high + can_high
    return firm[low : high + 1]


def _is_complete(days: Sequence[date], counts: Mapping[date, int], marked: Mapping[date, Mark]) -> bool:
    """Say whether days have half of the tickets expected, or so many that chance explains what is missing."""
    mean = sum(marked[day].expected for day in days)
    found = sum(counts.get(day, 0) for day in days)
    return found > 0 and (found >= mean / 2 or poisson_at_most(found, mean) >= _ODD)


def poisson_at_most(count: int, mean: float) -> float:
    """Return the probability of at most `count` events where `mean` are expected (mean below 700)."""
    term = total = exp(-mean)
    for number in range(1, count + 1):
        term *= mean / number
        total += term
    return min(total, 1.0)
