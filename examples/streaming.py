"""Streams and WebSockets: FastAPI's own code, on this server.

fasterapi run examples/streaming.py
curl -N http://127.0.0.1:8000/ticks
"""

import asyncio
from collections.abc import AsyncIterator

from fastapi import WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

from fasterapi import FasterAPI

app = FasterAPI(title="Streaming")


@app.get("/ticks")
async def ticks(count: int = 5, pause: float = 1.0) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        for number in range(count):
            yield f"tick {number}\n"
            await asyncio.sleep(pause)

    return StreamingResponse(lines(), media_type="text/plain")


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        return
