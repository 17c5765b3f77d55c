"""Build the movie-tag matrix: genres, era, people, user tags and genome of each film as sparse features.

Each block's rows have length sqrt(block weight), so the dot product of two films is the weighted sum of the blocks'
cosines. A film without any feature of a block has an empty row there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.errors import UsageError
from recommender.films.ids import IdMap
from recommender.schema import ACTORS, DIRECTORS, GENRES, MOVIE, RELEVANCE, TAG, TAG_ID, USER, YEAR
from training.datasets.dataset import TagMatrix
from training.datasets.indexing import distinct_ids, rows_of
from training.datasets.tables import PERSON, Genome

# In column order; blocks of a data set's own columns stand behind them.
BLOCKS = ("genres", "era", "directors", "actors", "people", "text", "user_tags", "genome")
VIEWERS = ("user_tags", "genome")  # what viewers say of a film, after its release

ERA = 5  # years
SOFT_BINS = 5  # steps between a number's quantiles
OWN_COLUMN = "own_column"  # weight of a block that is named by a column and has no weight of its own

Block = tuple[sp.csr_matrix, list[str]]

_SPACE = re.compile(r"[\s_]+")
_EDGE = " .,;:!?\"'#*()[]-"


def stack_blocks(blocks: Mapping[str, Block], n_movies: int, weights: Mapping[str, float]) -> TagMatrix:
    """Stack `blocks` side by side, each scaled by the square root of its weight (default 1).

    First stand BLOCKS, then all others in their order; their default is the weight of `own_column`. Raises UsageError
    if `weights` names an unknown block.
    """
    columns = [name for name in blocks if name not in BLOCKS]
    if unknown := set(weights) - {*BLOCKS, *columns, OWN_COLUMN}:
        expected = ", ".join([*BLOCKS, *columns, OWN_COLUMN])
        raise UsageError(f"Expected block_weights of {expected}; found {', '.join(sorted(unknown))}.")
    own_weight = weights.get(OWN_COLUMN, 1.0)
    weighted_blocks: list[sp.csr_matrix] = []
    features: list[str] = []
    ranges: dict[str, tuple[int, int]] = {}
    for name in (*BLOCKS, *columns):
        matrix, names = blocks.get(name) or named_block(name, [()] * n_movies)
        ranges[name] = (len(features), len(features) + len(names))
        features.extend(names)
        weight = weights.get(name, own_weight if name in columns else 1.0)
        weighted = unit_rows(matrix) * np.float32(np.sqrt(weight))
        weighted_blocks.append(weighted.astype(np.float32, copy=False))  # with a dtype, hstack would copy every block
    return TagMatrix(sp.hstack(weighted_blocks, format="csr"), features, ranges)


def without_blocks(tags: TagMatrix, rows: NDArray[np.bool_], names: Sequence[str]) -> TagMatrix:
    """Return the matrix without the features that the films in `rows` (n_movies,) have in the named blocks."""
    bare = weighed_blocks(tags, (~rows).astype(np.float64), names)
    bare.matrix.eliminate_zeros()
    return bare


def weighed_blocks(tags: TagMatrix, weights: NDArray[np.float64], names: Sequence[str]) -> TagMatrix:
    """Return a copy in which the features of each film in the named blocks are multiplied by its weight (n_movies,)."""
    is_weighed = np.zeros(tags.matrix.shape[1], dtype=bool)
    for start, stop in (tags.blocks[name] for name in names if name in tags.blocks):
        is_weighed[start:stop] = True
    matrix = tags.matrix.copy()
    entry_weights = np.repeat(weights.astype(np.float32), np.diff(matrix.indptr))
    matrix.data *= np.where(is_weighed[matrix.indices], entry_weights, np.float32(1))
    return replace(tags, matrix=matrix)


def film_blocks(movies: pd.DataFrame) -> dict[str, Block]:
    """Return the blocks made from the films' table: genres (rare ones weigh more), era, directors and actors."""
    genres, names = named_block("genre", movies[GENRES])
    return {
        "genres": (weigh_by_rarity(genres), names),
        "era": era_block(movies[YEAR]),
        "directors": named_block("director", movies[DIRECTORS]),
        "actors": named_block("actor", movies[ACTORS]),
    }


