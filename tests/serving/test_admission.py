"""A few computed answers at once, a few waiting, the rest told at once."""

from __future__ import annotations

import asyncio

import pytest

from serving.admission import Admission
from serving.problem import ProblemError


class Work:
    """An application whose answers wait for `done`."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.running = 0
        self.most = 0

    async def __call__(self, scope, receive, send) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.done.wait()
        finally:
            self.running -= 1


async def ask(admission, path="/recommend/"):
    await admission({"type": "http", "path": path}, None, None)


def test_row_20_the_excess_is_refused_at_once_and_the_rest_is_answered() -> None:
    async def scenario() -> None:
        work = Work()
        admission = Admission(work, running=2, queue=3)
        admitted = [asyncio.create_task(ask(admission)) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(ProblemError) as refused:
            await ask(admission)
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")
        probe = asyncio.create_task(ask(admission, "/livez"))  # health does not queue
        await asyncio.sleep(0)
        assert work.running == 3
        work.done.set()
        await asyncio.gather(*admitted, probe)
        assert work.most == 3
        await ask(admission)  # and there is room again

    asyncio.run(scenario())


def test_callers_that_go_while_they_wait_leave_no_place_taken() -> None:
    async def scenario() -> None:
        work = Work()
        admission = Admission(work, running=1, queue=3)
        first = asyncio.create_task(ask(admission))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(ask(admission)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        work.done.set()
        waiting[1].cancel()
        await first
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError, asyncio.CancelledError, type(None)]
        await ask(admission)

    asyncio.run(scenario())
