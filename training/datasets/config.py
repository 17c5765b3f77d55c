"""The catalogue of data sets (configs/datasets/<name>.yaml) and how all are processed (processing.yaml)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from recommender.errors import UsageError
from training.config import CONFIG_ROOT, Config, load_config

DATASET_CONFIGS = CONFIG_ROOT / "datasets"
_PROCESSING = "processing"
_NOT_CATALOGUED = {_PROCESSING, "synthetic"}


class PublishedCounts(Config):
    """Numbers of rows that the data set's own README states."""

    ratings: int | None = None
    users: int | None = None
    films: int | None = None
    user_tags: int | None = None


class DatasetConfig(Config):
    """A data set that can be fetched: where from, and what is published about it.

    `kind`: `ratings` can be prepared by itself; `genome` and `credits` complete another data set. `folder`: folder of
    the files inside the archive. `members`: only these are read, through HTTP range requests. `md5`: published
    checksum of the archive. `earliest`: date of the first possible rating.
    """

    title: str
    kind: Literal["ratings", "genome", "credits"]
    url: str
    folder: str
    megabytes: int
    md5: str | None = None
    members: tuple[str, ...] = ()
    earliest: date | None = None
    published: PublishedCounts = PublishedCounts()

    @property
    def archive(self) -> str:
        """Return the file name of the archive."""
        return self.url.rsplit("/", 1)[-1]


class TextConfig(Config):
    """Which words of texts become features; configs/datasets/processing.yaml explains each."""

    min_films: int = Field(ge=1)
    max_share: float = Field(gt=0, le=1)
    after_release: tuple[str, ...] = ()


class ProcessingConfig(Config):
    """Settings for cleaning and for the movie-tag matrix; configs/datasets/processing.yaml explains each."""

    max_bad_share: float = Field(ge=0, le=1)
    min_films_per_user_tag: int = Field(ge=1)
    min_films_per_person: int = Field(ge=1)
    texts: TextConfig
    block_weights: dict[str, float]


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


def load_processing_config(path: Path = DATASET_CONFIGS / f"{_PROCESSING}.yaml") -> ProcessingConfig:
    """Return the settings for cleaning and for the movie-tag matrix."""
    return load_config(path, ProcessingConfig)
