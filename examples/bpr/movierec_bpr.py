"""Bayesian Personalized Ranking by implicit, as a model for movierec."""

from typing import ClassVar

from implicit.cpu.bpr import BayesianPersonalizedRanking

from movierec import models as mv


class BprConfig(mv.Config):
    """Parameters of `implicit.bpr.BayesianPersonalizedRanking`."""

    factors: int = mv.Field(32, gt=0)
    iterations: int = mv.Field(100, gt=0)
    learning_rate: float = mv.Field(0.05, gt=0)
    regularization: float = mv.Field(0.01, ge=0)


class Bpr:
    """Rendle et al. (2009): each user's rated items above others. It has no fold-in of new users."""

    name = "bpr"
    config_type = BprConfig
    about = mv.About(
        label="BPR",
        sentence="Matrix factorisation that ranks what a person rated above what the person did not.",
        share="people",
        papers=(mv.Paper(url="https://arxiv.org/abs/1205.2618"),),
    )
    seeded = uses_ratings = True
    tuning: ClassVar = {"factors": {"kind": "int", "range": (8, 64)}}

    def __init__(self, config: BprConfig) -> None:
        self.config = config

    def fit(self, data: mv.TrainingData, *, seed: int, progress: mv.Progress) -> mv.FittedModel:
        """Fit on one thread: several would race, and no two fits would be the same."""
        bpr = BayesianPersonalizedRanking(**self.config.model_dump(), random_state=seed, num_threads=1)
        bpr.fit(data.user_item, show_progress=False)
        progress("bpr", 1.0)
        arrays = {
            "bpr_user_factors": bpr.user_factors,
            "bpr_item_factors": bpr.item_factors,  # the last factor is the item's bias
            "bpr_embedding": mv.unit_rows(bpr.item_factors[:, :-1]),
        }
        similarity = mv.SimilaritySpec(parts=[mv.SimilarityPart(name="bpr", embedding="bpr_embedding")])
        factors = mv.FactorSpec(user_factors="bpr_user_factors", item_factors="bpr_item_factors")
        return mv.FittedModel("bpr", self.config.model_dump(), arrays, similarity, factors)
