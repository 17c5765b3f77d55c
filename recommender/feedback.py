"""Kind and scale of a data set's feedback: ratings on a scale (explicit), or weighted events (implicit).

Models see ratings and events alike in stars, 0.5 to 5 with the middle of likes near 4: hyper-parameters then mean the
same for every data set. On MovieLens's own scale stars are the ratings.
"""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from recommender.errors import UsageError
from recommender.schema import LEAST_STARS, MOST_STARS
from recommender.spec import Spec

DEFAULT_LIKE_SHARE = 0.75  # of the scale: where a like begins unless the data set says otherwise
LIKED_STARS = 4.0  # of an event that is just a like
MOST_BINS = 101  # of a histogram: every step of 0 to 100


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

    def check(self, rating: Any) -> float:
        """Return a rating on the scale, or a positive weight of an event. Raises UsageError for anything else."""
        is_number = isinstance(rating, Real) and not isinstance(rating, bool)
        if is_number and (self.minimum <= rating <= self.maximum if self.has_ratings else 0 < rating < float("inf")):
            return float(rating)
        expected = f"a rating from {self.minimum:g} to {self.maximum:g}" if self.has_ratings else "a positive weight"
        raise UsageError(f"Expected {expected}, found {rating!r}.")

    @property
    def has_ratings(self) -> bool:
        """Return whether there are ratings, which have means and can be predicted."""
        return self.kind == "ratings"

    @property
    def liked(self) -> float:
        """Return the value of a like without a rating: the maximum of the scale; for events, a like's weight."""
        return self.maximum if self.has_ratings else self.like

    @property
    def bins(self) -> NDArray[np.float32]:
        """Return the lowest rating of each bin of a histogram (b,), ascending; none for events.

        Each step of the scale is a bin, unless there are more than MOST_BINS: then several share one.
        """
        width = self._steps_per_bin
        count = -(-self.positions_count // width)
        return (self.minimum + self.step * width * np.arange(count)).astype(np.float32)

    def bin(self, ratings: NDArray[Any]) -> NDArray[np.int64]:
        """Return the histogram bin of each rating: 0 for the minimum."""
        return (self.positions(ratings) - 1) // self._steps_per_bin

    def positions(self, ratings: NDArray[Any]) -> NDArray[np.int64]:
        """Return each rating's position on the scale, 1 for the minimum: whole numbers, as bundles store ratings."""
        return np.rint((np.asarray(ratings) - self.minimum) / self.step).astype(np.int64) + 1

    def at(self, positions: NDArray[Any]) -> NDArray[np.float64]:
        """Return the ratings at positions on the scale, which may be means of several."""
        return np.asarray(self.minimum - self.step + self.step * np.asarray(positions, dtype=np.float64))

    @property
    def positions_count(self) -> int:
        """Return the number of ratings on the scale; 0 for events, which have none."""
        return round((self.maximum - self.minimum) / self.step) + 1 if self.has_ratings else 0

    def stars(self, ratings: NDArray[Any]) -> NDArray[Any]:
        """Return ratings or weights in stars, as the models see them.

        Ratings are mapped linearly to LEAST_STARS to MOST_STARS. Weights of events grow by their logarithm (Hu, Koren
        and Volinsky, 2008, section 3), to LIKED_STARS at the like threshold: the tenth purchase says less than the
        second, and no scale has to be known.
        """
        if self.kind == "events":
            unit = self.like if self.like > 0 else 1.0
            return np.asarray(LIKED_STARS * np.log1p(ratings) / np.log1p(unit), dtype=np.float32)
        if self._is_in_stars:
            return ratings
        share = (np.asarray(ratings, dtype=np.float64) - self.minimum) / (self.maximum - self.minimum)
        return np.asarray(LEAST_STARS + (MOST_STARS - LEAST_STARS) * share, dtype=np.float32)

    def ratings(self, stars: NDArray[Any]) -> NDArray[Any]:
        """Return predictions in stars as ratings on the scale, which they are clipped to."""
        clipped: NDArray[Any] = np.clip(stars, LEAST_STARS, MOST_STARS)
        if self._is_in_stars:
            return clipped
        share = (clipped - LEAST_STARS) / (MOST_STARS - LEAST_STARS)
        return np.asarray(self.minimum + (self.maximum - self.minimum) * share)

    @property
    def like_stars(self) -> float:
        """Return the like threshold in stars, rounded as `stars` rounds."""
        return float(self.stars(np.array([self.like], dtype=np.float32))[0])

    @property
    def _is_in_stars(self) -> bool:
        return (self.minimum, self.maximum) == (LEAST_STARS, MOST_STARS)

    @property
    def _steps_per_bin(self) -> int:
        return max(1, -(-self.positions_count // MOST_BINS))


MOVIELENS = Feedback.scale(LEAST_STARS, MOST_STARS, 0.5)
