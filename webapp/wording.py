"""Plain words and formats for figures, films, metrics and algorithms."""

from __future__ import annotations

import re
from collections.abc import Sequence

from client.answers import Film, MapFilm, Recommendation

PROTOCOLS = {
    "latest20": "Each person's latest 20 % of ratings are hidden; can the model find what they liked?",
    "temporal": "Everything after one date is hidden, so no look into the future; does it find the titles liked then?",
    "rolling": "Everything after one of five dates is hidden; does it find what people liked who came back later?",
    "item2item": "One liked title goes in; are the person's later likes in the list that comes out?",
    "random20": "A random fifth of each person's ratings is hidden; can the model find what they liked?",
    "item2item-random": "One liked title goes in; are other likes of the person, hidden at random, in the list?",
    "cv5": "Ratings are hidden in five random parts; how far off is each predicted rating?",
    "u1": "GroupLens's own split; how far off is each predicted rating?",
    "ms-item75": "A published benchmark's split of MovieLens 100K: a random quarter of each title's ratings is hidden.",
    "strong": "A tenth of the people are new to the model and known only by part of their likes.",
    "strong-all": "A tenth of the people are new to the model and known only by part of their ratings.",
    "cold": "A tenth of the titles are as on their first day, without ratings or tags: can genre and year place them?",
    "cold-described": "A tenth of the titles with known makers lose their ratings and tags: can content place them?",
}
METRICS = {
    "ndcg": "How many relevant titles the list holds, counting more near the top; 1 is perfect.",
    "recall": "The share of the relevant titles that the list holds.",
    "precision": "The share of the list that is relevant.",
    "map": "Precision averaged over the places of the relevant titles (divided by as many as the list can hold).",
    "map_by_relevant": "Precision averaged over the places of the relevant titles (divided by all relevant ones).",
    "mrr": "One divided by the place of the first relevant title, on average.",
    "hit_rate": "The share of lists with at least one relevant title.",
    "rmse": "Typical error of a predicted rating in stars, large errors counting more; lower is better.",
    "mae": "Average error of a predicted rating in stars; lower is better.",
    "coverage": "The share of the catalogue that appears in anybody's list.",
    "gini": "How unequally titles are shown: 0 when all equally often, 1 when one title takes all.",
    "novelty": "How surprising the titles shown are, in bits: rare titles count more.",
    "popularity_lift": "How much more popular the list is than what its reader has watched; 0 is neutral.",
    "diversity": "How unlike each other the titles of a list are, by content; 1 is nothing in common.",
    "rare_lists": "The share of lists that show a title with under 20 ratings.",
    "thin_films": "The share of the titles shown that have under 5 ratings.",
    "disliked_share": "Of the titles shown that the person rated later, the share rated badly; lower is better.",
    "shown_rating": "The mean rating of the titles shown, of those that the person rated later.",
    "rated_shown": "How many of the titles shown the person rated later, on average.",
    "new_films": "The share of the titles shown that have no ratings yet.",
    "new_films_in_catalogue": "The share of all titles that have no ratings yet.",
    "users": "People whose lists were judged.",
    "users_without_relevant": "People left out because nothing of theirs could be found.",
    "queries": "Titles that lists were asked for.",
    "people_overlap": "How much the served model's lists for people agree with the judged one's.",
    "titles_overlap": "How much the served model's lists for titles agree with the judged one's.",
}
_VARIANTS = {
    "masked": "Titles that the person had seen before are left out of the list.",
    "weighted": "Rare titles count more: plain popularity does not help.",
}
_SPELLED = {
    "ndcg": "nDCG",
    "map": "MAP",
    "map_by_relevant": "MAP by relevant",
    "mrr": "MRR",
    "rmse": "RMSE",
    "mae": "MAE",
}
# In the place of what the service says to programs: no parameters, endpoints or settings.
PROBLEMS = {
    "movie-not-found": "There is nothing of that number.",
    "unknown-tag": "Nothing here is known to have that trait.",
    "unknown-genre": "There is no such genre.",
    "unknown-facet": "There is no such property.",
    "invalid-request": "That cannot be asked in this form: it is too long, or a value is out of bounds.",
    "invalid-query": "That cannot be asked in this form.",
    "no-predictions": "The model that answers now predicts no ratings, so nothing is known of what to expect.",
    "too-large": "That is too much for one question.",
    "host": "This page is not allowed to ask the service.",
    "origin": "This page is not allowed to ask the service.",
    "cursor-expired": "The service no longer keeps this version.",
}
DEFINITIONS_URL = "https://en.wikipedia.org/wiki/Evaluation_measures_(information_retrieval)"

