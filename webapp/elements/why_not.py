"""“Why not X?”: the reasons why a film is not in the list on the page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from client.answers import Film, Prediction, Recommendations
from client.client import Api, Options
from client.errors import optional
from webapp import source
from webapp.data_words import DataWords
from webapp.elements import cards
from webapp.elements.frame import guarded
from webapp.elements.picker import pick_film
from webapp.elements.reasons import in_common
from webapp.shelf import Mark, Shelf, ratings
from webapp.wording import count, joined, place

LONGEST = 100  # films that the service lists at once
FILTERS = {
    "genres": "it has none of the chosen genres",
    "facet": "it lacks what was chosen in the filters",
    "year_from": "it is older than the chosen years",
    "year_to": "it is newer than the chosen years",
    "min_ratings": "too few people rated it for the chosen minimum",
    "min_expected": "less is expected of it than your usual rating",
}
OTHERS = {
    "seen": "you have rated it already",
    "second_entry": "it is a second entry of another one",
    "exclude": "you marked it as one that you have seen or that is not for you",
}
WISHES = {
    "diversity": "you asked for variety",
    "popularity": "you asked for more hidden or more famous ones",
    "recency": "you asked for older or newer ones",
    "tag_boost": "others have more of what you asked for",
    "tag_suppress": "it has what you asked for less of",
}


def why_not(api: Api, shelf: Shelf, options: Options, start: Recommendations | None) -> None:
    """Draw the question about a visitor's list, and its answer.

    `options`: those that the list was asked with; `start`: the list that is shown to somebody without a like.
    """
    taste = ratings(shelf)
    if not taste:  # the start list is nobody's: the service predicts nothing for it
        return
    film = _asked(api)
    if film is not None:
        with guarded("why-not"):
            prediction = api.predict(film.movie_id, ratings=taste, options=options)
            entry = shelf.get(film.movie_id)
            mark = entry.mark if entry else None
            st.html(cards.bullets(_for_person(prediction, options, start, mark, source.words())))


def why_not_similar(api: Api, film: Film, options: Options, slot: str) -> None:
    """Draw the question about the list of films similar to `film` that a slot made with `options`, and its answer."""
    other = _asked(api)
    if other is not None:
        with guarded("why-not"):
            answer = _similar_place(api, (film, other), options, slot, source.words())
            st.html(cards.bullets([answer, *_shared(api, film, other)]))


def _asked(api: Api) -> Film | None:
    words = source.words()
    with st.expander(f"Why is {words.an} not in this list?", icon=":material/help:"):
        return pick_film(api, "whynot", label=f"Which {words.one}?")


def _for_person(
    prediction: Prediction, options: Options, start: Recommendations | None, mark: Mark | None, words: DataWords
) -> list[str]:
    """Explain a film's rank in a person's list or its absence, its predicted rating, and the ratings behind that.

    `options`: those of the list; `start`: the list that is shown to somebody without a like; `mark`: the film's.
    """
    lines = [_place(prediction, options, start, mark, words)]
    if prediction.prediction is not None:
        guess = prediction.prediction
        lines.append(
            f"You would give it about {words.rating(f'{guess.expected:.1f}')}, most likely between {guess.low:.1f} and "
            f"{guess.high:.1f}{'; that is less than you usually give' if prediction.below_usual else ''}."
        )
    for label, reasons in (("For it", prediction.reasons_for), ("Against it", prediction.reasons_against)):
        if reasons:
            names = [
                f"{reason.name}{f' ({reason.rating:g})' if reason.rating is not None else ''}" for reason in reasons[:3]
            ]
            lines.append(f"{label}: what you said of {joined(names)}.")
    return lines


def _place(
    prediction: Prediction, options: Options, start: Recommendations | None, mark: Mark | None, words: DataWords
) -> str:
    where, title = prediction.place, prediction.movie.title
    causes = _causes(where.kept_away_by, options, mark)
    if start is None:
        parts = [f"{title} is not in the list because {joined(causes)}."] if causes else []
        if where.rank is not None:
            parts.append(f"{title} comes {place(where.rank)} of {count(where.of)} {words.many} for you.")
        return " ".join(parts) or f"{title} is further down than the list goes."
    ranks = [film.rank for film in start.recommendations if film.movie_id == prediction.movie.movie_id]
    if ranks:
        return f"{title} comes {place(ranks[0])} in the list of what most people like."
    causes = _causes([name for name in where.kept_away_by if name not in WISHES], options, mark)
    if prediction.below_usual:
        causes += _causes(["min_expected"], {"min_expected": prediction.usual_rating})
    if causes:
        return f"{title} is not in the list because {joined(causes)}."
    return f"{title} is further down among what most people like than the {len(start.recommendations)} that are shown."


def _causes(names: Sequence[str], options: Options, mark: Mark | None = None) -> list[str]:
    """Return the reasons why a film is excluded, in words; `names`: of options, as the service spells them."""
    texts = {**FILTERS, **OTHERS, **WISHES}
    if mark is not None:
        texts["exclude"] = f"you marked it “{mark}”"
    return [f"{texts[name]}{_value(name, options)}" for name in names if name in texts]


def _value(name: str, options: Options) -> str:
    if name not in FILTERS:
        return ""
    value = options[name]
    text = f"{value:.1f}" if isinstance(value, float) else joined(value) if isinstance(value, list) else str(value)
    return f" ({text})"


def _similar_place(api: Api, films: tuple[Film, Film], options: Options, slot: str, words: DataWords) -> str:
    """Return the second film's rank in the list of films similar to the first, or the reason why it is not listed."""
    (first, second), length = films, options["n"]
    if first.movie_id == second.movie_id:
        return f"The list is about {first.title} itself."

    def is_listed(options: Options) -> bool:
        return second.movie_id in listed(options)

    def listed(options: Options) -> list[int | str]:
        return [film.movie_id for film in api.similar(first.movie_id, options, slot).recommendations]

    alone = {"candidates": [second.movie_id], "n": 1}
    filters = {name: options[name] for name in FILTERS if name in options}
    failed = [name for name, value in filters.items() if not is_listed({**alone, name: value})]
    if failed and is_listed(alone):
        return f"{second.title} is not in the list because {joined(_causes(failed, options))}."
    entries = listed({**options, "n": LONGEST})
    similar_items = f"{words.many} similar to {first.title}{' that pass the filters' if filters else ''}"
    if second.movie_id not in entries:
        where = f"comes after the first {LONGEST}" if len(entries) == LONGEST else f"is not among the {len(entries)}"
        return f"{second.title} {where} {similar_items}; the list shows {length}."
    rank = entries.index(second.movie_id) + 1
    if rank <= length:
        return f"{second.title} is {place(rank)} in this list."
    wishes = [name for name in WISHES if name in options and is_listed(_without(options, name))]
    because = f", because {joined(_causes(wishes, options))}" if wishes else ""
    return f"{second.title} is {place(rank)} of the {similar_items}; the list shows {length}{because}."


def _without(options: Options, name: str) -> Options:
    return {other: value for other, value in options.items() if other != name}


def _shared(api: Api, film: Film, other: Film) -> list[str]:
    """Return the features that two films share; none for one and the same film, or if the version has no such data."""
    if film.movie_id == other.movie_id:
        return []
    comparison = optional(lambda: api.compare(film.movie_id, other.movie_id))
    if comparison is None:
        return []
    shared = [f"{line}." for line, _ in in_common(comparison.shared_features, source.words())[:3]]
    likes = f"{count(comparison.common_likes)} people liked both."
    return [likes, *(shared or ["The two share no genre, maker or tag."])]
