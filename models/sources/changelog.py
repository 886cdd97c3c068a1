"""Read what was released when, for `ebb releases import`: a changelog in Markdown, or a CSV of releases.

Markdown goes by Keep a Changelog (keepachangelog.com/en/1.1.0) and the usual relatives: a heading with a
version and a date opens a release, one bullet is one feature. A release without a date cannot be judged, and
an entry that no customer can notice (dependency bumps, chores, CI, refactoring) is no feature: both are set
aside with their reason.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import BinaryIO

from models.errors import Invalid
from models.sources.headings import Heading, date_of, heading_of
from models.sources.lines import Broken, Line, Record, csv_records, damage, delimiter_of, read_lines
from models.sources.noise import noise_reason, plain
from models.sources.payload import MAX_NAME_CHARS, MAX_URL_CHARS, short_of
from models.sources.times import instant_of
from models.values.feedback import ReleaseChange

MAX_TITLE_CHARS = 120
MAX_VERSION_CHARS = 100

_BULLET = re.compile(r"^(\s*)[-*+]\s+(\S.*)$")
_RULE = re.compile(r"^\s*(=+|-+|\*{3,}|_{3,})\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_SKIPPED = re.compile(r"^\s*(\[[^\]]+\]:\s*\S+|<!--.*-->)\s*$")

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "key": ("key", "version", "tag", "id", "externalid", "release"),
    "name": ("name", "title", "release", "version", "tag", "key"),
    "released_at": ("releasedat", "date", "released", "publishedat", "releasedate", "createdat"),
    "description": ("description", "note", "notes", "body", "summary", "changes"),
    "area": ("area", "productarea", "component"),
    "url": ("url", "link"),
}


@dataclass(frozen=True, slots=True)
class FeatureDraft:
    """Something customers can use, as a changelog words it; `key` stays the same when the file is imported
    again."""

    line_number: int
    key: str
    title: str
    body: str
    section: str | None = None
    area: str | None = None


@dataclass(frozen=True, slots=True)
class ReleaseDraft:
    """One dated release and its features, in file order; `change.feature_keys` are their keys."""

    line_number: int
    change: ReleaseChange
    features: tuple[FeatureDraft, ...]


@dataclass(frozen=True, slots=True)
class SetAside:
    """One heading, entry or row that was left out, and why."""

    line_number: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Changelog:
    """All that a file says about releases."""

    releases: tuple[ReleaseDraft, ...]
    set_aside: tuple[SetAside, ...]


@dataclass(slots=True)
class _Entry:
    line_number: int
    text: str
    section: str | None


@dataclass(slots=True)
class _Block:
    """One version's part of a changelog while it is being read."""

    line_number: int
    heading: Heading
    raw: str
    entries: list[_Entry] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)


def read_changelog(text: str, *, zone: tzinfo = UTC) -> Changelog:
    """Read a Markdown changelog; a date means the start of that day in `zone`."""
    releases: dict[str, ReleaseDraft] = {}
    set_aside: list[SetAside] = []
    for block in _blocks(text.splitlines()):
        reason = _unusable(block, releases)
        if reason is not None:
            set_aside.append(SetAside(block.line_number, reason, block.raw))
            set_aside += [SetAside(each.line_number, reason, each.text) for each in block.entries]
            continue
        change = _release_of(block, zone)
        features, noise = _features(change.external_id, block.entries)
        set_aside += noise
        releases[change.external_id] = _draft(block.line_number, change, features)
    return Changelog(tuple(releases.values()), tuple(set_aside))


def read_release_csv(file: BinaryIO, *, zone: tzinfo = UTC) -> Changelog:
    """Read a CSV of releases: columns for a key or version and a date, and name, description, area, url if
    there.

    One row is one release and, where it says more than a version, one feature; rows with the same key are
    features of one release. Raises Invalid where the header lacks a key or a date.
    """
    lines = read_lines(file)
    head = next(lines, None)
    if head is None:
        raise Invalid("the file is empty: its first line must name the columns", field="file")
    records = csv_records(_after(head, lines), delimiter=delimiter_of(head.text))
    columns = _columns(next(records, None))
    releases: dict[str, ReleaseDraft] = {}
    set_aside: list[SetAside] = []
    for record in records:
        try:
            _add_row(record, columns, releases, set_aside, zone)
        except Invalid as error:
            set_aside.append(SetAside(record.line_number, error.message, record.raw))
    return Changelog(tuple(releases.values()), tuple(set_aside))


