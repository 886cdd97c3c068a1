"""Trying another encoder over HTTP: begun, looked at, refused, switched to, dropped."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.queries import access
from models.records import Theme
from models.values.encoders import PACKAGED_MODEL
from models.values.roles import Permission, Role
from service.app import create_app
from tests import factories
from tests.clock import NOON
from tests.services import settings_for
from tests.workers.trying import FED, OTHER, Trying


class Site:
    """A workspace and somebody who calls its API."""

    def __init__(self, trial: Trying, **chosen: object) -> None:
        self.trial = trial
        database = trial.context.database
        app = create_app(settings_for(database, **chosen), database=database, clock=trial.clock)
        key = factories.key(trial.database, trial.workspace, role=Role.ADMIN)
        self.client = TestClient(app, headers={"Authorization": f"Bearer {key}"}, follow_redirects=False)

    def call(self, method: str, path: str = "", body: object = None, *, status: int) -> Any:
        answer = self.client.request(method, f"/v1/encoder{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def get(self) -> Any:
        return self.call("GET", status=200)


@pytest.fixture
def site(trial: Trying) -> Site:
    return Site(trial, encoder_models="other=/m/other")


def test_from_the_first_look_to_the_switch_on_either_database(trial_of_either: Trying) -> None:
    site = Site(trial_of_either)
    trial = site.trial
    before = site.get()
    assert (before["model"], before["dtype"], before["dimension"]) == (PACKAGED_MODEL, "float32", 256)
    assert (before["shadow"], before["moved_limit"], before["models"]) == (None, 0.2, [PACKAGED_MODEL])
    begun = site.call("POST", "/shadow", {"dtype": "bfloat16"}, status=201)["shadow"]
    assert (begun["state"], begun["done"], begun["total"], begun["report"]) == ("running", 0, FED, None)
    trial.work()
    shadow = site.get()["shadow"]
    report = shadow["report"]
    assert (shadow["state"], shadow["done"], report["items"]) == ("ready", FED, FED)
    assert report["moved_share"] == max(report["moved_items"], report["moved_complaints"]) / FED
    known = {f"th_{row.id}": row.label for row in trial.themes().values()}
    for each in (*report["lost"], *report["changed"]):
        assert each["label"] == known[each["theme"]]
    assert all(each["theme"] is None and each["label"] for each in report["new"])
    lost = report["lost"][0]
    assert (lost["after"], lost["other"]) == (0, None)
    assert lost["other_label"] in {each["label"] for each in report["new"]}
    refused = site.call("POST", "/shadow/switch", status=409)
    assert f"{report['moved_share']:.4f} of the volume" in refused["detail"]
    assert "the limit is 0.2" in refused["detail"]
    assert refused["field"] == "accept_moved"
    asked = site.call("POST", "/shadow/switch", {"accept_moved": 0.9}, status=202)
    assert asked["shadow"]["state"] == "switching"
    trial.work()
    after = site.get()
    assert (after["dtype"], after["dimension"], after["shadow"]) == ("bfloat16", 128, None)
    assert after["digest"] != before["digest"]
    lineage = site.client.get(f"/v1/themes/{lost['theme']}/lineage").json()
    assert (lineage["superseded_by"], lineage["events"][-1]["kind"]) == (None, "model_changed")
    theme = site.client.get(f"/v1/themes/{lost['theme']}").json()
    assert (theme["label"], theme["state"]) == (lost["label"], "retired")
    audit = site.client.get("/v1/audit").json()["items"]
    assert [each["action"] for each in audit][:3] == ["encoder.switched", "encoder.switch", "encoder.try"]


def test_below_the_limit_nothing_must_be_accepted(trial: Trying) -> None:
    site = Site(trial, encoder_moved_limit=1.0)
    site.call("POST", "/shadow", {"dtype": "bfloat16"}, status=201)
    trial.work()
    site.call("POST", "/shadow/switch", {}, status=202)
    trial.work()
    assert trial.choice() == OTHER


def test_what_is_not_there_is_refused(site: Site) -> None:
    assert site.get()["models"] == [PACKAGED_MODEL, "other"]
    assert site.call("POST", "/shadow", {"model": "third"}, status=422)["field"] == "model"
    site.call("POST", "/shadow", {"dtype": "int8"}, status=422)
    assert "uses" in site.call("POST", "/shadow", {}, status=409)["detail"]
    site.call("POST", "/shadow/switch", status=404)
    site.call("DELETE", "/shadow", status=404)
    site.call("POST", "/shadow/switch", {"accept_moved": 1.5}, status=422)


def test_not_before_all_is_read_and_dropping_ends_it(site: Site) -> None:
    site.call("POST", "/shadow", {"model": "other"}, status=201)
    assert f"0 of {FED}" in site.call("POST", "/shadow/switch", status=409)["detail"]
    assert "tried already" in site.call("POST", "/shadow", {"dtype": "bfloat16"}, status=409)["detail"]
    site.trial.work()
    assert "no model 'other'" in site.get()["shadow"]["error"]
    site.call("DELETE", "/shadow", status=204)
    assert site.get()["shadow"]["state"] == "dropping"
    site.trial.work()
    assert site.get()["shadow"] is None


def test_names_are_for_those_who_may_read_tickets(site: Site) -> None:
    trial = site.trial
    site.call("POST", "/shadow", {"dtype": "bfloat16"}, status=201)
    trial.work()
    with trial.database.write(workspace=trial.workspace) as session:
        _, key = access.create_key(
            session,
            workspace=trial.workspace,
            name="narrow",
            role=Role.ADMIN,
            now=NOON,
            scopes=[Permission.ADMINISTER],
        )
    answer = site.client.get("/v1/encoder", headers={"Authorization": f"Bearer {key}"})
    report = answer.json()["shadow"]["report"]
    rows = [*report["lost"], *report["new"], *report["changed"]]
    assert rows
    assert {each["label"] for each in rows} == {each["other_label"] for each in rows} == {None}
    labels = [row.label for row in trial.themes().values() if isinstance(row, Theme) and row.label]
    assert not [label for label in labels if label in answer.text]
