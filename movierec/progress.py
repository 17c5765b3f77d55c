"""Progress of long calls: one bar in a terminal or notebook, nothing elsewhere."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm

from training.kernels.threads import one_blas_thread
from training.progress import Progress, silent


@contextmanager
def fitting(label: str, progress: bool | None = None) -> Iterator[Progress]:
    """Give a progress reporter to a block that fits models, on one BLAS thread.

    `progress`: whether to show a bar; by default where there is a terminal or a notebook. With more BLAS threads
    implicit, which has threads of its own, takes twice as long and is not repeatable.
    """
    shown = _is_interactive() if progress is None else progress
    with one_blas_thread():
        if not shown:
            yield silent
            return
        with tqdm(total=1.0, desc=label, bar_format="{desc:<40} {percentage:3.0f}%|{bar}| {elapsed}") as bar:

            def report(stage: str, share: float) -> None:
                bar.n = min(share, 1.0)
                bar.set_description_str(stage)

            yield report
            report(label, 1.0)


def announce(sentence: str) -> None:
    """Warn whoever called the Python API of something that they should know before it is spent."""
    warnings.warn(sentence, stacklevel=4)


def _is_interactive() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules
