"""The page of trends: what it says of movements, of what no theme holds, and to whom."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from models.database import Database
from models.queries import access, accounts
from models.records import FeedbackItem, Theme, ThemeState
from models.settings import Settings
from models.values.movements import Movement, MovementReason, Outcome, Span
from models.values.roles import Role
from service import movement_words
from service.app import create_app
from service.console import trends_page
from service.movements import Row
from tests import factories, moving_world
from tests.clock import NOON
from tests.console_site import read, total_of
from tests.moving_world import World, add, expose


@pytest.fixture
def world(sqlite: Database) -> World:
    workspace = factories.workspace(sqlite)
    return moving_world.build(sqlite, workspace)


def browse(database: Database, workspace: int, role: Role = Role.VIEWER) -> TestClient:
    app = create_app(Settings(), database=database, clock=lambda: NOON)
    client = TestClient(app, base_url="http://127.0.0.1:8000")
    user = factories.user(database, workspace, role=role)
    with database.write(workspace=workspace) as session:
        token = access.create_sign_in(session, workspace=workspace, user=user, now=NOON, minutes=60)
    assert client.get(f"/sign-in?token={token}", follow_redirects=False).status_code == 303
    return client


@pytest.fixture
def page(sqlite: Database, world: World) -> TestClient:
    return browse(sqlite, world.workspace)


def test_movements_windows_and_the_sentence_about_adding_up(page: TestClient) -> None:
    text = read(page, "/trends").text
    for part in (
        "in 27 Apr – 24 May 2026 against its own 26 weeks before (27 Oct 2025 – 26 Apr 2026)",
        "Growing ×3 on its own baseline, beyond its usual ups and downs.",
        "Fading −92% on its own baseline",
        "First seen on 20 Apr 2026; 12 complaints since. It has no past to be compared with.",
        "5 complaints in these 4 weeks, after 20 weeks without any",
        "Within its usual ups and downs: neither doubled nor halved.",
        "Too few complaints to compare: 1 in both windows together.",
        "3 themes were tested; among those called growing or fading at most 10% are expected to be called wrongly.",
        "That does not hold for themes that swing for months by themselves: in simulation 14%",
        "A movement is not a verdict on a release.",
        "accounts and ARR never add up over themes",
        "counts are compared and not rates",
    ):
        assert part in text, part


def test_movements_wear_no_colour_of_a_verdict(page: TestClient) -> None:
    html = page.get("/trends").text
    for movement in Movement:
        assert trends_page.LABEL[movement] in html
        assert f'class="badge {movement}"' not in html
    for word in ("fell", "rose", "unchanged", "cannot_tell"):
        assert f'class="badge {word}"' not in html


def test_every_count_opens_to_its_tickets(page: TestClient) -> None:
    shown = read(page, "/trends")
    addresses = shown.hrefs("/feedback?")
    assert len(addresses) == 6
    counts = [total_of(page, address) for address in addresses if "stated=0" not in address]
    assert counts == [70, 24, 10, 5, 2]


def test_shares_in_no_theme_stand_on_the_page_with_a_warning(sqlite: Database, world: World) -> None:
    with sqlite.write(workspace=world.workspace) as session:
        add(session, world.workspace, world.source, [0] * 36 + [6, 6, 6, 6], theme=None, name="loose")
        add(session, world.workspace, world.source, [1] * 40, theme=None, name="fremd", language="de")
    expose(sqlite, world.workspace)
    text = read(browse(sqlite, world.workspace), "/trends").text
    assert "In no theme 20% 28 of 139 complaints; 5% in the 26 weeks before" in text
    assert "In unsupported languages 3% 4 of 139 complaints; 5% in the 26 weeks before" in text
    assert "rose from 5% to 20% of all, about 21 more than before, while fading themes lost 22" in text
    assert "→ 2.78" in text


def test_a_filter_and_another_length(page: TestClient) -> None:
    only = read(page, "/trends?shown=new&weeks=8")
    assert [address for address in only.hrefs("/themes/")] == ["/themes/th_4"]
    assert "Last 8 weeks" in only.text
    none = read(page, "/trends?shown=growing&weeks=13").text
    assert "No theme moved so." in none or "Growing" in none
    assert page.get("/trends?shown=up").status_code == 422
    assert page.get("/trends?weeks=5").status_code == 422


def test_leaders_get_no_small_weeks_no_tickets_and_no_shares(sqlite: Database, world: World) -> None:
    leader = browse(sqlite, world.workspace, Role.AGGREGATE_ONLY)
    shown = read(leader, "/trends")
    assert shown.hrefs("/feedback") == []
    assert "Growing ×3" in shown.text
    assert "Fading" not in shown.text.replace("fading", "")
    assert "your role does not see them" in shown.text
    assert "In no theme" not in shown.text
    assert "is not shown to callers who may see aggregates only" in shown.text


def test_a_themes_page_tells_who_stands_behind_it_each_once(sqlite: Database, world: World) -> None:
    with sqlite.write(workspace=world.workspace) as session:
        for key, arr in (("acme", 9000.0), ("blot", None)):
            accounts.put_account(
                session, workspace=world.workspace, key=key, name=None, plan=None, segment=None, arr_usd=arr,
                created_at=None,
            )  # fmt: skip
        last = FeedbackItem.external_id.like("growing-39-%")
        session.execute(update(FeedbackItem).where(last).values(account_key="acme"))
        session.execute(
            update(FeedbackItem).where(FeedbackItem.external_id == "growing-38-0").values(account_key="blot")
        )
    address = f"/themes/th_{world.themes['growing']}"
    shown = read(browse(sqlite, world.workspace), address).text
    assert "70 people · 2 accounts · $9 000 a year, 1 unknown" in shown
    assert "do not add them, or ARR, up over weeks or themes" in shown
    leader = read(browse(sqlite, world.workspace, Role.AGGREGATE_ONLY), address).text
    assert "Behind the last 4 weeks" not in leader


def test_before_the_first_ticket_and_the_first_whole_week(sqlite: Database) -> None:
    workspace = factories.workspace(sqlite)
    client = browse(sqlite, workspace)
    assert client.get("/trends").status_code == 200
    with sqlite.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        factories.item(session, workspace, source)
    assert "No week is complete yet." in read(client, "/trends").text


def row(reason: MovementReason, **numbers: object) -> Row:
    theme = Theme(
        id=1, number=1, state=ThemeState.ACTIVE, label="x", keywords=[], born_at=NOON, born_revision=1
    )
    span = Span(1, 28.0, 4)
    outcome = Outcome(Movement.CANNOT_TELL, reason, span, span, **numbers)  # type: ignore[arg-type]
    return Row(theme, outcome, (), NOON.date(), 1, False, False)


@pytest.mark.parametrize("reason", list(MovementReason))
def test_every_reason_has_a_sentence_of_its_own(reason: MovementReason) -> None:
    sentences = {each: movement_words.say_outcome(row(each)) for each in MovementReason}
    assert sentences[reason].endswith(".")
    assert list(sentences.values()).count(sentences[reason]) == 1


def test_an_interval_without_an_upper_end_is_said_so() -> None:
    open_end = row(MovementReason.BEYOND_BASELINE, low=2.5).outcome
    assert movement_words.say_interval(open_end) == "×2.5 or more"
    assert movement_words.say_interval(row(MovementReason.THIN).outcome) == ""
    assert movement_words.say_outcome(row(MovementReason.BEYOND_BASELINE)).startswith("Appeared")


@pytest.mark.parametrize(
    ("reason", "low", "high", "sentence"),
    [
        (
            MovementReason.AMONG_MANY,
            1.1,
            3.1,
            "Its interval (×1.1 to ×3.1) lies above no change, but among all the themes compared one or another does "
            "by chance: neither a change nor that there was none can be told.",
        ),
        (
            MovementReason.AMONG_MANY,
            0.3,
            0.9,
            "Its interval (−70% to −10%) lies below no change, but among all the",
        ),
        (MovementReason.AMONG_MANY, 1.2, None, "Its interval (+20% or more) lies above no change"),
        (MovementReason.WIDE, 0.7, 3.1, "Too few complaints, or too uneven, to rule out that it doubled."),
        (MovementReason.WIDE, 0.3, 1.4, "Too few complaints, or too uneven, to rule out that it halved."),
        (
            MovementReason.WIDE,
            0.3,
            None,
            "Too few complaints, or too uneven, to rule out that it doubled or halved.",
        ),
        (
            MovementReason.WITHIN_BASELINE,
            1.1,
            1.8,
            "Neither doubled nor halved. Its interval lies above no change: among all the themes compared one or another does "
            "by chance.",
        ),
        (
            MovementReason.WITHIN_BASELINE,
            0.8,
            1.3,
            "Within its usual ups and downs: neither doubled nor halved.",
        ),
    ],
)
def test_a_sentence_says_what_the_interval_rules_out(
    reason: MovementReason, low: float, high: float | None, sentence: str
) -> None:
    assert movement_words.say_outcome(row(reason, low=low, high=high)).startswith(sentence)
