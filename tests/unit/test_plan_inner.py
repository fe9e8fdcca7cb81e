"""Plans at the inner end of a middleware stack: what happens, and in which order, as with FastAPI.

Each program is built twice, as a FastAPI app and as a FasterAPI app, and called as an ASGI server
calls it. Compared are the messages, what ran meanwhile, what is raised, and the scope afterwards.
"""

import asyncio
import contextlib
import contextvars
import threading
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated, Any

import anyio
import anyio.to_thread
import fastapi.routing
import pytest
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Request,
    Response,
)
from fastapi.middleware.cors import CORSMiddleware
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel
from starlette.middleware.base import BaseHTTPMiddleware

from fasterapi import FasterAPI
from fasterapi.plan.inner import CompiledEnd, _plan_for
from fasterapi.plan.spec import PlanSpec

Log = list[Any]
Build = Callable[[type[FastAPI], Log], FastAPI]


class Item(BaseModel):
    name: str
    size: int = 1


class Pure:
    """Middleware that the core knows nothing of."""

    def __init__(self, app: Any, log: Log) -> None:
        self.app = app
        self.log = log

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            self.log.append(message["type"])
            await send(message)

        self.log.append("in")
        await self.app(scope, receive, sending)
        self.log.append("out")


class Client:
    """One request. pieces: of the body, None for a client that leaves; fail_at: the message that
    cannot be sent any more."""

    def __init__(
        self,
        path: str = "/",
        method: str = "GET",
        *pieces: bytes | None,
        headers: dict[str, str] | None = None,
        fail_at: int | None = None,
        root_path: str = "",
    ) -> None:
        path, _, query = path.partition("?")
        given = {"host": "testserver", **(headers or {})}
        if pieces and "content-type" not in given:
            given["content-type"] = "application/json"
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": root_path,
            "headers": [(k.encode(), v.encode()) for k, v in given.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        self.pieces = list(pieces) or [b""]
        self.fail_at = fail_at

    async def ask(self, app: Any, log: Log) -> dict[str, Any]:
        """Everything there is to compare."""
        scope, pieces, sent = dict(self.scope), list(self.pieces), []

        async def receive() -> dict[str, Any]:
            if not pieces:
                await asyncio.Event().wait()
            piece = pieces.pop(0)
            log.append(f"receive {piece!r}")
            if piece is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: dict[str, Any]) -> None:
            if len(sent) == self.fail_at:
                log.append("client gone")
                raise OSError("gone")
            log.append("send " + message["type"])
            sent.append(message)

        raised = None
        try:
            await app(scope, receive, send)
        except Exception as exc:
            raised = f"{type(exc).__name__}: {exc}"
        known = {key: scope.get(key) for key in ("path", "root_path", "path_params", "state")}
        return {
            "sent": sent,
            "log": list(log),
            "raised": raised,
            "scope": sorted(scope),
            "known": known,
            "route": getattr(scope.get("route"), "path", None),
        }


def end_of(app: Any) -> CompiledEnd:
    """The inner end of an app's middleware stack."""
    layer = app.middleware_stack
    while type(layer) is not CompiledEnd:
        layer = layer.app
    return layer


def run(build: Build, app_class: type[FastAPI], clients: tuple[Client, ...]) -> list[Any]:
    log: Log = []
    # FastAPI remembers the lines of functions by their id(), which those of the past had too.
    fastapi.routing._endpoint_context_cache.clear()
    app = build(app_class, log)
    results = []
    taken = []

    async def all_of_them() -> None:
        for client in clients:
            log.clear()
            results.append(await client.ask(app, log))
            if app_class is FasterAPI:
                scope = {**client.scope, "path_params": {}}
                taken.append(end_of(app)._begin(scope) is not None)

    asyncio.run(all_of_them())
    results.append(taken)
    return results


def check(build: Build, *clients: Client, taken: bool | list[bool] = True) -> list[Any]:
    """Both do the same. taken: whether a plan takes the requests; returns what both did."""
    theirs = run(build, FastAPI, clients)
    ours = run(build, FasterAPI, clients)
    expected = [taken] * len(clients) if isinstance(taken, bool) else taken
    assert ours.pop() == expected
    theirs.pop()
    assert ours == theirs
    return theirs


def place(log: Log, name: str) -> None:
    """Log where something runs: on the loop, or on a thread of AnyIO's."""
    on_loop = threading.current_thread() is threading.main_thread()
    log.append((name, "loop" if on_loop else "thread"))


# -- trees -----------------------------------------------------------------------------------------

current: contextvars.ContextVar[str] = contextvars.ContextVar("current", default="nobody")


