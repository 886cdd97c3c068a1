"""A source's own rhythm: how many tickets each hour of the week brings, and which silence is too long to be chance.

Tickets are taken as a Poisson process whose rate depends on weekday and hour in the workspace's time zone. Under it
the number of tickets expected during a silence is exponential with mean 1, whatever the hour (time rescaling: Brown,
Barbieri, Ventura, Kass & Frank 2002, Neural Computation 14, 325-346): a Sunday without tickets costs a source that
never has any on Sundays nothing. Days differ more than that: the rate of a day is multiplied by a gamma factor of
mean 1 and variance 1/k, so a day on which m tickets were expected has none with probability (1 + m/k)^-k (a negative
binomial count). `evidence` is minus the logarithm of the probability of a whole silence. Bursts within a day and
quiet weeks are left to `stretch`: how much stronger the source's longest ordinary silence was than chance would have
it. A silence is told where a source like this has one so long less than once a year.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from math import exp, inf, log, log1p
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
CELLS = 168
LEARNED = timedelta(weeks=8)
"""How much history tells the rhythm; of a source too slow for that, all there is."""
LEAST_TIME = timedelta(days=14)
LEAST_TICKETS = 20
"""A source with less history than these is learned, not watched."""
PSEUDO_WEEKS = 2.0
"""Weight of the product of weekday and hour against the cell's own tickets, in weeks."""
MOST_STRETCH = 4.0
LEAST_EVIDENCE = log(1000)
"""Evidence before any silence is told, however few tickets a source has."""
DOUBTED_AFTER = timedelta(days=2)
DOUBTED_EVIDENCE = 3.0
"""A silence that lasts, and of which chance would bring only one in twenty: verdicts wait, nobody is alerted."""
WHOLE_SHARE = 0.9
TOUCHED_SHARE = 0.1
TOUCHED_TICKETS = 3.0
"""A day is incomplete if a silence covers nine tenths of it, or a tenth with so many tickets that they rarely all
stay away: the hours after a day's last ticket are no silence."""
LONGEST_LOOK_AHEAD = timedelta(days=120)
_BLOCK = 6.0
_ODD = 0.02
_NEAR = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What a source usually brings.

    rates: tickets an hour by hour of the week, Monday 0:00 first, in `zone`; steadiness: k, how alike days are
    (infinite: as alike as chance lets them be); stretch: at least 1; tickets: how many it was learned from; quiet:
    days such as holidays, on which nothing is expected.
    """

    rates: tuple[float, ...]
    steadiness: float
    stretch: float
    tickets: int
    zone: ZoneInfo
    quiet: Set[date] = frozenset()

    @property
    def weekly(self) -> float:
        """Tickets a week."""
        return sum(self.rates)

    @property
    def limit(self) -> float:
        """Evidence beyond which a silence is told: longer ones come less than once a year."""
        return self.stretch * max(log(max(self.weekly, 1.0) * 52), LEAST_EVIDENCE)

    def chance(self, evidence: float) -> float:
        """Return the probability that a silence of so much evidence comes by chance."""
        return exp(-evidence / self.stretch)

    def of_day(self, expected: float) -> float:
        """Return the evidence of a day, or the silent part of one, on which so many tickets were expected."""
        k = self.steadiness
        return expected if k == inf else k * log1p(expected / k)

    def rate_at(self, local: datetime) -> float:
        """Return the tickets an hour at a moment that stands in the rhythm's zone."""
        if local.date() in self.quiet:
            return 0.0
        return self.rates[local.weekday() * 24 + local.hour]


