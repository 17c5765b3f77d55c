"""Implicit ALS on a Spark cluster: the same configuration, objective and arrays as on one machine.

`pyspark.ml.recommendation.ALS` with `implicitPrefs` minimises, over all pairs of a person u and a film i,

    sum (1 + alpha |r_ui|) (p_ui - x_u'y_i)^2 + regParam (sum n_u |x_u|^2 + sum n_i |y_i|^2),

p_ui = 1 where r_ui > 0 and else 0, n the number of positive r. The local objective has the confidence
c_ui = alpha (weight_offset + weight_slope stars) as the first factor, 1 for pairs without a rating, and one
regularization for everybody. Spark is made to minimise this one:

* Confidence. Spark is given r_ui = c_ui - 1 and alpha = 1. Where that is not positive, Spark would count the film as
  disliked: a configuration with confidences of 1 and less is refused.
* Regularization. Spark's grows with n, which on long-tailed data is another model; so regParam = 0, and the ridge comes
  from anchors: for each factor k = 1..d a pseudo person a_k and a pseudo film b_k. Ratings of huge weight hold
  a_k'b_l at 1 for k = l and at 0 otherwise. Spark wants 0, with weight 1, from pairs without a rating, so it adds
  sum_k (x_u'b_k)^2 for each person and sum_k (a_k'y_i)^2 for each film. In the coordinates x~_k = x_u'b_k and
  y~_k = a_k'y_i, in which x~'y~ = x_u'y_i, that is |x~|^2 + |y~|^2: a ridge of 1. Copies of the anchors multiply it;
  with m copies held at regularization / m in the place of 1, it is the local regularization.

Spark is given the ratings that move items: likes, where likes are predicted. People's factors are solved here, exactly,
from likes and dislikes, as the local fit and fold-in do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recommender.about import About, Paper
from recommender.errors import MovierecError, UsageError
from recommender.schema import LEAST_STARS, MOVIE, RATING, USER
from training.models.base import Configured, FittedModel, TrainingData
from training.models.factors.als import Als, factor_model
from training.models.parameters import AlsConfig, DensityConfig
from training.progress import Progress
from training.spark.cluster import connect, open_exchange

# Weights of the ratings that hold anchors: beside them, what people and films pull is rounding. The first copies hold
# each other more firmly than they are held by the others, so that all copies settle on the same coordinates at once.
FIRM, FIRMEST = 1e9, 1e12
# Every iteration makes the plan of the next one deeper: uncut, the executors' stacks overflow near the twentieth.
CHECKPOINT_EVERY = 5

Factors = NDArray[np.float32]


class SparkAlsConfig(DensityConfig):
    """Settings of ALS on Spark: those of the local ALS, and where to fit it."""

    als: AlsConfig = Field(description="parameters of the fit")
    master: str = Field("local[*]", description="address of the cluster, as spark-submit takes it")
    exchange: str | None = Field(None, description="directory or URL that driver and executors share")
    blocks: int = Field(10, ge=1, description="parts of people and of films: the most tasks that run at once")

    def at_density(self, density: float, likes: float = 1.0) -> Self:
        """Return the settings with those of the local ALS for data of this density."""
        return self.model_copy(update={"als": self.als.at_density(density, likes)})


class SparkAls(Configured[SparkAlsConfig]):
    """ALS fitted on a Spark cluster; the module's docstring explains how its objective equals that of `Als`."""

    config_type = SparkAlsConfig
    about = About(
        label="ALS on Spark",
        sentence="als, fitted on a Spark cluster.",
        share="people",
        papers=(Paper(url="https://doi.org/10.1109/ICDM.2008.22"),),
    )

    def __init__(self, config: SparkAlsConfig) -> None:
        """Raise UsageError if Spark cannot express the configuration."""
        super().__init__(config)
        weights = config.als.weight(np.array([LEAST_STARS], dtype=np.float32))
        least = float(self._spark_rating(weights)[0])
        if least <= 0:
            raise UsageError(
                f"Spark needs a confidence above 1 even for the lowest rating; alpha * (weight_offset + weight_slope * "
                f"{LEAST_STARS}) is {least + 1:g}. Raise alpha or weight_offset, or train without --engine spark."
            )
        if config.als.regularization <= 0:
            raise UsageError("Spark needs a regularization above 0; raise it, or train without --engine spark.")

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Fit on Spark and return the same arrays as `Als.fit`.

        Raises MissingInputError without pyspark, MovierecError if Spark fails.
        """
        als = Als(self.config.als)
        anchors = Anchors(als.config.factors, als.config.regularization)
        weighted = als.weigh(data)
        progress("als on Spark", 0.0)
        items = anchors.resolve(*self._factors(weighted.likes, anchors, seed))
        progress("als on Spark", 1.0)
        parameters = {**als.config.model_dump(), "engine": "spark", "blocks": self.config.blocks}
        users = als.exact_users(weighted.signed, items)
        return factor_model("als", parameters, users, items, weighted.fold_in)

    def _factors(self, likes: sp.csr_matrix, anchors: Anchors, seed: int) -> tuple[Factors, Factors]:
        """Fit factors (n_users + anchors, d) and (n_movies + anchors, d); zeros for those without ratings."""
        with connect(self.config.master) as spark, open_exchange(spark, self.config.exchange) as (exchange, scratch):
            spark.sparkContext.setCheckpointDir(exchange.address("checkpoints"))
            ratings = exchange.send(self._write_ratings(likes, anchors, scratch / "ratings"))
            model = self._estimator(seed).fit(ratings)
            users = exchange.receive(model.userFactors, "user-factors")
            items = exchange.receive(model.itemFactors, "film-factors")
            return (
                _read_factors(users, anchors.below(np.diff(likes.indptr))),
                _read_factors(items, anchors.below(np.bincount(likes.indices, minlength=likes.shape[1]))),
            )

    def _write_ratings(self, likes: sp.csr_matrix, anchors: Anchors, directory: Path) -> Path:
        """Write rows and Spark's ratings as Parquet: a file per block of users, and one for the anchors."""
        directory.mkdir()
        for number, entries in enumerate([*self._blocks(likes), anchors.ratings(likes.shape)]):
            users, movies = entries.users.astype(np.int32), entries.movies.astype(np.int32)
            table = pa.table({USER: users, MOVIE: movies, RATING: entries.values.astype(np.float32)})
            pq.write_table(table, directory / f"part-{number:05d}.parquet")
        return directory

    def _blocks(self, likes: sp.csr_matrix) -> Iterator[Entries]:
        bounds = np.linspace(0, likes.shape[0], self.config.blocks + 1).astype(int)
        for start, stop in pairwise(bounds):
            block = likes[start:stop].tocoo()
            yield Entries(block.row + start, block.col, self._spark_rating(block.data))

    def _spark_rating(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.config.als.alpha * weights - 1

    def _estimator(self, seed: int) -> Any:
        from pyspark.ml.recommendation import ALS

        return ALS(
            rank=self.config.als.factors,
            maxIter=self.config.als.iterations,
            regParam=0.0,
            alpha=1.0,
            implicitPrefs=True,
            numUserBlocks=self.config.blocks,
            numItemBlocks=self.config.blocks,
            userCol=USER,
            itemCol=MOVIE,
            ratingCol=RATING,
            seed=seed,
            checkpointInterval=CHECKPOINT_EVERY,
        )


class Entries(NamedTuple):
    """Ratings for Spark: user rows (n,), film rows (n,) and values (n,)."""

    users: NDArray[Any]
    movies: NDArray[Any]
    values: NDArray[Any]


@dataclass(frozen=True)
class Anchors:
    """Pseudo users and pseudo films in rows after the real ones; copy c of factor k is row c * d + k of them."""

    factors: int
    regularization: float

    @property
    def copies(self) -> int:
        """Return the number of anchors per factor, on the side of users and of films alike."""
        return ceil(self.regularization)

    @property
    def product(self) -> float:
        """Return the value at which a_k'b_k is held: at most 1, the highest that Spark can be made to fit."""
        return self.regularization / self.copies

    def below(self, counts: NDArray[Any]) -> NDArray[Any]:
        """Append a count of 1 for each anchor to `counts` (n,) of ratings."""
        return np.append(counts, np.ones(self.copies * self.factors, dtype=counts.dtype))

    def ratings(self, shape: tuple[int, int]) -> Entries:
        """Return the ratings that hold the anchors in place, given the numbers `shape` of real users and films.

        A positive rating pulls a product to 1 and a negative one to 0, each by its weight. Every copy is held by the
        first copies of the other side.
        """
        first, every = np.arange(self.factors), np.arange(self.factors * self.copies)
        further = every[self.factors :]
        pairs = np.hstack([_all_pairs(every, first), _all_pairs(first, further)])
        weight = np.where((pairs < self.factors).all(axis=0), FIRMEST, FIRM)
        same_factor = pairs[0] % self.factors == pairs[1] % self.factors
        pull_up = weight[same_factor] * self.product
        cross_pairs = pairs[:, ~same_factor]
        users, movies = (
            np.hstack([pairs[:, same_factor], pairs[:, same_factor], cross_pairs]) + np.array(shape)[:, None]
        )
        return Entries(users, movies, np.concatenate([pull_up, pull_up - weight[same_factor], -weight[~same_factor]]))

    def resolve(self, users: Factors, items: Factors) -> Factors:
        """Return the factors of the real films in the anchors' coordinates."""
        n_users, n_items = (len(side) - self.copies * self.factors for side in (users, items))
        anchors = users[n_users : n_users + self.factors].astype(np.float64)
        resolved: Factors = (items[:n_items] @ anchors.T / np.sqrt(self.product)).astype(np.float32)
        return resolved


def _all_pairs(rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
    """Return every pair of a row and a column, (2, n)."""
    return np.stack(np.meshgrid(rows, columns, indexing="ij")).reshape(2, -1)


def _read_factors(files: Sequence[Path], counts: NDArray[Any]) -> Factors:
    """Read factors (n, d) from Spark's Parquet files of (id, features).

    `counts`: (n,) number of ratings of each row. Raises MovierecError if rows with ratings are missing.
    """
    table = pa.concat_tables(pq.read_table(file) for file in files)
    if table.num_rows != np.count_nonzero(counts):
        raise MovierecError(
            f"Expected factors of {np.count_nonzero(counts)} rows from Spark, found {table.num_rows}: the driver does "
            "not see all that the executors wrote. Give --exchange a directory or URL that all of them share."
        )
    values = table["features"].combine_chunks().flatten().to_numpy()
    factors = np.zeros((len(counts), len(values) // table.num_rows), dtype=np.float32)
    factors[table["id"].to_numpy()] = values.reshape(table.num_rows, -1)
    return factors
