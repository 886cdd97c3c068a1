"""What tools tell of one message by several events is stored alike in whatever order the events come, and how often."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from models.database import Database, Session
from models.jobs import Job
from models.queries import people
from models.records import FeedbackItem, Source, Work
from models.sources.reading import read_changes
from models.values.feedback import AuthorRole, Turn
from tests import factories
from tests.models.sources.examples import NOW, payload_of
from workers.apply import Origin, apply, prepare

LATER = NOW + timedelta(days=1)
"""When all of it is delivered: after everything that it tells."""


@dataclass(frozen=True, slots=True)
class Event:
    """One call of a tool."""

    body: dict[str, Any]
    headers: tuple[tuple[str, str], ...] = ()


def deliver(session: Session, workspace: int, source: int, events: Sequence[Event]) -> None:
    row = session.get_one(Source, source)
    for event in events:
        changes = read_changes(
            row.kind,
            json.dumps(event.body).encode(),
            headers=dict(event.headers),
            settings=row.settings,
            received_at=LATER,
        )
        for change in changes:
            apply(session, Origin(workspace, row, LATER, LATER), prepare(change))  # type: ignore[arg-type]


def stored(session: Session, source: int) -> dict[str, str]:
    """Return the texts of a source that stand, by message."""
    query = select(FeedbackItem).where(FeedbackItem.source_id == source, FeedbackItem.withdrawn.is_(False))
    return {row.message_id: row.text for row in session.scalars(query)}


def in_any_order(
    database: Database, workspace: int, kind: str, events: Sequence[Event], wanted: dict[str, str]
) -> None:
    for order in permutations(events):
        with database.write(workspace=workspace) as session:
            source = factories.source(session, workspace, kind=kind, name=f"{kind} {id(order)}")
            deliver(session, workspace, source, order)
            assert stored(session, source) == wanted, [events.index(event) for event in order]
            deliver(session, workspace, source, order)
            assert stored(session, source) == wanted, "twice"


def at(second: int) -> str:
    return f"2026-03-02T09:15:{second:02}.000Z"


# --- Help Scout ---------------------------------------------------------------------------------------------

CONVERSATION = payload_of("helpscout.convo_customer_reply")
THREAD = CONVERSATION["_embedded"]["threads"][0]


def helpscout(name: str, text: str, **conversation: object) -> Event:
    body = {**CONVERSATION, **conversation, "_embedded": {"threads": [{**THREAD, "body": text}]}}
    return Event(body, (("X-HelpScout-Event", name),))


def test_the_text_of_the_newest_conversation_stands(database: Database, workspace: int) -> None:
    closed = {"closedAt": at(10), "status": "closed"}
    waits = {"customerWaitingSince": {"time": at(20)}}
    events = [
        helpscout("convo.customer.reply.created", "The invite never arrives."),
        helpscout("convo.status", "The invite mail never arrives.", **closed),
        helpscout("convo.tags", "The invite mail never arrives here.", **waits),
    ]
    in_any_order(database, workspace, "helpscout", events, {"60002": "The invite mail never arrives here."})


def test_a_preview_never_replaces_the_whole_text(database: Database, workspace: int) -> None:
    opening = {**THREAD, "id": 60000, "createdAt": CONVERSATION["createdAt"]}
    whole = "Cannot invite anybody. The mail never arrives."
    preview = {**CONVERSATION, "_embedded": {}, "preview": "Cannot invite anybody. The"}
    events = [
        Event(preview, (("X-HelpScout-Event", "convo.created"),)),
        Event(
            {**CONVERSATION, "_embedded": {"threads": [{**opening, "body": whole}]}},
            (("X-HelpScout-Event", "convo.created"),),
        ),
    ]
    in_any_order(database, workspace, "helpscout", events, {"0": whole})


# --- Discourse ----------------------------------------------------------------------------------------------

POST = payload_of("discourse.post_created")["post"]


def discourse(name: str, second: int, text: str = "Charts are unreadable.", **post: object) -> Event:
    body = {"post": {**POST, "raw": text, "updated_at": at(second), **post}}
    return Event(body, (("X-Discourse-Event", name), ("X-Discourse-Event-Id", f"{name} {second}")))


@pytest.mark.parametrize(("number", "message"), [(1, "0"), (2, "4101")])
def test_a_post_that_was_hidden_goes_and_comes_back_with_its_edit(
    database: Database, workspace: int, number: int, message: str
) -> None:
    told = [
        discourse("post_created", 1, post_number=number),
        discourse("post_edited", 2, post_number=number, hidden=True),
        discourse("post_edited", 3, "Charts are dark.", post_number=number),
    ]
    in_any_order(database, workspace, "discourse", told[:2], {})
    in_any_order(database, workspace, "discourse", told, {message: "Charts are dark."})
    again = [*told, discourse("post_edited", 4, post_number=number, hidden=True)]
    in_any_order(database, workspace, "discourse", again, {})


# --- Linear -------------------------------------------------------------------------------------------------

NEED, ISSUE = payload_of("linear.customer_need_create"), payload_of("linear.issue_create")


def linear(base: dict[str, Any], second: int, before: dict[str, object], **data: object) -> Event:
    body = {**base, "action": "update", "createdAt": at(second), "updatedFrom": before}
    return Event({**body, "data": {**base["data"], "updatedAt": at(second), **data}})


@pytest.mark.parametrize(("base", "field"), [(NEED, "body"), (ISSUE, "description")], ids=["need", "issue"])
def test_words_that_were_taken_away_are_gone(
    database: Database, workspace: int, base: dict[str, Any], field: str
) -> None:
    told = [
        Event(base),
        linear(base, 10, {field: "old"}, **{field: "Retries are invisible to us."}),
        linear(base, 20, {field: "Retries are invisible to us."}, **{field: None}),
    ]
    in_any_order(database, workspace, "linear", told[:2], {"0": "Retries are invisible to us."})
    in_any_order(database, workspace, "linear", told, {"0": ""})


# --- Jira ---------------------------------------------------------------------------------------------------

JIRA_COMMENT = {
    "id": "20001",
    "author": {"accountId": "5b000000", "accountType": "customer"},
    "body": "Still slow.",
    "created": at(1),
}


def jira(name: str, second: int, *, public: bool, updated: int | None = None, later: int = 0) -> Event:
    moment = datetime.fromisoformat(at(second)).timestamp() * 1000
    held = {**JIRA_COMMENT, "updated": at(second if updated is None else updated), "jsdPublic": public}
    fields = {"summary": "Slow", "updated": at(second + later)}
    return Event(
        {
            "timestamp": int(moment),
            "webhookEvent": name,
            "comment": held,
            "issue": {"id": "10471", "fields": fields},
        }
    )


@pytest.mark.parametrize("moves", [True, False], ids=["the comment's time moves", "it does not"])
def test_the_newest_visibility_of_a_comment_holds(database: Database, workspace: int, moves: bool) -> None:
    def edited(second: int, *, public: bool) -> Event:
        return jira("comment_updated", second, public=public, updated=None if moves else 1)

    told = [
        jira("comment_created", 1, public=True),
        edited(2, public=False),
        edited(3, public=True),
        edited(4, public=False),
    ]
    in_any_order(database, workspace, "jira", told[:2], {})
    in_any_order(database, workspace, "jira", told[:3], {"20001": "Still slow."})
    in_any_order(database, workspace, "jira", told, {})


def test_an_issue_that_changed_since_does_not_make_its_comment_newer(
    database: Database, workspace: int
) -> None:
    """An event may show the issue as it was a moment later, when the comment was internal already."""
    told = [
        jira("comment_created", 1, public=True),
        jira("comment_updated", 2, public=True, later=5),
        jira("comment_updated", 3, public=False),
    ]
    in_any_order(database, workspace, "jira", told, {})


# --- Zendesk ------------------------------------------------------------------------------------------------

TICKET = payload_of("zendesk.event_ticket_created")
ANN, BOB = "8800000000101", "8800000000102"


def zendesk(kind: str, second: int, event: dict[str, Any] | None = None, **detail: object) -> Event:
    body = {**TICKET, "id": f"event-{second}", "time": at(second), "type": f"zen:event-type:{kind}"}
    return Event({**body, "event": event or {}, "detail": {**TICKET["detail"], **detail}})


def comment(number: str, author: str) -> dict[str, Any]:
    said = {"id": number, "body": f"Still wrong for {author}.", "is_public": True}
    return {"comment": {**said, "author": {"id": author, "is_staff": False}}}


def test_a_ticket_is_its_newest_requesters(database: Database, workspace: int) -> None:
    told = [
        zendesk("ticket.created", 1),
        zendesk("ticket.comment_added", 2, comment("950", ANN)),
        zendesk("ticket.requester_changed", 3, {"current": BOB, "previous": ANN}, requester_id=BOB),
        zendesk("ticket.comment_added", 4, comment("951", BOB), requester_id=BOB),
    ]
    for order in permutations(told):
        with database.write(workspace=workspace) as session:
            source = factories.source(session, workspace, kind="zendesk", name=f"zendesk {id(order)}")
            deliver(session, workspace, source, order)
            deliver(session, workspace, source, order)
            rows = session.scalars(select(FeedbackItem).where(FeedbackItem.source_id == source)).all()
            found = {row.message_id: row for row in rows}
            (ann,), (bob,) = (
                people.persons_of(session, workspace=workspace, identity=f"{source}:{name}")
                for name in (ANN, BOB)
            )
            numbers = [told.index(event) for event in order]
            assert {name: row.person_id for name, row in found.items()} == {
                "0": bob,
                "950": ann,
                "951": bob,
            }, numbers
            assert found["0"].text == TICKET["detail"]["description"]
            # Who hears of the ticket only after it was handed on cannot know that its requester wrote it.
            is_told_in_time = numbers.index(0) < min(numbers.index(2), numbers.index(3))
            assert found["0"].author_role is AuthorRole.CUSTOMER or not is_told_in_time
            turns = {name: row.turn for name, row in found.items()}
            assert turns == {"0": Turn.OPENS, "950": Turn.JOINS, "951": Turn.FOLLOWS}, numbers


def test_a_ticket_that_is_handed_on_has_its_day_counted_anew(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace, kind="zendesk")
        deliver(session, workspace, source, [zendesk("ticket.created", 1)])
        item = session.scalars(select(FeedbackItem.id)).one()
        theme = factories.theme(session, workspace, 1)
        factories.assign(session, workspace, [item], theme)
        changed = zendesk("ticket.requester_changed", 3, {"previous": ANN}, requester_id=BOB)
        deliver(session, workspace, source, [changed])
        counted = session.scalars(select(Work.subject).where(Work.stage == Job.COUNT)).all()
        assert counted == [theme]
