"""Which files the core is told to send by their path, and that no scope says so."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from fasterapi import FasterAPI, _native
from fasterapi.asgi import HttpExchange
from fasterapi.testclient import TestClient

pytestmark = pytest.mark.skipif(_native.core is None, reason="needs the core")
HERE = pathlib.Path(__file__).parent
FILE = pathlib.Path(__file__)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that the server was told to send."""
    paths: list[str] = []
    send_file = HttpExchange._send_file

    def note(self: HttpExchange, path: Any) -> None:
        paths.append(str(path))
        send_file(self, path)

    monkeypatch.setattr(HttpExchange, "_send_file", note)
    return paths


async def opened() -> AsyncIterator[int]:
    yield 1


def opened_in_thread() -> Iterator[int]:
    yield 1


class Pure:
    """Somebody's middleware."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class Own(FileResponse):
    """Somebody's own: might do anything with what it is given."""


def add_routes(app: FastAPI) -> None:
    @app.get("/async")
    async def in_async() -> Any:
        return FileResponse(FILE)

    @app.get("/def")
    def in_def() -> Any:
        return FileResponse(FILE)

    @app.get("/yield")
    async def in_yield(_: Annotated[int, Depends(opened)]) -> Any:
        return FileResponse(FILE)

    @app.get("/def-yield")
    def in_def_yield(_: Annotated[int, Depends(opened_in_thread)]) -> Any:
        return FileResponse(FILE)

    @app.get("/own")
    async def own() -> Any:
        return Own(FILE)

    app.mount("/static", StaticFiles(directory=HERE))


COMPILED = ["/async", "/def", "/yield", "/def-yield"]
STATIC = f"/static/{FILE.name}"


def ask(app: Any, *paths: str, **headers: str) -> list[Any]:
    with TestClient(app) as client:
        answers = [client.get(path, headers={"accept-encoding": "", **headers}) for path in paths]
    assert all(one.content == FILE.read_bytes() for one in answers if one.status_code == 200)
    return answers


@pytest.mark.parametrize(
    "middleware",
    [
        [],
        [Middleware(CORSMiddleware, allow_origins=["*"])],
        [Middleware(TrustedHostMiddleware), Middleware(CORSMiddleware)],
    ],
)
def test_known_middleware_lets_files_go_by_path(sent, middleware):
    app = FasterAPI(middleware=middleware)
    add_routes(app)
    answers = ask(app, *COMPILED, STATIC, "/own")
    assert [one.status_code for one in answers] == [200] * 6
    assert sent == [str(FILE)] * 5


def test_a_redirecting_middleware(sent):
    app = FasterAPI(middleware=[Middleware(HTTPSRedirectMiddleware)])
    add_routes(app)
    with TestClient(app, base_url="https://testserver") as client:
        assert client.get(STATIC).content == FILE.read_bytes()
    assert sent == [str(FILE)]


async def pass_on(request: Request, call_next: Any) -> Any:
    return await call_next(request)


@pytest.mark.parametrize(
    "middleware",
    [
        Middleware(GZipMiddleware),
        Middleware(BaseHTTPMiddleware, dispatch=pass_on),
        Middleware(Pure),
    ],
)
@pytest.mark.parametrize("place", ["app", "mounted", "outside"])
def test_other_middleware_sees_bytes(sent, middleware, place):
    app = FasterAPI(middleware=[middleware] if place == "app" else [])
    if place == "mounted":
        inner = FasterAPI(middleware=[middleware])
        add_routes(inner)
        app.mount("/", inner)
    else:
        add_routes(app)
    served: Any = app
    if place == "outside":
        served = middleware.cls(app, *middleware.args, **middleware.kwargs)
    assert [one.status_code for one in ask(served, *COMPILED, STATIC, "/own")] == [200] * 6
    assert sent == []


class OwnStatic(StaticFiles):
    """As `Own`."""


def patched() -> StaticFiles:
    files = StaticFiles(directory=HERE)
    files.file_response = StaticFiles(directory=HERE).file_response  # type: ignore[method-assign]
    return files


def wrapped() -> Mount:
    return Mount("/static", StaticFiles(directory=HERE), middleware=[Middleware(Pure)])


@pytest.mark.parametrize(
    "make",
    [
        lambda app: app.mount("/static", OwnStatic(directory=HERE)),
        lambda app: app.mount("/static", patched()),
        lambda app: app.router.routes.append(wrapped()),
        lambda app: app.host("testserver", StaticFiles(directory=HERE.parent, html=True)),
        lambda app: (app.get("/{x}/{y:path}")(in_any), app.mount("/static", StaticFiles())),
        lambda app: app.mount("/{x}", StaticFiles(directory=HERE)),
        lambda app: app.router.routes.append(Route(STATIC, in_any)),
    ],
)
def test_what_is_not_certain_is_sent_in_pieces(sent, make):
    app = FasterAPI(openapi_url=None)
    make(app)
    ask(app, STATIC)
    assert sent == []


async def in_any(request: Request) -> Any:
    return Own(FILE)


def test_mounts_of_included_routers(sent):
    app, router = FasterAPI(), APIRouter()
    router.mount("/static", StaticFiles(directory=HERE))
    app.include_router(router, prefix="/v1")
    ask(app, "/v1" + STATIC)
    assert sent == [str(FILE)]


def test_a_route_in_front_of_the_mount_counts_at_once(sent):
    app = FasterAPI()
    add_routes(app)
    with TestClient(app) as client:
        client.get(STATIC)
        app.router.routes.insert(0, Route(STATIC, in_any))
        assert client.get(STATIC).content == FILE.read_bytes()
    assert sent == [str(FILE)]


@pytest.mark.parametrize("path", ["/async", "/def", "/yield", STATIC])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ranges_and_heads(sent, path, method):
    app = FasterAPI()
    app.add_api_route("/async", lambda: FileResponse(FILE), methods=["GET", "HEAD"])
    app.add_api_route("/def", lambda: FileResponse(FILE), methods=["GET", "HEAD"])
    add_routes(app)
    with TestClient(app) as client:
        answer = client.request(method, path, headers={"range": "bytes=3-9"})
        if answer.status_code == 405:
            return
        assert answer.status_code == 206
        assert answer.content == (FILE.read_bytes()[3:10] if method == "GET" else b"")
    assert sent == []


def test_what_the_mount_leaves_in_the_scope_is_seen_outside():
    app = FasterAPI()
    add_routes(app)
    seen: list[Any] = []

    @app.exception_handler(404)
    async def missing(request: Request, exc: HTTPException) -> Any:
        seen.append(dict(request.scope))
        return PlainTextResponse(request.scope["root_path"], 404)

    assert ask(app, "/static/nothing")[0].text == "/static"
    assert seen[0]["endpoint"] is app.router.routes[-1].app  # type: ignore[attr-defined]
    assert "http.response.pathsend" not in seen[0]["extensions"]
    assert "fasterapi.by_path" not in seen[0]


def test_a_file_that_is_gone_reaches_the_apps_handlers():
    app = FasterAPI()
    add_routes(app)
    offers: list[Any] = []

    @app.get("/gone")
    async def gone() -> Any:
        return FileResponse(HERE / "gone")

    @app.exception_handler(RuntimeError)
    async def handler(request: Request, exc: RuntimeError) -> Any:
        offers.append(request.scope.get("extensions", {}).get("http.response.pathsend"))
        return PlainTextResponse("handled", 418)

    assert ask(app, "/gone")[0].status_code == 418
    assert offers == [None]
