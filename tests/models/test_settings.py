"""Settings: from the environment alone, unknown names refused, every one described."""

import pytest

from models.errors import Invalid
from models.settings import Settings, load_settings, unknown_names


def test_without_an_environment_there_are_defaults_and_no_secret() -> None:
    settings = Settings()
    assert settings.database_url == "sqlite:///ebb.db"
    assert not [name for name in Settings.model_fields if "secret" in name or "password" in name]


def test_the_environment_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBB_LEASE_SECONDS", "7.5")
    monkeypatch.setenv("EBB_SHARED", "/somewhere")
    monkeypatch.setenv("EBB_REQUIRE_SERVICES", "1")
    assert load_settings().lease_seconds == 7.5


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBB_LEASE_SECOND", "7")
    with pytest.raises(Invalid, match="EBB_LEASE_SECOND: no such setting") as caught:
        load_settings()
    assert caught.value.field == "EBB_LEASE_SECOND"


def test_unknown_names_are_found_whatever_their_case() -> None:
    environment = {"ebb_typo": "1", "EBB_POLL_SECONDS": "1", "PATH": "x", "EBBTIDE": "x", "EBB_SHARED": "x"}
    assert unknown_names(environment) == ["ebb_typo"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EBB_LEASE_SECONDS", "0"),
        ("EBB_LEASE_SECONDS", "soon"),
        ("EBB_WEBHOOK_MAX_BYTES", "12"),
        ("EBB_SQLITE_SYNCHRONOUS", "OFF"),
        ("EBB_LINK_THRESHOLD", "1.5"),
        ("EBB_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid) as caught:
        load_settings()
    assert caught.value.field == name
    assert name in caught.value.message


def test_every_setting_says_what_it_is() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
