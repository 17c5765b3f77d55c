"""Synthetic twins of MovieLens 25M at any size, made once and kept in data/raw."""

from __future__ import annotations

from pathlib import Path

from recommender import home
from training.datasets.store import ProcessedDataset, prepare
from training.datasets.synth.files import write_twin
from training.datasets.synth.world import SyntheticConfig, load_synthetic_config

USERS, MOVIES, RATINGS = 162_541, 62_423, 25_000_095


def twin_config(size: float) -> SyntheticConfig:
    """Return the settings of a twin with `size` times the users, films and ratings of MovieLens 25M."""
    users, movies, ratings = (max(round(size * full), 1) for full in (USERS, MOVIES, RATINGS))
    return load_synthetic_config(users=users, movies=movies, ratings=min(ratings, users * movies // 4))


def twin_directory(size: float) -> Path:
    """Return the directory of the twin's files, whether it exists or not."""
    return home.raw_data() / f"synthetic-twin-{twin_config(size).ratings}"


def make_twin(size: float) -> Path:
    """Write the twin's files, tag genome included, and return their directory."""
    write_twin(twin_config(size), twin_directory(size), genome=True)
    return twin_directory(size)


def twin(size: float) -> Path:
    """Return the directory of the twin; write its files if they are missing."""
    directory = twin_directory(size)
    return directory if directory.is_dir() else make_twin(size)


def twin_dataset(size: float) -> ProcessedDataset:
    """Return the processed twin, which is kept in data/processed."""
    directory = twin(size)
    return prepare(directory.name, raw=directory)
