"""benchmarks/RESULTS.md: written by section, readable again, and about benchmarks that exist."""

from __future__ import annotations

import math
import re
from typing import get_args

from typer.testing import CliRunner

from benchmarks.tools.figures import Figure
from benchmarks.tools.results import RESULTS, read_sections, write_section
from movierec.cli.bench import Benchmark
from movierec.cli.main import app
from recommender.errors import UsageError

FAST = Figure("speed | of it", 25.5, 20.0, "higher", 2.0, 51.0, "s", 3, "twin of\nsize 1")
SLOW = Figure("time", 1.75, 1.5, ours=3.5, theirs=2.0)
PLAIN = Figure("size", 7.0, unit="MiB")


def rows(section: str) -> list[list[str]]:
    """The cells of each figure of a section."""
    lines = [line for line in section.splitlines() if line.startswith("|")]
    assert lines[0] == "| figure | ratio | target | verdict | ours | theirs | unit | rounds | note |"
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def test_every_section_belongs_to_a_benchmark_and_every_figure_line_parses():
    sections = read_sections(RESULTS)
    assert sections
    for name, section in sections.items():
        assert name in get_args(Benchmark)
        assert rows(section)
        for _, ratio, target, verdict, ours, theirs, _, rounds, _ in rows(section):
            assert all(math.isfinite(float(number)) for number in (ratio, rounds, ours or 0, theirs or 0))
            assert bool(re.fullmatch(r"[<>]= \S+", target)) == (verdict in {"pass", "**miss**"})
            assert bool(target) == bool(verdict)


def test_what_was_written_is_read_again(tmp_path):
    path = tmp_path / "RESULTS.md"
    write_section("svd", [FAST, SLOW, PLAIN], path=path)
    assert rows(read_sections(path)["svd"]) == [
        ["speed / of it", "25.5", ">= 20", "pass", "2", "51", "s", "3", "twin of size 1"],
        ["time", "1.75", "<= 1.5", "**miss**", "3.5", "2", "s", "1", ""],
        ["size", "7", "", "", "", "", "MiB", "1", ""],
    ]


def test_writing_one_section_leaves_the_others(tmp_path):
    path = tmp_path / "RESULTS.md"
    for name in ("svd", "als", "topk"):
        write_section(name, [FAST], path=path)
    before = path.read_text()
    write_section("als", [SLOW], path=path)
    assert list(read_sections(path)) == ["svd", "als", "topk"]
    assert rows(read_sections(path)["als"])[0][1] == "1.75"
    write_section("als", [FAST], path=path)
    assert path.read_text() == before


def test_figures_of_a_smaller_size_are_not_written():
    result = CliRunner().invoke(app, ["bench", "topk", "--size", "0.01", "--write"])
    assert isinstance(result.exception, UsageError)
