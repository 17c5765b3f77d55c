"""What people can type, set or call is documented, and links lead to where they say."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, get_args

import click
import numpy as np
import pytest
from pydantic import BaseModel

import movierec
import movierec.models
import webapp.settings
from movierec.cli.main import MOUNTS
from online.drift import Drift
from scripts.check_site import faults
from scripts.configuration_tables import FILES, MODELS, SPLITS, keys, variable
from serving.api.app import create_app
from serving.settings import Settings
from serving.versions.model_store import ModelStore
from tests.training.small import small_dataset
from training.config import Config
from training.splits import protocol

ROOT = Path(__file__).parents[1]
SHIPPED = ("client", "recommender", "training", "serving", "webapp", "movierec")
PAGES = [
    *ROOT.glob("docs/*.md"),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "data" / "README.md",
    ROOT / "examples" / "bpr" / "README.md",
]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s#:]*)#([^)\s]+)\)")


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if below_it := getattr(command, "commands", None):  # typer's groups are none of click's
        for name, below in below_it.items():
            yield from leaves(below, f"{path} {name}")
    else:
        yield path, command


@pytest.mark.parametrize("name", MOUNTS)
def test_every_option_of_a_command_says_what_it_does(name: str) -> None:
    for path, command in leaves(MOUNTS[name].load(name), name):
        silent = [parameter.name for parameter in command.params if not getattr(parameter, "help", None)]
        assert not silent, f"{path}: {silent}"
        assert "Example: " in f"{command.help}{command.epilog}", path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_can_be_typed(page: Path) -> None:
    blocks = re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line.lstrip("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    for line in lines:
        if line.startswith("movierec "):
            parse(line, shlex.split(line.removesuffix("&"), comments=True)[1:])


def parse(line: str, words: list[str]) -> None:
    assert words[0] in MOUNTS or words[0].startswith("--"), line
    if words[0] not in MOUNTS:
        return
    command: click.Command = MOUNTS[words[0]].load(words[0])
    arguments = words[1:]
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        command, arguments = command.commands[arguments[0]], arguments[1:]
    try:
        command.make_parser(click.Context(command)).parse_args(arguments)
    except click.UsageError as error:
        pytest.fail(f"{line}: {error.format_message()}")


@pytest.mark.parametrize("kind", [*FILES.values(), *SPLITS.values(), *MODELS.values()], ids=lambda kind: kind.__name__)
def test_every_key_of_a_configuration_says_what_it_means(kind: type[BaseModel]) -> None:
    silent = [name for name, field in keys(kind) if not field.description]
    assert not silent


def test_the_page_of_configuration_leaves_no_model_out() -> None:
    shown = [kind for top in (*FILES.values(), *SPLITS.values(), *MODELS.values()) for kind in models(top)]
    bases = {base for kind in shown for base in kind.__mro__}
    ours = [kind for kind in subclasses(Config) if kind.__module__.startswith("training.")]
    assert not [kind for kind in ours if kind not in bases]


def models(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield kind
    annotations = [field.annotation for _, field in keys(kind)]
    yield from (below for below in annotations if isinstance(below, type) and issubclass(below, BaseModel))


def subclasses(kind: type[Config]) -> Iterator[type[Config]]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


def test_every_setting_is_on_the_page_of_operations() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert not [name for name in map(variable, Settings.model_fields) if f"`{name}`" not in page]


def test_every_setting_of_the_web_page_is_on_its_page() -> None:
    page = (ROOT / "docs" / "webapp.md").read_text()
    assert not [name for name in map(variable, webapp.settings.Settings.model_fields) if f"`{name}`" not in page]


def test_every_variable_that_the_code_reads_is_on_a_page() -> None:
    pages = "".join(page.read_text() for page in PAGES)
    sources = [path.read_text() for folder in SHIPPED for path in (ROOT / folder).rglob("*.py")]
    variables = {name for source in sources for name in re.findall(r"\"(MOVIEREC_[A-Z_]+)\"", source)}
    assert variables >= {"MOVIEREC_HOME", "MOVIEREC_MIRROR"}
    assert not [name for name in variables if f"`{name}`" not in pages and name != "MOVIEREC_TRACKING_URI"]


def test_every_metric_of_a_protocol_is_on_the_page_of_evaluation() -> None:
    page = (ROOT / "docs" / "evaluation.md").read_text()
    kinds = [kind for name, kind in vars(protocol).items() if name.endswith("Metric")]
    names = [name for kind in kinds for name in get_args(kind)]
    assert "ndcg" in names
    assert not [name for name in names if not re.search(rf"^\|.*`{name}(_ndcg)?(_at_k)?`.*\|", page, re.MULTILINE)]


def test_every_protocol_and_kind_of_split_is_on_the_pages() -> None:
    page = (ROOT / "docs" / "evaluation.md").read_text()
    assert not [name for name in protocol.protocol_names() if f"| `{name}` |" not in page]
    assert set(SPLITS.values()) == {*get_args(protocol.CutSplit), protocol.FilesSplit}


def test_every_figure_for_monitoring_is_on_the_page_of_operations() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    sources = "".join(path.read_text() for path in (ROOT / "serving").rglob("*.py"))
    names = set(re.findall(r"\"(movierec_[a-z_]+)\"", sources)) | {
        f"movierec_drift_{name}" for name in Drift.model_fields
    }
    assert "movierec_request" in names
    assert not [
        name for name in names if not re.search(rf"`[^`]*\b{name}(s_total|_seconds|_total|_bucket)?\b[^`]*`", page)
    ]


@pytest.mark.parametrize("module", [movierec, movierec.models], ids=lambda module: module.__name__)
def test_every_public_name_says_what_it_is(module: ModuleType) -> None:
    for name in set(module.__all__) - {"Field", "Progress"}:  # pydantic's, and a type alias
        public = getattr(module, name)
        members = vars(public).items() if isinstance(public, type) else ()
        methods = [member for key, member in members if not key.startswith("_") and is_documented_kind(member)]
        silent = [str(part) for part in (public, *methods) if not getattr(part, "__doc__", None)]
        assert not silent, name


def is_documented_kind(member: object) -> bool:
    return isinstance(member, FunctionType | property | classmethod | cached_property)


def test_every_address_is_on_the_page_of_the_api(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    api = create_app(Settings(events=True, store_dir=tmp_path), ModelStore(tmp_path)).api
    assert not [path for path in api.openapi()["paths"] if not re.search(rf"{re.escape(path)}(?![\w/{{])", page)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_to_a_heading_finds_it(page: Path) -> None:
    for address, anchor in _LINK.findall(page.read_text()):
        target = (page.parent / address) if address else page
        if target.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, f"{address}#{anchor}"


def test_the_code_of_the_page_on_own_models_is_the_example() -> None:
    example = (ROOT / "examples" / "bpr" / "movierec_bpr.py").read_text()
    blocks = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "docs" / "own-model.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 4
    (neighbours,) = (block for block in blocks if block not in example)
    names: dict[str, Any] = {"mv": movierec.models, "np": np}
    exec(textwrap.dedent(neighbours), names)
    mine = type(
        "Mine",
        (),
        {
            "name": "mine",
            "config_type": movierec.models.Config,
            "about": movierec.models.About(label="Mine", sentence="Liked by the same people.", share="people"),
            "seeded": False,
            "uses_ratings": True,
            "fit": names["fit"],
            "__init__": lambda self, config: setattr(self, "config", config),
        },
    )
    assert len(movierec.fit(mine, small_dataset()).recommend(ratings={"Film 2": 5.0}, n=3)) == 3


def test_the_check_of_the_site_sees_each_kind_of_fault(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("@import url(https://fonts.example/f.css);")
    (tmp_path / "script.js").write_text('load("https://unpkg.com/mermaid@12")')
    (tmp_path / "other.html").write_text('<script src="//cdn.example/x.js"></script><img src="script.js">')
    (tmp_path / "index.html").write_text('<a href="https://grouplens.org">fine</a><img src="gone.png">')
    assert sorted(faults(tmp_path)) == [
        "index.html loads gone.png, which is not there",
        "other.html loads //cdn.example/x.js",
        "script.js names a content network",
        "style.css loads https://fonts.example/f.css",
    ]


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
