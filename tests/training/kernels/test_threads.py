"""Thread pools: scratch arrays of each thread, maps within maps, and what is left undone after an error."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from training.kernels.threads import Scratch, one_blas_thread, thread_map


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


def test_a_map_within_a_map_stays_in_its_thread():
    def inner(_):
        with thread_map() as run:
            return {threading.get_ident()} == set(run(lambda _: threading.get_ident(), range(8)))

    with thread_map(2) as run:
        assert all(run(inner, range(4)))


def test_a_map_within_a_map_of_one_thread_may_use_every_core():
    def inner(_):
        both = threading.Barrier(2, timeout=60)
        with thread_map(2) as run:
            return list(run(lambda _: both.wait() >= 0, range(2)))

    with thread_map(1) as run:
        assert list(run(inner, range(1))) == [[True, True]]


def test_what_has_not_begun_is_not_done_after_an_error():
    began, go_on = [], threading.Event()

    def work(number):
        began.append(number)
        assert go_on.wait(60)

    def fail_meanwhile():
        with thread_map(2) as run:
            run(work, range(50))
            threading.Timer(0.1, go_on.set).start()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_meanwhile()
    assert len(began) <= 2


def in_a_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture
def two_blas_threads() -> Iterator[None]:
    """BLAS on two threads, set by a thread that has ended: the living one that sets a number keeps others from it."""
    before = blas_threads().pop()
    in_a_thread(lambda: threadpool_limits(2, "blas"))
    yield
    in_a_thread(lambda: threadpool_limits(before, "blas"))


@pytest.mark.usefixtures("two_blas_threads")
def test_blas_stays_on_one_thread_until_the_last_block_ends():
    """Two threads may leave in another order than they came: what the first found must not come back meanwhile."""
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    in_a_thread(second.__enter__)
    first.__exit__(None, None, None)
    assert blas_threads() == {1}
    in_a_thread(lambda: second.__exit__(None, None, None))
    assert blas_threads() == {2}


@pytest.mark.usefixtures("two_blas_threads")
def test_blas_is_limited_in_any_thread_after_it_was_limited_in_another():
    seen = []

    def limited() -> None:
        with one_blas_thread():
            seen.append(blas_threads())

    limited()
    in_a_thread(limited)
    with threadpool_limits(2, "blas"):
        limited()
        in_a_thread(limited)
        assert blas_threads() == {2}
    assert seen == [{1}] * 4
    assert blas_threads() == {2}


def test_the_limit_holds_for_the_libraries_of_an_algorithm_that_is_imported_within_it():
    script = """
from training.kernels.threads import one_blas_thread
from threadpoolctl import threadpool_info
with one_blas_thread():
    import implicit.cpu.als
    print(sorted({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}))
"""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    shown = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout == "[1]\n"
