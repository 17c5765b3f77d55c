"""Training runs in MLflow: parameters, figures of every protocol, pictures, and each bundle as a registered version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from recommender.bundle import BUNDLE, Manifest, Metric, load_arrays, read_manifest, save_bundle
from recommender.files import scratch_directory
from training.evaluation.difference import SHOWN, Agreement
from training.evaluation.result import Evaluation
from training.pipeline.checkpoints import Workspace
from training.pipeline.figures import draw, own_figures
from training.pipeline.plan import Plan
from training.progress import Progress
from training.registry import Run, Tracker, Version, run_tags, version_tags
from training.registry.evaluations import log_evaluation


@dataclass(frozen=True)
class Trained:
    """A registered version."""

    algorithm: str
    version: int
    run_id: str
    metrics: list[Metric]


@dataclass(frozen=True)
class Results:
    """What a training made, by algorithm."""

    evaluations: Mapping[str, Mapping[str, Evaluation]]  # algorithm -> protocol
    bundles: Mapping[str, Path]  # refitted, without metrics
    agreements: Mapping[str, Agreement]  # of the refitted with the evaluated model


def record_all(
    plan: Plan, results: Results, workspace: Workspace, tracker: Tracker, progress: Progress
) -> list[Trained]:
    """Log each model in a run of its own and register its bundle, unless this training has done so already."""
    figures = workspace.stage_directory("figures", lambda path: draw(plan, results.evaluations, path))
    trained = []
    for done, name in enumerate(results.bundles, start=1):
        trained.append(_record(plan, results, name, figures, workspace, tracker))
        progress("registering", done / len(results.bundles))
    return trained


def _record(plan: Plan, results: Results, name: str, figures: Path, workspace: Workspace, tracker: Tracker) -> Trained:
    manifest = read_manifest(results.bundles[name])
    tags = _tags(plan, workspace, manifest)
    version = _registered(tracker, tags)
    evaluations = results.evaluations[name]
    metrics = [metric for evaluation in evaluations.values() for metric in evaluation.metrics]
    if version is None:
        with tracker.run(plan.dataset.name, name, {**run_tags(manifest), **tags}) as run:
            stamped = [metric.model_copy(update={"run_id": run.run_id}) for metric in metrics]
            with scratch_directory(workspace.directory) as scratch:
                final = _with_metrics(results.bundles[name], stamped, scratch / BUNDLE)
                model_id = run.log_bundle(final)
                _log(run, model_id, read_manifest(final), plan, results.agreements[name])
                _log_figures(run, figures, final, workspace.stage_json(f"curves/{name}", dict))
            for evaluation in evaluations.values():
                log_evaluation(tracker, run.run_id, evaluation)
            version = run.register(model_id, tags)
    return Trained(name, version.number, version.run_id, metrics)


def _tags(plan: Plan, workspace: Workspace, manifest: Manifest) -> dict[str, str]:
    return {
        **version_tags(manifest),
        "seed": str(plan.seed),
        "trainings": str(plan.trainings),
        "protocols": ",".join(protocol.name for protocol in plan.protocols),
        "people_protocol": plan.people.name,
        "titles_protocol": plan.titles.name,
        "judging_key": plan.judging_key,
        "training": workspace.name,
        "training_key": plan.key,
    }


def _registered(tracker: Tracker, tags: Mapping[str, str]) -> Version | None:
    wanted = {key: tags[key] for key in ("training", "algorithm")}.items()
    return next((version for version in tracker.versions() if wanted <= version.tags.items()), None)


def _with_metrics(bundle: Path, metrics: list[Metric], copy: Path) -> Path:
    """Save a copy of the bundle whose manifest carries `metrics`; return where it is."""
    manifest = read_manifest(bundle)
    save_bundle(copy, manifest.model_copy(update={"metrics": metrics}), load_arrays(bundle, manifest))
    return copy


def _log(run: Run, model_id: str, manifest: Manifest, plan: Plan, agreement: Agreement) -> None:
    run.log_parameters({**manifest.parameters, "seed": plan.seed, "trainings": plan.trainings})
    run.log_dataset(manifest)
    refitted = {f"{of}_overlap_at_{SHOWN}": value for of, value in asdict(agreement).items()}
    overlaps = [Metric(protocol="refit", name=name, value=value) for name, value in refitted.items()]
    run.log_metrics([*manifest.metrics, *overlaps], model_id)


def _log_figures(run: Run, shared: Path, bundle: Path, curves: Mapping[str, list[float]]) -> None:
    for file in sorted(shared.iterdir()):
        run.log_file(file, "figures")
    for name, figure in own_figures(bundle, curves).items():
        run.log_figure(name, figure)
    for quantity, values in curves.items():
        run.log_curve(quantity, values)
