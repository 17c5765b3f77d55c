"""Settings of the service, read from environment variables with the prefix MOVIEREC_."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, SecretStr, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

from recommender import home


class Settings(BaseSettings):
    """Read from the environment: MOVIEREC_WORKERS=4 sets `workers`; lists are JSON: '["films.org", "localhost"]'."""

    model_config = SettingsConfigDict(env_prefix="MOVIEREC_", extra="ignore", frozen=True, populate_by_name=True)

    # where it listens
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    workers: int = Field(2, ge=1, le=64, description="API processes")

    # where models come from
    store_dir: Path = Field(default_factory=home.served_models, description="local model store: the last good versions")
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

    # what people do with its answers
    events: bool = Field(False, description="take events, and sign an id into each list of recommendations")
    events_days: float = Field(365.0, gt=0, description="events are removed so many days after they came in")
    events_max_bytes: int = Field(2 * 2**30, ge=1, description="refuse events while those on disk take more")
    events_per_second: float = Field(2000.0, gt=0, description="events taken, for each worker; more get 429")
    events_body_bytes: int = Field(1_048_576, ge=1, description="largest accepted body of POST /events")

    # protection
    allowed_hosts: list[str] = Field(
        ["localhost", "127.0.0.1", "[::1]"], description="accepted Host names, without port; '*' accepts every one"
    )
    allowed_origins: list[str] = Field([], description="accepted cross-origin callers, for example https://films.org")
    admin_token: SecretStr | None = Field(None, description="bearer token of /admin; without one /admin does not exist")
    max_body_bytes: int = Field(65_536, ge=1, description="largest accepted request body")
    request_timeout_seconds: float = Field(8.0, gt=0, description="time for a whole request to arrive")
    answer_timeout_seconds: float = Field(10.0, gt=0, description="time for a caller to take an answer's bytes")
    running_limit: int = Field(2, ge=1, description="computed answers worked on at once, for each worker")
    queue_limit: int = Field(8, ge=0, description="computed answers waiting, for each worker; more get 503")
    queue_timeout_seconds: float = Field(5.0, gt=0, description="longest wait of a computed answer; then 503")
    drain_seconds: float = Field(1.0, ge=0, description="time between 'not ready' and closing the listeners")
    graceful_seconds: int = Field(20, ge=1, description="time for answers under way when stopping")

    # what it tells
    log_level: str = Field("INFO", description="lowest level that is logged")
    access_log: bool = Field(False, description="log every request, not failures alone")
