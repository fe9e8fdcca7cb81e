"""sse-starlette: the event streams of its README, and their brothers of Starlette and FastAPI."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
from fastapi import Depends, FastAPI
from field_probe import carry
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse

app = FastAPI()
carry(app)

#: What has ended, in order.
ended: list[str] = []


@app.get("/ended")
async def tell_ended() -> list[str]:
    return ended


async def session(request: Request) -> AsyncIterator[str]:
    try:
        yield "session"
    finally:
        ended.append(f"dependency of {request.url.path}")


async def numbers(name: str, count: int | None = None) -> AsyncIterator[dict[str, Any]]:
    number = 0
    try:
        while count is None or number < count:
            yield {"event": "number", "id": str(number), "data": f"{number} " + "x" * 200}
            number += 1
            await asyncio.sleep(0.01)
    finally:
        ended.append(name)


async def waiting(name: str) -> AsyncIterator[dict[str, Any]]:
    """One event, then nothing for ever."""
    try:
        yield {"data": "hello"}
        await asyncio.Event().wait()
    finally:
        ended.append(name)


@app.get("/numbers")
async def endless() -> EventSourceResponse:
    return EventSourceResponse(numbers("numbers"))


@app.get("/numbers/{count}")
async def counted(count: int) -> EventSourceResponse:
    task = BackgroundTask(ended.append, f"task after {count}")
    return EventSourceResponse(numbers(f"{count} numbers", count), background=task)


@app.get("/waiting")
async def quiet() -> EventSourceResponse:
    return EventSourceResponse(waiting("waiting"))


@app.get("/depends")
async def depending(session: str = Depends(session)) -> EventSourceResponse:
    return EventSourceResponse(waiting("depends"), ping=1)


@app.get("/threaded")
def threaded() -> EventSourceResponse:
    def events() -> Iterator[ServerSentEvent]:
        yield JSONServerSentEvent({"number": 1}, event="json")
        yield ServerSentEvent("two\nlines", retry=100)

    return EventSourceResponse(events(), sep="\n")


@app.get("/channel")
async def channel() -> EventSourceResponse:
    send, receive = anyio.create_memory_object_stream[dict[str, str]](10)

    async def publish() -> None:
        async with send:
            for number in range(3):
                await send.send({"data": str(number)})

    return EventSourceResponse(receive, data_sender_callable=publish)


@app.get("/told")
async def told() -> EventSourceResponse:
    async def close(message: dict[str, Any]) -> None:
        ended.append(f"told {message['type']}")

    return EventSourceResponse(waiting("told"), client_close_handler_callable=close)


@app.get("/farewell")
async def farewell() -> EventSourceResponse:
    going = anyio.Event()

    async def events() -> AsyncIterator[dict[str, str]]:
        try:
            yield {"data": "hello"}
            await going.wait()
            yield {"data": "farewell"}
        finally:
            ended.append("farewell")

    return EventSourceResponse(events(), shutdown_event=going, shutdown_grace_period=1)


@app.get("/asked")
async def asking(request: Request) -> EventSourceResponse:
    async def events() -> AsyncIterator[dict[str, str]]:
        while not await request.is_disconnected():
            yield {"data": "still there"}
            await asyncio.sleep(0.01)
        ended.append("asked")

    return EventSourceResponse(events())


@app.get("/plain")
async def plain() -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        async for event in waiting("plain"):
            yield f"data: {event['data']}\n\n"

    task = BackgroundTask(functools.partial(ended.append, "task of plain"))
    return StreamingResponse(lines(), media_type="text/event-stream", background=task)
