"""Since when a source that goes on holds all its tickets: its connection, or as far back as history was fetched.

A tool that was connected today also sends tickets of last year, because somebody wrote in them again. They are few,
the older the fewer; taken for history they would make every theme look as if it rose. History that was fetched or
imported is about as dense as what comes afterwards. So the time before the connection is walked backwards in blocks,
up to the first that is too thin. A source that brought nothing but an old history is told like a file.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from models.values.coverage import Span

BLOCK = timedelta(weeks=4)
"""Least time whose tickets are held against what comes later."""
LEAST_EXPECTED = 40
"""Tickets expected in a block, or chance would thin it: where 40 are, fewer than 20 come once in 10,000 times."""
LEAST_TICKETS = 20
"""So many tell a rate."""
THIN = 0.5
"""A block with less than this share of the later rate is no history."""


def span_of(tickets: Mapping[date, int], *, known_from: date, until: date) -> Span:
    """Return the days of which a source that goes on holds all tickets; the arguments are those of `covered_from`.

    One that was given a history that ends weeks before its connection, and that nothing came to since, covers what
    that history covers: somebody looks at old data, and no day since is known.
    """
    last = max((day for day in tickets if tickets[day]), default=known_from)
    if last >= known_from - BLOCK:
        return Span(covered_from(tickets, known_from=known_from, until=until))
    end = last + timedelta(days=1)
    return Span(covered_from(tickets, known_from=end, until=end), end)


def covered_from(tickets: Mapping[date, int], *, known_from: date, until: date) -> date:
    """Return the first day from which on all tickets of a source are there.

    tickets: by the day they were opened on, before and after; known_from: since when it delivers, or its vendor is
    read; until: the first day that is not complete. Fewer than 20 tickets tell nothing: the first of them counts.
    """
    first = min((day for day in tickets if tickets[day]), default=known_from)
    if first >= known_from:
        return known_from
    if sum(tickets.values()) < LEAST_TICKETS:
        return first
    found = known_from
    later, days = _between(tickets, known_from, until), max((until - known_from).days, 0)
    if later < LEAST_TICKETS or not days:
        # Too little came since: the weeks before are what the older ones are held against.
        found = known_from - BLOCK
        later, days = _between(tickets, found, until), max((until - found).days, BLOCK.days)
    while later and found > first:
        block = max(BLOCK, timedelta(days=-(-LEAST_EXPECTED * days // later)))
        start = max(found - block, first)
        # What is left at the far end may be short: it is held against the rate together with days that passed.
        end = min(start + block, known_from)
        if _between(tickets, start, end) < THIN * (end - start).days * later / days:
            break
        later, days = later + _between(tickets, start, found), days + (found - start).days
        found = start
    return max(found, first)


def _between(tickets: Mapping[date, int], start: date, end: date) -> int:
    return sum(count for day, count in tickets.items() if start <= day < end)
