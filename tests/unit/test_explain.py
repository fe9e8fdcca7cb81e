"""explain: the report and its table."""

import asyncio
import functools
import json
from typing import Annotated

import fastapi
import pytest
from fastapi import Depends, Header
from starlette.applications import Starlette

import fasterapi
from fasterapi import FasterAPI, _native
from fasterapi.explain import (
    explain,
    format_table,
    hints,
    in_words,
    matches,
    unmatched,
    unmet_demands,
    verdicts_of,
)
from fasterapi.log import StartupError
from fasterapi.plan import plan_app
from fasterapi.server import Server, Settings


def example() -> FasterAPI:
    app = FasterAPI()

    @app.get("/")
    async def root() -> dict[str, int]:
        return {}

    @app.api_route("/items/{item_id}", methods=["POST", "GET"])
    def read(item_id: int, user: Annotated[int, Depends(lambda: 1, max_concurrency=9)]): ...

    app.mount("/static", Starlette())

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


def test_routes_of_mounted_apps_are_listed_below_their_mounts():
    inner, middle, app = (FasterAPI(openapi_url=None) for _ in range(3))

    @inner.get("/x/{n}")
    @fasterapi.must_compile
    async def read(n: int): ...

    @inner.get("/stream")
    async def stream(p: Annotated[int, Depends(lambda: 1, max_concurrency=9)]): ...

    plain = fastapi.FastAPI(openapi_url=None)
    plain.get("/y")(lambda: 1)
    middle.mount("/inner", inner)
    router = fastapi.APIRouter()
    router.mount("/middle", middle)
    app.include_router(router, prefix="/v1")
    app.mount("/other", Starlette())
    app.mount("/plain", plain)
    app.mount("/self", app)
    app.host("{name}.example.org", inner)
    rows = [
        (r["path"], r["tier"], [why["code"] for why in r["reasons"]])
        for r in explain(app)["routes"]
    ]
    assert rows == [
        ("/v1/middle/inner/x/{n}", "asgi", ["mounted"]),
        ("/v1/middle/inner/stream", "fastapi", ["concurrency"]),
        ("/other", "fastapi", ["mount"]),
        ("/plain/y", "asgi", ["mounted"]),
        ("/self", "fastapi", ["mount"]),
        ("{name}.example.org/x/{n}", "asgi", ["mounted"]),
        ("{name}.example.org/stream", "fastapi", ["concurrency"]),
    ]
    verdicts = verdicts_of(app, plan_app(app))
    unmet = unmet_demands(verdicts)
    assert len(unmet) == 2
    assert unmet[1].startswith("GET {name}.example.org/x/{n} must be compiled")


def test_middleware_is_named_on_every_route():
    app = example()

    class Timer:
        pass

    app.user_middleware.append(fastapi.middleware.Middleware(Timer))
    routes = explain(app)["routes"]
    assert {one["name"]: one["tier"] for one in routes}["root"] == "asgi"
    assert all(one["tier"] != "compiled" for one in routes)
    for route in routes:
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


def test_hints_are_for_compiled_def_routes_that_are_not_inline():
    app = FasterAPI(openapi_url=None)
    app.get("/def")(lambda: 1)
    app.get("/inline")(fasterapi.inline(lambda: 1))
    app.get("/far")(lambda a=Header(alias="ä"): 1)

    @app.get("/async")
    async def read(): ...

    plan = plan_app(app)
    tips = hints(plan, plan.verdicts)
    assert "worker thread" in tips[0]
    assert tips[1:] == ["", "", ""]
    text = format_table(explain(app), tips=tips)
    assert text.count("faster: ") == 1


# -- demands ---------------------------------------------------------------------------------------


def demanding(above: bool) -> FasterAPI:
    app = FasterAPI(openapi_url=None)

    def read(a: Annotated[str, Header(alias="ä")]): ...

    if above:
        fasterapi.must_compile(app.post("/far")(read))
    else:
        app.post("/far")(fasterapi.must_compile(read))
    app.get("/free/{a:uuid}")(lambda a: a)
    app.get("/good")(fasterapi.must_compile(lambda: 1))
    return app


