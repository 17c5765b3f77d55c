"""A few computed answers at once, a few waiting, the rest told at once."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from serving.api.admission import Admission, EarlyRefusal, LongBodies
from serving.api.exchange import Exchanges
from serving.lifecycle import Lifecycle
from serving.problem import ProblemError, overloaded
from serving.settings import Settings


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


async def pass_on(application, scope):
    await application(scope, None, None)


async def ask(admission, path="/recommend/"):
    await admission({"type": "http", "path": path}, None, None)


@pytest.mark.fault(20)
def test_the_excess_is_refused_at_once_and_the_rest_is_answered() -> None:
    async def scenario() -> None:
        work = Work()
        admission = Admission(work, running=2, queue=3, queue_seconds=60)
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


@pytest.mark.fault(43)
@pytest.mark.parametrize("headers", [[(b"content-length", b"100000")], []])
def test_long_bodies_take_turns_of_their_own(headers: list[tuple[bytes, bytes]]) -> None:
    async def scenario() -> None:
        work = Work()
        ordinary, long = (Admission(work, running, queue=8, queue_seconds=60) for running in (2, 1))
        lanes = LongBodies(ordinary, long)
        post = {"type": "http", "method": "POST", "path": "/recommend/"}
        histories = [asyncio.create_task(pass_on(lanes, {**post, "headers": headers})) for _ in range(4)]
        await asyncio.sleep(0)
        assert work.running == 1
        short = {**post, "headers": [(b"content-length", b"200")]}
        get = {**post, "method": "GET", "headers": []}
        others = [asyncio.create_task(pass_on(lanes, scope)) for scope in (short, get)]
        await asyncio.sleep(0)
        assert work.running == 3
        work.done.set()
        await asyncio.gather(*histories, *others)

    asyncio.run(scenario())


def test_callers_that_go_while_they_wait_leave_no_place_taken() -> None:
    async def scenario() -> None:
        work = Work()
        admission = Admission(work, running=1, queue=3, queue_seconds=60)
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


@pytest.mark.fault(37)
def test_who_waits_too_long_is_refused_and_leaves_no_place_taken() -> None:
    async def scenario() -> None:
        work = Work()
        admission = Admission(work, running=1, queue=3, queue_seconds=0.01)
        first = asyncio.create_task(ask(admission))
        await asyncio.sleep(0)
        for _ in range(5):  # more in turn than may wait at once
            with pytest.raises(ProblemError) as refused:
                await ask(admission)
            assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")
        work.done.set()
        await first
        await asyncio.gather(*(ask(admission) for _ in range(4)))
        assert work.most == 1

    asyncio.run(scenario())


@pytest.mark.fault(37)
def test_a_place_is_free_again_once_the_answer_is_computed() -> None:
    async def scenario() -> None:
        read = asyncio.Event()
        sent: list[Message] = []

        async def answer(scope, receive, send) -> None:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"{}"})

        async def nothing() -> Message:
            return {"type": "http.disconnect"}

        async def slow(message: Message) -> None:
            await read.wait()
            sent.append(message)

        admission = Admission(answer, running=1, queue=0, queue_seconds=60)
        scope = {"type": "http", "path": "/map"}
        callers = [asyncio.create_task(admission(scope, nothing, slow)) for _ in range(3)]
        for _ in range(5):
            await asyncio.sleep(0)
        assert not admission.full
        read.set()
        await asyncio.gather(*callers)
        assert [message["type"] for message in sent].count("http.response.body") == 3

    asyncio.run(scenario())


@pytest.mark.fault(20)
def test_a_ready_made_refusal_says_what_the_long_way_says() -> None:
    async def scenario() -> None:
        work, lifecycle = Work(), Lifecycle()
        admission = Admission(work, running=1, queue=0, queue_seconds=60)
        settings = Settings(allowed_origins=["https://films.example"])
        early, late = (Exchanges(app, settings, lifecycle) for app in (EarlyRefusal(admission, admission), admission))

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def answer(app: Exchanges, path: str = "/recommend/", **headers: str) -> list[Message]:
            sent: list[Message] = []

            async def send(message: Message) -> None:
                sent.append(message)

            pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
            await app({"type": "http", "method": "GET", "path": path, "headers": pairs}, receive, send)
            for message in sent[:1]:
                message["headers"] = [pair for pair in message["headers"] if pair[0] != b"x-request-id"]
                assert len(message["headers"]) == len(set(message["headers"]))
            return sent

        first = asyncio.create_task(answer(early))
        await asyncio.sleep(0)
        start, body = await answer(early)
        headers = dict(start["headers"])
        assert (start["status"], body["body"]) == (503, overloaded().response().body)
        assert headers[b"retry-after"] == b"1"
        assert headers[b"content-type"] == b"application/problem+json"
        assert [start, body] == await answer(late)
        from_page = await answer(early, origin="https://films.example")
        assert (b"access-control-allow-origin", b"https://films.example") in from_page[0]["headers"]
        assert from_page == await answer(late, origin="https://films.example")
        probe = asyncio.create_task(answer(early, "/readyz"))
        lifecycle.drain()
        draining = await answer(early)
        assert (b"connection", b"close") in draining[0]["headers"]
        assert draining == await answer(late)
        work.done.set()
        assert await first == await probe == []

    asyncio.run(scenario())
