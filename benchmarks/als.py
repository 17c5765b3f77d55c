"""Time of fitting ALS on the synthetic twin, against a direct call of implicit."""

from __future__ import annotations

from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from benchmarks.tools.figures import Figure, in_turn
from benchmarks.tools.twins import twin_dataset
from recommender.scoring.blocks import with_data
from training.models.factors.als import Als
from training.models.parameters import AlsConfig

CONFIG = AlsConfig()


def run(size: float, rounds: int) -> list[Figure]:
    """Measure the time of our ALS fit, divided by that of implicit's `fit` on the same matrix."""
    ratings = twin_dataset(size).user_item()
    weights = with_data(ratings, CONFIG.weight(ratings.data))
    timed = in_turn(lambda: Als(CONFIG).factorise(weights, 0), lambda: bare(weights, CONFIG, 0), rounds)
    note = f"{ratings.nnz:,} ratings of the twin, {CONFIG.factors} factors, {CONFIG.iterations} iterations"
    return [Figure.against("als: our fit over implicit's", *timed, 1.05, rounds=rounds, note=note)]


def bare(weights: csr_matrix, config: AlsConfig, seed: int) -> None:
    """Fit ALS by implicit alone, as one would without this project."""
    with threadpool_limits(1, "blas"):
        AlternatingLeastSquares(
            factors=config.factors,
            regularization=config.regularization,
            alpha=config.alpha,
            iterations=config.iterations,
            random_state=seed,
        ).fit(weights, show_progress=False)
