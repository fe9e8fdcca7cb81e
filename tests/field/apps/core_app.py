"""WebSockets that take their time, and requests that leave a mark."""

from __future__ import annotations

import asyncio

from fastapi import WebSocket
from field_app import App

app = App()
marks: list[str] = []
go = asyncio.Event()


@app.get("/mark/{name}")
async def mark(name: str) -> str:
    marks.append(name)
    return name


@app.get("/marks")
async def read_marks() -> list[str]:
    return marks


@app.get("/go")
async def let_go() -> None:
    go.set()


@app.websocket("/late")
async def late(websocket: WebSocket) -> None:
    """Accepts when told to; until then its client is not upgraded."""
    await go.wait()
    await websocket.accept()
    while True:
        await websocket.receive_text()


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())


@app.websocket("/deaf")
async def deaf(websocket: WebSocket) -> None:
    """Accepts, and asks for nothing."""
    await websocket.accept()
    await go.wait()
