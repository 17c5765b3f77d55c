"""Settings of the service, read from environment variables with the prefix MOVIEREC_."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from recommender import home
from recommender.errors import UsageError

_PREFIX = "MOVIEREC_"
_SHOWN = 60  # characters of a wrong value in a message

LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    BeforeValidator(lambda level: level.upper() if isinstance(level, str) else level),
]


class Settings(BaseSettings):
    """Read from the environment: MOVIEREC_WORKERS=4 sets `workers`; lists are JSON: '["films.org", "localhost"]'."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, extra="ignore", frozen=True, populate_by_name=True, allow_inf_nan=False
    )

    # where it listens
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    workers: int = Field(2, ge=1, le=64, description="API processes")

    # where models come from
    store_dir: Path = Field(default_factory=home.served_models, description="local model store: the last good versions")
    store_group: str | None = Field(None, description="group whose members may read the local model store")
    tracking_uri: str = Field(
        default_factory=home.runs_address,
        validation_alias=AliasChoices("MLFLOW_TRACKING_URI", "MOVIEREC_TRACKING_URI"),
        description="MLflow tracking store with the model registry; MLFLOW_TRACKING_URI sets it",
    )
    registered_model: str = Field("movielens-recommender", pattern=r"^[^/:\\]+$", description="name in the registry")
    alias: str = Field("champion", description="alias of the version to serve")
    challenger_alias: str | None = Field(None, description="alias of a second version, for ?model=challenger")
    poll_seconds: float = Field(1.0, gt=0, description="pause between two looks at the registry")
    stale_after_seconds: float = Field(15.0, gt=0, description="unconfirmed for this long, a version is called stale")
    watch_seconds: float = Field(0.25, gt=0, description="pause between two looks of a worker at the local store")
    artifact_sources: list[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9+.-]*:/")]] = Field(
        [], description="where versions may lie beside the registry's own place, for example s3://bucket/films"
    )
    max_version_bytes: int = Field(20 * 2**30, ge=1, description="refuse larger versions")
    max_version_files: int = Field(2000, ge=1, description="refuse versions of more files")
    keep_versions: int = Field(5, ge=1, description="versions kept in the local store")
    inspect_seconds: float = Field(600.0, gt=0, description="pause between two checks of the served version's hashes")
    allow_unjudged: bool = Field(False, description="serve a champion that the promotion gate never judged")
    expected_dataset: str | None = Field(None, description="refuse models that were fitted on another data set")
    minimum_movies: int = Field(10, ge=1, description="refuse models with a smaller catalogue")

    # what it answers
    explain_users: bool = Field(False, description="reasons for a user_id may show what that user rated")
    tell_versions: bool = Field(True, description="/versions and /experiment tell of newer versions than the served")

    # what people do with its answers
    events: bool = Field(False, description="take events, and sign an id into each list of recommendations")
    events_days: float = Field(365.0, gt=0, description="events are removed so many days after they came in")
    events_max_bytes: int = Field(2 * 2**30, ge=1, description="refuse events while those on disk take more")
    events_per_second: float = Field(2000.0, gt=0, description="events taken, for each worker; more get 429")
    events_body_bytes: int = Field(1_048_576, ge=1, description="largest accepted body of POST /events")
    explore: float = Field(
        0.0, ge=0, le=0.5, description="share of places left to chance in lists for calls with x-visitor"
    )
    root_path: str = Field(
        "",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="path below which a proxy serves the API, for example /films; the proxy takes it off",
    )

    # protection
    allowed_hosts: list[str] = Field(
        ["localhost", "127.0.0.1", "[::1]"], description="accepted Host names, without port; '*' accepts every one"
    )
    allowed_origins: list[str] = Field([], description="accepted cross-origin callers, for example https://films.org")
    admin_token: SecretStr | None = Field(None, description="bearer token of /admin; without one /admin does not exist")
    max_body_bytes: int = Field(2 * 2**20, ge=1, le=4_000_000, description="largest accepted request body")
    request_timeout_seconds: float = Field(8.0, gt=0, description="time for a whole request to arrive")
    answer_timeout_seconds: float = Field(10.0, gt=0, description="time for a caller to take an answer's bytes")
    running_limit: int = Field(2, ge=1, description="computed answers worked on at once, for each worker")
    queue_limit: int = Field(8, ge=0, description="computed answers waiting, for each worker; more get 503")
    queue_timeout_seconds: float = Field(5.0, gt=0, description="longest wait of a computed answer; then 503")
    drain_seconds: float = Field(1.0, ge=0, description="time between 'not ready' and closing the listeners")
    graceful_seconds: int = Field(20, ge=1, description="time for answers under way when stopping")

    # what it tells
    log_level: LogLevel = Field("INFO", description="lowest level that is logged")
    access_log: bool = Field(False, description="log every request, not failures alone")


def read_settings(**options: Any) -> Settings:
    """Return the settings, with `options` of a command line in front of the environment.

    Raises UsageError that names the variable, its value and what is expected.
    """
    empty = [_variable(name) for name in Settings.model_fields if os.environ.get(_variable(name)) == ""]
    if empty:
        raise UsageError(f"{empty[0]} is set but empty: expected a value. Give it one, or unset it.")
    try:
        return Settings(**options)
    except ValidationError as error:
        fault = error.errors()[0]
        name = str(fault["loc"][0])
        reason = fault["msg"].replace("Input should be", "expected").replace("String should", "expected a text to")
        raise UsageError(_refusal(name, options.get(name), reason)) from None
    except SettingsError as error:  # a list that is no JSON
        name = str(error).split('"')[1]
        raise UsageError(_refusal(name, None, 'expected JSON, for example ["films.org", "localhost"]')) from None


def _refusal(name: str, option: object, reason: str) -> str:
    """Return one line on a setting that is wrong; the value of a secret is left out."""
    setting = _variable(name) if option is None else f"--{name}"
    value = os.environ.get(_variable(name), "") if option is None else str(option)
    shown = "" if Settings.model_fields[name].annotation == SecretStr | None else f" {value[:_SHOWN]!r}"
    description = Settings.model_fields[name].description
    return f"{setting}{shown} is not valid: {reason}. It sets this: {description}."


def _variable(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"{_PREFIX}{name.upper()}"
