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


_LISTS = ("recall_at_10", "ndcg_at_10", "recall_at_40", "ndcg_at_40")
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

LASTFM = PublishedTable(
    "files",
    'Lee, Kim and Shin, "Revisiting LightGCN" (RecSys 2024), supplementary document, tables 9 and 10: LastFM with as '
    "many users, items and interactions",
    _rows(
        _LISTS,
        {
            "BPRMF": (0.1361, 0.1532, 0.2784, 0.2235),
            "NGCF": (0.1562, 0.1769, 0.3218, 0.2586),
            "LightGCL": (0.1741, 0.1997, 0.3480, 0.2854),
            "LightGCN": (0.1741, 0.1996, 0.3481, 0.2854),
            "LightGCN++": (0.1889, 0.2171, 0.3745, 0.3083),
            "XSimGCL++": (0.1893, 0.2173, 0.3758, 0.3094),
            "NCL++": (0.1894, 0.2177, 0.3754, 0.3093),
        },
    ),
)