def era_block(years: pd.Series) -> Block:
    """Split each year of release between the two nearest multiples of ERA: 1997 is 0.6 of 1995 and 0.4 of 2000.

    So neighbouring years are always similar, and years 2 * ERA apart have nothing in common.
    """
    rows = np.flatnonzero(years.notna())
    whole, rest = np.divmod(years.to_numpy(dtype=np.int64, na_value=0)[rows], ERA)
    shares = np.concatenate([ERA - rest, rest]) / ERA
    used = shares > 0
    eras, columns = np.unique(np.concatenate([whole, whole + 1])[used], return_inverse=True)
    matrix = sp.csr_matrix((shares[used], (np.tile(rows, 2)[used], columns)), shape=(len(years), len(eras)))
    return matrix, [f"era:{era * ERA}" for era in eras]


def soft_bins(name: str, numbers: NDArray[np.float64]) -> Block:
    """Split each number (n,), NaN where unknown, between the two nearest of the numbers' quantiles, as eras are.

    So near numbers are always similar, with no border between them. Features are named "pages:320".
    """
    rows = np.flatnonzero(np.isfinite(numbers))
    values = numbers[rows]
    quantiles = np.quantile(values, np.linspace(0, 1, SOFT_BINS + 1), method="nearest") if len(values) else values
    knots = np.unique(quantiles)
    below = np.clip(np.searchsorted(knots, values, side="right") - 1, 0, max(len(knots) - 2, 0))
    above = np.minimum(below + 1, len(knots) - 1)
    widths = np.maximum(knots[above] - knots[below], np.finfo(np.float64).tiny)
    shares = (values - knots[below]) / widths
    entries = np.concatenate([1 - shares, shares])
    used = entries > 0
    places = (np.tile(rows, 2)[used], np.concatenate([below, above])[used])
    matrix = sp.csr_matrix((entries[used], places), shape=(len(numbers), len(knots)))
    return matrix, [f"{name}:{knot:g}" for knot in knots]


def people_block(people: pd.DataFrame, movie_ids: IdMap, min_films: int) -> Block:
    """Return the block of people known by identity only, of at least `min_films` films each, weighted by rarity."""
    rows = rows_of(people[MOVIE].to_numpy(dtype=np.int32), movie_ids)
    codes, people_names = pd.factorize(people[PERSON].to_numpy(dtype=object)[rows >= 0], sort=True)
    counts = _counts(rows[rows >= 0], codes, (len(movie_ids), len(people_names)))
    matrix, names = _only_frequent(counts, people_names.tolist(), min_films)
    return weigh_by_rarity(matrix), [f"person:{name}" for name in names]


