"""Answers of every kind, for what a start command says of all of them; and what it has set."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Response, WebSocket
from fastapi.responses import FileResponse, StreamingResponse
from field_app import App

app = App()


@app.get("/value")
async def value() -> dict[str, int]:
    return {"value": 1}


@app.get("/thread")
def thread() -> dict[str, int]:
    return {"value": 2}


@app.get("/long")
async def long() -> str:
    return "x" * 9000


@app.get("/object")
async def made() -> Response:
    return Response("text", headers={"x-own": "1"})


@app.get("/empty", status_code=204)
async def empty() -> None: ...


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    return StreamingResponse(parts())


@app.get("/file")
async def file() -> FileResponse:
    return FileResponse(Path(__file__))


@app.get("/refused")
async def refused() -> None:
    raise HTTPException(403)


@app.get("/failed")
async def failed() -> None:
    raise RuntimeError("on purpose")


@app.get("/number/{number}")
async def number(number: int) -> int:
    return number


@app.get("/set")
async def what_is_set(name: str) -> str | None:
    return os.environ.get(name)


@app.get("/pid")
async def pid() -> int:
    return os.getpid()


@app.get("/ws")
async def not_a_websocket() -> str:
    return "plain"


@app.websocket("/ws")
async def accepted(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


@app.websocket("/ws/refused")
async def not_accepted(websocket: WebSocket) -> None:
    await websocket.close()


def asgi2(scope: Any) -> Any:
    """The same app, called as ASGI 2 was."""

    async def instance(receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return instance


def make() -> App:
    """A factory."""
    return app


if os.environ.get("START_MIDDLEWARE"):

    @app.middleware("http")
    async def around(request: Any, call_next: Any) -> Any:
        return await call_next(request)
