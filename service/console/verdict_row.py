"""A verdict in one line of a table: badge, number, grade."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date

from models.queries.overview import LinkedRelease, VerdictLine
from models.records import LinkState, Release
from models.values.verdicts import Reason, Word
from service.console import sparks
from service.console.addresses import release_address, theme_address, verdict_address
from service.console.frame import Frame
from service.console.sentences import GRADE_MEANING, WORD_LABEL, WORD_MEANING, Said, brief

_SHOWS_INTERVAL = frozenset({Word.FELL, Word.ROSE, Word.UNCHANGED, Word.INCONCLUSIVE})


@dataclass(frozen=True, slots=True)
class VerdictCell:
    """One verdict: word with its label and meaning, the number in brief, the grade, the interval's picture."""

    word: str
    label: str
    meaning: str
    brief: str
    grade: str
    grade_meaning: str
    interval: sparks.Interval | None
    look: int


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release and one theme in a table; without a confirmed link `theme` is None and `proposed` counts.

    withheld: confirmed themes of the release behind which too few people stand for the reader to hear of them.

    cell: None before the first verdict; volume: complaints expected after the release, 0 where unknown; first:
    False for further themes of the release in the row above; more: themes of the release left out after this row;
    span: lines of the table that the release's name stands beside, 0 in further rows.
    """

    release: str
    version: str | None
    release_address: str
    released_on: date
    rollout_days: int
    theme: str | None
    theme_address: str | None
    proposed: int
    cell: VerdictCell | None
    volume: float
    address: str
    first: bool = True
    more: int = 0
    span: int = 1
    withheld: int = 0


def said_of(line: VerdictLine) -> Said:
    """Take what sentences need out of a verdict in brief."""
    return Said(
        word=line.word,
        grade=line.grade,
        subject="",
        release="",
        effect=line.effect,
        low=line.low,
        high=line.high,
        bound=line.bound,
        mde=line.mde,
        judgeable_on=line.judgeable_on,
        reasons=known_reasons(line.reasons),
    )


def known_reasons(codes: tuple[str, ...]) -> tuple[Reason, ...]:
    """Read stored reason codes; one from a newer version of the method is left out."""
    known = {str(reason) for reason in Reason}
    return tuple(Reason(code) for code in codes if code in known)


def cell_of(line: VerdictLine) -> VerdictCell:
    """Show a verdict in a table."""
    interval = None
    if line.word in _SHOWS_INTERVAL and line.effect and line.low and line.high:
        # No finer than the words beside it: an effect in full tells the counts it was worked out from.
        interval = sparks.interval(round(line.effect, 2), round(line.low, 2), round(line.high, 2))
    return VerdictCell(
        word=line.word.value,
        label=WORD_LABEL[line.word],
        meaning=WORD_MEANING[line.word],
        brief=brief(said_of(line)),
        grade=line.grade.value,
        grade_meaning=GRADE_MEANING[line.grade],
        interval=interval,
        look=line.look,
    )


def furthest(lines: list[VerdictLine]) -> dict[tuple[int, int], VerdictLine]:
    """Map (release, theme) to the verdict at its furthest look; `lines` are in order of look."""
    return {(line.release_id, line.theme_key): line for line in lines}


def rows_of(
    frame: Frame,
    releases: list[Release],
    links: list[LinkedRelease],
    lines: list[VerdictLine],
    labels: dict[int, str | None],
    redirects: dict[int, int],
    seen: frozenset[int] | None,
) -> list[ReleaseRow]:
    """Build the table of releases: a row for each confirmed theme, one for a release that has none.

    Themes of a release stand in order of volume, never of outcome: the first of many must not be the luckiest; for
    readers of aggregates (`seen`: the themes they may hear of) in order of age, for the order would tell volumes.
    """
    verdicts = {
        (line.release_id, redirects.get(line.theme_key, line.theme_key)): line for line in lines
    } | furthest(lines)
    rows: list[ReleaseRow] = []
    for release in releases:
        mine = [link for link in links if link.release is not None and link.release.id == release.id]
        confirmed = {link.theme_id for link in mine if link.link.state is LinkState.CONFIRMED}
        rest = {link.theme_id for link in mine} - confirmed
        shown = confirmed if seen is None else confirmed & seen
        proposed = len(rest if seen is None else rest & seen)
        targets: list[int | None] = [*sorted(shown)] or [None]
        found = [
            _row(frame, release, theme, labels, proposed, verdicts.get((release.id, theme or 0)))
            for theme in targets
        ]
        if seen is None:
            found.sort(key=lambda row: -row.volume)
        withheld = len(confirmed) - len(shown)
        rows += [replace(row, first=number == 0, withheld=withheld) for number, row in enumerate(found)]
    return rows


def shorten(rows: list[ReleaseRow], most: int) -> list[ReleaseRow]:
    """Leave at most `most` themes of each release; the last one left says how many more there are."""
    kept: list[ReleaseRow] = []
    depth = 0
    for row in rows:
        depth = 1 if row.first else depth + 1
        if depth <= most:
            kept.append(row)
        else:
            kept[-1] = replace(kept[-1], more=kept[-1].more + 1)
    return _spanned(kept)


def _spanned(rows: list[ReleaseRow]) -> list[ReleaseRow]:
    lines: Counter[str] = Counter()
    for row in rows:
        lines[row.release_address] += 1 + (row.more > 0)
    return [replace(row, span=lines[row.release_address] if row.first else 0) for row in rows]


def _row(
    frame: Frame,
    release: Release,
    theme: int | None,
    labels: dict[int, str | None],
    proposed: int,
    line: VerdictLine | None,
) -> ReleaseRow:
    if theme is None:
        line = (
            None  # The verdict on all complaints together is no answer to what a release was meant to mend.
        )
    return ReleaseRow(
        release=release.name,
        version=release.version,
        release_address=release_address(release.id),
        released_on=frame.day_of(release.released_at),
        rollout_days=(frame.day_of(release.full_at) - frame.day_of(release.released_at)).days,
        theme=None if theme is None else label_of(labels, theme),
        theme_address=None if theme is None else theme_address(theme),
        proposed=proposed,
        cell=None if line is None else cell_of(line),
        volume=0.0 if line is None else line.expected or 0.0,
        address=release_address(release.id) if theme is None else verdict_address(release.id, theme),
    )


def label_of(labels: dict[int, str | None], theme: int) -> str:
    """Return a theme's label, or its id while it has none."""
    return labels.get(theme) or f"theme th_{theme}"
