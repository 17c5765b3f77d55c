"""Biased matrix factorisation (Surprise's `SVD`): predicted ratings, and item similarity by the factors."""

from __future__ import annotations

from recommender.about import About, Paper
from recommender.errors import UsageError
from recommender.scoring.specs import FactorSpec, SimilarityPart, SimilaritySpec, SvdFoldIn
from training.models.arrays import unit_rows
from training.models.base import Configured, FittedModel, TrainingData
from training.models.factors.surprise_arrays import ArraySVD, ArrayTrainset
from training.models.parameters import SvdConfig
from training.progress import Progress


class Svd(Configured[SvdConfig]):
    """Koren, Bell and Volinsky (2009), "Matrix factorization techniques for recommender systems".

    Minimises sum (r - mean - b_u - b_i - p_u'q_i)^2 + regularization * (b_u^2 + b_i^2 + |p_u|^2 + |q_i|^2) over the
    ratings, by stochastic gradient descent.
    """

    config_type = SvdConfig
    about = About(
        label="SVD",
        sentence="Matrix factorisation that predicts the stars a person would give.",
        share="people",
        papers=(
            Paper(url="https://sifter.org/~simon/journal/20061211.html"),
            Paper(url="https://doi.org/10.1109/MC.2009.263"),
        ),
    )

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Run the descent. Arrays: user and item factors and biases, and the item factors at unit length.

        Raises UsageError where there are only events.
        """
        if not data.feedback.has_ratings:
            raise UsageError("svd predicts ratings, and this data set has events alone; train another model.")
        curve: list[float] = []

        def on_epoch(done: float, rmse: float) -> None:
            curve.append(rmse)
            progress("svd", done)

        trainset = ArrayTrainset.from_matrix(data.stars)
        svd = ArraySVD(
            n_factors=self.config.factors,
            n_epochs=self.config.iterations,
            lr_all=self.config.learning_rate,
            reg_all=self.config.regularization,
            init_std_dev=self.config.init_deviation,
            random_state=seed,
            blocks=self.config.blocks,
            on_epoch=on_epoch,
        ).fit(trainset)
        arrays = {
            "svd_user_factors": svd.pu,
            "svd_item_factors": svd.qi,
            "svd_user_bias": svd.bu,
            "svd_item_bias": svd.bi,
            "svd_embedding": unit_rows(svd.qi),
        }
        spec = FactorSpec(
            user_factors="svd_user_factors",
            item_factors="svd_item_factors",
            user_bias="svd_user_bias",
            item_bias="svd_item_bias",
            global_mean=trainset.global_mean,
            fold_in=SvdFoldIn(regularization=self.config.regularization),
        )
        similarity = SimilaritySpec(parts=[SimilarityPart(name="svd", embedding="svd_embedding")])
        parameters = self.config.model_dump()
        return FittedModel("svd", parameters, arrays, similarity, spec, spec, learning_curve={"train_rmse": curve})
