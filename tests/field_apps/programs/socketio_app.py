"""python-socketio beside a FastAPI app: mounted in it, by polling and by WebSocket."""

from __future__ import annotations

from typing import Any

import socketio
from fastapi import FastAPI
from field_probe import carry

sio = socketio.AsyncServer(async_mode="asgi", ping_interval=5, ping_timeout=5)
ended: list[str] = []


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    if auth == "refuse":
        raise socketio.exceptions.ConnectionRefusedError("refused")
    names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_X_MORE", "SERVER_PROTOCOL")
    await sio.save_session(sid, {name: environ.get(name) for name in names})


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    ended.append(reason)


@sio.event
async def echo(sid: str, data: Any) -> Any:
    await sio.emit("echoed", data, to=sid)
    return data


@sio.event
async def join(sid: str, room: str) -> int:
    await sio.enter_room(sid, room)
    await sio.emit("joined", {"room": room}, room=room)
    return len(list(sio.manager.get_participants("/", room)))


@sio.event
async def session(sid: str) -> Any:
    return await sio.get_session(sid)


app = FastAPI()
carry(app)


@app.get("/ended")
async def tell_ended() -> list[str]:
    return ended


app.mount("/", socketio.ASGIApp(sio))
