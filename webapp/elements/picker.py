"""Choose a film: a box that finds every title of the service while somebody types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from client.answers import Film, MapFilm, Recommendation, Suggestion
from client.client import Api, suggestions
from client.errors import ApiProblem, WebappError, optional
from webapp import source
from webapp.elements.cards import plain, problem_text
from webapp.elements.inline import component
from webapp.wording import film_label

FILM = "film"  # name in the address of the film that a page is about
PLACEHOLDER = "Type a title, or pick one"
OFFERED = 8
LONGEST = 200  # characters of a typed title that are searched for


def pick_film(api: Api, key: str, *, label: str) -> Film | None:
    """Draw the title box and return the chosen film, or None; offer films for a title that is not found.

    The choice is in the address alone, under `key`, so that a copied address and the back button show it.
    """
    text = st.query_params.get(key, "")
    film, problem = None, None
    try:
        film = find_film(api, text) if text else None
    except ApiProblem as error:
        problem = error
    _title_box(key, label, film_label(film.title, film.year) if film else text, choose)
    if problem:
        _offer(problem, api, text, key, partial(choose, key))
    return film


def find_film(api: Api, text: str) -> Film:
    """Return the film of a typed title, or of an id such as "#318".

    Raises ApiProblem, which may carry suggestions.
    """
    _, mark, raw_id = text.rpartition("#")
    film = optional(lambda: api.movie(raw_id)) if mark and raw_id else None  # a title may hold the mark too
    return film or api.movie(api.resolve(text))


def references(films: Sequence[Film | MapFilm | Recommendation | Suggestion]) -> list[str]:
    """Return a unique label for each film; films of the same title and year get their id appended."""
    labels = [film_label(film.title, film.year) for film in films]
    counts = Counter(labels)
    return [
        f"{label} #{film.movie_id}" if counts[label] > 1 else label for label, film in zip(labels, films, strict=True)
    ]


def add_films(api: Api, key: str, *, label: str, most: int) -> list[Film]:
    """Draw the title box and a remove button for each chosen film; return the chosen films, at most `most`.

    They are in the address, under `key`.
    """
    _title_box(key, label, "", _add)
    films: dict[int | str, Film] = {}
    unknown: dict[str, ApiProblem] = {}
    with st.container(horizontal=True, gap="small"):
        for text in dict.fromkeys(st.query_params.get_all(key)[:most]):
            try:
                film = find_film(api, text)
            except ApiProblem as error:
                unknown[text] = error
                title = text
            else:
                title = film_label(film.title, film.year)
                if film.movie_id in films:
                    continue
                films[film.movie_id] = film
            st.button(
                plain(title), key=f"{key}-chosen-{text}", icon=":material/close:", help="Take it back",
                on_click=_take_back, args=(key, text),
            )  # fmt: skip
    for place, (text, problem) in enumerate(unknown.items()):
        _offer(problem, api, text, f"{key}-{place}", partial(_replace, key, text), about=f"“{plain(text)}”: ")
    return list(films.values())


def _add(key: str, reference: str) -> None:
    references = st.query_params.get_all(key)
    st.query_params[key] = list(dict.fromkeys([*references, reference]))


def _take_back(key: str, reference: str) -> None:
    st.query_params[key] = [other for other in st.query_params.get_all(key) if other != reference]


def _replace(key: str, text: str, reference: str) -> None:
    references = [reference if other == text else other for other in st.query_params.get_all(key)]
    st.query_params[key] = list(dict.fromkeys(references))


def choose(key: str, reference: str) -> None:
    """Write a film's reference to the address under `key`, or remove it if empty; for a button's on_click."""
    if reference:
        st.query_params[key] = reference
    else:
        st.query_params.pop(key, None)


def offers(api: Api, query: str) -> list[str]:
    """Return references of the films that a typed text may mean, best first; of the most rated for an empty text."""
    text = "".join(filter(str.isprintable, query)).strip()[:LONGEST]
    try:
        films = api.search(text, limit=OFFERED) if text else api.top("count", n=OFFERED)
        if not any(map(str.isalnum, text)):  # signs are like no letters: “$” is a title, a picture of a camera is none
            films = [film for film in films if text in film.title]
        return references(films)
    except ApiProblem:  # a text that no title can hold
        return []


@st.fragment
def _title_box(key: str, label: str, value: str, take: Callable[[str, str], None]) -> None:
    """Draw the box with `value` in it; while somebody types, this function alone is run again.

    `take(key, reference)` takes over the film that is chosen.
    """
    box = f"{key}-box"
    query = str((st.session_state.get(box) or {}).get("query") or "")
    options: list[str] = []
    problem = ""
    try:
        options = offers(source.api(), query)
    except WebappError as error:
        problem = f"{error.headline}."
    data = {
        "label": label, "value": value, "placeholder": PLACEHOLDER, "query": query, "problem": problem,
        "options": options, "is_adding": take is _add, "none": f"No {source.words().one} has a title like that.",
    }  # fmt: skip
    component("title_box")(key=box, data=data, on_query_change=_keep, on_chosen_change=partial(_open, key, box, take))


def _open(key: str, box: str, take: Callable[[str, str], None]) -> None:
    """Take over the film that was chosen in the box, and draw the whole page anew."""
    take(key, st.session_state[box]["chosen"]["reference"])
    st.rerun()


def _keep() -> None:
    """Do nothing: the typed text is read where the box is drawn."""


def _offer(problem: ApiProblem, api: Api, text: str, key: str, take: Callable[[str], None], *, about: str = "") -> None:
    """Explain why the title was not found, and offer similar titles; `take(reference)` receives the chosen one."""
    titles = references(suggestions(problem)) or offers(api, text)
    if problem.kind == "title-ambiguous":
        st.info(f"{about}Several have this title. Which one?", icon=":material/help:")
    else:
        reason = "No title is that long." if len(text) > LONGEST else problem_text(problem)
        message = f"{about}{reason}"
        st.info(f"{message} Perhaps one of these?" if titles else message, icon=":material/search_off:")
    with st.container(horizontal=True, gap="small"):
        for i, reference in enumerate(titles):
            st.button(plain(reference), key=f"{key}-offer-{i}", on_click=take, args=(reference,))
