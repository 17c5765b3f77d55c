"""The base class of everything in a bundle's manifest."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """Base class of everything in a manifest: immutable; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
