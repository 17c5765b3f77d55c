"""From raw files to a stored data set: read, clean, add credits and genome, build the movie-tag matrix, report."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pandas as pd

from recommender.schema import MOVIE, TEXT
from training.datasets.arrivals import Arrivals, Report, join_integers
from training.datasets.cleaning.clean import (
    CleanFilms,
    CleanRatings,
    clean_films,
    clean_genome,
    clean_ratings,
    count_mended,
    with_canonical_entries,
    without_repeats,
)
from training.datasets.config import ProcessingConfig, PublishedCounts, find_dataset_config
from training.datasets.credits.articles import with_articles
from training.datasets.credits.table import read_credits, with_credits
from training.datasets.dataset import EVENTS, REPEATED, ProcessedDataset
from training.datasets.features.tag_matrix import (
    Block,
    film_blocks,
    genome_block,
    people_block,
    stack_blocks,
    user_tag_block,
)
from training.datasets.features.text_block import described_by
from training.datasets.indexing import count_ids
from training.datasets.quarantine import Quarantine, report_texts
from training.datasets.readers import genome as genome_reader
from training.datasets.readers import read_raw, wikipedia
from training.datasets.sources import Sources, count_lines
from training.datasets.stored.persistence import DatasetWriter
from training.datasets.tables import UTF_8, RawTables


@contextmanager
def _garbage_collector_paused() -> Iterator[None]:
    """Pause Python's search for reference cycles: among the many small lists made here it takes a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_garbage_collector_paused()
def process(
    name: str,
    sources: Sources,
    config: ProcessingConfig,
    fingerprint: Future[str],
    writer: DatasetWriter,
    arrivals: Arrivals | None = None,
) -> ProcessedDataset:
    """Read, clean and store the data set `name`; `arrivals`: ratings that came in as events.

    The ratings, by far the largest table, are read, cleaned and written in the background, beside all that does not
    need them. `fingerprint`: of the inputs; may still be being computed. Raises DataError when too many rows are bad.
    """
    catalogued = find_dataset_config(name)
    quarantine = Quarantine(config.max_bad_share, count_lines(sources.files()))
    raw = read_raw(sources.raw, quarantine)  # the ratings are still being read
    films = clean_films(raw, quarantine)

    def store_ratings() -> tuple[CleanRatings, Report]:
        earliest = catalogued.earliest if catalogued else None
        usable = clean_ratings(raw, films.movie_ids, quarantine, earliest, sources.feedback)
        report: Report = {}
        if arrivals is not None:
            usable, report = join_integers(usable, films.movie_ids, arrivals, sources.feedback)
        unique = without_repeats(usable, films.movie_ids)
        writer.start_ratings(unique.ratings, unique.user_item, unique.user_ids, films.movie_ids)
        return unique, report

    with ThreadPoolExecutor(max_workers=1) as background:
        cleaning = background.submit(store_ratings)
        if sources.genome is not None:
            films.genome = clean_genome(genome_reader.read(sources.genome, quarantine), quarantine)
        blocks, genome_report = _blocks_without_ratings(films, config)
        ratings, events_report = cleaning.result()
    movies = with_canonical_entries(films.movies, ratings.ratings[MOVIE].to_numpy(), films.movie_ids)
    if sources.credits is not None:
        movies = with_credits(movies, read_credits(sources.credits))
    text_columns: list[str] = []
    texts_report: dict[str, Any] = {}
    if sources.texts is not None:
        counts = count_ids(ratings.ratings[MOVIE].to_numpy(), films.movie_ids)
        movies, texts_report = with_articles(movies, wikipedia.read(sources.texts), counts)
        text_columns = [TEXT]
    words = described_by(movies, text_columns, config.texts)
    dataset = ProcessedDataset(
        name=name,
        fingerprint=fingerprint.result(),
        movies=movies,
        ratings=ratings.ratings,
        tags=stack_blocks(blocks | film_blocks(movies) | words, len(movies), config.block_weights),
        user_ids=ratings.user_ids,
        movie_ids=films.movie_ids,
        details={
            "user_tags": len(films.user_tags),
            "genome": genome_report,
            "text_columns": text_columns,
            "texts": texts_report,
            "mended": _count_mended(raw, ratings, movies),
            "rejected": dict(quarantine.by_reason()),
            **({EVENTS: events_report} if arrivals is not None else {}),
        },
        feedback=sources.feedback,
    )
    published = catalogued.published if catalogued else PublishedCounts()
    writer.finish(dataset, report_texts(dataset, quarantine, published))
    return dataset


def _blocks_without_ratings(films: CleanFilms, config: ProcessingConfig) -> tuple[dict[str, Block], dict[str, Any]]:
    """Return the blocks of the movie-tag matrix that do not depend on the ratings, and the genome's report."""
    blocks: dict[str, Block] = {}
    report: dict[str, Any] = {}
    if len(films.people):
        blocks["people"] = people_block(films.people, films.movie_ids, config.min_films_per_person)
    if len(films.user_tags):
        blocks["user_tags"] = user_tag_block(films.user_tags, films.movie_ids, config.min_films_per_user_tag)
    if len(films.genome.scores):
        blocks["genome"], report = genome_block(films.genome, films.movie_ids)
    return blocks, report


def _count_mended(raw: RawTables, ratings: CleanRatings, movies: pd.DataFrame) -> dict[str, Any]:
    texts = [table.path.name for table in (raw.movies, raw.user_tags) if table.path and table.encoding != UTF_8]
    latin_1 = {"files_read_as_latin_1": texts} if texts else {}
    repeated = {REPEATED: ratings.repeated} if ratings.repeated else {}
    return latin_1 | repeated | count_mended(movies)
