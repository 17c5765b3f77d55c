"""Low-pass filter on the graph of users and items: truncated SVD of the matrix normalised by degree."""

from __future__ import annotations

import numpy as np

from recommender.about import About, Paper
from recommender.scoring.specs import SimilarityPart, SimilaritySpec
from training.kernels.subspace import right_singular_vectors
from training.models.arrays import damped_degrees, normalised, unit_rows
from training.models.base import Configured, FittedModel, TrainingData
from training.models.parameters import LowPassConfig
from training.progress import Progress

NOISE = 1e-3  # of the largest singular value: those below are rounding errors of float32


class LowPass(Configured[LowPassConfig]):
    """Shen et al. (2021), "How powerful is graph convolution for recommendation?", with damped degrees.

    X = (D_u + damping mean(D_u))^-1/2 R (D_i + damping mean(D_i))^-1/2 for the 0/1 matrix R of who liked what, or who
    rated it where every rating is to be predicted, and the numbers of its entries D. Without damping, the largest
    singular values belong to users and items with one entry.
    With X's right singular vectors V and values S, scores(u) = R_u D^-e V S^p V' D^e, for D = D_i + damping mean(D_i),
    e = item_exponent and p = filter_exponent. A new user is scored as a known one, and a film as a user who rated it.
    """

    config_type = LowPassConfig
    about = About(
        label="Low-pass",
        sentence="Keeps what many people's choices have in common and drops the rest; at home in large catalogues.",
        share="people",
        papers=(Paper(url="https://arxiv.org/abs/2108.07567"),),
    )
    seeded = False  # what the solver converges to depends on no seed, so it starts from a fixed one

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Factorise the matrix. Arrays: each item's vector V S^(p/2) at unit length, and its gains (n,)."""
        config, likes = self.config, data.likes(data.user_item.data)
        degrees = damped_degrees(likes.getnnz(axis=0), config.damping)
        matrix = normalised(likes, degrees, config.damping)
        factors = config.factors_for(*data.sides)
        values, vectors = right_singular_vectors(matrix, factors, config.iterations, progress)
        largest = values[0] or 1  # all are 0 where nobody liked anything
        strength = np.where(values > NOISE * largest, (values / largest) ** config.filter_exponent, 0)
        vectors *= np.sqrt(strength)
        lengths = np.linalg.norm(vectors, axis=1)
        scale = degrees.astype(np.float32) ** np.float32(config.item_exponent)
        arrays = {
            "low_pass_embedding": unit_rows(vectors),
            "low_pass_query_gain": lengths / scale,
            "low_pass_candidate_gain": lengths * scale,
        }
        part = SimilarityPart(
            name="low_pass",
            embedding="low_pass_embedding",
            query_gain="low_pass_query_gain",
            candidate_gain="low_pass_candidate_gain",
        )
        spec = SimilaritySpec(parts=[part], **{"profile_weight": "binary"} | data.profile(config.dislike))
        return FittedModel("low_pass", {**config.model_dump(), "factors": factors}, arrays, spec, spec)
