"""An app that takes bodies on each road."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Request
from field_app import App

app = App()


@app.get("/")
async def read() -> str:
    return "here"


@app.post("/json")
async def count_json(value: Annotated[dict[str, Any], Body()]) -> int:
    return len(value["text"])


@app.post("/def")
def count_in_thread(value: Annotated[dict[str, Any], Body()]) -> int:
    return len(value["text"])


@app.post("/stream")
async def count_stream(request: Request) -> int:
    return sum([len(piece) async for piece in request.stream()])
