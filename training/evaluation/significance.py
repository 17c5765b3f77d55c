"""Bootstrap over users: intervals of one model, paired comparisons of two, Holm's correction of many.

A user is resampled with all their queries and ratings, so intervals are clustered by user. Every metric is a ratio of
sums over users: for ranking metrics the mean over the users that have a value, for RMSE and MAE the mean over ratings,
for what users think of the items shown the mean over the items that they rated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recommender.errors import UsageError
from training.evaluation.metrics import DISLIKED, RATED_SHOWN, SHOWN_RATING, Values
from training.evaluation.result import Evaluation

INTERVAL_DRAWS = 1_000
COMPARISON_DRAWS = 10_000
LEAST_DRAWS = 1_000
_BUDGET = 200_000_000  # resampled users per comparison; more users need fewer draws
_CHUNK = 1 << 22  # resampled users in memory at once
TEST_RATINGS = "test_ratings"
_PER_RATING = ("rmse", "mae")
_CONFIDENCE = (2.5, 97.5)
_DETECTABLE = 1.959964 + 0.841621  # standard errors: two-sided test at 5 %, power 80 %


@dataclass(frozen=True)
class Comparison:
    """Paired comparison of model a with model b on the same users; intervals are 95 %."""

    protocol: str
    metric: str
    users: int
    a: float
    b: float
    difference: float  # a - b
    difference_lo: float
    difference_hi: float
    ratio: float  # a / b
    ratio_lo: float
    ratio_hi: float
    p_value: float  # two-sided, for no difference
    p_adjusted: float  # after Holm's correction over all comparisons of the table
    smallest_detectable: float  # smallest difference detectable with 80 % power

    @property
    def gain(self) -> float:
        """Return the difference a - b with its sign turned so that positive means a is better."""
        return -self.difference if lower_is_better(self.metric) else self.difference

    @property
    def significant(self) -> bool:
        """Return whether a and b differ at the 5 % level after Holm's correction."""
        return self.p_adjusted < 0.05


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % bootstrap interval."""

    value: float
    lo: float
    hi: float


def lower_is_better(metric: str) -> bool:
    """Return whether a smaller value of `metric` means a better model."""
    return metric.startswith((*_PER_RATING, DISLIKED))


def weight_of(metric: str) -> str | None:
    """Return the metric by which users' values of `metric` are weighted in its mean; None for equal weights."""
    stem, _, k = metric.partition("_at_")
    if stem in (DISLIKED, SHOWN_RATING):
        return f"{RATED_SHOWN}_at_{k}"
    return TEST_RATINGS if metric in _PER_RATING else None


def intervals(per_user: Mapping[str, Values], seed: int, draws: int = INTERVAL_DRAWS) -> dict[str, Interval]:
    """Return each metric's value over all users with its 95 % percentile bootstrap interval.

    `per_user`: metric name -> (u,), NaN where a user has no value; metrics without any value are left out.
    """
    names, numerators, denominators = _all_ratio_terms(per_user)
    if not names:
        return {}
    resampled = [
        weights @ numerators / _positive(weights @ denominators)
        for weights in resampling_weights(len(numerators), draws, seed)
    ]
    lo, hi = np.nanpercentile(np.concatenate(resampled), _CONFIDENCE, axis=0)
    values = means(per_user)
    return {
        name: Interval(values[name], *(float(_finish(name, ends[column])) for ends in (lo, hi)))
        for column, name in enumerate(names)
    }


def means(per_user: Mapping[str, Values]) -> dict[str, float]:
    """Return each metric's value over all users; metrics without any value are left out."""
    names, numerators, denominators = _all_ratio_terms(per_user)
    values = numerators.sum(axis=0) / denominators.sum(axis=0)
    return {name: float(_finish(name, values[column])) for column, name in enumerate(names)}


