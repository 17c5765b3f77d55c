"""What people can type, set or call is documented, and links lead to where they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from movierec.cli.main import MOUNTS
from scripts.configuration_tables import FILES, MODELS, SPLITS, keys, variable
from serving.api.app import create_app
from serving.settings import Settings
from serving.versions.model_store import ModelStore

ROOT = Path(__file__).parents[1]
PAGES = [
    *ROOT.glob("docs/*.md"),
    ROOT / "README.md",
    ROOT / "data" / "README.md",
    ROOT / "examples" / "bpr" / "README.md",
]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s#:]*)#([^)\s]+)\)")


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from leaves(below, f"{path} {name}")
    else:
        yield path, command


@pytest.mark.parametrize("name", MOUNTS)
def test_every_option_of_a_command_says_what_it_does(name: str) -> None:
    for path, command in leaves(MOUNTS[name].load(name), name):
        silent = [parameter.name for parameter in command.params if not getattr(parameter, "help", None)]
        assert not silent, f"{path}: {silent}"
        assert "Example: " in f"{command.help}{command.epilog}", path


@pytest.mark.parametrize("kind", [*FILES.values(), *SPLITS.values(), *MODELS.values()], ids=lambda kind: kind.__name__)
def test_every_key_of_a_configuration_says_what_it_means(kind: type[BaseModel]) -> None:
    silent = [name for name, field in keys(kind) if not field.description]
    assert not silent


def test_every_setting_is_on_the_page_of_operations() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert not [name for name in map(variable, Settings.model_fields) if f"`{name}`" not in page]


def test_every_address_is_on_the_page_of_the_api(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    api = create_app(Settings(), ModelStore(tmp_path)).api
    assert not [path for path in api.openapi()["paths"] if path not in page]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_to_a_heading_finds_it(page: Path) -> None:
    for address, anchor in _LINK.findall(page.read_text()):
        target = (page.parent / address) if address else page
        if target.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, f"{address}#{anchor}"


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
