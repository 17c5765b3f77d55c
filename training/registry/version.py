"""A registered version, and the names of the registered model and its aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlflow.entities.model_registry import ModelVersion

REGISTERED_MODEL = "movielens-recommender"
REGISTERED_MODEL_DESCRIPTION = (
    "Recommends similar items, and items for users. The alias `champion` names the version that is served: "
    "`movierec promote` moves it, and the tag `verdict` says what the promotion gate found."
)
WARNING = "warning"  # tag of a run and a version that does worse than popularity: a sentence with the figures
CHAMPION, CHALLENGER, REFERENCE = "champion", "challenger", "reference"


@dataclass(frozen=True)
class Version:
    """A registered version of the model."""

    number: int
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    created: int  # milliseconds since 1970

    @property
    def algorithm(self) -> str:
        """Return the name of the algorithm that the version was trained with."""
        return self.tags.get("algorithm", "")

    @classmethod
    def from_mlflow(cls, entity: ModelVersion) -> Version:
        """Convert MLflow's record of a registered version."""
        aliases = tuple(sorted(entity.aliases))
        return cls(int(entity.version), str(entity.run_id), dict(entity.tags), aliases, int(entity.creation_timestamp))
