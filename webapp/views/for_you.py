"""The For you page: rate a few films and get a list of recommendations."""

from __future__ import annotations

import streamlit as st

from client.answers import Film, MapFilm, Recommendation, Recommendations
from client.client import Api
from client.errors import ApiProblem
from webapp import source
from webapp.data_words import DataWords
from webapp.elements import cards, reasons
from webapp.elements.controls import list_controls
from webapp.elements.frame import heading, run_guarded
from webapp.elements.lists import LIKES, listing
from webapp.elements.picker import FILM, pick_film
from webapp.elements.rating import TASTE, rate
from webapp.elements.why_not import why_not
from webapp.exports import recommendations_csv
from webapp.state import deck, moves

PAGE, SHOWN = "deck-page", "shown-list"  # keys of the session state; nothing is stored elsewhere
ENOUGH = 5
BEST_KNOWN = 100


def draw() -> None:
    """Draw the For you page: films to rate, and the recommendations that follow from the ratings."""
    words = source.words()
    heading(
        "A list of your own",
        f"{_task(words)}. The list below changes with every {'star' if words.in_stars else 'one'}. Nothing is stored: "
        "close the page, and it is forgotten.",
    )
    api = source.api()
    taste: dict[int | str, float] = st.session_state.setdefault(TASTE, {})
    _deck(api, taste)
    _typed(api)
    _rated(api, taste)
    wish = list_controls(api, n=9)
    try:
        answer = api.for_ratings(taste, wish.options())
    except ApiProblem as problem:
        text = _no_list_for_visitors(words) if problem.kind == "no-new-users" else cards.problem_text(problem)
        st.info(text, icon=":material/info:")
        return
    _list(answer, taste)
    why_not(api, taste, wish.options())


def _no_list_for_visitors(words: DataWords) -> str:
    """Return what a visitor is told where the model knows the users of its training data alone."""
    return (
        "The model that answers now has lists for the people whose ratings it learned from, and cannot make one for "
        f"somebody new. It still finds {words.many} that are similar to one: see Recommendations."
    )


def _task(words: DataWords) -> str:
    """Return what the visitor is asked to do."""
    if not words.has_ratings:
        return f"Say which {words.many} you like"
    return f"{'Give stars to' if words.in_stars else 'Rate'} a handful of {words.many} that you know"


def _deck(api: Api, taste: dict[int | str, float]) -> None:
    """Draw films to rate; a rated film stays until the visitor asks for others."""
    page = st.session_state.setdefault(PAGE, 0)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Which of these do you know?", anchor=False)
        st.button("Show others", icon=":material/refresh:", key="others", on_click=_turn_page)
    with st.grid("auto", min_column_width=140, gap="small"):
        for film in deck(_well_known(api), page):
            with st.container(key=f"deck-{film.movie_id}", gap="xsmall"):
                st.html(cards.poster(film))
                rate(film, taste, "deck", source.words())


def _well_known(api: Api) -> list[MapFilm]:
    """Return well-known films with their places on the map; without a map, all at the origin."""
    try:
        return api.film_map()
    except ApiProblem:
        return [
            MapFilm(**film.model_dump(include=set(MapFilm.model_fields)), x=0.0, y=0.0)
            for film in api.top("count", n=BEST_KNOWN)
        ]


def _typed(api: Api) -> None:
    """Draw the dropdown to rate any other film."""
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with left:
        film = pick_film(api, "add", label=f"Or type {source.words().an} that you know")
    with right:
        if film is not None:
            rate(film, st.session_state[TASTE], "typed", source.words())


def _turn_page() -> None:
    st.session_state[PAGE] += 1


def _forget() -> None:
    st.session_state[TASTE] = {}


def _rated(api: Api, taste: dict[int | str, float]) -> None:
    """Draw the ratings so far, and a button to start again."""
    if not taste:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="rated"):
        films = [api.movie(movie_id) for movie_id in taste]
        st.html(cards.legend([(_said(film, taste), "#d59b2d") for film in films]))
        st.button("Start again", icon=":material/restart_alt:", type="tertiary", on_click=_forget)
    if len(taste) < ENOUGH:
        st.progress(len(taste) / ENOUGH, f"{len(taste)} rated. From about {ENOUGH} on, the list knows you.")


def _said(film: Film, taste: dict[int | str, float]) -> str:
    """Return what the visitor said of a film."""
    return f"{film.title}: {taste[film.movie_id]:g}" if source.words().has_ratings else film.title


def _list(answer: Recommendations, taste: dict[int | str, float]) -> None:
    before = st.session_state.get(SHOWN) if taste else None
    films = answer.recommendations
    changed = moves(before, films) if before else {}
    st.session_state[SHOWN] = [film.movie_id for film in films]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Your list" if taste else "What most people like, until you rate", anchor=False)
        st.download_button(
            "Download CSV", recommendations_csv(answer), "for-you.csv", "text/csv", icon=":material/download:",
            on_click="ignore",
        )  # fmt: skip
    if not films:
        st.info(f"No {source.words().one} passes these filters. Loosen one of them.", icon=":material/filter_alt_off:")
        return
    badges = {movie_id: reasons.badge(move) for movie_id, move in changed.items()}
    listing(
        answer,
        _why,
        key="mine",
        label="Match" if taste else LIKES,
        digits=2 if taste else 0,
        more=_lead_on,
        labels=source.words().labels,
        badges=badges,
    )


def _why(film: Recommendation) -> list[str]:
    guess, words = film.predicted_rating, source.words()
    prediction = [] if guess is None else [f"You would give it about {words.rating(f'{guess:.1f}')}"]
    return [*prediction, *reasons.for_person(film, words)]


def _lead_on(key: str, reference: str) -> None:
    page, icon = "views/recommendations.py", ":material/arrow_forward:"
    with st.container(key=key):
        st.page_link(
            page,
            label=f"{source.words().many_first} like {cards.plain(reference)}",
            icon=icon,
            query_params={FILM: reference},
        )


if __name__ == "__main__":
    run_guarded(draw)
