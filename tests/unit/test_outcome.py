"""Outcomes of compiled handlers get the answers FastAPI gives, by FastAPI's own stack."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.background import BackgroundTask

from fasterapi.plan.outcome import OutcomeApp


class CustomError(Exception):
    pass


class SecondError(Exception):
    pass


def make_app(**options: Any) -> FastAPI:
    app = FastAPI(**options)
    router = APIRouter(prefix="/v1")

    @app.get("/items/{item_id}")
    async def read_item(item_id: int): ...

    @router.get("/users/{name}")
    def read_user(name: str): ...

    app.include_router(router)

    @app.exception_handler(CustomError)
    async def custom(request: Request, exc: CustomError):
        scope = request.scope
        return JSONResponse(
            {
                "params": scope["path_params"],
                "endpoint": scope["endpoint"].__name__,
                "route": type(scope["route"]).__name__,
                "app": request.app is app,
                "url": str(request.url_for("read_item", item_id=7)),
                "body": (await request.body()).decode(),
            },
            status_code=418,
        )

    @app.exception_handler(SecondError)
    def second(request: Request, exc: SecondError):
        raise HTTPException(409, "from a handler")

    return app


def call(
    outcome: OutcomeApp, raised: bool, value: Any, path: str = "/items/3", method: str = "GET"
) -> tuple[list[dict[str, Any]], BaseException | None]:
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"test")],
        "scheme": "http",
        "server": ("test", 80),
        "client": ("1.2.3.4", 5),
        "state": {},
        "fasterapi.outcome": (raised, value),
    }
    sent: list[dict[str, Any]] = []

    async def receive():
        return {"type": "http.request", "body": b"the body", "more_body": False}

    async def send(message):
        sent.append(message)

    async def main() -> BaseException | None:
        try:
            await outcome(scope, receive, send)
        except Exception as exc:
            return exc
        return None

    return sent, asyncio.run(main())


def test_custom_handler_sees_the_request_as_in_fastapi():
    sent, error = call(OutcomeApp(make_app()), True, CustomError())
    assert error is None
    assert sent[0]["status"] == 418
    assert sent[1]["body"] == (
        b'{"params":{"item_id":"3"},"endpoint":"read_item","route":"APIRoute","app":true,'
        b'"url":"http://test/items/7","body":"the body"}'
    )


def test_route_of_an_included_router():
    sent, _ = call(OutcomeApp(make_app()), True, CustomError(), "/v1/users/bob")
    assert b'"params":{"name":"bob"},"endpoint":"read_user"' in sent[1]["body"]


def test_http_exception():
    error = HTTPException(404, "no such item", headers={"x-a": "1"})
    sent, raised = call(OutcomeApp(make_app()), True, error)
    assert raised is None
    assert sent[0]["status"] == 404
    assert (b"x-a", b"1") in sent[0]["headers"]
    assert sent[1]["body"] == b'{"detail":"no such item"}'


def test_exception_of_a_handler_is_handled_again():
    sent, raised = call(OutcomeApp(make_app()), True, SecondError())
    assert raised is None
    assert sent[0]["status"] == 409


def test_validation_error_raised_by_the_handler():
    errors = [{"type": "missing", "loc": ("query", "q"), "msg": "Field required", "input": None}]
    sent, _ = call(OutcomeApp(make_app()), True, RequestValidationError(errors))
    assert sent[0]["status"] == 422


def test_unknown_exception_is_500_and_raised_to_the_server():
    error = ValueError("bug")
    sent, raised = call(OutcomeApp(make_app()), True, error)
    assert raised is error
    assert sent[0]["status"] == 500
    assert sent[1]["body"] == b"Internal Server Error"


@pytest.mark.parametrize("key", [500, Exception])
def test_custom_500_handler(key):
    app = make_app()
    app.add_exception_handler(key, lambda request, exc: PlainTextResponse("oops", 500))
    sent, raised = call(OutcomeApp(app), True, ValueError("bug"))
    assert isinstance(raised, ValueError)
    assert sent[1]["body"] == b"oops"


def test_response_with_background_task():
    done = []
    response = JSONResponse([1], background=BackgroundTask(done.append, 1))
    sent, _ = call(OutcomeApp(make_app()), False, response)
    assert sent[1]["body"] == b"[1]"
    assert done == [1]


def test_background_task_that_raises_is_raised_to_the_server():
    def broken():
        raise ValueError("late")

    response = JSONResponse([1], background=BackgroundTask(broken))
    sent, raised = call(OutcomeApp(make_app()), False, response)
    assert len(sent) == 2
    assert isinstance(raised, ValueError)


def test_the_app_is_left_as_it_was_and_a_path_without_route_is_no_error():
    app = make_app()
    router = app.router
    outcome = OutcomeApp(app)
    assert app.router is router
    assert app.middleware_stack is None
    sent, _ = call(outcome, False, JSONResponse(1), "/nowhere")
    assert sent[0]["status"] == 200


def test_routes_added_later_are_found():
    app = make_app()
    outcome = OutcomeApp(app)
    call(outcome, True, CustomError())

    @app.get("/late/{x}")
    def late(x: str): ...

    sent, _ = call(outcome, True, CustomError(), "/late/1")
    assert b'"endpoint":"late"' in sent[1]["body"]


def test_root_path_of_the_app():
    seen = {}

    async def response(scope, receive, send):
        seen.update(scope)

    app = make_app()
    app.root_path = "/api"
    call(OutcomeApp(app), False, response, "/api/items/3")
    assert seen["root_path"] == "/api"
    assert seen["endpoint"].__name__ == "read_item"
