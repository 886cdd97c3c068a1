"""Whatever order, number and delay deliveries come in, what is stored is what happened, once.

Two desks live through an ordered truth; its deliveries are shuffled, repeated under the same name and under another,
held back and sent again, with a worker run in between. At the end, when each was delivered at least once, texts,
attributes, turns, people and counted complaints must be those of the truth, and no deleted word may be left.
"""

from collections.abc import Iterator, Mapping
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text

from models.database import Database
from models.jobs import Job
from models.language.encode import WordHashEncoder
from models.queries import counts, deliveries, work
from models.queries.work import Leased
from models.records import Embedding, FeedbackItem
from models.values.feedback import Turn
from models.values.kinds import Kind
from tests import factories
from tests.clock import NOON, Clock
from tests.services import settings_for
from tests.workers.desks import (
    GENERIC,
    KINDS,
    WORDS,
    ZENDESK,
    Desks,
    Said,
    Ticket,
    moment,
    people,
    standing_for,
)
from workers.context import Context
from workers.embed import embed_items, is_themed
from workers.intake import parse_deliveries

THEMES = tuple(WORDS)
Key = tuple[str, str, str]


class Deliveries(RuleBasedStateMachine):
    """The machine; `database` is set by the test that runs it."""

    database: Database

    @initialize(seed=st.integers(0, 2**31))
    def begin(self, seed: int) -> None:
        self.random = Random(seed)
        self.workspace = factories.workspace(self.database)
        self.context = Context(
            self.database, settings_for(self.database), lambda _: WordHashEncoder(), Clock()
        )
        with self.database.write(workspace=self.workspace) as session:
            self.sources = {
                kind: factories.source(session, self.workspace, kind=kind, name=kind) for kind in KINDS
            }
        self.desks = Desks()
        self.waiting: list[tuple[str, bytes]] = []
        self.sent: list[tuple[str, bytes]] = []
        self.read = 0
        self.letters = 0

    # --- what happens

    def _hear(self) -> None:
        self.waiting += [(kind, body) for kind, _, body in self.desks.told[self.read :]]
        self.read = len(self.desks.told)

    def _alive(self, kind: str | None = None) -> list[Ticket]:
        return [each for each in self.desks.tickets if not each.deleted and kind in (None, each.kind)]

    def _pick(self, data: st.DataObject, found: list[Ticket]) -> Ticket:
        return found[data.draw(st.integers(0, len(found) - 1))]

    @rule(
        kind=st.sampled_from(KINDS),
        person=st.integers(0, 2),
        theme=st.sampled_from(THEMES),
        with_mail=st.booleans(),
        with_id=st.booleans(),
    )
    def open(self, kind: str, person: int, theme: str, with_mail: bool, with_id: bool) -> None:
        self.desks.open(kind, person, theme, with_mail=with_mail, with_id=with_id)
        self._hear()

    @precondition(lambda self: self._alive())
    @rule(
        data=st.data(),
        person=st.integers(0, 2),
        theme=st.sampled_from(THEMES),
        with_mail=st.booleans(),
        with_id=st.booleans(),
    )
    def say(self, data: st.DataObject, person: int, theme: str, with_mail: bool, with_id: bool) -> None:
        ticket = self._pick(data, self._alive())
        self.desks.say(ticket, person, theme, with_mail=with_mail, with_id=with_id)
        self._hear()

    @precondition(lambda self: self._alive())
    @rule(data=st.data(), redact=st.booleans())
    def answer(self, data: st.DataObject, redact: bool) -> None:
        ticket = self._pick(data, self._alive())
        self.desks.answer(ticket)
        if redact and ticket.kind == ZENDESK:
            self.desks.redact_answer(ticket)
        self._hear()

    @precondition(lambda self: any(each.visible for each in self._alive(GENERIC)))
    @rule(data=st.data(), theme=st.sampled_from(THEMES))
    def edit(self, data: st.DataObject, theme: str) -> None:
        ticket = self._pick(data, [each for each in self._alive(GENERIC) if each.visible])
        self.desks.edit(ticket, data.draw(st.sampled_from(ticket.visible)), theme)
        self._hear()

    @precondition(lambda self: self._alive())
    @rule(
        data=st.data(),
        status=st.sampled_from(("open", "pending", "solved", "closed")),
        tag=st.none() | st.sampled_from(("a", "b", "c")),
    )
    def change(self, data: st.DataObject, status: str, tag: str | None) -> None:
        self.desks.change(self._pick(data, self._alive()), status, tag)
        self._hear()

    @precondition(lambda self: any(each.visible for each in self._alive()))
    @rule(data=st.data(), redact=st.booleans())
    def remove(self, data: st.DataObject, redact: bool) -> None:
        ticket = self._pick(data, [each for each in self._alive() if each.visible])
        self.desks.remove(ticket, data.draw(st.sampled_from(ticket.visible)), redact=redact)
        self._hear()

    @precondition(lambda self: self._alive())
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.desks.delete(self._pick(data, self._alive()))
        self._hear()

    def _restorable(self) -> list[Ticket]:
        return [each for each in self.desks.tickets if each.deleted and each.kind == ZENDESK]

    @precondition(lambda self: self._restorable())
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        self.desks.restore(self._pick(data, self._restorable()))
        self._hear()

    @precondition(lambda self: any(len(self._alive(kind)) > 1 for kind in KINDS))
    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        kind = data.draw(st.sampled_from([kind for kind in KINDS if len(self._alive(kind)) > 1]))
        one, other = data.draw(
            st.lists(st.sampled_from(range(len(self._alive(kind)))), min_size=2, max_size=2, unique=True)
        )
        self.desks.merge(self._alive(kind)[one], self._alive(kind)[other])
        self._hear()

    # --- what is told of it

    def _deliver(self, kind: str, body: bytes, *, name: str) -> None:
        with self.database.write(workspace=self.workspace) as session:
            draft = factories.delivery(self.workspace, self.sources[kind], body, name=name, at=NOON)
            deliveries.record(session, drafts=[draft])

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        kind, body = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        self._deliver(kind, body, name=str(hash(body)))
        self.sent.append((kind, body))

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), is_named_alike=st.booleans())
    def repeat(self, data: st.DataObject, is_named_alike: bool) -> None:
        kind, body = self.sent[data.draw(st.integers(0, len(self.sent) - 1))]
        self.letters += 1
        self._deliver(kind, body, name=str(hash(body)) if is_named_alike else f"again {self.letters}")

    @rule()
    def work(self) -> None:
        clock = self.context.clock
        assert isinstance(clock, Clock)
        clock.advance(seconds=1)
        for stage, step in ((Job.INTAKE, parse_deliveries), (Job.EMBED, embed_items)):
            while pieces := self._lease(stage):
                step(self.context, pieces)

    def _lease(self, stage: Job) -> list[Leased]:
        now = self.context.clock()
        with self.database.write(workspace=None) as session:
            return work.lease(session, stage=stage, limit=20, now=now, seconds=60, max_attempts=1)

    # --- what must be stored at the end

    def teardown(self) -> None:
        if not hasattr(self, "desks"):
            return
        self.random.shuffle(self.waiting)
        for kind, body in self.waiting:
            self._deliver(kind, body, name=str(hash(body)))
        self.work()
        for kind, body in self.desks.again():
            self.letters += 1
            self._deliver(kind, body, name=f"again {self.letters}")
        self.work()
        self._check()

    def _check(self) -> None:
        with self.database.read(workspace=self.workspace) as session:
            rows = session.scalars(select(FeedbackItem).where(FeedbackItem.workspace_id == self.workspace))
            kinds = {number: kind for kind, number in self.sources.items()}
            stored = {
                (kinds[row.source_id], row.external_id, row.message_id): row
                for row in rows
                if not row.withdrawn
            }
            vectors = session.execute(
                select(Embedding.item_id, Embedding.item_version).where(
                    Embedding.workspace_id == self.workspace
                )
            )
            embedded = {item: version for item, version in vectors}
        truth = dict(_visible(self.desks))
        assert {key: row.text for key, row in stored.items()} == {
            key: said.text for key, (_, said) in truth.items()
        }
        assert {key: (row.status, row.tags or []) for key, row in stored.items()} == {
            key: (_status(ticket.status), ticket.tags) for key, (ticket, _) in truth.items()
        }
        assert {key: row.ticket_created_at for key, row in stored.items()} == {
            key: moment(ticket.opened) for key, (ticket, _) in truth.items()
        }
        same = people(self.desks)
        _check_people(stored, {key: _person(said, same) for key, (_, said) in truth.items()})
        turns = {key: turn for ticket in self.desks.tickets for key, turn in _turns(ticket, same)}
        assert {key: row.turn for key, row in stored.items()} == {key: turns[key] for key in stored}
        assert embedded == {row.id: row.version for row in stored.values() if is_themed(row)}
        self._check_counted(stored, truth, same, embedded)
        self._check_nothing_is_left()

    def _check_counted(
        self,
        stored: Mapping[Key, FeedbackItem],
        truth: Mapping[Key, tuple[Ticket, Said]],
        same: Mapping[str, str],
        embedded: Mapping[int, int],
    ) -> None:
        placed = {
            key: theme
            for key, row in stored.items()
            if row.id in embedded
            for theme in ("export", "invoice")
            if theme in row.text
        }
        expected: set[Key] = set()
        claims: set[tuple[object, ...]] = set()
        known = {
            (key[:2], placed[key])
            for key, (_, said) in truth.items()
            if key in placed and said.names and stored[key].kind is Kind.COMPLAINT
        }
        for key, (ticket, said) in sorted(truth.items(), key=lambda each: each[1][1].at):
            if key not in placed or stored[key].kind is not Kind.COMPLAINT:
                continue
            claim = (key[:2], placed[key], _person(said, same))
            is_first = claim not in claims and (bool(said.names) or claim[:2] not in known)
            if is_first and standing_for(self.desks, ticket) is ticket:
                claims.add(claim)
                expected.add(key)
        assert self._counted(stored, placed) == expected

    def _counted(self, stored: Mapping[Key, FeedbackItem], placed: Mapping[Key, str]) -> set[Key]:
        """Place items in themes by their words, count all days, and return what is counted."""
        zone = ZoneInfo("UTC")
        days = {row.ticket_created_at.date() for row in stored.values()}
        with self.database.write(workspace=self.workspace) as session:
            for number, theme in enumerate(("export", "invoice"), 1):
                made = factories.theme(session, self.workspace, number)
                items = [stored[key].id for key, where in placed.items() if where == theme]
                factories.assign(session, self.workspace, items, made)
                if days:
                    counts.recompute(session, workspace=self.workspace, theme=made, days=days, zone=zone)
            counted = set(
                session.scalars(
                    select(FeedbackItem.id).where(
                        FeedbackItem.workspace_id == self.workspace, FeedbackItem.counted
                    )
                )
            )
        return {key for key, row in stored.items() if row.id in counted}

    def _check_nothing_is_left(self) -> None:
        gone = {said.text for ticket in self.desks.tickets if ticket.deleted for said in ticket.messages}
        marks = {words.rpartition(" ")[2].strip(".") for words in gone.union(self.desks.lost_words)}
        with self.database.read(workspace=self.workspace) as session:
            columns = "subject", "text", "removed"
            found = [
                str(value)
                for column in columns
                for value in session.scalars(
                    text(f"SELECT {column} FROM feedback_item WHERE workspace_id = {self.workspace}")
                )
            ]
            state = f"SELECT attributes FROM ticket_state WHERE workspace_id = {self.workspace}"
            found += map(str, session.scalars(text(state)))
            index = "content" if self.database.is_sqlite else "document::text"
            of_items = f"SELECT id FROM feedback_item WHERE workspace_id = {self.workspace}"
            key = "rowid" if self.database.is_sqlite else "item_id"
            search = f"SELECT {index} FROM feedback_search WHERE {key} IN ({of_items})"
            found += map(str, session.scalars(text(search)))
        stored = "\n".join(found)
        assert [mark for mark in marks if mark in stored] == []


