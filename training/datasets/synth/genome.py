"""Generate a tag genome whose relevances follow the same themes and traits as the ratings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.datasets.synth.world import World

STEP = 0.00025  # the resolution of the real genome
_GENOME = 3  # purpose of random numbers
_FILMS_AT_ONCE = 200
_BASE, _THEME, _TRAIT, _NOISE = -2.4, 3.2, 0.8, 0.35  # on the logit scale


@dataclass(frozen=True)
class TagTraits:
    """Theme of each tag, strength of that link, and (n_tags, n_traits) direction in trait space."""

    themes: NDArray[np.int64]
    strength: NDArray[np.float64]
    directions: NDArray[np.float32]


def tag_traits(world: World) -> TagTraits:
    """Draw the traits of all tags; tag t belongs to theme t modulo the number of themes."""
    config, rng = world.config, world.rng(_GENOME)
    directions = rng.standard_normal((config.genome_tags, config.latent_traits), dtype=np.float32)
    return TagTraits(
        themes=np.arange(config.genome_tags) % config.themes,
        strength=rng.uniform(0.3, 1.0, config.genome_tags),
        directions=directions / np.float32(np.sqrt(config.latent_traits)),
    )


def genome_films(world: World) -> NDArray[np.int64]:
    """Return the rows of the films that have a genome, ascending: the most popular ones."""
    count = int(np.ceil(world.config.genome_share * len(world.movie_ids)))
    return np.sort(np.argsort(-world.popularity, kind="stable")[:count])


def relevance(world: World, tags: TagTraits) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int16]]]:
    """Yield film rows and their (n_films, n_tags) relevance in units of STEP, some films at a time."""
    films = genome_films(world)
    for start in range(0, len(films), _FILMS_AT_ONCE):
        rows = films[start : start + _FILMS_AT_ONCE]
        rng = world.rng(_GENOME, 1, start)
        logits = _BASE + _THEME * tags.strength * (world.themes[rows, None] == tags.themes)
        logits = logits + _TRAIT * world.traits[rows] @ tags.directions.T
        logits += _NOISE * rng.standard_normal(logits.shape, dtype=np.float32)
        yield rows, np.rint(1 / (1 + np.exp(-logits)) / STEP).astype(np.int16)
