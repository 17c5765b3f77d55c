"""Figures that others published, with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedTable:
    """A published table: protocol, source, and figures by model and by the name of our metric."""

    protocol: str
    source: str
    rows: Mapping[str, Mapping[str, float]]


_RANKING = ("map_by_relevant_at_10", "ndcg_at_10", "precision_at_10", "recall_at_10")
_STARS = ("rmse", "mae")


def _rows(columns: tuple[str, ...], table: Mapping[str, tuple[float, ...]]) -> dict[str, dict[str, float]]:
    return {model: dict(zip(columns, values, strict=True)) for model, values in table.items()}


MS_ITEM75 = PublishedTable(
    "ms-item75",
    "README of recommenders-team/recommenders, MovieLens 100K, k = 10",
    _rows(
        _RANKING,
        {
            "BiVAE": (0.146, 0.475, 0.412, 0.219),
            "BPR": (0.132, 0.442, 0.388, 0.213),
            "LightGCN": (0.089, 0.420, 0.380, 0.144),
            "NCF": (0.108, 0.396, 0.347, 0.181),
            "SAR": (0.111, 0.382, 0.331, 0.176),
            "SVD (Surprise)": (0.013, 0.096, 0.091, 0.033),
            "ALS (Spark, explicit)": (0.005, 0.044, 0.048, 0.018),
        },
    ),
)
BEST_PUBLISHED = "BiVAE"

CV5 = PublishedTable(
    "cv5",
    "README of Surprise, MovieLens 100K, defaults",
    _rows(
        _STARS,
        {
            "SVD": (0.934, 0.737),
            "SVD++": (0.919, 0.721),
            "KNNBaseline": (0.931, 0.733),
            "BaselineOnly": (0.944, 0.748),
            "NMF": (0.963, 0.758),
        },
    ),
)
