"""Settings of the web page, from environment variables with the prefix MOVIEREC_."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Addresses and time-outs of the web page; for example, MOVIEREC_API_URL sets `api_url`."""

    model_config = SettingsConfigDict(env_prefix="MOVIEREC_", extra="ignore", frozen=True, populate_by_name=True)

    api_url: str = Field("http://127.0.0.1:8000", description="address of the recommendation service")
    api_public_url: str | None = Field(
        None, description="address at which browsers reach the service, where it is another than api_url"
    )
    api_connect_seconds: float = Field(1.0, gt=0, description="longest wait for a connection to the service")
    api_read_seconds: float = Field(5.0, gt=0, description="longest wait for an answer of the service")
    mlflow_url: str | None = Field(None, description="address of the MLflow UI that pages link to")
    training_status: str | None = Field(None, description="file in which `movierec demo` says how far it has come")
