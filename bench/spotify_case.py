"""A real support stream through the commands a user has: 15 012 messages to a music service, autumn of 2017.

The set has a known outcome that rests on no classifier: a phone system's release made phones send a lone "i" with an
invisible U+FE0F behind it, the next release mended that, and the mark stands in the text. What the product says about
the marked messages is held against an exact interval; what it says about themes is for a person to read.
"""

from __future__ import annotations

import gzip
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench import spotify_marks
from bench.programs import EBB, MIB, Finished, circumstances, environment, finish, serving
from bench.report import Emit, data_set, say
from service.commands.processes import free_port

PUBLISHED = (
    "an extract of Kaggle's “Customer Support on Twitter” in stepanaromanov/"
    "python_for_marketing_research_and_analytics at github.com, commit 7e9be6d285425c47ccfc8760c640eabba213eb74"
)
MAP = "columns: {customer_id: customer}\n"
SHOWN_THEMES, SHOWN_QUOTES = 10, 3
PAGE = 500
_STAGE = re.compile(r"^  ([a-z ]+?) +([\d,]+) +([\d,]+)/s", re.MULTILINE)

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Api:
    """A client of the running API; lists are read page by page."""

    client: httpx.Client

    def one(self, path: str) -> Json:
        """Read one object."""
        answer: Json = self.client.get(path).raise_for_status().json()
        return answer

    def every(self, path: str) -> list[Json]:
        """Read a list to its last page."""
        rows: list[Json] = []
        cursor: object = None
        while True:
            given = {"limit": PAGE} | ({"cursor": str(cursor)} if cursor else {})
            page = self.client.get(path, params=given).raise_for_status().json()
            rows += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return rows


def run(emit: Emit, folder: Path) -> None:
    """Import, work, serve and read; then count the marks through the API and have them judged."""
    source = data_set("spotify_support_2017", published=PUBLISHED)
    environ = environment(folder)
    raw = gzip.decompress((source / "feedback.jsonl.gz").read_bytes())
    (folder / "feedback.jsonl").write_bytes(raw)
    (folder / "map.yaml").write_text(MAP, encoding="utf-8")
    shutil.copyfile(source / "releases.csv", folder / "releases.csv")
    key = _prepare(emit, folder, environ, raw.count(b"\n"))
    port = free_port()
    command = [EBB, "api", f"--port={port}"]
    headers = {"Authorization": f"Bearer {key}"}
    with (
        serving(command, port=port, folder=folder, environ=environ) as server,
        httpx.Client(base_url=server.url, headers=headers, timeout=120) as client,
    ):
        items = _read(emit, Api(client))
    spotify_marks.run(emit, folder, environ, items=items, raw=raw.decode())


def _prepare(emit: Emit, folder: Path, environ: Mapping[str, str], messages: int) -> str:
    """Run the commands up to the point where nothing is left to do; return the admin key."""
    steps = {
        "init": ["init", "--print-key"],
        "import": ["import", "feedback.jsonl", "--source", "tweets", "--map", "map.yaml"],
        "releases import": ["releases", "import", "releases.csv"],
        "work": ["work", "--until-idle"],
    }
    done: dict[str, Finished] = {}
    for name, step in steps.items():
        say(f"ebb {' '.join(step)}")
        done[name] = finish([EBB, *step], folder=folder, environ=environ)
        say(done[name].err.replace("\r", "\n")[-600:])
        emit(f"wall time, ebb {name}", done[name].seconds, "s", circumstances())
        emit(
            f"peak resident memory, ebb {name}",
            done[name].peak_mib,
            "MiB",
            "largest of the command's processes",
        )
    for name in ("import", "work"):
        emit(f"rate, ebb {name}", messages / done[name].seconds, "messages/s", f"{messages} messages")
    for stage, count, rate in {each[0]: each for each in _STAGE.findall(done["work"].err)}.values():
        if rate != "0":  # a stage of one long piece has no rate worth telling
            emit(f"rate of the stage, {stage}", int(rate.replace(",", "")), "1/s", f"{count} pieces")
    emit("size of the database", (folder / "ebb.db").stat().st_size / MIB, "MiB", f"{messages} messages")
    return done["init"].out.strip()