_YEAR = re.compile(r"\s*\((\d{4})\)\s*$")


def film_label(title: str, year: int | None) -> str:
    """Return a film's title with its year, unless the title already ends with one."""
    return f"{title} ({year})" if year and not _YEAR.search(title) else title


def count(value: int | None) -> str:
    """Format a count with thousands separators; a dash for None."""
    return "–" if value is None else f"{value:,}"


def counted(number: int | None, one: str, many: str = "") -> str:
    """Return a number with its noun: “1 film”, “1,200 films”; `many`: the plural, by default with an s."""
    return f"{count(number)} {one if number == 1 else many or f'{one}s'}"


def stars(value: float | None) -> str:
    """Format an average rating with two decimals; a dash for None."""
    return "–" if value is None else f"{value:.2f}"


def share(value: float | None) -> str:
    """Format a share as a percentage, below 10 % with one decimal; a dash for None."""
    if value is None:
        return "–"
    return f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"


def place(number: int | None) -> str:
    """Format a place as an ordinal, such as 1st, 2nd or 11th; a dash for None."""
    if number is None:
        return "–"
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def names(people: Sequence[str]) -> str:
    """Return the first three names, separated by commas."""
    return ", ".join(people[:3])


def joined(words: Sequence[str]) -> str:
    """Join words as in “one, two and three”."""
    return " and ".join(phrase for phrase in (", ".join(words[:-1]), *words[-1:]) if phrase)


def rating_line(film: Film | MapFilm | Recommendation) -> str:
    """Return a film's average rating and number of ratings in words."""
    if not film.rating_count:
        return "Not rated yet"
    if film.average_rating is None:
        return f"{count(film.rating_count)} {'person' if film.rating_count == 1 else 'people'}"
    ratings = "rating" if film.rating_count == 1 else "ratings"
    return f"{stars(film.average_rating)} from {count(film.rating_count)} {ratings}"


def metric_title(name: str) -> str:
    """Return a metric's name as people write it: “Masked nDCG@10” for `masked_ndcg_at_10`."""
    variants, base, depth = _parts(name)
    title = " ".join([*variants, _SPELLED.get(base, base.replace("_", " "))])
    return f"{title[:1].upper() if variants or base not in _SPELLED else title[:1]}{title[1:]}" + (
        f"@{depth}" if depth else ""
    )


def figure_title(protocol: str, name: str) -> str:
    """Return a metric with the protocol that it was measured by: “nDCG@10 (latest20)”."""
    return f"{metric_title(name)} ({protocol})"


def metric_help(name: str) -> str:
    """Return an explanation of a metric in plain words; empty for an unknown metric."""
    variants, base, _ = _parts(name)
    return " ".join([METRICS.get(base, ""), *(_VARIANTS[variant] for variant in variants)]).strip()


def _parts(name: str) -> tuple[list[str], str, str]:
    """Split a metric's name into variants, base and cut-off: masked, ndcg, 10."""
    base, _, depth = name.partition("_at_")
    variants = []
    for variant in _VARIANTS:
        if base.startswith(f"{variant}_"):
            variants.append(variant)
            base = base.removeprefix(f"{variant}_")
    return variants, base, depth
