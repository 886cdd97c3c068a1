"""What docker-compose.yml and the Dockerfile promise, read from the files; `docker-compose` reads the first too."""

import io
import lzma
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from py3langid import langid

from models.broker import SOFT_SHUTDOWN_S
from models.jobs import Queue
from models.settings import unknown_names
from service.cli import build
from service.commands.processes import STOP_WITHIN_S
from tests.services import need
from workers.app import CHILD_MEMORY_KIB

ROOT = Path(__file__).resolve().parents[2]
FILE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {name: each for name, each in SERVICES.items() if "build" in each}
THEIRS = {name: each for name, each in SERVICES.items() if "build" not in each}
LASTING = {name: each for name, each in SERVICES.items() if each["restart"] != "no"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
PACKAGES = ("service", "models", "workers", "migrations")

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
every_program = pytest.mark.parametrize("service", OURS.values(), ids=OURS)


def seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)s", text)
    assert found is not None
    return int(found[1])


def mebibytes(text: str) -> int:
    return int(text[:-1]) * {"m": 1, "g": 1024}[text[-1]]


def secrets_of(service: dict[str, Any]) -> set[str]:
    return {each if isinstance(each, str) else each["source"] for each in service.get("secrets", [])}


def sources() -> list[Path]:
    """List the files of our packages, without what is made from them."""
    found = [path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file()]
    return [path for path in found if not {"__pycache__", "vendor"} & set(path.parts)]


