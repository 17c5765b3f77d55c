"""What a model of one's own is made of: the interface, parameters, scorer specs, and what readers are told of it."""

from __future__ import annotations

from pydantic import Field

from recommender.about import About, Paper
from recommender.scoring.scorers import UserScorer
from recommender.scoring.specs import (
    AlsFoldIn,
    EnsembleMember,
    EnsembleSpec,
    FactorSpec,
    ItemWeightsSpec,
    NoFoldIn,
    PopularitySpec,
    SimilarityPart,
    SimilaritySpec,
    SvdFoldIn,
)
from training.config import Config
from training.models.arrays import csr_arrays, unit_rows
from training.models.base import Algorithm, FittedModel, TrainingData
from training.progress import Progress

__all__ = [
    "About",
    "Algorithm",
    "AlsFoldIn",
    "Config",
    "EnsembleMember",
    "EnsembleSpec",
    "FactorSpec",
    "Field",
    "FittedModel",
    "ItemWeightsSpec",
    "NoFoldIn",
    "Paper",
    "PopularitySpec",
    "Progress",
    "SimilarityPart",
    "SimilaritySpec",
    "SvdFoldIn",
    "TrainingData",
    "UserScorer",
    "csr_arrays",
    "unit_rows",
]