def outcome(kind: str) -> Any:
    if kind == "value":
        raise ValueError("value")
    if kind == "http":
        raise HTTPException(409, "conflict")
    if kind == "key":
        raise KeyError("key")
    if kind == "nan":
        return float("nan")
    if kind == "stream":
        return StreamingResponse(iter([b"a", b"b"]))
    if kind == "broken":

        def pieces() -> Iterator[bytes]:
            yield b"a"
            raise KeyError("broken")

        return StreamingResponse(pieces())
    return kind


class Dependencies:
    def __init__(self, log: Log) -> None:
        def first(q: int = 0) -> int:
            place(log, "first")
            current.set("first")
            log.append(current.get())
            return q + 1

        def second(n: Annotated[int, Depends(first)], x_a: Annotated[str, Header()] = "") -> str:
            place(log, "second")
            log.append(current.get())
            return f"{n}{x_a}"

        async def waits(n: Annotated[int, Depends(first)]) -> str:
            await asyncio.sleep(0)
            place(log, "waits")
            current.set("waits")
            return f"{n}"

        def session() -> Iterator[str]:
            place(log, "open")
            try:
                yield "session"
            except Exception as exc:
                log.append(f"saw {type(exc).__name__}")
                raise
            finally:
                log.append("close")

        async def async_session(s: Annotated[str, Depends(session)]) -> AsyncIterator[str]:
            place(log, "async open")
            current.set("session")
            try:
                yield s + "!"
            except Exception as exc:
                log.append(f"async saw {type(exc).__name__}")
                raise
            finally:
                await asyncio.sleep(0)
                log.append(f"async close {current.get()}")

        self.second, self.waits = second, waits
        self.session, self.async_session = session, async_session


def programs(app_class: type[FastAPI], log: Log) -> FastAPI:
    app = app_class()
    app.add_middleware(Pure, log=log)
    d = Dependencies(log)

    @app.exception_handler(ValueError)
    async def handle(request: Request, exc: ValueError) -> JSONResponse:
        body = await request.body()
        seen = [str(exc), body.decode(), getattr(request, "mark", None), current.get()]
        return JSONResponse(seen, 418)

    add_trees(app, log, d)
    add_exits(app, log, d)
    add_bodies(app, log, d)
    return app


def add_trees(app: FastAPI, log: Log, d: Dependencies) -> None:
    @app.get("/def/{number}")
    def of_def(number: int, s: Annotated[str, Depends(d.second)]) -> Any:
        place(log, "endpoint")
        return [number, s]

    @app.get("/async/{number}")
    async def of_async(number: int, s: Annotated[str, Depends(d.waits)]) -> Any:
        log.append(current.get())
        return [number, s]

    @app.get("/mixed")
    def of_mixed(s: Annotated[str, Depends(d.waits)]) -> Any:
        place(log, "endpoint")
        log.append(current.get())
        return s

    @app.get("/tail/plain/{kind}")
    def of_tail(
        kind: str, w: Annotated[str, Depends(d.waits)], s: Annotated[str, Depends(d.second)]
    ) -> Any:
        place(log, "endpoint")
        log.append([w, s, current.get()])
        return outcome(kind)

    @app.get("/tail/{kind}")
    def of_request_tail(
        kind: str,
        request: Request,
        tasks: BackgroundTasks,
        w: Annotated[str, Depends(d.waits)],
        s: Annotated[str, Depends(d.second)],
    ) -> Any:
        place(log, "endpoint")
        log.append([w, s, current.get()])
        tasks.add_task(log.append, request.url.path)
        return outcome(kind)

    @app.get("/typed", response_model=Item)
    async def of_typed(s: Annotated[str, Depends(d.second)], name: str | None = None) -> Any:
        return {"name": name, "more": 1}

    @app.get("/response")
    async def of_response(response: Response, s: Annotated[str, Depends(d.second)]) -> Any:
        response.headers["x-one"] = "1"
        response.status_code = 201
        return s


