"""What stands around a request in its scope, used by plans as by FastAPI: both are asked and compared."""

import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pytest
import starlette.testclient
from fastapi import BackgroundTasks, Depends, FastAPI, Form, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, StreamingResponse

import fasterapi.testclient
from fasterapi import FasterAPI, _native
from fasterapi.plan import plan_app

pytestmark = pytest.mark.skipif(_native.core is None, reason="needs the core")

REQUEST, FUNCTION, MIDDLEWARE = STACKS = (
    "fastapi_inner_astack",
    "fastapi_function_astack",
    "fastapi_middleware_astack",
)


class OddError(Exception):
    """Has a handler of the app's own."""


class OtherError(Exception):
    """Has none."""


class Log(list[str]):
    """What has happened, in order."""

    def push(self, request: Request, stack: str, name: str, kind: str = "callback") -> None:
        if kind == "async":
            request.scope[stack].push_async_callback(self._later, name)
        elif kind == "manager":
            request.scope[stack].push(self._exit(name, False))
        elif kind == "swallow":
            request.scope[stack].push(self._exit(name, True))
        else:
            request.scope[stack].callback(self.append, name)

    async def _later(self, name: str) -> None:
        self.append(name)

    def _exit(self, name: str, swallows: bool) -> Callable[..., bool]:
        def leave(kind: Any, raised: Any, trace: Any) -> bool:
            self.append(f"{name}({kind and kind.__name__})")
            return swallows

        return leave


Build = Callable[[Any, Log], None]


def build_app(app_class: type[FastAPI], log: Log, build: Build) -> FastAPI:
    app = app_class(openapi_url=None, middleware=[])

    @app.exception_handler(OddError)
    async def odd(request: Request, exc: OddError) -> JSONResponse:
        log.append("handler")
        return JSONResponse({"odd": sorted(map(str, request.scope["path_params"]))}, 418)

    build(app, log)
    return app


def run(build: Build, *asked: tuple[str, str]) -> list[list[Any]]:
    """What the client and the log say, with FastAPI and with plans."""
    results = []
    for app_class, client_class in (
        (FastAPI, starlette.testclient.TestClient),
        (FasterAPI, fasterapi.testclient.TestClient),
    ):
        log = Log()
        app = build_app(app_class, log, build)
        if app_class is FasterAPI:
            assert {one.tier for one in plan_app(app).verdicts} == {"compiled"}
        said = []
        with client_class(app, raise_server_exceptions=False) as client:
            for method, path in asked:
                answer = client.request(method, path)
                said.append((answer.status_code, answer.content))
                log.append("next")
        results.append([*said, *log])
    return results


def same(build: Build, *asked: tuple[str, str]) -> list[Any]:
    theirs, ours = run(build, *(asked or [("GET", "/1")]))
    assert ours == theirs
    return ours


# -- the exit stacks -------------------------------------------------------------------------------

KINDS = ["callback", "async", "manager", "swallow"]


def before(log: Log, request: Request, stack: str, kind: str, name: str) -> None:
    log.append(name)
    log.push(request, stack, f"left by {name}", kind)


ENDS: dict[str, Callable[[], Any]] = {
    "returns": lambda: {"a": 1},
    "odd": lambda: _raise(OddError()),
    "other": lambda: _raise(OtherError()),
    "http": lambda: _raise(HTTPException(409)),
    "streams": lambda: StreamingResponse(iter([b"a", b"b"])),
    "invalid": lambda: object,
}


def _raise(exc: Exception) -> Any:
    raise exc


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_stacks_without_generators(stack, end, kind):
    def build(app: FastAPI, log: Log) -> None:
        async def dependency(request: Request) -> None:
            before(log, request, stack, kind, "async dependency")

        def in_thread(request: Request) -> None:
            before(log, request, stack, kind, "dependency")

        @app.get("/async/{x}")
        async def in_async(request: Request, _: Annotated[None, Depends(dependency)]) -> Any:
            before(log, request, stack, kind, "async endpoint")
            return ENDS[end]()

        @app.get("/def/{x}")
        def in_def(request: Request, _: Annotated[None, Depends(in_thread)]) -> Any:
            before(log, request, stack, kind, "endpoint")
            return ENDS[end]()

        @app.get("/mixed/{x}")
        def mixed(
            request: Request,
            _: Annotated[None, Depends(dependency)],
            __: Annotated[None, Depends(in_thread)],
        ) -> Any:
            before(log, request, stack, kind, "endpoint")
            return ENDS[end]()

    said = same(build, ("GET", "/async/1"), ("GET", "/def/1"), ("GET", "/mixed/1"))
    assert sum(str(one).startswith("left by") for one in said) == 7


