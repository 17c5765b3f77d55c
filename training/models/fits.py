"""Cache of fitted models, shared by composites, by the seeds of a split and by the splits of a data set.

What a model of one's own returns from `fit` is checked before anybody is shown its numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.errors import UsageError
from recommender.scoring.blocks import sparse_array, with_entries
from recommender.scoring.scorers import item_scorer, user_scorer
from recommender.scoring.specs import (
    EnsembleSpec,
    FactorSpec,
    ItemSpec,
    ItemWeightsSpec,
    SimilaritySpec,
    UserSpec,
)
from training.config import Config
from training.models import algorithm_class, make, own
from training.models.base import C, Configured, FittedModel, TrainingData
from training.models.parameters import DensityConfig
from training.progress import Progress

VALIDATIONS = 2
_UNIT_TOLERANCE = 1e-3  # of the length of an embedding's row
_SHARE = 0.2  # of all ratings that is held out, where no protocol has a rule for it

Key = tuple[str, str, int | None]  # algorithm, configuration, seed; None where the seed changes nothing


class FitCache:
    """Fitted models by key. Each is fitted once, by the first thread that asks; others wait for it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._fitting: dict[Key, Lock] = {}
        self._models: dict[Key, FittedModel] = {}

    def get(self, key: Key, fit: Callable[[], FittedModel]) -> FittedModel:
        """Return the model of `key`; `fit` is called where there is none yet."""
        with self._lock:
            fitting = self._fitting.setdefault(key, Lock())
        with fitting:
            if key not in self._models:
                self._models[key] = fit()
            return self._models[key]

    def forget(self, name: str) -> None:
        """Drop every fit of the algorithm `name`."""
        for key in [key for key in self._models if key[0] == name]:
            del self._models[key]


@dataclass(frozen=True)
class Fits:
    """Fitted models of one training split and seed, fitted when asked for.

    `of_split` is shared by the seeds of the split, `of_dataset` also by other splits: models that depend on neither
    seed nor ratings are fitted once, unless features are hidden in the split.
    """

    data: TrainingData
    seed: int
    progress: Progress
    of_split: FitCache = field(default_factory=FitCache)
    of_dataset: FitCache = field(default_factory=FitCache)
    cut: Callable[[], Sequence[Validation]] | None = None  # validation parts by the rule of the protocol

    def validations(self) -> Sequence[Validation]:
        """Return parts of the ratings to choose by: as the protocol cuts them, or else with random ratings held out."""
        return (self.cut and self.cut()) or [
            self._random_validation(np.random.default_rng([self.seed, number])) for number in range(VALIDATIONS)
        ]

    def _random_validation(self, rng: np.random.Generator) -> Validation:
        data, is_held_out = self.data, rng.random(self.data.user_item.nnz) < _SHARE
        rest, relevant = (with_entries(data.user_item, mask) for mask in (~is_held_out, is_held_out & data.is_target))
        return Validation(Fits(replace(data, user_item=rest), self.seed, self.progress), relevant)

    def get(self, name: str, config: Config) -> FittedModel:
        """Return the algorithm `name` fitted with `config`."""
        kind = algorithm_class(name)
        cache = self.of_split if kind.uses_ratings or self.data.has_own_tags else self.of_dataset
        key = (name, config.model_dump_json(), self.seed if kind.seeded else None)
        return cache.get(key, lambda: self._fit(name, config))

    def forget(self, name: str) -> None:
        """Drop every fit of the algorithm `name`; those of its members stay."""
        self.of_split.forget(name)
        self.of_dataset.forget(name)

    def _fit(self, name: str, config: Config) -> FittedModel:
        if isinstance(config, DensityConfig):
            config = config.at_density(self.data.density, self.data.share_of_likes)
        algorithm = make(name, config)
        if isinstance(algorithm, Composite):
            return algorithm.combine(self)
        fitted = algorithm.fit(self.data, seed=self.seed, progress=self.progress)
        return check_fitted(name, fitted, self.data) if name in own.names() else fitted


@dataclass(frozen=True)
class Validation:
    """Fits on a part of the training ratings, and the other ratings that lists should show."""

    fits: Fits
    relevant: sp.csr_matrix  # (n_users, n_movies)

    def halves(self) -> list[Validation]:
        """Return two validations by the same fits, each of every other user who has ratings to be shown."""
        counts = np.diff(self.relevant.indptr)
        number = np.repeat(np.cumsum(counts > 0) % 2, counts)
        return [Validation(self.fits, with_entries(self.relevant, number == half)) for half in (0, 1)]


