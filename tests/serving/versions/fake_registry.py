"""A registry in memory, for tests that need thousands of pulls."""

from __future__ import annotations

import shutil
from pathlib import Path

from recommender.errors import RegistryUnavailableError
from serving.versions.registry import Registered


class FakeRegistry:
    """Aliases and bundles in memory."""

    def __init__(self) -> None:
        self.aliases: dict[str, Registered] = {}
        self.bundles: dict[str, Path] = {}
        self.down = False
        self.fetched: list[str] = []

    def register(self, version: str, bundle: Path, alias: str = "champion", **tags: str) -> None:
        self.bundles[version] = bundle
        self.aliases[alias] = Registered(version, f"{version:>032}", {"algorithm": "toy", "verdict": "promote", **tags})

    def aliased(self, alias: str) -> Registered | None:
        if self.down:
            raise RegistryUnavailableError("gone")
        return self.aliases.get(alias)

    def fetch(self, version: str, destination: Path) -> None:
        self.fetched.append(version)
        shutil.copytree(self.bundles[version], destination)
