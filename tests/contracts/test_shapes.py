"""The shapes of the HTTP interface: strict, described, and one for every call of the contract."""

import inspect
import re
from importlib import import_module
from pkgutil import iter_modules

import jsonschema
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from service.api import shapes
from service.api.shapes import base
from service.api.shapes.admin import ErasureCreate, Problem
from service.api.shapes.base import Answer, Page, Request
from service.api.shapes.bets import BetPut, EventPut
from service.api.shapes.catalogue import CALLS, Call
from service.api.shapes.feedback import FeedbackItem, FeedbackQuery
from service.api.shapes.goals import KeyResultPut, ObjectivePut
from service.api.shapes.impact import VerdictAnswer, WhatIfAnswer
from service.api.shapes.links import LinkPut
from service.api.shapes.products import ReleasePut
from service.api.shapes.sources import SourceCreate

MODULES = [import_module(f"{shapes.__name__}.{each.name}") for each in iter_modules(shapes.__path__)]
SHAPES = sorted(
    {
        each
        for module in MODULES
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, BaseModel)
        and each.__module__.startswith(shapes.__name__)
        and "[" not in each.__name__
    }
    - {Request, Answer, Page},
    key=lambda each: each.__name__,
)

PROMISED = [
    "POST /v1/sources",
    "POST /v1/ingest/{source_id}",
    "GET /v1/sources/{id}/health",
    "GET /v1/feedback",
    "PUT /v1/exposure/{series}",
    "PUT /v1/accounts",
    "GET /v1/themes",
    "GET /v1/themes/{id}",
    "GET /v1/themes/{id}/trend",
    "GET /v1/themes/{id}/quotes",
    "GET /v1/themes/{id}/lineage",
    "GET /v1/themes/{id}/accounts",
    "POST /v1/themes/{id}/merge",
    "POST /v1/themes/{id}/split",
    "POST /v1/themes/{id}/rename",
    "POST /v1/themes/{id}/pin",
    "POST /v1/themes/{id}/undo",
    "GET /v1/features",
    "POST /v1/features",
    "GET /v1/releases",
    "POST /v1/releases",
    "GET /v1/links",
    "POST /v1/links",
    "GET /v1/releases/{id}/link-suggestions",
    "POST /v1/links/{id}/confirm",
    "POST /v1/links/{id}/reject",
    "GET /v1/releases/{id}/impact",
    "POST /v1/impact/analyze",
    "POST /v1/impact/plan",
    "POST /v1/impact/what-if",
    "GET /v1/teams",
    "POST /v1/teams",
    "GET /v1/objectives",
    "POST /v1/objectives",
    "GET /v1/key-results",
    "POST /v1/key-results",
    "GET /v1/key-results/{id}/progress",
    "POST /v1/key-results/lint",
    "GET /v1/metrics",
    "POST /v1/metrics",
    "GET /v1/bets",
    "POST /v1/bets",
    "GET /v1/assumptions",
    "POST /v1/assumptions",
    "GET /v1/decisions",
    "POST /v1/decisions",
    "GET /v1/events",
    "POST /v1/events",
    "GET /v1/reports/weekly",
    "GET /v1/reports/monthly",
    "GET /v1/reports/quarterly",
    "POST /v1/reports/snapshots",
    "GET /v1/keys",
    "POST /v1/keys",
    "GET /v1/audit",
    "POST /v1/erasures",
    "GET /v1/export",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
]

FEEDBACK = (
    "id, source, external_id, message_id, created_at, updated_at, status, subject, text, author_role, kind, counted, "
    "account_id, plan, tags, product_area, rating, language, theme_id"
)
FEEDBACK_BESIDES = frozenset({"reported_by_agent", "merged_into", "excluded_by"})
VERDICT = (
    "theme, link, verdict, effect, low, high, shrunk_effect, expected, observed, rate_unit, evidence_grade, checks, "
    "reasons, bound, mde, judgeable_on, displacement, prediction, segments, quotes, method_version, theme_revision, "
    "input_hash"
)


WITHOUT_BODY = {
    "/v1/theme-suggestions/{id}/accept",
    "/v1/theme-suggestions/{id}/decline",
    "/v1/ingest/{source_id}",
    "/v1/users/{id}/sign-in",
    "/v1/deliveries/{id}/replay",
}
"""Calls that change something, and whose body is raw or none."""


def name_of(call: Call) -> str:
    return f"{call.method} {call.path}"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda each: each.__name__)
def test_every_shape_is_a_schema_and_says_what_each_field_is(shape: type[BaseModel]) -> None:
    schema = shape.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert shape.__doc__, shape
    for name, field in schema["properties"].items():
        assert field.get("description"), f"{shape.__name__}.{name} says nothing of itself"
    assert issubclass(shape, (Request, Answer))


