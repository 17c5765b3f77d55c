"""Typed configuration files: every key is declared, typed and documented; unknown keys are errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from recommender.errors import MissingInputError, UsageError


def shipped(inside: str, checkout: str) -> Path:
    """Return a directory of data files: `inside` this package where it was installed, `checkout` in a repository."""
    installed = Path(__file__).parent / inside
    return installed if installed.is_dir() else Path(__file__).parents[1] / checkout


CONFIG_ROOT = shipped("configs", "configs")


def require_checkout(option: str) -> None:
    """Raise UsageError where the configuration files are those of an installed package, which nobody should edit."""
    if CONFIG_ROOT.parent == Path(__file__).parent:
        raise UsageError(
            f"{option} changes files in configs/ and needs a checkout of the repository. Leave it out, and give the "
            "parameters to `movierec train` with --set."
        )


class Config(BaseModel):
    """Base class of configuration sections: immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


C = TypeVar("C", bound=Config)

_SHOWN = 200  # characters of a wrong value


def load_config(path: Path, kind: type[C], overrides: Sequence[str] = ()) -> C:
    """Read the configuration file at `path` as a `kind`, with `overrides` applied.

    `overrides`: `key=value` or `section.key=value`, values in YAML. Raises MissingInputError where there is no file,
    UsageError, which names the file, the wrong key and the existing ones.
    """
    return build_config(override(read_mapping(path), overrides), kind, path.name)


def read_mapping(path: Path) -> dict[str, Any]:
    """Read the YAML mapping at `path`; an empty file is an empty mapping. Raises MissingInputError or UsageError."""
    try:
        raw = load_yaml(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise MissingInputError(f"Expected a configuration file at {path}; it is not there.") from None
    if not isinstance(raw, dict | None):
        raise UsageError(f"Expected keys and values in {path}, found {type(raw).__name__}.")
    return raw or {}


class _Loader(yaml.SafeLoader):
    """Reads values such as 1:10:1 as text: to YAML 1.1 they are numbers to the base 60, as no one here writes them."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        tag: str = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        is_base_60 = tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float") and ":" in value
        return "tag:yaml.org,2002:str" if is_base_60 else tag


def load_yaml(text: str, source: str) -> Any:
    """Return the value that `text` holds. Raises UsageError, which names `source`, where it is no YAML."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise UsageError(f"{source} is not valid YAML: {error}") from error


def override(raw: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return a copy of `raw` with each `key=value` or `section.key=value` set. Raises UsageError for another form."""
    result = dict(raw)
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"Expected key=value, found {text!r}.")
        result = merge(result, _nested(key.split("."), load_yaml(value, text)))
    return result


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` overridden by `changes`, section by section."""
    merged = dict(base)
    for key, value in changes.items():
        section = merged.get(key)
        merged[key] = merge(section, value) if isinstance(section, Mapping) and isinstance(value, Mapping) else value
    return merged


def flatten(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the entries of a nested mapping under dotted keys: `("als.factors", 64)` of `{"als": {"factors": 64}}`."""
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def build_config(raw: Mapping[str, Any], kind: type[C], source: str) -> C:
    """Validate `raw` as a `kind`. Raises UsageError, which names `source`, the wrong keys and the known ones."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise UsageError("; ".join(_explain(problem, kind, source) for problem in error.errors())) from error


def _nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    return {keys[0]: value if len(keys) == 1 else _nested(keys[1:], value)}


def _explain(error: Any, kind: type[Config], source: str) -> str:
    key = ".".join(str(step) for step in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{source}: unknown key {key!r}; known keys: {', '.join(_known_keys(kind, error['loc'][:-1]))}"
    if error["type"] == "value_error":  # of our own validators, which say what they found
        return ": ".join(text for text in (source, key, str(error["ctx"]["error"])) if text)
    return f"{source}: {key}: {error['msg']}, found {repr(error['input'])[:_SHOWN]}"


def _known_keys(kind: type[Config], section: Sequence[Any]) -> list[str]:
    """Return the keys of the section of `kind` at the path `section`."""
    fields: Any = kind
    for step in section:
        annotation = fields.model_fields[step].annotation if step in fields.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, Config)):
            break
        fields = annotation
    return sorted(fields.model_fields)
