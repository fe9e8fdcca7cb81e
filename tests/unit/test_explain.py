"""explain: the report and its table."""

import json
from typing import Annotated

import fastapi
from fastapi import Depends

from fasterapi import FasterAPI
from fasterapi.explain import explain, format_table


def example() -> FasterAPI:
    app = FasterAPI()

    @app.get("/")
    async def root() -> dict[str, int]:
        return {}

    @app.api_route("/items/{item_id}", methods=["POST", "GET"])
    def read(item_id: int, user: Annotated[int, Depends(lambda: 1, max_concurrency=9)]): ...

    app.mount("/static", FasterAPI())

    @app.websocket("/ws")
    async def talk(): ...

    return app


def test_report():
    report = explain(example())
    assert set(report) == {"fastapi", "routes"}
    assert report["fastapi"] == fastapi.__version__
    assert json.loads(json.dumps(report)) == report
    for route in report["routes"]:
        assert list(route) == ["path", "methods", "name", "tier", "reasons"]
        assert route["methods"] == sorted(route["methods"])
        assert (route["tier"] == "compiled") == (route["reasons"] == [])
        for why in route["reasons"]:
            assert list(why) == ["code", "text"]
    rows = [(r["path"], r["methods"], r["name"], r["tier"]) for r in report["routes"]]
    assert rows[0] == ("/openapi.json", ["GET", "HEAD"], "openapi", "fastapi")
    assert rows[-4:] == [
        ("/", ["GET"], "root", "compiled"),
        ("/items/{item_id}", ["GET", "POST"], "read", "fastapi"),
        ("/static", [], "", "fastapi"),
        ("/ws", [], "talk", "fastapi"),
    ]


def test_middleware_is_named_on_every_route():
    app = example()

    class Timer:
        pass

    app.user_middleware.append(fastapi.middleware.Middleware(Timer))
    for route in explain(app)["routes"]:
        assert route["tier"] == "fastapi"
        assert route["reasons"][0]["code"] == "middleware"
        assert "Timer" in route["reasons"][0]["text"]


def test_table():
    text = format_table(explain(example()), width=60)
    lines = text.splitlines()
    assert lines[0].split() == ["METHODS", "PATH", "TIER", "NAME"]
    assert any(line.split() == ["GET", "/", "compiled", "root"] for line in lines)
    assert any(line.startswith("    concurrency: ") for line in lines)
    assert any(line.startswith("*") for line in lines)
    assert lines[-1] == f"1 of 8 routes compiled (FastAPI {fastapi.__version__})"
    assert all(len(line) <= 60 for line in lines if line.startswith(" "))
    assert all(line == line.rstrip() for line in lines)


def test_table_of_an_app_without_routes():
    text = format_table(explain(FasterAPI(openapi_url=None)))
    assert text.splitlines()[-1].startswith("0 of 0 routes compiled")