def compare(a: Evaluation, b: Evaluation, metric: str, *, seed: int = 0, draws: int = COMPARISON_DRAWS) -> Comparison:
    """Compare two evaluations on `metric` by a paired bootstrap over the users that both have.

    Raises UsageError where the two come from different protocols or data sets, or have no user in common.
    """
    per_user_a, per_user_b = _paired(a, b, metric)
    numerator_a, denominator_a = _ratio_terms(metric, per_user_a)
    numerator_b, denominator_b = _ratio_terms(metric, per_user_b)
    n = len(numerator_a)
    columns = np.column_stack([numerator_a, denominator_a, numerator_b, denominator_b])
    draw_count = min(draws, max(LEAST_DRAWS, _BUDGET // n))
    sums = np.concatenate([weights @ columns for weights in resampling_weights(n, draw_count, seed)])
    draws_a, draws_b = (_finish(metric, sums[:, i] / _positive(sums[:, i + 1])) for i in (0, 2))
    value_a = float(_finish(metric, numerator_a.sum() / denominator_a.sum()))
    value_b = float(_finish(metric, numerator_b.sum() / denominator_b.sum()))
    differences = draws_a - draws_b
    p_value = _two_sided(differences)
    return Comparison(
        protocol=a.protocol,
        metric=metric,
        users=n,
        a=value_a,
        b=value_b,
        difference=value_a - value_b,
        difference_lo=float(np.nanpercentile(differences, _CONFIDENCE[0])),
        difference_hi=float(np.nanpercentile(differences, _CONFIDENCE[1])),
        **_ratio(value_a, value_b, draws_a, draws_b),
        p_value=p_value,
        p_adjusted=p_value,
        smallest_detectable=float(_DETECTABLE * differences.std(ddof=1)),
    )


def against_first(evaluations: Mapping[str, Evaluation], metric: str | None = None) -> dict[str, Comparison]:
    """Compare every later evaluation with the first, by name, with p-values adjusted for their number.

    `metric`: by default the first that has a value per user.
    """
    first, *later = evaluations
    metric = metric or next(iter(evaluations[first].per_user))
    comparisons = [compare(evaluations[name], evaluations[first], metric) for name in later]
    return dict(zip(later, holm(comparisons), strict=True))


def holm(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons with p-values adjusted for their number m: smallest times m, next times m - 1, ...

    Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    order = sorted(range(len(comparisons)), key=lambda i: comparisons[i].p_value)
    adjusted, running = [0.0] * len(comparisons), 0.0
    for smaller_count, i in enumerate(order):
        running = max(running, min(1.0, comparisons[i].p_value * (len(comparisons) - smaller_count)))
        adjusted[i] = running
    return [replace(comparison, p_adjusted=p) for comparison, p in zip(comparisons, adjusted, strict=True)]


def standard_error_interval(value: float, resampled: Values) -> Interval:
    """Return `value` ± 1.96 standard deviations of its resampled values, NaN left out, clipped to 0 and 1.

    For shares of a whole set, such as coverage: a resample has fewer distinct users, whose lists hold fewer items, so
    percentiles of the resampled values would lie below the value itself.
    """
    half_width = 1.959964 * float(np.nanstd(resampled, ddof=1))
    return Interval(value, max(0.0, value - half_width), min(1.0, value + half_width))


def resampling_weights(n: int, draws: int, seed: int) -> Iterator[Values]:
    """Yield blocks (b, n) of bootstrap weights: how often each of n users is drawn, `draws` rows in all.

    The same seed gives the same weights.
    """
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // max(n, 1))
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        cells = rng.integers(0, n, (rows, n)) + n * np.arange(rows)[:, None]
        yield np.bincount(cells.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def _ratio_terms(metric: str, per_user: Mapping[str, Values]) -> tuple[Values, Values]:
    """Return each user's numerator and denominator (u,); the ratio of their sums is the metric, up to `_finish`."""
    values = per_user[metric]
    has_value = ~np.isnan(values)
    weight = weight_of(metric)
    weights = per_user[weight] if weight else np.ones(len(values))
    terms = values**2 if metric == "rmse" else values
    return np.where(has_value, terms * weights, 0.0), np.where(has_value, weights, 0.0)


def _all_ratio_terms(per_user: Mapping[str, Values]) -> tuple[list[str], Values, Values]:
    """Return the names of the m metrics with any value, and their numerators and denominators (u, m)."""
    names = [name for name, values in per_user.items() if name != TEST_RATINGS and not np.isnan(values).all()]
    if not names:
        return [], np.empty((0, 0)), np.empty((0, 0))
    numerators, denominators = zip(*(_ratio_terms(name, per_user) for name in names), strict=True)
    return names, np.column_stack(numerators), np.column_stack(denominators)


def _finish(metric: str, sums: Any) -> Values:
    """Turn mean squared errors into RMSE; leave other metrics as they are."""
    return np.asarray(np.sqrt(sums) if metric == "rmse" else sums, dtype=np.float64)


def _paired(a: Evaluation, b: Evaluation, metric: str) -> tuple[dict[str, Values], dict[str, Values]]:
    """Return the per-user values of a and b for the users that have the metric in both. Raises UsageError."""
    if (a.protocol, a.fingerprint) != (b.protocol, b.fingerprint):
        raise UsageError(
            f"Expected two evaluations by one protocol on one data set; found {a.protocol} on {a.dataset} and "
            f"{b.protocol} on {b.dataset}, or two versions of that data set."
        )
    for evaluation in (a, b):
        if metric not in evaluation.per_user:
            raise UsageError(
                f"Protocol {evaluation.protocol} has no {metric} per user; it has {', '.join(evaluation.per_user)}."
            )
    _, rows_a, rows_b = np.intersect1d(a.users, b.users, assume_unique=True, return_indices=True)
    has_a, has_b = ~np.isnan(a.per_user[metric][rows_a]), ~np.isnan(b.per_user[metric][rows_b])
    # A user of whom one of two models shows nothing rated still counts for the other.
    has_both = has_a | has_b if metric.startswith((DISLIKED, SHOWN_RATING)) else has_a & has_b
    if not (has_a.any() and has_b.any() and has_both.any()):
        raise UsageError(f"The two evaluations by {a.protocol} have no user in common with a value of {metric}.")
    return (
        {name: values[rows_a][has_both] for name, values in a.per_user.items()},
        {name: values[rows_b][has_both] for name, values in b.per_user.items()},
    )


def _ratio(a: float, b: float, draws_a: Values, draws_b: Values) -> dict[str, float]:
    """Return the ratio a / b and its interval, NaN where b is 0."""
    if b <= 0:
        return {"ratio": float("nan"), "ratio_lo": float("nan"), "ratio_hi": float("nan")}
    ratios = draws_a[draws_b > 0] / draws_b[draws_b > 0]
    lo, hi = np.nanpercentile(ratios, _CONFIDENCE)
    return {"ratio": a / b, "ratio_lo": float(lo), "ratio_hi": float(hi)}


def _two_sided(differences: Values) -> float:
    """Return the two-sided p-value: twice the share of draws on the rarer side of zero, above 0."""
    rarer = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2.0 * (rarer + 1) / (len(differences) + 1))


def _positive(sums: Values) -> Values:
    """Replace sums that are 0 by NaN, so that dividing by them gives NaN."""
    return np.where(sums > 0, sums, np.nan)
