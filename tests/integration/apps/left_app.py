"""Answers that are still made when their client has closed its side, and a thread that never ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from fastapi import Request
from fastapi.responses import PlainTextResponse, StreamingResponse

from fasterapi import FasterAPI

app = FasterAPI()


@app.get("/value")
async def value() -> str:
    return "whole"


@app.get("/told")
async def told(request: Request) -> str:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return "whole"


@app.get("/thread")
def thread() -> PlainTextResponse:
    return PlainTextResponse('"whole"')


async def bare(scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b'"whole"'})


app.mount("/bare", bare)


def stuck() -> Iterator[bytes]:
    yield b"hello"
    threading.Event().wait()


@app.get("/stuck")
async def stuck_stream() -> StreamingResponse:
    return StreamingResponse(stuck())