@contextlib.contextmanager
def seen(log: Log, name: str) -> Iterator[None]:
    """Says how what stands in it comes to its end."""
    try:
        yield
    except Exception as exc:
        log.append(f"{name} sees {type(exc).__name__}")
        raise
    finally:
        log.append(f"{name} ends")


@pytest.mark.parametrize("stacks", list(itertools.product(STACKS, repeat=3))[::2])
@pytest.mark.parametrize("end", ENDS)
def test_stacks_between_generators(stacks, end):
    def build(app: FastAPI, log: Log) -> None:
        def make(name: str, stack: str, is_async: bool) -> Any:
            def first(request: Request) -> None:
                log.append(f"{name} begins")
                before(log, request, stack, "manager", name)

            async def in_async(request: Request) -> AsyncIterator[str]:
                first(request)
                try:
                    with seen(log, name):
                        yield name
                finally:
                    log.push(request, stack, f"late, by {name}")

            def in_def(request: Request) -> Iterator[str]:
                first(request)
                with seen(log, name):
                    yield name

            return in_async if is_async else in_def

        for kind in (True, False):
            one, two, three = (make(f"g{n}", stack, kind) for n, stack in enumerate(stacks))

            def endpoint(
                request: Request,
                a: str = Depends(one),
                b: str = Depends(two),
                c: str = Depends(three, scope="function"),
            ) -> Any:
                before(log, request, stacks[0], "async", "endpoint")
                return ENDS[end]()

            async def async_endpoint(
                request: Request,
                a: str = Depends(one),
                b: str = Depends(two),
                c: str = Depends(three, scope="function"),
            ) -> Any:
                return endpoint(request, a, b, c)

            app.get(f"/{kind}/{{x}}")(async_endpoint if kind else endpoint)

    same(build, ("GET", "/True/1"), ("GET", "/False/1"))


def test_generators_that_begin_on_the_loop_and_end_in_a_thread():
    def build(app: FastAPI, log: Log) -> None:
        async def first(request: Request) -> None:
            for stack in STACKS:
                before(log, request, stack, "async", f"first {stack}")

        def second(request: Request) -> Iterator[None]:
            before(log, request, REQUEST, "manager", "second")
            yield
            log.append("second ends")

        @app.get("/{x}")
        def endpoint(
            x: int,
            request: Request,
            _: Annotated[None, Depends(first)],
            __: Annotated[None, Depends(second)],
        ) -> Any:
            before(log, request, FUNCTION, "manager", "endpoint")
            return _raise(OddError()) if x == 2 else x

    same(build, ("GET", "/1"), ("GET", "/2"))


def test_a_dependency_raises_after_it_has_used_a_stack():
    def build(app: FastAPI, log: Log) -> None:
        async def generator(request: Request) -> AsyncIterator[None]:
            before(log, request, FUNCTION, "manager", "generator")
            yield
            log.append("generator ends")

        async def dependency(request: Request, _: Annotated[None, Depends(generator)]) -> None:
            before(log, request, FUNCTION, "manager", "dependency")
            before(log, request, REQUEST, "manager", "dependency")
            before(log, request, MIDDLEWARE, "manager", "dependency")
            raise HTTPException(403)

        @app.get("/{x}")
        async def endpoint(_: Annotated[None, Depends(dependency)]) -> None: ...

    same(build)


def test_what_a_form_leaves_is_there_for_the_handler():
    def build(app: FastAPI, log: Log) -> None:
        @app.post("/{x}")
        async def endpoint(request: Request, a: Annotated[str, Form()] = "") -> Any:
            before(log, request, MIDDLEWARE, "async", "endpoint")
            raise OddError

    for kind in (OddError,):
        assert kind
        same(build, ("POST", "/1"))


