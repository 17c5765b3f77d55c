"""Settings of a synthetic data set; configs/datasets/synthetic.yaml explains each value."""

from __future__ import annotations

from pydantic import Field

from training.config import Config, load_config
from training.datasets.config import DATASET_CONFIGS


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
