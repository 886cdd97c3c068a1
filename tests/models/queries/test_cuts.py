"""Trends cut by source, channel, kind and plan: the same rule as daily counts, days of the zone, accounts once."""

from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from models.database import Database, Session
from models.queries import accounts, counts, cuts
from models.queries.cuts import Cut, Voice
from models.records import FeedbackItem
from models.values.feedback import AuthorRole
from models.values.kinds import Kind
from tests import factories
from tests.clock import NOON
from tests.query_world import ZONE

TODAY = NOON.date()


@pytest.fixture
def session(database: Database, workspace: int) -> Iterator[Session]:
    with database.write(workspace=workspace) as found:
        yield found


def voices(
    session: Session, workspace: int, theme: int, *, zone: ZoneInfo = ZONE, since: date = TODAY, days: int = 1,
    **cut: object,
) -> list[Voice]:  # fmt: skip
    return cuts.voices(
        session, workspace=workspace, theme=theme, cut=Cut(**cut), zone=zone,  # type: ignore[arg-type]
        since=since, until=since + timedelta(days=days),
    )  # fmt: skip


def total(found: list[Voice]) -> int:
    return sum(each.count for each in found)


def mixed(session: Session, workspace: int) -> tuple[int, list[int]]:
    """Complaints through two sources and channels, of three people and of nobody known, one of whom follows up."""
    desk, chat = (factories.source(session, workspace, name=name) for name in ("desk", "chat"))
    later = NOON + timedelta(hours=1)
    rows = [
        (desk, "1", "0", "ann", "mail", "team", Kind.COMPLAINT, NOON),
        (desk, "1", "1", "ann", "mail", "team", Kind.COMPLAINT, later),
        (desk, "1", "2", None, "mail", "team", Kind.COMPLAINT, later),
        (desk, "2", "0", "bob", "phone", None, Kind.COMPLAINT, NOON),
        (chat, "1", "0", "ann", "chat", "team", Kind.COMPLAINT, NOON),
        (chat, "2", "0", None, "chat", "free", Kind.COMPLAINT, NOON),
        (chat, "3", "0", "cid", "chat", "free", Kind.REQUEST, NOON),
        (chat, "3", "1", "cid", "chat", "free", Kind.REQUEST, later),
    ]
    items = [
        factories.item(
            session, workspace, source, external_id=ticket, message_id=message, person=person, channel=channel,
            plan=plan, kind=kind, created_at=at, account_key="acme" if person == "ann" else None,
        )
        for source, ticket, message, person, channel, plan, kind, at in rows
    ]  # fmt: skip
    theme = factories.theme(session, workspace, 1)
    factories.assign(session, workspace, items, theme)
    counts.recompute(session, workspace=workspace, theme=theme, days={TODAY}, zone=ZONE)
    session.flush()
    return theme, [desk, chat]


def test_without_a_cut_voices_are_what_daily_counts_hold(session: Session, workspace: int) -> None:
    theme, _ = mixed(session, workspace)
    whole, people = counts.daily_of(session, workspace=workspace, theme=theme, segment=counts.ALL)
    found = voices(session, workspace, theme)
    assert total(found) == whole[TODAY] == 4
    assert len({each.person for each in found}) == people[TODAY] == 3
    plans = [
        counts.daily_of(session, workspace=workspace, theme=theme, segment=f"plan:{p}")[0]
        for p in ("team", "free")
    ]
    assert [total(voices(session, workspace, theme, segment=f"plan:{p}")) for p in ("team", "free")] == [
        plan[TODAY] for plan in plans
    ]


def test_sources_and_channels_add_up_to_the_whole(session: Session, workspace: int) -> None:
    theme, sources = mixed(session, workspace)
    by_source = [total(voices(session, workspace, theme, source=source)) for source in sources]
    by_channel = [
        total(voices(session, workspace, theme, channel=name)) for name in ("mail", "phone", "chat")
    ]
    assert (by_source, by_channel) == ([2, 2], [1, 1, 2])
    assert total(voices(session, workspace, theme, source=sources[1], segment="plan:free")) == 1
    assert voices(session, workspace, theme, channel="fax") == []


def test_another_kind_counts_the_first_message_of_a_person_in_a_ticket(
    session: Session, workspace: int
) -> None:
    theme, sources = mixed(session, workspace)
    assert total(voices(session, workspace, theme, kind=Kind.REQUEST)) == 1
    assert total(voices(session, workspace, theme, kind=Kind.REQUEST, source=sources[0])) == 0
    assert voices(session, workspace, theme, kind=Kind.PRAISE) == []


def test_accounts_carry_their_arr(session: Session, workspace: int) -> None:
    theme, _ = mixed(session, workspace)
    accounts.put_account(
        session, workspace=workspace, key="acme", name=None, plan=None, segment=None, arr_usd=9000.0, created_at=None
    )  # fmt: skip
    found = voices(session, workspace, theme)
    assert {(each.account, each.arr_usd) for each in found} == {("acme", 9000.0), (None, None)}


def test_what_is_withdrawn_left_out_or_moved_away_is_in_no_cut(session: Session, workspace: int) -> None:
    source = factories.source(session, workspace)
    names = ("stays", "withdrawn", "excluded", "bot", "merged", "moved")
    items = {
        name: factories.item(session, workspace, source, external_id=name, person=name) for name in names
    }
    rows = {name: session.get_one(FeedbackItem, item) for name, item in items.items()}
    rows["withdrawn"].withdrawn = True
    rows["excluded"].excluded_by = "no chat"
    rows["bot"].author_role = AuthorRole.BOT
    rows["merged"].merged_into = "stays"
    here, elsewhere = (factories.theme(session, workspace, number) for number in (1, 2))
    factories.assign(session, workspace, [item for name, item in items.items() if name != "moved"], here)
    factories.assign(session, workspace, [items["moved"]], elsewhere)
    assert total(voices(session, workspace, here)) == 1
    assert total(voices(session, workspace, elsewhere)) == 1


def test_a_merged_themes_past_is_the_standing_ones(session: Session, workspace: int) -> None:
    source = factories.source(session, workspace)
    item = factories.item(session, workspace, source, person="ann")
    standing = factories.theme(session, workspace, 1)
    old = factories.theme(session, workspace, 2, into=standing)
    factories.assign(session, workspace, [item], old)
    assert total(voices(session, workspace, standing)) == 1


@pytest.mark.parametrize(("zone", "day"), [("Asia/Kolkata", 2), ("UTC", 1), ("America/New_York", 1)])
def test_days_are_those_of_the_zone(session: Session, workspace: int, zone: str, day: int) -> None:
    """At 18:40 UTC on 1 June it is ten past midnight on 2 June in Kolkata."""
    source = factories.source(session, workspace)
    at = NOON.replace(hour=18, minute=40)
    item = factories.item(session, workspace, source, at=at, person="ann")
    theme = factories.theme(session, workspace, 1)
    factories.assign(session, workspace, [item], theme)
    named = {"zone": ZoneInfo(zone)}
    assert [each.day.day for each in voices(session, workspace, theme, **named, days=9)] == [day]  # type: ignore[arg-type]
    assert len(voices(session, workspace, theme, **named, since=date(2026, 6, day))) == 1  # type: ignore[arg-type]
    assert voices(session, workspace, theme, **named, since=date(2026, 6, 3 - day)) == []  # type: ignore[arg-type]
