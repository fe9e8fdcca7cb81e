"""Paths that no route takes: which of them the core answers itself, and that FastAPI agrees."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

import fasterapi.plan.app
from fasterapi import FasterAPI
from fasterapi.bench import measure, request_bytes
from fasterapi.plan import plan_app

NATIVE = b"answered by the core"


async def endpoint() -> str:
    return "route"


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give what the core answers to a miss a body that FastAPI would not give."""
    plan_miss = fasterapi.plan.app.plan_miss

    def with_mark(*arguments: Any) -> Any:
        miss = plan_miss(*arguments)
        response = PlainTextResponse(NATIVE, 404)
        return None if miss is None else dataclasses.replace(miss, response=response)

    monkeypatch.setattr(fasterapi.plan.app, "plan_miss", with_mark)


def is_native(app: FastAPI, method: str, path: str, body: bytes = b"") -> bool:
    answer = measure(app, request_bytes(method, path, body=body), count=1).answer
    return answer.endswith(NATIVE)


def add_routes(app: FastAPI) -> None:
    app.add_api_route("/items", endpoint)
    app.add_api_route("/items/{item_id}", endpoint, methods=["GET", "POST"])
    app.add_api_route("/dir/", endpoint)
    app.add_api_route("/files/{rest:path}", endpoint)
    inner = APIRouter(prefix="/inner")
    inner.add_api_route("/{x}/y", endpoint)
    app.include_router(inner, prefix="/v1")
    app.router.routes.append(Mount("/static", PlainTextResponse("mounted")))
    app.router.routes.append(Route("/foreign", PlainTextResponse("foreign")))


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize(
    ("method", "path", "native"),
    [
        ("GET", "/nothing", True),
        ("HEAD", "/nothing/at/all", True),
        ("POST", "/nothing", True),
        ("OPTIONS", "/nothing", True),
        ("BREW", "/nothing", True),
        ("GET", "/v1/inner/y", True),
        ("GET", "/%E2%82%AC", True),
        ("GET", "/nothing?items=1", True),
        ("DELETE", "/items", False),  # 405
        ("GET", "/items/", False),  # redirected
        ("GET", "/dir", False),
        ("GET", "/items/1/", False),
        ("GET", "/files/", False),
        ("GET", "/static/x", False),
        ("GET", "/foreign", False),
        ("GET", "/openapi.json", False),
        ("GET", "/docs", False),
        ("GET", "/%ff", False),  # no UTF-8
        ("GET", "/a%0A", False),  # Starlette's pattern matches before it
        ("GET", "//", False),
    ],
)
def test_who_answers(method, path, native):
    app = FasterAPI()
    add_routes(app)
    request = request_bytes(method, path)
    if method == "HEAD":
        answer = measure(app, request, count=1).answer
        assert f"content-length: {len(NATIVE)}".encode() in answer
    else:
        assert is_native(app, method, path) == native, request


@pytest.mark.usefixtures("marked")
def test_a_body_is_fastapis():
    app = FasterAPI()
    add_routes(app)
    assert not is_native(app, "POST", "/nothing", b"{}")
    assert is_native(app, "POST", "/nothing")


def with_handler(app: FastAPI) -> None:
    app.add_exception_handler(404, lambda *_: PlainTextResponse("own"))


def with_http_handler(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, lambda *_: PlainTextResponse("own"))


def with_default(app: FastAPI) -> None:
    app.router.default = PlainTextResponse("own")


def with_subclass_default(app: FastAPI) -> None:
    app.router.default = FastAPI().router.not_found


def with_middleware(app: FastAPI) -> None:
    @app.middleware("http")
    async def own(_request: Request, _next: Callable[..., Any]) -> PlainTextResponse:
        return PlainTextResponse("own")


def with_catch_all(app: FastAPI) -> None:
    app.router.routes.append(Route("/{rest:path}", PlainTextResponse("own")))


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize(
    "change",
    [
        with_handler, with_http_handler, with_default, with_subclass_default, with_middleware,
        with_catch_all,
    ],
)  # fmt: skip
def test_an_app_with_a_404_of_its_own(change):
    app = FasterAPI()
    add_routes(app)
    change(app)
    assert not is_native(app, "GET", "/nothing")


def test_root_path_and_low_priority_routes():
    app = FasterAPI()
    add_routes(app)
    assert plan_app(app).miss is not None
    assert plan_app(app, root_path="/api").miss is None
    app.router._low_priority_routes.append(Route("/x", PlainTextResponse("own")))
    assert plan_app(app).miss is None


@pytest.mark.usefixtures("marked")
def test_slashes():
    app = FasterAPI(redirect_slashes=False)
    add_routes(app)
    assert is_native(app, "GET", "/items/1/")
    assert is_native(app, "GET", "/dir")
    assert not is_native(app, "GET", "/dir/")


def change_default(app: FastAPI) -> None:
    app.router.default = PlainTextResponse("own")


def change_slashes(app: FastAPI) -> None:
    app.router.redirect_slashes = False


@pytest.mark.parametrize("change", [change_default, change_slashes])
def test_what_answers_a_miss_changes_while_serving(change):
    app = FasterAPI()
    plan = plan_app(app)
    assert plan.miss is not None
    handlers: list[Any] = []
    core = SimpleNamespace(Plan=lambda handler, *_, **__: handlers.append(handler))
    plan.miss.core_miss(core)
    (not_found,) = handlers
    assert not_found().status_code == 404
    change(app)
    assert not_found() is NotImplemented


SEGMENTS = ["a", "b", "{x}", "{x:int}", "1", "{x:path}"]
PATTERNS = st.lists(st.sampled_from(SEGMENTS), max_size=3).map(
    lambda parts: "/" + "/".join(p for i, p in enumerate(parts) if i == len(parts) - 1 or ":path" not in p)
)  # fmt: skip
PATHS = st.lists(st.sampled_from(["a", "b", "1", "c", ""]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


@settings(deadline=None, max_examples=60)
@given(
    patterns=st.lists(st.tuples(PATTERNS, st.booleans()), max_size=4),
    paths=st.lists(PATHS, min_size=1, max_size=4, unique=True),
    method=st.sampled_from(["GET", "POST"]),
    slashes=st.booleans(),
)
def test_fastapi_agrees(patterns, paths, method, slashes):
    apps = [make(redirect_slashes=slashes, openapi_url=None) for make in (FastAPI, FasterAPI)]
    for app in apps:
        for number, (pattern, slash) in enumerate(patterns):
            path = pattern if not slash or pattern.endswith("}") else pattern.rstrip("/") + "/"
            try:
                app.add_api_route(path, endpoint, operation_id=str(number))
            except ValueError:  # the same parameter twice
                continue
    client = TestClient(apps[0], follow_redirects=False)
    for path in paths:
        expected = client.request(method, "http://localhost" + path)
        result = measure(apps[1], request_bytes(method, path), count=1)
        head, _, body = result.answer.partition(b"\r\n\r\n")
        assert result.status == expected.status_code, (patterns, path)
        assert body == expected.content
        for name in ("content-type", "location", "allow"):
            line = f"{name}: {expected.headers[name]}" if name in expected.headers else None
            assert (line is None) == (f"\r\n{name}:".encode() not in head)
            assert line is None or line.encode() in head
