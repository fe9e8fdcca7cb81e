"""Routes with dependencies of every kind, and a log of what was called. See test_trees.py."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Annotated, Any

from anyio import CancelScope, from_thread
from fastapi import (
    BackgroundTasks,
    Body,
    Depends,
    Header,
    HTTPException,
    Request,
    Response,
    Security,
)
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from fastapi.security import APIKeyQuery, OAuth2PasswordBearer, SecurityScopes
from pydantic import BaseModel

if os.environ.get("COMPARE_CLASS") == "fastapi":
    from fastapi import FastAPI as App
else:
    from fasterapi import FasterAPI as App

app = App()
log: list[Any] = []


class Unknown:
    """Middleware that the core knows nothing of: the plans run at the inner end of the stack."""

    def __init__(self, app: Any) -> None:
        self.inner = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.inner(scope, receive, send)


if os.environ.get("TREE_MIDDLEWARE"):
    app.add_middleware(Unknown)


class Item(BaseModel):
    name: str
    size: int = 0


class CustomError(Exception):
    pass


@app.exception_handler(CustomError)
async def custom(request: Request, exc: CustomError):
    log.append(f"handler {exc}")
    return JSONResponse({"custom": str(exc), "who": getattr(request.state, "who", None)}, 418)


@app.get("/log")
async def read_log():
    said, log[:] = list(log), []
    settings.cache_clear()  # each case begins anew
    return said


oauth2 = OAuth2PasswordBearer("token")
key = APIKeyQuery(name="key", auto_error=False)


def leaf(q: str | None = None, skip: int = 0):
    return {"q": q, "skip": skip}


def plain(q: str | None = None):
    log.append("plain")
    return q


async def user(token: Annotated[str, Depends(oauth2)], scopes: SecurityScopes):
    log.append(f"user {scopes.scope_str}")
    if token == "bad":
        raise HTTPException(401, "bad token")
    return token


class Pager:
    def __init__(self, page: int = 1):
        self.page = page


def opened(fail: str = "") -> Iterator[str]:
    log.append("opening")
    if fail == "open":
        raise CustomError("in open")
    log.append("open")
    try:
        yield "resource"
        log.append("after")
        if fail == "after":
            raise CustomError("after the answer")
    except ValueError as exc:
        log.append(f"saw {exc}")
        if fail == "swallow":
            return
        raise
    finally:
        log.append("close")


async def opened_async(r: Annotated[str, Depends(opened)], fail: str = "") -> AsyncIterator[str]:
    log.append("async open")
    try:
        yield r + " async"
        if fail == "async after":
            raise CustomError("after the answer")
    except ValueError as exc:
        log.append(f"async saw {exc}")
        if fail == "translate":
            raise CustomError("translated") from exc
        raise
    finally:
        log.append("async close")


async def guarded(fail: str = "") -> AsyncIterator[str]:
    """Nothing to wait for, and bound to its task."""
    log.append("guard open")
    task = asyncio.current_task()
    with CancelScope():
        try:
            yield "guarded"
            if fail == "after":
                raise CustomError("after the answer")
        except ValueError as exc:
            log.append(f"guard saw {exc}")
            if fail == "swallow":
                return
            if fail == "translate":
                raise CustomError("translated") from exc
            raise
        finally:
            log.append("same task" if asyncio.current_task() is task else "another task")
            log.append("guard close")


def never() -> Iterator[str]:
    log.append("never")
    if log is None:
        yield ""


async def never_async() -> AsyncIterator[str]:
    log.append("never")
    if log is None:
        yield ""


def twice() -> Iterator[int]:
    log.append("once")
    yield 1
    log.append("twice")
    yield 2


async def twice_async() -> AsyncIterator[int]:
    log.append("once")
    yield 1
    log.append("twice")
    yield 2


@lru_cache
def settings() -> str:
    log.append("settings")
    return "settings"


@lru_cache
def known() -> str:
    log.append("known")
    return "known"


known()
log.clear()


def run(what: str) -> Any:
    log.append(f"endpoint {what}")
    if what == "value":
        raise ValueError("from the endpoint")
    if what == "http":
        raise HTTPException(409, "conflict", {"x-why": "because"})
    if what == "stream":
        return StreamingResponse(iter([b"one ", b"two"]))
    if what == "nan":
        return float("nan")
    if what == "response":
        return Response(b"raw", 202)
    return {"what": what}


def both(path: str, **options: Any) -> Any:
    """Register a function as `def` and as `async def`, at /def/... and /async/..."""

    def register(function: Any) -> Any:
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        wrapper.__signature__ = __import__("inspect").signature(function)  # type: ignore[attr-defined]
        app.get("/def" + path, **options)(function)
        app.get("/async" + path, **options)(wrapper)
        return function

    return register


@both("/leaf")
def of_leaf(values: Annotated[Any, Depends(leaf)], pager: Annotated[Pager, Depends()]):
    return [values, pager.page]


@both("/cached")
def of_cached(
    a: Annotated[Any, Depends(plain)],
    b: Annotated[Any, Depends(plain)],
    c: Annotated[Any, Depends(plain, use_cache=False)],
):
    return [a, b, c]


@both("/user")
def of_user(who: Annotated[str, Security(user, scopes=["read"])], k: Annotated[Any, Depends(key)]):
    return [who, k]


@both("/exits")
def of_exits(r: Annotated[str, Depends(opened)], what: str = ""):
    return run(what)


@both("/exits/async")
def of_async_exits(r: Annotated[str, Depends(opened_async)], what: str = ""):
    return run(what)


@both("/exits/guarded")
def of_guarded(r: Annotated[str, Depends(guarded)], what: str = ""):
    return run(what)


async def first(fail: str = "") -> str:
    log.append("first")
    if fail == "first":
        raise HTTPException(403, "not you")
    return "first"


def second(before: Annotated[str, Depends(first)], fail: str = "") -> str:
    log.append("second")
    if fail == "second":
        raise CustomError("in second")
    return before + " second"


@both("/tail")
def of_tail(s: Annotated[str, Depends(second)], response: Response, what: str = ""):
    response.headers["x-tail"] = s
    return run(what)


@both("/exits/tail")
def of_exits_tail(
    s: Annotated[str, Depends(second)],
    r: Annotated[str, Depends(opened)],
    request: Request,
    what: str = "",
):
    request.state.who = s
    return run(what)


@both("/exits/tail/function")
def of_function_exits_tail(
    s: Annotated[str, Depends(first)],
    r: Annotated[str, Depends(opened)],
    f: Annotated[str, Depends(opened, scope="function", use_cache=False)],
    what: str = "",
):
    return run(what)


@both("/exits/tail/background")
def of_background_tail(
    s: Annotated[str, Depends(first)],
    r: Annotated[str, Depends(opened)],
    tasks: BackgroundTasks,
    what: str = "",
):
    tasks.add_task(log.append, "task")
    return run(what)


@both("/exits/before/async")
def of_exits_before(
    r: Annotated[str, Depends(opened)], s: Annotated[str, Depends(second)], what: str = ""
):
    return run(what)


@both("/exits/never")
def of_never(r: Annotated[str, Depends(never)]):
    return run("")


@both("/exits/never/async")
def of_never_async(r: Annotated[str, Depends(never_async)]):
    return run("")


@both("/exits/twice")
def of_twice(r: Annotated[int, Depends(twice)], what: str = ""):
    return run(what)


@both("/exits/twice/async")
def of_twice_async(r: Annotated[int, Depends(twice_async)], what: str = ""):
    return run(what)


async def on_the_loop() -> str:
    asyncio.get_running_loop()
    return "on the loop"


def through_anyio() -> Iterator[str]:
    from_thread.check_cancelled()
    yield from_thread.run(on_the_loop) + from_thread.run_sync(str)


@app.get("/def/from/thread")
def from_a_thread():
    return [from_thread.run(on_the_loop), from_thread.run_sync(str)]


@app.get("/def/from/thread/exits")
def from_a_thread_with_exits(said: Annotated[str, Depends(through_anyio)]):
    return said


@both("/remembered")
def of_remembered(first: Annotated[str, Depends(settings)], second: Annotated[str, Depends(known)]):
    return [first, second]


@both("/exits/function")
def of_function_exits(
    r: Annotated[str, Depends(opened)],
    s: Annotated[str, Depends(opened, scope="function", use_cache=False)],
    what: str = "",
):
    return run(what)


@both("/exits/background")
def of_background(r: Annotated[str, Depends(opened)], tasks: BackgroundTasks, what: str = ""):
    tasks.add_task(log.append, "task")
    return run(what)


@both("/background")
def of_background_alone(tasks: BackgroundTasks, add: bool = True):
    if add:
        tasks.add_task(log.append, "task")
    return "queued"


@both("/response")
def of_response(response: Response, status: int = 0):
    response.headers["x-one"] = "1"
    response.set_cookie("a", "b")
    if status:
        response.status_code = status
    return {"a": 1}


@both("/request/{number:int}")
def of_request(request: Request, number: int, what: str = ""):
    request.state.who = "somebody"
    if what == "custom":
        raise CustomError("with a state")
    url = str(request.url_for("read_log")).partition("/log")[1]
    return [request.url.path, request.path_params, dict(request.query_params), number, url]


@both("/none", status_code=204)
def of_none(values: Annotated[Any, Depends(leaf)]):
    return None


@both("/html", response_class=HTMLResponse)
def of_html(values: Annotated[Any, Depends(leaf)]):
    return f"<b>{values}</b>"


@both("/typed")
def of_typed(values: Annotated[Any, Depends(leaf)], name: str | None = None) -> Item:
    return {"name": name, "more": 1}  # type: ignore[return-value]


@app.post("/bodies")
async def of_bodies(item: Item, number: Annotated[int, Body()], x: Annotated[str, Header()] = ""):
    return [item, number, x]


@app.post("/body/in/dependency")
async def of_dependency_body(item: Annotated[Item, Depends(lambda item: item)]):
    return item


@app.post("/request/body")
async def of_request_body(request: Request):
    return [await request.json(), await request.is_disconnected()]
