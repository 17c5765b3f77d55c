"""Controls that turn a list: more or less of a film's own traits, famous or hidden, old or new."""

from __future__ import annotations

from typing import Any

import streamlit as st

from client.answers import Film
from client.client import Api
from client.errors import ApiProblem
from webapp.elements import cards
from webapp.elements.controls import STEERABLE, take_over

TRAITS = 10  # offered of a film
AS_IT_COMES = "As it comes"
FAME = {"Hidden": -1.0, "Rather hidden": -0.5, AS_IT_COMES: 0.0, "Rather famous": 0.5, "Famous": 1.0}
AGE = {"Old": -1.0, "Rather old": -0.5, AS_IT_COMES: 0.0, "Rather new": 0.5, "New": 1.0}


def preferences() -> dict[str, Any]:
    """Draw “famous or hidden” and “old or new”; return what was chosen under the service's parameter names."""
    left, right = st.columns(2, gap="medium")
    with left:
        fame = st.select_slider("Hidden or famous", list(FAME), AS_IT_COMES, key="fame", bind="query-params")
    with right:
        age = st.select_slider("Old or new", list(AGE), AS_IT_COMES, key="age", bind="query-params")
    chosen = {"popularity": FAME[fame], "recency": AGE[age]}
    return {name: value for name, value in chosen.items() if value}


def tuner(api: Api, film: Film, options: dict[str, Any]) -> dict[str, Any]:
    """Draw chips of the film's traits and the preferences; return the list's `options` with what was chosen."""
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
    """Return what a film is known for that a list can have more or less of; none where the version has no traits."""
    try:
        features = api.features(film.movie_id)
    except ApiProblem:
        return []
    known = [feature for feature in features if feature.kind in STEERABLE]
    known.sort(key=lambda feature: feature.kind != "genre")  # genres first; what tells most leads the others
    return list(dict.fromkeys(feature.name for feature in known))[:TRAITS]
