"""Figures, films and explanations as people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from webapp.api_models import Film

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
    "ndcg": "nDCG: how many relevant films the list holds, counting more near the top; 1 is perfect",
    "recall": "recall: the share of the relevant films that the list holds",
    "precision": "precision: the share of the list that is relevant",
    "map": "MAP: precision averaged over the places of the relevant films",
    "mrr": "MRR: one divided by the place of the first relevant film",
    "hit": "hit rate: the share of lists with at least one relevant film",
    "rmse": "RMSE: typical error of a predicted rating in stars, large errors counting more; lower is better",
    "mae": "MAE: average error of a predicted rating in stars; lower is better",
    "coverage": "coverage: the share of the catalogue that appears in anybody's list",
    "gini": "Gini of exposure: 0 when every film is shown equally often, 1 when one film takes all",
    "novelty": "novelty: how surprising the films shown are, in bits; rare films count more",
    "popularity_lift": "popularity lift: how much more popular the list is than what its reader has watched",
    "diversity": "diversity: how unlike each other the films of a list are",
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


def rating_line(film: Film) -> str:
    """Average and number of ratings in words."""
    if not film.rating_count:
        return "Not rated yet"
    ratings = "rating" if film.rating_count == 1 else "ratings"
    return f"{stars(film.average_rating)} from {count(film.rating_count)} {ratings}"


def metric_title(name: str) -> str:
    """`ndcg_at_10` as people write it: nDCG@10."""
    base, _, depth = name.partition("_at_")
    spelled = {"ndcg": "nDCG", "map": "MAP", "mrr": "MRR", "rmse": "RMSE", "mae": "MAE", "hit": "Hit rate"}
    shown = spelled.get(base, base.replace("_", " ").capitalize())
    return f"{shown}@{depth}" if depth else shown


def metric_help(name: str) -> str:
    """A plain sentence on a metric; empty for one that has none."""
    matches = [text for key, text in METRICS.items() if name.startswith(key) or f"_{key}" in name]
    return matches[0] if matches else ""
