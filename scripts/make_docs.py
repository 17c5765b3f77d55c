"""Build the site: gather docs/ and what the code says of itself, execute the first steps, and run Zensical strictly.

`python -m scripts.make_docs [--quick]` writes var/docs, what Zensical reads, and site/. `--quick` does not execute the
notebook. Links between the documents are kept; links to other files of the repository become plain text.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from movierec.cli.main import MOUNTS
from recommender.files import marked_directory
from scripts.configuration_tables import configuration_page

ROOT = Path(__file__).parents[1]
DOCS, GATHERED = ROOT / "docs", ROOT / "var" / "docs"
# Documents that lie elsewhere because people look for them there.
ELSEWHERE = {
    "data/README.md": "data.md",
    "benchmarks/RESULTS.md": "benchmarks.md",
    "examples/bpr/README.md": "example-bpr.md",
}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)")
PYTHON_PAGE = """# Python, call by call

::: movierec
"""


def main() -> None:
    """Gather, generate, execute and build."""
    with marked_directory(GATHERED, "docs") as target:
        gather(target)
        (target / "reference-commands.md").write_text("\n".join(commands_page()))
        (target / "reference-configuration.md").write_text(configuration_page())
        (target / "reference-python.md").write_text(PYTHON_PAGE)
        notebook(target, execute="--quick" not in sys.argv)
    subprocess.run([Path(sys.executable).with_name("zensical"), "build", "--clean", "--strict"], cwd=ROOT, check=True)


def gather(target: Path) -> None:
    """Copy the documents and their pictures, with their links as they are in the site."""
    shutil.copytree(DOCS / "pictures", target / "pictures")
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
        if path in ELSEWHERE or path.startswith("docs/"):
            return f"{mark}[{label}]({ELSEWHERE.get(path, path.removeprefix('docs/'))}{anchor})"
        return label if "`" in label else f"{label} (`{path}`)"

    return _LINK.sub(replace, text)


def commands_page() -> Iterator[str]:
    """Yield the lines of the page of commands: each with its options and its example."""
    yield "# Commands"
    yield "\nEvery command has `--help`. Exit codes: 0 fine, 1 a failure, 2 wrong usage or missing input, 3 refused"
    yield "by a gate or a lost race."
    for name, mount in MOUNTS.items():
        yield from command_lines(mount.load(name), f"movierec {name}")


def command_lines(command: click.Command, path: str) -> Iterator[str]:
    """Yield the lines of a command and of those below it."""
    meaning, _, example = f"{command.help or ''}\n\n{command.epilog or ''}".partition("Example: ")
    yield f"\n## `{path}`\n\n{meaning.strip()}\n"
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from command_lines(below, f"{path} {name}")
        return
    rows = [option_row(parameter) for parameter in command.params]
    if rows:
        yield from ("| option | meaning | default |", "|---|---|---|", *rows)
    if example:
        yield f"\n```sh\n{' '.join(example.split())}\n```"


def option_row(parameter: click.Parameter) -> str:
    """Return the table row of an option or argument."""
    names = " ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    default = "" if parameter.default is None or callable(parameter.default) else f"`{parameter.default}`"
    meaning = (getattr(parameter, "help", None) or "").replace("|", "\\|")
    return f"| {names} | {meaning} | {default if default not in ('`False`', '`[]`', '`()`') else ''} |"


def notebook(target: Path, *, execute: bool) -> None:
    """Turn the notebook of the first steps into a page, with what it prints and draws."""
    words = ("nbconvert", "--to", "markdown", "--output-dir", target, "--log-level", "WARN")
    run = ("--execute", "--ExecutePreprocessor.timeout=600") if execute else ()
    subprocess.run([sys.executable, "-m", *words, *run, DOCS / "first-steps.ipynb"], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
