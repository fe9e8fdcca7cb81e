"""Handlers that do what a server must survive: hold on, let go, keep, and never come back."""

from __future__ import annotations

import json
import pathlib
import threading

import pytest
from live_server import start_fasterapi, wait_until
from wire import Connection, exchange

APP = """
import sys, threading
from typing import Annotated
from fasterapi import FasterAPI, Query
from pydantic import BaseModel

app = FasterAPI()
kept = []
door = threading.Event()

class Item(BaseModel):
    name: str
    tags: list[str] = []

@app.post("/keep/{number}")
async def keep(number: int, item: Item, q: Annotated[list[str], Query()] = []):
    kept.append((number, item, q))
    return item

@app.post("/keep-def/{number}")
def keep_def(number: int, item: Item, q: Annotated[list[str], Query()] = []):
    kept.append((number, item, q))
    return item

@app.get("/kept")
async def read():
    return [[number, item.model_dump(), q] for number, item, q in kept]

@app.get("/wait")
def wait():  # gives the GIL up for as long as it takes
    print("waits\\n", end="", flush=True)  # one write: threads print it at a time
    door.wait()
    return "waited"

@app.get("/open")
async def open_door():
    door.set()
    return "opened"

@app.get("/raise/{kind}")
def fail(kind: str):
    raise {"exit": SystemExit(3), "interrupt": KeyboardInterrupt(), "base": BaseException("base"),
           "recursion": RecursionError(), "memory": MemoryError(), "stop": StopIteration()}[kind]

@app.get("/raise-async/{kind}")
async def fail_async(kind: str):
    fail(kind)

@app.get("/exit")
def leave():
    sys.exit(4)
"""


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory):
    folder: pathlib.Path = tmp_path_factory.mktemp("executor")
    (folder / "app.py").write_text(APP)
    server = start_fasterapi(str(folder / "app.py"))
    yield server
    server.stop()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode()


def post(path: str, value: object) -> bytes:
    body = json.dumps(value).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_arguments_that_are_kept_stay_whole(executor):
    expected = []
    with Connection(executor.address) as connection:
        for number in range(300):
            item = {"name": f"n{number}" * 50, "tags": [str(number)] * 20}
            path = "/keep" if number % 2 else "/keep-def"
            connection.send(post(f"{path}/{number}?q=a{number}&q=b", item))
            assert connection.read_response(b"POST").status == 200
            expected.append([number, item, [f"a{number}", "b"]])
        connection.send(get("/kept"))
        assert json.loads(connection.read_response().body) == expected


def test_a_handler_that_waits_without_the_gil_holds_nobody_up(executor):
    waiting = [Connection(executor.address) for _ in range(5)]
    for connection in waiting:
        connection.send(get("/wait"))
    executor.wait_for_line("waits", 5)
    for _ in range(20):
        assert exchange(executor.address, get("/kept")).status == 200
    assert exchange(executor.address, get("/open")).status == 200
    for connection in waiting:
        assert connection.read_response().body == b'"waited"'
        connection.close()


@pytest.mark.parametrize("way", ["raise", "raise-async"])
@pytest.mark.parametrize("kind", ["exit", "interrupt", "base", "recursion", "memory", "stop"])
def test_whatever_is_raised_the_server_lives_on(executor, way, kind):
    with Connection(executor.address) as connection:
        connection.send(get(f"/{way}/{kind}"))
        data = connection.read_to_end() if kind in ("exit", "interrupt", "base") else b""
        if not data and kind in ("recursion", "memory", "stop"):
            assert connection.read_response().status == 500
        elif data:
            assert data.startswith(b"HTTP/1.1 500 ")
    assert exchange(executor.address, get("/open")).status == 200
    assert executor.process.poll() is None


def test_sys_exit_in_every_thread(executor):
    def ask() -> None:
        with Connection(executor.address) as connection:
            connection.send(get("/exit"))
            connection.read_to_end()

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert exchange(executor.address, get("/open")).status == 200
    assert executor.process.poll() is None


MIXED = """
import threading
from fasterapi import Depends, FasterAPI

app = FasterAPI()
begun, door = [], threading.Event()

async def first():
    begun.append(1)

def session():
    yield "session"

@app.get("/wait")
def wait(one: None = Depends(first), two: str = Depends(session)):
    door.wait()
    return two

@app.get("/begun")
async def read():
    return len(begun)

@app.get("/open")
async def open_door():
    door.set()
"""


def test_def_endpoints_behind_async_dependencies_wait_for_room_in_the_workers_queue(tmp_path):
    (tmp_path / "app.py").write_text(MIXED)
    server = start_fasterapi(
        str(tmp_path / "app.py"), FASTERAPI_WORKER_THREADS="1", FASTERAPI_QUEUE_SIZE="2"
    )
    waiting = [Connection(server.address) for _ in range(12)]
    for connection in waiting:
        connection.send(get("/wait"))

    def all_have_begun() -> bool:
        return exchange(server.address, get("/begun")).body == b"12"

    wait_until(all_have_begun, "the async halves of 12 requests")
    assert exchange(server.address, get("/open")).status == 200
    for connection in waiting:
        assert connection.read_response().body == b'"session"'
        connection.close()
    assert server.stop() == 0, server.output
