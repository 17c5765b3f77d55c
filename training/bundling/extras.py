"""Extra arrays of a bundle, for pages and explanations; `recommender.films.extras` documents and reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from recommender.films.facets import ordered
from recommender.schema import GENRES, RATING, TIMESTAMP
from recommender.scoring.blocks import with_entries
from recommender.texts import concatenate
from training.datasets.store import ProcessedDataset, TagMatrix
from training.kernels.ordering import ranks_in_rows
from training.kernels.threads import one_blas_thread
from training.models.arrays import unit_rows
from training.models.base import TrainingData

FEATURES_PER_FILM = 50
WITHOUT_RARITY = ("era", "directors", "actors")  # blocks whose weights do not contain the rarity yet
LEAST_RARITY = 1e-3  # rarity of a feature that every film has
MAP_FILMS = 2000
MAP_PEOPLE = 20_000  # enough to place the most rated films
MAP_FACTORS = 32
MAP_CONTENT = 0.5  # weight of content against taste on the map
PERPLEXITY = 20.0
MAP_ITERATIONS = 500
MONTHS_BELOW = 36  # months that a data set must span to be shown by year

Arrays = dict[str, NDArray[Any]]


def extra_arrays(dataset: ProcessedDataset, data: TrainingData, *, seed: int = 0) -> Arrays:
    """Return every array of `recommender.films.extras` for the whole of `dataset`; the same seed gives the same.

    `data`: all ratings of the data set.
    """
    return {
        **feature_arrays(dataset.tags),
        **viewer_arrays(data.user_item, data.feedback.like),
        **period_arrays(dataset),
        **map_arrays(data.stars, dataset.tags.matrix, seed),
    }


def feature_arrays(tags: TagMatrix) -> Arrays:
    """Return the arrays `features_*`: the strongest features of each film."""
    matrix = strongest(sp.csr_matrix(tags.matrix @ sp.diags(explanation_weights(tags))), FEATURES_PER_FILM)
    text, offsets = concatenate([name.encode() for name in tags.features])
    return {
        "features_text": text,
        "features_offsets": offsets,
        "features_indptr": matrix.indptr.astype(np.int64),
        "features_indices": matrix.indices.astype(np.int32),
        "features_weights": matrix.data.astype(np.float32),
    }


def explanation_weights(tags: TagMatrix) -> NDArray[np.float64]:
    """Return the weight of each feature in explanations, (n_features,): IDF, or 0 for unnamed people.

    Where the matrix contains the IDF already (genres, tags) the weight is 1 (Spärck Jones, 1972).
    """
    n = tags.matrix.shape[0]
    rarity = np.log(n / np.maximum(np.bincount(tags.matrix.indices, minlength=len(tags.features)), 1)) + LEAST_RARITY
    weights = np.ones(len(tags.features))
    for block in WITHOUT_RARITY:
        span = slice(*tags.blocks.get(block, (0, 0)))
        weights[span] = rarity[span]
    weights[slice(*tags.blocks.get("people", (0, 0)))] = 0
    return weights


def strongest(matrix: sp.csr_matrix, k: int) -> sp.csr_matrix:
    """Return `matrix` with the k largest entries of each row; column indices ascending."""
    matrix = sp.csr_matrix(matrix)
    matrix.eliminate_zeros()
    matrix = with_entries(matrix, ranks_in_rows(matrix)[1] < k)
    matrix.sort_indices()
    return matrix


def viewer_arrays(user_item: sp.csr_matrix, like: float) -> Arrays:
    """Return the arrays `viewers_*`: the users who rated each film, those who gave it at least `like` first."""
    by_film = user_item.tocsc()
    films = np.repeat(np.arange(by_film.shape[1]), np.diff(by_film.indptr))
    likes = by_film.data >= np.float32(like)
    order = np.lexsort((by_film.indices, ~likes, films))
    return {
        "viewers_indptr": by_film.indptr.astype(np.int64),
        "viewers_users": by_film.indices[order].astype(np.int32),
        "viewers_likes": np.bincount(films[likes], minlength=by_film.shape[1]).astype(np.int32),
    }


def period_arrays(dataset: ProcessedDataset) -> Arrays:
    """Return the arrays `periods`, `film_periods_*`, `genre_periods_*` and `period_*`: ratings over time."""
    timed = slice(None) if dataset.has_times else slice(0)  # ratings without times are of no period
    periods, period_of_rating = rating_periods(dataset.ratings[TIMESTAMP].to_numpy()[timed])
    shape = (len(dataset.movie_ids), len(periods))
    cells = dataset.movie_rows[timed].astype(np.int64) * shape[1] + period_of_rating
    counts = sp.csr_matrix(np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape))
    genres = genre_matrix(dataset.movies[GENRES])
    return {
        "periods": periods,
        "film_periods_indptr": counts.indptr.astype(np.int64),
        "film_periods_period": counts.indices.astype(np.int16),
        "film_periods_count": counts.data.astype(np.int32),
        "genre_periods_count": np.asarray((genres.T @ counts).todense(), dtype=np.int64),
        "period_count": np.asarray(counts.sum(axis=0), dtype=np.int64).ravel(),
        **(_period_sums(dataset, cells, counts, genres) if dataset.feedback.has_ratings else {}),
    }


def _period_sums(
    dataset: ProcessedDataset, cells: NDArray[np.int64], counts: sp.csr_matrix, genres: sp.csr_matrix
) -> Arrays:
    """Return the sums of the ratings' positions on the scale; `cells`: each rating's place in `counts`, flat."""
    positions = dataset.feedback.positions(dataset.ratings[RATING].to_numpy())
    sums = np.bincount(cells, positions, minlength=counts.shape[0] * counts.shape[1]).astype(np.int64)
    sums = sums.reshape(counts.shape)
    films = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    return {
        "film_periods_sum": sums[films, counts.indices].astype(np.int32),
        "genre_periods_sum": np.asarray(genres.T @ sums, dtype=np.int64),
        "period_sum": sums.sum(axis=0),
    }


def rating_periods(seconds: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return consecutive periods (p,) as 1998 or 199804, and the index of each time's period (n,); times in seconds."""
    if not len(seconds):
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64)
    months = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    first, last = int(months.min()), int(months.max())
    if last - first < MONTHS_BELOW:
        span = np.arange(first, last + 1)
        return ((1970 + span // 12) * 100 + span % 12 + 1).astype(np.int32), months - first
    years = months // 12
    return (1970 + np.arange(first // 12, last // 12 + 1)).astype(np.int32), years - first // 12


def genre_matrix(genres: pd.Series) -> sp.csr_matrix:
    """Return a matrix (n_movies, g) with 1 where the film has the genre, in the order of the catalogue's genres."""
    names = ordered(GENRES, {name for film_genres in genres for name in film_genres})
    columns_by_name = {name: column for column, name in enumerate(names)}
    pairs = [(row, columns_by_name[name]) for row, film_genres in enumerate(genres) for name in film_genres]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return sp.csr_matrix((np.ones(len(rows), dtype=np.int64), (rows, columns)), shape=(len(genres), len(names)))


def map_arrays(stars: sp.csr_matrix, content: sp.csr_matrix, seed: int) -> Arrays:
    """Return `map_rows` and `map_xy`: t-SNE (van der Maaten and Hinton, 2008) of the most rated films.

    Films are placed by taste and content.
    """
    counts = np.bincount(stars.indices, minlength=stars.shape[1])
    rows = np.sort(np.argsort(-counts, kind="stable")[:MAP_FILMS])
    rows = rows[counts[rows] > 0]
    people = np.random.default_rng(seed).permutation(stars.shape[0])[:MAP_PEOPLE]
    taste = stars[np.sort(people)][:, rows].T.tocsr()
    embedding = np.hstack([_factors(taste, seed), MAP_CONTENT * _factors(content[rows], seed)])
    perplexity = min(PERPLEXITY, max(1.0, (len(rows) - 1) / 3))
    from sklearn.manifold import TSNE  # takes a second to import

    with one_blas_thread(), threadpool_limits(1, "openmp"):  # its threads wait busily, which hurts whatever else runs
        tsne = TSNE(2, init="pca", metric="cosine", perplexity=perplexity, max_iter=MAP_ITERATIONS, random_state=seed)
        xy = tsne.fit_transform(embedding)
    xy -= xy.mean(axis=0)
    return {"map_rows": rows.astype(np.int32), "map_xy": (xy / np.abs(xy).max()).astype(np.float32)}


def _factors(matrix: sp.csr_matrix, seed: int) -> NDArray[np.float32]:
    """Return unit-length factors of each row; rows are normalised first, so that popularity does not place a film."""
    from sklearn.decomposition import TruncatedSVD

    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scaled = sp.diags(np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)) @ matrix
    factors = min(MAP_FACTORS, min(matrix.shape) - 1)
    if factors < 1:  # one user or one film: nothing to reduce
        return unit_rows(scaled.toarray())
    return unit_rows(TruncatedSVD(factors, random_state=seed).fit_transform(scaled))
