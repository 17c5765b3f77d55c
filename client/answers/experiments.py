"""The answer of /experiment."""

from __future__ import annotations

from pydantic import Field

from client.answers.base import Answer


class ExperimentSettings(Answer):
    """What was decided before the first look."""

    name: str = Field(examples=["5f1c8a02"])
    champion: str = Field(description="directory of the version in the service's store", examples=["7-0123abcd"])
    challenger: str = Field(examples=["9-4567cdef"])
    mode: str = Field(description="ab: one version a visitor; interleave: woven lists", examples=["ab"])
    share: float = Field(description="of visitors: the challenger's, or those who get woven lists", examples=[0.5])
    metric: str = Field(examples=["click_rate"])
    started_at: float = Field(description="seconds since 1970", examples=[1.7e9])
    window_days: float = Field(description="how long a visitor is watched", examples=[1.0])
    minimum_days: float = Field(examples=[7.0])
    planned_visitors: int = Field(examples=[2000])
    like: float | None = Field(description="a rating of at least this much is a like", examples=[4.0])
    ended_at: float | None = Field(examples=[None])
    ended_because: str = Field(examples=[""])


class ExperimentLook(Answer):
    """Bounds at one time, which hold at all times together."""

    time: float = Field(description="seconds since 1970", examples=[1.7e9])
    champion: float = Field(description="visitors whose window is over; woven lists that it won", examples=[981])
    challenger: float = Field(examples=[1012])
    value: float = Field(description="gain of the challenger; its share of woven lists with a winner", examples=[0.01])
    lower: float | None = Field(examples=[-0.01])
    upper: float | None = Field(examples=[0.03])


class ExperimentState(Answer):
    """An experiment and what is known of it now."""

    experiment: ExperimentSettings
    state: str = Field(description="running, better, not worse, undecided or refuse", examples=["running"])
    reasons: list[str] = Field(examples=[["the minimum duration is not over"]])
    champion_value: float | None = Field(description="mean over its visitors", examples=[0.21])
    lists: int = Field(examples=[4711])
    ties: int = Field(description="woven lists that nobody won", examples=[0])
    days: float = Field(examples=[3.5])
    checks: dict[str, bool] = Field(description="whether each is in bounds", examples=[{"sample_ratio": True}])
    looks: list[ExperimentLook]
