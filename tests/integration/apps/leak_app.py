"""The app for leak tests: one route for each kind of path, and a report of what is held."""

import asyncio
import contextlib
import ctypes
import gc
import pathlib
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import anyio.to_thread
from fastapi import (
    BackgroundTasks,
    Cookie,
    Depends,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    WebSocket,
    WebSocketDisconnect,
)
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from fasterapi import FasterAPI
from fasterapi.plan import plan_app


@contextlib.asynccontextmanager
async def lifespan(app: FasterAPI) -> AsyncIterator[None]:
    # As for our own threads: forty of AnyIO's would go on growing for as long as the test runs.
    anyio.to_thread.current_default_thread_limiter().total_tokens = 2
    yield


app = FasterAPI(lifespan=lifespan)


class Item(BaseModel):
    name: str
    size: int = 0
    tags: list[str] = []


class Statistics(ctypes.Structure):
    """struct mallinfo2 of glibc, which adds up the heaps of all threads."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    )


def heap_statistics() -> Any:
    function = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if function is not None:
        function.restype = Statistics
    return function


mallinfo2 = heap_statistics()
greeting = "grüße"  # not ASCII, so that no cache of the interpreter knows it
payload = b"0123456789abcdef" * 2000
background_runs = 0


@app.get("/async/dict")
async def async_dict():
    return {"id": 1, "name": "Alice"}


@app.get("/async/large")
async def async_large() -> list[str]:
    return ["0123456789abcdef"] * 500


@app.get("/async/suspends")
async def async_suspends(n: int):
    await asyncio.sleep(0)
    return {"n": n}


@app.get("/async/raises-after-wait")
async def async_raises_after_wait():
    await asyncio.sleep(0)
    raise HTTPException(418, greeting)


@app.get("/def/dict")
def def_dict():
    return {"id": 1, "name": greeting}


@app.get("/def/typed/{number}")
def def_typed(number: int, skip: int = 0, ratio: float = 0.5, text: str | None = None):
    return [number, skip, ratio, text]


@app.get("/async/typed/{number}")
async def async_typed(number: int, skip: int = 0, ratio: float = 0.5, text: str | None = None):
    return [number, skip, ratio, text]


@app.get("/async/header-cookie")
async def header_cookie(
    user_agent: Annotated[str, Header()], session: Annotated[str | None, Cookie()] = None
):
    return [user_agent, session]


@app.get("/async/list")
async def list_query(q: Annotated[list[int], Query()]):
    return q


@app.post("/async/model")
async def async_model(item: Item) -> Item:
    return item


@app.post("/def/model")
def def_model(item: Item) -> Item:
    return item


@app.get("/async/http-error")
async def async_http_error():
    raise HTTPException(404, {"what": greeting}, {"x-why": "missing"})


@app.get("/def/http-error")
def def_http_error():
    raise HTTPException(404, greeting)


@app.get("/async/raises")
async def async_raises():
    raise RuntimeError(greeting)


@app.get("/def/raises")
def def_raises():
    raise RuntimeError(greeting)


@app.get("/async/response")
async def async_response():
    return Response(b"plain", headers={"x-kind": "response"})


@app.get("/async/response/large")
async def async_response_large():
    return Response(payload)


@app.get("/async/response/task")
async def response_with_task():
    return Response(b"plain", background=BackgroundTasks([]))


@app.get("/async/stream")
async def stream():
    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield payload
        yield b"two"

    return StreamingResponse(parts())


async def limited() -> None:
    """A dependency that FastAPI itself looks after, because of its limit."""


bridged = [Depends(limited, max_concurrency=100)]


@app.get("/bridge/request", dependencies=bridged)
async def bridge_request(request: Request):
    return {"path": request.url.path}


@app.post("/bridge/body", dependencies=bridged)
async def bridge_body(request: Request):
    return len(await request.body())


@app.get("/bridge/background", dependencies=bridged)
async def bridge_background(tasks: BackgroundTasks):
    tasks.add_task(run_in_background)
    return "queued"


@app.get("/tree/request")
async def tree_request(request: Request):
    return {"path": request.url.path}


@app.post("/tree/body")
async def tree_body(request: Request):
    return len(await request.body())


@app.get("/tree/background")
async def tree_background(tasks: BackgroundTasks):
    tasks.add_task(run_in_background)
    return "queued"


def opened() -> Iterator[dict[str, str]]:
    yield {"greeting": greeting}


async def opened_async(raises: bool = False) -> AsyncIterator[dict[str, str]]:
    await asyncio.sleep(0)
    yield {"greeting": greeting}
    if raises:
        raise RuntimeError(greeting)


@app.get("/tree/def")
def tree_def(values: Annotated[dict[str, str], Depends(opened)]):
    return values


@app.get("/tree/async")
async def tree_async(values: Annotated[dict[str, str], Depends(opened_async)]):
    return values


@app.get("/tree/mixed")
async def tree_mixed(values: Annotated[dict[str, str], Depends(opened)]):
    return values


@app.get("/tree/raises")
async def tree_raises(values: Annotated[dict[str, str], Depends(opened_async)]):
    raise HTTPException(418, values)


@app.get("/tree/def/raises")
def tree_def_raises(values: Annotated[dict[str, str], Depends(opened)]):
    raise HTTPException(418, values)


async def two_parts() -> AsyncIterator[bytes]:
    yield b"one "
    yield b"two"


@app.get("/tree/stream")
async def tree_stream(values: Annotated[dict[str, str], Depends(opened_async)]):
    return StreamingResponse(two_parts())


@app.get("/tree/def/stream")
def tree_def_stream(values: Annotated[dict[str, str], Depends(opened)]):
    return StreamingResponse(two_parts())


async def run_in_background() -> None:
    global background_runs
    background_runs += 1


@app.websocket("/ws")
async def echo(socket: WebSocket):
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass


kept: list[object] = []


@app.get("/leaky/object")
async def leaky_object():
    kept.append([])
    return None


@app.get("/leaky/reference")
async def leaky_reference():
    kept.append(greeting)
    return None


@app.get("/leaky/heap")
async def leaky_heap():
    if not kept or not isinstance(kept[-1], bytearray):
        kept.append(bytearray())
    kept[-1] += b"x" * 1000  # one object, whatever its size
    return None


HANDLERS = {
    name: value
    for name, value in list(globals().items())
    if getattr(value, "__module__", None) == __name__ and callable(value)
}
TIERS = {verdict.path: verdict.tier for verdict in plan_app(app).verdicts}


def reference_counts() -> dict[str, int]:
    """Of what many requests touch. Since 3.12 None and its like are immortal and not counted."""
    shared = {"app": app, "router": app.router, "greeting": greeting, "payload": payload}
    shared |= {"loop": asyncio.get_running_loop(), "Response": Response, "Exception": HTTPException}
    if sys.version_info < (3, 12):
        shared |= {"None": None, "True": True, "False": False, "zero": 0, "()": (), "b''": b""}
    counts = {name: sys.getrefcount(value) for name, value in shared.items()}
    for name, handler in HANDLERS.items():
        counts[name] = sys.getrefcount(handler)
    return counts


@app.get("/report")
async def report():
    """What is held now. `heap` (bytes of malloc in use) is None where the C library has no count."""
    gc.collect()
    heap = None
    if mallinfo2 is not None:
        statistics = mallinfo2()
        heap = statistics.uordblks + statistics.hblkhd
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return {
        "refs": reference_counts(),
        "blocks": sys.getallocatedblocks(),
        "objects": len(gc.get_objects()),
        "heap": heap,
        "resident": pages * 4096,
        "stats": app.stats(),
        "waiting": len(asyncio.all_tasks() - {asyncio.current_task()}),
        "tiers": TIERS,
        "background": background_runs,
    }
