"""Bayesian Personalized Ranking by implicit, as a model for movierec."""

from implicit.cpu.bpr import BayesianPersonalizedRanking

from movierec.models import (
    About,
    Config,
    FactorSpec,
    Field,
    FittedModel,
    Paper,
    Progress,
    SimilarityPart,
    SimilaritySpec,
    TrainingData,
    unit_rows,
)


class BprConfig(Config):
    """Parameters of `implicit.bpr.BayesianPersonalizedRanking`."""

    factors: int = Field(32, gt=0)
    iterations: int = Field(100, gt=0)
    learning_rate: float = Field(0.05, gt=0)
    regularization: float = Field(0.01, ge=0)


class Bpr:
    """Rendle et al. (2009): each user's rated items above others. It has no fold-in of new users."""

    name = "bpr"
    config_type = BprConfig
    about = About(
        label="BPR",
        sentence="Matrix factorisation that ranks what a person rated above what the person did not.",
        share="people",
        papers=(Paper(url="https://arxiv.org/abs/1205.2618"),),
    )
    seeded = True
    uses_ratings = True

    def __init__(self, config: BprConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Fit on one thread: several would race, and no two fits would be the same."""
        bpr = BayesianPersonalizedRanking(**self.config.model_dump(), random_state=seed, num_threads=1)
        bpr.fit(data.user_item, show_progress=False)
        progress("bpr", 1.0)
        arrays = {
            "bpr_user_factors": bpr.user_factors,
            "bpr_item_factors": bpr.item_factors,  # the last factor is the item's bias
            "bpr_embedding": unit_rows(bpr.item_factors[:, :-1]),
        }
        similarity = SimilaritySpec(parts=[SimilarityPart(name="bpr", embedding="bpr_embedding")])
        factors = FactorSpec(user_factors="bpr_user_factors", item_factors="bpr_item_factors")
        return FittedModel("bpr", self.config.model_dump(), arrays, similarity, factors)