def _visible(desks: Desks) -> Iterator[tuple[Key, tuple[Ticket, Said]]]:
    for ticket in desks.tickets:
        for said in ticket.visible:
            yield (ticket.kind, ticket.id, said.id), (ticket, said)


def _status(word: str) -> str:
    return "resolved" if word == "solved" else word


def _person(said: Said, same: Mapping[str, str]) -> str | None:
    return same[min(said.names)] if said.names else None


def _check_people(stored: Mapping[Key, FeedbackItem], wanted: Mapping[Key, str | None]) -> None:
    """Two messages have one person where they can be known to be of the same."""
    numbers = {key: row.person_id for key, row in stored.items()}
    assert {key for key, number in numbers.items() if number is None} == {
        key for key, person in wanted.items() if person is None
    }
    pairs = {(numbers[key], person) for key, person in wanted.items()}
    assert len(pairs) == len(set(numbers.values())) == len(set(wanted.values()))


def _turns(ticket: Ticket, same: Mapping[str, str]) -> Iterator[tuple[Key, Turn]]:
    """Say what place each message of a ticket has; a message that is gone keeps its own."""
    spoke: set[str | None] = {None}
    opener: str | None = None
    for place, said in enumerate(sorted(ticket.messages, key=lambda said: said.at)):
        person = _person(said, same)
        turn = Turn.FOLLOWS
        if place == 0:
            turn, opener = Turn.OPENS, person
        elif opener is not None and person not in spoke:
            turn = Turn.JOINS
        spoke.add(person)
        yield (ticket.kind, ticket.id, said.id), turn


def run(database: Database, *, examples: int, steps: int) -> None:
    machine = type("Machine", (Deliveries,), {"database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )


def test_what_is_stored_is_what_happened(sqlite: Database) -> None:
    run(sqlite, examples=50, steps=40)


def test_what_is_stored_is_what_happened_on_postgres(postgres: Database) -> None:
    run(postgres, examples=8, steps=30)


@pytest.mark.slow
def test_what_is_stored_is_what_happened_many_times(database: Database) -> None:
    # About six minutes each on a core of its own.
    run(database, examples=200 if database.is_sqlite else 80, steps=60)
