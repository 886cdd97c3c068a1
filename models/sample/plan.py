"""The hand-written plan of the sample: topics, releases, events, the company; read from `data/*.yaml`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from models.errors import Invalid

DAYS = 364
"""Length of the sample in days: 52 whole weeks."""

SOURCES = ("zendesk", "app", "mail", "reviews")
"""Short names of the four sources; they prefix ticket ids in the truth."""

TOPIC_FILES = (
    "problems_mobile",
    "problems_scheduling",
    "problems_money",
    "problems_account",
    "other_topics",
)

Raw = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing people write about: its phrasings and its volume (`weekly`: tickets at mean exposure)."""

    key: str
    name: str
    description: str
    kind: str
    area: str
    weekly: float
    noise: float
    mix: tuple[float, ...]
    subjects: tuple[str, ...]
    texts: tuple[str, ...]
    details: tuple[str, ...]
    foreign: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Feature:
    """One line of a release note; `topic` is the problem it is meant to ease, None for noise."""

    key: str
    title: str
    body: str
    area: str
    topic: str | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a release truly did to the rate of one topic, and which verdicts an honest judge may give."""

    topic: str
    ratio: float
    expected: str
    acceptable: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Release:
    """A release with its roll-out: steps are (days before the end of the sample, share of accounts)."""

    version: str
    name: str
    steps: tuple[tuple[int, float], ...]
    features: tuple[Feature, ...]
    effects: tuple[Effect, ...]

    @property
    def start_day(self) -> int:
        """Say on which day of the sample (0 = first) the roll-out began."""
        return DAYS - self.steps[0][0]

    @property
    def full_day(self) -> int:
        """Say on which day of the sample everybody had the release."""
        return DAYS - self.steps[-1][0]


@dataclass(frozen=True, slots=True)
class Event:
    """Something beside the releases, from `start_day` up to, not with, `end_day`."""

    key: str
    kind: str
    title: str
    note: str
    start_day: int
    end_day: int
    topic: str | None
    factor: float
    silent: str | None


@dataclass(frozen=True, slots=True)
class PlanTier:
    """A subscription plan: its share of accounts, yearly revenue and people who write (low, high)."""

    name: str
    share: float
    arr: tuple[int, int]
    people: tuple[int, int]
    segment: str


@dataclass(frozen=True, slots=True)
class Company:
    """The invented company and how its customer base grows."""

    name: str
    support_name: str
    support_email: str
    start_accounts: int
    yearly_growth: float
    tiers: tuple[PlanTier, ...]
    weekday_activity: tuple[float, ...]
    firm_names: tuple[str, ...]
    firm_trades: tuple[str, ...]
    firm_forms: tuple[str, ...]


@cache
def load_topics() -> tuple[Topic, ...]:
    """Read all topics, complaints first, in file order."""
    return tuple(_topic(raw) for name in TOPIC_FILES for raw in records(read_data(name)))


@cache
def load_releases() -> tuple[Release, ...]:
    """Read the releases, oldest first."""
    return tuple(_release(raw) for raw in records(read_data("releases")))


@cache
def load_events() -> tuple[Event, ...]:
    """Read the events in file order."""
    return tuple(_event(raw) for raw in records(read_data("events")))


@cache
def load_company() -> Company:
    """Read the company."""
    raw = record(read_data("company"))
    tiers = record(raw["plans"])
    return Company(
        name=text(raw, "name"),
        support_name=text(raw, "support_name"),
        support_email=text(raw, "support_email"),
        start_accounts=int(number(raw, "start_accounts")),
        yearly_growth=number(raw, "yearly_growth"),
        tiers=tuple(_tier(name, record(tier)) for name, tier in tiers.items()),
        weekday_activity=_numbers(raw["weekday_activity"]),
        firm_names=lines(raw, "firm_names"),
        firm_trades=lines(raw, "firm_trades"),
        firm_forms=lines(raw, "firm_forms"),
    )


@cache
def load_shared() -> Mapping[str, tuple[str, ...]]:
    """Read the word lists shared by all topics; slot lists are named `slot.<name>`."""
    raw = record(read_data("shared"))
    slots = record(raw["slots"])
    lists = {key: lines(raw, key) for key in raw if key != "slots"}
    return lists | {f"slot.{name}": lines(slots, name) for name in slots}


def read_data(name: str) -> object:
    """Read one YAML file of this package's `data` folder."""
    return yaml.safe_load(files("models.sample").joinpath("data", f"{name}.yaml").read_text("utf-8"))


