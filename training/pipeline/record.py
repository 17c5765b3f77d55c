"""Training runs in MLflow: parameters, metrics of every protocol, figures, and each bundle as a registered version."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from recommender.bundle import BUNDLE, MANIFEST, Manifest, Metric, read_manifest
from recommender.files import new_directory, scratch_directory
from recommender.model import Model
from training.evaluation import plots
from training.evaluation.difference import SHOWN
from training.evaluation.result import Evaluation, save_evaluation
from training.models import COMPOSITE
from training.pipeline.checkpoints import Workspace
from training.pipeline.plan import Plan
from training.pipeline.stages import Finished
from training.progress import Clock, Progress
from training.registry import Run, Tracker, run_tags, version_tags
from training.registry.run import EVALUATIONS, INTERVALS, intervals_table
from training.registry.version import WARNING, view_tags

FIGURES = "figures"  # folder of a run's artifacts
_VIEW_COLUMNS = ("tags.`warning`",)
PEOPLE_METRICS = ("ndcg_at_10", "recall_at_20", "map_at_10", "coverage_at_10")
TITLES_METRICS = ("hit_rate_at_10", "weighted_hit_rate_at_10", "ndcg_at_10", "coverage_at_10")


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
    clock: Clock

    def record_all(self, models: Iterable[Finished], count: int) -> list[Trained]:
        """Log each of the `count` models in a run of its own and register its bundle, in the order of `models`.

        The figures that compare the models follow in every run when the last is known.
        """
        self._describe_experiment()
        trained: list[Trained] = []
        evaluations: dict[str, Mapping[str, Evaluation]] = {}
        for done, model in enumerate(models, start=1):
            with self.clock.measure("registration"):
                trained.append(self._record(model))
            evaluations[model.name] = model.evaluations
            self.progress("registering", done / count)
        with self.clock.measure("figures"):
            figures = self.workspace.stage_directory(FIGURES, lambda path: draw(self.plan, evaluations, path))
            for version in trained:
                self.tracker.log_directory(version.run_id, figures, FIGURES)
        return trained

    def _describe_experiment(self) -> None:
        """Give the experiment a view of its runs whose columns are the figures that the gate looks at."""
        people, titles = self.plan.people.name, self.plan.titles.name
        metrics = [f"{people}/ndcg_at_10", f"{people}/coverage_at_10"]
        metrics += [f"{titles}/weighted_hit_rate_at_10", f"{titles}/hit_rate_at_10", f"{people}/rmse"]
        self.tracker.tag_experiment(self.plan.dataset.name, view_tags(metrics, _VIEW_COLUMNS))

    def _description(self, manifest: Manifest, model: Finished, tags: Mapping[str, str]) -> str:
        """Return the description of a model in MLflow's UI: algorithm, data, and evaluation."""
        plan = self.plan
        changes = f" with {tags['changes']}" if tags["changes"] else ", as shipped"
        protocols = ", ".join(protocol.name for protocol in plan.protocols)
        lines = [
            f"**{model.warning}**" if model.warning else "",
            f"{manifest.algorithm}{changes}, refitted on all {len(plan.dataset.ratings):,} "
            f"{plan.dataset.feedback.kind} of {plan.dataset.name}.",
            f"Trained to predict {tags['target']}, as {plan.people.name} judges.",
            f"Judged by {protocols}; each figure of {plan.people.name} and {plan.titles.name} is the mean over "
            f"{plan.trainings} trainings where the seed matters.",
        ]
        return "\n\n".join(filter(None, lines))

    def _record(self, model: Finished) -> Trained:
        manifest = read_manifest(model.bundle)
        metrics = [metric for evaluation in model.evaluations.values() for metric in evaluation.metrics]
        tags = self._tags(manifest) | ({WARNING: model.warning} if model.warning else {})
        same = {key: tags[key] for key in ("training", "algorithm")}.items()  # what this training registered before
        version = next((version for version in self.tracker.versions() if same <= version.tags.items()), None)
        if version is None:
            run_name = f"{manifest.algorithm} {tags['changes']}".rstrip()
            description = self._description(manifest, model, tags)
            with self.tracker.run(
                self.plan.dataset.name, run_name, {**run_tags(manifest), **tags}, description=description
            ) as run:
                model_id = self._log_model(run, model, metrics)
                self._log_files(run, model, metrics)
                version = run.register(model_id, tags, description)
        return Trained(manifest.algorithm, version.number, version.run_id, metrics)

    def _tags(self, manifest: Manifest) -> dict[str, str]:
        plan, parts = self.plan, _parts(manifest)
        studies = [plan.studies[name] for name in (manifest.algorithm, *parts) if name in plan.studies]
        return {
            **version_tags(manifest),
            "changes": plan.changes(manifest.algorithm, parts),
            "seed": str(plan.seed),
            "trainings": str(plan.trainings),
            "protocols": ",".join(protocol.name for protocol in plan.protocols),
            "people_protocol": plan.people.name,
            "titles_protocol": plan.titles.name,
            **plan.returns_tags,
            "target": str(plan.people.target(plan.dataset.feedback)),
            "protocols_left_out": "; ".join(f"{name}: {reason}" for name, reason in plan.left_out.items()),
            "judging_key": plan.judging_key,
            "training": self.workspace.name,
            "training_key": plan.key,
        } | ({"study": ", ".join(studies)} if studies else {})

    def _log_model(self, run: Run, model: Finished, metrics: list[Metric]) -> str:
        """Log the bundle with its metrics, parameters and data set; return the id of the logged model."""
        stamped = [metric.model_copy(update={"run_id": run.run_id}) for metric in metrics]
        with scratch_directory(self.workspace.directory) as scratch:
            final = _with_metrics(model.bundle, stamped, scratch / BUNDLE)
            manifest = read_manifest(final)
            run.log_parameters({**manifest.parameters, "seed": self.plan.seed, "trainings": self.plan.trainings})
            model_id = run.log_bundle(final)
        run.log_dataset(manifest)
        overlaps = {f"{of}_overlap_at_{SHOWN}": share for of, share in asdict(model.agreement).items()}
        refit = [Metric(protocol="refit", name=name, value=share) for name, share in overlaps.items()]
        run.log_metrics([*stamped, *refit], model_id)
        return model_id

    def _log_files(self, run: Run, model: Finished, metrics: Sequence[Metric]) -> None:
        """Log the model's own figures, its intervals, evaluations and learning curve; all files in one call."""
        curves = self.workspace.stage_json(f"curves/{model.name}", dict)
        with scratch_directory(self.workspace.directory) as scratch:
            (scratch / FIGURES).mkdir()
            save_model_figures(model.bundle, curves, scratch / FIGURES)
            (scratch / INTERVALS).write_text(intervals_table(metrics), encoding="utf-8")
            (scratch / EVALUATIONS).mkdir()
            for evaluation in model.evaluations.values():
                save_evaluation(scratch / EVALUATIONS / f"{evaluation.protocol}.npz", evaluation)
            run.log_directory(scratch)
        for quantity, values in curves.items():
            run.log_curve(quantity, values)


