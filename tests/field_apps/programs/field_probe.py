"""What every app here carries: the middleware of this run, and a page that tells what is alive.

A stream whose client has left must be gone, and nothing it was made of may wait for the garbage
collector; so the collector is off, and what is alive are the generators and coroutines of the
program, of FastAPI and of Starlette.
"""

from __future__ import annotations

import collections
import gc
import os
import types

from fastapi import FastAPI, Request
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, Response

__all__ = ["PATH", "carry"]

PATH = "/field-probe"
#: Packages of the servers themselves, and what only they bring along.
SERVERS = ("/uvicorn/", "/fasterapi/", "/uvloop/", "/websockets/", "/wsproto/", "/anyio/")


def alive() -> dict[str, int]:
    """How many generators and coroutines there are of each function that is not a server's."""
    found: collections.Counter[str] = collections.Counter()
    for thing in gc.get_objects():
        if isinstance(thing, types.CoroutineType):
            code, frame = thing.cr_code, thing.cr_frame
        elif isinstance(thing, types.AsyncGeneratorType):
            code, frame = thing.ag_code, thing.ag_frame
        elif isinstance(thing, types.GeneratorType):
            code, frame = thing.gi_code, thing.gi_frame
        else:
            continue
        path = code.co_filename
        ours = "site-packages" in path or "field_apps" in path
        if frame is not None and ours and not any(name in path for name in SERVERS):
            found[f"{path.rsplit('site-packages/')[-1].rsplit('/', 1)[-1]}:{code.co_qualname}"] += 1
    return dict(found)


async def probe(request: Request) -> JSONResponse:
    return JSONResponse(alive())


async def passing_on(request: Request, call_next: types.FunctionType) -> Response:
    response: Response = await call_next(request)
    response.headers["x-passed"] = "1"
    return response


def carry(app: FastAPI) -> None:
    """Give the app what every app here has. After its own middleware, before its mounts."""
    gc.disable()
    app.router.add_route(PATH, probe)
    app.router.routes.insert(0, app.router.routes.pop())
    wanted = os.environ.get("FIELD_MIDDLEWARE", "none")
    if wanted == "gzip":
        app.add_middleware(GZipMiddleware, minimum_size=200)
    elif wanted == "http":
        app.middleware("http")(passing_on)