def add_exits(app: FastAPI, log: Log, d: Dependencies) -> None:
    @app.get("/exits/{kind}")
    def of_exits(kind: str, s: Annotated[str, Depends(d.session)]) -> Any:
        place(log, "endpoint")
        return outcome(kind)

    @app.get("/exits/async/{kind}")
    async def of_async_exits(kind: str, s: Annotated[str, Depends(d.async_session)]) -> Any:
        log.append(current.get())
        return outcome(kind)

    @app.get("/function/{kind}")
    def of_function(
        kind: str,
        s: Annotated[str, Depends(d.session)],
        t: Annotated[str, Depends(d.session, scope="function", use_cache=False)],
    ) -> Any:
        return outcome(kind)

    @app.get("/function/async/{kind}")
    async def of_async_function(
        kind: str,
        s: Annotated[str, Depends(d.session)],
        t: Annotated[str, Depends(d.async_session, scope="function", use_cache=False)],
    ) -> Any:
        return outcome(kind)

    @app.get("/typed/exits", response_model=Item)
    def of_typed_exits(s: Annotated[str, Depends(d.session)], name: str | None = None) -> Any:
        return {"name": name}

    @app.get("/background/{kind}")
    async def of_background(
        kind: str, s: Annotated[str, Depends(d.session)], tasks: BackgroundTasks
    ) -> Any:
        tasks.add_task(log.append, "task")
        return outcome(kind)

    async def pushes(request: Request) -> None:
        for name in ("fastapi_inner_astack", "fastapi_function_astack"):
            request.scope[name].callback(log.append, name)

    @app.get("/pushes")
    async def of_pushes(
        p: Annotated[None, Depends(pushes)], s: Annotated[str, Depends(d.session)]
    ) -> Any:
        return 1


def add_bodies(app: FastAPI, log: Log, d: Dependencies) -> None:
    @app.post("/body")
    async def of_body(item: Item, s: Annotated[str, Depends(d.waits)]) -> Any:
        if item.name == "bad":
            raise ValueError("bad")
        return item

    @app.post("/plain")
    async def of_plain(item: Item) -> Any:
        if item.name == "bad":
            raise ValueError("bad")
        return item

    def marked(request: Request) -> Request:
        request.mark = "marked"  # type: ignore[attr-defined]
        return request

    @app.post("/request")
    async def of_request(
        request: Request, again: Annotated[Request, Depends(marked)], conn: HTTPConnection
    ) -> Any:
        log.append([request is again, request is conn, dict(request.scope["path_params"])])
        body = await request.body()
        if body == b"bad":
            raise ValueError("bad")
        return [body.decode(), str(request.url), await request.is_disconnected()]

    @app.post("/request/body")
    def of_request_body(request: Request, item: Item, s: Annotated[str, Depends(d.session)]) -> Any:
        place(log, "endpoint")
        if item.name == "bad":
            raise ValueError("bad")
        return [item, request.url.path, asyncio.run(request.body()).decode()]


KINDS = ["text", "value", "http", "key", "nan", "stream", "broken"]
FAMILIES = "/exits /exits/async /function /function/async /background /tail /tail/plain".split()
GETS = [
    "/def/3?q=2",
    "/async/3",
    "/mixed",
    "/typed?name=a",
    "/typed",
    "/typed/exits?name=a",
    "/typed/exits",
    "/response",
    "/pushes",
    *(f"{family}/{kind}" for family in FAMILIES for kind in KINDS),
]


@pytest.mark.parametrize("path", GETS)
def test_same_as_fastapi(path: str):
    check(programs, Client(path, headers={"x-a": "h"}), Client(path))


@pytest.mark.parametrize("path", [one for one in GETS if one.partition("?")[0].count("/") > 1])
@pytest.mark.parametrize("fail_at", [0, 1])
def test_client_that_is_gone(path: str, fail_at: int):
    check(programs, Client(path, fail_at=fail_at))


@pytest.mark.parametrize("path", ["/body", "/plain", "/request/body"])
@pytest.mark.parametrize("name", ["good", "bad"])
def test_bodies(path: str, name: str):
    body = b'{"name": "%s"}' % name.encode()
    check(programs, Client(path, "POST", body), Client(path, "POST", body[:5], b"", body[5:]))


@pytest.mark.parametrize("path", ["/body", "/request/body"])
def test_refused_bodies(path: str):
    check(
        programs,
        Client(path, "POST", b"{}"),
        Client(path, "POST", b'{"na', None),
        Client(path, "POST", b"{", b"}"),
    )


def test_requests():
    check(
        programs,
        Client("/request?a=b", "POST", b"text"),
        Client("/request", "POST", b"te", b"xt"),
        Client("/request", "POST", b"bad"),
        Client("/request", "POST", b"x", None),
    )


def test_refused_parameters_are_for_fastapi():
    check(programs, Client("/def/x"), Client("/def/3?q=x"), Client("/exits/"), taken=False)
    check(programs, Client("/request"), Client("/nowhere"), taken=False)


def test_root_path():
    check(
        programs,
        Client("/api/async/3", root_path="/api"),
        Client("/api/exits/text", root_path="/api"),
    )


