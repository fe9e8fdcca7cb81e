"""What a server has to stop for: streams, handlers that take long, a WebSocket, a lifespan."""

import asyncio
import atexit
import os
import pathlib
import signal
import sys
import threading
import time
from contextlib import asynccontextmanager
from typing import Any

from fastapi import BackgroundTasks, WebSocket
from field_app import App
from starlette.responses import StreamingResponse


def say(*words: object) -> None:
    """One write for the line: print's pieces let a line of the core's log in between."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


@asynccontextmanager
async def lifespan(app: App):
    yield
    say("lifespan ends")


atexit.register(say, "atexit")
app = App(lifespan=lifespan)
FINISH = pathlib.Path(os.environ.get("FINISH", "/nowhere"))

if os.environ.get("MIDDLEWARE"):

    @app.middleware("http")
    async def passing(request, call_next):
        return await call_next(request)


class Listening:
    """An ASGI app that sends a part of an answer, and then waits for what it receives."""

    def __init__(self, kind: bytes, pause: float = 0.0) -> None:
        self.kind, self.pause = kind, pause

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        start = {"type": "http.response.start", "status": 200}
        await send(start | {"headers": [(b"content-type", self.kind)]})
        hearing = asyncio.ensure_future(self.hear(receive))
        try:
            part = {"type": "http.response.body", "body": b": part\n\n", "more_body": True}
            await send(part)
            while self.pause and not hearing.done() and not FINISH.exists():
                await asyncio.sleep(self.pause)
                await send(part)
            if self.pause and not hearing.done():
                await send({"type": "http.response.body", "body": b"whole"})
            else:
                await hearing
        finally:
            hearing.cancel()
            say("finally of", scope["path"])

    async def hear(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        say("heard")


app.mount("/events", Listening(b"text/event-stream; charset=utf-8", 0.01))
app.mount("/silent", Listening(b"text/plain"))
app.mount("/moving", Listening(b"text/plain", 0.01))


@app.get("/yields")
async def yields():
    async def parts():
        try:
            while True:
                yield ": part\n\n"
                await asyncio.sleep(0.01)
        finally:
            say("finally of /yields")

    return StreamingResponse(parts(), media_type="text/event-stream")


@app.get("/watching")
async def watching():
    """It finds the server as sse-starlette does, and says goodbye when that is to stop."""
    server = signal.getsignal(signal.SIGTERM).__self__  # type: ignore[union-attr]

    async def parts():
        yield ": part\n\n"
        while not server.should_exit:
            await asyncio.sleep(0.02)
        yield ": goodbye\n\n"

    return StreamingResponse(parts(), media_type="text/event-stream")


async def until_finish() -> None:
    while not FINISH.exists():
        await asyncio.sleep(0.01)


@app.get("/async")
async def answers():
    say("begun")
    await until_finish()
    return "answered"


@app.get("/def")
def answers_def():
    say("begun")
    while not FINISH.exists():
        time.sleep(0.01)
    return "answered"


@app.get("/cleans-up")
async def cleans_up():
    say("begun")
    try:
        await asyncio.sleep(3600)
    finally:
        say("finally of /cleans-up")


@app.get("/stuck")
def stuck():
    say("begun")
    threading.Event().wait()


@app.get("/task")
async def task(tasks: BackgroundTasks):
    tasks.add_task(until_finish)
    return "begun"


@app.get("/task-def")
def task_def(tasks: BackgroundTasks):
    tasks.add_task(answers_def)
    return "begun"


@app.websocket("/ws")
async def ws(websocket: WebSocket):
    await websocket.accept()
    say("WebSocket:", (await websocket.receive())["code"])


if os.environ.get("PATCH"):
    # What libraries did before there was a better way.
    from uvicorn.main import Server

    original = Server.handle_exit

    def handle_exit(self: Any, sig: int, frame: Any) -> None:
        say("patched", signal.Signals(sig).name)
        original(self, sig, frame)

    Server.handle_exit = handle_exit  # type: ignore[method-assign]
