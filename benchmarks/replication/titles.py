"""Similar films on ml-latest-small, checked against the tag genome, on which no model is fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.replication.models import TITLES, compare_all
from benchmarks.replication.section import Section, Study
from recommender.model import Model
from recommender.schema import MOVIE, RELEVANCE, TAG_ID
from training.bundling.build import BundleBuilder
from training.datasets.store import ProcessedDataset
from training.evaluation.significance import compare, holm
from training.kernels.topk import top_k
from training.models import NAMES, configure
from training.models.fits import Fits
from training.splits.cut import all_ratings, training_data

WEIGHTED = "weighted_hit_rate_at_10"
RIVALS = ("popularity", "als", "item_knn", "content")  # what blend must beat: popularity, neighbours, and its parts
LEAST_HIT_RATE, MOST_THIN, LEAST_AGREEMENT = 0.20, 0.02, 0.25
NEAREST = 5
LEAST_RATINGS = 5
READ = ("Toy Story", "The Matrix", "Heat", "Amelie", "Spirited Away")
FEW_RATINGS = 4


def item2item(study: Study, genome: Path | None) -> Section:
    """Evaluate similar films: all models, blend against its parts, genome agreement, and lists to read."""
    results = study.judge(NAMES, "item2item", trainings=3)
    section = Section(f"{study.dataset.name}, `item2item`: films like a film")
    compare_all(section, results, TITLES, WEIGHTED)
    pairs = holm([compare(results["blend"], results[rival], WEIGHTED) for rival in RIVALS])
    for rival, pair in zip(RIVALS, pairs, strict=True):
        note = f"difference {pair.difference:+.4f} [{pair.difference_lo:+.4f}, {pair.difference_hi:+.4f}]"
        section.judge(
            f"blend against {rival}, weighted hit rate@10: p after Holm", pair.p_adjusted, 0.05, lower=True, note=note
        )
        section.judge(f"blend against {rival}, weighted hit rate@10: ratio", pair.ratio, 1.0, note=note)
    section.judge(
        "blend: hit rate@10 with training films kept", results["blend"].metric("hit_rate_at_10").value, LEAST_HIT_RATE
    )
    section.judge(
        "blend: films shown with under 5 ratings",
        results["blend"].metric("thin_films_at_10").value,
        MOST_THIN,
        lower=True,
    )
    model = fitted_on_everything(study, "blend")
    if genome:
        _agree(section, model, study.dataset, genome)
    _lists(section, model)
    return section


def fitted_on_everything(study: Study, name: str) -> Model:
    """Fit the algorithm `name` on all ratings."""
    data = training_data(study.dataset, all_ratings(study.dataset))
    fitted = Fits(data, 0, study.progress).get(name, configure(name))
    return BundleBuilder(study.dataset, data).complete_model(fitted)


def genome_vectors(directory: Path, dataset: ProcessedDataset) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the rows (f,) of films in the genome, and their unit vectors of relevance (f, n_tags), centred by tag."""
    scores = pd.read_csv(directory / "genome-scores.csv", header=0, names=[MOVIE, TAG_ID, RELEVANCE])
    table = scores.pivot(index=MOVIE, columns=TAG_ID, values=RELEVANCE).dropna()  # films with missing tags are dropped
    rows = dataset.movie_ids.rows(table.index.to_numpy())
    relevance = table.to_numpy(dtype=np.float64)[rows >= 0]
    relevance -= relevance.mean(axis=0)
    return rows[rows >= 0], (relevance / np.linalg.norm(relevance, axis=1, keepdims=True)).astype(np.float32)


def genome_agreement(model: Model, rows: NDArray[np.int64], vectors: NDArray[np.float32]) -> float:
    """Return the mean genome cosine between each film of `rows` (f,) and its nearest films among them.

    `vectors`: (f, n_tags), rows of length 1.
    """
    similarity = model.item_scorer.similar(rows)[:, rows]
    np.fill_diagonal(similarity, -np.inf)
    nearest = top_k(similarity, NEAREST)[0]
    return float((vectors @ vectors.T)[np.arange(len(rows))[:, None], nearest].mean())


def _agree(section: Section, model: Model, dataset: ProcessedDataset, genome: Path) -> None:
    rows, vectors = genome_vectors(genome, dataset)
    counted = model.catalog.counts[rows] >= LEAST_RATINGS
    rows, vectors = rows[counted], vectors[counted]
    section.say(
        f"Tag-genome agreement: {len(rows)} films with {LEAST_RATINGS} or more ratings; each film's {NEAREST} nearest "
        "of those same films; cosine of relevance vectors centred by tag. No model is fitted on the genome; blend's "
        "content_boost was chosen by it among numbers that do alike on validation parts."
    )
    section.judge(
        "blend: tag-genome agreement of the top five", genome_agreement(model, rows, vectors), LEAST_AGREEMENT
    )


def _lists(section: Section, model: Model) -> None:
    few = int(np.flatnonzero(model.catalog.counts == FEW_RATINGS)[0])
    rows = [model.titles.resolve(title).row for title in READ] + [few]
    section.say("What blend shows, to be read:")
    for row in rows:
        similar = [model.catalog.film(int(other)).label for other in model.neighbours(row).rows[:8]]
        section.lines.append(
            f"- **{model.catalog.film(row).label}**, {model.catalog.counts[row]} ratings: {', '.join(similar)}"
        )
    section.lines.append("")
