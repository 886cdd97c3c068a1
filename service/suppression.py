"""Small counts and who may see them: pure functions, the same for the API and the console.

A count of 1 to `least - 1` speaks of few people, so callers who may see aggregates only do not get it; 0 speaks of
nobody and stays. Hiding a number is not enough where others give it back by subtraction:

- Sums over time are made by `add_shown` of what is shown for each week, never read anew. They are lower bounds where
  a week is hidden, and tell nothing that the weeks do not: no choice of days gives a hidden week back.
- A total beside its parts is shown only where `may_show_total` says so.
"""

from collections.abc import Sequence


def may_show(people: int, least: int) -> bool:
    """Say whether a theme behind which so many people stand may be shown to those who see aggregates only."""
    return people >= least


def mask(count: int, least: int) -> int | None:
    """Hide a count that is small and not 0; enough by itself only where no other number contains it."""
    return None if 0 < count < least else count


def add_shown(cells: Sequence[int | None]) -> int:
    """Add up the counts that are shown: the sum itself where none is hidden, else a lower bound."""
    return sum(cell or 0 for cell in cells)


def may_show_total(total: int, parts: Sequence[int], least: int) -> bool:
    """Say whether a total may stand beside its parts, of which the small ones are hidden (`mask`).

    Whoever has both knows the rest: hidden parts, and what lies in no part, together. So the rest must not be small
    itself, and must leave each hidden part two values at least; a total that is not shown leaves them two as well,
    for this rule asks for nothing but the rest and the number of hidden parts.
    """
    hidden = sum(mask(part, least) is None for part in parts)
    rest = total - sum(mask(part, least) or 0 for part in parts)
    if mask(total, least) is None or mask(rest, least) is None:
        return False
    return rest >= 0 and (hidden == 0 or rest >= hidden + 2)
