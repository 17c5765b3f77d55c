"""Similar films when a tag genome covers few films: what changes for those without it, what those with it gain.

Needs ml-latest-small and a tag genome of some of its films (tag-genome-sample) below the directory MOVIEREC_REAL_DATA.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from benchmarks.tools.figures import Figure
from recommender.errors import MissingInputError
from recommender.schema import TITLE
from recommender.scoring.scorers import item_scorer
from training.datasets.dataset import ProcessedDataset, TagMatrix
from training.datasets.features.tag_matrix import unit_rows
from training.datasets.store import prepare
from training.models import configure
from training.models.base import FittedModel
from training.models.fits import Fits
from training.progress import silent
from training.splits.cut import all_ratings, training_data

DATA, GENOME = "ml-latest-small", "tag-genome-sample"
MODELS = ("content", "blend")
ASKED = 100  # most rated films without a genome
LENGTH = 10
STAY = 9  # of LENGTH neighbours
SHOWN = "Toy Story"
BAD_ROWS = 0.01  # the sample ends within a film
SEED = 0

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
Models = dict[str, FittedModel]


def run(size: float, rounds: int) -> list[Figure]:
    """Compare neighbours with and without the genome; `size` and `rounds` change nothing."""
    raw = _real_data()
    with tempfile.TemporaryDirectory() as scratch:
        plain = prepare(DATA, raw=raw / DATA, processed_root=Path(scratch))
        genome, root = raw / GENOME, Path(scratch) / "genome"
        tags = prepare(DATA, raw=raw / DATA, genome=genome, processed_root=root, max_bad_share=BAD_ROWS).tags
    has = np.diff(_genome(tags).indptr) > 0
    fitted_on, judged_by = _halves(tags)
    without, full, half = (_fit(plain, matrix) for matrix in (plain.tags, tags, fitted_on))
    figures = []
    for name in MODELS:
        figures += [
            _staying(name, without[name], full[name], _most_rated(plain, ~has)),
            _agreement(name, without[name], half[name], judged_by),
            *(_example(name, kind, models[name], plain, has) for kind, models in (("no", without), ("a", full))),
        ]
    return figures


def _staying(name: str, without: FittedModel, full: FittedModel, films: Rows) -> Figure:
    """Return how many neighbours of the `films` are the same with the genome of other films."""
    pairs = zip(_neighbours(without, films), _neighbours(full, films), strict=True)
    staying = float(np.mean([len(np.intersect1d(before, after)) for before, after in pairs]))
    note = f"{len(films)} most rated films without a genome"
    return Figure(f"missing: of {LENGTH} neighbours by {name} stay", staying, STAY, "higher", note=note)


def _agreement(name: str, without: FittedModel, half: FittedModel, judged_by: sp.csr_matrix) -> Figure:
    """Return the mean cosine of held-out tags of neighbours, among the films that have a genome."""
    has = np.diff(judged_by.indptr) > 0
    films = np.flatnonzero(has)
    cosines = (judged_by @ judged_by.T).toarray()
    ours, theirs = (
        float(np.mean(np.take_along_axis(cosines[films], _neighbours(model, films, has), axis=1)))
        for model in (half, without)
    )
    title = f"missing: agreement by {name} on held-out tags, half the genome over none"
    note = f"{len(films)} films; {LENGTH} neighbours among them"
    return Figure.against(title, ours, theirs, 1, better="higher", unit="cosine", note=note)


def _example(name: str, kind: str, model: FittedModel, dataset: ProcessedDataset, has: Mask) -> Figure:
    """Return how many neighbours of SHOWN have a genome, with their titles."""
    titles = dataset.movies[TITLE]
    neighbours = _neighbours(model, np.flatnonzero(titles == SHOWN))[0]
    title = f"missing: neighbours of {SHOWN} by {name} with {kind} genome that have one"
    return Figure(title, float(has[neighbours].sum()), note=", ".join(titles.iloc[neighbours]))


def _fit(dataset: ProcessedDataset, tags: TagMatrix) -> Models:
    data = replace(training_data(dataset, all_ratings(dataset)), tags=tags)
    fits = Fits(data, SEED, silent)
    return {name: fits.get(name, configure(name)) for name in MODELS}


def _neighbours(model: FittedModel, films: Rows, candidates: Mask | None = None) -> Rows:
    """Return the rows (f, LENGTH) of the most similar films, best first."""
    scores = item_scorer(model.item_spec, model.arrays).similar(films)
    scores[np.arange(len(films)), films] = -np.inf
    if candidates is not None:
        scores[:, ~candidates] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, :LENGTH]


def _most_rated(dataset: ProcessedDataset, eligible: Mask) -> Rows:
    counts = np.bincount(dataset.movie_rows, minlength=len(dataset.movie_ids))
    return np.argsort(-np.where(eligible, counts, -1), kind="stable")[:ASKED]


def _genome(tags: TagMatrix) -> sp.csr_matrix:
    return sp.csr_matrix(tags.matrix[:, slice(*tags.blocks["genome"])])


def _halves(tags: TagMatrix) -> tuple[TagMatrix, sp.csr_matrix]:
    """Return the matrix with a random half of the genome's tags, and the other half as unit rows (n, tags)."""
    genome = _genome(tags)
    is_held_out = np.random.default_rng(SEED).random(genome.shape[1]) < 0.5
    weight = np.sqrt(genome.multiply(genome).sum() / np.count_nonzero(np.diff(genome.indptr)))
    start, stop = tags.blocks["genome"]
    columns = [tags.matrix[:, :start], unit_rows(genome[:, ~is_held_out]) * np.float32(weight), tags.matrix[:, stop:]]
    features = [*tags.features[:start], *np.array(tags.features[start:stop])[~is_held_out], *tags.features[stop:]]
    cut = int(is_held_out.sum())
    blocks = tags.blocks.items()
    moved = {name: (low - cut * (low >= stop), high - cut * (high >= stop)) for name, (low, high) in blocks}
    return TagMatrix(sp.hstack(columns, format="csr"), features, moved), unit_rows(genome[:, is_held_out])


def _real_data() -> Path:
    raw = Path(os.environ.get("MOVIEREC_REAL_DATA", ""))
    if not all((raw / name).is_dir() for name in (DATA, GENOME)):
        raise MissingInputError(f"Expected MOVIEREC_REAL_DATA to name a directory with {DATA}/ and {GENOME}/.")
    return raw
