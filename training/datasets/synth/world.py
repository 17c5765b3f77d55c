"""The world behind a synthetic data set: films with themes, traits and popularity, and how many films people rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.datasets.synth.settings import SyntheticConfig

FIRST_YEAR, LAST_YEAR = 1915, 2019
_MEAN_AGE = 18.0  # of a film, in years before LAST_YEAR
_ID_SPACING = 3  # movie ids of MovieLens 25M are about that sparse
_MAX_SHARE = 0.3  # of all films that one person rates
_POPULAR_IS_GOOD = 0.35  # correlation of a film's log popularity with its bias


@dataclass(frozen=True)
class World:
    """Films by row: raw ids, release years, theme, (n_movies, n_traits) traits, bias in stars, popularity weight.

    `activity`: (n_users,) ratings of each user; they sum to the number of ratings asked for.
    """

    config: SyntheticConfig
    movie_ids: NDArray[np.int32]
    years: NDArray[np.int64]
    themes: NDArray[np.int64]
    traits: NDArray[np.float32]
    bias: NDArray[np.float32]
    popularity: NDArray[np.float64]
    activity: NDArray[np.int64]

    def rng(self, *purpose: int) -> np.random.Generator:
        """A generator of its own for each purpose: no part depends on how many numbers another one drew."""
        return np.random.default_rng([self.config.seed, *purpose])


def make_world(config: SyntheticConfig) -> World:
    """The world of `config`; the same for the same configuration."""
    rng = np.random.default_rng(config.seed)
    movies = config.movies
    log_popularity = rng.standard_normal(movies)
    own_bias = rng.standard_normal(movies)
    bias = _POPULAR_IS_GOOD * log_popularity + np.sqrt(1 - _POPULAR_IS_GOOD**2) * own_bias
    popularity = np.exp(config.popularity_spread * log_popularity)
    return World(
        config=config,
        movie_ids=(np.sort(rng.choice(_ID_SPACING * movies, size=movies, replace=False)) + 1).astype(np.int32),
        years=np.maximum(LAST_YEAR - rng.exponential(_MEAN_AGE, movies).astype(np.int64), FIRST_YEAR),
        themes=rng.integers(config.themes, size=movies),
        traits=rng.standard_normal((movies, config.latent_traits), dtype=np.float32),
        bias=(config.movie_bias * bias).astype(np.float32),
        popularity=popularity,
        activity=_activity(config, rng),
    )


def _activity(config: SyntheticConfig, rng: np.random.Generator) -> NDArray[np.int64]:
    """Ratings of each user: a minimum and a log-normal rest, exactly `config.ratings` in all."""
    ceiling = max(int(_MAX_SHARE * config.movies), -(-config.ratings // config.users))
    floor = min(config.min_ratings_per_user, config.ratings // config.users)
    rest = np.exp(config.activity_spread * rng.standard_normal(config.users))
    counts = np.full(config.users, floor, dtype=np.int64)
    while (missing := config.ratings - int(counts.sum())) > 0:
        room = counts < ceiling
        share = rest * room / (rest * room).sum()
        added = np.minimum(np.floor(missing * share).astype(np.int64), ceiling - counts)
        if added.sum() == 0:  # less than one each: one more for the busiest
            added[np.argsort(-share, kind="stable")[: min(missing, int(room.sum()))]] = 1
        counts += added
    return counts
