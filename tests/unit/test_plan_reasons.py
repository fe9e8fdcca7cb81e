"""Every reason code: an app that has the obstacle gets the code, and one without it compiles."""

import asyncio
import enum
import functools
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import pytest
import starlette.routing
from fastapi import (
    APIRouter,
    Cookie,
    Depends,
    FastAPI,
    Header,
    Path,
    Query,
    Request,
    Response,
    WebSocket,
)
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from fasterapi import FasterAPI
from fasterapi.explain import explain
from fasterapi.plan import plan_app
from fasterapi.plan.reasons import TEXTS, Reason, reason

Build = Callable[[FasterAPI], Any]

#: code -> apps that have this obstacle on their route /x, and nothing else in the way.
BUILDERS: dict[str, list[Build]] = {}


def has(code: str) -> Callable[[Build], Build]:
    def register(build: Build) -> Build:
        BUILDERS.setdefault(code, []).append(build)
        return build

    return register


class Item(BaseModel):
    name: str


def plain() -> int:
    return 1


# -- the app ---------------------------------------------------------------------------------------


@has("debug")
def _(app):
    app.debug = True
    app.get("/x")(plain)


@has("middleware")
def _(app):
    class MyCORS(CORSMiddleware):
        pass

    app.add_middleware(GZipMiddleware)
    app.add_middleware(MyCORS, allow_origins=["*"])
    app.get("/x")(plain)


@has("middleware-options")
def _(app):
    app.add_middleware(CORSMiddleware, allow_origins="https://example.com")
    app.get("/x")(plain)


@has("middleware-options")
def _(app):
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["*.*"])  # an AssertionError
    app.get("/x")(plain)


@has("middleware")
def _(app):
    @app.middleware("http")
    async def look(request, call_next):
        return await call_next(request)

    app.get("/x")(plain)


@has("middleware-stack")
def _(app):
    app.get("/x")(plain)
    stack = app.build_middleware_stack()

    async def wrapper(scope, receive, send):
        await stack(scope, receive, send)

    app.middleware_stack = wrapper


@has("middleware-stack")
def _(app):
    app.get("/x")(plain)
    app.middleware_stack = app.build_middleware_stack()
    app.router = APIRouter(routes=app.router.routes)


@has("telemetry")
def _(app):
    app.get("/x")(plain)
    app._native_telemetry.config["tracer_provider"] = object()


def of_request(request: Request) -> int:
    return 1


@has("max-body-size")
def _(app):
    app.max_body_size = 10
    app.get("/x")(of_request)


@has("max-body-size")
def _(app):
    app.get("/x", max_body_size=10, dependencies=[Depends(of_request)])(plain)


@has("max-body-size")
def _(app):
    router = APIRouter(max_body_size=10)
    router.get("/x")(of_request)
    app.include_router(router)


@has("request-send")
def _(app):
    async def sends(request: Request):
        await request._send({"type": "http.response.start", "status": 200, "headers": []})

    app.get("/x")(sends)


@has("request-send")
def _(app):
    def inside(request: Request):
        return lambda message: request._send(message)

    app.get("/x", dependencies=[Depends(inside)])(plain)


@has("request-send")
def _(app):
    class Sends:
        async def __call__(self, request: Request):
            return request._send

    app.get("/x")(functools.partial(Sends()))


@has("request-send")
def _(app):
    class Keeps:
        def __init__(self, request: Request):
            self.send = request._send

    app.get("/x", dependencies=[Depends(Keeps)])(plain)


@has("request-send")
def _(app):
    async def sends(request: Request):
        return request._send

    @functools.wraps(sends)
    async def decorated(request: Request):
        return await sends(request)

    app.get("/x")(decorated)


@has("root-path")
def _(app):
    app.root_path = "/api"
    app.get("/x")(plain)


@has("custom-call")
def _(app):
    class Own(FasterAPI):
        async def __call__(self, scope, receive, send):
            await super().__call__(scope, receive, send)

    app.__class__ = Own
    app.get("/x")(plain)


@has("custom-call")
def _(app):
    app.get("/x")(plain)
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: build()


class OwnRouter(APIRouter):
    async def handle(self, scope, receive, send):
        await super().handle(scope, receive, send)


@has("custom-router")
def _(app):
    app.router.__class__ = OwnRouter
    app.get("/x")(plain)


@has("custom-router")
def _(app):
    router = OwnRouter(prefix="/x")
    router.get("")(plain)
    app.include_router(router)


@has("custom-router")
def _(app):
    inner, outer = OwnRouter(), APIRouter()
    inner.get("/x")(plain)
    outer.include_router(inner)
    app.include_router(outer)