def compose_config(folder: Path) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("docker-compose")
    if program is None:
        need("docker-compose", "not on the PATH")
    return subprocess.run(
        [str(program), "config", "-q"], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def test_docker_compose_understands_the_file() -> None:
    answer = compose_config(ROOT)
    assert (answer.returncode, answer.stdout + answer.stderr) == (0, "")


def test_docker_compose_would_refuse_a_word_it_does_not_know(tmp_path: Path) -> None:
    text = (ROOT / "docker-compose.yml").read_text().replace("pids_limit", "pid_limit", 1)
    (tmp_path / "docker-compose.yml").write_text(text)
    answer = compose_config(tmp_path)
    assert answer.returncode != 0
    assert "pid_limit" in answer.stderr


def test_every_service_that_makes_up_ebb_is_there() -> None:
    assert set(THEIRS) == {"postgres", "rabbitmq"}
    assert set(OURS) == {"migrate", "api", "beat", *(f"worker-{queue}" for queue in Queue)}
    for queue in Queue:
        assert OURS[f"worker-{queue}"]["command"] == ["ebb", "worker", "--queue", str(queue)]


@every_program
def test_commands_and_health_checks_exist_with_their_options(service: dict[str, Any]) -> None:
    assert service["command"][0] == "ebb"
    parse(service["command"][1:])
    for line in re.findall(r"\bebb [^|;&]+", " ".join(service.get("healthcheck", {}).get("test", []))):
        parse(line.split()[1:])


def parse(words: list[str]) -> None:
    """Parse a command line as the program would, without running it; raise for what it does not know."""
    program = typer.main.get_command(build(words[0]))
    context = program.make_context("ebb", list(words), resilient_parsing=False)
    _, command, rest = program.resolve_command(context, list(words))  # type: ignore[attr-defined]
    command.make_context(words[0], rest, parent=context)


def test_a_command_with_an_unknown_option_would_be_noticed() -> None:
    with pytest.raises(typer.TyperException):
        parse(["init", "--no-such-option"])
    with pytest.raises(typer.TyperException):
        parse(["no-such-command"])


@every_service
def test_every_service_is_limited(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert 0 < service["cpus"] <= 2
    assert 0 < service["pids_limit"] <= 300
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


@every_service
def test_every_service_can_do_no_more_than_it_must(service: dict[str, Any]) -> None:
    user, _, group = service["user"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert any(mount.startswith("/tmp:") for mount in service["tmpfs"])
    # Only named volumes: nothing of the machine is mounted.
    for volume in service.get("volumes", []):
        assert volume.partition(":")[0] in FILE["volumes"]


def test_only_the_api_can_be_reached_and_from_this_machine_alone() -> None:
    assert {name for name, each in SERVICES.items() if "ports" in each} == {"api"}
    assert SERVICES["api"]["ports"] == ["127.0.0.1:8000:8000"]
    assert all("network_mode" not in each for each in SERVICES.values())
    open_ = {name for name, each in FILE["networks"].items() if not (each or {}).get("internal")}
    assert {name for name, each in SERVICES.items() if open_ & set(each["networks"])} == {"api"}


def test_programs_share_a_network_with_what_they_use_and_no_other() -> None:
    members = {
        network: {name for name, each in SERVICES.items() if network in each["networks"]}
        for network in FILE["networks"]
    }
    talking = set(OURS) - {"migrate"}
    assert members["database"] == {"postgres", "migrate", *talking}
    assert members["broker"] == {"rabbitmq", *talking}


@every_service
def test_secrets_come_as_files_and_never_in_the_environment(service: dict[str, Any]) -> None:
    environment: dict[str, str] = service.get("environment", {})
    for name, value in environment.items():
        assert not re.search(r"://[^/]*@|\$\{", value), name
        if re.search(r"PASSWORD|SECRET|TOKEN|KEY|DATABASE_URL|BROKER_URL", name):
            assert name.endswith("_FILE")
            assert value.removeprefix("/run/secrets/") in secrets_of(service)


def test_the_owner_s_password_is_with_the_database_and_its_migration_alone() -> None:
    for secret, holders in {
        "postgres_password": {"postgres"},
        "owner_database_url": {"migrate"},
        "rabbitmq_conf": {"rabbitmq"},
        "broker_url": set(OURS) - {"migrate"},
        "database_url": set(OURS),
    }.items():
        assert {name for name, each in SERVICES.items() if secret in secrets_of(each)} == holders
    for name, secret in FILE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}.txt"}
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


@every_program
def test_programs_get_settings_that_exist(service: dict[str, Any]) -> None:
    assert unknown_names(service["environment"]) == []


def test_everything_starts_after_what_it_needs() -> None:
    done, well = {"condition": "service_completed_successfully"}, {"condition": "service_healthy"}
    assert SERVICES["migrate"]["depends_on"] == {"postgres": well}
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["api"]["depends_on"] == {"migrate": done}
    for name in set(OURS) - {"migrate", "api"}:
        assert SERVICES[name]["depends_on"] == {"migrate": done, "rabbitmq": well}


@pytest.mark.parametrize("service", LASTING.values(), ids=LASTING)
def test_what_runs_for_long_is_watched_and_started_again(service: dict[str, Any]) -> None:
    assert service["restart"] == "unless-stopped"
    check = service["healthcheck"]
    assert seconds(check["timeout"]) <= seconds(check["interval"])
    assert seconds(check["start_period"]) > 0
    assert check["retries"] >= 3


def test_health_checks_ask_what_a_restart_could_mend() -> None:
    def check(name: str) -> str:
        return " ".join(SERVICES[name]["healthcheck"]["test"])

    assert "/healthz" in check("api")
    assert "readyz" not in check("api")
    for queue in Queue:
        assert check(f"worker-{queue}") == f"CMD ebb doctor --worker {queue}"
    assert check("beat") == "CMD ebb doctor --worker beat"
    assert "pg_isready" in check("postgres")
    assert "rabbitmq-diagnostics" in check("rabbitmq")


def test_numbers_that_stand_in_two_places_agree() -> None:
    embed = SERVICES["worker-embed"]
    assert float(embed["environment"]["EBB_ENCODER_THREADS"]) == embed["cpus"]
    default = SERVICES["worker-default"]
    processes = int(default["environment"]["EBB_WORKER_PROCESSES"])
    assert mebibytes(default["mem_limit"]) >= processes * CHILD_MEMORY_KIB / 1024 + 256
    # The language model is unpacked there by every process, which fails where there is no room.
    (room,) = re.findall(r"^/tmp:size=(\d+)m", "\n".join(default["tmpfs"]), flags=re.MULTILINE)
    with lzma.open(Path(str(langid.__file__)).parent / langid.MODEL_FILE) as model:
        unpacked = model.seek(0, io.SEEK_END)
    assert int(room) * 2**20 > 1.5 * processes * unpacked
    for queue in Queue:
        assert seconds(SERVICES[f"worker-{queue}"]["stop_grace_period"]) >= SOFT_SHUTDOWN_S + 15
    assert seconds(SERVICES["api"]["stop_grace_period"]) > STOP_WITHIN_S
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {each["image"] for each in OURS.values()} == {f"ebb:{version}"}
    assert f'image.version="{version}"' in DOCKERFILE
    uid, _, gid = SERVICES["api"]["user"].partition(":")
    assert f"--gid {gid} ebb" in DOCKERFILE
    assert f"--uid {uid} " in DOCKERFILE
    assert {each["user"] for each in OURS.values()} == {f"{uid}:{gid}"}


def test_other_people_s_images_are_pinned_to_one_version() -> None:
    for service in THEIRS.values():
        assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?(-[a-z]+)?", service["image"])
    assert "management" not in SERVICES["rabbitmq"]["image"]


def test_the_image_is_built_in_stages_and_runs_as_nobody_special() -> None:
    builder, final = STAGES
    assert final.partition("\n")[0] == builder.partition(" AS ")[0]
    assert "pip install" not in final
    assert re.findall(r"^USER (.+)$", final, flags=re.MULTILINE) == [SERVICES["api"]["user"]]
    assert "org.opencontainers.image.licenses" in final
    assert "compileall" in builder


def test_the_image_holds_what_is_pinned_and_asks_the_network_for_nothing() -> None:
    builder, final = STAGES
    installs = [line for line in re.split(r"\n(?=[A-Z]+ )", builder) if "pip install" in line]
    assert len(installs) == 2
    assert all("--constraint constraints.txt" in line for line in installs)
    pinned = re.search(r"^torch==(.+)$", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    assert pinned is not None
    assert installs[0].endswith(f' --no-deps --index-url "$TORCH_INDEX" torch=={pinned[1]}')
    assert "HF_HUB_OFFLINE=1" in final
    assert "TOKENIZERS_PARALLELISM=false" in final


def test_the_image_names_no_database_beside_the_one_in_the_file() -> None:
    assert "EBB_DATABASE_URL" not in DOCKERFILE


def test_the_build_sees_only_what_it_copies() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \./?\S*$", STAGES[0], flags=re.MULTILINE)
    assert allowed == {name for line in copied for name in line.split()}


def test_the_installed_package_holds_every_file(tmp_path: Path) -> None:
    source = tmp_path / "src"
    for path in [*sources(), *(ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE"))]:
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--no-index", f"--wheel-dir={tmp_path}", str(source)]
    subprocess.run([*command, *options], check=True, timeout=120, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {str(path.relative_to(ROOT)) for path in sources()} <= set(archive.namelist())