def _parts(manifest: Manifest) -> list[str]:
    """Return the algorithms that a composite is composed of; none for another model."""
    if manifest.algorithm != COMPOSITE:
        return []
    return list(dict.fromkeys(role["algorithm"] for role in manifest.parameters.values()))


def _with_metrics(bundle: Path, metrics: list[Metric], copy: Path) -> Path:
    """Make a copy of the bundle whose manifest carries `metrics`, and return its path.

    It lives until MLflow has its own copy: nothing is hashed or synced again.
    """
    manifest = read_manifest(bundle).model_copy(update={"metrics": metrics})
    shutil.copytree(bundle, copy, ignore=shutil.ignore_patterns(MANIFEST))
    (copy / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return copy


def draw(plan: Plan, evaluations: Mapping[str, Mapping[str, Evaluation]], directory: Path) -> None:
    """Write the figures that compare the models of one training to `directory`; every run keeps them."""
    people = {name: by_protocol[plan.people.name] for name, by_protocol in evaluations.items()}
    titles = {name: by_protocol[plan.titles.name] for name, by_protocol in evaluations.items()}
    figures = {
        "people_metrics": plots.metric_bars(people, PEOPLE_METRICS),
        "titles_metrics": plots.metric_bars(titles, TITLES_METRICS),
        "people_accuracy_coverage_novelty": plots.accuracy_against_reach(people, "ndcg_at_10"),
        "titles_accuracy_coverage_novelty": plots.accuracy_against_reach(titles, "weighted_hit_rate_at_10"),
        "people_popularity": plots.popularity_shown(people),
        "titles_popularity": plots.popularity_shown(titles),
    }
    if any("calibration" in evaluation.arrays for evaluation in people.values()):
        figures["rating_calibration"] = plots.calibration(people, plan.dataset.feedback)
    with new_directory(directory) as fresh:
        for name, figure in figures.items():
            figure.savefig(fresh / f"{name}.png")


def save_model_figures(bundle: Path, curves: Mapping[str, list[float]], directory: Path) -> None:
    """Write the figures of one model to `directory`: films similar to well-known ones, and any learning curve."""
    model = Model.load(bundle, verify=False)
    plots.nearest_films(model, plots.well_known(model)).savefig(directory / "nearest_films.png")
    if curves:
        plots.learning_curves(curves, model.manifest.algorithm).savefig(directory / "learning_curve.png")