@has("custom-router")
def _(app):
    router = APIRouter()
    router.get("/x")(plain)
    app.include_router(router)
    included = app.router.routes[-1]
    included.matches = included.matches


@has("custom-router")
def _(app):
    app.get("/x")(plain)
    inner = app.router.middleware_stack
    app.router.middleware_stack = lambda *args: inner(*args)


# -- the kind of route -----------------------------------------------------------------------------


@has("websocket")
def _(app):
    @app.websocket("/x")
    async def talk(socket: WebSocket): ...


@has("mount")
def _(app):
    app.mount("/x", FastAPI())


@has("foreign-route")
def _(app):
    app.add_route("/x", lambda request: Response())


@has("foreign-route")
def _(app):
    app.router.routes.append(starlette.routing.Host("x.example", FastAPI()))


class OwnRoute(APIRoute):
    def get_route_handler(self):
        return super().get_route_handler()


@has("custom-route-class")
def _(app):
    app.router.route_class = OwnRoute
    app.get("/x")(plain)


@has("custom-route-class")
def _(app):
    router = APIRouter(route_class=OwnRoute)
    router.get("/x")(plain)
    app.include_router(router)


@has("changed-route")
def _(app):
    app.get("/x")(plain)
    route = app.router.routes[-1]
    inner = route.app
    route.app = lambda *args: inner(*args)


@has("changed-route")
def _(app):
    app.get("/x")(plain)
    route = app.router.routes[-1]
    route.handle = route.handle


@has("changed-route")
def _(app):
    app.get("/y")(plain)
    app.router.routes[-1].path = "/x"


@has("changed-route")
def _(app):
    app.get("/x/{a}")(lambda a: a)
    app.router.routes[-1].param_convertors = {}


@has("changed-route")
def _(app):
    app.get("/x")(plain)
    app.router.routes[-1].dependant.call = lambda: 2


@has("shadowed")
def _(app):
    app.mount("/x", FastAPI())
    app.get("/x/y")(plain)


class Exploding(dict):
    def keys(self):
        raise RuntimeError("no keys")


@has("plan-failed")
def _(app):
    app.get("/x")(plain)
    app.router.routes[-1].param_convertors = Exploding()


@has("unreadable-routes")
def _(app):
    app.get("/x")(plain)
    router = APIRouter()
    router.get("/{name}")(lambda name: name)
    app.include_router(router, prefix="/{name}")


# -- the operation ---------------------------------------------------------------------------------


@has("special-parameter")
def _(app):
    @app.get("/x")
    def read(socket: WebSocket): ...


@has("special-parameter")
def _(app):
    def look(socket: WebSocket): ...

    app.get("/x", dependencies=[Depends(look)])(plain)


@has("concurrency")
def _(app):
    app.get("/x", dependencies=[Depends(plain, max_concurrency=2)])(plain)


def function_scoped():
    yield 1


def request_scoped():
    yield 2


@has("mixed-scopes")
def _(app):
    first = Depends(function_scoped, scope="function")
    app.get("/x", dependencies=[first, Depends(request_scoped)])(plain)


@has("too-many-generators")
def _(app):
    many = [Depends(request_scoped, use_cache=False) for _ in range(16)]
    app.get("/x", dependencies=many)(plain)


class CallableObject:
    def __call__(self):
        return 1


@has("too-many-parameters")
def _(app):
    source = ", ".join(f"a{n}: int = 0" for n in range(32))
    scope: dict[str, Any] = {}
    exec(f"def read({source}): ...", scope)
    app.get("/x")(scope["read"])


@has("method")
def _(app):
    app.api_route("/x", methods=["GET", "QUERY"])(plain)


@has("method")
def _(app):
    app.api_route("/x", methods=["CONNECT"])(plain)


@has("any-method")
def _(app):
    app.api_route("/x", methods=[], operation_id="all")(plain)


for path in ("/x{a}", "/x/{a:uuid}", "/x/{a:path}/b", "/x/{a-b}"):

    @has("path-pattern")
    def _(app, path=path):
        app.get(path)(plain if "-" in path else lambda a: a)


# -- inputs ----------------------------------------------------------------------------------------


@has("param-name")
def _(app):
    @app.get("/x")
    def read(a: Annotated[int, Header(alias="ä")]): ...


@has("param-name")
def _(app):
    @app.get("/x")
    def read(a: Annotated[int, Query(alias="\ud800")]): ...


@has("path-missing")
def _(app):
    @app.get("/x")
    def read(a: Annotated[int, Path()]): ...


@has("deferred-schema")
def _(app):
    @app.get("/x")
    def read(a: int): ...

    app.router.routes[-1].dependant.query_params[0]._type_adapter.validator = object()


