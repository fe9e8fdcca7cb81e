"""The app for tests of the server itself: handlers that wait, fail, stream and report."""

import asyncio
import os
import pathlib
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from fasterapi import FasterAPI


class Item(BaseModel):
    name: str
    size: int = 0


seen: dict[str, int] = {}
waiting: list[asyncio.Event] = []
gate = threading.Event()
counting = threading.Lock()


def count(name: str) -> None:
    seen[name] = seen.get(name, 0) + 1


@asynccontextmanager
async def lifespan(_: FasterAPI) -> AsyncIterator[dict[str, Any]]:
    print("lifespan: startup", flush=True)
    yield {"from_lifespan": "here"}
    print("lifespan: shutdown", flush=True)


app = FasterAPI(lifespan=lifespan)


@app.get("/")
async def root():
    return {"id": 1, "name": "Alice"}


@app.get("/def")
def root_def():
    return {"id": 1, "name": "Alice"}


@app.get("/echo/{text}")
async def echo(text: str, n: int = 0):
    return {"text": text, "n": n}


@app.post("/items")
async def items(item: Item) -> Item:
    return item


@app.post("/length")
async def length(request: Request):
    return len(await request.body())


@app.get("/count/async")
async def count_async():
    count("count async")
    return seen["count async"]


@app.get("/count/def")
def count_def():
    with counting:
        count("count def")
        return seen["count def"]


@app.get("/pid")
def pid():
    return os.getpid()


@app.get("/state")
async def state(request: Request):
    return {"seen": seen, "waiting": len(waiting), "lifespan": request.state.from_lifespan}


@app.get("/stats")
async def stats():
    return app.stats()


@app.get("/wait")
async def wait():
    """Answers when /release is asked for."""
    event = asyncio.Event()
    waiting.append(event)
    await event.wait()
    return "released"


@app.get("/release")
async def release():
    number = len(waiting)
    while waiting:
        waiting.pop().set()
    gate.set()
    return number


@app.get("/block")
def block():
    """The same on a worker thread."""
    count("block")
    gate.wait()
    return "unblocked"


@app.get("/until-file/async")
async def until_file_async(folder: pathlib.Path):
    """Touches folder/started, and answers when folder/finish is there."""
    (folder / "started").touch()
    while not (folder / "finish").exists():
        await asyncio.sleep(0.005)
    return "finished"


@app.get("/until-file/def")
def until_file_def(folder: pathlib.Path):
    (folder / "started").touch()
    while not (folder / "finish").exists():
        time.sleep(0.005)
    return "finished"


@app.get("/until-file/stream")
async def until_file_stream(folder: pathlib.Path):
    async def parts() -> AsyncIterator[bytes]:
        (folder / "started").touch()
        while not (folder / "finish").exists():
            yield b"more "
            await asyncio.sleep(0.005)
        yield b"finished"

    return StreamingResponse(parts())


@app.get("/boom/async")
async def boom_async():
    raise RuntimeError("boom in a coroutine")


@app.get("/boom/def")
def boom_def():
    raise RuntimeError("boom in a thread")


@app.get("/boom/exit")
def boom_exit():
    raise SystemExit(9)


@app.get("/boom/unserialisable")
async def boom_unserialisable():
    return {"x": object.__new__(type("Slotted", (), {"__slots__": ("a",)}))}


@app.get("/boom/stream")
async def boom_stream():
    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        raise RuntimeError("boom in a stream")

    return StreamingResponse(parts())


@app.get("/boom/header")
async def boom_header():
    return Response(headers={"x-bad": "a\r\nset-cookie: stolen=1"})


@app.get("/endless")
async def endless():
    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
                count("endless parts")
        finally:
            count("endless closed")

    return StreamingResponse(parts())


@app.get("/until-disconnect")
async def until_disconnect(request: Request):
    count("disconnect wanted")
    while not await request.is_disconnected():
        await asyncio.sleep(0.005)
    count("disconnect seen")
    return None


@app.get("/large")
async def large():
    return Response(b"0123456789abcdef" * 500_000)
