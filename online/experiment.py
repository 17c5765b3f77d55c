"""An experiment between the champion and a challenger: what is compared, who takes part, and in which arm."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from online.decision import Rules
from online.recommendation_id import Arm

RECORD = "experiment.json"  # in the service's store, sealed like a pointer
Mode = Literal["ab", "interleave"]
Metric = Literal["click_rate", "watch_rate", "like_rate"]
Share = Annotated[float, Field(gt=0, lt=1)]


class Experiment(BaseModel):
    """What was decided before the first look. `ab` gives each visitor one version, `interleave` woven lists of both."""

    model_config = ConfigDict(frozen=True)

    name: str  # also what assignments are drawn from: another experiment divides visitors anew
    champion: str  # directories of the two versions in the store, which are told apart by run
    challenger: str
    mode: Mode = "ab"
    share: Share = 0.5  # of visitors: the challenger's, or those who get woven lists
    metric: Metric = "click_rate"
    started_at: float  # seconds since 1970
    window_days: Annotated[float, Field(gt=0)] = 1.0  # from a visitor's first list; then the visitor's value counts
    minimum_days: Annotated[float, Field(ge=0)] = 7.0
    planned_visitors: Annotated[int, Field(ge=2)]  # for whom bounds are narrowest
    like: float | None = None  # a rating under it is a dislike; none where people do not rate
    rules: Rules = Rules()
    ended_at: float | None = None
    ended_because: str = ""

    @property
    def is_running(self) -> bool:
        """Whether lists are still given by it."""
        return self.ended_at is None

    @property
    def window_seconds(self) -> float:
        """Seconds that a visitor is watched for."""
        return self.window_days * 86_400


def arm_of(experiment: Experiment, visitor: str) -> Arm:
    """Return a visitor's arm: the same at every call, and independent of the visitor's arm in other experiments."""
    digest = hashlib.sha256(f"{experiment.name}\0{visitor}".encode()).digest()
    is_drawn = int.from_bytes(digest[:8]) < experiment.share * 2**64
    if experiment.mode == "interleave":
        return Arm.INTERLEAVED if is_drawn else Arm.NONE
    return Arm.CHALLENGER if is_drawn else Arm.CHAMPION
