"""Choosing a film: a dropdown of the best-known ones that also takes any typed title."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from client.answers import Film, Recommendation, Suggestion
from client.client import Api, suggestions
from client.errors import ApiProblem
from webapp.wording import film_label

# The dropdown that pages share, and its name in the address bar. A page that links to others with a film must not have
# it: Streamlit drops a link's parameter where the page at hand binds one of the same name.
FILM = "film"
BEST_KNOWN = 100
_NUMBERED = re.compile(r"#(\d{1,15})$")


def pick_film(
    api: Api, key: str, *, label: str = "Film", placeholder: str = "Type a title, or pick a film"
) -> Film | None:
    """The dropdown and, where a typed title needs it, films to choose from instead. None while nothing is chosen.

    The choice is kept in the address bar under `key`.
    """
    popular = {film_label(film.title, film.year): film for film in api.top("count", n=BEST_KNOWN)}
    typed = st.session_state.get(key) or st.query_params.get(key)
    text = st.selectbox(
        label, with_typed(list(popular), typed), index=None, key=key, placeholder=placeholder,
        accept_new_options=True, filter_mode="contains", bind="query-params", icon=":material/search:",
    )  # fmt: skip
    if not text:
        return None
    try:
        return popular.get(text) or find_film(api, text)
    except ApiProblem as problem:
        _offer(problem, api, text, key)
        return None


def with_typed(options: list[str], typed: str | None) -> list[str]:
    """The options, and what was typed before as one of them, so that it stays chosen."""
    return options if not typed or typed in options else [typed, *options]


def find_film(api: Api, text: str) -> Film:
    """The film of a typed title, or of a number such as "#318". Raises ApiProblem, which may carry suggestions."""
    numbered = _NUMBERED.search(text)
    if numbered:
        return api.movie(int(numbered[1]))
    return api.movie(api.resolve(text))


def references(films: Sequence[Film | Recommendation | Suggestion]) -> list[str]:
    """A text for each film that finds it again; films of one title and year are told apart by number."""
    labels = [film_label(film.title, film.year) for film in films]
    return [
        f"{label} #{film.movie_id}" if labels.count(label) > 1 else label
        for label, film in zip(labels, films, strict=True)
    ]


def choose(key: str, reference: str) -> None:
    """Put a film into the dropdown `key`; for a button's on_click."""
    st.session_state[key] = reference


def _offer(problem: ApiProblem, api: Api, text: str, key: str) -> None:
    """Say why the title did not do, and offer the films that may have been meant."""
    films: Sequence[Suggestion | Film] = suggestions(problem) or api.search(text)
    if problem.kind == "title-ambiguous":
        st.info("Several films have this title. Which one?", icon=":material/help:")
    else:
        st.info(f"{problem} Perhaps one of these?" if films else str(problem), icon=":material/search_off:")
    with st.container(horizontal=True, gap="small"):
        for i, reference in enumerate(references(films)):
            st.button(reference, key=f"{key}-offer-{i}", on_click=choose, args=(key, reference))
