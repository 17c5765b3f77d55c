"""Training runs in MLflow: parameters, metrics of every protocol, figures, and each bundle as a registered version."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from recommender.bundle import BUNDLE, MANIFEST, Manifest, Metric, read_manifest
from recommender.files import scratch_directory
from training.evaluation.difference import SHOWN
from training.evaluation.result import Evaluation
from training.pipeline.checkpoints import Workspace
from training.pipeline.figures import draw, save_model_figures
from training.pipeline.plan import Plan
from training.pipeline.stages import Evaluations, Refitted
from training.progress import Progress
from training.registry import Run, Tracker, Version, run_tags, version_tags
from training.registry.evaluations import log_evaluation

FIGURES = "figures"  # folder of a run's artifacts


@dataclass(frozen=True)
class Trained:
    """A registered version."""

    algorithm: str
    version: int
    run_id: str
    metrics: list[Metric]


@dataclass(frozen=True)
class Recorder:
    """Logs the models of one training and registers them, unless the same training has done so already."""

    plan: Plan
    workspace: Workspace
    tracker: Tracker
    progress: Progress

    def draw(self, evaluations: Evaluations) -> Path:
        """Draw the figures that compare the models of this training, and return their directory."""
        return self.workspace.stage_directory(FIGURES, lambda path: draw(self.plan, evaluations, path))

    def record_all(self, evaluations: Evaluations, refitted: Mapping[str, Refitted], figures: Path) -> list[Trained]:
        """Log each model in a run of its own and register its bundle, in the order of `refitted`.

        `figures`: what `draw` returned, logged with every run.
        """
        trained = []
        for done, name in enumerate(refitted, start=1):
            trained.append(self._record(refitted[name], evaluations[name], figures))
            self.progress("registering", done / len(refitted))
        return trained

    def _record(self, refitted: Refitted, evaluations: Mapping[str, Evaluation], figures: Path) -> Trained:
        manifest = read_manifest(refitted.bundle)
        metrics = [metric for evaluation in evaluations.values() for metric in evaluation.metrics]
        tags = self._tags(manifest)
        version = self._registered(tags)
        if version is None:
            run_name = manifest.algorithm
            with self.tracker.run(self.plan.dataset.name, run_name, {**run_tags(manifest), **tags}) as run:
                model_id = self._log_model(run, refitted, metrics)
                self._log_files(run, refitted.bundle, evaluations, figures)
                version = run.register(model_id, tags)
        return Trained(manifest.algorithm, version.number, version.run_id, metrics)

    def _tags(self, manifest: Manifest) -> dict[str, str]:
        plan = self.plan
        return {
            **version_tags(manifest),
            "seed": str(plan.seed),
            "trainings": str(plan.trainings),
            "protocols": ",".join(protocol.name for protocol in plan.protocols),
            "people_protocol": plan.people.name,
            "titles_protocol": plan.titles.name,
            "protocols_left_out": "; ".join(f"{name}: {reason}" for name, reason in plan.left_out.items()),
            "judging_key": plan.judging_key,
            "training": self.workspace.name,
            "training_key": plan.key,
        }

    def _registered(self, tags: Mapping[str, str]) -> Version | None:
        """Return the version that this training has registered for the algorithm, if any."""
        own = {key: tags[key] for key in ("training", "algorithm")}.items()
        return next((version for version in self.tracker.versions() if own <= version.tags.items()), None)

    def _log_model(self, run: Run, refitted: Refitted, metrics: list[Metric]) -> str:
        """Log the bundle with its metrics, parameters and data set; return the id of the logged model."""
        stamped = [metric.model_copy(update={"run_id": run.run_id}) for metric in metrics]
        with scratch_directory(self.workspace.directory) as scratch:
            final = _with_metrics(refitted.bundle, stamped, scratch / BUNDLE)
            model_id = run.log_bundle(final)
            manifest = read_manifest(final)
        run.log_parameters({**manifest.parameters, "seed": self.plan.seed, "trainings": self.plan.trainings})
        run.log_dataset(manifest)
        overlaps = {f"{of}_overlap_at_{SHOWN}": share for of, share in asdict(refitted.agreement).items()}
        refit = [Metric(protocol="refit", name=name, value=share) for name, share in overlaps.items()]
        run.log_metrics([*stamped, *refit], model_id)
        return model_id

    def _log_files(self, run: Run, bundle: Path, evaluations: Mapping[str, Evaluation], figures: Path) -> None:
        """Log the figures, the learning curve and the evaluations of one model."""
        curves = self.workspace.stage_json(f"curves/{read_manifest(bundle).algorithm}", dict)
        run.log_directory(figures, FIGURES)
        with scratch_directory(self.workspace.directory) as scratch:
            save_model_figures(bundle, curves, scratch)
            run.log_directory(scratch, FIGURES)
        for evaluation in evaluations.values():
            log_evaluation(self.tracker, run.run_id, evaluation)
        for quantity, values in curves.items():
            run.log_curve(quantity, values)


def _with_metrics(bundle: Path, metrics: list[Metric], copy: Path) -> Path:
    """Make a copy of the bundle whose manifest carries `metrics`, and return its path.

    It lives until MLflow has its own copy: nothing is hashed or synced again.
    """
    manifest = read_manifest(bundle).model_copy(update={"metrics": metrics})
    shutil.copytree(bundle, copy, ignore=shutil.ignore_patterns(MANIFEST))
    (copy / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return copy
