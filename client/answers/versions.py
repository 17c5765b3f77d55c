"""Answers about model versions: the served one in full, the registry, and the versions in the local store."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from client.answers.base import Answer, ModelIdentity, Tally


class RefusalOut(Answer):
    """A version that the puller did not take."""

    version: str = Field(examples=["4"])
    reason: str = Field(examples=["Array content holds values that are not finite."])
    at: float = Field(description="seconds since 1970", examples=[1767225600.0])


class RegistryView(Answer):
    """What the puller last saw of the registry."""

    reachable: bool = Field(examples=[True])
    checked_at: float | None = Field(description="seconds since 1970", examples=[1767225600.0])
    error: str | None = Field(examples=["The registry cannot be read: database is locked"])
    refusals: list[RefusalOut]


class Metric(Answer):
    """A measured figure with its evaluation protocol and 95 % interval, as in `ModelCard.metrics`."""

    protocol: str = Field(examples=["latest20"])
    name: str = Field(examples=["ndcg_at_10"])
    value: float = Field(examples=[0.21])
    lo: float | None = Field(None, examples=[0.2])
    hi: float | None = Field(None, examples=[0.22])


class PaperOut(Answer):
    """A paper that an algorithm follows; the page knows the other fields of some by their address."""

    url: str = Field(examples=["https://arxiv.org/abs/1205.2618"])
    year: int | None = Field(None, examples=[2009])
    family: str = Field("", description="its lane of the timeline", examples=["Implicit feedback and ranking"])
    name: str = Field("", examples=["BPR"])
    authors: str = Field("", examples=["Rendle, Freudenthaler, Gantner, Schmidt-Thieme"])
    title: str = Field("", examples=["BPR: Bayesian Personalized Ranking from Implicit Feedback"])
    venue: str = Field("", examples=["UAI"])


class AboutModel(Answer):
    """What readers are told of an algorithm."""

    label: str = Field(examples=["ALS"])
    sentence: str = Field(examples=["Matrix factorisation of who rated what."])
    share: Literal["people", "content", "other"] = Field(
        description="what its share of a score stands for", examples=["people"]
    )
    papers: tuple[PaperOut, ...] = ()


class ModelCard(Answer):
    """The served version in full."""

    model: ModelIdentity
    created: str = Field(description="ISO 8601, UTC", examples=["2026-01-01T00:00:00+00:00"])
    git_commit: str | None = Field(examples=["1a5521f"])
    dataset: dict[str, Any] = Field(examples=[{"name": "ml-100k", "fingerprint": "5f3c", "snapshot": {"users": 943}}])
    parameters: dict[str, Any] = Field(examples=[{"factors": 64}])
    metrics: list[dict[str, Any]] = Field(
        description="figures with protocol and 95 % interval",
        examples=[[{"protocol": "latest20", "name": "ndcg_at_10", "value": 0.21, "lo": 0.2, "hi": 0.22}]],
    )
    movies: Tally
    users: Tally
    registry: RegistryView
    about: dict[str, AboutModel] = Field(
        {},
        description="what readers are told of each algorithm in it, by name; left out for versions of older code",
        examples=[{"als": {"label": "ALS", "sentence": "Matrix factorisation.", "share": "people", "papers": []}}],
    )


class StoredVersion(Answer):
    """A version in the local store."""

    key: str = Field(description="its directory", examples=["3-0f6c1c2d"])
    name: str = Field(examples=["movielens-recommender"])
    version: str = Field(examples=["3"])
    run_id: str | None = Field(examples=["0f6c1c2d9a5b4f0e8d7c6b5a49382716"])
    algorithm: str = Field(examples=["recommender"])


class AdminVersions(Answer):
    """The local store as this worker sees it."""

    served: str | None = Field(description="directory of the served version", examples=["3-0f6c1c2d"])
    pointers: dict[str, str | None] = Field(examples=[{"champion": "3-0f6c1c2d", "challenger": None}])
    versions: list[StoredVersion]
    registry: RegistryView


class RegisteredVersion(Answer):
    """A version in the registry."""

    version: str = Field(examples=["3"])
    run_id: str | None = Field(examples=["0f6c1c2d9a5b4f0e8d7c6b5a49382716"])
    algorithm: str = Field(examples=["recommender"])
    dataset: str = Field(examples=["ml-100k"])
    aliases: list[str] = Field(examples=[["champion", "reference"]])
    created: float = Field(description="seconds since 1970", examples=[1767225600.0])
    verdict: str | None = Field(description="of the promotion gate; none if it was never judged", examples=["promote"])
    verdict_summary: str | None = Field(examples=["better at ndcg_at_10 on latest20"])
    figures: list[Metric] | None = Field(
        description="with 95 % intervals; none while they were not read",
        examples=[[{"protocol": "latest20", "name": "ndcg_at_10", "value": 0.21, "lo": 0.2, "hi": 0.22}]],
    )
    verdict_reason: str | None = Field(None, description="of whoever promoted it by force", examples=["a trial"])
    warning: str | None = Field(None, description="where it does worse than popularity", examples=["Worse than …"])
    sentence: str | None = Field(None, description="what its algorithm does", examples=["Matrix factorisation."])
    experiment_id: str | None = Field(None, description="of its MLflow run", examples=["1"])
    stored: str | None = Field(
        None, description="its directory in the local store, a `cursor` of lists; none if not kept", examples=["3-0f6c"]
    )


class ChampionChange(Answer):
    """A change of the champion, or an attempt that lost a race."""

    kind: Literal["promote", "rollback", "lost"]
    version: int = Field(examples=[3])
    before: int | None = Field(description="champion before; none before the first", examples=[2])
    at: str = Field(description="ISO 8601, UTC", examples=["2026-01-01T00:00:00+00:00"])
    verdict: str = Field(examples=["promote"])
    reason: str = Field("", examples=["better at once"])


class Versions(Answer):
    """The registry as the puller last saw it."""

    model: ModelIdentity
    taken_at: float = Field(description="seconds since 1970", examples=[1767225600.0])
    versions: list[RegisteredVersion] = Field(description="newest first, at most 100")
    timeline: list[ChampionChange] = Field(description="what was live, oldest first, at most 100 changes")