@dataclass(frozen=True, slots=True)
class Silence:
    """A half-open time without a ticket, how many were expected, and the evidence that it is no chance."""

    start: datetime
    end: datetime
    expected: float
    evidence: float


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
    # Seconds by which its tickets usually come late: younger hours say nothing, and are not part of the silence.
    patience_s: float = 0.0

    @property
    def is_silent(self) -> bool:
        """Say whether the present silence is longer than chance would have it."""
        return bool(self.rhythm and self.present and self.present.evidence > self.rhythm.limit)


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
    tickets: Mapping[datetime, int],
    *,
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    without: Set[date],
    quiet: Set[date] = frozenset(),
) -> Rhythm | None:
    """Learn a rhythm from tickets by hour (UTC) of a half-open time; None where there is too little.

    without: days that were not complete, and count as not seen. quiet: holidays, which tell nothing of other days.
    """
    seen, found = [0.0] * CELLS, [0.0] * CELLS
    unusual = without | quiet
    for hour in _hours(start, end):
        local = hour.astimezone(zone)
        if local.date() not in unusual:
            cell = local.weekday() * 24 + local.hour
            seen[cell] += 1
            found[cell] += tickets.get(hour, 0)
    total = sum(found)
    if sum(seen) * HOUR < LEAST_TIME or total < LEAST_TICKETS:
        return None
    rates = _smoothed(seen, found)
    k = _steadiness(tickets, rates, start=start, end=end, zone=zone, without=unusual)
    plain = Rhythm(rates, k, 1.0, int(total), zone, quiet)
    runs = empty_runs(tickets, plain, start=start, end=end, without=without)
    # The longest of n silences that come by chance is about log(n).
    longest = max((run.evidence for run in runs), default=0.0) / max(log(total), 1.0)
    return replace(plain, stretch=min(max(longest, 1.0), MOST_STRETCH))


def _steadiness(
    tickets: Mapping[datetime, int],
    rates: Sequence[float],
    *,
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    without: Set[date],
) -> float:
    """Estimate k from how far the days' tickets lie from what was expected of them (method of moments)."""
    means: dict[date, float] = {}
    found: dict[date, int] = {}
    for hour in _hours(start, end):
        local = hour.astimezone(zone)
        day = local.date()
        if day not in without:
            means[day] = means.get(day, 0.0) + rates[local.weekday() * 24 + local.hour]
            found[day] = found.get(day, 0) + tickets.get(hour, 0)
    excess = sum((found[day] - mean) ** 2 - mean for day, mean in means.items())
    return inf if excess <= 0 else sum(mean**2 for mean in means.values()) / excess


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


def weigh(rhythm: Rhythm, start: datetime, end: datetime) -> Silence:
    """Weigh a half-open time without tickets; parts of an hour count in part."""
    days: dict[date, float] = {}
    for hour in _hours(start, end):
        share = (min(hour + HOUR, end) - max(hour, start)) / HOUR
        local = hour.astimezone(rhythm.zone)
        days[local.date()] = days.get(local.date(), 0.0) + rhythm.rate_at(local) * share
    return Silence(start, end, sum(days.values()), sum(map(rhythm.of_day, days.values())))


def allowed_until(rhythm: Rhythm, since: datetime) -> datetime:
    """Return until when a silence since a moment is ordinary, to the hour (at most 120 days ahead)."""
    settled, today, day = 0.0, 0.0, since.astimezone(rhythm.zone).date()
    for hour in _hours(since, since + LONGEST_LOOK_AHEAD):
        local = hour.astimezone(rhythm.zone)
        if local.date() != day:
            settled, today, day = settled + rhythm.of_day(today), 0.0, local.date()
        today += rhythm.rate_at(local) * ((hour + HOUR - max(hour, since)) / HOUR)
        if settled + rhythm.of_day(today) > rhythm.limit:
            return hour + HOUR
    return since + LONGEST_LOOK_AHEAD


def empty_runs(
    tickets: Mapping[datetime, int],
    rhythm: Rhythm,
    *,
    start: datetime,
    end: datetime,
    without: Set[date] = frozenset(),
) -> list[Silence]:
    """Return the silences of a half-open time, in order.

    An hour of a day in `without` ends a silence: nothing is known of it.
    """
    found: list[Silence] = []
    since: datetime | None = None
    for hour in _hours(start, end):
        is_empty = not tickets.get(hour, 0) and hour.astimezone(rhythm.zone).date() not in without
        if is_empty:
            since = since or max(hour, start)
        elif since is not None:
            found.append(weigh(rhythm, since, hour))
            since = None
    return found if since is None else [*found, weigh(rhythm, since, end)]


