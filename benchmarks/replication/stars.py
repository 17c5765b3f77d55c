"""Predicted stars on MovieLens 100K: Surprise's own table with stock Surprise, and our tuned SVD."""

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

# The published rows that are run again, as the library makes them by default.
STOCK: dict[str, Callable[[], Any]] = {
    "SVD": lambda: surprise.SVD(random_state=0),
    "KNNBaseline": lambda: surprise.KNNBaseline(verbose=False),
    "BaselineOnly": lambda: surprise.BaselineOnly(verbose=False),
}
CLOSE = 0.003
MOST_TUNED_RMSE = 0.911


def cv5(study: Study) -> Section:
    """Every published row that is run again, and `svd` as configured."""
    section = Section("MovieLens 100K, `cv5`: predicted stars")
    section.say(f"Published: {CV5.source}. Ours: five seeded folds, all ratings pooled, intervals over people.")
    stock = {name: _stock(study, name) for name in STOCK}
    tuned = study.judge(["svd"], "cv5")["svd"]
    rows = [_row(name, published, stock.get(name)) for name, published in CV5.rows.items()]
    rows.append(_row("`svd` of this project, tuned", CV5.rows["SVD"], _of(tuned)))
    section.table(["model", "metric", "published", "ours", "difference"], [line for lines in rows for line in lines])
    for name, found in stock.items():
        for metric, published in CV5.rows[name].items():
            distance = abs(found[metric].value - published)
            section.judge(f"cv5 {metric} of stock {name}, distance from the published one", distance, CLOSE, lower=True)
    section.judge("cv5 rmse of the tuned svd", tuned.metric("rmse").value, MOST_TUNED_RMSE, lower=True)
    return section


def _row(name: str, published: Any, found: dict[str, Interval] | None) -> list[list[str]]:
    if found is None:
        return [[name, metric, f"{value:.3f}", "cited", ""] for metric, value in published.items()]
    return [
        [
            name,
            metric,
            f"{value:.3f}",
            f"{found[metric].value:.4f} [{found[metric].lo:.4f}, {found[metric].hi:.4f}]",
            f"{found[metric].value - value:+.4f} [{found[metric].lo - value:+.4f}, {found[metric].hi - value:+.4f}]",
        ]
        for metric, value in published.items()
    ]


def _of(evaluation: Evaluation) -> dict[str, Interval]:
    found = {metric.name: metric for metric in evaluation.metrics if metric.lo is not None and metric.hi is not None}
    return {name: Interval(each.value, each.lo or 0.0, each.hi or 0.0) for name, each in found.items()}


def _stock(study: Study, name: str) -> dict[str, Interval]:
    """RMSE and MAE of a stock algorithm over all folds."""
    folds = splits(study.protocol("cv5"), study.dataset, 0)
    found = []
    for split in folds:
        found.append(_predict(STOCK[name](), study.dataset, split))
        study.progress(f"stock Surprise {name}", len(found) / len(folds))
    users = np.concatenate([each.users for each in found])
    order = np.argsort(users, kind="stable")
    observed, predicted = (
        np.concatenate([getattr(each, side) for each in found]) for side in ("observed", "predicted")
    )
    pooled = Predictions(users[order], observed[order], predicted[order])
    return intervals(rating_metrics(pooled, np.arange(len(study.dataset.user_ids))), 0)


def _predict(algorithm: Any, dataset: ProcessedDataset, split: Split) -> Predictions:
    columns = dataset.ratings[[USER, MOVIE, RATING]]
    reader = surprise.Reader(rating_scale=(float(columns[RATING].min()), float(columns[RATING].max())))
    train: pd.DataFrame = columns[split.train]
    algorithm.fit(surprise.Dataset.load_from_df(train, reader).build_full_trainset())
    test = columns[split.test]
    found = algorithm.test(list(test.itertuples(index=False, name=None)))
    predicted = np.array([each.est for each in found])
    return Predictions(
        dataset.user_rows[split.test].astype(np.int64), test[RATING].to_numpy(dtype=np.float64), predicted
    )  # fmt: skip
