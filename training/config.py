"""Typed configuration files: every key is known, typed and documented where it is used; anything else is an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """Base of every configuration section: immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


C = TypeVar("C", bound=Config)


def load_config(path: Path, kind: type[C], overrides: Sequence[str] = ()) -> C:
    """The file at `path` as a `kind`; `overrides` are `key=value` or `section.key=value`, values in YAML.

    Raises MissingInputError or UsageError, which names the file, the key and the keys that exist.
    """
    return build_config(override(read_mapping(path), overrides), kind, path.name)


def read_mapping(path: Path) -> dict[str, Any]:
    """The YAML mapping at `path`; an empty file is an empty mapping."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingInputError(f"Expected a configuration file at {path}; it is not there.") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(raw, dict | None):
        raise UsageError(f"Expected keys and values in {path}, found {type(raw).__name__}.")
    return raw or {}


def override(raw: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """`raw` with each `key=value` or `section.key=value` put in place."""
    result = dict(raw)
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"Expected key=value, found {text!r}.")
        result = merge(result, _nested(key.split("."), yaml.safe_load(value)))
    return result


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` on top, section by section."""
    merged = dict(base)
    for key, value in changes.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def build_config(raw: Mapping[str, Any], kind: type[C], source: str) -> C:
    """`raw` as a `kind`. Raises UsageError that names `source`, the wrong keys and the known ones."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise UsageError("; ".join(_explain(each, kind, source) for each in error.errors())) from error


def _nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    return {keys[0]: value if len(keys) == 1 else _nested(keys[1:], value)}


def _explain(error: Any, kind: type[Config], source: str) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{source}: unknown key {key!r}; known keys: {', '.join(_known_keys(kind, error['loc'][:-1]))}"
    return f"{source}: {key}: {error['msg']}, found {error['input']!r}"


def _known_keys(kind: type[Config], section: Sequence[Any]) -> list[str]:
    """Keys of the section of `kind` that `section` leads to."""
    fields: Any = kind
    for part in section:
        annotation = fields.model_fields[part].annotation if part in fields.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, Config)):
            break
        fields = annotation
    return sorted(fields.model_fields)
