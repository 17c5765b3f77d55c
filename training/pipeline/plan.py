"""Plan of a training run: data, algorithms, protocols, seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from recommender.errors import DataError
from training.config import CONFIG_ROOT, Config, flatten, load_config
from training.datasets.store import ProcessedDataset
from training.models import RATING_MODELS, Overrides, configure
from training.models.needs import Size
from training.pipeline.request import ALL, check_request
from training.splits.cut import NO_TIMES, splits
from training.splits.protocol import ProtocolConfig, load_protocol


class PeopleProtocol(Config):
    """Names of the protocols that judge lists for users, on large and on small data."""

    large: str = Field(description="protocol where there are users enough")
    small: str = Field(description="protocol where there are fewer")
    least_users: int = Field(ge=1, description="test users that `large` must have")
    returns: str = Field(description="protocol that tests users who come back, beside `small`")
    without_times: str = Field(description="protocol for ratings without times")


class TitlesProtocol(Config):
    """Names of the protocols that judge similar items."""

    with_times: str = Field(description="protocol for ratings with times")
    without_times: str = Field(description="protocol for ratings without times")


class Trainings(Config):
    """Number of training seeds that each metric is averaged over."""

    large: int = Field(ge=1, description="where `people.large` judges")
    small: int = Field(ge=1, description="elsewhere")


class AgreementConfig(Config):
    """Least agreement of a refitted model with the evaluated one."""

    films: int = Field(ge=1, description="most rated films that are compared")
    people: int = Field(ge=1, description="people that are compared")
    least_for_titles: float = Field(
        ge=0, le=1, description="shared items of two lists of similar items; less is reported"
    )
    least_for_people: float = Field(ge=0, le=1, description="shared items of two lists for a user; less is reported")
    broken_below: float = Field(ge=0, le=1, description="agreement below which a bundle is refused as broken")


class TrainingConfig(Config):
    """Settings of configs/training.yaml."""

    people: PeopleProtocol = Field(description="protocols that judge lists for users")
    titles: TitlesProtocol = Field(description="protocols that judge similar items")
    trainings: Trainings = Field(description="number of training seeds that each metric is averaged over")
    choose_by: str = Field(description="metric by which the composite chooses its algorithm for users")
    agreement: AgreementConfig = Field(description="least agreement of a refitted model with the evaluated one")


@dataclass(frozen=True)
class Plan:
    """Complete specification of a training run: the same plan gives the same models."""

    dataset: ProcessedDataset
    configs: Mapping[str, Config]  # of the algorithms, in the order in which they are registered
    composite: bool
    people: ProtocolConfig  # judges lists for people
    titles: ProtocolConfig  # judges films like a film
    further: tuple[ProtocolConfig, ...]
    left_out: Mapping[str, str]  # protocol that cannot judge these data -> the reason
    settings: TrainingConfig
    seed: int
    trainings: int
    studies: Mapping[str, str] = field(default_factory=dict)  # algorithm -> the studies that chose its parameters

    @property
    def training_seeds(self) -> range:
        """Return the training seeds; the first is also the refitted model's."""
        return range(self.seed, self.seed + self.trainings)

    def changes(self, name: str, parts: Sequence[str] = ()) -> str:
        """Return the changes from the shipped configuration of an algorithm, as in "factors=32 seed=1".

        Of one composed of `parts`, of each of those: "als.factors=32".
        """
        changed = [f"{part}.{change}" for part in parts for change in self._changed(part)] or self._changed(name)
        return " ".join(changed + ([f"seed={self.seed}"] if self.seed else []))

    def _changed(self, name: str) -> list[str]:
        if name not in self.configs:
            return []
        shipped = dict(flatten(configure(name).model_dump()))
        values = flatten(self.configs[name].model_dump())
        return [f"{key}={value}" for key, value in values if shipped.get(key) != value]

    def seeds(self, protocol: ProtocolConfig) -> range:
        """Return the training seeds that a protocol averages over: all, or the first for a further protocol."""
        return self.training_seeds if protocol in (self.people, self.titles) else self.training_seeds[:1]

    @property
    def returns_tags(self) -> dict[str, str]:
        """Return name and digest of the protocol that tests users who come back; nothing where it cannot be cut."""
        for protocol in self._protocols_on_data:
            if protocol.name == self.settings.people.returns:
                return {"returns_protocol": protocol.name, "returns_key": _digest(protocol.judging)}
        return {}

    @property
    def protocols(self) -> tuple[ProtocolConfig, ...]:
        return (self.people, self.titles, *self.further)

    @property
    def _protocols_on_data(self) -> list[ProtocolConfig]:
        return [protocol.on(self.dataset.feedback) for protocol in self.protocols]

    @property
    def judging_key(self) -> str:
        """Return a digest of how models are judged; versions are comparable where it is the same.

        `returns` was added later and changes no other figure: versions judged without it stay comparable.
        """
        judges = [protocol for protocol in self._protocols_on_data if protocol.name != self.settings.people.returns]
        return _digest([self.trainings, *(protocol.judging for protocol in judges)])

    @property
    def key(self) -> str:
        """Return a digest of data, configuration and seed."""
        identity = {
            "fingerprint": self.dataset.fingerprint,
            "configs": {name: config.model_dump(mode="json") for name, config in self.configs.items()},
            "composite": self.composite,
            "protocols": [protocol.model_dump(mode="json") for protocol in self._protocols_on_data],
            "settings": self.settings.model_dump(mode="json"),
            "seed": self.seed,
        }
        return _digest(identity)


