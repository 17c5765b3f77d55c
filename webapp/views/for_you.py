"""The For you page: rate a few films and get a list of recommendations."""

from __future__ import annotations

from typing import Any

import streamlit as st

from client.answers import MapFilm, Recommendation, Recommendations
from client.client import Api
from client.errors import ApiProblem, optional
from webapp import source
from webapp.data_words import DataWords
from webapp.elements import cards, reasons
from webapp.elements.controls import list_controls
from webapp.elements.frame import heading, run_guarded
from webapp.elements.keeping import current_shelf, keeper, set_shelf
from webapp.elements.lists import headline, listing
from webapp.elements.own_history import own_history
from webapp.elements.picker import FILM, pick_film
from webapp.elements.rating import mark, rate
from webapp.elements.why_not import why_not
from webapp.shelf import kept_away, ratings, without
from webapp.state import deck, moves, usual_rating

PAGE, SHOWN = "deck-page", "shown-list"  # keys of the session state
KNOWN_USERS_ALONE = (
    "The model that answers now has lists for the people whose ratings it learned from, and cannot make one for "
    "somebody new. It still finds {many} that are similar to one: see Recommendations."
)
ENOUGH = 5
BEST_KNOWN = 100
LATEST = 12  # ratings that are shown to be taken back
MOST_EXCLUDED = 1000
SPARE = 2  # times as many films as are shown are asked for, where some are left out afterwards


def draw() -> None:
    """Draw the For you page: films to rate, and the recommendations that follow from the ratings."""
    words = source.words()
    heading(
        "A list of your own",
        f"{_task(words)}. The list below changes with every {'star' if words.in_stars else 'one'}. What you say stays "
        "in this browser until you erase it.",
    )
    api = source.api()
    keeper(api.dataset().name, words)
    _deck(api)
    _typed(api)
    _rated_so_far(words)
    own_history(api, words)
    chosen = list_controls(api, n=9, prefix="my-")
    with st.container(key="your-list"):
        try:
            options, start = _list(api, chosen, words)
        except ApiProblem as problem:
            is_closed = problem.kind == "no-new-users"
            text = KNOWN_USERS_ALONE.format(many=words.many) if is_closed else cards.problem_text(problem)
            st.info(text, icon=":material/info:")
            return
    why_not(api, current_shelf(), options, start)


def _task(words: DataWords) -> str:
    """Return the instruction to the visitor."""
    if not words.has_ratings:
        return f"Say which {words.many} you like"
    return f"{'Give stars to' if words.in_stars else 'Rate'} a handful of {words.many} that you know"


def _deck(api: Api) -> None:
    """Draw films to rate; a rated film stays until the visitor asks for others."""
    page, words = st.session_state.setdefault(PAGE, 0), source.words()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Which of these do you know?", anchor=False)
        st.button("Show others", icon=":material/refresh:", key="others", on_click=_turn_page)
    with st.grid("auto", min_column_width=310, gap="small"):
        for film in deck(_well_known(api), page):
            with st.container(key=f"deck-{film.movie_id}", gap="xsmall"):
                st.html(cards.row(film))
                rate(film, "deck", words)
    if words.has_ratings:
        text = (
            f"{words.like[:1].upper()}{words.like[1:]} or more says what to look for. Less says what you know and did "
            f"not like: it is never a reason for {words.an} in the list, and what is then expected below your usual "
            "rating is left out."
        )
        st.html(cards.note(text))


def _well_known(api: Api) -> list[MapFilm]:
    """Return well-known films with their places on the map; without a map, all at the origin."""
    return optional(api.film_map) or [
        MapFilm(**film.model_dump(include=set(MapFilm.model_fields)), x=0.0, y=0.0)
        for film in api.top("count", n=BEST_KNOWN)
    ]


def _typed(api: Api) -> None:
    """Draw the title box to rate any other film."""
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with left:
        film = pick_film(api, "add", label=f"Or type {source.words().an} that you know")
    with right:
        if film is not None:
            rate(film, "typed", source.words())


def _turn_page() -> None:
    st.session_state[PAGE] += 1


def _rated_so_far(words: DataWords) -> None:
    """Draw the latest films that were rated or marked, each a button that takes it back."""
    shelf = current_shelf()
    if not shelf:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="rated"):
        for movie_id, entry in list(shelf.items())[: -LATEST - 1 : -1]:
            rating = entry.mark if entry.rating is None else f"{entry.rating:g}" if words.has_ratings else "liked"
            st.button(
                f"{cards.plain(entry.label)}: {rating}", key=f"take-back-{movie_id}", icon=":material/close:",
                on_click=_take_back, args=(movie_id,), help="Take it back",
            )  # fmt: skip
    count = len(ratings(shelf))
    if count < ENOUGH:
        st.progress(count / ENOUGH, f"{count} rated. From about {ENOUGH} on, the list knows you.")


def _take_back(movie_id: int | str) -> None:
    set_shelf(without(current_shelf(), movie_id))