def user_tag_block(tags: pd.DataFrame, movie_ids: IdMap, min_films: int) -> Block:
    """Return the block of user tags as TF-IDF: (1 + ln users who gave the tag) * idf; tags of >= `min_films` films."""
    codes, raw_names = pd.factorize(tags[TAG])
    names, name_codes = np.unique([normalise_tag(str(name)) for name in raw_names], return_inverse=True)
    rows = rows_of(tags[MOVIE].to_numpy(dtype=np.int32), movie_ids)
    users = tags[USER].to_numpy(dtype=np.int64)
    usable = (rows >= 0) & (names[name_codes] != "")[codes]
    # each user counts once per film and tag
    n_users = np.int64(users.max(initial=0)) + 1
    film_tag_users = (rows * np.int64(len(names)) + name_codes[codes])[usable] * n_users + users[usable]
    pairs = np.sort(pd.unique(film_tag_users)) // n_users
    matrix = _counts(pairs // len(names), pairs % len(names), (len(movie_ids), len(names)))
    matrix.data = 1 + np.log(matrix.data)
    matrix, kept_names = _only_frequent(matrix, names.tolist(), min_films)
    return weigh_by_rarity(matrix), [f"tag:{name}" for name in kept_names]


def genome_block(genome: Genome, movie_ids: IdMap) -> tuple[Block, dict[str, object]]:
    """Return each film's genome relevance above the tag's average over all films, and a report.

    Only films with a score for every tag count. Values below average are dropped, so that the block is sparse and the
    cosine of unrelated films is near 0.
    """
    tags = genome.tags.frame.drop_duplicates(TAG_ID).sort_values(TAG_ID)
    films, scores = _dense_scores(genome, IdMap(tags[TAG_ID].to_numpy(dtype=np.int64)))
    complete = np.asarray(~np.isnan(scores).any(axis=1)) if len(tags) else np.zeros(len(films), dtype=bool)
    rows = rows_of(films.ids.astype(np.int32), movie_ids)
    used = complete & (rows >= 0)
    # Averages over all complete films, also those that this data set lacks.
    average = _select(scores, complete).mean(axis=0) if complete.any() else np.zeros(len(tags), dtype=np.float32)
    matrix = _rows_above(_select(scores, used), average, rows[used], len(movie_ids))
    report = {
        "films": len(films),
        "complete_films": int(complete.sum()),
        "incomplete_films": films.ids[~complete].tolist(),
        "films_in_data_set": int(used.sum()),
        "tags": len(tags),
    }
    return (matrix, [f"tag:{name}" for name in tags[TAG]]), report


def normalise_tag(raw: str) -> str:
    """Return a tag in lower case, with single spaces and no punctuation at the ends: "Sci_Fi!" -> "sci fi"."""
    return _SPACE.sub(" ", raw.casefold()).strip(_EDGE)


def named_block(prefix: str, names_by_film: Iterable[Sequence[str]]) -> Block:
    """Return the indicator matrix of each film's names, with columns in alphabetical order."""
    lists = list(names_by_film)
    lengths = np.array([len(names) for names in lists], dtype=np.int64)
    flat = np.array([name for names in lists for name in names], dtype=np.str_)
    vocabulary, columns = np.unique(flat, return_inverse=True)
    matrix = _counts(np.repeat(np.arange(len(lists)), lengths), columns, (len(lists), len(vocabulary)))
    return matrix, [f"{prefix}:{name}" for name in vocabulary]


def weigh_by_rarity(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Multiply each column by the smoothed inverse document frequency ln((1 + n) / (1 + films)) + 1."""
    films = np.asarray(matrix.getnnz(axis=0))
    idf = np.log((1 + matrix.shape[0]) / (1 + films)) + 1
    return sp.csr_matrix(matrix @ sp.diags(idf.astype(np.float32)))


def unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Return `matrix` with every non-empty row scaled to length 1."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return sp.csr_matrix(sp.diags(scale.astype(np.float32)) @ matrix)


def _counts(rows: NDArray[np.integer], columns: NDArray[np.integer], shape: tuple[int, int]) -> sp.csr_matrix:
    return sp.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)


def _only_frequent(matrix: sp.csr_matrix, names: list[str], min_films: int) -> Block:
    frequent = np.flatnonzero(np.asarray(matrix.getnnz(axis=0)) >= min_films)
    return sp.csr_matrix(matrix[:, frequent]), [names[column] for column in frequent]


def _select(scores: NDArray[np.float32], rows: NDArray[np.bool_]) -> NDArray[np.float32]:
    return scores if rows.all() else scores[rows]


def _rows_above(
    scores: NDArray[np.float32], average: NDArray[np.float32], rows: NDArray[np.int32], n_movies: int
) -> sp.csr_matrix:
    """Return (n_movies, n_tags) positive differences of scores from the average, in these rows (ascending)."""
    above = scores > average
    indptr = np.zeros(n_movies + 1, dtype=np.int32)
    indptr[rows + 1] = np.count_nonzero(above, axis=1)
    tags = np.broadcast_to(np.arange(len(average), dtype=np.int32), scores.shape)[above]
    return sp.csr_matrix((scores[above] - average[tags], tags, np.cumsum(indptr)), shape=(n_movies, len(average)))


def _dense_scores(genome: Genome, tag_ids: IdMap) -> tuple[IdMap, NDArray[np.float32]]:
    """Return the genome's films and their (n_films, n_tags) scores, NaN where a score is missing."""
    movies, tags, relevance = (genome.scores.frame[column].to_numpy() for column in (MOVIE, TAG_ID, RELEVANCE))
    films = distinct_ids(movies)
    if _is_full_table(movies, tags, films, tag_ids):
        return films, relevance.reshape(len(films), len(tag_ids))
    scores = np.full((len(films), len(tag_ids)), np.nan, dtype=np.float32)
    scores[rows_of(movies, films), rows_of(tags, tag_ids)] = relevance
    return films, scores


def _is_full_table(movies: NDArray[np.int32], tags: NDArray[np.int32], films: IdMap, tag_ids: IdMap) -> bool:
    """Return whether the scores are complete and sorted by film and tag, as the real genome's are."""
    shape = (len(films), len(tag_ids))
    return (
        len(movies) == shape[0] * shape[1]
        and bool((tags.reshape(shape) == tag_ids.ids.astype(np.int32)).all())
        and bool((movies.reshape(shape) == films.ids.astype(np.int32)[:, None]).all())
    )
