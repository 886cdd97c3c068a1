"""Settings: every knob of both programs, read from `EBB_*` environment variables and nowhere else.

Addresses hold passwords, so each may also stand in a file that `EBB_<NAME>_FILE` names (a mounted secret).
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import Invalid
from models.sealing import parse_keys
from models.values.encoders import model_folders

PREFIX = "EBB_"
_FILE = "_FILE"
# Read by tests and benches only; the programs ignore them.
FOREIGN_NAMES = frozenset({"EBB_SHARED", "EBB_REQUIRE_SERVICES"})
SECRETS = ("database_url", "owner_database_url", "broker_url", "sealing_key")
"""Settings that may be read from a file."""
OLDER_NAMES: Mapping[str, str] = {"raw_body_key": "sealing_key"}
"""Names that settings had before, each with the one it has now; both are read."""


class Settings(BaseSettings):
    """Hold what a person may set; the unit of each number stands in its name or description."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    database_url: str = Field(
        "sqlite:///ebb.db", description="`sqlite:///file` or `postgresql://user:password@host/name`."
    )
    owner_database_url: str = Field(
        "",
        description="Address with which `ebb init` signs in to PostgreSQL as the tables' owner, where the programs "
        "sign in as a lesser role that row-level security holds; empty: the same as the programs.",
    )
    broker_url: str = Field(
        "",
        description="`amqp://user:password@host//` (RabbitMQ) or `redis://host/0`: Celery workers are told of work "
        "over it; empty: one embedded worker looks for work itself.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8000",
        description="Address under which people reach the console; sign-in links begin so.",
    )
    sqlite_synchronous: Literal["FULL", "NORMAL"] = Field(
        "FULL",
        description="SQLite's commit durability; NORMAL is faster and may lose the last commits at a power cut.",
    )
    time_zone: str = Field(
        "UTC", description="Time zone of days and weeks in a new workspace (IANA name); fixed once created."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level logged.")
    log_format: Literal["text", "json"] = Field("text", description="Lines for people, or JSON for machines.")
    webhook_max_bytes: int = Field(
        2_000_000, ge=1_000, description="Longest webhook body accepted; longer ones are answered 413."
    )
    intake_queue_size: int = Field(
        2_000, ge=1, description="Deliveries that may wait for the writer before the API answers 503."
    )
    request_seconds: float = Field(
        30.0,
        gt=0,
        description="Seconds in which a request must have come whole; slower ones are answered 408.",
    )
    intake_gather_ms: float = Field(
        3.0,
        ge=0,
        le=100,
        description="Milliseconds that a commit of deliveries waits for as many as there were lately.",
    )
    encoder_dtype: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Arithmetic of the encoder in a new workspace; later changed by `ebb encoder` alone.",
    )
    encoder_models: str = Field(
        "",
        description="Models that workspaces may try besides the packaged one: `name=folder` of a "
        "sentence-transformers model, with commas between; empty: none.",
    )
    encoder_moved_limit: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Largest share of items or complaints that may change their theme when the encoder is switched; "
        "above it a person accepts the share by name.",
    )
    encoder_threads: int = Field(0, ge=0, description="Threads of the encoder; 0 takes every core.")
    embed_batch_size: int = Field(256, ge=1, le=4096, description="Items embedded in one pass.")
    place_batch_size: int = Field(200, ge=1, le=2000, description="Items placed in themes in one pass.")
    intake_batch_size: int = Field(200, ge=1, le=2000, description="Deliveries parsed in one pass.")
    theme_granularity: float = Field(
        1.0,
        gt=0,
        le=10,
        description="Times the granularity messages give: above 1 more and finer themes, below 1 fewer and wider.",
    )
    link_threshold: float = Field(
        0.15,
        ge=0,
        le=1,
        description="Least probability at which a link is proposed; below it Ebb abstains. Low on purpose: the "
        "figure was learned on single tickets of code projects, orders themes well, and a person decides.",
    )
    lease_seconds: float = Field(
        60.0, gt=0, description="Seconds after which work of a worker that died is taken over."
    )
    work_max_attempts: int = Field(5, ge=1, description="Attempts after which a piece of work ends `dead`.")
    poll_seconds: float = Field(0.5, gt=0, description="Pause of an idle embedded worker between two looks.")
    worker_processes: int = Field(
        2, ge=1, le=64, description="Processes of a worker of the default queue; the embed queue has one."
    )
    remind_seconds: float = Field(
        30.0, gt=0, description="How often due work is announced anew, should a message about it be lost."
    )
    pulse_seconds: float = Field(
        30.0, gt=0, description="How often each kind of worker shows that it gets work done."
    )
    sweep_seconds: float = Field(
        900.0, gt=0, description="How often work that should exist and does not is looked for."
    )
    watch_seconds: float = Field(900.0, gt=0, description="How often sources are looked at for silence.")
    worker_silent_seconds: float = Field(
        180.0, gt=0, description="Silence after which a worker counts as gone."
    )
    pull_months: int = Field(
        12, ge=0, le=120, description="Months of history that a source's first pull fetches; 0: none."
    )
    pull_seconds: float = Field(
        60.0, gt=0, description="How often pulled sources are looked at; each has its own interval besides."
    )
    pull_bases: str = Field(
        "",
        description="Addresses of vendors' APIs, separated by commas, that a pulled source may name in place of the "
        "public one (GitHub Enterprise: `https://github.example.com/api/v3`); empty: none.",
    )
    sign_in_minutes: int = Field(60, ge=1, description="Minutes a console sign-in link stays valid.")
    least_group: int = Field(
        5, ge=3, le=100, description="Counts below this are not shown to callers who may see aggregates only."
    )
    sealing_key: str = Field(
        "",
        repr=False,
        description="Key of 32 bytes in base64 that seals raw deliveries, sources' secrets and pull tokens "
        "(AES-256-GCM); several with commas between: the first seals, all open; empty: all are stored plain.",
    )
    raw_body_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="Days after which the raw body of a delivery that was read is removed; 0 keeps it.",
    )
    unread_body_days: int = Field(
        180,
        ge=0,
        le=3650,
        description="Days after which the raw body of a delivery that could not be understood is removed, and "
        "with it the chance to replay it; 0 keeps it.",
    )

    @field_validator("encoder_models")
    @classmethod
    def _check_models(cls, value: str) -> str:
        try:
            model_folders(value)
        except Invalid as error:
            raise ValueError(error.message) from error
        return value

    @field_validator("sealing_key")
    @classmethod
    def _is_keys(cls, value: str) -> str:
        parse_keys(value)
        return value


