"""A section of docs/results.md with its figures and targets, and the study that measures them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from benchmarks.tools.figures import Figure
from training.config import Config
from training.datasets.store import ProcessedDataset
from training.evaluation.result import Evaluation
from training.evaluation.significance import Comparison
from training.evaluation.style import label
from training.models import configure
from training.pipeline.judge import judge_models
from training.progress import Progress
from training.splits.protocol import ProtocolConfig, load_protocol

TRAINING_SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Study:
    """A data set, the share of the seeds to use (1: all), and a progress callback."""

    dataset: ProcessedDataset
    size: float
    progress: Progress

    def protocol(self, name: str) -> ProtocolConfig:
        """Load a protocol with a share `size` of its seeds."""
        protocol = load_protocol(name)
        return protocol.model_copy(update={"seeds": self._some(protocol.seeds)})

    def judge(self, models: Sequence[str], protocol: str, *, trainings: int = 1) -> dict[str, Evaluation]:
        """Train and evaluate each of `models` by `protocol`; the mean over its seeds and over `trainings`."""
        configs: Mapping[str, Config] = {model: configure(model) for model in models}
        seeds = self._some(TRAINING_SEEDS[:trainings])
        return judge_models(
            configs, self.dataset, self.protocol(protocol), training_seeds=seeds, progress=self.progress
        )

    def _some(self, seeds: Sequence[int]) -> list[int]:
        return list(seeds[: max(1, ceil(len(seeds) * self.size))])


@dataclass
class Section:
    """A section of the results: Markdown lines, and figures with their targets."""

    title: str
    lines: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Add a paragraph of text."""
        self.lines += [text, ""]

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a Markdown table with the columns `head`."""
        self.lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        self.lines += ["| " + " | ".join(row) + " |" for row in rows]
        self.lines += [""]

    def judge(self, what: str, value: float, target: float, *, lower: bool = False, note: str = "") -> None:
        """Add a figure with its target, and a line that says whether it is met."""
        better: dict[bool, str] = {True: "lower", False: "higher"}
        self.figures.append(
            Figure(f"replicate: {what}", value, target, "lower" if lower else "higher", unit="", note=note)
        )
        mark = "met" if self.figures[-1].passed else "**missed**"
        self.say(f"- {what}: {value:.4f}, {better[lower]} is better, target {target:g}: {mark}.")

    def markdown(self) -> str:
        """Return the section as Markdown text."""
        return "\n".join([f"## {self.title}", "", *self.lines])


def cell(evaluation: Evaluation, metric: str) -> str:
    """Format a metric of an evaluation with its interval; a dash where it was not measured."""
    figure = next((entry for entry in evaluation.metrics if entry.name == metric), None)
    if figure is None:
        return "–"
    return f"{figure.value:.3f}" + ("" if figure.lo is None else f" [{figure.lo:.3f}, {figure.hi:.3f}]")


def ratio_cell(pair: Comparison) -> str:
    """Format the ratio of a comparison with its paired interval."""
    return f"{pair.ratio:.3f} [{pair.ratio_lo:.3f}, {pair.ratio_hi:.3f}]"


def difference_cell(pair: Comparison) -> str:
    """Format the difference of a comparison with its paired interval."""
    return f"{pair.difference:+.4f} [{pair.difference_lo:+.4f}, {pair.difference_hi:+.4f}]"


def heads(metrics: Sequence[str]) -> list[str]:
    """Return the column titles of metrics."""
    return [label(metric) for metric in metrics]


def seeds_text(protocol: ProtocolConfig) -> str:
    """Return in words over which seeds a figure is averaged."""
    return "seed " + str(protocol.seeds[0]) if len(protocol.seeds) == 1 else f"mean over seeds {protocol.seeds}"