class Composite(Configured[C]):
    """An algorithm that combines the fits of others."""

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Fit the members on `data` and combine them."""
        return self.combine(Fits(data, seed, progress))

    def combine(self, fits: Fits) -> FittedModel:
        """Return the model made of the members that `fits` gives."""
        raise NotImplementedError


def check_fitted(name: str, fitted: Any, data: TrainingData) -> FittedModel:
    """Return `fitted` if its specs give every item a finite score. Raises UsageError, which names what is wrong."""
    if not isinstance(fitted, FittedModel):
        raise UsageError(f"{name}.fit: expected a FittedModel, found {type(fitted).__name__}.")
    if fitted.algorithm != name:
        raise UsageError(f"{name}.fit: expected FittedModel({name!r}, ...), found {fitted.algorithm!r}.")
    if infinite := [key for key, array in fitted.arrays.items() if not np.all(np.isfinite(array))]:
        raise UsageError(f"{name}.fit: expected finite numbers, found others in {', '.join(infinite)}.")
    if fitted.own_scorer is not None:
        return fitted
    _check_embeddings(name, fitted)
    _check_sparse(name, fitted, data.user_item.shape[1])
    users, items = (np.array([0, count - 1]) for count in data.user_item.shape)
    arrays, spec = dict(fitted.arrays), fitted.user_spec
    for what, score in (
        ("item_spec", lambda: item_scorer(fitted.item_spec, arrays).similar(items)),
        ("user_spec", lambda: user_scorer(spec, arrays).known(users, data.stars[users])),
    ):
        _check_scores(f"{name}.{what}", score, data.user_item.shape[1])
    count = data.user_item.shape[0]
    if isinstance(spec, FactorSpec) and len(arrays[spec.user_factors]) != count:
        raise UsageError(f"{name}.user_spec: expected {count} user factors, found {len(arrays[spec.user_factors])}.")
    return fitted


def _check_embeddings(name: str, fitted: FittedModel) -> None:
    """Raise UsageError where the product of an embedding's rows is no cosine."""
    for spec in (fitted.item_spec, fitted.user_spec):
        for part in spec.parts if isinstance(spec, SimilaritySpec) else ():
            rows = fitted.arrays.get(part.embedding or "")
            if rows is None or rows.ndim != 2:  # said where the scores are computed
                continue
            lengths = np.linalg.norm(rows, axis=1)
            if not np.all((np.abs(lengths - 1) < _UNIT_TOLERANCE) | (lengths == 0)):
                raise UsageError(
                    f"{name}.fit: expected rows of length 1 or 0 in {part.embedding}, found lengths from "
                    f"{lengths.min():.3g} to {lengths.max():.3g}. `unit_rows` scales them."
                )


def _check_sparse(name: str, fitted: FittedModel, n_items: int) -> None:
    """Raise UsageError where a sparse matrix is none of all items by all items: compiled code reads it unchecked."""
    specs: tuple[ItemSpec | UserSpec, ...] = (fitted.item_spec, fitted.user_spec)
    if isinstance(fitted.user_spec, EnsembleSpec):
        specs += tuple(member.spec for member in fitted.user_spec.members)
    named = [spec.sparse for spec in specs if isinstance(spec, ItemWeightsSpec)]
    named += [part.sparse for spec in specs if isinstance(spec, SimilaritySpec) for part in spec.parts]
    for prefix in filter(None, named):
        try:
            matrix = sparse_array(fitted.arrays, prefix)
            matrix.check_format()
            kinds = [fitted.arrays[f"{prefix}_{name}"].dtype for name in ("indptr", "indices")]
            if not all(np.issubdtype(kind, np.integer) for kind in kinds):
                raise TypeError("rows and columns are not integers")
        except KeyError:  # said where the scores are computed
            continue
        except (ValueError, IndexError, TypeError) as error:
            raise UsageError(f"{name}.fit: expected the arrays of `csr_arrays` in {prefix}: {error}.") from error
        if (rows := matrix.shape[0]) != n_items:
            raise UsageError(f"{name}.fit: expected {n_items} x {n_items} items in the matrix {prefix}, found {rows}.")


def _check_scores(what: str, score: Callable[[], NDArray[np.float32]], n_items: int) -> None:
    """Raise UsageError unless `score` gives finite scores (b, n_items)."""
    try:
        scores = score()
    except KeyError as error:
        raise UsageError(f"{what} names an array that fit did not return: {error}.") from error
    except (ValueError, IndexError, TypeError, AttributeError, MemoryError) as error:
        raise UsageError(f"{what} cannot be computed from the arrays: {error}.") from error
    if scores.shape[1] != n_items:
        raise UsageError(f"{what}: expected scores of {n_items} items, found {scores.shape[1]}.")
    if not np.all(np.isfinite(scores)):
        raise UsageError(f"{what}: expected finite scores, found others.")
