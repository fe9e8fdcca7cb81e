"""Endpoints that stream, of every kind, and a log of what was called. See test_streams.py."""

import asyncio
import contextvars
import gc
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Annotated, Any

import fastapi.routing
from fastapi import APIRouter, BackgroundTasks, Body, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from fastapi.security import OAuth2PasswordBearer
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

if os.environ.get("COMPARE_CLASS") == "fastapi":
    from fastapi import FastAPI as App
else:
    from fasterapi import FasterAPI as App

app = App()
router = APIRouter(prefix="/in")
said: list[Any] = []
var = contextvars.ContextVar("var", default="")
gate = asyncio.Event()
fastapi.routing._PING_INTERVAL = float(os.environ.get("PING", "15"))


def log(what: str) -> None:
    if asyncio.events._get_running_loop() is None:
        where = "thread"
    else:
        where = "loop" if asyncio.current_task() is not None else "no task"
    said.append([where, var.get(), what])


class Item(BaseModel):
    n: int
    text: str | None = None


class CustomError(Exception):
    pass


@app.exception_handler(CustomError)
async def custom(request: Request, exc: CustomError):
    log(f"handler {exc}")
    return JSONResponse({"custom": str(exc), "state": getattr(request.state, "x", None)}, 418)


@app.get("/log")
async def read_log():
    gc.collect()  # a generator that nobody runs to its end is closed when it is collected
    now, said[:] = list(said), []
    return now


@app.get("/gate")
async def open_gate():
    gate.set()


oauth2 = OAuth2PasswordBearer("token")


def opened(fail: str = "") -> Iterator[str]:
    log("opening")
    if fail == "open":
        raise CustomError("in open")
    log("open")
    try:
        yield "resource"
        log("after")
        if fail == "after":
            raise CustomError("after the answer")
    except BaseException as exc:
        log(f"saw {type(exc).__name__}")
        if fail == "swallow":
            return
        if fail == "translate":
            raise CustomError("translated") from exc
        raise
    finally:
        log("close")


async def opened_async(fail: str = "") -> AsyncIterator[str]:
    log("async open")
    var.set("dependency")
    try:
        yield "async"
        log("async after")
        if fail == "async after":
            raise CustomError("after the answer")
    except BaseException as exc:
        log(f"async saw {type(exc).__name__}")
        raise
    finally:
        log("async close")


async def user(token: Annotated[str, Depends(oauth2)]):
    log("user")
    if token == "bad":
        raise HTTPException(401, "bad token", {"x-why": "bad"})
    return token


def plain(q: str = "", page: int = 1):
    log("plain")
    return [q, page]


async def task(what: str) -> None:
    log(f"task {what}")


