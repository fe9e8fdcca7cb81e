"""BENCH_ROUTERS=20: 400 routes in 20 included routers. BENCH_ROUTERS=1: the last of them alone.

BENCH_CLASS=fastapi makes it plain FastAPI.
"""

import os

from fastapi import APIRouter, FastAPI

App: type[FastAPI]
if os.environ.get("BENCH_CLASS") == "fastapi":
    App = FastAPI
else:
    from fasterapi import FasterAPI as App

ROUTERS, ROUTES = 20, 20


def router_of(routes: range) -> APIRouter:
    router = APIRouter()
    for number in routes:

        @router.get(f"/things{number}/{{thing_id}}")
        async def thing(thing_id: int, number: int = number):
            return {"thing_id": thing_id, "number": number}

    return router


app = App()
if os.environ.get("BENCH_ROUTERS") == "1":
    app.include_router(router_of(range(ROUTES - 1, ROUTES)), prefix=f"/part{ROUTERS - 1}")
else:
    for part in range(ROUTERS):
        app.include_router(router_of(range(ROUTES)), prefix=f"/part{part}")
