"""Slack's export of a workspace: `channels.json`, `users.json`, and a file a channel and day; zipped, or unpacked.

A message becomes a row under the names that the webhook's parser gives it ("channel:ts"): history and webhooks are
one. Channels are read, public and private ones; direct messages never. Who is a colleague is told by `users.json`:
what people of other companies write in shared channels is theirs, what a colleague posts is relayed, and a reply of
a colleague is talk about the post and no row.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from models.errors import Invalid
from models.sources.archive import Archive
from models.sources.lines import MAX_LINE_CHARS, Line, damage, json_lines, raw_of
from models.sources.payload import JsonObject, short_of
from models.sources.rows import RejectedRow, Row, checked
from models.sources.slack import is_written, ts_of
from models.sources.slack_text import text_in
from models.sources.source import SourceSettings
from models.sources.times import past_instant_of
from models.values.feedback import AuthorRole

CHANNELS = "channels.json"
_LISTS = (CHANNELS, "groups.json")
_USERS = ("users.json", "org_users.json")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.json", re.ASCII)


@dataclass(frozen=True, slots=True)
class Export:
    """An export that was opened: its channels by name with their ids, its people, and the files of its days."""

    archive: Archive
    channels: Mapping[str, str]
    people: Mapping[str, JsonObject]
    teams: frozenset[str]
    team: str | None
    days: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of all days."""
        return sum(self.archive.members[name] for name in self.days)


def open_export(archive: Archive, *, channels: Collection[str] = ()) -> Export:
    """Read what an export says of its channels and people; `channels` are names or ids, none means all.

    Raise `Invalid` where it is no export of Slack's, or a channel that was named is not in it.
    """
    root = _root(archive)
    known = {
        str(each["name"]): str(each["id"])
        for name in _LISTS
        for each in _list(archive, f"{root}{name}")
        if isinstance(each.get("name"), str) and isinstance(each.get("id"), str)
    }
    wanted = {each.lstrip("#") for each in channels}
    chosen = {name: key for name, key in known.items() if not wanted or wanted & {name, key}}
    unknown = sorted(wanted - set(known) - set(known.values()))
    if unknown:
        raise Invalid(
            f"no channel {unknown[0]} in it: there are {', '.join(sorted(known))[:500]}", field="channel"
        )
    people = {str(each.get("id")): each for name in _USERS for each in _list(archive, f"{root}{name}")}
    team, teams = _teams(people)
    days = sorted(name for name in archive.members if _is_day(name, root, chosen))
    return Export(archive, chosen, people, teams, team, tuple(days))


def _root(archive: Archive) -> str:
    """Return the folder of the export inside its archive: some zip the folder, some what is in it."""
    found = [name.removesuffix(CHANNELS) for name in archive.members if name.rpartition("/")[2] == CHANNELS]
    if not found:
        raise Invalid(f"no export of Slack's: there is no {CHANNELS} in it", field="file")
    return min(found, key=len)


def _is_day(name: str, root: str, chosen: Mapping[str, str]) -> bool:
    folder, _, day = name.removeprefix(root).rpartition("/")
    return name.startswith(root) and folder in chosen and _DAY.fullmatch(day) is not None


def _list(archive: Archive, name: str) -> list[JsonObject]:
    """Read one of an export's lists; one that is not there is empty."""
    if name not in archive.members:
        return []
    with archive.open(name) as stream:
        raw = stream.read()
    try:
        found = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Invalid(f"{name}: no JSON", field="file") from None
    if not isinstance(found, list):
        raise Invalid(f"{name}: no list", field="file")
    return [each for each in found if isinstance(each, dict)]


def _teams(people: Mapping[str, JsonObject]) -> tuple[str | None, frozenset[str]]:
    """Return the workspace that was exported, that of most of its people, and all workspaces of its organisation."""
    counted = Counter(str(each["team_id"]) for each in people.values() if each.get("team_id"))
    own = min(counted, key=lambda team: (-counted[team], team)) if counted else None
    organisation = (each.get("enterprise_user") for each in people.values())
    listed = (held.get("teams") for held in organisation if isinstance(held, dict))
    others = (str(team) for teams in listed if isinstance(teams, list) for team in teams)
    return own, frozenset(others) | ({own} if own else frozenset())


