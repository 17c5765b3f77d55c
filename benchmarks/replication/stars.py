"""Predicted ratings on MovieLens 100K: the table of Surprise, run again, and our tuned SVD."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import surprise

from benchmarks.replication.published import CV5
from benchmarks.replication.section import Section, Study
from recommender.schema import MOVIE, RATING, USER
from training.datasets.store import ProcessedDataset
from training.evaluation.ratings import Predictions, rating_metrics
from training.evaluation.result import Evaluation
from training.evaluation.significance import Interval, intervals
from training.splits.cut import Split, splits

# The published rows that are run again, with the library's defaults.
STOCK: dict[str, Callable[[], Any]] = {
    "SVD": lambda: surprise.SVD(random_state=0),
    "KNNBaseline": lambda: surprise.KNNBaseline(verbose=False),
    "BaselineOnly": lambda: surprise.BaselineOnly(verbose=False),
}
CLOSE = 0.003
MOST_TUNED_RMSE = 0.911


def cv5(study: Study) -> Section:
    """Compare published and repeated errors of Surprise, and our configured `svd`, by cv5, as a section."""
    section = Section("MovieLens 100K, `cv5`: predicted stars")
    section.say(f"Published: {CV5.source}. Ours: five seeded folds, all ratings pooled, intervals over people.")
    stock = {name: _stock(study, name) for name in STOCK}
    tuned = study.judge(["svd"], "cv5")["svd"]
    rows = [_row(name, published, stock.get(name)) for name, published in CV5.rows.items()]
    rows.append(_row("`svd` of this project, tuned", CV5.rows["SVD"], _of(tuned)))
    section.table(["model", "metric", "published", "ours", "difference"], [row for group in rows for row in group])
    for name, measured in stock.items():
        for metric, published in CV5.rows[name].items():
            distance = abs(measured[metric].value - published)
            section.judge(f"cv5 {metric} of stock {name}, distance from the published one", distance, CLOSE, lower=True)
    section.judge("cv5 rmse of the tuned svd", tuned.metric("rmse").value, MOST_TUNED_RMSE, lower=True)
    return section


def _row(name: str, published: Any, measured: dict[str, Interval] | None) -> list[list[str]]:
    if measured is None:
        return [[name, metric, f"{value:.3f}", "cited", ""] for metric, value in published.items()]
    return [
        [
            name,
            metric,
            f"{value:.3f}",
            f"{ours.value:.4f} [{ours.lo:.4f}, {ours.hi:.4f}]",
            f"{ours.value - value:+.4f} [{ours.lo - value:+.4f}, {ours.hi - value:+.4f}]",
        ]
        for metric, value in published.items()
        for ours in [measured[metric]]
    ]


def _of(evaluation: Evaluation) -> dict[str, Interval]:
    return {
        metric.name: Interval(metric.value, metric.lo, metric.hi)
        for metric in evaluation.metrics
        if metric.lo is not None and metric.hi is not None
    }


def _stock(study: Study, name: str) -> dict[str, Interval]:
    """Return RMSE and MAE of a stock algorithm over all folds."""
    folds = splits(study.protocol("cv5"), study.dataset, 0)
    predictions = []
    for split in folds:
        predictions.append(_predict(STOCK[name](), study.dataset, split))
        study.progress(f"stock Surprise {name}", len(predictions) / len(folds))
    users, stars, predicted = (
        np.concatenate([getattr(fold, column) for fold in predictions]) for column in ("users", "observed", "predicted")
    )
    order = np.argsort(users, kind="stable")
    pooled = Predictions(users[order], stars[order], predicted[order])
    return intervals(rating_metrics(pooled, np.arange(len(study.dataset.user_ids))), 0)


def _predict(algorithm: Any, dataset: ProcessedDataset, split: Split) -> Predictions:
    columns = dataset.ratings[[USER, MOVIE, RATING]]
    reader = surprise.Reader(rating_scale=(float(columns[RATING].min()), float(columns[RATING].max())))
    train: pd.DataFrame = columns[split.train]
    algorithm.fit(surprise.Dataset.load_from_df(train, reader).build_full_trainset())
    test = columns[split.test]
    predictions = algorithm.test(list(test.itertuples(index=False, name=None)))
    predicted = np.array([prediction.est for prediction in predictions])
    return Predictions(
        dataset.user_rows[split.test].astype(np.int64), test[RATING].to_numpy(dtype=np.float64), predicted
    )  # fmt: skip
