from pathlib import Path

import yaml

from service.cli import ROOMS

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def test_the_tables_are_set_up_before_anything_runs() -> None:
    for name in ("api", "worker"):
        assert COMPOSE[name]["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}
    assert COMPOSE["setup"]["restart"] == "no"


def test_every_service_runs_a_command_that_exists() -> None:
    commands = {command for names in ROOMS.values() for command in names}
    for service in COMPOSE.values():
        assert service["command"][0] == "ebb"
        assert service["command"][1] in commands


def test_the_api_is_watched_and_reachable_from_this_machine_only() -> None:
    assert "/healthz" in " ".join(COMPOSE["api"]["healthcheck"]["test"])
    assert COMPOSE["api"]["ports"] == ["127.0.0.1:8000:8000"]
    assert all("mem_limit" in COMPOSE[name] for name in ("api", "worker"))


def test_the_image_runs_as_nobody_special_and_is_pinned() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "\nUSER ebb\n" in dockerfile
    assert "--constraint constraints.txt" in dockerfile
