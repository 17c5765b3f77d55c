"""The For two page: each of two people names films, and one list suits both."""

from __future__ import annotations

from typing import Any

import streamlit as st

from client.answers import Recommendation
from client.errors import ApiProblem
from webapp import source
from webapp.data_words import DataWords
from webapp.elements import cards
from webapp.elements.controls import preferences
from webapp.elements.frame import heading, run_guarded
from webapp.elements.keeping import current_shelf, keeper
from webapp.elements.lists import key_to_colours
from webapp.elements.picker import FILM, add_films, references
from webapp.shelf import ratings

PEOPLE = {"one": "One of you likes", "two": "The other likes"}  # key in the address: label
LIST_LENGTH = 6
FAIR = {"Neither is let down": "least_misery", "Best on average": "mean"}
MOST = 20  # films that each can name


def draw() -> None:
    """Draw the For two page: what each likes, and the list for both."""
    words = source.words()
    heading(
        "Tonight for two",
        f"Each names a few {words.many}. The list has what both will like: not the favourite of one that the other "
        "sits through.",
    )
    api = source.api()
    keeper(api.dataset().name, words)
    people: list[list[int | str | dict[str, Any]]] = []  # ids of what each likes
    for column, (key, label) in zip(st.columns(2, gap="medium"), PEOPLE.items(), strict=True):
        with column:
            people.append([film.movie_id for film in add_films(api, key, label=label, most=MOST)])
    mine = ratings(current_shelf())
    if mine and st.toggle("Count the ratings of “For you” for one of you", key="with-mine"):
        people[0] += [{"movie_id": movie_id, "rating": rating} for movie_id, rating in mine.items()]
    fair = st.segmented_control(
        "What counts", list(FAIR), default=next(iter(FAIR)), required=True, key="fair", bind="query-params"
    )
    options = preferences()
    if not all(people):
        st.info(f"Name at least one {words.one} each.", icon=":material/group:")
        return
    try:
        wish = {"n": LIST_LENGTH, "aggregation": FAIR[fair or next(iter(FAIR))], **options}
        answer = api.for_two(people, wish)
    except ApiProblem as problem:
        st.info(cards.problem_text(problem), icon=":material/info:")
        return
    st.subheader("For both of you", anchor=False)
    key_to_colours(answer)
    _cards(answer.recommendations, words)


def _cards(films: list[Recommendation], words: DataWords) -> None:
    with st.grid("auto", min_column_width=320):
        for film, reference in zip(films, references(films), strict=True):
            with st.container(border=True, key=f"leads-two-{film.movie_id}", height="stretch"):
                st.html(cards.recommendation(film, "", expectations(film, words), labels=words.labels))
                label = f"{words.many_first} like {cards.plain(reference)}"
                st.page_link("views/recommendations.py", label=label, query_params={FILM: reference})


def expectations(film: Recommendation, words: DataWords) -> list[str]:
    """Return the predicted rating of a film for each of the two, in words."""
    if not film.expected_ratings:
        return []
    guesses = [words.rating(f"{value:.1f}") for value in film.expected_ratings]
    return [f"One of you would give it about {guesses[0]}, the other {guesses[1]}"]


if __name__ == "__main__":
    run_guarded(draw)
