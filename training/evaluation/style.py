"""The look of every logged figure: theme, one fixed colour per model, and display names of metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure

# The same model has the same colour in every figure; the baseline is grey.
_COLOUR_ORDER = (
    *("als", "svd", "blend", "content", "item_knn", "ease", "ensemble", "ials", "recommender", "low_pass"),
    "stars",
)
_NAMES = {
    "ndcg": "nDCG",
    "map": "MAP",
    "map_by_relevant": "MAP (by relevant)",
    "mrr": "MRR",
    "rmse": "RMSE",
    "mae": "MAE",
    "gini": "Gini of exposure",
    "coverage": "catalogue coverage",
    "rare_lists": "lists with a film under 20 ratings",
    "thin_films": "films shown with under 5 ratings",
    "new_films": "films shown without ratings",
    "new_films_in_catalogue": "of all films",
    "disliked_share": "disliked of the rated films shown",
    "shown_rating": "mean rating of the rated films shown",
    "rated_shown": "rated films shown",
}
_THEME = {
    **sns.axes_style("whitegrid"),
    "axes.edgecolor": "0.8",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "figure.dpi": 110,
    "savefig.dpi": 110,
}
GREY = "0.55"
INDIGO = "#332288"  # one more colour than seaborn's palette has
OLIVE = "#7a6f1d"


@contextmanager
def figure(width: float, height: float, title: str, rows: int = 1, columns: int = 1) -> Iterator[tuple[Figure, Any]]:
    """Yield a new themed figure of `width` x `height` inches and its array of axes (rows, columns).

    pyplot keeps no reference to it.
    """
    with mpl.rc_context(_THEME):
        fig = Figure(figsize=(width, height), layout="constrained")
        axes = fig.subplots(rows, columns, squeeze=False)
        fig.suptitle(title, fontsize=13, fontweight="bold", x=0.01, ha="left")
        yield fig, axes
        for ax in axes.flat:
            sns.despine(ax=ax, left=True, bottom=True)


def colours(models: Iterable[str]) -> dict[str, Any]:
    """Return the colour of each model; a model outside the fixed order gets one by its position."""
    palette = [colour for colour in sns.color_palette("colorblind", 10) if len(set(colour)) > 1]  # without its grey
    palette += [INDIGO, OLIVE]
    fixed = dict(zip(_COLOUR_ORDER, palette, strict=False)) | {"popularity": GREY}
    return {model: fixed.get(model, palette[position % len(palette)]) for position, model in enumerate(models)}


def label(metric: str) -> str:
    """Return the display name of a metric: "nDCG@10" for `ndcg_at_10`."""
    stem, _, k = metric.partition("_at_")
    prefixes = [prefix for prefix in ("masked", "weighted") if f"{prefix}_" in stem]
    for prefix in prefixes:
        stem = stem.replace(f"{prefix}_", "")
    name = " ".join([*prefixes, _NAMES.get(stem, stem.replace("_", " "))])
    return (f"{name}@{k}" if k else name) + (" (bits)" if stem == "novelty" else "")
