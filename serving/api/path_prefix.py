"""Addresses behind a proxy that serves the API below a path, such as https://example.org/films/."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REDIRECTS = range(300, 400)


class PathPrefix:
    """ASGI wrapper that gives the application the path as callers see it; redirects name the path alone."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        """`prefix`: path that the proxy takes off before it passes a request on, such as `/films`; often empty."""
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_relative(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in _REDIRECTS:
                message["headers"] = [(name, _path(name, value)) for name, value in message["headers"]]
            await send(message)

        scope["root_path"] = self._prefix  # in place: the outer wrappers read the matched route from it
        scope["path"] = self._prefix + scope["path"]
        await self._app(scope, receive, send_relative)


def _path(name: bytes, value: bytes) -> bytes:
    """Return a Location header without scheme and host, which are the proxy's to know."""
    return urlsplit(value)._replace(scheme=b"", netloc=b"").geturl() if name == b"location" else value
