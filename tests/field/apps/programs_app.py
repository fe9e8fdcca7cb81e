"""What libraries make of a server: sse-starlette's streams, a WSGI app in a2wsgi, an MCP-like answer."""

import asyncio
import gc
import os
import sys
import threading
from typing import Any

import anyio
from a2wsgi import WSGIMiddleware
from field_app import App
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response

gc.disable()  # what is alive may not be ended by the collector
app = App()
went_on = threading.Event()


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")  # one write: no line comes in between
    sys.stdout.flush()


if os.environ.get("MIDDLEWARE"):

    @app.middleware("http")
    async def passing(request, call_next):
        return await call_next(request)


async def waiting(name: str):
    try:
        yield {"data": "hello"}
        await asyncio.Event().wait()
    finally:
        say("ended", name)


async def moving():
    try:
        while True:
            yield {"data": "hello"}
            await asyncio.sleep(0.01)
    finally:
        say("ended moving")


@app.get("/waiting")
async def stream_waiting() -> EventSourceResponse:
    return EventSourceResponse(waiting("waiting"))


@app.get("/moving")
def stream_moving() -> EventSourceResponse:
    return EventSourceResponse(moving())


@app.get("/told")
async def stream_told() -> EventSourceResponse:
    async def close(message: Any) -> None:
        say("ended told", message["type"])

    return EventSourceResponse(waiting("told, too"), client_close_handler_callable=close)


@app.get("/channel")
async def stream_channel() -> EventSourceResponse:
    send, receive = anyio.create_memory_object_stream[dict[str, str]](1)

    async def publish() -> None:
        try:
            async with send:
                await send.send({"data": "hello"})
                await asyncio.Event().wait()
        finally:
            say("ended channel")

    return EventSourceResponse(receive, data_sender_callable=publish)


@app.get("/farewell")
async def stream_farewell() -> EventSourceResponse:
    going = anyio.Event()

    async def events():
        yield {"data": "hello"}
        await going.wait()
        yield {"data": "farewell"}

    return EventSourceResponse(events(), shutdown_event=going, shutdown_grace_period=5)


@app.get("/twice")
async def answer_twice(request: Request) -> Response:
    """As the SSE transport of MCP: the stream goes out by `send`, and then an answer is returned."""
    await EventSourceResponse(waiting("twice"))(request.scope, request.receive, request._send)
    return Response()


def wsgi(environ: dict[str, Any], start_response: Any) -> Any:
    start_response("200 OK", [("content-type", "text/plain")])
    if environ["PATH_INFO"] == "/echo":
        body = environ["wsgi.input"].read()
        return [b"%d %s\n" % (len(body), environ["SCRIPT_NAME"].encode()), body]
    return lines()


def lines():
    yield b"first\n"
    went_on.wait(30)
    for number in range(200):
        yield b"%d " % number + b"x" * 1000
    say("ended wsgi")


@app.get("/go-on")
async def let_wsgi_go_on() -> None:
    went_on.set()


app.mount("/wsgi", WSGIMiddleware(wsgi))
