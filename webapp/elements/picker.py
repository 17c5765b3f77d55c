"""Choose a film: a dropdown of the best-known films that also takes any typed title."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from client.answers import Film, Recommendation, Suggestion
from client.client import Api, suggestions
from client.errors import ApiProblem
from webapp.elements.cards import plain, problem_text
from webapp.wording import film_label

# Key of the dropdown that pages share, and its name in the address bar. A page whose links pass a film must not use it:
# Streamlit drops a link's parameter if the page binds one of the same name.
FILM = "film"
BEST_KNOWN = 100
LONGEST = 200  # letters of a title that are searched for
PLACEHOLDER = "Type a title, or pick one"


def pick_film(api: Api, key: str, *, label: str) -> Film | None:
    """Draw the film dropdown and return the chosen film, or None; offer films for a title that is not found.

    The choice is kept in the address bar under `key`.
    """
    popular = {film_label(film.title, film.year): film for film in api.top("count", n=BEST_KNOWN)}
    typed = st.session_state.get(key) or st.query_params.get(key)
    text = st.selectbox(
        label, with_typed(list(popular), typed), index=None, key=key, placeholder=PLACEHOLDER,
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
    """Return the dropdown's options with the typed title as one of them, so that it stays chosen."""
    return options if not typed or typed in options else [typed, *options]


def find_film(api: Api, text: str) -> Film:
    """Return the film of a typed title, or of an id such as "#318".

    Raises ApiProblem, which may carry suggestions.
    """
    _, mark, raw_id = text.rpartition("#")
    if mark and raw_id:
        try:
            return api.movie(raw_id)
        except ApiProblem:  # a title may hold the mark too
            pass
    return api.movie(api.resolve(text))


def references(films: Sequence[Film | Recommendation | Suggestion]) -> list[str]:
    """Return a unique label for each film; films of the same title and year get their id appended."""
    labels = [film_label(film.title, film.year) for film in films]
    return [
        f"{label} #{film.movie_id}" if labels.count(label) > 1 else label
        for label, film in zip(labels, films, strict=True)
    ]


def choose(key: str, reference: str) -> None:
    """Select a film in the dropdown `key`; for a button's on_click."""
    st.session_state[key] = reference


def _offer(problem: ApiProblem, api: Api, text: str, key: str) -> None:
    """Say why the title was not found, and offer films that may have been meant."""
    films: Sequence[Suggestion | Film] = suggestions(problem) or api.search(text[:LONGEST])
    if problem.kind == "title-ambiguous":
        st.info("Several have this title. Which one?", icon=":material/help:")
    else:
        said = "No title is that long." if len(text) > LONGEST else problem_text(problem)
        st.info(f"{said} Perhaps one of these?" if films else said, icon=":material/search_off:")
    with st.container(horizontal=True, gap="small"):
        for i, reference in enumerate(references(films)):
            st.button(plain(reference), key=f"{key}-offer-{i}", on_click=choose, args=(key, reference))
