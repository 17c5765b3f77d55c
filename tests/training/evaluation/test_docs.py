"""docs/evaluation.md names every protocol and every metric."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from training.splits import protocol

PAGE = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text(encoding="utf-8")
METRICS = [
    name
    for kind in (
        protocol.ListMetric,
        protocol.WeightedMetric,
        protocol.BeyondMetric,
        protocol.RatingMetric,
        protocol.DislikeMetric,
    )
    for name in get_args(kind)
]


@pytest.mark.parametrize("name", protocol.protocol_names())
def test_every_protocol_is_described(name):
    assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_its_formula(name):
    assert f"`{name}_at_k`" in PAGE or f"`{name}`" in PAGE