def record(value: object) -> Raw:
    """Check that a YAML value is a mapping."""
    if not isinstance(value, dict):
        raise Invalid(f"sample data: expected a mapping, found {type(value).__name__}")
    return value


def records(value: object) -> Iterator[Raw]:
    """Check that a YAML value is a list of mappings and walk through it."""
    if not isinstance(value, list):
        raise Invalid(f"sample data: expected a list, found {type(value).__name__}")
    return (record(item) for item in value)


def text(raw: Raw, field: str) -> str:
    """Read a text field."""
    value = raw.get(field)
    if not isinstance(value, str):
        raise Invalid(f"sample data: field {field} must be text, found {value!r}", field=field)
    return value


def number(raw: Raw, field: str, default: float | None = None) -> float:
    """Read a numeric field."""
    value = raw.get(field, default)
    if not isinstance(value, int | float):
        raise Invalid(f"sample data: field {field} must be a number, found {value!r}", field=field)
    return float(value)


def optional_text(raw: Raw, field: str) -> str | None:
    """Read a text field that may be missing."""
    return text(raw, field) if field in raw else None


def lines(raw: Raw, field: str) -> tuple[str, ...]:
    """Read a block of lines, one entry per line; a missing block is empty."""
    block = text(raw, field) if field in raw else ""
    return tuple(line.strip() for line in block.splitlines() if line.strip())


def _numbers(value: object) -> tuple[float, ...]:
    if not isinstance(value, list):
        raise Invalid(f"sample data: expected a list of numbers, found {value!r}")
    return tuple(float(item) for item in value)


def _topic(raw: Raw) -> Topic:
    mix = record(raw["mix"])
    foreign = (line.partition(": ") for line in lines(raw, "foreign"))
    return Topic(
        key=text(raw, "key"),
        name=text(raw, "name"),
        description=text(raw, "description"),
        kind=text(raw, "kind") if "kind" in raw else "complaint",
        area=text(raw, "area"),
        weekly=number(raw, "weekly"),
        noise=number(raw, "noise"),
        mix=tuple(number(mix, source) for source in SOURCES),
        subjects=lines(raw, "subjects"),
        texts=lines(raw, "texts"),
        details=lines(raw, "details"),
        foreign=tuple((language, words) for language, _, words in foreign),
    )


def _release(raw: Raw) -> Release:
    steps = raw.get("steps", [[raw["days_back"], 100]])
    assert isinstance(steps, list)
    return Release(
        version=text(raw, "version"),
        name=text(raw, "name"),
        steps=tuple((int(day), float(percent) / 100) for day, percent in steps),
        features=tuple(_feature(item) for item in records(raw["features"])),
        effects=tuple(_effect(item) for item in records(raw["effects"])),
    )


def _feature(raw: Raw) -> Feature:
    return Feature(
        key=text(raw, "key"),
        title=text(raw, "title"),
        body=text(raw, "body"),
        area=text(raw, "area"),
        topic=optional_text(raw, "problem"),
    )


def _effect(raw: Raw) -> Effect:
    acceptable = raw["acceptable"]
    assert isinstance(acceptable, list)
    return Effect(
        topic=text(raw, "problem"),
        ratio=number(raw, "ratio"),
        expected=text(raw, "expected"),
        acceptable=tuple(str(word) for word in acceptable),
        note=text(raw, "note"),
    )


def _event(raw: Raw) -> Event:
    return Event(
        key=text(raw, "key"),
        kind=text(raw, "kind"),
        title=text(raw, "title"),
        note=text(raw, "note"),
        start_day=DAYS - int(number(raw, "from")),
        end_day=DAYS - int(number(raw, "to")),
        topic=optional_text(raw, "problem"),
        factor=number(raw, "factor", 1.0),
        silent=optional_text(raw, "silent"),
    )


def _tier(name: str, raw: Raw) -> PlanTier:
    low_arr, high_arr = _numbers(raw["arr"])
    low_people, high_people = _numbers(raw["people"])
    return PlanTier(
        name=name,
        share=number(raw, "share"),
        arr=(int(low_arr), int(high_arr)),
        people=(int(low_people), int(high_people)),
        segment=text(raw, "segment"),
    )
