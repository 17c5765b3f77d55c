"""Figures that others published, read from published.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from training.config import read_mapping


@dataclass(frozen=True)
class PublishedTable:
    """A published table: protocol, source, and figures by model and by the name of our metric."""

    protocol: str
    source: str
    rows: Mapping[str, Mapping[str, float]]


MS_ITEM75, CV5, LASTFM = (
    PublishedTable(
        table["protocol"],
        table["source"],
        {model: dict(zip(table["columns"], values, strict=True)) for model, values in table["rows"].items()},
    )
    for table in read_mapping(Path(__file__).with_suffix(".yaml")).values()
)
BEST_PUBLISHED = "BiVAE"  # of MS_ITEM75
