"""Settings of a synthetic data set; configs/datasets/synthetic.yaml explains each value."""

from __future__ import annotations

from pydantic import Field

from training.config import Config, load_config
from training.datasets.config import DATASET_CONFIGS


class SyntheticConfig(Config):
    """Sizes, distributions and planted structure; tastes, biases and noise are standard deviations in stars."""

    users: int = Field(ge=1)
    movies: int = Field(ge=1)
    ratings: int = Field(ge=1)
    seed: int = Field(ge=0)
    popularity_spread: float = Field(ge=0)
    activity_spread: float = Field(ge=0)
    min_ratings_per_user: int = Field(ge=1)
    mean_rating: float
    user_bias: float = Field(ge=0)
    movie_bias: float = Field(ge=0)
    theme_taste: float = Field(ge=0)
    latent_taste: float = Field(ge=0)
    noise: float = Field(ge=0)
    drift_per_year: float
    whole_star_users: float = Field(ge=0, le=1)
    themes: int = Field(ge=1)
    latent_traits: int = Field(ge=1)
    theme_focus: float = Field(gt=0)
    tags_per_rating: float = Field(ge=0, le=1)
    genome_tags: int = Field(ge=1)
    genome_share: float = Field(ge=0, le=1)


def load_synthetic_config(**changes: int) -> SyntheticConfig:
    """Load the configured settings and override some of them (users, movies, ratings, seed)."""
    overrides = [f"{key}={value}" for key, value in changes.items()]
    return load_config(DATASET_CONFIGS / "synthetic.yaml", SyntheticConfig, overrides)
