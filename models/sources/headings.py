"""Recognise the heading that opens a release in a changelog."""

import re
from dataclasses import dataclass
from datetime import date

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month>(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*)\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<!\d)(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})(?!\d)",
        rf"\b{_MONTH}\s+{_DAY},?\s+(?P<year>\d{{4}})\b",
        rf"\b{_DAY}\s+{_MONTH},?\s+(?P<year>\d{{4}})\b",
        # Last: 2024.3.1 may be a version, which a date beside it tells.
        r"(?<!\d)(?P<year>\d{4})\.(?P<month>\d{1,2})\.(?P<day>\d{1,2})(?!\d)",
    )
)
_VERSION = re.compile(
    r"^(?:version\s+|release\s+|[\w@/.-]+@)?v?(?P<version>\d+\.\d+(?:\.\d+)*(?:-[0-9a-z][0-9a-z.-]*)?(?:\+[\w.]+)?)"
    r"(?=$|[\s:(\[,/–—-])(?P<rest>.*)$",
    re.IGNORECASE,
)
_UNRELEASED = re.compile(r"^(unreleased|upcoming|next|head|main)\b", re.IGNORECASE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
MAX_DATE_LINE_CHARS = 40
_EDGES = " \t-–—:/()[]|,_*"


@dataclass(frozen=True, slots=True)
class Heading:
    """A release's heading: `version` is None where it is not released; `date` is (year, month, day)."""

    version: str | None
    date: tuple[int, int, int] | None
    name: str | None = None


def heading_of(title: str) -> Heading | None:
    """Read a heading's text; None where it opens no release (a section, the file's own title).

    Takes "[1.2.0] - 2024-03-01", "v1.2.0 (March 1, 2024)", "[1.2.0](url) (2024-03-01)", "1.2.0 – Faster
    exports", "pkg@1.2.0", "2024-03-01" (the date is the version), and "[Unreleased]".
    """
    text = _LINK.sub(r"\1", title)
    found, text = _cut_date(text)
    text = re.sub(r"\[yanked\]", "", text, flags=re.IGNORECASE).replace("[", "").replace("]", "")
    text = text.strip(_EDGES)
    if _UNRELEASED.match(text):
        return Heading(None, None)
    match = _VERSION.match(text)
    if match is None:
        return Heading("{:04d}-{:02d}-{:02d}".format(*found), found) if found and not text else None
    rest = match.group("rest")
    if rest and rest.lstrip()[:1] not in "-–—:(/":
        return None
    return Heading(match.group("version"), found, rest.strip(_EDGES) or None)


def date_of(line: str) -> tuple[int, int, int] | None:
    """Return the date that a short line below a heading names ("Released March 1, 2024"), None where it does
    not."""
    return _cut_date(line)[0] if len(line) <= MAX_DATE_LINE_CHARS else None


def _cut_date(text: str) -> tuple[tuple[int, int, int] | None, str]:
    """Return the first real calendar date in a text, and the text without it."""
    for pattern in _DATES:
        match = pattern.search(text)
        if match:
            month = match.group("month")
            number = int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1
            found = (int(match.group("year")), number, int(match.group("day")))
            if _is_date(found):
                return found, text[: match.start()] + text[match.end() :]
    return None, text


def _is_date(found: tuple[int, int, int]) -> bool:
    try:
        return 1990 <= date(*found).year < 2100
    except ValueError:
        return False
