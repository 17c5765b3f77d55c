"""Draw the parameters of a synthetic data set: themes, traits and popularity of films, activity of users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from training.config import Config, load_config
from training.datasets.config import DATASET_CONFIGS

FIRST_YEAR, LAST_YEAR = 1915, 2019
_MEAN_AGE = 18.0  # of a film, in years before LAST_YEAR
_ID_SPACING = 3  # movie ids of MovieLens 25M are about that sparse
_MAX_SHARE = 0.3  # of all films that one person rates
_POPULAR_IS_GOOD = 0.35  # correlation of a film's log popularity with its bias


@dataclass(frozen=True)
class World:
    """Films by row: raw ids, release years, theme, (n_movies, n_traits) traits, bias in stars, popularity weight.

    `activity`: (n_users,) number of ratings of each user; the sum is the configured number of ratings.
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
        """Return a random generator for one purpose, independent of how many numbers others have drawn."""
        return np.random.default_rng([self.config.seed, *purpose])


def make_world(config: SyntheticConfig) -> World:
    """Draw the films and the users' activity; the same configuration gives the same world."""
    rng = np.random.default_rng(config.seed)
    movies = config.movies
    log_popularity = rng.standard_normal(movies)
    independent_bias = rng.standard_normal(movies)
    bias = _POPULAR_IS_GOOD * log_popularity + np.sqrt(1 - _POPULAR_IS_GOOD**2) * independent_bias
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
    """Draw each user's number of ratings: a minimum plus a log-normal share, exactly `config.ratings` in all."""
    ceiling = max(int(_MAX_SHARE * config.movies), -(-config.ratings // config.users))
    floor = min(config.min_ratings_per_user, config.ratings // config.users)
    weights = np.exp(config.activity_spread * rng.standard_normal(config.users))
    counts = np.full(config.users, floor, dtype=np.int64)
    while (missing := config.ratings - int(counts.sum())) > 0:
        below_ceiling = counts < ceiling
        share = weights * below_ceiling / (weights * below_ceiling).sum()
        additions = np.minimum(np.floor(missing * share).astype(np.int64), ceiling - counts)
        if additions.sum() == 0:  # less than one each: one more for the busiest
            additions[np.argsort(-share, kind="stable")[: min(missing, int(below_ceiling.sum()))]] = 1
        counts += additions
    return counts


class SyntheticConfig(Config):
    """Sizes, distributions and planted structure; tastes, biases and noise are standard deviations in stars."""

    users: int = Field(ge=1, description="number of users")
    movies: int = Field(ge=1, description="number of films")
    ratings: int = Field(ge=1, description="number of ratings")
    seed: int = Field(ge=0, description="seed of all draws")
    popularity_spread: float = Field(ge=0, description="standard deviation of the log of a film's number of ratings")
    activity_spread: float = Field(ge=0, description="standard deviation of the log of a user's number of ratings")
    min_ratings_per_user: int = Field(ge=1, description="least number of ratings of a user")
    mean_rating: float = Field(description="mean of all ratings, in stars")
    user_bias: float = Field(ge=0, description="spread of users' means")
    movie_bias: float = Field(ge=0, description="spread of films' means")
    theme_taste: float = Field(ge=0, description="spread of how much users like the themes that they choose")
    latent_taste: float = Field(ge=0, description="spread of tastes that the choice of films does not show")
    noise: float = Field(ge=0, description="spread of what nothing explains")
    drift_per_year: float = Field(description="stars that a film gains with each year of age")
    whole_star_users: float = Field(ge=0, le=1, description="share of users who never give half stars")
    themes: int = Field(ge=1, description="number of themes that films belong to")
    latent_traits: int = Field(ge=1, description="number of traits behind `latent_taste`")
    theme_focus: float = Field(
        gt=0, description="concentration of a user's themes: the smaller, the narrower the taste"
    )
    tags_per_rating: float = Field(ge=0, le=1, description="tags that users give for each rating")
    genome_tags: int = Field(ge=1, description="number of tags in the genome")
    genome_share: float = Field(ge=0, le=1, description="share of the films that have a genome, the most rated ones")


def load_synthetic_config(**changes: int) -> SyntheticConfig:
    """Load the configured settings and override some of them (users, movies, ratings, seed)."""
    overrides = [f"{key}={value}" for key, value in changes.items()]
    return load_config(DATASET_CONFIGS / "synthetic.yaml", SyntheticConfig, overrides)
