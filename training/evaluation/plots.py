"""The figures of a training run. Each function returns a matplotlib Figure and keeps no state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from recommender.model import Model, Wanted
from training.evaluation.result import Evaluation
from training.evaluation.style import GREY, colours, figure, label, no_axes

Evaluations = Mapping[str, Evaluation]  # by model


def metric_bars(evaluations: Evaluations, metrics: Sequence[str]) -> Figure:
    """One panel for each of `metrics`, a bar with its 95 % interval for each model that has it."""
    there = [metric for metric in metrics if any(_value(each, metric) for each in evaluations.values())]
    title = f"{_subject(evaluations)}, 95 % intervals over people"
    with figure(3.6 * max(len(there), 1), 1.3 + 0.42 * len(evaluations), title, columns=max(len(there), 1)) as made:
        for at, (ax, metric) in enumerate(zip(made[1][0], there, strict=False)):
            _bars(ax, evaluations, metric, named=at == 0)
    return made[0]


def accuracy_against(
    evaluations: Evaluations, accuracy: str, against: Sequence[str] = ("coverage_at_10", "novelty_at_10")
) -> Figure:
    """`accuracy` of all models against each of `against`: up and to the right is better on both."""
    with figure(5.4 * len(against), 4.4, _subject(evaluations), columns=len(against)) as made:
        for ax, other in zip(made[1][0], against, strict=True):
            _scatter(ax, evaluations, other, accuracy, legend=other == against[-1])
    return made[0]


def calibration(evaluations: Evaluations) -> Figure:
    """Mean given stars at each half star of the prediction, for the models that predict stars."""
    predicting = {name: each for name, each in evaluations.items() if "calibration" in each.arrays}
    with figure(5.6, 5.0, f"Predicted against given stars\n{_subject(evaluations)}") as made:
        ax = made[1][0, 0]
        ax.plot([1, 5], [1, 5], color=GREY, linestyle="--", linewidth=1, label="perfect")
        for name, colour in colours(predicting).items():
            _calibration_line(ax, predicting[name].arrays["calibration"], name, colour)
        ax.set(xlabel="predicted stars", ylabel="mean given stars", xlim=(0.9, 5.1), ylim=(0.9, 5.1))
        ax.legend(loc="upper left")
    return made[0]


def popularity_shown(evaluations: Evaluations) -> Figure:
    """How popular the films are that models show, against those that people rate: cumulative shares."""
    with figure(6.6, 4.4, f"Popularity of shown and of rated films\n{_subject(evaluations)}") as made:
        ax = made[1][0, 0]
        popularity = next(iter(evaluations.values())).arrays["popularity"]
        _cumulative(ax, popularity, popularity, {"color": "black", "linestyle": "--", "label": "rated by people"})
        for name, colour in colours(evaluations).items():
            arrays = evaluations[name].arrays
            _cumulative(ax, arrays["popularity"], arrays["exposure"], {"color": colour, "label": name})
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        ax.set(xlabel="training ratings of the film", ylabel="share of films shown or rated", ylim=(0, 1))
        ax.legend(loc="upper left")
    return made[0]


def learning_curves(curves: Mapping[str, Sequence[float]], algorithm: str) -> Figure:
    """What the algorithm reports after each iteration: quantity -> values."""
    with figure(5.2 * max(len(curves), 1), 3.6, f"Learning curve of {algorithm}", columns=max(len(curves), 1)) as made:
        for ax, (quantity, values) in zip(made[1][0], curves.items(), strict=True):
            steps = np.arange(1, len(values) + 1)
            sns.lineplot(x=steps, y=np.asarray(values), ax=ax, marker="o", color=colours([algorithm])[algorithm])
            ax.set(xlabel="iteration", ylabel=label(quantity))
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return made[0]


def nearest_films(model: Model, rows: Sequence[int], n: int = 5) -> Figure:
    """The films like each of the film rows `rows`, as people get them: a column for each."""
    title = f"Films like well-known ones: {model.manifest.algorithm}, {model.manifest.dataset.name}"
    height = 0.9 + 0.34 * (n + 1) * ((len(rows) + 2) // 3)
    with figure(13.5, height, title, rows=(len(rows) + 2) // 3, columns=3) as made:
        for ax in made[1].flat:
            no_axes(ax)
        for ax, row in zip(made[1].flat, rows, strict=False):
            _film_column(ax, model, row, n)
    return made[0]


def well_known(model: Model, n: int = 6) -> list[int]:
    """Rows of up to n much rated films that share no genre list, most rated first, so that a page shows variety."""
    counts, genres = model.catalog.counts, model.catalog.genre_masks
    chosen: list[int] = []
    for row in np.argsort(-counts, kind="stable"):
        if len(chosen) == n or not counts[row]:
            break
        if genres[row] not in genres[chosen] and model.catalog.canonical[row] == row:
            chosen.append(int(row))
    return chosen


def _value(evaluation: Evaluation, metric: str) -> Any:
    return next((each for each in evaluation.metrics if each.name == metric), None)


def _subject(evaluations: Evaluations) -> str:
    first = next(iter(evaluations.values()))
    return f"{first.dataset}, protocol {first.protocol}, {first.overall['users']:,.0f} people"


def _bars(ax: Axes, evaluations: Evaluations, metric: str, *, named: bool) -> None:
    names = list(evaluations)
    for place, (name, colour) in enumerate(colours(names).items()):
        found = _value(evaluations[name], metric)
        if found is None:
            continue
        ax.barh(place, found.value, height=0.7, color=colour)
        end = found.value if found.hi is None else max(found.hi, found.value)
        if found.lo is not None:
            ax.plot([found.lo, end], [place, place], color="0.2", linewidth=1.4, solid_capstyle="butt")
        ax.annotate(f" {found.value:.3f}", (end, place), va="center", fontsize=8, color="0.25")
    ax.set(title=label(metric), ylim=(len(names) - 0.4, -0.6))
    ax.set_yticks(range(len(names)), names if named else [""] * len(names))
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.22)
    ax.xaxis.set_major_locator(MaxNLocator(4))


def _scatter(ax: Axes, evaluations: Evaluations, across: str, up: str, *, legend: bool) -> None:
    points = {name: (_value(each, across), _value(each, up)) for name, each in evaluations.items()}
    there = {name: (x, y) for name, (x, y) in points.items() if x is not None and y is not None}
    for name, colour in colours(evaluations).items():
        if name in there:
            x, y = there[name]
            ax.errorbar(x.value, y.value, xerr=_reach(x), yerr=_reach(y), color=colour, elinewidth=1, zorder=1)
    sns.scatterplot(
        x=[x.value for x, _ in there.values()],
        y=[y.value for _, y in there.values()],
        hue=list(there),
        style=list(there),
        palette=colours(evaluations),
        s=70,
        ax=ax,
        legend="full" if legend else False,
    )
    ax.set(xlabel=label(across), ylabel=label(up))
    ax.margins(0.1)
    if legend:
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _reach(metric: Any) -> Any:
    return None if metric.lo is None else [[metric.value - metric.lo], [metric.hi - metric.value]]


def _calibration_line(ax: Axes, bins: Any, name: str, colour: Any) -> None:
    filled = bins[bins[:, 2] > 0]
    predicted, given, count = filled[:, 0] / filled[:, 2], filled[:, 1] / filled[:, 2], filled[:, 2]
    ax.plot(predicted, given, color=colour, linewidth=1.5, label=name)
    ax.scatter(predicted, given, s=200 * count / count.max() + 8, color=colour, alpha=0.7)


def _cumulative(ax: Axes, popularity: Any, shown: Any, look: Mapping[str, Any]) -> None:
    order = np.argsort(popularity, kind="stable")
    total = max(float(shown.sum()), 1.0)
    ax.plot(np.maximum(popularity[order], 1), np.cumsum(shown[order]) / total, linewidth=1.7, **look)


def _film_column(ax: Axes, model: Model, row: int, n: int) -> None:
    def name(at: int) -> str:
        return model.catalog.film(at).label

    found = model.similar(row, Wanted(n=n))
    ax.text(0, 1, name(row), fontweight="bold", fontsize=11, va="top", transform=ax.transAxes)
    for place, (other, score) in enumerate(zip(found.rows, found.scores, strict=True), start=1):
        height = 1 - place / (n + 1)
        ax.text(0.02, height, f"{place}  {_short(name(int(other)))}", fontsize=9.5, va="top", transform=ax.transAxes)
        ax.text(0.97, height, f"{score:.2f}", fontsize=9, va="top", ha="right", color="0.4", transform=ax.transAxes)


def _short(title: str, most: int = 44) -> str:
    return title if len(title) <= most else f"{title[: most - 1]}…"
