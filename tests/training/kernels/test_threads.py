"""Blocks of one thread's own."""

from __future__ import annotations

import threading

import numpy as np

from training.kernels.threads import Scratch, thread_map


def test_threads_do_not_write_into_one_block():
    scratch, both = Scratch(), threading.Barrier(2, timeout=60)

    def work(number):
        block = scratch.block("one", 3, 4)
        block.fill(number)
        both.wait()
        return block.copy()

    with thread_map(2) as run:
        for number, block in enumerate(run(work, range(2))):
            np.testing.assert_array_equal(block, np.full((3, 4), number))
