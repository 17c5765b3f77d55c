"""Models of one's own beside `all`."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.about import About
from recommender.errors import UsageError
from recommender.scoring.specs import FactorSpec, SimilarityPart, SimilaritySpec
from tests.training.small import small_dataset
from training.config import Config
from training.models import NAMES, resolve
from training.models.base import FittedModel
from training.pipeline.checkpoints import open_workspace
from training.pipeline.plan import make_plan
from training.pipeline.stages import Training
from training.progress import silent


class Tastes:
    """The two tastes of the small data set, weighted by popularity: better than what any algorithm can learn."""

    name = "tastes"
    config_type = Config
    about = About(label="Tastes", sentence="It knows both tastes.", share="people")
    seeded = False
    uses_ratings = True

    def __init__(self, config: Config) -> None:
        self.config = config

    def fit(self, data, *, seed, progress):
        users, items = (np.eye(2, dtype=np.float32)[np.arange(n) % 2] for n in data.user_item.shape)
        likes = (data.user_item >= 4).astype(np.float64).toarray()
        inverse = np.linalg.inv(likes.T @ likes + 60 * np.eye(len(items)))
        common = -inverse / np.diag(inverse)
        np.fill_diagonal(common, 0)
        scores = likes @ common + 1000 * users @ items.T  # the planted taste first, then EASE
        arrays = {"tastes_users": scores, "tastes_items": np.eye(len(items)), "tastes_embedding": items}
        similarity = SimilaritySpec(parts=[SimilarityPart(name="tastes", embedding="tastes_embedding")])
        factors = FactorSpec(user_factors="tastes_users", item_factors="tastes_items")
        return FittedModel(
            "tastes", {}, {key: array.astype(np.float32) for key, array in arrays.items()}, similarity, factors
        )


def test_all_trains_what_it_is_asked_for_and_gives_the_composite_a_model_for_everybody(tmp_path):
    name = resolve(Tastes)
    assert name not in make_plan("all", small_dataset()).configs
    plan = make_plan("all", small_dataset(), further=[name])
    assert list(plan.configs) == [*NAMES, name]
    with open_workspace(plan.key, tmp_path) as workspace:
        training = Training(plan, workspace, silent)
        recipes = training.recipes()
        best = training.best_ranking(recipes)
        values = {
            path.stem: training.workspace.stage_evaluation(f"validation/{path.stem}", lambda: pytest.fail("not kept"))
            for path in (workspace.directory / "validation").glob("*.npz")
        }
        ranked = sorted(values, key=lambda model: -values[model].metric(plan.settings.choose_by).value)
    assert ranked[0] == name, "it is the best"
    assert best != name, "but without a fold-in it has nothing for somebody new"


def test_further_models_are_for_all_alone():
    with pytest.raises(UsageError, match=r"Further models \(--with\) are trained beside `all`"):
        make_plan("als", small_dataset(), further=["ease"])
    with pytest.raises(UsageError, match="Unknown model 'nothing'; expected one of: popularity"):
        make_plan("all", small_dataset(), further=["nothing"])
