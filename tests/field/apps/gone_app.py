"""Streams that note how far they came. The collector is off: what ends here ends because nobody
refers to it any more."""

from __future__ import annotations

import asyncio
import collections
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, Self

import sse_starlette
from fastapi import Depends
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse
from field_app import App
from field_middleware import add_middleware

gc.disable()

app = App()
add_middleware(app)

#: What happened, and how often.
counts: collections.Counter[str] = collections.Counter()
#: What is alive of each stream.
alive: weakref.WeakSet[Any] = weakref.WeakSet()
gate = threading.Event()


class Subscription:
    """Held by a generator alone, for whom it notes that it was left in order."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        alive.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        counts["finally"] += 1


async def waiting() -> AsyncIterator[bytes]:
    """Suspended in an await of its own."""
    with Subscription() as subscription:
        yield b"hello"
        while True:
            yield await subscription.queue.get()


async def flooding() -> AsyncIterator[bytes]:
    """Suspended at a yield, while `send` waits for the client to read."""
    with Subscription() as subscription:
        yield b"hello"
        while subscription.queue.empty():
            yield b"x" * 65536
            await asyncio.sleep(0)


async def hasty() -> AsyncIterator[bytes]:
    """The same without any await."""
    with Subscription() as subscription:
        yield b"hello"
        while subscription.queue.empty():
            yield b"x" * 65536


async def ticking() -> AsyncIterator[bytes]:
    with Subscription() as subscription:
        yield b"hello"
        while subscription.queue.empty():
            await asyncio.sleep(0.01)
            yield b"t" * 50


def threads() -> Iterator[bytes]:
    """A ``def`` generator: each step in a thread."""
    with Subscription() as subscription:
        yield b"hello"
        while subscription.queue.empty():
            yield b"x" * 65536


def gated() -> Iterator[bytes]:
    """In its thread until /open."""
    with Subscription() as subscription:
        yield b"hello"
        counts["in the thread"] += 1
        gate.wait()
        while subscription.queue.empty():
            yield b"late"


MAKERS: dict[str, Callable[[], Any]] = {
    made.__name__: made for made in (waiting, flooding, hasty, ticking, threads, gated)
}


def dependency() -> Iterator[int]:
    counts["open"] += 1
    yield 1
    counts["closed"] += 1


async def async_dependency() -> AsyncIterator[int]:
    counts["open"] += 1
    yield 1
    counts["closed"] += 1


One = Annotated[int, Depends(dependency)]
Two = Annotated[int, Depends(async_dependency)]


@app.get("/plain/{name}")
async def plain(name: str) -> StreamingResponse:
    return StreamingResponse(MAKERS[name](), media_type="text/event-stream")


@app.get("/dependent/{name}")
async def dependent(name: str, one: One, two: Two) -> StreamingResponse:
    return StreamingResponse(MAKERS[name](), media_type="text/event-stream")


@app.get("/def/{name}")
def from_def(name: str, one: One) -> StreamingResponse:
    return StreamingResponse(MAKERS[name](), media_type="text/event-stream")


async def native(name: str, one: One, two: Two) -> AsyncIterator[str]:
    with Subscription() as subscription:
        yield "hello"
        while name != "waiting" and subscription.queue.empty():
            yield "x" * 65536
        yield (await subscription.queue.get()).decode()


app.get("/lines/{name}")(native)
app.get("/events/{name}", response_class=EventSourceResponse)(native)
app.get("/raw/{name}", response_class=StreamingResponse)(native)


@app.get("/def-lines/{name}")
def def_native(name: str, one: One) -> Iterator[str]:
    for piece in MAKERS[name]():
        yield piece.decode()


@app.get("/sse-starlette/{name}")
async def other_events(name: str, one: One, two: Two) -> Any:
    return sse_starlette.EventSourceResponse(MAKERS[name]())


@app.get("/state")
async def state() -> dict[str, int]:
    return {**counts, "alive": len(alive)}


@app.get("/open")
async def open_gate() -> None:
    gate.set()
