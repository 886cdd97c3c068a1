"""The steps of a series; apart from the arrays, so that whoever only names a step loads no numpy."""

from enum import StrEnum


class Period(StrEnum):
    """The length of one step of a series."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
