"""How sure are we? Bootstrap over people: intervals of one model, paired comparisons of two, Holm's correction of many.

A person is resampled with everything that is theirs (queries, ratings), so intervals are clustered by user. Every
figure is a ratio of sums over people: for ranking metrics the mean of the people that have a value, for RMSE and MAE
the mean over ratings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recommender.errors import UsageError
from training.evaluation.metrics import Values
from training.evaluation.result import Evaluation

INTERVAL_DRAWS = 1_000
COMPARISON_DRAWS = 10_000
LEAST_DRAWS = 1_000
_BUDGET = 200_000_000  # resampled people per comparison; more people need fewer draws
_CHUNK = 1 << 22  # resampled people held at once
_TEST_RATINGS = "test_ratings"
PER_RATING = ("rmse", "mae")
_CONFIDENCE = (2.5, 97.5)
_DETECTABLE = 1.959964 + 0.841621  # standard errors: two-sided test at 5 %, seen four times in five


@dataclass(frozen=True)
class Comparison:
    """Model a against model b on the same people; intervals are 95 %."""

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
    p_value: float  # two-sided, of no difference
    p_adjusted: float  # after Holm's correction over the table that this comparison is part of
    smallest_detectable: float  # the difference that this comparison would have seen four times in five

    @property
    def gain(self) -> float:
        """The difference, positive where a is better."""
        return -self.difference if lower_is_better(self.metric) else self.difference

    @property
    def significant(self) -> bool:
        """Whether a and b differ at 5 %, after the correction."""
        return self.p_adjusted < 0.05


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % bootstrap interval."""

    value: float
    lo: float
    hi: float


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value of `metric` means a better model."""
    return metric.startswith(PER_RATING)


def intervals(per_user: Mapping[str, Values], seed: int, draws: int = INTERVAL_DRAWS) -> dict[str, Interval]:
    """The pooled value of each metric and its percentile interval over resampled people.

    `per_user`: metric name -> (u,), NaN where a person has no value; metrics that nobody has are left out.
    """
    names = [name for name, values in per_user.items() if name != _TEST_RATINGS and not np.isnan(values).all()]
    if not names:
        return {}
    pools = [_pool(name, per_user) for name in names]
    numerators, denominators = (np.column_stack(columns) for columns in zip(*pools, strict=True))
    resampled = [
        weights @ numerators / _positive(weights @ denominators)
        for weights in resampling_weights(len(numerators), draws, seed)
    ]
    lo, hi = np.nanpercentile(np.concatenate(resampled), _CONFIDENCE, axis=0)
    values = numerators.sum(axis=0) / denominators.sum(axis=0)
    return {
        name: Interval(*(float(_finish(name, each[at])) for each in (values, lo, hi))) for at, name in enumerate(names)
    }


def compare(a: Evaluation, b: Evaluation, metric: str, *, seed: int = 0, draws: int = COMPARISON_DRAWS) -> Comparison:
    """Paired bootstrap of `metric` over the people that both evaluations count.

    Raises UsageError where the two were not judged by one protocol on one data set, or share nobody.
    """
    per_user_a, per_user_b = _paired(a, b, metric)
    (numerator_a, denominator_a), (numerator_b, denominator_b) = _pool(metric, per_user_a), _pool(metric, per_user_b)
    n = len(numerator_a)
    columns = np.column_stack([numerator_a, denominator_a, numerator_b, denominator_b])
    draws = min(draws, max(LEAST_DRAWS, _BUDGET // n))
    sums = np.concatenate([weights @ columns for weights in resampling_weights(n, draws, seed)])
    stars_a, stars_b = (_finish(metric, sums[:, at] / _positive(sums[:, at + 1])) for at in (0, 2))
    value_a = float(_finish(metric, numerator_a.sum() / denominator_a.sum()))
    value_b = float(_finish(metric, numerator_b.sum() / denominator_b.sum()))
    differences = stars_a - stars_b
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
        **_ratio(value_a, value_b, stars_a, stars_b),
        p_value=p_value,
        p_adjusted=p_value,
        smallest_detectable=float(_DETECTABLE * differences.std(ddof=1)),
    )


def holm(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons, p-values corrected for their number m (Holm, 1979): smallest times m, next m - 1, ..."""
    order = sorted(range(len(comparisons)), key=lambda at: comparisons[at].p_value)
    adjusted, running = [0.0] * len(comparisons), 0.0
    for place, at in enumerate(order):
        running = max(running, min(1.0, comparisons[at].p_value * (len(comparisons) - place)))
        adjusted[at] = running
    return [replace(each, p_adjusted=p) for each, p in zip(comparisons, adjusted, strict=True)]


