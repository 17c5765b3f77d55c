"""docs/results.md: a head, and a section for each data set and protocol that says when it was measured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.replication.section import Section
from benchmarks.tools.figures import machine_line
from benchmarks.tools.results import sections_by_key
from recommender.files import write_text

LIBRARIES = ("numpy", "scikit-surprise", "implicit")  # that fit the models
_KEY = re.compile(r"<!-- (\S+) -->")

_HEAD = """# Results

Written by `movierec bench replicate --write`, which retrains every model from `configs/`; nothing is typed by hand.
Each section says when it was measured and by which code; `--section NAME` measures one anew and leaves the others.
Protocols and formulas: [evaluation.md](evaluation.md). The sections on ml-latest-small, lastfm and amazon-beauty need
files that are not ours to give: `ml-latest-small`, `splits/lastfm` and `splits/amazon-beauty` in `data/raw` or below
`$MOVIEREC_REAL_DATA`. synthetic-1m is made up in the shape of MovieLens: its figures say nothing of real films.

## Figures that were struck

Earlier figures by `cold` leaked: user tags, genome, credits and texts of the new films were known, and that there were
any told how popular a film would become.

- ml-100k, blend: hit rate@20 0.329, 5.35 times what chance finds (5.61 in an older run). A model that knew nothing but
  which features a film has found 0.087.
- ml-latest-small, blend: hit rate@20 0.152, 9.69 times what chance finds (11.22 in an older run). That model found
  0.043.

`latest20` is narrower than it looks, though nothing leaks: nearly everybody's first test rating follows within hours of
their last training rating, so it measures one sitting going on. Its figures stand, and are told by that gap; `rolling`
measures people who come back.
"""


def write(path: Path, key: str, section: Section, stamp: str, order: Sequence[str]) -> None:
    """Write a section into the page at `path`, in the place that `order` gives its key; the others stay."""
    sections = read(path)
    title, _, body = section.markdown().partition("\n")
    sections[key] = "\n".join([title, "", f"<!-- {key} -->", f"{stamp} {machine_line(LIBRARIES)}.", body])
    ordered = [sections[name].rstrip() + "\n" for name in order if name in sections]
    missing = [f"`{name}`" for name in order if name not in sections]
    note = [f"Not measured since the page has sections of their own: {', '.join(missing)}.\n"] if missing else []
    write_text(path, "\n".join([_HEAD, *note, *ordered]))


def read(path: Path) -> dict[str, str]:
    """Return the text of each section of the page by its key."""
    return sections_by_key(path, _KEY)
