"""Compiled `async def` handlers that wait: they live until they are done, or are told to end."""

from __future__ import annotations

import pathlib
import signal

from live_server import start_fasterapi
from wire import Connection, exchange

APP = """
import asyncio, contextlib, gc
from fasterapi import FasterAPI

@contextlib.asynccontextmanager
async def lifespan(app):
    yield
    print("lifespan ends", flush=True)

app = FasterAPI(lifespan=lifespan)
waiting = []

@app.get("/orphan")
async def orphan():
    print("waits", flush=True)
    event = asyncio.Event()  # nobody else knows of it, nor of the task that waits for it
    try:
        await event.wait()
    finally:
        print("ended", flush=True)

@app.get("/collect")
async def collect():
    gc.collect()
    return len(asyncio.all_tasks())

@app.get("/cleans-up")
async def cleans_up():
    print("waits", flush=True)
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(0)
        print("cancelled", flush=True)
        raise
"""


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode()


def test_a_task_nobody_else_knows_of_is_kept(tmp_path: pathlib.Path):
    (tmp_path / "app.py").write_text(APP)
    server = start_fasterapi(str(tmp_path / "app.py"), "--graceful-timeout", "0")
    try:
        with Connection(server.address) as connection:
            connection.send(get("/orphan"))
            server.wait_for_line("waits")
            before = exchange(server.address, get("/collect")).body
            for _ in range(5):
                assert exchange(server.address, get("/collect")).body == before
            assert "ended" not in server.output
    finally:
        server.stop()
    assert "ended" in server.output


def test_the_end_of_the_graceful_time_cancels_handlers_before_the_lifespan_ends(
    tmp_path: pathlib.Path,
):
    (tmp_path / "app.py").write_text(APP)
    server = start_fasterapi(str(tmp_path / "app.py"), "--graceful-timeout", "0.1")
    try:
        with Connection(server.address) as connection:
            connection.send(get("/cleans-up"))
            server.wait_for_line("waits")
            server.signal(signal.SIGTERM)
            assert server.wait_for_end() == 0
    finally:
        server.stop()
    lines = server.output.splitlines()
    assert lines.index("cancelled") < lines.index("lifespan ends")
    assert any("1 task(s) cancelled" in line for line in lines)