@has("deferred-schema")
def _(app):
    @app.post("/x")
    def read(a: Item): ...

    app.router.routes[-1].dependant.body_params[0]._type_adapter.validator = object()


@has("deferred-schema")
def _(app):
    app.get("/x", response_model=int)(plain)
    app.router.routes[-1].response_field._type_adapter.serializer = object()


# -- the tests -------------------------------------------------------------------------------------

CASES = [(code, build) for code, builds in BUILDERS.items() for build in builds]
#: Codes that need more than an app; each has a test of its own.
ELSEWHERE = {"version", "no-core", "patched", "internals", "core-refused", "mounted"}
#: What stands around the routes: at the inner end of the middleware stack they are compiled.
AROUND = {"middleware", "middleware-options", "root-path"}


def new_app() -> FasterAPI:
    return FasterAPI(openapi_url=None)


@pytest.mark.parametrize(("code", "build"), CASES, ids=[code for code, _ in CASES])
def test_obstacle_has_its_code(code: str, build: Build):
    app = new_app()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        build(app)
    plan = plan_app(app)
    verdict = plan.verdicts[-1]
    assert verdict.tier == ("asgi" if code in AROUND else "fastapi")
    assert {one.code for one in verdict.reasons} == {code}
    assert all(entry.spec is None or code == "shadowed" for entry in plan.entries)


def test_every_code_has_a_test():
    assert set(BUILDERS) | ELSEWHERE == set(TEXTS)


def test_texts_are_sentences_that_say_what_to_do():
    for code, text in TEXTS.items():
        assert text[0].isupper() or text[0] == "{", code
        assert text.endswith("."), code
        assert code == code.lower()
        assert " " not in code
        helps = ("compile", "FastAPI serves it")
        assert any(words in text for words in helps), code


def test_reason_fills_in_its_sentence():
    assert reason("method", name="QUERY").text.startswith("The method QUERY is not one")
    assert reason("path-pattern", path="/x{a}").text.count("'/x{a}'") == 1
    assert reason("debug").as_dict() == {"code": "debug", "text": TEXTS["debug"]}
    with pytest.raises(KeyError):
        reason("no-such-code")


def test_several_obstacles_are_all_named_once():
    app = new_app()

    dependencies = [Depends(plain, max_concurrency=1)] * 2

    @app.post("/x", dependencies=dependencies)
    def read(a: Annotated[str, Path()], b: Annotated[str, Cookie(alias="ä")]): ...

    codes = [one.code for one in plan_app(app).verdicts[0].reasons]
    assert sorted(codes) == ["concurrency", "param-name", "path-missing"]


def test_app_reasons_are_on_every_route_and_leave_no_entries():
    app = new_app()
    app.get("/a")(plain)
    app.get("/b/{x:uuid}")(plain)
    app.debug = True
    plan = plan_app(app)
    assert plan.entries == []
    assert [one.code for one in plan.reasons] == ["debug"]
    assert [[one.code for one in verdict.reasons] for verdict in plan.verdicts] == [
        ["debug"],
        ["debug", "path-pattern"],
    ]


def test_plain_fastapi_is_compiled():
    app = FastAPI(openapi_url=None)
    app.get("/x")(plain)
    (route,) = explain(app)["routes"]
    assert (route["tier"], route["reasons"]) == ("compiled", [])


def test_core_that_refuses_a_plan_makes_it_opaque():
    class Core:
        @staticmethod
        def Plan(*args: Any, **kw: Any) -> Any:  # noqa: N802
            raise ValueError("too odd")

    app = new_app()
    app.get("/x")(plain)
    plan = plan_app(app)
    assert plan.compiled == 1
    assert plan.core_entries(Core) == [("/x", ["GET"], None, "/x")]
    assert plan.compiled == 0
    (why,) = plan.verdicts[0].reasons
    assert why == Reason("core-refused", why.text)
    assert "too odd" in why.text


def test_a_stack_that_is_built_as_usual_is_no_obstacle():
    app = new_app()
    app.get("/x")(plain)
    app.middleware_stack = app.build_middleware_stack()
    assert plan_app(app).compiled == 1


def test_status_given_as_enum_compiles():
    class Status(enum.IntEnum):
        MADE = 201

    app = new_app()
    app.get("/x", status_code=Status.MADE)(plain)
    (entry,) = plan_app(app).entries
    assert entry.spec is not None
    assert entry.spec.status_code == 201
    assert type(entry.spec.status_code) is int


def test_coroutine_marker_alone_is_not_trusted():
    def read():
        return asyncio.sleep(0)

    app = new_app()
    app.get("/x")(read)
    (entry,) = plan_app(app).entries
    assert entry.spec is not None
    assert entry.spec.is_async is False
