"""From the files of a description to a stored data set: read, clean, build the item-feature matrix, report."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pandas as pd
import scipy.sparse as sp

from recommender.errors import DataError
from recommender.films.ids import IdMap
from recommender.schema import MOVIE, TITLE, USER, YEAR
from training.datasets.arrivals import Arrivals
from training.datasets.config import ProcessingConfig
from training.datasets.dataset import EVENTS, ProcessedDataset
from training.datasets.features.tag_matrix import Block, film_blocks, stack_blocks
from training.datasets.features.text_block import described_by
from training.datasets.quarantine import Quarantine, report_texts
from training.datasets.stored.persistence import DatasetWriter
from training.datasets.tabular.interactions import join_arrivals, read_interactions, used_ids, with_ids
from training.datasets.tabular.items import UNREAD, items_of, movie_table, own_blocks, read_items
from training.datasets.tabular.source import SourceConfig


def process_source(
    name: str,
    config: SourceConfig,
    processing: ProcessingConfig,
    fingerprint: Future[str],
    writer: DatasetWriter,
    arrivals: Arrivals | None = None,
) -> ProcessedDataset:
    """Read, clean and store the data set `name` as `config` describes it; `arrivals`: events to be merged.

    Raises UsageError for a column that is not there, DataError where too many rows are bad.
    """
    quarantine = Quarantine()
    interactions = read_interactions(config, quarantine, processing.max_bad_share)
    items = read_items(config, quarantine)
    interactions, events_report = join_arrivals(interactions, items.index, arrivals, config)
    used_items = used_ids(interactions.items, interactions.frame[MOVIE])
    if config.items:
        _require_described(used_items, set(items.index), config)
    user_ids = IdMap.from_raw(used_ids(interactions.users, interactions.frame[USER]))
    movie_ids = IdMap.from_raw(used_items.union(items.index))
    ratings, repeated = with_ids(interactions, user_ids, movie_ids)
    movies = movie_table(items, movie_ids, config)
    blocks = film_blocks(movies) | own_blocks(movies, config) | described_by(movies, config.text, processing.texts)
    mended = interactions.mended | _wordless_texts(movies, blocks, config)
    mended |= {
        "repeated_ratings_dropped": repeated,
        "items_without_a_row": len(used_items.difference(items.index)) if config.items else 0,
        "items_titled_by_their_id": int(items[TITLE].isna().sum()) if config.items else 0,
        UNREAD: int(items[UNREAD].sum()),
        "items_without_year": int(items[YEAR].isna().sum()) if config.year else 0,
    }
    dataset = ProcessedDataset(
        name=name,
        fingerprint=fingerprint.result(),
        movies=movies,
        ratings=ratings,
        tags=stack_blocks(blocks, len(movies), processing.block_weights | config.block_weights),
        user_ids=user_ids,
        movie_ids=movie_ids,
        details={
            "rejected": dict(quarantine.by_reason()),
            **({EVENTS: events_report} if arrivals is not None else {}),
            "source": config.model_dump(mode="json", exclude_defaults=True),
            "text_columns": list(config.text),
            "mended": {what: count for what, count in mended.items() if count},
        },
        feedback=interactions.feedback,
        items=items_of(config),
    )
    writer.start_ratings(ratings, dataset.user_item(), user_ids, movie_ids)
    writer.finish(dataset, report_texts(dataset, quarantine))
    return dataset


def _require_described(used_items: set[str], items: set[str], config: SourceConfig) -> None:
    if used_items.isdisjoint(items):
        column = config.item_columns[0]
        examples = [", ".join(map(repr, sorted(ids)[:3])) or "nothing" for ids in (items, used_items)]
        raise DataError(
            f"Expected ids of items in the column {column} of {', '.join(path.name for path in config.items)}; none of "
            f"its values ({examples[0]} ...) is in the column {config.item} of the interactions ({examples[1]} ...). "
            "Name the column that holds the same ids with --item-id."
        )


def _wordless_texts(movies: pd.DataFrame, blocks: dict[str, Block], config: SourceConfig) -> dict[str, int]:
    """Count the items whose texts hold no word that is a feature: all are in too few items, or in too many."""
    if not config.text:
        return {}
    has_text = (movies[list(config.text)] != "").any(axis=1).to_numpy()
    has_word = np.diff(sp.csr_matrix(blocks["text"][0]).indptr) > 0
    return {"texts_without_a_word": int((has_text & ~has_word).sum())}