def _read(emit: Emit, api: Api) -> list[Json]:
    """Read what the product made of the stream; return the feedback items."""
    items, themes = api.every("/v1/feedback"), api.every("/v1/themes")
    emit("items the API serves", len(items), "items", "one for each message of the file")
    _shares(emit, items)
    _themes(emit, api, themes, items)
    _impact(emit, api)
    return items


def _shares(emit: Emit, items: Sequence[Json]) -> None:
    """Hand in languages, kinds and what stands in no theme."""
    total = len(items)
    for name, least in (("language", 0.005), ("kind", 0.0)):
        for value, count in Counter(str(item[name]) for item in items).most_common():
            if count >= least * total:
                emit(f"share of items, {name} {value}", count / total, "share", f"{count} of {total}")
    empty = sum(not item["text"] for item in items)
    emit("items whose text is empty after cleaning", empty, "items", f"of {total}")
    outside = sum(item["theme_id"] is None for item in items)
    emit("share of items in no theme", outside / total, "share", f"{outside} of {total}, all languages")
    themed = [item for item in items if item["language"] in ("en", "und")]
    outside = sum(item["theme_id"] is None for item in themed)
    emit(
        "share in no theme, English or undetermined",
        outside / len(themed),
        "share",
        f"{outside} of {len(themed)}",
    )
    counted = sum(item["counted"] is True for item in items)
    emit("share of items that count as complaints", counted / total, "share", f"{counted} of {total}")


def _themes(emit: Emit, api: Api, themes: Sequence[Json], items: Sequence[Json]) -> None:
    """Hand in how many themes there are and how large; show the largest to whoever watches."""
    ranked = sorted(themes, key=lambda theme: -_number(theme, "size"))
    placed = sum(_number(theme, "size") for theme in ranked)
    emit("themes", len(ranked), "themes", f"{placed} of {len(items)} items placed")
    largest = ranked[:SHOWN_THEMES]
    share = sum(_number(theme, "size") for theme in largest) / max(placed, 1)
    emit(f"share of placed items in the {SHOWN_THEMES} largest themes", share, "share", f"{placed} placed")
    small = sum(_number(theme, "size") < 10 for theme in ranked)
    emit("themes of fewer than 10 items", small, "themes", f"of {len(ranked)}")
    for place, theme in enumerate(largest, start=1):
        name = f"size of the theme at place {place}"
        emit(
            name,
            _number(theme, "size"),
            "items",
            f"{theme['label']}; {theme['complaints']} counted complaints",
        )
        sizes = f"{theme['size']} items, {theme['complaints']} complaints"
        say(f"{place:>3}. {theme['label']}: {sizes}; {theme['keywords']}")
        quotes = api.one(f"/v1/themes/{theme['id']}")["quotes"]
        assert isinstance(quotes, list)
        for quote in quotes[:SHOWN_QUOTES]:
            say(f"       “{quote['text']}”")


def _impact(emit: Emit, api: Api) -> None:
    """Hand in the word that stands for every release, on all complaints and on each proposed theme."""
    for release in api.every("/v1/releases"):
        verdicts = api.one(f"/v1/releases/{release['id']}/impact")["verdicts"]
        assert isinstance(verdicts, list)
        for verdict in verdicts:
            subject = (
                f"“{verdict['theme']['label']}” ({verdict['link']})" if verdict["theme"] else "all complaints"
            )
            numbers = f"effect {verdict['effect']}, {verdict['low']} to {verdict['high']}"
            reasons = ", ".join(verdict["reasons"])
            emit(
                f"verdict, {release['name']}, {subject}", verdict["verdict"], "word", f"{numbers}; {reasons}"
            )
        if not verdicts:
            emit(f"verdicts, {release['name']}", 0, "verdicts", "none was made")


def _number(row: Json, name: str) -> int:
    value = row[name]
    assert isinstance(value, int)
    return value
