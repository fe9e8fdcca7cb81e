"""Answers of every kind, each with a background task that counts; and handlers that wait."""

from __future__ import annotations

import asyncio
import collections
import os
import pathlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends, File, Request, UploadFile
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from field_app import App
from field_middleware import add_middleware
from starlette.background import BackgroundTask

app = App()
add_middleware(app)

counts: collections.Counter[str] = collections.Counter()
#: Opened once the clients have left.
gate = threading.Event()
UPLOADS = pathlib.Path("uploads")
UPLOADS.mkdir(exist_ok=True)


def done(what: str) -> None:
    counts["task " + what] += 1


async def open_gate() -> None:
    counts["waiting"] += 1
    while not gate.is_set():
        await asyncio.sleep(0.005)


def wait_for_gate() -> None:
    counts["waiting"] += 1
    gate.wait()


def dependency() -> Iterator[int]:
    yield 1
    counts["closed"] += 1


One = Annotated[int, Depends(dependency)]
FILE = __file__


@app.get("/async/value")
async def async_value(tasks: BackgroundTasks) -> int:
    tasks.add_task(done, "async value")
    await open_gate()
    return 1


@app.get("/def/value")
def def_value(tasks: BackgroundTasks) -> int:
    tasks.add_task(done, "def value")
    wait_for_gate()
    return 1


@app.get("/async/exits")
async def async_exits(tasks: BackgroundTasks, one: One) -> int:
    tasks.add_task(done, "async exits")
    await open_gate()
    return 1


@app.get("/def/exits")
def def_exits(tasks: BackgroundTasks, one: One) -> int:
    tasks.add_task(done, "def exits")
    wait_for_gate()
    return 1


@app.get("/async/plain")
async def async_plain() -> PlainTextResponse:
    await open_gate()
    return PlainTextResponse("x", background=BackgroundTask(done, "async plain"))


@app.get("/def/json")
def def_json() -> JSONResponse:
    wait_for_gate()
    return JSONResponse({}, background=BackgroundTask(done, "def json"))


@app.get("/async/file")
async def async_file() -> FileResponse:
    await open_gate()
    return FileResponse(FILE, background=BackgroundTask(done, "async file"))


@app.get("/def/file")
def def_file(one: One) -> FileResponse:
    wait_for_gate()
    return FileResponse(FILE, background=BackgroundTask(done, "def file"))


async def pieces() -> AsyncIterator[bytes]:
    counts["waiting"] += 1
    yield b"hello"
    await asyncio.Event().wait()


@app.get("/async/stream")
async def async_stream() -> StreamingResponse:
    return StreamingResponse(pieces(), background=BackgroundTask(done, "async stream"))


@app.get("/def/stream")
def def_stream(one: One) -> StreamingResponse:
    return StreamingResponse(pieces(), background=BackgroundTask(done, "def stream"))


@app.get("/async/lines")
async def async_lines(tasks: BackgroundTasks) -> AsyncIterator[int]:
    tasks.add_task(done, "async lines")
    counts["waiting"] += 1
    yield 1
    await asyncio.Event().wait()


async def raw(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app that knows nothing of its client."""
    await open_gate()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x", "more_body": True})
    await send({"type": "http.response.body"})
    done("raw")


app.mount("/raw", raw)

# -- who waits for the client ----------------------------------------------------------------------


@app.get("/told/{how}")
async def told(how: str, request: Request) -> None:
    counts["waiting"] += 1
    if how == "receive":
        while (await request.receive())["type"] != "http.disconnect":
            pass
    else:
        while not await request.is_disconnected():
            await asyncio.sleep(0.005)
    counts["told"] += 1


@app.get("/to-the-end")
async def to_the_end() -> None:
    try:
        await open_gate()
        counts["through"] += 1
    except asyncio.CancelledError:
        counts["cancelled"] += 1
        raise


# -- uploads ---------------------------------------------------------------------------------------


@app.post("/upload/stream")
async def upload_stream(request: Request) -> None:
    path = UPLOADS / "part"
    try:
        with path.open("wb") as file:
            async for piece in request.stream():
                file.write(piece)
                counts["waiting"] += bool(piece)
    except Exception as exc:
        counts[type(exc).__name__] += 1
        path.unlink()
        raise


@app.post("/upload/body")
async def upload_body(request: Request) -> None:
    counts["waiting"] += 1
    try:
        await request.body()
    except Exception as exc:
        counts[type(exc).__name__] += 1
        raise


@app.post("/upload/form")
async def upload_form(file: Annotated[UploadFile, File()]) -> None:
    counts["through"] += 1


@app.get("/state")
async def state() -> dict[str, int]:
    opened = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    left = len(list(UPLOADS.iterdir())) + sum("(deleted)" in name for name in opened)
    return {**counts, "files": left}


@app.get("/open")
async def open_the_gate() -> None:
    gate.set()
