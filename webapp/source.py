"""The one place where pages get their data: the service, cached for as long as the same version is served."""

from __future__ import annotations

import streamlit as st

from webapp.api_client import Api, Json, Params, Transport
from webapp.api_models import ModelCard
from webapp.settings import Settings

VERSION_SECONDS = 5  # a promotion shows after at most this long
ANSWER_SECONDS = 900  # answers of one version do not change; this only bounds memory
ANSWERS_KEPT = 500


def settings() -> Settings:
    """Settings from the environment as it is now."""
    return Settings()


def served() -> ModelCard:
    """The version that answers. Raises WebappError."""
    address = settings().api_url
    return Api(lambda path, params: _fresh(address, path, params), _transport(address).post).model()


def api() -> Api:
    """The service, its answers to GET remembered until another version is served. Raises WebappError."""
    address = settings().api_url
    model = served().model
    version = f"{model.name} {model.version} {model.run_id}"
    return Api(lambda path, params: _answer(address, version, path, params), _transport(address).post)


@st.cache_resource(show_spinner=False)
def _transport(address: str) -> Transport:
    wanted = settings()
    return Transport(address, connect_seconds=wanted.api_connect_seconds, read_seconds=wanted.api_read_seconds)


@st.cache_data(ttl=VERSION_SECONDS, show_spinner=False)
def _fresh(address: str, path: str, params: Params) -> Json:
    return _transport(address).get(path, params)


@st.cache_data(ttl=ANSWER_SECONDS, max_entries=ANSWERS_KEPT, show_spinner="Asking the service …")
def _answer(address: str, version: str, path: str, params: Params) -> Json:
    return _transport(address).get(path, params)
