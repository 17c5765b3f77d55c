"""Controls that filter, steer and turn a list of recommendations; each keeps its value in the address bar."""

from __future__ import annotations

from typing import Any

import streamlit as st

from client.answers import Film
from client.client import Api
from client.errors import optional
from webapp.data_words import DataWords
from webapp.elements import cards
from webapp.state import list_options

STEERABLE = ("tag", "user_tag", "genre", "director", "actor")
LEAST = "At least so many ratings"
VARIETY = (
    "0 keeps the closest films; more mixes in films that differ from those above them (maximal marginal relevance)."
)
STEERING = "Pull the list towards those that have more of this."
TRAITS = 10  # offered of a film
AS_IT_COMES = "As it comes"
FAME = {"Hidden": -1.0, "Rather hidden": -0.5, AS_IT_COMES: 0.0, "Rather famous": 0.5, "Famous": 1.0}
AGE = {"Old": -1.0, "Rather old": -0.5, AS_IT_COMES: 0.0, "Rather new": 0.5, "New": 1.0}


def list_controls(api: Api, *, n: int = 12, prefix: str = "") -> dict[str, Any]:
    """Draw the controls for length, filters, variety and steering, and return the chosen options of a list.

    `prefix`: of their names in the session and in the address, so that a choice on one page acts on that page alone.
    """
    dataset, genres = api.dataset(), api.genres()
    words = DataWords.of(dataset)
    whole = (dataset.first_year, dataset.last_year) if dataset.first_year and dataset.last_year else None
    neutral = _neutral(prefix, whole, words)
    on = [key for key, value in neutral.items() if _is_on(key, value)]
    label = f"Filters ({len(on)} on)" if on else "Filters, variety and steering"
    with st.expander(label, icon=":material/tune:", key=f"{prefix}filters"):
        left, middle, right = st.columns(3, gap="medium")
        with left:
            length = st.slider(f"How many {words.many}", 4, 40, n, key=f"{prefix}n", bind="query-params")
            names = [genre.genre for genre in genres]
            chosen = _several("Genres", names, f"{prefix}genres") if names else []
            facets = _facets(api, words, prefix)
        with middle:
            years = _years(whole, prefix)
            label = LEAST if words.has_ratings else "At least so many people"
            least = st.slider(label, 0, 200, 0, 5, key=f"{prefix}least", bind="query-params")
        with right:
            key = f"{prefix}variety"
            variety = st.slider("Variety", 0.0, 1.0, 0.0, 0.1, key=key, bind="query-params", help=VARIETY)
            more, less = _steering(api, words, prefix)
    if on:
        st.button("Clear filters", key=f"{prefix}clear", icon=":material/filter_alt_off:", type="tertiary",
                  on_click=st.session_state.update, args=(neutral,))  # fmt: skip
    return list_options(
        n=length, genres=chosen, facet=facets, years=years, all_years=whole, min_ratings=least, diversity=variety,
        tag_boost=more, tag_suppress=less,
    )  # fmt: skip


def _neutral(prefix: str, whole: tuple[int, int] | None, words: DataWords) -> dict[str, object]:
    """Return the neutral value of each control, which leaves the list as it is, by its key."""
    lists = ("genres", "more", "less", *(f"facet-{facet.name}" for facet in words.facets))
    values: dict[str, object] = {name: [] for name in lists} | {"least": 0, "variety": 0.0, "years": whole}
    return {f"{prefix}{name}": value for name, value in values.items() if value is not None}


def _is_on(key: str, neutral: object) -> bool:
    """Return whether a control acts; before it was drawn, its value is in the address alone."""
    return st.session_state[key] != neutral if key in st.session_state else key in st.query_params


def _years(whole: tuple[int, int] | None, prefix: str) -> tuple[int, int] | None:
    if whole is None or whole[0] == whole[1]:
        return None
    first, last = st.slider("Released", *whole, whole, key=f"{prefix}years", bind="query-params")
    return first, last