def standard_error_interval(value: float, resampled: Values) -> Interval:
    """`value` with 1.96 standard deviations of its resampled values on each side, within 0 and 1.

    For shares of a whole set, such as coverage: fewer distinct people in a resample show fewer films, so percentiles
    of the resampled values would lie below the value itself.
    """
    reach = 1.959964 * float(resampled.std(ddof=1))
    return Interval(value, max(0.0, value - reach), min(1.0, value + reach))


def resampling_weights(n: int, draws: int, seed: int) -> Iterator[Values]:
    """Blocks (b, n) of how often each of n people is drawn, `draws` lines in all; a seed always gives the same ones."""
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // max(n, 1))
    for start in range(0, draws, step):
        lines = min(step, draws - start)
        drawn = rng.integers(0, n, (lines, n)) + n * np.arange(lines)[:, None]
        yield np.bincount(drawn.ravel(), minlength=lines * n).reshape(lines, n).astype(np.float64)


def _pool(metric: str, per_user: Mapping[str, Values]) -> tuple[Values, Values]:
    """(u,) numerator and (u,) denominator whose sums give the metric, up to `_finish`."""
    values = per_user[metric]
    there = ~np.isnan(values)
    weight = per_user[_TEST_RATINGS] if metric in PER_RATING else np.ones(len(values))
    worth = values**2 if metric == "rmse" else values
    return np.where(there, worth * weight, 0.0), np.where(there, weight, 0.0)


def _finish(metric: str, sums: Any) -> Values:
    return np.asarray(np.sqrt(sums) if metric == "rmse" else sums, dtype=np.float64)


def _paired(a: Evaluation, b: Evaluation, metric: str) -> tuple[dict[str, Values], dict[str, Values]]:
    if (a.protocol, a.fingerprint) != (b.protocol, b.fingerprint):
        raise UsageError(
            f"Expected two evaluations by one protocol on one data set; found {a.protocol} on {a.dataset} and "
            f"{b.protocol} on {b.dataset}, or two versions of that data set."
        )
    for each in (a, b):
        if metric not in each.per_user:
            raise UsageError(f"{each.protocol} has no {metric} per person; it has {', '.join(each.per_user)}.")
    _, at_a, at_b = np.intersect1d(a.users, b.users, assume_unique=True, return_indices=True)
    both = ~(np.isnan(a.per_user[metric][at_a]) | np.isnan(b.per_user[metric][at_b]))
    if not both.any():
        raise UsageError(f"The two evaluations by {a.protocol} share no person with a value of {metric}.")
    return (
        {name: values[at_a][both] for name, values in a.per_user.items()},
        {name: values[at_b][both] for name, values in b.per_user.items()},
    )


def _ratio(a: float, b: float, stars_a: Values, stars_b: Values) -> dict[str, float]:
    """The ratio and its interval, NaN where b is nothing."""
    if b <= 0:
        return {"ratio": float("nan"), "ratio_lo": float("nan"), "ratio_hi": float("nan")}
    ratios = stars_a[stars_b > 0] / stars_b[stars_b > 0]
    lo, hi = np.nanpercentile(ratios, _CONFIDENCE)
    return {"ratio": a / b, "ratio_lo": float(lo), "ratio_hi": float(hi)}


def _two_sided(differences: Values) -> float:
    """Twice the share of draws on the rarer side of zero, never nothing."""
    rarer = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2.0 * (rarer + 1) / (len(differences) + 1))


def _positive(sums: Values) -> Values:
    return np.where(sums > 0, sums, np.nan)
