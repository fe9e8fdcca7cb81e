"""The app for tests of hostile clients: it records what ran and shows the server's own counts."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Cookie, Request, Response, WebSocket
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel

from fasterapi import FasterAPI


class Item(BaseModel):
    name: str


app = FasterAPI()
ran: dict[str, int] = {}
counting = threading.Lock()
held = asyncio.Event()
gate = threading.Event()


def count(name: str) -> None:
    with counting:
        ran[name] = ran.get(name, 0) + 1


@app.get("/pid")
def pid():
    return os.getpid()


@app.get("/stats")
def stats():
    """On a worker thread: it answers while the event loop is blocked, too."""
    return app.stats()


@app.get("/ran")
def what_ran():
    with counting:
        return dict(ran)


@app.get("/hidden")
async def hidden():
    count("hidden")
    return "hidden"


@app.get("/async/{n}")
async def number_async(n: int):
    return n


@app.get("/def/{n}")
def number_def(n: int):
    return n


@app.get("/handed/{n}")
async def number_handed(n: int, request: Request):
    return n


@app.get("/cookie")
async def cookie(last: Annotated[str, Cookie()]):
    return last


@app.get("/cookies")
async def cookies(request: Request):
    return request.cookies["last"]


@app.post("/model")
async def model(item: Item):
    count("model")
    return item.name


@app.post("/model-def")
def model_def(item: Item):
    return item.name


@app.post("/length")
async def length(request: Request):
    count("length")
    return len(await request.body())


@app.post("/held-length")
async def held_length(request: Request):
    """Reads its body only after /let-go."""
    count("held-length")
    await held.wait()
    return len(await request.body())


@app.get("/held/async")
async def held_async():
    count("held")
    await held.wait()
    return "let go"


@app.get("/held/def")
def held_def():
    count("held")
    gate.wait()
    return "let go"


@app.get("/held/handed")
async def held_handed(request: Request):
    count("held")
    await held.wait()
    return "let go"


@app.get("/held/disconnect")
async def held_disconnect(request: Request):
    count("held")
    while (await request.receive())["type"] != "http.disconnect":
        pass
    count("disconnected")
    return None


@app.get("/block-loop")
async def block_loop():
    count("blocked")
    gate.wait()
    return "unblocked"


@app.get("/open-gate")
def open_gate():
    gate.set()
    return "open"


@app.get("/let-go")
async def let_go():
    held.set()
    gate.set()
    return "let go"


@app.get("/hold-again")
async def hold_again():
    held.clear()
    gate.clear()
    return "held"


@app.get("/endless")
async def endless():
    async def parts() -> AsyncIterator[bytes]:
        count("endless")
        while True:
            yield b"x" * 16384

    return StreamingResponse(parts())


@app.get("/bodyless/{status}")
async def bodyless(status: int):
    return Response(b"hello", status, headers={"content-length": "5"})


@app.get("/bodyless-handed/{status}")
async def bodyless_handed(status: int, request: Request):
    return Response(b"hello", status, headers={"content-length": "5"})


@app.get("/bodyless-file/{status}")
async def bodyless_file(status: int):
    return FileResponse(__file__, status)


@app.get("/url")
async def url(request: Request):
    return {"path": request.url.path, "query": request.url.query}


@app.get("/file")
async def file(path: str):
    return FileResponse(path)


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    count("websocket")
    async for message in websocket.iter_text():
        await websocket.send_text(message)
