"""Blocking calls in `def` handlers and in AnyIO's threads, held until they may go on."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter, run_sync
from fastapi import FastAPI
from field_app import App

lock = threading.Lock()
leave = threading.Event()
counts = {"now": 0, "most": 0}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    if "TOKENS" in os.environ:
        current_default_thread_limiter().total_tokens = int(os.environ["TOKENS"])
    yield


app = App(lifespan=lifespan)


def hold() -> int:
    with lock:
        counts["now"] += 1
        counts["most"] = max(counts["most"], counts["now"])
    leave.wait(60)
    with lock:
        counts["now"] -= 1
    return 1


@app.get("/def")
def hold_here() -> int:
    return hold()


@app.get("/anyio")
async def hold_in_a_thread() -> int:
    return await run_sync(hold)


@app.get("/total/{total}")
async def set_total(total: int) -> None:
    current_default_thread_limiter().total_tokens = total


@app.get("/leave")
async def let_go_on() -> None:
    leave.set()


@app.get("/stay")
async def let_wait() -> None:
    leave.clear()
    counts["most"] = 0


@app.get("/state")
async def read_state() -> dict[str, float]:
    limiter = current_default_thread_limiter()
    return {
        **counts,
        "borrowed": limiter.borrowed_tokens,
        "available": limiter.available_tokens,
        "total": limiter.total_tokens,
        "waiting": limiter.statistics().tasks_waiting,
    }
