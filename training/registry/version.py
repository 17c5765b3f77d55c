"""What the registry holds, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlflow.entities.model_registry import ModelVersion

REGISTERED_MODEL = "movielens-recommender"
CHAMPION, CHALLENGER, REFERENCE = "champion", "challenger", "reference"
BUNDLE = "bundle"  # a version's download has artifacts/bundle/manifest.json


@dataclass(frozen=True)
class Version:
    """A registered version."""

    number: int
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    created: int  # milliseconds since 1970

    @property
    def algorithm(self) -> str:
        return self.tags.get("algorithm", "")

    @classmethod
    def of(cls, found: ModelVersion) -> Version:
        """The version as MLflow tells it."""
        aliases = tuple(sorted(found.aliases))
        return cls(int(found.version), str(found.run_id), dict(found.tags), aliases, int(found.creation_timestamp))