def unknown_names(environment: Mapping[str, str]) -> list[str]:
    """List the `EBB_*` names in `environment` that are no setting, sorted."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | FOREIGN_NAMES
    known |= {f"{PREFIX}{name.upper()}" for name in OLDER_NAMES}
    known |= {_file_name(name) for name in (*SECRETS, *OLDER_NAMES)}
    return sorted(
        name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known
    )


def _file_name(setting: str) -> str:
    return f"{PREFIX}{setting.upper()}{_FILE}"


def _ways_of(setting: str) -> list[str]:
    """List the variables that set a setting: by its name and by older ones, and for secrets through a file."""
    names = [setting, *(older for older, now in OLDER_NAMES.items() if now == setting)]
    found = [f"{PREFIX}{name.upper()}" for name in names]
    return found + ([_file_name(name) for name in names] if setting in SECRETS else [])


def _indirect(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Read the settings that stand in files or under older names: the variable and the value of each.

    Raise `Invalid` for a file that is missing, and for a setting that is given in two ways.
    """
    given = {name.upper(): value for name, value in environment.items()}
    found = {}
    for setting in (*SECRETS, *OLDER_NAMES.values()):
        names = [name for name in _ways_of(setting) if name in given]
        if len(names) > 1:
            raise Invalid(f"{names[1]} and {names[0]} are both set; keep one.", field=names[1])
        if names and names[0] != f"{PREFIX}{setting.upper()}":
            found[setting] = (names[0], _value(names[0], given[names[0]]))
    return found


def _value(name: str, given: str) -> str:
    """Return what a variable says: itself, or what stands in the file that it names."""
    if not name.endswith(_FILE):
        return given
    try:
        return Path(given).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{name}: {given} cannot be read.", field=name) from error


@cache
def load_settings() -> Settings:
    """Read the settings from the environment; raise `Invalid` naming the variable that is unknown or wrong."""
    strangers = unknown_names(os.environ)
    if strangers:
        raise Invalid(
            f"{', '.join(strangers)}: no such setting; `ebb doctor --settings` lists the names.",
            field=strangers[0],
        )
    indirect = _indirect(os.environ)
    values = {setting: value for setting, (_, value) in indirect.items()}
    try:
        return Settings(**values)  # type: ignore[arg-type, unused-ignore]
    except ValidationError as error:
        first = error.errors()[0]
        setting = "_".join(str(part) for part in first["loc"])
        name = indirect[setting][0] if setting in indirect else PREFIX + setting.upper()
        raise Invalid(f"{name}: {first['msg']}.", field=name) from error
