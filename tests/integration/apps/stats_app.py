"""Endpoints for the tests of statistics and switches: every lane, failures, large answers."""

import os
import threading

from pydantic import BaseModel

from fasterapi import FasterAPI, HTTPException

app = FasterAPI()


class Large(BaseModel):
    """Pydantic writes it, so the body is an object that is sent from where it lies."""

    text: str


LARGE = Large(text="x" * 20_000)
gate = threading.Event()


@app.get("/async")
async def on_the_loop():
    return {"lane": "loop"}


@app.get("/def")
def on_a_worker():
    return {"lane": "worker"}


@app.get("/large")
async def large() -> Large:
    return LARGE


@app.get("/raise/async")
async def raise_on_the_loop():
    raise ValueError("on purpose")


@app.get("/raise/def")
def raise_on_a_worker():
    raise ValueError("on purpose")


@app.get("/missing")
def missing():
    raise HTTPException(404)


@app.get("/block/loop")
async def block_the_loop():
    """The whole of Python's event loop hangs until /release comes, on a worker thread."""
    gate.clear()
    gate.wait(60)
    return os.getpid()


@app.get("/release")
def release():
    gate.set()
    return os.getpid()


@app.get("/stats")
async def stats():
    return app.stats()
