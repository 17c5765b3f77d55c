"""The page of configuration: every key of every YAML file and of the service's settings, from the typed models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from serving.settings import Settings
from training.config import flatten
from training.datasets.config import DatasetConfig, ProcessingConfig
from training.datasets.synth.world import SyntheticConfig
from training.datasets.tabular.source import SourceConfig
from training.models import ENGINES, config_type, configure
from training.models.parameters import PARAMETERS
from training.pipeline.plan import TrainingConfig
from training.pipeline.space import FloatRange, IntRange
from training.promotion.gate import GateRules
from training.splits import protocol

MODELS = {name: config_type(name) for name in (*PARAMETERS, *ENGINES)}
SPLITS = {
    get_args(kind.model_fields["kind"].annotation)[0]: kind
    for name, kind in vars(protocol).items()
    if name.endswith("Split") and "kind" in getattr(kind, "model_fields", {})
}
FILES: dict[str, type[BaseModel]] = {
    "configs/training.yaml": TrainingConfig,
    "configs/gate.yaml, `default` and each of `datasets`": GateRules,
    "configs/datasets/NAME.yaml": DatasetConfig,
    "configs/datasets/processing.yaml": ProcessingConfig,
    "configs/datasets/synthetic.yaml": SyntheticConfig,
    "configs/tuning/MODEL.yaml, each parameter of `kind: int`": IntRange,
    "configs/tuning/MODEL.yaml, each parameter of `kind: float`": FloatRange,
    "configs/protocols/NAME.yaml": protocol.ProtocolConfig,
    "data/sources/NAME.yaml": SourceConfig,
}


def configuration_page() -> str:
    """Return the page as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Configuration\n"
    yield "An unknown key is an error that names the known ones. `--set key=value` changes a model's for one run.\n"
    for file, kind in FILES.items():
        yield from _section(f"`{file}`" if "," not in file else file, kind)
    yield "\n## Splits of protocols\n\nThe section `split` of a protocol; `kind` says which."
    for name, kind in SPLITS.items():
        yield from _section(f"`kind: {name}`", kind, level=3)
    yield "\n## Parameters of models, `configs/models/NAME.yaml`\n\nWith the values that come with the project."
    for name, kind in MODELS.items():
        yield from _section(f"`{name}`", kind, level=3, shipped=dict(flatten(configure(name).model_dump())))
    yield "\n## Settings of the service\n\nEnvironment variables; lists are JSON."
    yield from _table((variable(name), field) for name, field in Settings.model_fields.items())


def keys(kind: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield the dotted name of every key, those of nested models too; a key that names the model itself is left out."""
    for name, field in kind.model_fields.items():
        annotation = field.annotation
        if get_origin(annotation) is Literal and len(get_args(annotation)) == 1:
            continue
        yield f"{prefix}{name}", field
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from keys(annotation, f"{prefix}{name}.")


def variable(name: str) -> str:
    """Return the environment variable of a setting of the service."""
    return "MLFLOW_TRACKING_URI" if name == "tracking_uri" else f"MOVIEREC_{name.upper()}"


def _section(
    title: str, kind: type[BaseModel], level: int = 2, shipped: Mapping[str, Any] | None = None
) -> Iterator[str]:
    yield f"\n{'#' * level} {title}\n\n{(kind.__doc__ or '').strip()}"
    yield from _table(keys(kind), shipped)


def _table(rows: Iterable[tuple[str, FieldInfo]], shipped: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Yield a table of keys; `shipped`: the values of the file that comes with the project, in place of defaults."""
    header: tuple[str, ...] = (
        f"\n| key | type | {'default' if shipped is None else 'value'} | meaning |",
        "|---|---|---|---|",
    )
    for name, field in rows:
        yield from header
        header = ()
        value = _default(field) if shipped is None else f"`{shipped[name]}`" if name in shipped else ""
        meaning = (field.description or "").replace("|", "&#124;")
        yield f"| `{name}` | {_type(field)} | {value} | {meaning} |"


def _type(field: FieldInfo) -> str:
    shown: Any = field.annotation
    text = shown.__name__ if isinstance(shown, type) else str(shown)
    for name in ("typing.", "NoneType", "annotated_types.", "pathlib."):
        text = text.replace(name, "None" if name == "NoneType" else "")
    short = text if len(text) <= 60 else f"{text[:57]}..."
    return f"`{short.replace('|', '/')}`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    return "" if field.default_factory is not None or field.default is None else f"`{field.default}`"