# -- what stands around ----------------------------------------------------------------------------


def test_native_and_http_middleware():
    def build(app_class: type[FastAPI], log: Log) -> FastAPI:
        app = programs(app_class, log)
        app.add_middleware(CORSMiddleware, allow_origins=["*"])

        @app.middleware("http")
        async def around(request: Request, call_next: Callable[[Request], Awaitable[Any]]) -> Any:
            log.append("around")
            response = await call_next(request)
            response.headers["x-around"] = str(response.status_code)
            return response

        return app

    paths = [
        "/exits/text",
        "/exits/async/value",
        "/exits/async/key",
        "/def/1",
        "/exits/async/stream",
    ]
    check(build, *(Client(path, headers={"origin": "http://a"}) for path in paths))


def test_overrides_are_for_fastapi():
    def build(app_class: type[FastAPI], log: Log) -> FastAPI:
        app = app_class()

        def original() -> str:
            return "original"

        @app.get("/{name}")
        async def read(name: str, o: Annotated[str, Depends(original)], request: Request) -> str:
            app.dependency_overrides.clear()
            return o

        @app.post("/{name}")
        async def write(item: Item, o: Annotated[str, Depends(original)]) -> str:
            app.dependency_overrides[original] = lambda: "other"
            return o

        return app

    post = Client("/a", "POST", b'{"name": "a"}')
    results = check(build, Client("/a"), post, post, Client("/a"), Client("/a"))
    bodies = [result["sent"][1]["body"] for result in results]
    assert bodies == [b'"original"', b'"original"', b'"other"', b'"other"', b'"original"']


