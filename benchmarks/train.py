"""`movierec train all` against the fits that it cannot do without, each by the library that offers it.

Ours: the command in a new registry, from its start to the last registered version: every model fitted, evaluated by
three protocols, refitted, saved, loaded and compared, figures, MLflow.
Theirs: `fit` alone, of every library on every training part: a validation part, three protocols with three seeds, all
ratings. No library has `ials`, and what is made of others costs no further fit.
The second figure needs the files of ml-latest-small below the directory that MOVIEREC_REAL_DATA names.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import surprise
from implicit.nearest_neighbours import ItemItemRecommender
from sklearn.decomposition import TruncatedSVD

from benchmarks.als import bare as bare_als
from benchmarks.tools.commands import succeed
from benchmarks.tools.figures import Figure, in_turn, seconds
from recommender.files import scratch_directory
from recommender.schema import LEAST_STARS, MOST_STARS, MOVIE, RATING, USER
from recommender.scoring.blocks import with_data
from training.datasets.store import ProcessedDataset, prepare
from training.models import configure
from training.models.parameters import AlsConfig
from training.pipeline.judge import TrainingSplit, training_splits
from training.pipeline.plan import Plan, make_plan
from training.pipeline.request import ALL
from training.progress import silent
from training.splits.cut import Split, all_ratings

SAMPLE, SMALL = "ml-100k", "ml-latest-small"
TARGETS = {SAMPLE: 0.75, SMALL: 1.5}
Fit = Callable[[], object]


def run(*, size: float, rounds: int) -> list[Figure]:
    """Measure the command over the sum of the fits on each data set; `size` changes nothing, as they are small."""
    figures = [measure(SAMPLE, None, rounds)]
    raw = Path(os.environ.get("MOVIEREC_REAL_DATA", "")) / SMALL
    if raw.is_dir():
        figures.append(measure(SMALL, raw, rounds=1))  # the libraries' EASE alone takes minutes there
    return figures


def measure(name: str, raw: Path | None, rounds: int) -> Figure:
    """Measure the command over the sum of the fits on the data set `name`, with raw files in `raw`."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        dataset = prepare(name, raw=raw, processed_root=root / "data" / "processed")
        fits = [bare_fits(split, seed) for split, seed in trainings(make_plan(ALL, dataset))]
        by_library: dict[str, float] = {}
        taken = in_turn(lambda: ours(root, name), lambda: theirs(fits, by_library), rounds)
    libraries = ", ".join(f"{library} {spent:.1f} s" for library, spent in by_library.items())
    note = f"{len(fits)} training parts; bare fits, last round: {libraries}"
    title = f"train: `movierec train all` on {name} over the sum of the bare library fits"
    return Figure.against(title, *taken, TARGETS[name], rounds=rounds, note=note)


def ours(root: Path, name: str) -> None:
    """Run `movierec train all` in a new, empty registry."""
    with scratch_directory(root) as fresh:
        (fresh / "data").symlink_to(root / "data")
        succeed(fresh, "train", ALL, "--dataset", name)


def theirs(fits: list[dict[str, Fit]], by_library: dict[str, float]) -> None:
    """Run every fit of every part and put the seconds of each library into `by_library`."""
    for library in fits[0]:
        by_library[library] = sum(seconds(of_part[library]) for of_part in fits)


def trainings(plan: Plan) -> Iterator[tuple[TrainingSplit, int]]:
    """Yield every split and seed that a model depending on both is fitted with: validation, protocols, all ratings."""
    yield next(training_splits(plan.dataset, plan.people, progress=silent, validation=True)), plan.seed
    for protocol in plan.protocols:
        for split in training_splits(plan.dataset, protocol, progress=silent):
            yield from ((split, seed) for seed in plan.seeds(protocol))
    yield TrainingSplit("refit", plan.dataset, plan.people, all_ratings(plan.dataset), silent), plan.seed


def bare_fits(split: TrainingSplit, seed: int) -> dict[str, Fit]:
    """Return the fit of each library as one would call it without this project, its input made ready."""
    user_item, tags = split.builder.data.user_item, split.builder.data.tags.matrix
    config = {name: configure(name).model_dump() for name in ("svd", "content", "item_knn", "ease")}
    taste = AlsConfig.model_validate(configure("als").model_dump())
    svd = surprise.SVD(
        n_factors=config["svd"]["factors"],
        n_epochs=config["svd"]["iterations"],
        lr_all=config["svd"]["learning_rate"],
        reg_all=config["svd"]["regularization"],
        init_std_dev=config["svd"]["init_deviation"],
        random_state=seed,
    )
    content = TruncatedSVD(
        min(config["content"]["factors"], min(tags.shape) - 1),
        n_iter=config["content"]["iterations"],
        random_state=seed,
    )
    seen = user_item.astype(np.float64)  # the only type that it takes
    knn = ItemItemRecommender(K=config["item_knn"]["neighbours"])
    weights = with_data(user_item, taste.weight(user_item.data))
    return {
        "Surprise SVD": partial(svd.fit, _trainset(split.dataset, split.split)),
        "implicit ALS": partial(bare_als, weights, taste, seed),
        "implicit ItemItemRecommender": partial(knn.fit, seen, show_progress=False),
        "numpy EASE": partial(_ease, user_item, config["ease"]["regularization"]),
        "scikit-learn TruncatedSVD": partial(content.fit_transform, tags),
    }


def _ease(user_item: sp.csr_matrix, regularization: float) -> Any:
    """Steck (2019) as the paper writes it."""
    seen = user_item.astype(bool).astype(np.float64)
    inverse = np.linalg.inv((seen.T @ seen).toarray() + regularization * np.eye(seen.shape[1]))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def _trainset(dataset: ProcessedDataset, split: Split) -> Any:
    frame = dataset.ratings.loc[split.train, [USER, MOVIE, RATING]]
    reader = surprise.Reader(rating_scale=(LEAST_STARS, MOST_STARS))
    return surprise.Dataset.load_from_df(frame, reader).build_full_trainset()
