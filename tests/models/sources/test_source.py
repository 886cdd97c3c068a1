from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from models.errors import Invalid, Rejected
from models.sources.payload import id_of
from models.sources.registry import SOURCES, source_of
from models.sources.signature import SCHEMES
from models.sources.source import (
    STARS,
    SourceSettings,
    authenticate,
    body_key,
    key_from,
    key_in,
    no_handshake,
    settings_from,
)
from models.sources.times import instant_of, is_date, past_instant_of
from models.values.feedback import Rating, RatingKind, Status
from tests.models.sources.examples import NOW, Example, examples

GENERIC = SOURCES["generic_json"]
MOMENT = datetime(2026, 3, 2, 9, 14, 58, tzinfo=UTC)


def test_every_source_is_registered_under_its_own_name_with_known_schemes() -> None:
    assert all(source.kind == kind for kind, source in SOURCES.items())
    assert all(name in SCHEMES for source in SOURCES.values() for name in source.schemes)
    assert {each.data["source"] for each in examples()} <= set(SOURCES)
    assert source_of("zendesk").title == "Zendesk Support"
    with pytest.raises(Invalid, match=r"kind must be one of .*generic_json, .*zendesk"):
        source_of("fax")


@pytest.mark.parametrize("each", examples(), ids=lambda e: e.name)
def test_either_scheme_of_a_source_is_taken_with_its_secret(each: Example) -> None:
    source = SOURCES[each.data["source"]]
    asked = {"headers": each.headers, "body": each.body, "now": NOW}
    chosen = authenticate(source, settings=SourceSettings(), secret=each.secret, **asked)
    assert SCHEMES[chosen].header == each.data["signature"]["header"]
    with pytest.raises(Rejected):
        authenticate(source, settings=SourceSettings(), secret="other", **asked)


def test_a_pinned_scheme_refuses_the_other() -> None:
    pinned = settings_from(GENERIC.schemes, {"signature": "generic_json"})
    asked = {"headers": {"Authorization": "Bearer s"}, "body": b"{}", "now": NOW}
    authenticate(GENERIC, settings=SourceSettings(), secret="s", **asked)
    with pytest.raises(Rejected, match="X-Signature-256 is missing"):
        authenticate(GENERIC, settings=pinned, secret="s", **asked)


def test_without_any_signature_header_both_are_named() -> None:
    with pytest.raises(Rejected, match="X-Signature-256 or Authorization is missing"):
        authenticate(GENERIC, settings=SourceSettings(), secret="s", headers={}, body=b"", now=NOW)


def test_settings_are_read_and_refused_by_name() -> None:
    read = settings_from(
        GENERIC.schemes,
        {
            "signature": "bearer",
            "count_relayed": True,
            "rating_scale": {"min": 0, "max": 10, "kind": "nps"},
            "statuses": {" Erledigt ": "resolved"},
            "time_zone": "Europe/Berlin",
        },
    )
    assert (read.signature, read.count_relayed) == ("bearer", True)
    assert read.rating_scale == Rating(0, 0, 10, RatingKind.NPS)
    assert read.statuses == {"erledigt": Status.RESOLVED}
    assert read.zone == ZoneInfo("Europe/Berlin")
    assert settings_from(GENERIC.schemes, {}) == SourceSettings()
    assert settings_from(GENERIC.schemes, {"rating_scale": {"min": ""}}).rating_scale == STARS


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"signature": "zendesk"}, "signature"),
        ({"statuses": {"x": "gone"}}, "statuses"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"time_zone": "../etc"}, "time_zone"),
        ({"rating_scale": 5}, "rating_scale"),
        ({"rating_scale": {"min": 5, "max": 1}}, "rating_scale"),
        ({"count_relayed": "perhaps"}, "count_relayed"),
    ],
)
def test_a_wrong_setting_is_named(given: dict, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        settings_from(GENERIC.schemes, given)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-02T09:14:58Z",
        "2026-03-02T10:14:58+0100",
        "2026-03-02T10:14:58+01:00",
        "2026-03-02 09:14:58 UTC",
        "2026-03-02 09:14:58",
        "20260302T091458Z",
        " 2026-03-02T09:14:58 gmt",
        1772442898,
        1772442898.0,
        1772442898000,
        1772442898000000,
        "1772442898",
        "1772442898.000000",
        "1772442898000",
    ],
)
def test_one_moment_in_many_spellings(written: object) -> None:
    assert instant_of(written, field="at") == MOMENT


def test_fractions_are_kept_to_the_microsecond() -> None:
    assert instant_of("2026-03-02T09:14:59.672717030Z", field="at") == datetime(
        2026, 3, 2, 9, 14, 59, 672717, tzinfo=UTC
    )
    assert instant_of(1772442898.75, field="at") == MOMENT + timedelta(milliseconds=750)
    assert instant_of(1772442898123, field="at") == MOMENT + timedelta(milliseconds=123)


def test_a_time_without_zone_is_read_in_the_given_one() -> None:
    assert instant_of("2026-03-02T10:14:58", field="at", zone=ZoneInfo("Europe/Berlin")) == MOMENT
    assert instant_of("20260302", field="at") == datetime(2026, 3, 2, tzinfo=UTC)
    assert is_date(" 2026-03-02")
    assert not is_date("2026-03-02T00:00")
    assert not is_date(20260302)


def test_nothing_is_no_time() -> None:
    assert instant_of(None, field="at") is None
    assert instant_of("", field="at") is None
    assert past_instant_of(None, field="at", received_at=NOW) is None


@pytest.mark.parametrize(
    "written",
    [
        True,
        [],
        "soon",
        "2026-13-01",
        "0001-01-01T00:00:00+23:00",
        0,
        -1,
        10**30,
        float("inf"),
        float("nan"),
        "9" * 30,
        "1989-12-31",
        "2100-01-01",
    ],
)
def test_what_is_no_time_is_refused_by_name(written: object) -> None:
    with pytest.raises(Invalid) as caught:
        instant_of(written, field="at")
    assert caught.value.field == "at"


def test_a_day_ahead_is_a_clock_and_more_is_a_mistake() -> None:
    near = (NOW + timedelta(hours=23)).isoformat()
    assert past_instant_of(near, field="at", received_at=NOW) is not None
    with pytest.raises(Invalid, match="future"):
        past_instant_of((NOW + timedelta(hours=25)).isoformat(), field="at", received_at=NOW)


def test_a_key_is_the_tools_own_name_of_a_delivery_and_else_the_bodys_digest() -> None:
    by_header, by_body = key_from("X-Id"), key_in(lambda payload: id_of(payload.get("id"), field="id"))
    body = b'{"id": 7}'
    assert by_header({"x-id": "d1"}, body) == "d1"
    assert by_header({}, body) == body_key(body) == by_header({"x-id": ""}, body)
    assert by_header({"x-id": "d" * 500}, body).startswith("sha256:")
    assert by_body({}, body) == "7"
    for unkeyed in (b"no json", b"[]", b"{}", b'{"id": 1.5}', b'{"id": null}'):
        assert by_body({"x-id": "d1"}, unkeyed) == body_key(unkeyed)


def test_a_kind_without_a_handshake_answers_nothing() -> None:
    silent = {kind for kind, source in SOURCES.items() if source.handshake is no_handshake}
    assert silent == {
        "freshdesk", "helpscout", "jira", "linear", "standardwebhooks", "typeform", "zendesk",
    }  # fmt: skip
    assert no_handshake({}, b'{"type": "ping"}') is None