def read_messages(
    export: Export,
    *,
    settings: SourceSettings,
    received_at: datetime,
    after: int = 0,
    seen: Callable[[int], None] = lambda done: None,
) -> Iterator[Row | RejectedRow]:
    """Yield an export's messages as rows, channel by channel and day by day, in constant memory.

    They are numbered from 1 in this order; those up to `after` are passed over. `seen` hears how many bytes are done.
    """
    number, done = 0, 0
    for day in export.days:
        channel = export.channels[day.rpartition("/")[0].rpartition("/")[2]]
        with export.archive.open(day) as stream:
            for line in json_lines(stream):
                number += 1
                row = _row(export, channel, line, number, settings, received_at) if number > after else None
                if isinstance(row, RejectedRow):
                    yield replace(row, reason=f"{day}, message {line.number}: {row.reason}")
                elif row is not None:
                    yield row
        done += export.archive.members[day]
        seen(done)


def _row(
    export: Export,
    channel: str,
    line: Line,
    number: int,
    settings: SourceSettings,
    received_at: datetime,
) -> Row | RejectedRow | None:
    """Read one message; None for one that is no feedback."""
    try:
        entry = _entry(export, channel, _message(line), received_at)
        if entry is None:
            return None
        return checked(Row(number, entry), settings=settings, received_at=received_at)
    except Invalid as error:
        return RejectedRow(number, error.message, raw_of([line]))


def _message(line: Line) -> JsonObject:
    reason = damage(line.text) if line.complete else f"longer than {MAX_LINE_CHARS} characters"
    if reason is not None:
        raise Invalid(reason)
    try:
        found = json.loads(line.text)
    except (ValueError, RecursionError):
        raise Invalid("no JSON") from None
    if not isinstance(found, dict):
        raise Invalid("no JSON object")
    return found


def _entry(export: Export, channel: str, message: JsonObject, received_at: datetime) -> JsonObject | None:
    """Write a message as our own JSON; None for what nobody wrote, and for a colleague's reply."""
    if message.get("type") != "message" or not is_written(message):
        return None
    text, ts = text_in(message), ts_of(message.get("ts"), field="ts")
    thread = short_of(message.get("thread_ts"), field="thread_ts") or ts
    company = _company(export, message)
    if not text or (thread != ts and company is None):
        return None
    edited = message.get("edited")
    changed = edited.get("ts") if isinstance(edited, dict) and thread == ts else None
    entry: JsonObject = {
        "external_id": f"{channel}:{thread}",
        "created_at": _moment(thread, "thread_ts", received_at),
        "occurred_at": _moment(changed or ts, "ts", received_at),
        "text": text,
        "author_role": str(AuthorRole.AGENT if company is None else AuthorRole.CUSTOMER),
        "channel": "slack",
        "brand": export.team,
        "group": channel,
        "message_id": None if thread == ts else ts,
        **({} if company is None else _customer(export, message, company)),
    }
    return {name: value for name, value in entry.items() if value is not None}


def _moment(value: object, field: str, received_at: datetime) -> str:
    moment = past_instant_of(value, field=field, received_at=received_at)
    if moment is None:
        raise Invalid(f"{field} is missing", field=field)
    return moment.isoformat().replace("+00:00", "Z")


def _company(export: Export, message: JsonObject) -> str | None:
    """Return the workspace of an author from another company; None for a colleague, and where nothing tells."""
    person = export.people.get(str(message.get("user")), {})
    team = (
        message.get("user_team") or message.get("source_team") or message.get("team") or person.get("team_id")
    )
    outside = isinstance(team, str) and bool(export.teams) and team not in export.teams
    return team if outside and isinstance(team, str) else None


def _customer(export: Export, message: JsonObject, company: str) -> JsonObject:
    user = short_of(message.get("user"), field="user")
    profile = export.people.get(user or "", {}).get("profile")
    email = profile.get("email") if isinstance(profile, dict) else None
    return {"customer_id": user, "customer_email": email, "account_id": company}
