"""What is asked of the servers: an app, a request to it, and the answer that must come."""

from __future__ import annotations

import dataclasses

from contenders import App

__all__ = ["ALICE", "APP", "MANY_ROUTES", "SHOP", "WORKLOADS", "Workload", "groups"]

APP = App()
SHOP = App("shop")
STAMPED_SHOP = App("shop", (("BENCH_STAMP", "1"),))
ONE_ROUTE = App("routes", (("BENCH_ROUTERS", "1"),))
MANY_ROUTES = App("routes", (("BENCH_ROUTERS", "20"),))

ALICE = {"id": 1, "name": "Alice"}
NEW_ITEM = b'{"name":"Widget","price":9.5,"tags":["a","b"]}'
ITEM = {"id": 1, "name": "Widget", "price": 9.5, "tags": ["a", "b"]}
TYPED = {"item_id": 7, "q": "abc", "limit": 5}
ORDER = {"id": 7, "customer": "Alice", "total": 9.5, "currency": "EUR", "items": ["tea", "cup"]}
THING = {"thing_id": 7, "number": 19}

#: What wrk/shop.lua sends, and what must come back of it.
SHOP_HEADERS = {"Authorization": "Bearer secret", "Origin": "https://shop.example"}
CORS = {
    "access-control-allow-origin": "https://shop.example",
    "access-control-allow-credentials": "true",
    "vary": "Origin",
}
STAMPED = {**CORS, "x-stamp": "1"}

ALL = None
FASTAPI = ("fasterapi", "uvicorn", "fasterapi on uvicorn")
OWN = ("fasterapi", "uvicorn")


@dataclasses.dataclass(frozen=True)
class Workload:
    """headers, answer_headers: to send with the checked request, and to find in its answer; wrk
    sends its own, see `script`. servers: who is measured, None for all. group: workloads of one
    group are measured in turn, as servers are, so that they can be compared. websocket: messages
    are counted, not requests.
    """

    name: str
    title: str
    target: str
    answer: object
    body: bytes | None = None
    script: str | None = None
    connections: int = 64
    app: App = APP
    status: int = 200
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    answer_headers: dict[str, str] = dataclasses.field(default_factory=dict)
    servers: tuple[str, ...] | None = ALL
    group: str = ""
    websocket: bool = False


def _shop(
    name: str,
    title: str,
    target: str,
    answer: object,
    app: App = SHOP,
    servers: tuple[str, ...] = FASTAPI,
    answer_headers: dict[str, str] = CORS,
) -> Workload:
    return Workload(
        name,
        title,
        target,
        answer,
        script="shop.lua",
        app=app,
        headers=SHOP_HEADERS,
        answer_headers=answer_headers,
        servers=servers,
    )


WORKLOADS = (
    Workload("async", "async def, small dict", "/async", ALICE),
    Workload("def", "def, small dict", "/def", ALICE),
    Workload("params", "typed path + 2 query parameters", "/items/7?q=abc&limit=5", TYPED),
    Workload("model", "POST model, typed response", "/items", ITEM, NEW_ITEM, "post.lua"),
    Workload("latency", "one connection, async def", "/async", ALICE, connections=1),
    Workload("pipelined", "pipelined x16, async def", "/async", ALICE, script="pipeline.lua"),
    _shop("shop-async", "CORS, token tree, yield, response model", "/async/orders/7", ORDER),
    _shop("shop-def", "the same, all of it def", "/def/orders/7", ORDER),
    _shop("shop-mixed", "async def token tree, def session and endpoint", "/mixed/orders/7", ORDER),
    Workload(
        "routes-1",
        "an app of one included route",
        "/part19/things19/7",
        THING,
        app=ONE_ROUTE,
        servers=OWN,
        group="routes",
    ),
    Workload(
        "routes-400",
        "the last of 400 routes in 20 included routers",
        "/part19/things19/7",
        THING,
        app=MANY_ROUTES,
        servers=OWN,
        group="routes",
    ),
    Workload(
        "routes-404",
        "a 404 of these 400 routes",
        "/part19/nothing/7",
        {"detail": "Not Found"},
        app=MANY_ROUTES,
        status=404,
        servers=OWN,
        group="routes",
    ),
    _shop(
        "middleware",
        "an unknown ASGI middleware, CORS, token tree, response model",
        "/me",
        ALICE,
        STAMPED_SHOP,
        OWN,
        STAMPED,
    ),
    _shop(
        "middleware-yield",
        "the same with `yield`",
        "/async/orders/7",
        ORDER,
        STAMPED_SHOP,
        OWN,
        STAMPED,
    ),
    Workload(
        "handover",
        "a route without a plan",
        "/items/7?q=abc&limit=5",
        TYPED,
        app=App("handover"),
        servers=OWN,
    ),
    Workload("raw", "an ASGI app without a framework", "/", ALICE, app=App("raw"), servers=OWN),
    Workload(
        "websocket",
        "64 WebSockets, echoes of 64 bytes",
        "/echo",
        None,
        app=App("echo"),
        servers=OWN,
        websocket=True,
    ),
)


def groups(names: list[str]) -> list[list[Workload]]:
    """The chosen workloads in their order; those that are measured in turn are together."""
    found: dict[str, list[Workload]] = {}
    for workload in WORKLOADS:
        if workload.name in names:
            found.setdefault(workload.group or workload.name, []).append(workload)
    return list(found.values())