class Unknown:
    """Nothing makes JSON of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "unknown"


def steps(what: str) -> Iterator[Any]:
    """Items, with what goes wrong on the way."""
    log("first")
    if what == "first":
        raise ValueError("before the first item")
    if what == "http":
        raise HTTPException(409, "conflict")
    if what == "custom":
        raise CustomError("in the generator")
    yield {"n": 1, "more": "é"}
    log("between")
    if what == "middle":
        raise ValueError("in the middle")
    if what == "refused":
        yield {"n": "x"}
    if what == "nan":
        yield {"n": 2, "x": float("nan")}
    if what == "object":
        yield Unknown()
    if what == "many":
        yield from ({"n": n} for n in range(500))
    yield Item(n=3, text="t")
    log("end")


async def async_steps(what: str) -> AsyncIterator[Any]:
    for item in steps(what):
        yield item
        if what == "slow":
            await asyncio.sleep(0)


def everywhere(path: str, **options: Any) -> Any:
    """Register on the app, and on an included router."""

    def register(function: Any) -> Any:
        app.get(path, **options)(function)
        router.get(path, **options)(function)
        return function

    return register


# -- JSON lines ------------------------------------------------------------------------------------


@everywhere("/def/lines")
def lines(what: str = ""):
    yield from steps(what)


@everywhere("/async/lines")
async def async_lines(what: str = ""):
    async for item in async_steps(what):
        yield item


@everywhere("/def/typed")
def typed(what: str = "") -> Iterable[Item]:
    yield from steps(what)


@everywhere("/async/typed", response_model_exclude_none=True)
async def async_typed(what: str = "") -> AsyncIterable[Item]:
    async for item in async_steps(what):
        yield item


@everywhere("/lines/{number:int}", status_code=201)
async def with_status(number: int, response: Response, tasks: BackgroundTasks, status: int = 0):
    log("called")
    response.headers["x-late"] = "no"
    tasks.add_task(task, "from the generator")
    for n in range(number):
        yield n


# -- server-sent events ----------------------------------------------------------------------------


@everywhere("/def/events", response_class=EventSourceResponse)
def events(what: str = ""):
    yield from steps(what)


@everywhere("/async/events", response_class=EventSourceResponse)
async def async_events(what: str = "") -> AsyncIterable[Item]:
    async for item in async_steps(what):
        yield item


@everywhere("/events/own", response_class=EventSourceResponse)
async def own_events():
    yield ServerSentEvent(data="a\nb", event="e", id="1", retry=3, comment="hello\nthere")
    yield ServerSentEvent(raw_data="x\r\ny")
    yield ServerSentEvent(data=Item(n=1))
    yield ServerSentEvent(data={"a": float("inf")})
    yield ServerSentEvent(comment="only")
    yield {"plain": True}


@everywhere("/events/none", response_class=EventSourceResponse)
def no_generator(what: str = ""):
    log("called")
    return iter([1, 2]) if what == "" else 7


@everywhere("/events/coroutine", response_class=EventSourceResponse)
async def coroutine():
    return [1]


class Derived(EventSourceResponse):
    pass


@everywhere("/events/derived", response_class=Derived, status_code=202)
async def derived(response: Response, tasks: BackgroundTasks):
    tasks.add_task(task, "events")
    yield 1


@app.get("/events/pings", response_class=EventSourceResponse)
async def pings(d: Annotated[str, Depends(opened_async)]):
    gate.clear()
    yield "before"
    await gate.wait()
    yield "after"


# -- raw -------------------------------------------------------------------------------------------


@everywhere("/def/raw", response_class=StreamingResponse)
def raw(what: str = ""):
    for item in steps(what):
        yield str(item)


@everywhere("/async/raw", response_class=StreamingResponse)
async def async_raw(what: str = ""):
    async for item in async_steps(what):
        yield str(item).encode()


class Csv(StreamingResponse):
    media_type = "text/csv"


@everywhere("/raw/csv", response_class=Csv)
def csv():
    yield "a,b\n"
    yield b"1,2\n"
    yield memoryview(b"3,4\n")


@everywhere("/raw/text", response_class=PlainTextResponse)
def text():
    yield "never"


@everywhere("/raw/json", response_class=JSONResponse)
async def json():
    yield "never"


@everywhere("/raw/odd", response_class=StreamingResponse)
def odd():
    yield "one"
    yield 7


# -- dependencies ----------------------------------------------------------------------------------


def with_dependencies(kind: str, **options: Any) -> None:
    """The same trees in front of each kind."""

    @everywhere(f"/{kind}/exits", **options)
    async def exits(d: Annotated[str, Depends(opened)], what: str = ""):
        log("begin")
        async for item in async_steps(what):
            yield str(item)

    @everywhere(f"/{kind}/def/exits", **options)
    def def_exits(d: Annotated[str, Depends(opened)], what: str = ""):
        log("begin")
        for item in steps(what):
            yield str(item)

    @everywhere(f"/{kind}/scopes", **options)
    async def scopes(
        request: Request,
        f: Annotated[str, Depends(opened_async, scope="function")],
        d: Annotated[str, Depends(opened)],
        p: Annotated[Any, Depends(plain)],
        response: Response,
        tasks: BackgroundTasks,
        what: str = "",
    ):
        tasks.add_task(task, "last")
        log(f"begin {f} {d} {p}")
        for item in steps(what):
            yield str([item, request.url.path, request.path_params])

    @everywhere(f"/{kind}/user", **options)
    async def of_user(who: Annotated[str, Depends(user)]):
        yield who

    def headers(response: Response, tasks: BackgroundTasks, request: Request, status: int = 0):
        response.headers["x-one"] = "1"
        response.set_cookie("a", "b")
        request.state.x = "state"
        if status:
            response.status_code = status
        tasks.add_task(task, "dependency")

    @everywhere(f"/{kind}/headers", dependencies=[Depends(headers)], **options)
    async def of_headers(request: Request, what: str = ""):
        log("begin")
        async for item in async_steps(what):
            yield str(item)

    @app.post(f"/{kind}/body", **options)
    async def of_body(item: Item, request: Request, number: Annotated[int, Body()]):
        yield str(item)
        yield str([(await request.body()).decode(), number])

    @app.api_route(f"/{kind}/head", methods=["GET", "HEAD"], **options)
    async def of_head():
        log("called")
        yield "body"


with_dependencies("lines")
with_dependencies("events", response_class=EventSourceResponse)
with_dependencies("raw", response_class=StreamingResponse)


# -- the client's leaving --------------------------------------------------------------------------


def endless(kind: str, **options: Any) -> None:
    @app.get(f"/{kind}/endless", **options)
    async def of_endless(d: Annotated[str, Depends(opened_async)], tasks: BackgroundTasks):
        tasks.add_task(task, "never")
        try:
            while True:
                yield "x" * 1000
                await asyncio.sleep(0.001)
        finally:
            log("generator closed")


endless("lines")
endless("events", response_class=EventSourceResponse)
endless("raw", response_class=StreamingResponse)

app.include_router(router)
