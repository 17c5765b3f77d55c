"""The Map page: the most rated films, similar ones side by side."""

from __future__ import annotations

from functools import partial
from math import hypot

import streamlit as st

from client.answers import Film, MapFilm
from client.client import Api
from client.errors import ApiProblem
from webapp import source
from webapp.charts.film_map import map_points
from webapp.elements import cards
from webapp.elements.frame import heading, run_guarded
from webapp.elements.inline import component
from webapp.elements.picker import FILM, choose, pick_film, references
from webapp.palette import main_genre
from webapp.wording import film_label

CHART = "map"
LISTED = 12  # films of the list beside the map
SPOT = "spot"  # name in the address of the film that is open on the map
NOTE = (
    "Made when the model was trained: the taste of everybody who rated, and what is known of each title, laid out by "
    '<a href="https://www.jmlr.org/papers/v9/vandermaaten08a.html">t-SNE</a>. Only neighbourhoods mean something; '
    "directions and large distances do not. Larger dots have more ratings."
)


def draw() -> None:
    """Draw the Map page: a chart of films, similar ones side by side."""
    words = source.words()
    heading(
        f"The map of {words.many}",
        f"{words.many_first} that the same people love, or that share their makers and genres, lie close together.",
    )
    api = source.api()
    try:
        films = api.film_map()
    except ApiProblem as problem:
        st.info(cards.problem_text(problem), icon=":material/map:")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        sought = pick_film(api, SPOT, label=f"Find {words.an} on the map")
    names = sorted({genre for film in films for genre in film.genres})
    with right:
        genres = st.multiselect("Let genres stand out", names, key="highlight", bind="query-params") if names else []
    with st.container(key="map-card"):
        _opened(api, sought, films)
    text = f"Map of {len(films)} {words.many}; the list below it names those near the chosen one"
    with st.container(key="wide-map"):
        st.html(cards.genre_legend([main_genre(film.genres) for film in films]))
        hint = f"Drag to move, hold Ctrl and scroll to look closer, click {words.an} to open it."
        marked = sought.movie_id if sought else None
        data = {"films": map_points(tuple(films), tuple(genres)), "marked": marked, "alt": text, "hint": hint}
        component("film_map", is_alone=False)(key=CHART, data=data, on_opened_change=partial(_opened_on_map, films))
    _neighbours([film for film in films if not genres or set(genres) & set(film.genres)], films, sought)
    st.html(f'<p class="mr-note">{NOTE}</p>')


def _opened_on_map(films: list[MapFilm]) -> None:
    """Write the film that was clicked to the address, so that it opens like one that was typed."""
    movie_id = st.session_state[CHART]["opened"]["movie_id"]
    for film, reference in zip(films, references(films), strict=True):
        if film.movie_id == movie_id:
            choose(SPOT, reference)


def _neighbours(offered: list[MapFilm], films: list[MapFilm], sought: Film | None) -> None:
    """Draw the map as a list: films near the chosen one, or the best known; each leads to films like it."""
    words = source.words()
    middle = next((film for film in films if sought and film.movie_id == sought.movie_id), None)
    listed = nearest(offered, middle)[:LISTED] if middle else offered[:LISTED]
    st.subheader(f"Close to {cards.plain(middle.title)}" if middle else f"Well-known {words.many}", anchor=False)
    with st.grid("auto", min_column_width=230, gap="small"):
        for film in listed:
            label = film_label(film.title, film.year)
            query = {FILM: f"{label} #{film.movie_id}"}
            st.page_link("views/recommendations.py", label=cards.plain(label), query_params=query)


def nearest(films: list[MapFilm], middle: MapFilm) -> list[MapFilm]:
    """Return the other films, those closest to `middle` on the map first."""
    others = [film for film in films if film.movie_id != middle.movie_id]
    return sorted(others, key=lambda film: hypot(film.x - middle.x, film.y - middle.y))


def _opened(api: Api, film: Film | None, films: list[MapFilm]) -> None:
    if film is None:
        return
    with st.container(border=True):
        words = source.words()
        st.html(cards.hero(film, words.labels))
        if film.movie_id not in {entry.movie_id for entry in films}:
            st.html(cards.note(f"This {words.one} has too few ratings to be on the map."))
        query = {FILM: references([film])[0]}
        with st.container(horizontal=True):
            page, icon = "views/recommendations.py", ":material/movie:"
            st.page_link(page, label=f"{words.many_first} like this", icon=icon, query_params=query)
            st.page_link("views/analytics.py", label="Its ratings", icon=":material/bar_chart:", query_params=query)


if __name__ == "__main__":
    run_guarded(draw)
