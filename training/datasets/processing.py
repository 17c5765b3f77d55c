"""From raw files to a processed data set: read, clean, add credits and genome, build the movie-tag matrix, report."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from recommender.schema import MOVIE
from training.datasets import quality
from training.datasets.cleaning.clean import (
    CleanFilms,
    CleanRatings,
    clean_films,
    clean_genome,
    clean_ratings,
    count_mended,
    with_entries,
)
from training.datasets.config import ProcessingConfig, PublishedCounts, find_dataset_config
from training.datasets.credits import read_credits, with_credits
from training.datasets.dataset import ProcessedDataset
from training.datasets.persistence import Files
from training.datasets.quarantine import Quarantine
from training.datasets.readers import genome as genome_reader
from training.datasets.readers import read_raw
from training.datasets.sources import Sources
from training.datasets.tag_matrix import Block, film_blocks, genome_block, people_block, stacked, user_tag_block


def process(
    name: str,
    sources: Sources,
    config: ProcessingConfig,
    quarantine: Quarantine,
    fingerprint: Callable[[], str],
    files: Files,
) -> ProcessedDataset:
    """Make the data set `name` out of `sources` and write it to `files`: ratings in the background, beside the tags.

    `fingerprint` is computed while ratings may still be being read: that no file changes until this returns is for the
    caller to check. Raises DataError when too many rows are bad.
    """
    catalogued = find_dataset_config(name)
    with _no_search_for_cycles(), ThreadPoolExecutor(max_workers=2) as pool:
        raw = read_raw(sources.raw, quarantine)
        found = pool.submit(fingerprint)  # reads every file once more: beside the cleaning
        films = clean_films(raw, quarantine)
        earliest = catalogued.earliest if catalogued else None

        def ratings_stored() -> CleanRatings:
            clean = clean_ratings(raw, films.movie_ids, quarantine, earliest)
            files.begin(clean.ratings, clean.user_item)
            return clean

        rated = pool.submit(ratings_stored)
        if sources.genome is not None:
            films.genome = clean_genome(genome_reader.read(sources.genome, quarantine), quarantine)
        blocks, genome_report = _blocks_without_ratings(films, config)
        ratings = rated.result()
        movies = _with_entries_and_credits(films, ratings.ratings, sources.credits)
        mended = ({"repeated_ratings_dropped": ratings.repeated} if ratings.repeated else {}) | count_mended(movies)
        dataset = ProcessedDataset(
            name=name,
            fingerprint=found.result(),
            movies=movies,
            ratings=ratings.ratings,
            tags=stacked(blocks | film_blocks(movies), len(movies), config.block_weights),
            user_ids=ratings.user_ids,
            movie_ids=films.movie_ids,
            details={"user_tags": len(films.user_tags), "genome": genome_report, "mended": mended},
        )
        files.finish(dataset, _reports(dataset, quarantine, catalogued.published if catalogued else PublishedCounts()))
    return dataset


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Very many small lists are made and none is garbage: Python's search among them would take a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _blocks_without_ratings(films: CleanFilms, config: ProcessingConfig) -> tuple[dict[str, Block], dict[str, Any]]:
    """The blocks of the movie-tag matrix that can be made while ratings are still being read; the genome's report."""
    blocks: dict[str, Block] = {}
    report: dict[str, Any] = {}
    if len(films.people):
        blocks["people"] = people_block(films.people, films.movie_ids, config.min_films_per_person)
    if len(films.user_tags):
        blocks["user_tags"] = user_tag_block(films.user_tags, films.movie_ids, config.min_films_per_user_tag)
    if len(films.genome.scores):
        blocks["genome"], report = genome_block(films.genome, films.movie_ids)
    return blocks, report


def _with_entries_and_credits(films: CleanFilms, ratings: pd.DataFrame, credits: Path | None) -> pd.DataFrame:
    movies = with_entries(films.movies, ratings[MOVIE].to_numpy(), films.movie_ids)
    return movies if credits is None else with_credits(movies, read_credits(credits))


def _reports(dataset: ProcessedDataset, quarantine: Quarantine, published: PublishedCounts) -> dict[str, str]:
    snapshot = dataset.snapshot()
    sections = {
        "snapshot": snapshot,
        "published counts": quality.against_published(snapshot, published),
        "mended": dataset.details["mended"],
        "genome": dataset.details["genome"],
    }
    return quality.report_texts(sections, quarantine)
