"""Servers that the service is measured against: `python -m benchmarks.service.peers KIND PORT [STORE [BODY]]`.

bare      a plain ASGI callable that answers the bytes of the file BODY, under the same server
granian   the same callable under Granian, in one worker with uvloop
fastapi   a FastAPI application with one route and the service's imports
extended  the service over STORE with two routes: /constant answers the bytes of BODY, /costly takes 20 ms of processor
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from recommender.errors import MissingInputError
from serving.api.app import Service, create_app
from serving.process.connection import GuardedConnection
from serving.process.worker import SWITCH_SECONDS
from serving.settings import Settings
from serving.versions.model_store import ModelStore

WORK_SECONDS = 0.02
_BODY = "MOVIEREC_BENCH_BODY"


def bare(body: bytes) -> ASGIApp:
    """Return an ASGI callable that answers every request with `body`."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "uvicorn takes an application that fails here for one without a lifespan"
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


def bare_from_environment() -> ASGIApp:
    """Return `bare` with the body that is named in the environment: Granian builds applications in its workers."""
    return bare(Path(os.environ[_BODY]).read_bytes())


def serve_by_granian(port: int, body: str) -> None:
    """Serve `bare` by Granian until SIGTERM. Raises MissingInputError where Granian is not installed."""
    try:
        from granian import Granian
        from granian.constants import Interfaces, Loops
    except ImportError as error:
        raise MissingInputError("Expected Granian, a peer; install it: uv sync --group peers") from error
    os.environ[_BODY] = body
    target = f"{__spec__.name}:{bare_from_environment.__name__}"
    interface, loop = Interfaces.ASGINL, Loops.uvloop  # without the lifespan protocol, as uvicorn serves it here
    Granian(
        target, port=port, interface=interface, loop=loop, websockets=False, log_enabled=False, factory=True
    ).serve()


def fastapi() -> FastAPI:
    """Return a FastAPI application with one route."""
    application = FastAPI()

    @application.get("/recommend/")
    async def recommend() -> Response:
        return Response(b"{}", media_type="application/json")

    return application


def extended(store: Path, body: bytes) -> Service:
    """Return the service with the additional routes `/constant` and `/costly`."""
    service = create_app(Settings(), ModelStore(store))
    factors = np.ones((60_000, 128), dtype=np.float32)

    @service.api.get("/constant")
    async def constant() -> Response:
        return Response(body, media_type="application/json")

    @service.api.get("/costly")
    def costly() -> Response:
        done = time.thread_time() + WORK_SECONDS
        while time.thread_time() < done:
            factors @ factors[0]  # the main work of computing a list
        return Response(b"{}", media_type="application/json")

    return service


def main(kind: str, port: str, store: str = "", body: str = "") -> None:
    """Serve one of the peers until SIGTERM."""
    if kind == "granian":
        serve_by_granian(int(port), body)
        return
    content = Path(body).read_bytes() if body else b"{}"
    peers: dict[str, Any] = {
        "bare": lambda: bare(content),
        "fastapi": fastapi,
        "extended": lambda: extended(Path(store), content),
    }
    protocol = "httptools" if kind == "bare" else GuardedConnection
    sys.setswitchinterval(SWITCH_SECONDS)
    uvicorn.run(peers[kind](), port=int(port), loop="uvloop", http=protocol, ws="none", log_config=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
