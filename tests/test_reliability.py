"""docs/reliability.md and the marks of the tests that hold its rows say the same."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent


def documented() -> dict[int, tuple[set[str], set[str]]]:
    """Of each row of the table: the test files and the figures that it names."""
    rows = re.findall(r"^\| (\d+) \|.*\| ([^|]*) \| ?([^|]*) ?\|$", (ROOT / "docs/reliability.md").read_text(), re.M)
    return {int(number): (quoted(tests), quoted(figures)) for number, tests, figures in rows}


def quoted(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def marked() -> dict[int, set[str]]:
    """Of each row: the test files that have a test with its mark, `@pytest.mark.fault(ROW)`."""
    files: dict[int, set[str]] = {}
    for file in TESTS.rglob("test_*.py"):
        for row in re.findall(r"^ *@pytest\.mark\.fault\((\d+)\)$", file.read_text(), re.M):
            files.setdefault(int(row), set()).add(str(file.relative_to(TESTS).with_suffix("")))
    return files


def test_each_row_is_held_by_the_tests_that_the_table_names() -> None:
    assert {number: tests for number, (tests, _) in documented().items()} == marked()


def test_each_figure_that_the_table_names_is_measured() -> None:
    source = (ROOT / "benchmarks/service/reliability.py").read_text()
    named_figures = [figure for _, figures in documented().values() for figure in figures]
    assert named_figures
    assert [figure for figure in named_figures if figure not in source] == []
