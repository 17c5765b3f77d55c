"""Read and write benchmarks/RESULTS.md, which has a section for each benchmark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.tools.figures import Figure, machine_line

RESULTS = Path(__file__).parents[1] / "RESULTS.md"

_TITLE = """# Results

Measured by `movierec bench NAME --write`, which writes the section of that benchmark anew and leaves the others as they
are; at full size, but for `whole`, which names its own. A ratio compares two things that ran in turn on one machine;
ours and theirs are medians of the rounds.
"""
_HEAD = "| figure | ratio | target | verdict | ours | theirs | unit | rounds | note |"
_NAME = re.compile(r"^## (.+)$", re.MULTILINE)
_VERDICTS = {True: "pass", False: "**miss**", None: ""}
_BETTER = {"lower": "<=", "higher": ">="}


def write_section(name: str, figures: Sequence[Figure], size: float = 1, path: Path = RESULTS) -> None:
    """Write the section of the benchmark `name`, measured at a share of the full size; the others stay as they are."""
    sections = read_sections(path)
    sections[name] = _section(name, figures, size)
    path.write_text("\n".join([_TITLE, *sections.values()]), encoding="utf-8")


def read_sections(path: Path = RESULTS) -> dict[str, str]:
    """Return the text of each benchmark's section by name, in order."""
    return {name: section.rstrip() + "\n" for name, section in sections_by_key(path, _NAME).items()}


def sections_by_key(path: Path, key: re.Pattern[str]) -> dict[str, str]:
    """Return the sections of a page by what the first group of `key` finds in each; those without it are left out."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return {match[1]: section for section in sections if (match := key.search(section))}


def _section(name: str, figures: Sequence[Figure], size: float) -> str:
    today = datetime.now(UTC).date().isoformat()
    lines = [
        f"## {name}",
        "",
        f"{today}, size {size:g}. {machine_line()}.",
        "",
        _HEAD,
        "|" + "---|" * (_HEAD.count("|") - 1),
    ]
    return "\n".join([*lines, *map(_line, figures), ""])


def _line(figure: Figure) -> str:
    target = "" if figure.target is None else f"{_BETTER[figure.better]} {figure.target:g}"
    sides = ("" if side is None else f"{side:.4g}" for side in (figure.ours, figure.theirs))
    cells = (figure.figure, f"{figure.ratio:.4g}", target, _VERDICTS[figure.passed], *sides, figure.unit)
    return "| " + " | ".join(map(_plain, (*cells, str(figure.rounds), figure.note))) + " |"


def _plain(text: str) -> str:
    return " ".join(text.replace("|", "/").split())
