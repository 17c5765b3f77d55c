"""The catalogue of data sets (configs/datasets/<name>.yaml) and how all are processed (processing.yaml)."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from recommender.errors import UsageError
from training.config import CONFIG_ROOT, Config, load_config

DATASET_CONFIGS = CONFIG_ROOT / "datasets"
_PROCESSING = "processing"
_NOT_CATALOGUED = {_PROCESSING, "synthetic"}


class PublishedCounts(Config):
    """Numbers of rows that the data set's own README states."""

    ratings: int | None = Field(None, description="number of ratings")
    users: int | None = Field(None, description="number of users")
    films: int | None = Field(None, description="number of films in the catalogue")
    user_tags: int | None = Field(None, description="number of tags that users gave")


class DatasetConfig(Config):
    """A data set that can be fetched: where from, and what is published about it."""

    title: str = Field(description="name that people read")
    kind: Literal["ratings", "genome", "credits"] = Field(
        description="`ratings` can be prepared by itself; `genome` and `credits` complete another data set"
    )
    url: str = Field(description="address of the archive")
    folder: str = Field(description="folder of the files inside the archive")
    megabytes: int = Field(description="size of the archive; a download of more than twice as much is refused")
    md5: str | None = Field(None, description="published checksum of the archive")
    members: tuple[str, ...] = Field(
        (), description="files to read through HTTP range requests; none: the whole archive"
    )
    earliest: date | None = Field(None, description="date of the first possible rating; earlier ones are left out")
    published: PublishedCounts = Field(PublishedCounts(), description="counts that the published README states")

    @property
    def archive(self) -> str:
        """Return the file name of the archive."""
        return self.url.rsplit("/", 1)[-1]


class TextConfig(Config):
    """Which words of texts become features; configs/datasets/processing.yaml explains each."""

    min_films: int = Field(ge=1, description="a word in the texts of fewer items is left out")
    max_share: float = Field(gt=0, le=1, description="a word in a larger share of the texts is left out")
    after_release: tuple[str, ...] = Field((), description="beginnings of words about reception, which are left out")


class ProcessingConfig(Config):
    """Settings for cleaning and for the movie-tag matrix; configs/datasets/processing.yaml explains each."""

    max_bad_share: float = Field(ge=0, le=1, description="share of malformed rows above which preparing stops")
    min_films_per_user_tag: int = Field(ge=1, description="a tag of fewer items is left out")
    min_films_per_person: int = Field(ge=1, description="a person of fewer items is left out")
    texts: TextConfig = Field(description="which words of texts become features")
    block_weights: dict[str, float] = Field(
        description="share of each block of features in the similarity of two items"
    )


def dataset_names() -> list[str]:
    """Return the names of all data sets that have a configuration file, sorted."""
    return sorted(path.stem for path in DATASET_CONFIGS.glob("*.yaml") if path.stem not in _NOT_CATALOGUED)


def load_dataset_config(name: str) -> DatasetConfig:
    """Return the configuration of the data set `name`. Raises UsageError, which lists the names that exist."""
    if name not in dataset_names():
        raise UsageError(f"Expected a data set of the catalogue, found {name!r}; known: {', '.join(dataset_names())}.")
    return load_config(DATASET_CONFIGS / f"{name}.yaml", DatasetConfig)


def find_dataset_config(name: str) -> DatasetConfig | None:
    """Return the configuration of the data set `name`, or None for a data set of the user's own."""
    return load_dataset_config(name) if name in dataset_names() else None


def load_processing_config() -> ProcessingConfig:
    """Return the settings for cleaning and for the movie-tag matrix."""
    return load_config(DATASET_CONFIGS / f"{_PROCESSING}.yaml", ProcessingConfig)
