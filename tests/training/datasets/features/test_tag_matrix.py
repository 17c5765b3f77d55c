"""The movie-tag matrix: block weights, user tags, an incomplete genome."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recommender.errors import UsageError
from recommender.films.ids import IdMap
from recommender.schema import ACTORS, DIRECTORS, GENRES, MOVIE, RELEVANCE, TAG, TAG_ID, USER, YEAR
from training.datasets.features.tag_matrix import (
    BLOCKS,
    era_block,
    film_blocks,
    genome_block,
    normalise_tag,
    stack_blocks,
    unit_rows,
    user_tag_block,
)
from training.datasets.tables import Genome, Table

MOVIES = pd.DataFrame(
    {
        MOVIE: [1, 2, 3],
        GENRES: [["Comedy", "Drama"], ["Comedy"], []],
        YEAR: pd.array([1995, 1999, None], dtype="Int32"),
        DIRECTORS: [["Ann"], [], []],
        ACTORS: [[], [], []],
    }
)
IDS = IdMap([1, 2, 3])


def genome(rows):
    scores = pd.DataFrame(rows, columns=[MOVIE, TAG_ID, RELEVANCE]).astype({RELEVANCE: "float32"})
    return Genome(Table(scores), Table(pd.DataFrame({TAG_ID: [1, 2], TAG: ["dark", "funny"]})))


def test_a_dot_product_is_the_weighted_sum_of_the_blocks_cosines():
    tags = stack_blocks(film_blocks(MOVIES), 3, {"genres": 2.0, "era": 0.5})
    assert tags.features[:4] == ["genre:Comedy", "genre:Drama", "era:1995", "era:2000"]
    assert tags.matrix.dtype == np.float32
    products = (tags.matrix @ tags.matrix.T).toarray()
    comedy, drama = np.log(4 / 3) + 1, np.log(4 / 2) + 1  # rarity: two of three films are comedies, one is a drama
    assert products[0, 1] == pytest.approx(2.0 * comedy / np.hypot(comedy, drama) + 0.5 * 0.2 / np.hypot(0.2, 0.8))
    # 1995 is all of its era, 1999 is 1/5 of that one and 4/5 of the next
    assert products[0, 0] == pytest.approx(2.0 + 0.5 + 1.0)  # the director's block has weight 1
    assert products[2].tolist() == [0, 0, 0]


def test_a_weight_of_a_block_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="found decade"):
        stack_blocks(film_blocks(MOVIES), 3, {"genres": 2.0, "decade": 0.5})


def test_neighbouring_years_are_alike_across_any_border_and_distant_ones_are_not():
    matrix, names = era_block(pd.Series([1999, 2001, 1990, None, 2000], dtype="Int32"))
    assert names == ["era:1990", "era:1995", "era:2000", "era:2005"]
    assert matrix.nnz == 6  # 1990 and 2000 belong to one era each
    assert era_block(pd.Series([2000], dtype="Int32"))[1] == ["era:2000"]
    unit = unit_rows(matrix)
    likeness = (unit @ unit.T).toarray()
    assert likeness[0, 1] > 0.9
    assert likeness[0, 2] == 0
    assert likeness[4, 0] == likeness[4, 1]
    assert likeness[3].tolist() == [0, 0, 0, 0, 0]


def test_every_block_has_its_columns_even_without_any():
    tags = stack_blocks({}, 3, {})
    assert tags.matrix.shape == (3, 0)
    assert tags.blocks == dict.fromkeys(BLOCKS, (0, 0))


def test_user_tags_count_each_person_once_and_ignore_spelling():
    given = [(1, 1, "Sci-Fi"), (1, 1, "sci-fi "), (2, 1, "SCI-FI"), (1, 2, "sci-fi"), (9, 2, "only here"), (1, 3, "..")]
    frame = pd.DataFrame(given, columns=[USER, MOVIE, TAG])
    matrix, names = user_tag_block(frame, IDS, min_films=2)
    assert names == ["tag:sci-fi"]
    weights = matrix.toarray()[:, 0]
    assert weights[0] / weights[1] == pytest.approx(1 + np.log(2))
    assert weights[2] == 0


def test_tags_are_normalised():
    assert [normalise_tag(raw) for raw in ("  Dark_Comedy! ", "DARK  comedy", '"dark comedy"')] == ["dark comedy"] * 3


def test_a_film_whose_genome_is_incomplete_is_missing_not_zero():
    rows = [(1, 1, 0.9), (1, 2, 0.1), (2, 1, 0.3), (2, 2, 0.5), (3, 1, 0.9)]
    (matrix, names), report = genome_block(genome(rows), IDS)
    assert names == ["tag:dark", "tag:funny"]
    assert report["complete_films"] == 2
    assert report["incomplete_films"] == [3]
    # above the average of the complete films: .9 - .6 and .5 - .3
    assert matrix.toarray() == pytest.approx(np.array([[0.3, 0], [0, 0.2], [0, 0]]), abs=1e-6)


def test_genome_films_that_the_data_set_lacks_count_for_the_average_only():
    (matrix, _), report = genome_block(genome([(1, 1, 0.5), (1, 2, 0.5), (99, 1, 0.1), (99, 2, 0.9)]), IDS)
    assert report["films_in_data_set"] == 1
    assert matrix.toarray() == pytest.approx(np.array([[0.2, 0], [0, 0], [0, 0]]), abs=1e-6)
