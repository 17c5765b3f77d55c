"""Lists in cells, labels and soft bins of numbers."""

from __future__ import annotations

import numpy as np
import pytest

from training.datasets.features.tag_matrix import soft_bins
from training.datasets.tabular.items import items_of
from training.datasets.tabular.source import build_source
from training.datasets.tabular.values import split_lists


@pytest.mark.parametrize(
    ("cells", "lists"),
    [
        (["Ann|Bob", "Bob | Cy|Bob", None, ""], [["Ann", "Bob"], ["Bob", "Cy"], [], []]),
        (
            ["Le Guin, Ursula; Gaiman, Neil", "Le Guin, Ursula"],
            [["Le Guin, Ursula", "Gaiman, Neil"], ["Le Guin, Ursula"]],
        ),
        (["Ann, Bob", "Cy"], [["Ann", "Bob"], ["Cy"]]),
        (['["Ann, B.", "Cy"]', "['Dee']", "[not a list"], [["Ann, B.", "Cy"], ["Dee"], ["[not a list"]]),
    ],
)
def test_lists_are_separated_by_what_their_cells_hold(cells, lists):
    assert split_lists(cells, None) == lists


def test_a_stated_separator_is_the_only_one():
    assert split_lists(["Le Guin, Ursula"], "/") == [["Le Guin, Ursula"]]


def test_labels_are_made_of_names_unless_they_are_stated():
    keys = {"user": "u", "item": "i", "interactions": "x", "items": "y"}
    config = build_source(
        keys
        | {
            "list": ["authors", "series", "countries", "main_classes"],
            "category": ["press"],
            "labels": {"press": "By"},
        },
        "test",
    )
    assert [facet.label for facet in items_of(config).facets] == ["Author", "Series", "Country", "Main classe", "By"]


def test_near_numbers_are_similar_and_far_ones_are_not():
    numbers = np.array([*range(100, 501), np.nan], dtype=float)
    matrix, names = soft_bins("pages", numbers)
    rows = matrix.toarray()
    assert rows[:-1].sum(axis=1) == pytest.approx(1)
    assert rows[-1].sum() == 0
    likeness = rows @ rows.T
    assert (likeness[np.arange(400), np.arange(1, 401)] > 0.45).all(), "no border between neighbours"
    assert likeness[0, 170] == 0
    assert names == ["pages:100", "pages:180", "pages:260", "pages:340", "pages:420", "pages:500"]


@pytest.mark.parametrize("numbers", [[], [np.nan], [7.0, 7.0], [1.0, np.nan, 2.0]])
def test_numbers_without_variety_make_a_block(numbers):
    matrix, names = soft_bins("n", np.array(numbers, dtype=float))
    assert matrix.shape == (len(numbers), len(names))
    assert np.isfinite(matrix.toarray()).all()