def read(
    tickets: Mapping[datetime, int],
    *,
    start: datetime,
    now: datetime,
    zone: ZoneInfo,
    marked: Mapping[date, Mark],
    goes_on: bool,
    patience_s: float = 0.0,
    quiet: Set[date] = frozenset(),
) -> Reading:
    """Read a source's silences from its tickets by hour (UTC), from `start` or its first ticket on.

    marked: days known not to be complete; a firm one stays until enough tickets of it have come after all. goes_on:
    the source should still deliver, so that its present silence means something. patience_s: how late tickets
    come, in seconds. quiet: holidays in `zone`, on which no ticket is expected and none is missing.
    """
    if not tickets:
        return Reading(None, None, {})
    first, last = max(min(tickets), hour_of(start)), max(tickets) + HOUR
    kept = _still_marked(tickets, {day: mark for day, mark in marked.items() if day not in quiet}, zone)
    found = dict(kept)
    since = first
    while since < last:
        until = min(since + LEARNED / 2, last)
        rhythm = _rhythm_for(
            tickets, since, first=first, last=last, zone=zone, without=found.keys(), quiet=quiet
        )
        if rhythm is not None:
            for run in empty_runs(tickets, rhythm, start=since, end=until):
                whole = _extended(run, tickets, rhythm, last)
                if whole.evidence > rhythm.limit:
                    found.update(days_of(whole, rhythm, is_firm=True))
        since = until
    begin = max(last - LEARNED, first)
    # A source that is slow lately is known by all its history: the weeks alone would leave it unwatched for good.
    rhythm = learn(tickets, start=begin, end=last, zone=zone, without=found.keys(), quiet=quiet) or learn(
        tickets, start=first, end=last, zone=zone, without=found.keys(), quiet=quiet
    )
    until = now - timedelta(seconds=patience_s)
    if rhythm is None or not goes_on or until <= last:
        return Reading(rhythm, None, found, patience_s)
    present = weigh(rhythm, last, until)
    is_doubtful = present.evidence > DOUBTED_EVIDENCE * rhythm.stretch and now - last >= DOUBTED_AFTER
    if present.evidence > rhythm.limit:
        found.update(days_of(present, rhythm, is_firm=True))
    elif is_doubtful:
        found = {**days_of(present, rhythm, is_firm=False), **found}
    return Reading(rhythm, present, found, patience_s)


def _rhythm_for(
    tickets: Mapping[datetime, int],
    since: datetime,
    *,
    first: datetime,
    last: datetime,
    zone: ZoneInfo,
    without: Set[date],
    quiet: Set[date],
) -> Rhythm | None:
    """Learn from the weeks before a moment; at the beginning of the history, from its first weeks; else from all."""
    spans = ((max(since - LEARNED, first), since), (first, min(first + LEARNED, last)), (first, last))
    learned = (
        learn(tickets, start=begin, end=end, zone=zone, without=without, quiet=quiet) for begin, end in spans
    )
    return next((rhythm for rhythm in learned if rhythm is not None), None)


def _extended(run: Silence, tickets: Mapping[datetime, int], rhythm: Rhythm, last: datetime) -> Silence:
    """Follow a silence over the borders of the part that was looked at."""
    start, end = run.start, run.end
    earliest = min(tickets)
    while start > earliest and not tickets.get(start - HOUR, 0):
        start -= HOUR
    while end < last and not tickets.get(hour_of(end), 0):
        end += HOUR
    return run if (start, end) == (run.start, run.end) else weigh(rhythm, start, end)


def days_of(silence: Silence, rhythm: Rhythm, *, is_firm: bool) -> dict[date, Mark]:
    """Return the days that a silence leaves incomplete, in the rhythm's zone."""
    found: dict[date, Mark] = {}
    day = silence.start.astimezone(rhythm.zone).date()
    while day <= silence.end.astimezone(rhythm.zone).date():
        start, end = (
            datetime(each.year, each.month, each.day, tzinfo=rhythm.zone)
            for each in (day, day + timedelta(days=1))
        )
        whole = weigh(rhythm, start, end).expected
        missed = weigh(rhythm, max(start, silence.start), min(end, silence.end)).expected
        is_touched = missed >= max(TOUCHED_SHARE * whole, TOUCHED_TICKETS)
        if missed > 0 and (is_touched or missed >= WHOLE_SHARE * whole):
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
