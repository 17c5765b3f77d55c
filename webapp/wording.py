"""Figures, films and explanations as people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from client.answers import Film, Recommendation

PROTOCOLS = {
    "latest20": "Each person's latest 20 % of ratings are hidden; can the model find the films they liked?",
    "temporal": "Everything after one date is hidden, so no look into the future; does it find the films liked then?",
    "item2item": "One liked film goes in; are the person's later likes in the list that comes out?",
    "cv5": "Ratings are hidden in five random parts; how far off is each predicted rating?",
    "u1": "GroupLens's own split; how far off is each predicted rating?",
    "ms-item75": "A published benchmark's split of MovieLens 100K: a random quarter of each film's ratings is hidden.",
    "strong": "A tenth of the people are new to the model and known only by part of their likes.",
    "cold": "A tenth of the films lose all their ratings: can content alone place them?",
}
METRICS = {
    "ndcg": "How many relevant films the list holds, counting more near the top; 1 is perfect.",
    "recall": "The share of the relevant films that the list holds.",
    "precision": "The share of the list that is relevant.",
    "map": "Precision averaged over the places of the relevant films (divided by as many as the list can hold).",
    "map_by_relevant": "Precision averaged over the places of the relevant films (divided by all relevant ones).",
    "mrr": "One divided by the place of the first relevant film, on average.",
    "hit_rate": "The share of lists with at least one relevant film.",
    "rmse": "Typical error of a predicted rating in stars, large errors counting more; lower is better.",
    "mae": "Average error of a predicted rating in stars; lower is better.",
    "coverage": "The share of the catalogue that appears in anybody's list.",
    "gini": "How unequally films are shown: 0 when all equally often, 1 when one film takes all.",
    "novelty": "How surprising the films shown are, in bits: rare films count more.",
    "popularity_lift": "How much more popular the list is than what its reader has watched; 0 is neutral.",
    "diversity": "How unlike each other the films of a list are, by content; 1 is nothing in common.",
    "rare_lists": "The share of lists that show a film with under 20 ratings.",
    "thin_films": "The share of the films shown that have under 5 ratings.",
    "users": "People whose lists were judged.",
    "users_without_relevant": "People left out because nothing of theirs could be found.",
    "queries": "Films that lists were asked for.",
    "people_overlap": "How much the served model's lists for people agree with the judged one's.",
    "titles_overlap": "How much the served model's lists for films agree with the judged one's.",
}
_VARIANTS = {
    "masked": "Films that the person had seen before are left out of the list.",
    "weighted": "Rare films count more: plain popularity does not help.",
}
_SPELLED = {
    "ndcg": "nDCG",
    "map": "MAP",
    "map_by_relevant": "MAP by relevant",
    "mrr": "MRR",
    "rmse": "RMSE",
    "mae": "MAE",
}
DEFINITIONS_URL = "https://en.wikipedia.org/wiki/Evaluation_measures_(information_retrieval)"

_YEAR = re.compile(r"\s*\((\d{4})\)\s*$")


def film_label(title: str, year: int | None) -> str:
    """A film in one line: its title and year."""
    return f"{title} ({year})" if year and not _YEAR.search(title) else title


def count(value: int | None) -> str:
    """A count with thousands set apart."""
    return "–" if value is None else f"{value:,}"


def stars(value: float | None) -> str:
    """An average rating."""
    return "–" if value is None else f"{value:.2f}"


def share(value: float | None) -> str:
    """A share as a percentage, small ones with more digits."""
    if value is None:
        return "–"
    return f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"


def place(number: int | None) -> str:
    """An ordinal: 1st, 2nd, 11th."""
    if number is None:
        return "–"
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def names(people: Sequence[str], most: int = 3) -> str:
    """Some people in one line."""
    return ", ".join(people[:most])


def joined(words: Sequence[str]) -> str:
    """One, two and three."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def rating_line(film: Film | Recommendation) -> str:
    """Average and number of ratings in words."""
    if not film.rating_count:
        return "Not rated yet"
    ratings = "rating" if film.rating_count == 1 else "ratings"
    return f"{stars(film.average_rating)} from {count(film.rating_count)} {ratings}"


def metric_title(name: str) -> str:
    """`masked_ndcg_at_10` as people write it: Masked nDCG@10."""
    variants, base, depth = _parts(name)
    shown = " ".join([*variants, _SPELLED.get(base, base.replace("_", " "))])
    return f"{shown[:1].upper() if variants or base not in _SPELLED else shown[:1]}{shown[1:]}" + (
        f"@{depth}" if depth else ""
    )


def metric_help(name: str) -> str:
    """A plain sentence or two on a metric; empty for one that has none."""
    variants, base, _ = _parts(name)
    return " ".join([METRICS.get(base, ""), *(_VARIANTS[variant] for variant in variants)]).strip()


def _parts(name: str) -> tuple[list[str], str, str]:
    """Variants, base and depth of a metric's name."""
    base, _, depth = name.partition("_at_")
    variants = []
    for variant in _VARIANTS:
        if base.startswith(f"{variant}_"):
            variants.append(variant)
            base = base.removeprefix(f"{variant}_")
    return variants, base, depth
