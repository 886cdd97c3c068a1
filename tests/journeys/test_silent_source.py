"""A source that dies at a release: no verdict, at any look, takes its silence for fewer complaints."""

from datetime import timedelta

from sqlalchemy import delete, select

from models.jobs import Chore
from models.queries import impact
from models.records import SourceSilence, Verdict
from models.values.verdicts import Word
from tests import year
from tests.journeys.following import theme_about, verdicts_of
from tests.journeys.test_ticket_to_verdict import Journey, journey
from tests.steps import connect, post_entry, unfinished, walk
from workers.schedule import run_chore

__all__ = ["journey"]

MAIL = "invoice"
"""The problem that a second source tells of, which goes on."""


def look(journey: Journey) -> None:
    """Let an hour's chores and all work be done."""
    journey.clock.advance(hours=1)
    walk(journey.context)
    assert run_chore(journey.context, Chore.WATCH, announce=lambda _: None)
    walk(journey.context)


def deliver(journey: Journey, tickets: list[year.Ticket], address: str, secret: str) -> None:
    for start in range(0, len(tickets), 50):
        entries = {"items": [ticket.row for ticket in tickets[start : start + 50]]}
        answer = post_entry(journey.client, address, entries, secret, now=journey.clock())
        assert answer.status_code == 202


def test_a_source_that_dies_at_the_release_is_never_called_a_fall(journey: Journey) -> None:
    client, clock = journey.client, journey.clock
    tickets = year.tickets(factor=1.0)
    truth = {ticket.row["id"]: ticket.problem for ticket in tickets}
    desk, mail = connect(client), connect(client, name="mail")
    early = [ticket for ticket in tickets if ticket.at < year.RELEASED]
    clock.now = year.RELEASED - timedelta(hours=2)
    deliver(journey, [each for each in early if each.problem != MAIL], *desk)
    deliver(journey, [each for each in early if each.problem == MAIL], *mail)
    walk(journey.context)
    sent = {
        "name": "2.0",
        "key": "v2",
        "released_at": year.RELEASED.isoformat(),
        "features": [{"title": year.FEATURE[0], "body": year.FEATURE[1]}],
    }
    release = client.post("/v1/releases", json=sent).json()
    wanted = theme_about(client, "export", truth)
    link = {"feature": release["features"][0], "theme": wanted}
    made = client.post("/v1/links", json=link)
    assert made.status_code == 201, made.text
    client.post(f"/v1/links/{made.json()['id']}/confirm")

    # From the release on the desk is silent; the mail goes on as ever.
    late = [ticket for ticket in tickets if ticket.at >= year.RELEASED and ticket.problem == MAIL]
    day = year.RELEASED
    while day < year.END - timedelta(days=1):
        following = day + timedelta(days=7)
        clock.now = following
        deliver(journey, [each for each in late if day <= each.at < following], *mail)
        look(journey)
        day = following
    assert unfinished(journey.database, now=clock()) == []

    (verdict,) = verdicts_of(client, release["id"], wanted)
    assert verdict["verdict"] in ("cannot_tell", "too_early")
    (check,) = [each for each in verdict["checks"] if each["code"] == "silence"]
    assert "desk" in check["sentence"]
    with journey.database.read(workspace=1) as session:
        rows = list(session.scalars(select(Verdict)))
    assert len(rows) >= 3
    assert not [row for row in rows if row.word in (Word.FELL, Word.UNCHANGED)]
    (alert,) = client.get("/v1/alerts").json()["items"]
    assert alert["reason"].startswith("desk has brought no new ticket since")
    trend = client.get(f"/v1/themes/{wanted}/trend", params={"period": "week"}).json()["points"]
    after = [each for each in trend if each["start"] > year.RELEASED.date().isoformat()]
    assert after
    assert all(each["complaints"] is None for each in after if each["complete"])

    # It is the marks that hold it back: without them the same tickets are called a fall.
    with journey.database.write(workspace=1) as session:
        session.execute(delete(SourceSilence))
        impact.mark_releases(session, workspace=1, since=year.START.date(), now=clock())
    walk(journey.context)
    (verdict,) = verdicts_of(client, release["id"], wanted)
    assert verdict["verdict"] == "fell"

    # With them back, and the desk's tickets fetched after all, it is judged on what was said.
    look(journey)
    deliver(journey, [t for t in tickets if t.at >= year.RELEASED and t.problem != MAIL], *desk)
    look(journey)
    (verdict,) = verdicts_of(client, release["id"], wanted)
    assert verdict["verdict"] in ("unchanged", "inconclusive")
    assert client.get("/v1/alerts").json()["items"] == []
