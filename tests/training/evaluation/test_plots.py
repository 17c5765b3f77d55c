"""The figures of a run: drawn without a warning, and showing what they are meant to show."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from recommender.bundle import Metric
from recommender.feedback import MOVIELENS
from tests.toy import save_toy
from training.evaluation import plots
from training.evaluation.result import Evaluation
from training.evaluation.style import colours, label
from training.models import NAMES


def evaluation(at: int, stars: bool) -> Evaluation:
    popularity = np.array([50.0, 20, 5, 1, 0])
    arrays = {"popularity": popularity, "exposure": np.roll(popularity, at)}
    if stars:
        arrays["calibration"] = np.column_stack([np.linspace(5, 50, 10), np.linspace(6, 49, 10), np.full(10, 10.0)])
    values = {"ndcg_at_10": 0.1 + 0.1 * at, "coverage_at_10": 0.5 - 0.1 * at, "novelty_at_10": 3.0 + at}
    metrics = [Metric(protocol="latest20", name=name, value=v, lo=v * 0.9, hi=v * 1.1) for name, v in values.items()]
    metrics += [Metric(protocol="latest20", name="rmse", value=0.9, lo=0.88, hi=0.92)] * stars
    return Evaluation("latest20", "toy", "toy", 0, np.arange(9), {}, {"users": 9}, metrics, arrays)


EVALUATIONS = {"popularity": evaluation(0, False), "als": evaluation(1, False), "svd": evaluation(2, True)}


def texts(figure) -> list[str]:
    """Every text of a figure that can be drawn and saved."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    assert picture.getbuffer().nbytes > 5_000
    found = [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    return [text for text in found if text]


def test_bars_name_protocol_models_and_values_with_their_intervals():
    figure: Any = plots.metric_bars(EVALUATIONS, ["ndcg_at_10", "rmse", "not_there"])
    shown = texts(figure)
    assert {"popularity", "als", "svd", "nDCG@10", "RMSE", " 0.200", " 0.900"} <= set(shown)
    assert any("latest20" in text and "9 people" in text for text in shown)
    ndcg, rmse = figure.axes
    assert [tuple(line.get_xdata()) for line in ndcg.lines][1] == pytest.approx((0.18, 0.22))
    assert [bar.get_y() + bar.get_height() / 2 for bar in rmse.patches] == [pytest.approx(2)]  # on svd's own line


def test_trade_offs_place_every_model_at_its_values():
    drawn: Any = plots.accuracy_against_reach(EVALUATIONS, "ndcg_at_10")
    left, right = drawn.axes
    np.testing.assert_allclose(left.collections[-1].get_offsets(), [[0.5, 0.1], [0.4, 0.2], [0.3, 0.3]])
    assert right.get_xlabel() == "novelty@10 (bits)"


def test_calibration_draws_predicting_models_only():
    figure: Any = plots.calibration(EVALUATIONS, MOVIELENS)
    shown = texts(figure)
    assert "svd" in shown
    assert "als" not in shown
    line = figure.axes[0].lines[1]
    np.testing.assert_allclose(line.get_xdata(), np.linspace(0.5, 5, 10))


def test_popularity_ends_at_the_whole_share():
    figure: Any = plots.popularity_shown(EVALUATIONS)
    assert {"rated by people", "als"} <= set(texts(figure))
    for line in figure.axes[0].lines:
        assert line.get_ydata()[-1] == pytest.approx(1)


def test_learning_curves_have_a_panel_for_each_quantity():
    figure: Any = plots.learning_curves({"train_rmse": [1.0, 0.9, 0.8], "loss": [3.0, 2.0, 1.5]}, "svd")
    assert {"train rmse", "loss", "iteration"} <= set(texts(figure))


def test_nearest_films_are_those_that_people_get(tmp_path):
    model = save_toy(tmp_path / "bundle")
    rows = plots.well_known(model)
    shown = texts(plots.nearest_films(model, rows, n=3))
    for row in rows:
        film = model.catalog.film(row)
        assert any(film.title in text for text in shown)
        best = model.catalog.film(int(model.neighbours(row).rows[0])).title
        assert any(text.startswith("1  ") and best in text for text in shown)


def test_well_known_films_are_rated_ones_of_different_genres(tmp_path):
    model = save_toy(tmp_path / "bundle")
    rows = plots.well_known(model, 4)
    assert len(rows) == len({frozenset(model.catalog.film(row).genres) for row in rows})
    counts = [int(model.catalog.counts[row]) for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert all(counts)


def test_a_model_keeps_its_colour_in_any_company():
    assert colours(["svd", "als"])["als"] == colours(["als", "content", "mine"])["als"]
    assert len(set(colours(EVALUATIONS).values())) == 3


def test_only_the_baseline_is_grey():
    shades = {name: to_rgb(colour) for name, colour in colours([*NAMES, "recommender"]).items()}
    assert len(set(shades.values())) == len(shades)
    assert [name for name, shade in shades.items() if len(set(shade)) == 1] == ["popularity"]


@pytest.mark.parametrize(
    ("metric", "spelled"),
    [
        ("ndcg_at_10", "nDCG@10"),
        ("masked_weighted_hit_rate_at_20", "masked weighted hit rate@20"),
        ("rmse", "RMSE"),
        ("novelty_at_10", "novelty@10 (bits)"),
    ],
)
def test_metrics_are_spelled_for_people(metric, spelled):
    assert label(metric) == spelled