@pytest.mark.parametrize("above", [False, True])
def test_must_compile_above_and_below_the_route(above):
    verdicts = plan_app(demanding(above)).verdicts
    assert [one.must_compile for one in verdicts] == [True, False, True]
    (text,) = unmet_demands(verdicts)
    assert text.startswith("POST /far must be compiled, but its tier is fastapi: ")
    assert text.endswith(" [param-name]")
    assert len(unmet_demands(verdicts, everything=True)) == 2


def test_must_compile_survives_a_decorator():
    @fasterapi.must_compile
    def read(): ...

    @functools.wraps(read)
    def wrapper():
        return read()

    app = FasterAPI(openapi_url=None)
    app.get("/x")(wrapper)
    assert plan_app(app).verdicts[0].must_compile


def test_must_compile_of_what_cannot_be_marked():
    with pytest.raises(TypeError, match="must_compile takes a function"):
        fasterapi.must_compile(3)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/far", ["/far"]),
        ("/f*", ["/far", "/free/{a:uuid}"]),
        ("POST /f*", ["/far"]),
        ("post /f*", ["/far"]),
        ("*", ["/far", "/free/{a:uuid}", "/good"]),
        ("/free/{a:uuid}", ["/free/{a:uuid}"]),
        ("/[fg]*", []),
        ("DELETE *", []),
    ],
)
def test_patterns(pattern, found):
    verdicts = plan_app(demanding(False)).verdicts
    assert [one.path for one in verdicts if matches(one, pattern)] == found
    assert unmatched(verdicts, [pattern]) == ([] if found else [pattern])


def test_a_server_does_not_start_with_an_unmet_demand():
    async def main() -> None:
        await Server(demanding(False), Settings(driven=True, log_level="warning")).serve()

    with pytest.raises(StartupError, match=r"POST /far must be compiled.*\[param-name\]"):
        asyncio.run(main())


# -- without the core, and in words ----------------------------------------------------------------


def test_without_the_core_nothing_is_compiled(monkeypatch):
    monkeypatch.setattr(_native, "core", None)
    monkeypatch.setattr(_native, "why_no_core", "it is elsewhere")
    app = demanding(False)
    routes = explain(app)["routes"]
    assert {one["tier"] for one in routes} == {"fastapi"}
    assert {one["reasons"][0]["code"] for one in routes} == {"no-core"}
    assert "it is elsewhere" in routes[0]["reasons"][0]["text"]
    assert routes[-1]["reasons"][1:] == []  # the core is all it takes
    assert len(unmet_demands(verdicts_of(app, plan_app(app)))) == 2
    assert in_words(verdicts_of(app, plan_app(app))).endswith("[no-core]. See fasterapi explain.")


def in_words_of(app) -> str:
    return in_words(verdicts_of(app, plan_app(app)))


def test_the_start_in_words():
    app = FasterAPI()
    assert in_words_of(app) == ""  # only its docs pages
    app.get("/a")(lambda: 1)
    assert in_words_of(app) == "Fast: all of 1 endpoint (compiled)."
    app.get("/b")(lambda: 1)
    app.mount("/files", Starlette())
    assert in_words_of(app) == "Fast: all of 2 endpoints (compiled)."
    app.get("/far")(lambda a=Header(alias="ä"): 1)

    @app.websocket("/ws")
    async def talk(): ...

    app.get("/far2")(lambda a=Header(alias="ä"): 1)
    inner = fastapi.FastAPI()
    inner.get("/c")(lambda: 1)
    app.mount("/in", inner)
    assert in_words_of(app) == (
        "Of 6 endpoints, fast: 2 (compiled); faster than FastAPI: 1 (compiled behind ASGI); "
        "as fast as FastAPI: 3. Mostly because: Parameter 'a' has the name 'ä', which is not plain "
        "ASCII text [param-name]. See fasterapi explain."
    )
    app.debug = True
    assert in_words_of(app).startswith("Of 6 endpoints, faster than FastAPI: 1 (compiled behind")
    assert "Mostly because: The app has debug=True [debug]." in in_words_of(app)