@pytest.mark.parametrize(
    "shape", [each for each in SHAPES if issubclass(each, Request)], ids=lambda e: e.__name__
)
def test_requests_refuse_what_they_do_not_know(shape: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        shape.model_validate({"no_such_field": 1})


@pytest.mark.parametrize(
    "shape", [each for each in SHAPES if issubclass(each, Answer)], ids=lambda e: e.__name__
)
def test_answers_leave_no_field_out(shape: type[BaseModel]) -> None:
    optional = {name for name, field in shape.model_fields.items() if not field.is_required()}
    assert optional <= ({"type", "field", "request_id"} if shape is Problem else {"exploratory"})


def test_the_catalogue_covers_every_call_of_the_contract() -> None:
    assert sorted(name_of(call) for call in CALLS if call.promised) == sorted(PROMISED)
    assert len({name_of(call) for call in CALLS}) == len(CALLS)


@pytest.mark.parametrize("call", CALLS, ids=name_of)
def test_every_call_has_shapes_that_fit_its_method(call: Call) -> None:
    for sent in (call.request, call.query):
        assert sent is None or issubclass(sent, Request)
    assert call.answer is None or issubclass(call.answer, Answer)
    assert (call.request is None) == (call.method in ("GET", "DELETE") or call.path in WITHOUT_BODY)
    assert call.answer is not None or call.status == 204 or call.media != "application/json"
    assert call.query is None or call.method == "GET"
    if call.answer is not None:
        TypeAdapter(call.answer).json_schema()


def test_every_list_has_items_and_a_cursor() -> None:
    lists = [call for call in CALLS if call.query is not None and issubclass(call.query, base.Paging)]
    assert len(lists) >= 20
    for call in lists:
        assert call.answer is not None
        assert {"items", "next_cursor"} <= set(call.answer.model_fields), name_of(call)


def test_every_shape_is_used_by_a_call_or_by_another_shape() -> None:
    used: set[str] = {Problem.__name__, "SegmentQuery"}
    for call in CALLS:
        for shape in (call.request, call.query, call.answer):
            if shape is not None:
                schema = shape.model_json_schema()
                used |= {schema["title"], *schema.get("$defs", {})}
                used |= {parent.__name__ for parent in shape.__mro__}
    unused = {shape.__name__ for shape in SHAPES} - used
    assert not unused


def test_a_feedback_item_has_the_fields_of_the_contract_and_these_besides() -> None:
    ours = {name: field for name, field in FeedbackItem.model_fields.items() if name not in FEEDBACK_BESIDES}
    assert list(ours) == FEEDBACK.split(", ")
    names = {field.alias or name for name, field in FeedbackQuery.model_fields.items()}
    assert {"source", "external_id", "theme", "kind", "q", "from", "to", "cursor"} <= names
    assert FeedbackQuery.model_validate({"from": "2026-03-02T00:00:00Z"}).since is not None


def test_a_verdict_has_exactly_the_fields_of_the_contract() -> None:
    assert list(VerdictAnswer.model_fields) == VERDICT.split(", ")


def test_exploratory_answers_use_no_verdict_words() -> None:
    assert "verdict" not in WhatIfAnswer.model_fields
    assert all(
        "exploratory" in call.answer.model_fields
        for call in CALLS
        if call.path.startswith("/v1/impact/") and call.answer is not None
    )


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("ThemeId", "th_17", ["th_", "th_1x", "TH_1", "rel_1", "th_" + "1" * 19, "th_1\n"]),
        ("ReleaseId", "rel_1", ["rel_-1", "rel_١"]),
        ("Key", "checkout-2.3", ["", " a", "a ", "x" * 201]),
        ("Percent", 100, [-1, 101, "nan"]),
        ("Share", 0.5, [-0.1, 1.1]),
        ("Finite", -3, ["inf", "nan"]),
    ],
)
def test_bounds(name: str, good: object, bad: list[object]) -> None:
    adapter: TypeAdapter[object] = TypeAdapter(getattr(base, name))
    adapter.validate_python(good)
    for each in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(each)


NOW = "2026-03-02T09:00:00Z"
BET = {"statement": "Fewer complaints", "effect": 0.7, "horizon_weeks": 8, "confidence": 0.6}


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        (LinkPut, {"feature": "feat_1", "theme": "th_1"}, {"feature": "feat_1"}),
        (
            LinkPut,
            {"theme": "th_1", "key_result": "kr_1"},
            {"feature": "feat_1", "theme": "th_1", "key_result": "kr_1"},
        ),
        (BetPut, {**BET, "feature": "feat_1", "theme": "th_1"}, {**BET, "theme": "th_1"}),
        (BetPut, {**BET, "release": "rel_1", "metric": "met_1"}, {**BET, "release": "rel_1"}),
        (
            EventPut,
            {"kind": "incident", "title": "x", "starts_at": NOW},
            {"kind": "incident", "title": "x", "starts_at": NOW, "ends_at": "2026-03-01T09:00:00Z"},
        ),
        (ErasureCreate, {"email": "a@example.com"}, {"email": "a@example.com", "customer_id": "1"}),
        (
            ObjectivePut,
            {"title": "x", "starts_on": "2026-01-01", "ends_on": "2026-03-31"},
            {"title": "x", "starts_on": "2026-01-02", "ends_on": "2026-01-01"},
        ),
        (
            KeyResultPut,
            {"text": "x", "starts_on": "2026-01-01"},
            {"text": "x", "starts_on": "2026-01-02", "ends_on": "2026-01-01"},
        ),
        (SourceCreate, {"kind": "zendesk", "name": "Help desk", "secret": "s"}, {"kind": "zendesk"}),
        (
            ReleasePut,
            {"name": "4.3", "released_at": NOW},
            {"name": "4.3", "released_at": "2026-03-02T09:00:00"},
        ),
    ],
)
def test_what_must_hold_between_fields(shape: type[BaseModel], good: dict, bad: dict) -> None:
    shape.model_validate(good)
    with pytest.raises(ValidationError):
        shape.model_validate(bad)


def test_paths_name_their_parameters() -> None:
    for call in CALLS:
        assert re.fullmatch(r"(/[a-z0-9-]+|/\{[a-z_]+\})+", call.path), call.path