def test_what_the_lifespan_changes_is_seen_by_the_first_request(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fasterapi.plan.inner.RECHECK", 3600)
    app = FasterAPI()

    @app.get("/")
    async def first():
        return "first"

    async def second():
        return "second"

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        app.router.routes.pop()
        app.get("/")(second)
        yield

    app.router.lifespan_context = lifespan
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def whole_life() -> list[Any]:
        async def receive() -> Any:
            return messages.pop(0)

        answers = []

        async def send(message: Any) -> None:
            if message["type"] == "lifespan.startup.complete":
                answers.append(await Client("/").ask(app, []))

        answers.append(await Client("/").ask(app, []))
        await app({"type": "lifespan"}, receive, send)
        return [answer["sent"][1]["body"] for answer in answers]

    assert asyncio.run(whole_life()) == [b'"first"', b'"second"']


def test_included_routers_and_their_scope():
    def build(app_class: type[FastAPI], log: Log) -> FastAPI:
        app = app_class()
        router = APIRouter(prefix="/{team}")

        async def team_of(team: str, request: Request) -> str:
            included = request.scope["fastapi"]["effective_route_context"]
            log.append([included.path, sorted(request.scope["fastapi"])])
            return team

        @router.get("/x/{n}")
        async def read(n: int, t: Annotated[str, Depends(team_of)]) -> list[Any]:
            return [n, t]

        app.include_router(router, prefix="/v1")
        app.include_router(router)
        return app

    check(build, Client("/v1/red/x/1"), Client("/red/x/2"))


def mounting(app_class: type[FastAPI], log: Log) -> FastAPI:
    inner = app_class()
    with warnings.catch_warnings(action="ignore"):  # a root_path given to the app is deprecated
        app = app_class(root_path="/own")

    def session() -> Iterator[int]:
        yield 1
        log.append("close")

    @inner.get("/x/{n}")
    async def read(n: int, request: Request, s: Annotated[int, Depends(session)]) -> list[Any]:
        scope = request.scope
        url = str(request.url_for("read", n=3))
        return [n, scope["root_path"], scope["app_root_path"], scope["path_params"], url]

    @inner.get("/bad", response_model=int)
    async def bad() -> str:
        return "no number"

    @app.get("/outer/{n}")
    async def outer(n: int, s: Annotated[int, Depends(session)]) -> int:
        return n

    app.mount("/sub", inner)
    app.mount("/again", inner)
    app.mount("/of/{tenant}", inner)
    app.host("{name}.example.org", inner)
    app.state.inner = inner
    return app


def test_mounted_apps():
    paths = ["/sub/x/1", "/again/x/1", "/of/a/x/1", "/of/b/x/1", "/sub/x/1", "/sub/x/y", "/sub/bad"]
    clients = [Client(prefix + path) for path in paths for prefix in ("/own", "")]
    clients.append(Client("/x/1", headers={"host": "shop.example.org"}))
    clients.append(Client("/bad", headers={"host": "shop.example.org"}))
    results = check(mounting, *clients, taken=False)  # not by the outer app
    assert [r["sent"][0]["status"] for r in results[:8:2]] == [200] * 4
    check(mounting, Client("/outer/1", root_path="/own"))


def test_mounted_apps_run_their_plans():
    app = mounting(FasterAPI, [])
    inner = app.state.inner
    asyncio.run(Client("/own/sub/x/1").ask(app, []))
    end, begun = end_of(inner), []

    def begin(scope: Any) -> Any:
        call = CompiledEnd._begin(end, scope)
        begun.append((scope["root_path"], call is not None))
        return call

    end._begin = begin  # type: ignore[method-assign]
    paths = ["/sub/x/1", "/again/x/1", *(f"/of/{n}/x/1" for n in range(9)), "/sub/x/1"]
    for path in paths:
        result = asyncio.run(Client("/own" + path).ask(app, []))
        assert result["sent"][0]["status"] == 200
    roots = ["/own/sub", "/own/again", *(f"/own/of/{n}" for n in range(9)), "/own/sub"]
    # Too many root paths: the last of them have no plans, the first keep theirs.
    assert begun == [(root, root not in roots[8:11]) for root in roots]


def test_cancelled_requests_close_their_dependencies():
    """An exit may wait although the request was cancelled, as FastAPI shields it."""

    def build(app_class: type[FastAPI], log: Log) -> FastAPI:
        app = app_class()

        class Timeout:
            def __init__(self, app: Any) -> None:
                self.app = app

            async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
                with anyio.CancelScope() as scope["state"]["cancel"]:
                    await self.app(scope, receive, send)
                log.append("cancelled")
                del scope["state"]["cancel"]

        app.add_middleware(Timeout)

        async def session() -> AsyncIterator[str]:
            try:
                yield "session"
            finally:
                await asyncio.sleep(0)
                log.append("closed")

        def other() -> Iterator[str]:
            try:
                yield "other"
            finally:
                log.append("closed other")

        @app.get("/")
        async def read(
            request: Request, s: Annotated[str, Depends(session)], o: Annotated[str, Depends(other)]
        ) -> str:
            request.state.cancel.cancel()
            await asyncio.sleep(10)
            return s

        @app.get("/def")
        def read_def(request: Request, o: Annotated[str, Depends(other)]) -> str:
            request.state.cancel.cancel()
            return o

        return app

    [first] = check(build, Client("/"))
    assert first["log"] == ["closed other", "closed", "cancelled"]


def test_def_functions_share_one_thread_under_the_limit_of_anyio():
    threads: list[int] = []
    app = FasterAPI()

    def session() -> Iterator[int]:
        threads.append(threading.get_ident())
        yield 1

    def user(s: Annotated[int, Depends(session)]) -> int:
        threads.append(threading.get_ident())
        return s

    @app.get("/")
    def read(u: Annotated[int, Depends(user)]) -> int:
        threads.append(threading.get_ident())
        return int(anyio.from_thread.run_sync(lambda: limiter().borrowed_tokens))

    def limiter() -> anyio.CapacityLimiter:
        return anyio.to_thread.current_default_thread_limiter()

    async def ask() -> list[Any]:
        limiter().total_tokens = 1
        return await asyncio.gather(*(Client("/").ask(app, []) for _ in range(3)))

    results = asyncio.run(ask())
    assert [result["sent"][1]["body"] for result in results] == [b"1"] * 3
    assert len(set(threads[:3])) == 1


def test_base_http_middleware_that_does_not_pass_on():
    def build(app_class: type[FastAPI], log: Log) -> FastAPI:
        app = programs(app_class, log)

        class Early(BaseHTTPMiddleware):
            async def dispatch(self, request: Request, call_next: Any) -> Response:
                await call_next(request)
                return Response("early")

        app.add_middleware(Early)
        return app

    check(build, Client("/exits/async/text"), Client("/exits/text"), Client("/async/1"))


def test_a_plan_with_a_field_that_is_not_known_is_for_the_router():
    async def handler() -> None: ...

    plain = PlanSpec(handler=handler, is_async=True, can_suspend=False)
    app = FastAPI()
    assert _plan_for(plain, app) is plain
    assert _plan_for(PlanSpec(handler, True, False, may_decline=True), app) is None
    assert _plan_for(PlanSpec(handler, True, False, exchange=True), app) is None
    with_inner = PlanSpec(handler, True, False, may_decline=True, inner=lambda app: plain)
    assert _plan_for(with_inner, app) is plain
    assert _plan_for(PlanSpec(handler, True, False, inner=lambda app: None), app) is None
