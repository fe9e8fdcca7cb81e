"""Start-up: building an app, and finding out how each of its routes is served (its plans).

make bench-python
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient as StarletteClient

from fasterapi import FasterAPI
from fasterapi.explain import explain
from fasterapi.testclient import TestClient


class Item(BaseModel):
    name: str
    price: float


def build_app(routes: int) -> FasterAPI:
    """An app with `routes` routes of four kinds."""
    app = FasterAPI()
    for n in range(0, routes, 4):

        @app.get(f"/plain/{n}")
        async def plain() -> dict[str, int]:
            return {"id": 1}

        @app.get(f"/typed/{n}/{{item_id}}")
        def typed(item_id: int, q: str | None = None, limit: int = 10) -> Any:
            return {"item_id": item_id, "q": q, "limit": limit}

        @app.post(f"/body/{n}")
        async def body(item: Item) -> Item:
            return item

        @app.get(f"/list/{n}", response_model=list[Item])
        def listed() -> Any:
            return []

    return app


@pytest.mark.parametrize("routes", [4, 40, 400])
def test_build_app(benchmark: Any, routes: int) -> None:
    app = benchmark(build_app, routes)
    assert len(app.routes) >= routes


@pytest.mark.parametrize("routes", [4, 40, 400])
def test_build_plans(benchmark: Any, routes: int) -> None:
    app = build_app(routes)
    report = benchmark(explain, app)
    compiled = [r for r in report["routes"] if r["tier"] == "compiled"]
    assert len(compiled) >= routes


def test_start_test_client(benchmark: Any) -> None:
    """One request of a client that is not entered: a server of its own, from start to stop."""
    app = build_app(40)
    client = TestClient(app)
    assert benchmark(client.get, "/plain/0").json() == {"id": 1}


def test_start_starlette_s_test_client(benchmark: Any) -> None:
    """The same without a server, for comparison: the event loop's thread is most of it."""
    client = StarletteClient(build_app(40))
    assert benchmark(client.get, "/plain/0").json() == {"id": 1}