def make_plan(
    what: str, dataset: ProcessedDataset, *, seed: int = 0, overrides: Overrides = (), further: Sequence[str] = ()
) -> Plan:
    """Return the plan for one algorithm, or for `all` with `further` ones, such as models of one's own.

    `overrides` are for a single algorithm. Raises UsageError for an unknown algorithm or key.
    """
    settings = load_config(CONFIG_ROOT / "training.yaml", TrainingConfig)
    protocols = choose_protocols(dataset, settings)
    is_large = protocols.people == settings.people.large
    names = check_request(what, overrides, further)
    if what == ALL:
        names = [name for name in names if name not in left_out(dataset)]
    return Plan(
        dataset=dataset,
        configs={name: configure(name, overrides) for name in names},
        composite=what == ALL,
        people=load_protocol(protocols.people),
        titles=load_protocol(protocols.titles),
        further=tuple(map(load_protocol, protocols.further)),
        left_out=protocols.left_out,
        settings=settings,
        seed=seed,
        trainings=settings.trainings.large if is_large else settings.trainings.small,
    )


def size_of(dataset: ProcessedDataset) -> Size:
    """Return the numbers of users, items and ratings of a data set that models are fitted to."""
    return Size(len(np.unique(dataset.user_rows)), len(np.unique(dataset.movie_rows)), len(dataset.ratings))


def left_out(dataset: ProcessedDataset) -> dict[str, str]:
    """Return the algorithms that `all` leaves out on this data set, each with the reason."""
    if dataset.feedback.has_ratings:
        return {}
    return dict.fromkeys(RATING_MODELS, f"it predicts ratings, and {dataset.name} has events alone")


class Protocols(NamedTuple):
    """Names of the protocols that judge a training, and the reason for each that is left out."""

    people: str
    titles: str
    further: tuple[str, ...]
    left_out: dict[str, str]


def choose_protocols(dataset: ProcessedDataset, settings: TrainingConfig) -> Protocols:
    """Return the protocols for this data: without times those that need none, by `large` only with test users enough.

    On small data `large` and `returns` are further protocols, where they can be cut at all.
    """
    people, titles = settings.people, settings.titles
    if not dataset.has_times:
        ordered = (people.large, people.small, people.returns, titles.with_times)
        return Protocols(people.without_times, titles.without_times, (), dict.fromkeys(ordered, NO_TIMES))
    further, left_out = [], {}
    for name in (people.large, people.returns):
        try:
            split = splits(load_protocol(name), dataset, seed=0)[0]
        except DataError as error:
            left_out[name] = str(error)
            continue
        if name == people.large and len(np.unique(dataset.user_rows[split.test])) >= people.least_users:
            return Protocols(people.large, titles.with_times, (), {})
        further.append(name)
    return Protocols(people.small, titles.with_times, tuple(further), left_out)


def _digest(identity: Any) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