def _blocks(lines: list[str]) -> Iterator[_Block]:
    """Cut a changelog at its version headings; what stands before the first one is its preface."""
    block: _Block | None = None
    section: str | None = None
    fenced = False
    for number, line in enumerate(lines, start=1):
        fenced ^= bool(_FENCE.match(line))
        if fenced or _FENCE.match(line) or _SKIPPED.match(line) or _RULE.match(line):
            continue
        title = _title(line, lines[number : number + 1])
        if title is None:
            if block is not None:
                _add_line(block, number, line, section)
            continue
        heading = heading_of(title)
        section = None if heading else plain(title)
        if heading is not None:
            if block is not None:
                yield block
            block = _Block(number, heading, line)
    if block is not None:
        yield block


def _title(line: str, following: list[str]) -> str | None:
    """Return the text of a heading: one with #, or a line underlined with = or -."""
    match = re.match(r"^#{1,6}\s+(.*?)\s*#*\s*$", line)
    if match:
        return match.group(1)
    underlined = bool(following) and re.fullmatch(r"(=|-){3,}\s*", following[0]) is not None
    return line.strip() if underlined and line.strip() and not _BULLET.match(line) else None


def _add_line(block: _Block, number: int, line: str, section: str | None) -> None:
    """Add a line to its entry: a bullet at the margin opens one, deeper bullets and indented text continue
    it."""
    bullet = _BULLET.match(line)
    if bullet and len(bullet.group(1)) < 2:
        block.entries.append(_Entry(number, bullet.group(2), section))
    elif block.entries and line.startswith((" ", "\t")) and line.strip():
        block.entries[-1].text += "\n" + (bullet.group(2) if bullet else line.strip())
    elif line.strip():
        _add_prose(block, line.strip())


def _add_prose(block: _Block, line: str) -> None:
    """Keep a paragraph as the description; one that is only a date (below the heading) dates the release."""
    dated = None if block.heading.date or block.entries else date_of(line)
    if dated is not None:
        block.heading = replace(block.heading, date=dated)
    else:
        block.prose.append(line)


def _unusable(block: _Block, releases: Mapping[str, ReleaseDraft]) -> str | None:
    version = block.heading.version
    if version is None:
        return "not released yet"
    if len(version) > MAX_VERSION_CHARS:
        return f"the version is longer than {MAX_VERSION_CHARS} characters"
    if block.heading.date is None:
        return f"{version} has no date: write it as ## [{version}] - 2026-03-02"
    if version in releases:
        return f"{version} stands twice: its first place is line {releases[version].line_number}"
    return None


def _release_of(block: _Block, zone: tzinfo) -> ReleaseChange:
    heading = block.heading
    version = heading.version or ""
    released_at = datetime(*heading.date, tzinfo=zone).astimezone(UTC) if heading.date else None
    return ReleaseChange(
        external_id=version,
        name=(heading.name or version)[:MAX_NAME_CHARS],
        version=version,
        released_at=released_at,
        description=plain(" ".join(block.prose)) or None,
        prerelease="-" in version and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", version),
    )


def _features(release: str, entries: Iterable[_Entry]) -> tuple[list[FeatureDraft], list[SetAside]]:
    features: dict[str, FeatureDraft] = {}
    noise: list[SetAside] = []
    for entry in entries:
        reason = noise_reason(entry.text, entry.section)
        if reason is None:
            draft = _feature(release, entry)
            features.setdefault(draft.key, draft)
        else:
            noise.append(SetAside(entry.line_number, reason, entry.text))
    return list(features.values()), noise


