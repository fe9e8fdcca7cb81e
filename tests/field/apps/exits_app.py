"""Exceptions that are none of `Exception`, raised in every place that runs for a request.

AROUND: what stands around the routes: "", "asgi", "base", or "base2" (two of them).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import BackgroundTasks, Depends, Request, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.sse import EventSourceResponse
from field_app import App

app = App()


def leave(kind: str) -> None:
    """Raise what `kind` names; all else: go on."""
    if kind == "exit":
        sys.exit(7)
    if kind == "interrupt":
        raise KeyboardInterrupt
    if kind == "generator":
        raise GeneratorExit
    if kind == "cancelled":
        raise asyncio.CancelledError


async def leave_later(kind: str) -> None:
    await asyncio.sleep(0)
    leave(kind)


@app.get("/ok")
async def ok() -> str:
    return "ok"


# -- endpoints -------------------------------------------------------------------------------------


@app.get("/at-once/{kind}")
async def at_once(kind: str) -> Any:
    leave(kind)


@app.get("/later/{kind}")
async def later(kind: str) -> Any:
    await leave_later(kind)


@app.get("/def/{kind}")
def in_thread(kind: str) -> Any:
    leave(kind)


@app.get("/request/{kind}")
async def with_request(kind: str, request: Request) -> Any:
    await leave_later(kind)


@app.get("/request-def/{kind}")
def with_request_in_thread(kind: str, request: Request) -> Any:
    leave(kind)


# -- dependencies ----------------------------------------------------------------------------------


def needed_in_thread(kind: str) -> str:
    leave(kind)
    return kind


async def needed(kind: str) -> str:
    await leave_later(kind)
    return kind


def ends_in_thread(kind: str) -> Iterator[str]:
    yield kind
    leave(kind)


async def ends(kind: str) -> AsyncIterator[str]:
    yield kind
    await leave_later(kind)


async def ends_at_once(kind: str) -> AsyncIterator[str]:
    yield kind
    leave(kind)


@app.get("/needs/{kind}")
async def needs(found: str = Depends(needed)) -> str:
    return found


@app.get("/needs-def/{kind}")
def needs_in_thread(found: str = Depends(needed_in_thread)) -> str:
    return found


@app.get("/needs-def-async/{kind}")
async def needs_from_thread(found: str = Depends(needed_in_thread)) -> str:
    return found


@app.get("/exit/{kind}")
async def exits(found: str = Depends(ends)) -> str:
    return found


@app.get("/exit-at-once/{kind}")
async def exits_at_once(found: str = Depends(ends_at_once)) -> str:
    return found


@app.get("/exit-def/{kind}")
def exits_in_thread(found: str = Depends(ends_in_thread)) -> str:
    return found


@app.get("/exit-function/{kind}")
async def function_exits(found: str = Depends(ends, scope="function")) -> str:
    return found


@app.get("/exit-function-def/{kind}")
def function_exits_in_thread(found: str = Depends(ends_in_thread, scope="function")) -> str:
    return found


# -- what comes after the answer has begun ---------------------------------------------------------


@app.get("/task/{kind}")
async def task(kind: str, tasks: BackgroundTasks) -> str:
    tasks.add_task(leave_later, kind)
    return kind


@app.get("/task-def/{kind}")
def task_in_thread(kind: str, tasks: BackgroundTasks) -> str:
    tasks.add_task(leave, kind)
    return kind


@app.get("/stream/{kind}")
async def stream(kind: str) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        await leave_later(kind)

    return StreamingResponse(pieces())


@app.get("/stream-first/{kind}")
async def stream_first(kind: str) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        await leave_later(kind)
        yield b"a"

    return StreamingResponse(pieces())


@app.get("/stream-def/{kind}")
def stream_in_thread(kind: str) -> StreamingResponse:
    def pieces() -> Iterator[bytes]:
        yield b"a"
        leave(kind)

    return StreamingResponse(pieces())


@app.get("/yield/{kind}")
async def yields(kind: str) -> AsyncIterator[int]:
    yield 1
    await leave_later(kind)


@app.get("/yield-def/{kind}")
def yields_in_thread(kind: str) -> Iterator[int]:
    yield 1
    leave(kind)


@app.get("/events/{kind}", response_class=EventSourceResponse)
async def events(kind: str) -> AsyncIterator[int]:
    yield 1
    await leave_later(kind)


# -- elsewhere -------------------------------------------------------------------------------------


other = App()


@other.get("/later/{kind}")
async def mounted(kind: str) -> Any:
    await leave_later(kind)


app.mount("/mounted", other)


async def plain(scope: Any, receive: Any, send: Any) -> None:
    await leave_later(scope["path"].rpartition("/")[2])


app.mount("/asgi", plain)


async def starlette_endpoint(request: Request) -> JSONResponse:
    await leave_later(request.path_params["kind"])
    return JSONResponse(1)


app.add_route("/route/{kind}", starlette_endpoint)


@app.exception_handler(ValueError)
async def handler(request: Request, exc: ValueError) -> JSONResponse:
    await leave_later(request.path_params["kind"])
    return JSONResponse(1)


@app.get("/handler/{kind}")
async def handled(kind: str) -> None:
    raise ValueError


@app.websocket("/ws/{kind}")
async def socket(kind: str, websocket: WebSocket) -> None:
    await websocket.accept()
    await leave_later(kind)


@app.websocket("/ws-first/{kind}")
async def socket_first(kind: str, websocket: WebSocket) -> None:
    await leave_later(kind)


# -- middleware ------------------------------------------------------------------------------------


class Around:
    """Pure ASGI."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        when, _, kind = scope.get("query_string", b"").decode().partition("=")
        if when == "before":
            await leave_later(kind)
        await self.app(scope, receive, send)
        if when == "after":
            await leave_later(kind)


async def dispatch(request: Request, call_next: Any) -> Any:
    await leave_later(request.query_params.get("before", ""))
    response = await call_next(request)
    await leave_later(request.query_params.get("after", ""))
    return response


AROUND = os.environ.get("AROUND", "")
if AROUND == "asgi":
    app.add_middleware(Around)
for _ in range({"base": 1, "base2": 2}.get(AROUND, 0)):
    app.middleware("http")(dispatch)
