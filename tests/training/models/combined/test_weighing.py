"""The weights of an ensemble, chosen on held-out ratings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.scoring.specs import EnsembleSpec
from tests.training.models.test_contract import SMALL
from tests.training.models.test_dislikes import EVENTS
from training.models import configure
from training.models.combined import ensemble as ensemble_module
from training.models.combined.ensemble import Correction, Ensemble, correction_of, member_weights, weighed
from training.models.fits import Fits
from training.models.parameters import EnsembleConfig, PopularityConfig
from training.models.target import Target
from training.pipeline.judge import TrainingSplit
from training.progress import silent
from training.splits.cut import Split, choosing_splits, splits
from training.splits.files import files_dataset
from training.splits.protocol import load_protocol

GOOD = configure("ease", SMALL["ease"])
USELESS = configure("als", ["factors=1", "iterations=1", "regularization=1e9"])


def test_a_useless_member_gets_next_to_no_weight(data):
    weights = member_weights({"als": USELESS, "ease": GOOD}, Fits(data, 0, silent).validations())[0]
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["ease"] > 0.6
    assert min(weights.values()) >= 0


def test_popularity_is_damped_only_where_lists_lose_nothing_by_it(data):
    validations = Fits(data, 0, silent).validations()
    small, large = (Correction("popularity", PopularityConfig(), -damping) for damping in (1e-6, 50.0))
    assert member_weights({"ease": GOOD}, validations, small)[1]
    assert not member_weights({"ease": GOOD}, validations, large)[1]


def test_expected_stars_count_where_every_rating_is_to_be_predicted_and_popularity_counts_against_likes(data):
    every_row, likes, events = data, replace(data, target=Target(4.0)), replace(data, feedback=EVENTS)
    config = EnsembleConfig.model_validate(configure("ensemble", SMALL["ensemble"]).model_dump())
    config = config.model_copy(update={"weights": {"ease": 1.0}})
    for name, part in (("stars", every_row), ("popularity", likes), ("popularity", events)):
        added = added_to_ease(config, part)
        assert list(added) == [name]
        assert (added[name] > 0) == (name == "stars")
        assert not added_to_ease(config.model_copy(update={"correction": False}), part)


def added_to_ease(config, data):
    """Return the weights of what is added to EASE, by name."""
    spec = Ensemble(config).combine(Fits(data, 0, silent)).user_spec
    assert isinstance(spec, EnsembleSpec)
    return {member.name: member.weight for member in spec.members if member.name != "ease"}


def test_the_same_seed_chooses_the_same_weights(data):
    config = EnsembleConfig.model_validate(configure("ensemble", SMALL["ensemble"]).model_dump())
    first = weighed(config, Fits(data, 3, silent).validations(), None).weights
    assert first == weighed(config, Fits(data, 3, silent).validations(), None).weights
    given = config.model_copy(update={"weights": {"ease": 1.0}})
    assert weighed(given, Fits(data, 3, silent).validations(), None).weights == {"ease": 1.0}


def test_members_weigh_the_same_where_nothing_can_be_held_out(data):
    nobody = replace(data, user_item=sp.csr_matrix(data.user_item.shape, dtype=np.float32))
    weights, _ = member_weights({"als": USELESS, "ease": GOOD}, Fits(nobody, 0, silent).validations())
    assert weights == {"als": 0.5, "ease": 0.5}
    correction = correction_of(EnsembleConfig.model_validate(configure("ensemble").model_dump()), nobody)
    assert correction is not None
    assert correction.name == "popularity"


def test_of_more_users_than_are_ranked_as_many_as_may_be_are(data, monkeypatch):
    monkeypatch.setattr(ensemble_module, "MOST_USERS", 20)
    (validation, _) = Fits(data, 0, silent).validations()
    users = ensemble_module._users(validation)
    assert len(users) == 20
    assert np.diff(users).max() <= 2 * np.diff(users).min() + 2


@pytest.mark.parametrize("name", ["latest20", "temporal", "ms-item75", "random20"])
def test_weights_are_chosen_on_parts_that_the_protocol_would_cut(dataset, name):
    protocol = load_protocol(name)
    split = splits(protocol, dataset, protocol.seeds[0])[0]
    parts = choosing_splits(protocol, dataset, split)
    assert len(parts) == 2
    assert not np.array_equal(parts[0].test, parts[1].test)
    for part in parts:
        assert not (part.train & part.test).any()
        assert not ((part.train | part.test) & ~split.train).any(), "a rating that is tested was looked at"


def test_a_validation_file_weighs_models_that_are_fitted_once(dataset, tmp_path):
    """The members of the ensemble are those of the training file, and are fitted no second time."""
    protocol = with_validation_file(dataset, tmp_path)
    files = files_dataset(protocol)
    split = splits(protocol, files, 0)[0]
    judged = TrainingSplit("files", files, protocol, split, silent)
    fits = judged.fits(0)
    parts = fits.validations()
    assert [part.fits.of_split for part in parts] == [fits.of_split] * 2
    ratings = files.user_item(~split.train & ~split.test)
    assert sum(part.relevant.nnz for part in parts) == ratings.nnz
    assert not parts[0].relevant.multiply(parts[1].relevant).nnz


def test_a_part_that_is_tested_does_not_choose(dataset, tmp_path):
    """Where the validation file is what models are judged by, as while tuning, it weighs nothing."""
    protocol = with_validation_file(dataset, tmp_path)
    files = files_dataset(protocol)
    split = splits(protocol, files, 0)[0]
    tuned: Split = replace(split, test=~split.train & ~split.test)
    for part in choosing_splits(protocol, files, tuned):
        assert not (part.test & tuned.test).any()


def with_validation_file(dataset, directory):
    files = {}
    for number, name in enumerate(("test", "valid", "train")):
        rows = np.arange(len(dataset.ratings)) % 5
        chosen = dataset.ratings[rows == number] if number < 2 else dataset.ratings[rows >= 2]
        files[name] = directory / f"{name}.csv"
        chosen[["user_id", "movie_id", "rating"]].to_csv(files[name], index=False)
    return load_protocol("files").with_files(**files)