def _several(label: str, names: list[str], key: str, **limits: Any) -> list[str]:
    return list(st.multiselect(label, names, key=key, bind="query-params", **limits))


def _facets(api: Api, words: DataWords, prefix: str) -> list[str]:
    """Draw a filter for each facet beside the genres, and return the chosen values as facet:value."""
    chosen = []
    for facet in words.facets:
        names = [entry.value for entry in api.facet_values(facet.name)]
        values = _several(facet.label, names, f"{prefix}facet-{facet.name}")
        chosen += [f"{facet.name}:{value}" for value in values]
    return chosen


def _steering(api: Api, words: DataWords, prefix: str) -> tuple[list[str], list[str]]:
    """Draw the choices “More” and “Less”; none where the served version has no tags."""
    names = list(dict.fromkeys(tag.name for tag in api.tags() if tag.kind in {*STEERABLE, *words.labels}))
    if not names:
        return [], []
    keys = more_key, less_key = f"{prefix}more", f"{prefix}less"
    more = _several("More", names, more_key, max_selections=10, help=STEERING,
                    on_change=take_over, args=(*keys, f"{less_key}-of"))  # fmt: skip
    less = _several("Less", names, less_key, max_selections=10,
                    on_change=take_over, args=(less_key, more_key, f"{more_key}-of"))  # fmt: skip
    return more, less


def take_over(key: str, *others: str) -> None:
    """Remove the values chosen in the control `key` from the `others`; for its on_change."""
    for other in others:
        if names := st.session_state.get(other):
            st.session_state[other] = [name for name in names if name not in st.session_state[key]]


def preferences() -> dict[str, Any]:
    """Draw “famous or hidden” and “old or new”; return the choices under the service's parameter names."""
    left, right = st.columns(2, gap="medium")
    with left:
        fame = st.select_slider("Hidden or famous", list(FAME), AS_IT_COMES, key="fame", bind="query-params")
    with right:
        age = st.select_slider("Old or new", list(AGE), AS_IT_COMES, key="age", bind="query-params")
    chosen = {"popularity": FAME[fame], "recency": AGE[age]}
    return {name: value for name, value in chosen.items() if value}


def tuner(api: Api, film: Film, options: dict[str, Any]) -> dict[str, Any]:
    """Draw chips of the film's traits and the preferences; return the list's `options` with the choices added."""
    more: list[str] = []
    less: list[str] = []
    if names := traits(api, film):
        left, right = st.columns(2, gap="medium")
        title = cards.plain(film.title)
        more = left.pills(
            f"More of this in {title}", names, selection_mode="multi", format_func=cards.plain, key="more-of",
            wrap=True, bind="query-params", on_change=take_over, args=("more-of", "less-of", "less"),
        )  # fmt: skip
        less = right.pills(
            "Less of this", names, selection_mode="multi", format_func=cards.plain, key="less-of", wrap=True,
            bind="query-params", on_change=take_over, args=("less-of", "more-of", "more"),
        )  # fmt: skip
    boosted = list(dict.fromkeys([*options.get("tag_boost", []), *more]))
    suppressed = list(dict.fromkeys([*options.get("tag_suppress", []), *less]))
    steered = {"tag_boost": boosted, "tag_suppress": [name for name in suppressed if name not in boosted]}  # of a link
    return options | preferences() | {name: names for name, names in steered.items() if names}


def traits(api: Api, film: Film) -> list[str]:
    """Return the traits of a film by which a list can be steered; none if the version has no traits."""
    features = optional(lambda: api.features(film.movie_id)) or []
    steerable = [feature for feature in features if feature.kind in STEERABLE]
    steerable.sort(key=lambda feature: feature.kind != "genre")  # genres first; what tells most leads the others
    return list(dict.fromkeys(feature.name for feature in steerable))[:TRAITS]
