"""Apps that nobody has edited: FastAPI's own class, subclasses, factories, tools in its place."""

import ast
import functools
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Annotated

import fastapi
import pytest
from fastapi import APIRouter, FastAPI, Query
from pydantic import BaseModel, TypeAdapter
from pydantic.plugin import SchemaTypePath
from pydantic.plugin._schema_validator import PluggableSchemaValidator
from pydantic_core import SchemaValidator
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount
from starlette.testclient import TestClient as StarletteClient

import fasterapi
from fasterapi import FasterAPI
from fasterapi.adopt import adopt
from fasterapi.explain import explain
from fasterapi.plan.inner import CompiledEnd
from fasterapi.plan.params import validator_of
from fasterapi.testclient import TestClient

PACKAGE = Path(fasterapi.__file__).parent


class Company(FastAPI):
    """Somebody's own."""


async def way() -> str:
    """Who calls the endpoint: FastAPI's code, or a plan."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "run_endpoint_function":
            return "fastapi"
        frame = frame.f_back
    return "plan"


async def passing(request, call_next):
    return await call_next(request)


def build(made: type[FastAPI] = FastAPI, *, middleware: bool = False) -> FastAPI:
    app = made(openapi_url=None)
    app.get("/way")(way)
    if middleware:
        app.add_middleware(BaseHTTPMiddleware, dispatch=passing)
    return app


def ways(app, *paths: str) -> list[str]:
    with TestClient(app) as client:
        return [client.get(path).json() for path in paths]


@pytest.mark.parametrize("made", [FastAPI, Company, FasterAPI])
@pytest.mark.parametrize("middleware", [False, True])
def test_a_plan_answers_whatever_the_class(made, middleware):
    app = build(made, middleware=middleware)
    (route,) = explain(app)["routes"]
    assert route["tier"] == ("asgi" if middleware else "compiled")
    assert ways(app, "/way") == ["plan"]


def test_a_subclass_that_builds_its_own_stack_is_left_alone():
    class Stacked(FastAPI):
        def build_middleware_stack(self):
            return super().build_middleware_stack()

    app = build(Stacked, middleware=True)
    (route,) = explain(app)["routes"]
    assert (route["tier"], route["reasons"][0]["code"]) == ("fastapi", "custom-call")
    assert ways(app, "/way") == ["fastapi"]
    assert "build_middleware_stack" not in vars(app)


def test_mounted_apps_have_compiled_ends_too():
    outer, middle = build(), build()
    router = APIRouter()
    router.mount("/deep", build())
    middle.include_router(router, prefix="/v1")
    outer.mount("/middle", middle)
    outer.mount("/self", outer)
    assert ways(outer, "/way", "/middle/way", "/middle/v1/deep/way") == ["plan"] * 3


def test_an_app_that_is_mounted_later_has_one_as_well():
    app = build()
    with TestClient(app) as client:
        assert client.get("/way").json() == "plan"
        app.mount("/late", build())
        assert client.get("/late/way").json() == "plan"


@pytest.mark.parametrize(
    "around",
    [
        lambda app: Starlette(routes=[Mount("/", app)]),
        lambda app: BaseHTTPMiddleware(app, dispatch=passing),
    ],
)
def test_an_app_inside_another_one_has_one_as_well(around):
    assert ways(around(build()), "/way") == ["plan"]


def test_a_stack_that_is_built_already_stays():
    app = build(middleware=True)
    with StarletteClient(app) as client:
        assert client.get("/way").json() == "fastapi"
    stack = app.middleware_stack
    assert ways(app, "/way") == ["fastapi"]
    assert app.middleware_stack is stack


def test_a_tool_may_wrap_the_building_afterwards():
    app = build()
    adopt(app)
    before = app.build_middleware_stack
    app.build_middleware_stack = lambda: before()
    adopt(app)
    assert app.build_middleware_stack is not before
    layer = app.build_middleware_stack()
    while hasattr(layer, "app"):
        layer = layer.app
    assert isinstance(layer, CompiledEnd)
    assert explain(app)["routes"][0]["reasons"][0]["code"] == "custom-call"


def test_a_tool_may_wrap_the_building_of_our_class(monkeypatch):
    before = FasterAPI.build_middleware_stack
    monkeypatch.setattr(
        FasterAPI, "build_middleware_stack", functools.wraps(before)(lambda self: before(self))
    )
    app = build(FasterAPI)
    (route,) = explain(app)["routes"]
    assert (route["tier"], route["reasons"][0]["code"]) == ("fastapi", "custom-call")
    assert ways(app, "/way") == ["fastapi"]


def test_a_class_in_fastapis_place_is_part_of_a_fasterapi(monkeypatch):
    class Watched(FastAPI):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            self.watched = True

    monkeypatch.setattr(fastapi, "FastAPI", Watched)

    class Mine(FasterAPI):
        def __init__(self, name):
            super().__init__(title=name, queue_size=64)

    for app in (FasterAPI(title="x", queue_size=64), Mine("x")):
        assert isinstance(app, Watched)
        assert app.watched
        assert app.title == "x"
        assert app.core_arguments == {"queue_size": 64}
    assert type(FasterAPI()) is type(FasterAPI())
    assert type(FasterAPI()).__qualname__ == "FasterAPI"
    monkeypatch.undo()
    assert type(FasterAPI()) is FasterAPI


def test_a_class_in_fastapis_place_that_cannot_be_part_of_it(monkeypatch):
    class Particular(FastAPI):
        def __init__(self, name):
            super().__init__(title=name)

    class Child(FasterAPI):
        pass

    for other in (Particular, Child, FasterAPI, object, lambda: None):
        monkeypatch.setattr(fastapi, "FastAPI", other)
        assert type(FasterAPI()) is FasterAPI


def test_a_function_in_fastapis_place():
    program = (
        "import fastapi; original = fastapi.FastAPI; fastapi.FastAPI = lambda: original()\n"
        "import fasterapi; assert issubclass(fasterapi.FasterAPI, original); fasterapi.FasterAPI()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=PACKAGE.parent)


def test_fastapi_is_named_in_one_place():
    """A second one would see another class once somebody has put one in its place."""
    found = [
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and node.module in ("fastapi", "fastapi.applications")
        and any(one.name == "FastAPI" for one in node.names)
    ]
    assert found == ["_fastapi.py"]


def test_a_swap_before_the_app_is_imported(tmp_path):
    (tmp_path / "main.py").write_text(
        "from fastapi import FastAPI\napp = FastAPI(openapi_url=None)\n"
        "@app.get('/')\nasync def root(): return 1\n"
    )
    (tmp_path / "sitecustomize.py").write_text(
        "import fastapi, fasterapi\nfastapi.FastAPI = fasterapi.FasterAPI\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "fasterapi", "explain", "main:app"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{PACKAGE.parent}"},
        capture_output=True,
        text=True,
    )
    assert "1 of 1 routes compiled" in done.stdout, done.stdout + done.stderr


# -- plugins of Pydantic's -------------------------------------------------------------------------


class Item(BaseModel):
    name: str


class Quiet:
    def new_schema_validator(self, *args):
        return None, None, None


class OfJson:
    """Hears of JSON: FastAPI reads that itself."""

    def new_schema_validator(self, *args):
        return None, self, None

    def on_enter(self, *args, **options): ...


class Loud:
    heard = 0

    def new_schema_validator(self, *args):
        return self, None, None

    def on_enter(self, *args, **options):
        Loud.heard += 1


def with_plugin(adapter: TypeAdapter, plugin) -> None:
    adapter.validator = PluggableSchemaValidator(
        adapter.core_schema,
        None,
        SchemaTypePath(__name__, "x"),
        "TypeAdapter",
        None,
        [plugin],
        {},
    )


def app_with_plugin(plugin) -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.post("/{number}")
    async def read(number: int, item: Item, q: Annotated[str, Query()] = "") -> Item:
        return item

    route = app.router.routes[-1]
    dependant = route.dependant
    for field in [*dependant.path_params, *dependant.query_params, *dependant.body_params]:
        with_plugin(field._type_adapter, plugin)
    for field in (route.body_field, route.response_field):
        with_plugin(field._type_adapter, plugin)
    return app


@pytest.mark.parametrize("plugin", [Quiet(), OfJson()])
def test_a_plugin_that_hears_of_nothing_is_no_obstacle(plugin):
    app = app_with_plugin(plugin)
    (route,) = explain(app)["routes"]
    assert (route["tier"], route["reasons"]) == ("compiled", [])
    with TestClient(app) as client:
        assert client.post("/3", json={"name": "pen"}).json() == {"name": "pen"}
        assert client.post("/x", json={"name": "pen"}).status_code == 422


def test_a_plugin_that_listens_is_a_reason_and_heard():
    app = app_with_plugin(Loud())
    (route,) = explain(app)["routes"]
    assert {one["code"] for one in route["reasons"]} == {"deferred-schema"}
    before = Loud.heard
    with TestClient(app) as client:
        assert client.post("/3", json={"name": "pen"}).json() == {"name": "pen"}
    assert Loud.heard > before


def test_the_validator_below_a_plugin_is_used():
    app = app_with_plugin(Quiet())
    (field,) = app.router.routes[-1].dependant.path_params
    assert type(validator_of(field)) is SchemaValidator


# -- factories -------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [[], ["--factory"]])
def test_a_factory_needs_no_flag(tmp_path, flags):
    (tmp_path / "main.py").write_text(
        textwrap.dedent("""
            from fastapi import FastAPI
            def create_app(title="x"):
                app = FastAPI(openapi_url=None)
                app.get("/")(lambda: 1)
                return app
        """)
    )
    done = subprocess.run(
        [sys.executable, "-m", "fasterapi", "explain", "main:create_app", *flags],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
    )
    assert "1 of 1 routes compiled" in done.stdout, done.stderr
    assert ("factory detected" in done.stderr) == (not flags)