# -- exception handlers ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [OtherError, HTTPException, 404, 409])
def test_handlers_that_are_registered_while_a_request_runs(kind):
    def build(app: FastAPI, log: Log) -> None:
        async def handler(request: Request, exc: Exception) -> JSONResponse:
            log.append("registered handler")
            return JSONResponse({"registered": type(exc).__name__}, 499)

        async def register(request: Request) -> None:
            classes, statuses = request.scope["starlette.exception_handlers"]
            (statuses if isinstance(kind, int) else classes)[kind] = handler

        @app.get("/other")
        async def other() -> Any:
            raise OtherError

        @app.get("/conflict")
        def conflict() -> Any:
            raise HTTPException(409)

        @app.get("/register", dependencies=[Depends(register)])
        async def registers() -> Any:
            raise HTTPException(409)

        @app.get("/register/other", dependencies=[Depends(register)])
        def registers_other() -> Any:
            raise OtherError

    paths = ["/other", "/conflict", "/nothing", "/register", "/register/other"]
    asked = [("GET", path) for path in [*paths, *paths]]
    assert any(b"registered" in str(one).encode() for one in same(build, *asked))


def test_handlers_that_are_added_too_late_are_not_used():
    def build(app: FastAPI, log: Log) -> None:
        async def handler(request: Request, exc: Exception) -> JSONResponse:
            return JSONResponse({"added": True}, 499)

        @app.get("/add")
        async def add() -> Any:
            app.add_exception_handler(OtherError, handler)
            app.exception_handlers[409] = handler

        @app.get("/other")
        async def other() -> Any:
            raise OtherError

        @app.get("/conflict")
        async def conflict() -> Any:
            raise HTTPException(409)

    same(build, ("GET", "/add"), ("GET", "/other"), ("GET", "/conflict"))


# -- the scope -------------------------------------------------------------------------------------


def test_what_is_changed_in_the_scope_is_seen_afterwards():
    def build(app: FastAPI, log: Log) -> None:
        async def change(request: Request) -> None:
            request.scope["path_params"]["more"] = 1
            request.scope["user"] = "ada"
            request.scope["auth"] = ["all"]
            request.state.value = 5

        @app.get("/{x}", dependencies=[Depends(change)])
        async def endpoint(request: Request) -> Any:
            log.append(str((request.path_params, request.user, request.auth, request.state.value)))
            request.scope["path_params"] = {"other": 1}
            raise OddError

    said = same(build)
    assert "other" in str(said[0])


@contextlib.asynccontextmanager
async def resource(log: Log, name: str) -> AsyncIterator[str]:
    log.append(f"{name} opens")
    try:
        yield name
    finally:
        log.append(f"{name} closes")


def test_a_library_that_solves_dependencies_itself():
    """As several do: with FastAPI's own function, on the stacks of the request."""
    from fastapi.dependencies.utils import get_dependant, solve_dependencies

    def build(app: FastAPI, log: Log) -> None:
        async def own() -> AsyncIterator[str]:
            async with resource(log, "own") as name:
                yield name

        def wanted(value: Annotated[str, Depends(own)]) -> str:
            return value

        @app.get("/{x}")
        async def endpoint(request: Request, tasks: BackgroundTasks) -> Any:
            solved = await solve_dependencies(
                request=request,
                dependant=get_dependant(path="/{x}", call=wanted),
                async_exit_stack=request.scope[REQUEST],
                embed_body_fields=False,
            )
            tasks.add_task(log.append, "background")
            return solved.values

    assert "own closes" in same(build)


# -- the server's send -----------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["returns", "odd", "other"])
@pytest.mark.parametrize("with_generator", [False, True])
def test_an_endpoint_that_answers_through_the_requests_send(end, with_generator):
    def build(app: FastAPI, log: Log) -> None:
        async def generator(request: Request) -> AsyncIterator[None]:
            before(log, request, REQUEST, "async", "generator")
            yield
            log.append("generator ends")

        async def answer(request: Request) -> Any:
            before(log, request, FUNCTION, "async", "endpoint")
            headers = [(b"content-type", b"text/plain")]
            send = getattr(request, "_" + "send")  # as a library might, which no plan can see
            await send({"type": "http.response.start", "status": 207, "headers": headers})
            await send({"type": "http.response.body", "body": b"own", "more_body": True})
            log.append("sent")
            return ENDS[end]()

        if with_generator:
            app.get("/{x}", dependencies=[Depends(generator)])(answer)
        else:
            app.get("/{x}")(answer)

    theirs, ours = run(build, ("GET", "/1"))
    assert ours[1:] == theirs[1:]
    assert ours[0][0] == 207


def test_known_middleware_around_it():
    def build(app: FastAPI, log: Log) -> None:
        app.add_middleware(CORSMiddleware, allow_origins=["*"])

        @app.get("/{x}")
        async def endpoint(request: Request) -> Any:
            before(log, request, REQUEST, "async", "endpoint")
            return {}

    same(build)
