"""SystemExit and KeyboardInterrupt outside of requests: there they end the server.

WHERE: "startup", "shutdown", "task" (one of the lifespan's) or "" (nowhere). KIND: see exits_app.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exits_app import leave, leave_later
from field_app import App

WHERE, KIND = os.environ.get("WHERE", ""), os.environ.get("KIND", "")


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[None]:
    if WHERE == "startup":
        leave(KIND)
    go = asyncio.Event()
    app.state.go = go

    async def own() -> None:
        await go.wait()
        await leave_later(KIND)

    task = asyncio.create_task(own())
    try:
        yield
    finally:
        task.cancel()
        print("lifespan ends", flush=True)
    if WHERE == "shutdown":
        leave(KIND)


app = App(lifespan=lifespan)


@app.get("/ok")
async def ok() -> str:
    return "ok"


@app.get("/go")
async def go() -> str:
    app.state.go.set()
    return "gone"


@app.get("/own/{kind}")
async def own_task(kind: str) -> str:
    await asyncio.wait([asyncio.create_task(leave_later(kind))])
    return "went on"
