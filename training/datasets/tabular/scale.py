"""Feedback of a user-defined data set: the scale of its ratings, stated or detected, or the weights of events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recommender.errors import DataError, UsageError
from recommender.feedback import DEFAULT_LIKE_SHARE, MOVIELENS, Feedback
from training.datasets.scales import MOST_STEPS, step_of
from training.datasets.tabular.source import SourceConfig

_CONTINUOUS_STEPS = 20  # of a continuous scale: bins of its histogram
_TOLERATED = 0.5  # share of ratings outside a stated scale: above, the scale is wrong rather than the ratings


def feedback_of(config: SourceConfig, values: NDArray[np.float64]) -> Feedback:
    """Return the scale of the ratings, or of the weights of events, (n,) with NaN where missing. Raises DataError."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        column = config.rating or config.weight or config.event
        raise DataError(f"Expected numbers in the column {column}, found none. {_advice(config)}")
    if config.rating:
        return _scale(config, np.unique(finite), finite)
    return _events(config, np.unique(finite[finite > 0]))


def has_steps(config: SourceConfig) -> bool:
    """Return whether the description states the step of the scale, so that a rating between two steps is wrong."""
    return config.scale is not None and config.scale.count(":") == 2


def stated_feedback(scale: str | None, like: float | None) -> Feedback:
    """Return MovieLens's feedback, unless another scale (of whole steps where none are named) or like is stated.

    Raises UsageError.
    """
    movielens = (MOVIELENS.minimum, MOVIELENS.maximum, MOVIELENS.step)
    minimum, maximum, step = parse_scale(scale) if scale else movielens
    return Feedback.scale(minimum, maximum, step or min(1.0, maximum - minimum), _checked_like(like, minimum, maximum))


def _scale(config: SourceConfig, distinct: NDArray[np.float64], values: NDArray[np.float64]) -> Feedback:
    minimum, maximum, step = (
        parse_scale(config.scale) if config.scale else (float(distinct[0]), float(distinct[-1]), None)
    )
    if minimum == maximum:
        words = "Give the words different numbers under weights"
        remedy = words if config.weights else "State it with --scale MINIMUM:MAXIMUM"
        raise DataError(
            f"Every rating in the column {config.rating} is {minimum:g}, so that no scale can be seen. {remedy}, or "
            "leave --rating out: then each row counts as an event."
        )
    outside = float(np.mean((values < minimum) | (values > maximum)))
    if outside >= _TOLERATED:
        raise DataError(
            f"Expected ratings from {minimum:g} to {maximum:g} in the column {config.rating}, found {distinct[0]:g} to "
            f"{distinct[-1]:g}, {outside:.0%} of them outside. Give --scale {distinct[0]:g}:{distinct[-1]:g}, or "
            "leave it out: then it is seen in the data."
        )
    if step is None:
        inside = distinct[(distinct >= minimum) & (distinct <= maximum)]
        step = _step(np.unique([minimum, *inside, maximum]))
        if config.scale and step.is_integer() and maximum - minimum <= MOST_STEPS:
            step = 1.0  # of a stated scale not every number need have been given
    return Feedback.scale(minimum, maximum, step, _checked_like(config.like, minimum, maximum))


def _checked_like(like: float | None, minimum: float, maximum: float) -> float | None:
    if like is not None and not minimum < like <= maximum:
        raise UsageError(f"Expected a like above {minimum:g} and at most {maximum:g}, found {like:g}.")
    return like


def _events(config: SourceConfig, weights: NDArray[np.float64]) -> Feedback:
    """Return events that count `weights` (w,), ascending. By default a like is an event of a kind that counts much.

    That is three quarters of the way from the least to the most counting kind; without kinds every event is a like.
    """
    if not len(weights):
        raise DataError("Expected an event of a weight above 0, found none. Give the events weights that count.")
    kinds = weights
    if config.weight:
        kinds = np.unique([weight for weight in config.weights.values() if weight > 0] or weights[:1])
    quarters = kinds[0] + DEFAULT_LIKE_SHARE * (kinds[-1] - kinds[0])
    like = config.like if config.like is not None else float(kinds[kinds >= quarters - 1e-9][0])
    if like <= 0:
        raise UsageError(f"Expected a like above 0, found {like:g}.")
    step = _step(np.concatenate([[0.0], weights]))
    return Feedback(kind="events", minimum=0.0, maximum=float(weights[-1]), step=step, like=like)


def _step(distinct: NDArray[np.float64]) -> float:
    """Return the step of these ascending values, or that of a histogram's bins where they are continuous."""
    return step_of(distinct) or float(distinct[-1] - distinct[0]) / _CONTINUOUS_STEPS


def parse_scale(text: str) -> tuple[float, float, float | None]:
    """Return minimum, maximum and step of "1:10" or "1:10:0.5". Raises UsageError."""
    try:
        minimum, maximum, *steps = (float(number) for number in text.split(":"))
    except ValueError:
        minimum, maximum, steps = 0.0, 0.0, []
    step = steps[0] if steps else None
    if len(steps) > 1 or not minimum < maximum or not 0 < (step or maximum - minimum) <= maximum - minimum:
        raise UsageError(
            f"Expected a scale as MINIMUM:MAXIMUM or MINIMUM:MAXIMUM:STEP, with a step within it, found {text!r}."
        )
    return minimum, maximum, step


def _advice(config: SourceConfig) -> str:
    if config.decimal == "." and config.rating:
        return "Name another column with --rating, or give --decimal , where a comma is the decimal mark."
    return "Name another column, or give words in it a number with --weights WORD=NUMBER,..."