def _list(api: Api, chosen: dict[str, Any], words: DataWords) -> tuple[dict[str, Any], Recommendations | None]:
    """Draw the list; return its options, and the list itself where it is the start list of somebody without a like."""
    taste = ratings(current_shelf())
    options = chosen | {"exclude": kept_away(current_shelf())[:MOST_EXCLUDED]}
    mean = api.dataset().mean_rating
    usual = usual_rating(list(taste.values()), mean) if words.has_ratings and mean is not None else None
    likes_any = any(rating >= words.scale.like for rating in taste.values())
    only_dislikes = bool(taste) and not likes_any
    if only_dislikes:
        answer = without_a_like(api, taste, options)
    elif taste:
        answer, options = _of_taste(api, taste, options, usual)
    else:
        answer = api.for_ratings({}, options)
    if not taste:
        title = "What most people like, until you rate"
    elif likes_any:
        title = "Your list"
    else:
        title = f"What most people like, until you like {words.an}"
    headline(title, answer, "for-you.csv")
    if only_dislikes:
        st.info(_only_dislikes(words, usual), icon=":material/thumb_down:")
    _cards(answer, by_taste=likes_any, usual=usual)
    return options, answer if only_dislikes else None


def _of_taste(
    api: Api, taste: dict[int | str, float], options: dict[str, Any], usual: float | None
) -> tuple[Recommendations, dict[str, Any]]:
    """Return the list for the ratings, and its options.

    What is expected below the person's usual rating stays out unless asked for.
    """
    reasons_too = {"for_and_against": True}
    if usual is not None and not st.toggle(
        f"Also what is expected below your usual rating ({usual:.1f})", key="my-below", bind="query-params"
    ):
        above = options | {"min_expected": usual}
        try:
            return api.for_ratings(taste, above | reasons_too), above
        except ApiProblem as problem:
            if problem.kind != "no-predictions":
                raise
    return api.for_ratings(taste, options | reasons_too), options


def without_a_like(api: Api, taste: dict[int | str, float], options: dict[str, Any]) -> Recommendations:
    """Return the start list without the rated films, and without those expected below the person's usual rating."""
    away, length = [*taste, *options["exclude"]][:MOST_EXCLUDED], options["n"]
    start = api.for_ratings({}, options | {"exclude": away, "n": SPARE * length})
    offered = [film.movie_id for film in start.recommendations]
    if not offered:
        return start
    guesses = api.for_ratings(taste, {"candidates": offered, "n": len(offered), "for_and_against": True})
    by_id = {film.movie_id: film for film in guesses.recommendations}
    films = [film for film in start.recommendations if not by_id.get(film.movie_id, film).below_usual][:length]
    ranked = [
        film.model_copy(update={"rank": rank, "predicted_rating": by_id.get(film.movie_id, film).predicted_rating})
        for rank, film in enumerate(films, 1)
    ]
    return start.model_copy(update={"recommendations": ranked})


def _only_dislikes(words: DataWords, usual: float | None) -> str:
    line = "" if usual is None else f" Your usual rating counts as {words.rating(f'{usual:.1f}')} for now."
    return (
        f"You have not liked {words.an} yet, and a low rating never brings {words.an} up. Give {words.like} or more to "
        f"one, and your list begins.{line}"
    )


def _cards(answer: Recommendations, *, by_taste: bool, usual: float | None) -> None:
    films, words = answer.recommendations, source.words()
    before = st.session_state.get(SHOWN)
    changed = moves(before, films) if before and current_shelf() else {}
    st.session_state[SHOWN] = [film.movie_id for film in films]
    if not films:
        st.info(f"No {words.one} passes: loosen a filter, or rate a few more.", icon=":material/filter_alt_off:")
        return
    listing(
        answer, lambda film: _why(film, usual), key="mine", label="Match" if by_taste else "Likes",
        digits=2 if by_taste else 0, more=_lead_on, labels=words.labels,
        badges={movie_id: reasons.badge(move) for movie_id, move in changed.items()},
    )  # fmt: skip


def _why(film: Recommendation, usual: float | None) -> list[str]:
    """Return the predicted rating of a film, and the ratings that raise or lower it, in words."""
    guess, words = film.predicted_rating, source.words()
    lines = [] if guess is None else [f"You would give it about {words.rating(f'{guess:.1f}')}"]
    if film.below_usual and usual is not None:
        lines.append(f"That is below your usual {words.rating(f'{usual:.1f}')}")
    return [*lines, *reasons.for_person(film, words), *reasons.against_person(film, words)]


def _lead_on(key: str, reference: str, film: Recommendation) -> None:
    page, icon = "views/recommendations.py", ":material/arrow_forward:"
    with st.container(key=key, gap="xsmall"):
        mark(film, f"mark-{film.movie_id}")
        st.page_link(page, label=f"{source.words().many_first} like this", icon=icon, query_params={FILM: reference})


if __name__ == "__main__":
    run_guarded(draw)
