"""Answers of /events and /experiment: what people did with lists, and what that says of two versions."""

from __future__ import annotations

from pydantic import Field

from client.answers.base import Answer, ModelIdentity


class FieldFault(Answer):
    """What is wrong with one field of an event."""

    parameter: str | None = Field(examples=["rating"])
    message: str = Field(examples=["Input should be less than or equal to 5"])


class RejectedEvent(Answer):
    """An event that was not kept."""

    index: int = Field(description="its place among those that were sent, from 0", examples=[3])
    errors: list[FieldFault]


class EventsKept(Answer):
    """The answer of POST /events: what it counts as accepted is on the disk."""

    accepted: int = Field(description="events that are on the disk", examples=[3])
    new: int = Field(description="of them, those that were not there before", examples=[2])
    rejected: list[RejectedEvent]


class EventsErased(Answer):
    """The answer of DELETE /events."""

    removed: int = Field(description="events that were erased", examples=[17])


class ExperimentRules(Answer):
    """What must hold in an experiment."""

    error: float = Field(description="chance of any false alarm, over all looks and checks", examples=[0.05])
    margin: float = Field(description="share of the champion's value that may be lost at most", examples=[0.05])
    least_visitors: int = Field(description="of each arm, or lists with a winner, before bounds", examples=[100])
    least_successes: float = Field(description="successes expected of each arm before bounds count", examples=[10])
    least_coverage: float = Field(description="items shown, as a share of the champion's", examples=[0.8])


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
    rules: ExperimentRules
    ended_at: float | None = Field(examples=[None])
    ended_because: str = Field(examples=[""])


class ExperimentLook(Answer):
    """Bounds at one time, which hold at all times together."""

    time: float = Field(description="seconds since 1970", examples=[1.7e9])
    champion: float = Field(description="visitors whose window is over; woven lists that it won", examples=[981])
    challenger: float = Field(examples=[1012])
    value: float = Field(description="gain of the challenger; its share of woven lists with a winner", examples=[0.01])
    lower: float | None = Field(description="none while there are too few visitors", examples=[-0.01])
    upper: float | None = Field(examples=[0.03])


class ExperimentCheck(Answer):
    """A guardrail and the two sides that it compares.

    Visitors for sample_ratio; shares of answers for errors and slow_answers; shares of a visitor's lists, or numbers of
    woven lists, for dislikes; different items for coverage.
    """

    holds: bool = Field(examples=[True])
    champion: float = Field(examples=[981])
    challenger: float = Field(examples=[1012])


class ExperimentState(Answer):
    """An experiment and what is known of it."""

    settings: ExperimentSettings
    state: str = Field(description="running, better, not worse, undecided or refuse", examples=["running"])
    reasons: list[str] = Field(examples=[["the minimum duration is not over"]])
    champion_value: float | None = Field(description="mean over its visitors; none of woven lists", examples=[0.21])
    lists: int = Field(examples=[4711])
    ties: int = Field(description="woven lists that nobody won", examples=[0])
    days: float = Field(examples=[3.5])
    checks: dict[str, ExperimentCheck] = Field(
        description="by name: sample_ratio, errors, slow_answers, dislikes, coverage; of woven lists the last two",
        examples=[{"sample_ratio": {"holds": True, "champion": 981, "challenger": 1012}}],
    )
    looks: list[ExperimentLook] = Field(description="at most 60, oldest first")


class DriftFigures(Answer):
    """The latest events against the training data of the served version; none where there is nothing to compare."""

    unknown_items: float | None = Field(description="share of used items that it does not know", examples=[0.02])
    subjects: float | None = Field(
        description="distance of the popularity of films asked about, 0 to 1", examples=[0.12]
    )
    ratings: float | None = Field(description="distance of the spread of ratings, 0 to 1", examples=[0.08])
    coverage: float = Field(description="share of the catalogue that was shown", examples=[0.41])
    model_age_seconds: float = Field(examples=[86400.0])


class ExperimentAnswer(Answer):
    """The experiment that was started last, and drift."""

    model: ModelIdentity
    taken_at: float = Field(description="seconds since 1970", examples=[1.7e9])
    experiment: ExperimentState | None = Field(description="none before the first")
    drift: DriftFigures | None = Field(description="none while no version is served")
