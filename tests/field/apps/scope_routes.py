"""Routes that change while the server runs. MIDDLEWARE: none, pure or base.

POST /{async,def,thread}/{what} makes a change, POST /undo takes all of them back. GET /caller names
who has called the endpoint: that tells FastAPI's own code from a plan.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from fastapi import APIRouter
from field_app import App
from field_middleware import add_middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

app = App()
add_middleware(app)

inner, outer, mounted = APIRouter(), APIRouter(), App()


@app.get("/first")
@outer.get("/first")
@inner.get("/first")
@mounted.get("/first")
async def first() -> str:
    return "first"


@app.get("/second")
def second() -> str:
    return "second"


@app.get("/caller")
async def caller() -> str:
    frame = sys._getframe().f_back
    return "" if frame is None else frame.f_code.co_name


async def new() -> str:
    return "new"


def without(path: str) -> list[Any]:
    return [route for route in app.router.routes if getattr(route, "path", "") != path]


def place(path: str) -> int:
    return [getattr(route, "path", "") for route in app.router.routes].index(path)


def reassign() -> None:
    app.router.routes = without("/second")


def replace() -> None:
    app.router.routes[place("/first")] = Route("/first", PlainTextResponse("new"))


CHANGES: dict[str, Any] = {
    "add": lambda: app.add_api_route("/new", new),
    "remove": lambda: app.router.routes.pop(place("/first")),
    "slice": lambda: app.router.routes.__setitem__(slice(None), without("/first")),
    "reassign": reassign,
    "replace": replace,
    "include": lambda: app.include_router(inner, prefix="/late"),
    "below": lambda: inner.add_api_route("/new", new),
    "include-below": lambda: outer.include_router(inner, prefix="/deeper"),
    "mount": lambda: app.mount("/mount", mounted),
    "in-mount": lambda: mounted.add_api_route("/new", new),
}


@app.post("/async/{what}")
async def from_async(what: str) -> str:
    CHANGES[what]()
    return what


@app.post("/def/{what}")
def from_def(what: str) -> str:
    CHANGES[what]()
    return what


@app.post("/thread/{what}")
async def from_thread(what: str) -> str:
    thread = threading.Thread(target=CHANGES[what])
    thread.start()
    thread.join()
    return what


@app.post("/undo")
async def undo() -> str:
    for router, routes in SAVED:
        router.routes = list(routes)
        router._mark_routes_changed()
    return "undone"


outer.include_router(inner, prefix="/deep")
app.include_router(outer, prefix="/outer")
app.mount("/early", mounted)
SAVED = [(one, tuple(one.routes)) for one in (app.router, outer, inner, mounted.router)]
