"""Files behind middleware. MIDDLEWARE names what stands around them."""

from __future__ import annotations

import gzip
import os
import pathlib
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import Depends
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from field_app import App
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route

HERE = pathlib.Path(os.environ["PAGES"])
PAGE = HERE / "index.html"


class Compress:
    """As there are many: it holds the start back until it has seen the first piece of the body."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start: Any = None
        body = b""

        async def out(message: Any) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            assert message["type"] == "http.response.body", message["type"]
            body += message.get("body", b"")
            if not message.get("more_body", False):
                headers = [one for one in start["headers"] if one[0] != b"content-length"]
                start["headers"] = [*headers, (b"content-encoding", b"gzip")]
                await send(start)
                await send({**message, "body": gzip.compress(body) if body else b""})

        await self.app(scope, receive, out)


class Footer:
    """Changes bodies, piece by piece."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def out(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [one for one in message["headers"] if one[0] != b"content-length"]
                message = {**message, "headers": headers}
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                message = {**message, "body": message.get("body", b"") + b"<!--footer-->"}
            await send(message)

        await self.app(scope, receive, out)


class Rewritten(FileResponse):
    """An answer that wraps the `send` it is given."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        del self.headers["content-length"]
        await Footer(super().__call__)(scope, receive, send)


async def buffered(request: Any, call_next: Any) -> Any:
    response = await call_next(request)
    body = b"".join([piece async for piece in response.body_iterator])
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    from starlette.responses import Response

    return Response(body + b"<!--base-->", response.status_code, headers)


WRAPPERS: dict[str, list[Middleware]] = {
    "none": [],
    "cors": [Middleware(CORSMiddleware, allow_origins=["*"])],
    "gzip": [Middleware(GZipMiddleware, minimum_size=10)],
    "compress": [Middleware(Compress)],
    "footer": [Middleware(Footer)],
    "base": [Middleware(BaseHTTPMiddleware, dispatch=buffered)],
}
name, _, place = os.environ["MIDDLEWARE"].partition("-")
wrappers = WRAPPERS[name]


async def opened() -> AsyncIterator[str]:
    yield "opened"


def opened_in_thread() -> Iterator[str]:
    yield "opened"


def add_routes(app: Any) -> None:
    @app.get("/async")
    async def in_async() -> Any:
        return FileResponse(PAGE)

    @app.get("/def")
    def in_def() -> Any:
        return FileResponse(PAGE)

    @app.get("/yield")
    async def in_yield(_: Annotated[str, Depends(opened)]) -> Any:
        return FileResponse(PAGE)

    @app.get("/def-yield")
    def in_def_yield(_: Annotated[str, Depends(opened_in_thread)]) -> Any:
        return FileResponse(PAGE)

    @app.get("/rewritten")
    async def rewritten() -> Any:
        return Rewritten(PAGE)

    @app.get("/missing")
    async def missing() -> Any:
        return FileResponse(HERE / "nothing")

    app.mount("/static", StaticFiles(directory=HERE))
    app.mount("/html", StaticFiles(directory=HERE, html=True))


if place == "outside":  # an ASGI app like any other around it
    inside = App()
    add_routes(inside)
    app: Any = wrappers[0].cls(inside, *wrappers[0].args, **wrappers[0].kwargs)
elif place == "inside":  # around a mounted app only
    app, inside = App(), App(middleware=wrappers)
    add_routes(inside)
    app.mount("/", inside)
elif place == "mount":  # around a mount, and around a route
    app = App()
    files = StaticFiles(directory=HERE, html=True)
    for path in ("/static", "/html"):
        app.router.routes.append(Mount(path, files, middleware=wrappers))

    async def send_file(_: Any) -> Any:
        return FileResponse(PAGE)

    for path in ("/async", "/def", "/yield", "/def-yield"):
        app.router.routes.append(Route(path, send_file, middleware=wrappers))
else:
    app = App(middleware=wrappers)
    add_routes(app)
