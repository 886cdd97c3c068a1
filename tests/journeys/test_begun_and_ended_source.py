"""A file that ends after a release, and a tool that is connected at one: neither is told as complaints that changed."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from models.records import Verdict
from models.values.verdicts import Word
from service.cli import run
from tests import year
from tests.journeys.following import theme_about, verdicts_of
from tests.journeys.test_silent_source import MAIL, deliver, look
from tests.journeys.test_ticket_to_verdict import Journey, journey
from tests.steps import connect, unfinished, walk

__all__ = ["journey"]

NOTHING_HAPPENED = ("unchanged", "inconclusive")


def bring(journey: Journey, tickets: list[year.Ticket], *, name: str) -> None:
    """Import tickets into the source of this name."""
    path = journey.folder / f"{name}.jsonl"
    path.write_text(year.jsonl(tickets), encoding="utf-8")
    assert run(["import", str(path), "--source", name]) == 0


def released(journey: Journey, tickets: list[year.Ticket]) -> tuple[str, str]:
    """Ship the feature, confirm its link to the theme of exports; return both ids."""
    client = journey.client
    feature = {"title": year.FEATURE[0], "body": year.FEATURE[1]}
    sent = {"name": "2.0", "key": "v2", "released_at": year.RELEASED.isoformat(), "features": [feature]}
    release = client.post("/v1/releases", json=sent).json()
    wanted = theme_about(client, "export", {ticket.row["id"]: ticket.problem for ticket in tickets})
    made = client.post("/v1/links", json={"feature": release["features"][0], "theme": wanted})
    assert made.status_code == 201, made.text
    client.post(f"/v1/links/{made.json()['id']}/confirm")
    return release["id"], wanted


def words(journey: Journey) -> set[Word]:
    """Return every word that was ever said, at any look."""
    with journey.database.read(workspace=1) as session:
        return set(session.scalars(select(Verdict.word)))


def coverage_of(verdict: dict[str, Any]) -> list[str]:
    return [str(check["sentence"]) for check in verdict["checks"] if check["code"] == "coverage"]


def to_the_end(journey: Journey, *sources: tuple[list[year.Ticket], tuple[str, str]]) -> None:
    """Let tools deliver from the release to the end, read at each look, with all that follows from it."""
    start = year.RELEASED
    for days in (18, 32, 60, 70):
        journey.clock.now = until = year.RELEASED + timedelta(days=days)
        for tickets, source in sources:
            deliver(journey, [each for each in tickets if start <= each.at < until], *source)
        look(journey)
        start = until
    assert unfinished(journey.database, now=journey.clock()) == []


def test_a_file_that_ends_three_weeks_after_the_release_is_never_called_a_fall(journey: Journey) -> None:
    client, clock = journey.client, journey.clock
    tickets = year.tickets(factor=1.0)
    others = [ticket for ticket in tickets if ticket.problem != MAIL]
    mails = [ticket for ticket in tickets if ticket.problem == MAIL]
    end = year.RELEASED + timedelta(weeks=3)
    clock.now = year.RELEASED - timedelta(hours=2)
    mail = connect(client, name="mail")
    deliver(journey, [ticket for ticket in mails if ticket.at < clock.now], *mail)
    bring(journey, [ticket for ticket in others if ticket.at < clock.now], name="history")
    walk(journey.context)
    release, theme = released(journey, tickets)
    # What is exported three weeks later is all that comes of the other problems; the mail goes on as ever.
    clock.now = end
    bring(journey, [ticket for ticket in others if ticket.at < end], name="history")
    to_the_end(journey, (mails, mail))

    (verdict,) = verdicts_of(client, release, theme)
    assert verdict["verdict"] == "cannot_tell"
    assert "source_gap" in verdict["reasons"]
    (sentence,) = coverage_of(verdict)
    assert "a source begins or ends within the rest: history (from 2025-09-01 until 2026-02-2" in sentence
    assert words(journey) <= {Word.CANNOT_TELL, Word.TOO_EARLY}

    # Exported to its end, it is judged on what was said.
    bring(journey, others, name="history")
    look(journey)
    (verdict,) = verdicts_of(client, release, theme)
    assert verdict["verdict"] in NOTHING_HAPPENED
    assert coverage_of(verdict) == []


def test_a_tool_that_is_connected_at_the_release_is_never_called_a_rise(journey: Journey) -> None:
    client, clock = journey.client, journey.clock
    tickets = year.tickets(factor=1.0)
    clock.now = year.RELEASED - timedelta(hours=2)
    desk = connect(client)
    deliver(journey, [ticket for ticket in tickets if ticket.at < clock.now], *desk)
    walk(journey.context)
    release, theme = released(journey, tickets)
    # A second tool of the company is connected, and tells of the same problems.
    reviews = connect(client, name="reviews")
    second = year.tickets(factor=1.0, seed=6)
    to_the_end(journey, (tickets, desk), (second, reviews))

    (verdict,) = verdicts_of(client, release, theme)
    assert verdict["verdict"] == "cannot_tell"
    assert "reviews (from 2026-02-02)" in coverage_of(verdict)[0]
    assert words(journey) <= {Word.CANNOT_TELL, Word.TOO_EARLY}
    # Its history is fetched as well: then both were there before and after.
    before = [ticket for ticket in second if ticket.at < year.RELEASED]
    bring(journey, before, name="reviews")
    look(journey)
    (verdict,) = verdicts_of(client, release, theme)
    assert verdict["verdict"] in NOTHING_HAPPENED
    assert coverage_of(verdict) == []
