"""Access to the service for all pages; answers are cached for as long as the same model versions are served."""

from __future__ import annotations

import json
import os
from functools import cache

import streamlit as st

from client.answers import AboutModel, ExperimentAnswer, ModelCard, Versions
from client.client import CHALLENGER, Api, Json, Params, Transport
from client.errors import WebappError, optional
from webapp.data_words import FILMS, DataWords
from webapp.settings import Settings

# Answers are frozen, so that sessions share them as resources; data would be copied for each of them.
VERSION_SECONDS = 5  # longest time until the pages notice a promotion
ANSWER_SECONDS = 900  # answers of one version do not change; this only bounds memory
ANSWERS_KEPT = 500


def settings() -> Settings:
    """Return the web page's settings, read from the environment now."""
    return _settings(tuple(item for item in os.environ.items() if item[0].startswith("MOVIEREC_")))


@cache
def _settings(environment: tuple[tuple[str, str], ...]) -> Settings:
    return Settings()


def served() -> ModelCard:
    """Return the model card of the champion, the served version. Raises WebappError."""
    return _card(settings().api_url, "champion")


def challenger() -> ModelCard | None:
    """Return the model card of the challenger, or None where the service serves none. Raises WebappError."""
    return _challenger(settings().api_url)


def versions() -> Versions:
    """Return the registered versions as the service knows them. Raises WebappError."""
    return _versions(settings().api_url)


def experiment() -> ExperimentAnswer | None:
    """Return the experiment that was started last, and drift; None without events. Raises WebappError."""
    return _experiment(settings().api_url)


def api() -> Api:
    """Return a client of the service that caches answers until another version is served. Raises WebappError."""
    address = settings().api_url
    versions = " ".join(f"{card.model.version}-{card.model.run_id}" for card in (served(), challenger()) if card)
    return Api(
        lambda path, params: _answer(address, versions, path, params),
        lambda path, body: _posted(address, versions, path, json.dumps(body, sort_keys=True)),
    )


def words() -> DataWords:
    """Return the words for the served data set; those of films while the service does not answer."""
    try:
        return DataWords.of(api().dataset())
    except WebappError:
        return FILMS


def about() -> dict[str, AboutModel]:
    """Return the served version's descriptions of its algorithms; none while the service does not answer."""
    try:
        return served().about
    except WebappError:
        return {}


@st.cache_resource(show_spinner=False)
def _transport(address: str) -> Transport:
    limits = settings()
    return Transport(address, connect_seconds=limits.api_connect_seconds, read_seconds=limits.api_read_seconds)


@st.cache_resource(ttl=VERSION_SECONDS, show_spinner=False)
def _card(address: str, slot: str) -> ModelCard:
    return _direct(address).model(slot)


@st.cache_resource(ttl=VERSION_SECONDS, show_spinner=False)
def _challenger(address: str) -> ModelCard | None:
    return optional(lambda: _card(address, CHALLENGER))


@st.cache_resource(ttl=VERSION_SECONDS, show_spinner=False)
def _versions(address: str) -> Versions:
    return _direct(address).versions()


@st.cache_resource(ttl=VERSION_SECONDS, show_spinner=False)
def _experiment(address: str) -> ExperimentAnswer | None:
    return optional(_direct(address).experiment)


def _direct(address: str) -> Api:
    transport = _transport(address)
    return Api(transport.get, transport.post)


@st.cache_data(ttl=ANSWER_SECONDS, max_entries=ANSWERS_KEPT, show_spinner="Asking the service …")
def _answer(address: str, versions: str, path: str, params: Params) -> Json:
    return _transport(address).get(path, params)


@st.cache_data(ttl=ANSWER_SECONDS, max_entries=ANSWERS_KEPT, show_spinner="Asking the service …")
def _posted(address: str, versions: str, path: str, body: str) -> Json:
    return _transport(address).post(path, json.loads(body))
