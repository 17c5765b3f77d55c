"""Figures of a training run. Each function returns a matplotlib Figure and keeps no state."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from recommender.bundle import Metric
from recommender.feedback import Feedback
from recommender.model import Model, Wanted
from training.evaluation.result import Evaluation
from training.evaluation.style import GREY, colours, figure, label

_LONGEST = 44  # letters of a title in a list

EvaluationByModel = Mapping[str, Evaluation]


def metric_bars(evaluations: EvaluationByModel, metrics: Sequence[str]) -> Figure:
    """Draw one panel per metric: a bar with its 95 % interval for each model that has the metric."""
    drawn = [name for name in metrics if any(_metric(evaluation, name) for evaluation in evaluations.values())]
    title = f"{_subject(evaluations)}, 95 % intervals over people"
    columns = max(len(drawn), 1)
    with figure(3.6 * columns, 1.3 + 0.42 * len(evaluations), title, columns=columns) as (fig, axes):
        for column, (ax, metric) in enumerate(zip(axes[0], drawn, strict=False)):
            _draw_bars(ax, evaluations, metric, with_names=column == 0)
    return fig


def accuracy_against_reach(evaluations: EvaluationByModel, accuracy: str) -> Figure:
    """Draw all models by the metric `accuracy` (y), once against coverage and once against novelty (x)."""
    with figure(10.8, 4.4, _subject(evaluations), columns=2) as (fig, axes):
        _draw_scatter(axes[0, 0], evaluations, "coverage_at_10", accuracy, legend=False)
        _draw_scatter(axes[0, 1], evaluations, "novelty_at_10", accuracy, legend=True)
    return fig


def calibration(evaluations: EvaluationByModel, feedback: Feedback) -> Figure:
    """Draw the mean observed rating in each bin of the prediction, for the models that predict ratings."""
    predicting = {name: evaluation for name, evaluation in evaluations.items() if "calibration" in evaluation.arrays}
    with figure(5.6, 5.0, f"Predicted against given ratings\n{_subject(evaluations)}") as (fig, axes):
        ax = axes[0, 0]
        ends, margin = [feedback.minimum, feedback.maximum], 0.02 * (feedback.maximum - feedback.minimum)
        limits = (ends[0] - margin, ends[1] + margin)
        ax.plot(ends, ends, color=GREY, linestyle="--", linewidth=1, label="perfect")
        for name, colour in colours(predicting).items():
            _draw_calibration(ax, predicting[name].arrays["calibration"], name, colour)
        ax.set(xlabel="predicted rating", ylabel="mean given rating", xlim=limits, ylim=limits)
        ax.legend(loc="upper left")
    return fig


def popularity_shown(evaluations: EvaluationByModel) -> Figure:
    """Draw the popularity of recommended items against that of rated items, as cumulative shares, for each model."""
    with figure(6.6, 4.4, f"Popularity of shown and of rated films\n{_subject(evaluations)}") as (fig, axes):
        ax = axes[0, 0]
        popularity = next(iter(evaluations.values())).arrays["popularity"]
        _draw_cumulative(ax, popularity, popularity, {"color": "black", "linestyle": "--", "label": "rated by people"})
        for name, colour in colours(evaluations).items():
            arrays = evaluations[name].arrays
            _draw_cumulative(ax, arrays["popularity"], arrays["exposure"], {"color": colour, "label": name})
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        ax.set(xlabel="training ratings of the film", ylabel="share of films shown or rated", ylim=(0, 1))
        ax.legend(loc="upper left")
    return fig


def learning_curves(curves: Mapping[str, Sequence[float]], algorithm: str) -> Figure:
    """Draw what the algorithm reports after each iteration: one panel per quantity of `curves`."""
    columns = max(len(curves), 1)
    with figure(5.2 * columns, 3.6, f"Learning curve of {algorithm}", columns=columns) as (fig, axes):
        for ax, (quantity, values) in zip(axes[0], curves.items(), strict=True):
            steps = np.arange(1, len(values) + 1)
            sns.lineplot(x=steps, y=np.asarray(values), ax=ax, marker="o", color=colours([algorithm])[algorithm])
            ax.set(xlabel="iteration", ylabel=label(quantity))
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return fig


def nearest_films(model: Model, rows: Sequence[int], n: int = 5) -> Figure:
    """Draw the n items most similar to each of the item rows `rows`, one column of text per item."""
    title = f"Films like well-known ones: {model.manifest.algorithm}, {model.manifest.dataset.name}"
    panel_rows = (len(rows) + 2) // 3
    with figure(13.5, 0.9 + 0.34 * (n + 1) * panel_rows, title, rows=panel_rows, columns=3) as (fig, axes):
        for ax in axes.flat:
            ax.set_axis_off()  # only the text remains
        for ax, row in zip(axes.flat, rows, strict=False):
            _draw_similar_items(ax, model, row, n)
    return fig


def well_known(model: Model, n: int = 6) -> list[int]:
    """Return the rows of up to n of the most rated items, no two with the same set of genres, most rated first."""
    catalog = model.catalog
    has_genres = bool(catalog.genre_names)
    chosen: dict[Hashable, int] = {}
    for row in np.argsort(-catalog.counts, kind="stable").tolist():
        if len(chosen) == n or not catalog.counts[row]:
            break
        kind = frozenset(catalog.film(row).genres) if has_genres else row
        if kind not in chosen and catalog.canonical[row] == row:
            chosen[kind] = row
    return list(chosen.values())


def _metric(evaluation: Evaluation, name: str) -> Metric | None:
    return next((metric for metric in evaluation.metrics if metric.name == name), None)


def _subject(evaluations: EvaluationByModel) -> str:
    first = next(iter(evaluations.values()))
    return f"{first.dataset}, protocol {first.protocol}, {first.overall['users']:,.0f} people"


def _draw_bars(ax: Axes, evaluations: EvaluationByModel, name: str, *, with_names: bool) -> None:
    models = list(evaluations)
    for y, (model, colour) in enumerate(colours(models).items()):
        metric = _metric(evaluations[model], name)
        if metric is None:
            continue
        ax.barh(y, metric.value, height=0.7, color=colour)
        end = metric.value if metric.hi is None else max(metric.hi, metric.value)
        if metric.lo is not None:
            ax.plot([metric.lo, end], [y, y], color="0.2", linewidth=1.4, solid_capstyle="butt")
        ax.annotate(f" {metric.value:.3f}", (end, y), va="center", fontsize=8, color="0.25")
    ax.set(title=label(name), ylim=(len(models) - 0.4, -0.6))
    ax.set_yticks(range(len(models)), models if with_names else [""] * len(models))
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.22)
    ax.xaxis.set_major_locator(MaxNLocator(4))


def _draw_scatter(ax: Axes, evaluations: EvaluationByModel, x_name: str, y_name: str, *, legend: bool) -> None:
    metrics = {model: (_metric(result, x_name), _metric(result, y_name)) for model, result in evaluations.items()}
    points = {model: (x, y) for model, (x, y) in metrics.items() if x is not None and y is not None}
    for model, colour in colours(evaluations).items():
        if model in points:
            x, y = points[model]
            ax.errorbar(
                x.value, y.value, xerr=_error_bars(x), yerr=_error_bars(y), color=colour, elinewidth=1, zorder=1
            )
    sns.scatterplot(
        x=[x.value for x, _ in points.values()],
        y=[y.value for _, y in points.values()],
        hue=list(points),
        style=list(points),
        palette=colours(evaluations),
        s=70,
        ax=ax,
        legend="full" if legend else False,
    )
    ax.set(xlabel=label(x_name), ylabel=label(y_name))
    ax.margins(0.1)
    if legend:
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _error_bars(metric: Metric) -> list[list[float]] | None:
    if metric.lo is None or metric.hi is None:
        return None
    return [[metric.value - metric.lo], [metric.hi - metric.value]]


def _draw_calibration(ax: Axes, bins: NDArray[np.float64], name: str, colour: Any) -> None:
    predicted_sum, observed_sum, count = bins[bins[:, 2] > 0].T
    predicted, observed = predicted_sum / count, observed_sum / count
    ax.plot(predicted, observed, color=colour, linewidth=1.5, label=name)
    ax.scatter(predicted, observed, s=200 * count / count.max() + 8, color=colour, alpha=0.7)


def _draw_cumulative(
    ax: Axes, popularity: NDArray[np.float64], counts: NDArray[np.float64], look: Mapping[str, Any]
) -> None:
    order = np.argsort(popularity, kind="stable")
    total = max(float(counts.sum()), 1.0)
    ax.plot(np.maximum(popularity[order], 1), np.cumsum(counts[order]) / total, linewidth=1.7, **look)


def _draw_similar_items(ax: Axes, model: Model, query_row: int, n: int) -> None:
    def name(row: int) -> str:
        title = model.catalog.film(row).label
        return title if len(title) <= _LONGEST else f"{title[: _LONGEST - 1]}…"

    similar = model.similar(query_row, Wanted(n=n))
    ax.text(0, 1, model.catalog.film(query_row).label, fontweight="bold", fontsize=11, va="top", transform=ax.transAxes)
    for rank, (row, score) in enumerate(zip(similar.rows, similar.scores, strict=True), start=1):
        height = 1 - rank / (n + 1)
        ax.text(0.02, height, f"{rank}  {name(int(row))}", fontsize=9.5, va="top", transform=ax.transAxes)
        ax.text(0.97, height, f"{score:.2f}", fontsize=9, va="top", ha="right", color="0.4", transform=ax.transAxes)
