"""Draw the tickets of the year: who writes when, about what, through which channel, and what follows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import numpy as np
import numpy.typing as npt

from models.sample.letters import Letter, quote_head, write_answer, write_first, write_follow_up
from models.sample.people import Account, Crowd, Person
from models.sample.plan import DAYS, SOURCES, Company, Event, Release, Topic, load_shared

FIRST_NUMBER = {"zendesk": 38_211, "app": 10_001, "mail": 20_417, "reviews": 501}
ID_FORM = {"zendesk": "{}", "app": "w-{}", "mail": "m-{}", "reviews": "r-{}"}

HOUR_WEIGHTS = (1, 0, 0, 0, 1, 4, 12, 22, 26, 25, 24, 21, 16, 18, 20, 20, 18, 14, 9, 7, 6, 5, 3, 2)
"""How many messages fall into each hour of the day (UTC), in relative terms."""

ANSWER_CHANCE = {"zendesk": 0.55, "mail": 0.50, "app": 0.0, "reviews": 0.0}
FOLLOW_UP_CHANCE = {"zendesk": 0.20, "mail": 0.20, "app": 0.10, "reviews": 0.0}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a ticket."""

    at: datetime
    role: str
    author: str
    letter: Letter


@dataclass(frozen=True, slots=True)
class Ticket:
    """One conversation with its truth beside it: `vague` and `also` as in `First`."""

    source: str
    ticket_id: str
    day: int
    topic: str
    kind: str
    language: str
    vague: bool
    also: str | None
    account: Account
    person: Person
    subject: str
    area: str | None
    messages: tuple[Message, ...]

    @property
    def truth_id(self) -> str:
        """Name the ticket across sources, such as `zendesk:38211`."""
        return f"{self.source}:{self.ticket_id}"


@dataclass(frozen=True, slots=True)
class Scene:
    """What every ticket draws on."""

    start: date
    company: Company
    crowd: Crowd
    releases: tuple[Release, ...]
    events: tuple[Event, ...]
    complaints: tuple[Topic, ...]

    @property
    def end(self) -> datetime:
        """Give the first moment without data."""
        return datetime.combine(self.start + timedelta(days=DAYS), time(), UTC)


@dataclass(frozen=True, slots=True)
class _Slot:
    at: datetime
    day: int
    topic: Topic
    source: str


def draw_tickets(
    scene: Scene, topics: tuple[Topic, ...], counts: npt.NDArray[np.int64], seed: int
) -> Iterator[Ticket]:
    """Write one ticket per counted event, in time order, numbered per source.

    counts: (topics, DAYS) tickets to write. Those of a silent source are lost, as they would be in life.
    """
    rng = Random(f"{seed}/tickets")
    numbers = dict(FIRST_NUMBER)
    for slot in _slots(scene, topics, counts, rng):
        numbers[slot.source] += 1 if slot.source != "zendesk" else rng.randint(1, 3)
        yield _ticket(rng, scene, slot, ID_FORM[slot.source].format(numbers[slot.source]))


def _slots(
    scene: Scene, topics: tuple[Topic, ...], counts: npt.NDArray[np.int64], rng: Random
) -> list[_Slot]:
    slots = [
        _Slot(_moment(rng, scene.start, day), day, topic, rng.choices(SOURCES, topic.mix)[0])
        for day in range(DAYS)
        for topic, count in zip(topics, counts[:, day], strict=True)
        for _ in range(count)
    ]
    silent = {(e.silent, day) for e in scene.events if e.silent for day in range(e.start_day, e.end_day)}
    heard = (slot for slot in slots if (slot.source, slot.day) not in silent)
    return sorted(heard, key=lambda slot: slot.at)


def _moment(rng: Random, start: date, day: int) -> datetime:
    hour = rng.choices(range(24), HOUR_WEIGHTS)[0]
    moment = time(hour, rng.randrange(60), rng.randrange(60))
    return datetime.combine(start + timedelta(days=day), moment, UTC)


def _ticket(rng: Random, scene: Scene, slot: _Slot, ticket_id: str) -> Ticket:
    account, person = scene.crowd.pick(rng, slot.day)
    words = {"ver": _version(rng, scene.releases, slot.day), "agent": rng.choice(load_shared()["agents"])}
    other = rng.choice([topic for topic in scene.complaints if topic is not slot.topic])
    written = write_first(rng, slot.topic, other, slot.source, (account, person), words)
    first = Message(slot.at, "customer", person.name, written.letter)
    later = _later(rng, scene, slot, person, words) if written.language == "en" else []
    return Ticket(
        source=slot.source,
        ticket_id=ticket_id,
        day=slot.day,
        topic=slot.topic.key,
        kind=slot.topic.kind,
        language=written.language,
        vague=written.vague,
        also=written.also,
        account=account,
        person=person,
        subject=written.subject,
        area=slot.topic.area if rng.random() < 0.7 else None,
        messages=(first, *later),
    )


def _later(rng: Random, scene: Scene, slot: _Slot, person: Person, words: dict[str, str]) -> list[Message]:
    """Write what follows the first message: an answer, perhaps a nudge or thanks."""
    messages: list[Message] = []
    at, agent = slot.at, words["agent"]
    if rng.random() < ANSWER_CHANCE[slot.source]:
        at += timedelta(minutes=rng.randint(25, 1_500), seconds=rng.randrange(60))
        messages.append(
            Message(at, "agent", agent, write_answer(rng, scene.company, slot.topic.kind, person, agent))
        )
    if rng.random() < FOLLOW_UP_CHANCE[slot.source]:
        solved = bool(messages) and (slot.topic.kind == "question" or rng.random() < 0.2)
        body = write_follow_up(rng, slot.source, words, solved=solved)
        quote = messages[-1].letter.as_text() if messages and slot.source == "mail" else ""
        letter = Letter(body, "", quote_head(scene.company, at) if quote else "", quote)
        at += timedelta(minutes=rng.randint(90, 5_000), seconds=rng.randrange(60))
        messages.append(Message(at, "customer", person.name, letter))
    return [message for message in messages if not _lost(scene, slot.source, message.at)]


def _lost(scene: Scene, source: str, at: datetime) -> bool:
    day = (at.date() - scene.start).days
    return at >= scene.end or any(e.silent == source and e.start_day <= day < e.end_day for e in scene.events)


def _version(rng: Random, releases: tuple[Release, ...], day: int) -> str:
    out = [release.version for release in releases if release.start_day < day] or ["4.1.2"]
    return out[-1] if rng.random() < 0.7 else rng.choice(out[-3:])