def _feature(release: str, entry: _Entry, area: str | None = None) -> FeatureDraft:
    body = plain(entry.text)
    first = re.split(r"(?<=[.!?])\s|\n", body, maxsplit=1)[0]
    title = first if len(first) <= MAX_TITLE_CHARS else first[: MAX_TITLE_CHARS - 1].rstrip() + "…"
    digest = hashlib.sha256(body.encode("utf-8", "replace")).hexdigest()[:8]
    return FeatureDraft(entry.line_number, f"{release}#{digest}", title, body, entry.section, area)


def _draft(line_number: int, change: ReleaseChange, features: Iterable[FeatureDraft]) -> ReleaseDraft:
    drafts = tuple(features)
    keys = tuple(each.key for each in drafts)
    return ReleaseDraft(line_number, replace(change, feature_keys=keys), drafts)


def _after(head: Line, rest: Iterator[Line]) -> Iterator[Line]:
    yield head
    yield from rest


def _columns(header: Record | Broken | None) -> dict[str, tuple[int, ...]]:
    if not isinstance(header, Record):
        raise Invalid("the first line cannot be read as column names", field="file")
    names = [re.sub(r"[\W_]+", "", cell).lower() for cell in header.cells]
    found = {
        wanted: tuple(names.index(each) for each in known if each in names)
        for wanted, known in _COLUMNS.items()
    }
    for wanted in ("key", "released_at"):
        if not found[wanted]:
            known = ", ".join(_COLUMNS[wanted])
            raise Invalid(
                f"no column for {wanted} among {', '.join(header.cells)}: name one {known}", field=wanted
            )
    return found | {"": (len(names),)}


def _add_row(
    record: Record | Broken,
    columns: Mapping[str, tuple[int, ...]],
    releases: dict[str, ReleaseDraft],
    set_aside: list[SetAside],
    zone: tzinfo,
) -> None:
    """Add a row as a release, or as a further feature of the release that has its key."""
    change, area = _row_release(record, columns, zone)
    known = releases.get(change.external_id)
    if known is not None and known.change.released_at != change.released_at:
        raise Invalid(
            f"{change.external_id} has another date than on line {known.line_number}", field="released_at"
        )
    entry = _Entry(record.line_number, change.description or change.name, None)
    reason = noise_reason(entry.text, None)
    features = list(known.features) if known else []
    if reason is not None:
        set_aside.append(SetAside(record.line_number, reason, record.raw))
    elif change.description or change.name not in (change.external_id, change.version):
        features.append(_feature(change.external_id, entry, area))
    unique = {each.key: each for each in features}.values()
    first = known or ReleaseDraft(record.line_number, change, ())
    releases[change.external_id] = _draft(first.line_number, first.change, unique)


def _row_release(
    record: Record | Broken, columns: Mapping[str, tuple[int, ...]], zone: tzinfo
) -> tuple[ReleaseChange, str | None]:
    if isinstance(record, Broken):
        raise Invalid(record.reason)
    reason, (width,) = damage("".join(record.cells)), columns[""]
    if reason is None and len(record.cells) != width:
        reason = f"{len(record.cells)} cells where the header has {width}"
    if reason is not None:
        raise Invalid(reason)

    def cell(wanted: str) -> str | None:
        filled = (record.cells[place].strip() for place in columns[wanted])
        return next((each for each in filled if each), None)

    key, released_at = cell("key"), instant_of(cell("released_at"), field="released_at", zone=zone)
    if key is None or released_at is None:
        missing = "key" if key is None else "released_at"
        raise Invalid(f"{missing} is missing", field=missing)
    change = ReleaseChange(
        external_id=short_of(key, field="key", limit=MAX_VERSION_CHARS) or key,
        name=short_of(cell("name"), field="name") or key,
        version=key if re.match(r"v?\d", key) else None,
        released_at=released_at,
        description=cell("description"),
        url=short_of(cell("url"), field="url", limit=MAX_URL_CHARS),
        product_area=short_of(cell("area"), field="area"),
    )
    return change, cell("area")
