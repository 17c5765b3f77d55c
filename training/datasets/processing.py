"""From raw files to a processed data set: read, clean, add credits and genome, build the movie-tag matrix, report."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from training.datasets import quality
from training.datasets.clean import CleanTables, clean, clean_genome
from training.datasets.config import ProcessingConfig, PublishedCounts, find_dataset_config
from training.datasets.credits import read_credits, with_credits
from training.datasets.dataset import ProcessedDataset, TagMatrix
from training.datasets.persistence import Files
from training.datasets.quarantine import Quarantine
from training.datasets.readers import genome as genome_reader
from training.datasets.readers import read_raw
from training.datasets.sources import Sources
from training.datasets.tag_matrix import film_blocks, genome_block, people_block, stacked, user_tag_block


def process(
    name: str,
    sources: Sources,
    config: ProcessingConfig,
    quarantine: Quarantine,
    fingerprint: Callable[[], str],
    files: Files,
) -> ProcessedDataset:
    """Make the data set `name` out of `sources` and write it to `files`; the ratings while the tag matrix is built.

    `fingerprint` is computed while ratings may still be being read: that no file changes until this returns is for the
    caller to check. Raises DataError when too many rows are bad.
    """
    catalogued = find_dataset_config(name)
    with _no_search_for_cycles(), ThreadPoolExecutor(max_workers=1) as pool:
        raw = read_raw(sources.raw, quarantine)
        found = pool.submit(fingerprint)  # reads every file once more: beside the cleaning
        tables = clean(raw, quarantine, catalogued.earliest if catalogued else None, files.begin)
        dataset = _dataset(name, sources, config, quarantine, tables, found.result)
        files.finish(dataset, _reports(dataset, quarantine, catalogued.published if catalogued else PublishedCounts()))
    return dataset


def _dataset(
    name: str,
    sources: Sources,
    config: ProcessingConfig,
    quarantine: Quarantine,
    tables: CleanTables,
    fingerprint: Callable[[], str],
) -> ProcessedDataset:
    if sources.genome is not None:
        tables.genome = clean_genome(genome_reader.read(sources.genome, quarantine), quarantine)
    if sources.credits is not None:
        tables.movies = with_credits(tables.movies, read_credits(sources.credits))
    tags, genome_report = _tag_matrix(tables, config)
    return ProcessedDataset(
        name=name,
        fingerprint=fingerprint(),
        movies=tables.movies,
        ratings=tables.ratings,
        tags=tags,
        user_ids=tables.user_ids,
        movie_ids=tables.movie_ids,
        details={"user_tags": len(tables.user_tags), "genome": genome_report, "mended": dict(tables.counts)},
    )


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


def _tag_matrix(tables: CleanTables, config: ProcessingConfig) -> tuple[TagMatrix, dict[str, Any]]:
    blocks = film_blocks(tables.movies)
    report: dict[str, Any] = {}
    if len(tables.people):
        blocks["people"] = people_block(tables.people, tables.movie_ids, config.min_films_per_person)
    if len(tables.user_tags):
        blocks["user_tags"] = user_tag_block(tables.user_tags, tables.movie_ids, config.min_films_per_user_tag)
    if len(tables.genome.scores):
        blocks["genome"], report = genome_block(tables.genome, tables.movie_ids)
    return stacked(blocks, len(tables.movies), config.block_weights), report


def _reports(dataset: ProcessedDataset, quarantine: Quarantine, published: PublishedCounts) -> dict[str, str]:
    snapshot = dataset.snapshot()
    sections = {
        "snapshot": snapshot,
        "published counts": quality.against_published(snapshot, published),
        "mended": dataset.details["mended"],
        "genome": dataset.details["genome"],
    }
    return quality.report_texts(sections, quarantine)
