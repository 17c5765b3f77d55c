"""Controls that filter and steer a list of recommendations; each keeps its value in the address bar."""

from __future__ import annotations

import streamlit as st

from client.client import Api
from webapp.data_words import DataWords
from webapp.state import Wish

STEERABLE = ("tag", "user_tag", "genre", "director", "actor")


def list_controls(api: Api, *, n: int = 12) -> Wish:
    """Draw the controls for length, filters, variety and steering, and return what the visitor chose."""
    dataset, genres = api.dataset(), api.genres()
    words = DataWords.of(dataset)
    whole = (dataset.first_year, dataset.last_year) if dataset.first_year and dataset.last_year else None
    with st.expander("Filters, variety and steering", icon=":material/tune:"):
        left, middle, right = st.columns(3, gap="medium")
        with left:
            length = st.slider(f"How many {words.many}", 4, 40, n, key="n", bind="query-params")
            names = [genre.genre for genre in genres]
            chosen = st.multiselect("Genres", names, key="genres", bind="query-params") if names else []
            facets = _facets(api, words)
        with middle:
            years = _years(whole)
            least = st.slider(
                LEAST if words.has_ratings else "At least so many people",
                0,
                200,
                0,
                5,
                key="least",
                bind="query-params",
            )
        with right:
            variety = st.slider("Variety", 0.0, 1.0, 0.0, 0.1, key="variety", bind="query-params", help=VARIETY)
            more, less = _steering(api, words)
    return Wish(length, tuple(chosen), years, whole, least, variety, more, less, facets)


LEAST = "At least so many ratings"
VARIETY = (
    "0 keeps the closest films; more mixes in films that differ from those above them (maximal marginal relevance)."
)


def _years(whole: tuple[int, int] | None) -> tuple[int, int] | None:
    if whole is None or whole[0] == whole[1]:
        return None
    first, last = st.slider("Released", *whole, whole, key="years", bind="query-params")
    return first, last


def _facets(api: Api, words: DataWords) -> tuple[str, ...]:
    """Draw a filter for each facet beside the genres, and return the chosen values as facet:value."""
    chosen = []
    for facet in words.facets:
        names = [entry.value for entry in api.facet_values(facet.name)]
        values = st.multiselect(facet.label, names, key=f"facet-{facet.name}", bind="query-params")
        chosen += [f"{facet.name}:{value}" for value in values]
    return tuple(chosen)


def _steering(api: Api, words: DataWords) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Draw the choices “More” and “Less”; none where the served version has no tags."""
    names = list(dict.fromkeys(tag.name for tag in api.tags() if tag.kind in {*STEERABLE, *words.labels}))
    if not names:
        return (), ()
    more = st.multiselect("More", names, key="more", bind="query-params", max_selections=10, help=STEERING)
    less = st.multiselect("Less", names, key="less", bind="query-params", max_selections=10)
    return tuple(more), tuple(less)


STEERING = "Pull the list towards those that have more of this."
