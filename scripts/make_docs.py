"""Build the site: gather docs/ and what the code says of itself, execute the guides, run Zensical, check the result.

`python -m scripts.make_docs [--quick]` writes var/docs, what Zensical reads, and site/. `--quick` executes neither the
notebook nor the guide to own data. Links to files of the repository that are not in the site become plain text.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from typer.cli import get_docs_for_click

import movierec
import movierec.models
from movierec.cli.main import MOUNTS
from recommender.files import marked_directory
from scripts.check_site import cut_networks, faults
from scripts.configuration_tables import configuration_page

ROOT = Path(__file__).parents[1]
DOCS, GATHERED, SITE = ROOT / "docs", ROOT / "var" / "docs", ROOT / "site"
# Documents that lie elsewhere because people look for them there.
ELSEWHERE = {
    "data/README.md": "data.md",
    "benchmarks/RESULTS.md": "benchmarks.md",
    "examples/bpr/README.md": "example-bpr.md",
    "CONTRIBUTING.md": "contributing.md",
}
NOTEBOOK = "docs/first-steps.ipynb"
PROGRAMS = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STYLE = re.compile(r"\x1b\[[0-9;]*m")  # of a terminal: the kernel asks commands for it
_EXAMPLE = re.compile(r"^Example: (.*)$", re.MULTILINE)
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)")


def main(*, quick: bool) -> None:
    """Gather, generate, execute, build and check."""
    with marked_directory(GATHERED, "docs") as target:
        gather(target)
        (target / "reference-commands.md").write_text("\n".join(commands_page()))
        (target / "reference-configuration.md").write_text(configuration_page())
        (target / "reference-python.md").write_text("\n".join(python_page()))
        notebook(target, execute=not quick)
    if not quick:
        run_guide(DOCS / "own-data.md")
    subprocess.run([Path(sys.executable).with_name("zensical"), "build", "--clean", "--strict"], cwd=ROOT, check=True)
    cut_networks(SITE)
    if wrong := list(faults(SITE)):
        sys.exit("\n".join(wrong))


def gather(target: Path) -> None:
    """Copy the documents and their pictures, with their links as they are in the site."""
    shutil.copytree(DOCS / "pictures", target / "pictures")
    shutil.copy(DOCS / "site.css", target)
    for source in (*DOCS.glob("*.md"), *(ROOT / path for path in ELSEWHERE)):
        name = ELSEWHERE.get(source.relative_to(ROOT).as_posix(), source.name)
        (target / name).write_text(relink(source.read_text(), source.parent))


def relink(text: str, folder: Path) -> str:
    """Return a document of `folder` with its links rewritten for the site."""

    def replace(match: re.Match[str]) -> str:
        mark, label, address, anchor = match[1], match[2], match[3], match[4] or ""
        if not address or "://" in address or address.startswith("mailto:"):
            return match[0]
        path = (folder / address).resolve().relative_to(ROOT).as_posix()
        if path == NOTEBOOK:
            return f"{mark}[{label}]({Path(path).stem}.md{anchor})"
        if path in ELSEWHERE or path.startswith("docs/"):
            return f"{mark}[{label}]({ELSEWHERE.get(path, path.removeprefix('docs/'))}{anchor})"
        return label if "`" in label else f"{label} (`{path}`)"

    return _LINK.sub(replace, text)


def commands_page() -> Iterator[str]:
    """Yield the page of commands, each with its options and its example."""
    yield "# Commands"
    yield "\nEvery command has `--help`. Exit codes: 0 fine, 1 a failure, 2 wrong usage or missing input, 3 refused"
    yield "by a gate or a lost race.\n"
    for name, mount in MOUNTS.items():
        command = mount.load(name)
        page = get_docs_for_click(obj=command, ctx=click.Context(command), name=name, indent=1, call_prefix="movierec")
        yield _EXAMPLE.sub(r"```sh\n\1\n```", page)


def python_page() -> Iterator[str]:
    """Yield the lines of the page of the Python API: each public name with its signature and docstring."""
    yield "# Python, call by call\n\n[Python API](python.md) has the same with examples."
    yield "\n## `movierec`"
    yield from python_names(f"{getattr(movierec, name).__module__}.{name}" for name in movierec.__all__)
    yield "\n## `movierec.models`\n\nWhat a model of one's own is made of. `Field` is pydantic's."
    own = {name: getattr(movierec.models, name) for name in movierec.models.__all__ if name != "Field"}
    modules = {name: "training.progress" if name == "Progress" else kind.__module__ for name, kind in own.items()}
    yield from python_names(f"{module}.{name}" for name, module in modules.items())
    yield "\n## Data and errors"
    yield from python_names(["training.datasets.dataset.ProcessedDataset", "recommender.errors"])
    yield "\n## `client`\n\nA typed client of the HTTP API."
    yield from python_names(["client.client.Transport", "client.client.Api", "client.answers", "client.errors"])


def python_names(paths: Iterable[str]) -> Iterator[str]:
    """Yield the directives that document objects."""
    for path in paths:
        yield f"\n::: {path}\n    options: {{heading_level: 3}}"


def notebook(target: Path, *, execute: bool) -> None:
    """Turn the notebook of the first steps into a page, with what it prints and draws."""
    words = ("nbconvert", "--to", "markdown", "--output-dir", target, "--log-level", "WARN")
    timeouts = ("--ExecutePreprocessor.timeout=600", "--ExecutePreprocessor.startup_timeout=300")
    run = ("--execute", *timeouts) if execute else ()
    with tempfile.TemporaryDirectory() as home:
        variables = guide_environment() | {"MOVIEREC_HOME": home}
        command = [sys.executable, "-m", *words, *run, ROOT / NOTEBOOK]
        subprocess.run(command, cwd=ROOT, env=variables, check=True)
    page = target / Path(NOTEBOOK).with_suffix(".md").name
    page.write_text(_STYLE.sub("", page.read_text()))


def guide_environment() -> dict[str, str]:
    """Return the environment of a reader who has this environment's `movierec` and set nothing."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "MOVIEREC"))}
    return variables | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"}


def run_guide(guide: Path) -> None:
    """Run each block of a guide marked `sh` or `python` in one directory, empty at first, with this `movierec`.

    Exits with the output of the first that fails.
    """
    with tempfile.TemporaryDirectory() as directory:
        for language, block in _BLOCK.findall(guide.read_text()):
            start = time.monotonic()
            command = [*PROGRAMS[language], block]
            done = subprocess.run(
                command, cwd=directory, env=guide_environment(), capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(f"{guide} does not run:\n{block}\n{done.stdout}{done.stderr}")
            sys.stdout.write(f"{time.monotonic() - start:6.1f} s  {block.splitlines()[0][:100]}\n")


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
