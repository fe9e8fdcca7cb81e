"""A WebSocket that says what it hears. BENCH_CLASS=fastapi makes it plain FastAPI."""

import os

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

App: type[FastAPI]
if os.environ.get("BENCH_CLASS") == "fastapi":
    App = FastAPI
else:
    from fasterapi import FasterAPI as App

app = App()


@app.websocket("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass
