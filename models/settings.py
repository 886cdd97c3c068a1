"""Settings: every knob of both programs, read from `EBB_*` environment variables and nowhere else."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import Invalid

PREFIX = "EBB_"
# Read by tests and benches only; the programs ignore them.
FOREIGN_NAMES = frozenset({"EBB_SHARED", "EBB_REQUIRE_SERVICES"})


class Settings(BaseSettings):
    """Hold what a person may set; the unit of each number stands in its name or description."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    database_url: str = Field(
        "sqlite:///ebb.db", description="`sqlite:///file` or `postgresql://user:password@host/name`."
    )
    sqlite_synchronous: Literal["FULL", "NORMAL"] = Field(
        "FULL",
        description="SQLite's commit durability; NORMAL is faster and may lose the last commits at a power cut.",
    )
    time_zone: str = Field(
        "UTC", description="Time zone of days and weeks in a new workspace (IANA name); fixed once created."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level logged.")
    webhook_max_bytes: int = Field(
        2_000_000, ge=1_000, description="Longest webhook body accepted; longer ones are answered 413."
    )
    intake_queue_size: int = Field(
        2_000, ge=1, description="Deliveries that may wait for the writer before the API answers 503."
    )
    intake_gather_ms: float = Field(
        3.0, ge=0, le=100, description="Milliseconds in which deliveries are gathered into one commit."
    )
    encoder_dtype: Literal["float32", "bfloat16"] = Field(
        "float32", description="Arithmetic of the encoder in a new workspace; fixed once created."
    )
    encoder_threads: int = Field(0, ge=0, description="Threads of the encoder; 0 takes every core.")
    embed_batch_size: int = Field(256, ge=1, le=4096, description="Items embedded in one pass.")
    place_batch_size: int = Field(200, ge=1, le=2000, description="Items placed in themes in one pass.")
    intake_batch_size: int = Field(200, ge=1, le=2000, description="Deliveries parsed in one pass.")
    theme_granularity: float = Field(
        1.0, gt=0, le=10, description="Above 1 more and finer themes, below 1 fewer and wider ones."
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
    sign_in_minutes: int = Field(60, ge=1, description="Minutes a console sign-in link stays valid.")


def unknown_names(environment: Mapping[str, str]) -> list[str]:
    """List the `EBB_*` names in `environment` that are no setting, sorted."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | FOREIGN_NAMES
    return sorted(
        name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known
    )


@cache
def load_settings() -> Settings:
    """Read the settings from the environment; raise `Invalid` naming the variable that is unknown or wrong."""
    strangers = unknown_names(os.environ)
    if strangers:
        raise Invalid(
            f"{', '.join(strangers)}: no such setting; `ebb doctor --settings` lists the names.",
            field=strangers[0],
        )
    try:
        return Settings()  # type: ignore[call-arg, unused-ignore]
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        raise Invalid(f"{name}: {first['msg']}.", field=name) from error
