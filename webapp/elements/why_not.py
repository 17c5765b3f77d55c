"""“Why not X?”: what keeps a film out of the list on the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from client.answers import Comparison, Film, Prediction
from client.client import Api
from webapp import source
from webapp.data_words import FILMS, DataWords
from webapp.elements import cards
from webapp.elements.frame import guarded
from webapp.elements.picker import pick_film
from webapp.elements.reasons import in_common
from webapp.wording import count, joined, place

KEPT_AWAY = {
    "seen": "you have rated it already",
    "genres": "it has none of the chosen genres",
    "facet": "it lacks what was chosen in the filters",
    "year_from": "it is older than the chosen years",
    "year_to": "it is newer than the chosen years",
    "min_ratings": "too few people rated it for the chosen minimum",
    "min_expected": "less is expected of it than you asked for",
    "second_entry": "it is a second entry of another one",
    "exclude": "it was left out",
    "candidates": "it is not among those that were asked for",
    "max_per_director": "better ones of its director are there already",
    "max_per_genre": "better ones of its genre are there already",
    "diversity": "you asked for variety",
    "popularity": "you asked for more hidden or more famous ones",
    "recency": "you asked for older or newer ones",
    "tag_boost": "others have more of what you asked for",
    "tag_suppress": "it has what you asked for less of",
}


def why_not(api: Api, taste: Mapping[int | str, float], options: Mapping[str, Any]) -> None:
    """Draw the question about a list that is made from the visitor's ratings `taste`, and its answer."""
    if not taste:  # the start list is nobody's: the service predicts nothing for it
        return
    film = _asked(api)
    if film is not None:
        with guarded("why-not"):
            prediction = api.predict(film.movie_id, ratings=taste, options=options)
            st.html(cards.bullets(for_ratings(prediction, source.words())))


def why_not_similar(api: Api, film: Film, shown: int) -> None:
    """Draw the question about a list of `shown` films similar to `film`, and its answer."""
    other = _asked(api)
    if other is not None:
        with guarded("why-not"):
            st.html(cards.bullets(for_film(api.compare(film.movie_id, other.movie_id), shown, source.words())))


def _asked(api: Api) -> Film | None:
    words = source.words()
    with st.expander(f"Why is {words.an} not in this list?", icon=":material/help:"):
        return pick_film(api, "whynot", label=f"Which {words.one}?")


def for_ratings(prediction: Prediction, words: DataWords = FILMS) -> list[str]:
    """Return what keeps a film out of a person's list, what is expected of it, and which ratings count for which."""
    where, title = prediction.place, prediction.movie.title
    causes = [KEPT_AWAY[name] for name in where.kept_away_by if name in KEPT_AWAY]
    lines = [f"{title} is not in the list because {joined(causes)}."] if causes else []
    if where.rank is not None:
        lines.append(f"{title} comes {place(where.rank)} of {count(where.of)} {words.many} for you.")
    if prediction.prediction is not None:
        guess = prediction.prediction
        lines.append(
            f"You would give it about {words.rating(f'{guess.expected:.1f}')}, most likely between {guess.low:.1f} and "
            f"{guess.high:.1f}{'; that is less than you usually give' if prediction.below_usual else ''}."
        )
    for said, reasons in (("For it", prediction.reasons_for), ("Against it", prediction.reasons_against)):
        if reasons:
            names = [
                f"{reason.name}{f' ({reason.rating:g})' if reason.rating is not None else ''}" for reason in reasons[:3]
            ]
            lines.append(f"{said}: what you said of {joined(names)}.")
    return lines or ["Nothing keeps it away."]


def for_film(comparison: Comparison, shown: int, words: DataWords = FILMS) -> list[str]:
    """Return where the second film stands among those similar to the first, and what the two share."""
    first, second = comparison.movies
    if comparison.place is None:
        return [f"The list is about {first.title} itself."]
    lines = [
        f"{second.title} is {place(comparison.place)} of {count(comparison.of)} {words.many} similar to {first.title}"
        f"{f'; the list shows {shown}' if comparison.place > shown else ''}."
    ]
    if comparison.place <= shown:
        lines.append("If it is not in the list, a filter, variety or one of your wishes keeps it away.")
    lines.append(f"{count(comparison.common_likes)} people liked both.")
    shared = [f"{line}." for line, _ in in_common(comparison.shared_features, words)[:3]]
    return [*lines, *(shared or ["The two share no genre, maker or tag."])]
