"""The weights of an ensemble, chosen on held-out ratings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from tests.training.models.test_contract import SMALL
from training.models import configure
from training.models.ensemble import weighed
from training.models.fits import Fits
from training.models.parameters import EnsembleConfig
from training.models.weighing import member_weights
from training.progress import silent

GOOD = configure("ease", SMALL["ease"])
USELESS = configure("als", ["factors=1", "iterations=1", "regularization=1e9"])


def test_a_useless_member_gets_next_to_no_weight(data):
    weights = member_weights({"als": USELESS, "ease": GOOD}, Fits(data, 0, silent))
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["ease"] > 0.6
    assert min(weights.values()) >= 0


def test_the_same_seed_chooses_the_same_weights(data):
    config = EnsembleConfig.model_validate(configure("ensemble", SMALL["ensemble"]).model_dump())
    first = weighed(config, Fits(data, 3, silent)).weights
    assert first == weighed(config, Fits(data, 3, silent)).weights
    assert weighed(config.model_copy(update={"weights": {"ease": 1.0}}), Fits(data, 3, silent)).weights == {"ease": 1.0}


def test_members_weigh_the_same_where_nothing_can_be_held_out(data):
    nobody = replace(data, user_item=sp.csr_matrix(data.user_item.shape, dtype=np.float32))
    weights = member_weights({"als": USELESS, "ease": GOOD}, Fits(nobody, 0, silent))
    assert weights == {"als": 0.5, "ease": 0.5}
