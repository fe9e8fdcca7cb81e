"""What the limits of a running server are about: answers that wait, work after them, processes.

FLAGS: a folder; who waits, waits until a file of its name is there. AROUND: "", "asgi" or "base" middleware.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import BackgroundTasks, Depends, Request, WebSocket
from fastapi.responses import StreamingResponse
from field_app import App

FLAGS = pathlib.Path(os.environ.get("FLAGS", "/nowhere"))
AROUND = os.environ.get("AROUND", "")
_kept: list[bytes] = []


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[None]:
    yield
    print("lifespan ends", flush=True)


app = App(lifespan=lifespan)


async def flag(name: str) -> None:
    while not (FLAGS / name).exists():
        await asyncio.sleep(0.01)


def flag_in_thread(name: str) -> None:
    while not (FLAGS / name).exists():
        time.sleep(0.01)


@app.get("/wait/async")
async def wait_async() -> str:
    await flag("async")
    return "waited"


@app.get("/wait/def")
def wait_def() -> str:
    flag_in_thread("def")
    return "waited"


def slow_dependency() -> Iterator[None]:
    flag_in_thread("dependency")
    yield


@app.get("/wait/dependency", dependencies=[Depends(slow_dependency)])
def wait_dependency(request: Request) -> str:
    return f"waited {request.url.path}"


@app.get("/wait/stream")
async def wait_stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        await flag("stream")
        yield "waited"

    return StreamingResponse(parts())


@app.get("/after/async")
async def after_async(tasks: BackgroundTasks) -> str:
    tasks.add_task(flag, "async")
    return "answered"


@app.get("/after/def")
def after_def(tasks: BackgroundTasks) -> str:
    tasks.add_task(flag_in_thread, "def")
    return "answered"


@app.get("/pid")
async def pid() -> int:
    return os.getpid()


@app.get("/block")
async def block() -> None:
    """Keep the event loop, and never give it back."""
    while True:
        time.sleep(1)


@app.get("/busy/{seconds}")
async def busy(seconds: float) -> None:
    """Keep it for a while, as code does that should be `def`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@app.get("/grow/{mebibytes}")
async def grow(mebibytes: int) -> int:
    _kept.append(os.urandom(1 << 20) * mebibytes)
    return os.getpid()


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


@app.websocket("/silent")
async def silent(websocket: WebSocket) -> None:
    """Say how it ended; nothing is asked for before "silent" is there."""
    await websocket.accept()
    await flag("silent")
    count = 0
    while (message := await websocket.receive())["type"] == "websocket.receive":
        count += 1
        if message.get("text") == "count":
            await websocket.send_text(str(count))
    print(f"ended with {message['code']}", flush=True)


if AROUND == "asgi":

    class Around:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(scope, receive, send)

    app.add_middleware(Around)
elif AROUND == "base":

    @app.middleware("http")
    async def around(request: Request, call_next: Any) -> Any:
        return await call_next(request)
