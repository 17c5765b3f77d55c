"""What people's feedback means: ratings on a scale, or events that count how much somebody wanted an item."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from recommender.scoring.specs import Spec

DEFAULT_LIKE_SHARE = 0.75  # of the scale: where a like begins unless the data set says otherwise


class Feedback(Spec):
    """The scale of a data set's ratings, or that it has none.

    `kind`: `ratings` lie on a scale from `minimum` to `maximum` in steps of `step`; `events` are positive weights
    without an upper end, and models for them predict no ratings. `like`: a rating or weight of at least this much is
    a like.
    """

    kind: Literal["ratings", "events"] = "ratings"
    minimum: float
    maximum: float
    step: float
    like: float

    @model_validator(mode="after")
    def _is_a_scale(self) -> Self:
        if not (self.minimum < self.maximum and 0 < self.step <= self.maximum - self.minimum):
            raise ValueError(
                f"expected a scale with minimum < maximum and a step within it, found {self.minimum} to {self.maximum} "
                f"in steps of {self.step}"
            )
        return self

    @classmethod
    def scale(cls, minimum: float, maximum: float, step: float, like: float | None = None) -> Feedback:
        """Return ratings on a scale; by default a like begins at the first step from three quarters of it."""
        if like is None:
            quarters = minimum + DEFAULT_LIKE_SHARE * (maximum - minimum)
            like = minimum + step * float(np.ceil((quarters - minimum) / step - 1e-9))
        return cls(minimum=minimum, maximum=maximum, step=step, like=like)

    @property
    def bins(self) -> NDArray[np.float32]:
        """Return every step of the scale (b,), ascending: the labels of a histogram's bins."""
        count = round((self.maximum - self.minimum) / self.step) + 1
        return (self.minimum + self.step * np.arange(count)).astype(np.float32)

    def bin(self, ratings: NDArray[Any]) -> NDArray[np.int64]:
        """Return the histogram bin of each rating: 0 for the minimum."""
        return np.rint((np.asarray(ratings) - self.minimum) / self.step).astype(np.int64)


MOVIELENS = Feedback.scale(0.5, 5.0, 0.5)
