"""A workspace to read from over HTTP: two themes, a week of complaints, a release."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from fastapi.testclient import TestClient

from models.database import Database
from models.queries import counts, exposure, themes
from models.queries.themes import QuoteSpan
from tests import factories
from tests.clock import NOON

World = Mapping[str, str]
"""Public ids by what they are."""


def stock(database: Database, workspace: int) -> World:
    """Two themes, one of them standing for a third, with a week of complaints; a release; its verdicts."""
    days = {factories.day(number) for number in range(-7, 1)}
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        main, other, old = (
            factories.theme(session, workspace, number, label=label)
            for number, label in ((1, "export fails"), (2, "invoice wrong"), (3, "download breaks"))
        )
        made = []
        for number in range(-7, 1):
            made.append(
                factories.item(
                    session,
                    workspace,
                    source,
                    external_id=f"T{number}",
                    at=factories.noon(number),
                    text=f"The export fails, number {number}.",
                    person=f"p{number % 3}",
                    plan="team" if number % 2 else "free",
                    account_key="acme" if number % 2 else None,
                )
            )
        factories.assign(session, workspace, made[:6], main)
        factories.assign(session, workspace, made[6:7], old)
        factories.merge(session, workspace, 3, 1)
        for theme in (main, other):
            counts.recompute(session, workspace=workspace, theme=theme, days=days, zone=ZoneInfo("UTC"))
        spans = [QuoteSpan(item, 4, 10) for item in made[:3]]
        themes.write_label(
            session,
            workspace=workspace,
            theme=main,
            label="export fails",
            keywords=["export"],
            quotes=spans,
            size=7,
        )
        release = factories.release(session, workspace)
        feature = factories.feature(session, workspace, of="1.0")
        values = {(day, "all"): 500.0 for day in days}
        exposure.put_exposure(session, workspace=workspace, series="active_accounts", values=values, now=NOON)
    return {
        "source": f"src_{source}",
        "main": f"th_{main}",
        "other": f"th_{other}",
        "old": f"th_{old}",
        "release": f"rel_{release}",
        "feature": f"feat_{feature}",
        "first_item": f"fb_{made[0]}",
    }


def items(client: TestClient, path: str, **query: str | int) -> list[dict[str, object]]:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["items"]
    return found


def number_of(public: str) -> int:
    return int(public.rsplit("_", 1)[1])
