"""What a route costs: which routes are called, and what is said about the others."""

import json
from typing import Annotated

import pytest
from fastapi import Depends, Form, HTTPException, Response

from fasterapi import FasterAPI
from fasterapi.cost import PARTS, Cost, measure_costs
from fasterapi.explain_view import View, cost_lines

pytestmark = pytest.mark.usefixtures("logging_as_before")


def make_app() -> FasterAPI:
    app = FasterAPI(openapi_url=None)
    app.state.calls = []

    @app.get("/items/{item_id}")
    async def read(item_id: int) -> dict[str, int]:
        app.state.calls.append("read")
        return {"item_id": item_id}

    @app.delete("/items/{item_id}")
    async def delete(item_id: int) -> None:
        app.state.calls.append("delete")

    @app.get("/file")
    async def file():
        return Response(b"x")

    @app.post("/form")
    async def form(a: Annotated[str, Form()]): ...

    def refuse():
        raise HTTPException(401)

    @app.get("/secret", dependencies=[Depends(refuse)])
    async def secret(): ...

    @app.get("/slow/{name:path}")
    def unplanned(name: str, item: Annotated[str, Form()] = "") -> str:
        return name

    return app


def by_route(costs: list[Cost]) -> dict[str, Cost]:
    return {f"{one.method} {one.path}": one for one in costs}


def test_safe_methods_are_measured_and_others_left_alone():
    app = make_app()
    found = by_route(measure_costs(app, count=20))
    assert "delete" not in app.state.calls
    assert "read" in app.state.calls
    read = found["GET /items/{item_id}"]
    assert (read.tier, read.status, read.problem) == ("compiled", 200, "")
    assert read.us > 0
    assert read.fastapi_us > 0
    assert {"server", "queue", "handler", "build"} <= read.parts.keys() <= set(PARTS)
    assert all(value >= 0 for value in read.parts.values())
    assert "build" not in found["GET /file"].parts
    assert "may change something" in found["DELETE /items/{item_id}"].problem
    assert "may change something" in found["POST /form"].problem
    assert found["GET /secret"].problem.startswith("answers 401")
    json.dumps([one.as_dict() for one in found.values()])


def test_routes_that_are_named_are_called():
    app = make_app()
    found = by_route(measure_costs(app, lambda path, _: path != "/secret", count=20))
    assert "delete" in app.state.calls
    assert found["DELETE /items/{item_id}"].problem == ""
    assert found["POST /form"].problem == "its body is a form"


def test_the_tier_is_what_was_measured():
    app = make_app()
    app.debug = True
    found = by_route(measure_costs(app, count=20))
    read = found["GET /items/{item_id}"]
    assert read.tier == "fastapi"
    assert read.parts == {}
    assert read.us > 0


def test_view_measures_what_it_shows_and_tells_the_rest():
    app = make_app()
    (cost,) = View(app, ("DELETE /items/*",)).costs()
    assert (cost.method, cost.problem) == ("DELETE", "")
    assert set(app.state.calls) == {"delete"}


def test_lines():
    costs = [
        Cost("/a", "GET", "compiled", status=200, us=2, fastapi_us=100, parts={"handler": 1.5}),
        Cost("/b", "GET", "fastapi", problem="answers 401: it needs help"),
    ]
    head, row, blank, failed = cost_lines(costs)
    assert head.split()[:3] == ["METHOD", "PATH", "TIER"]
    assert row.split() == [
        "GET",
        "/a",
        "compiled",
        "2.0",
        "100.0",
        "50.0",
        "-",
        "-",
        "-",
        "1.5",
        "-",
    ]
    assert blank == ""
    assert failed == "not measured: GET /b: answers 401: it needs help"
