"""TestClient: Starlette's, with the C core in the middle."""

import asyncio
import contextlib
import contextvars
import gc
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import anyio
import pytest
from fastapi import BackgroundTasks, Depends, HTTPException, Request, WebSocket
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.testclient import TestClient as StarletteClient

from fasterapi import FasterAPI
from fasterapi.testclient import TestClient

calls: list[str] = []
user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


@contextlib.asynccontextmanager
async def lifespan(app: FasterAPI) -> AsyncIterator[dict[str, str]]:
    calls.append("up")
    yield {"database": "open"}
    calls.append("down")


app = FasterAPI(lifespan=lifespan)


def session() -> Iterator[str]:
    calls.append("open")
    yield "session"
    calls.append("close")


@app.get("/sync/{number}")
def sync(number: int, s: Annotated[str, Depends(session)]):
    return [number, s]


@app.get("/async")
async def asynchronous(s: Annotated[str, Depends(session)]):
    return s


@app.get("/request")
async def of_request(request: Request):
    return {
        "client": request.client,
        "url": str(request.url),
        "database": getattr(request.state, "database", None),
        "token": request.headers.get("x-token"),
        "cookie": request.cookies.get("a"),
    }


@app.post("/body")
async def body(request: Request):
    return len(await request.body())


@app.get("/raises")
async def raises(s: Annotated[str, Depends(session)]):
    raise ValueError("from the endpoint")


@app.get("/refuses")
def refuses():
    raise HTTPException(418, "no")


@app.get("/background")
async def background(tasks: BackgroundTasks):
    tasks.add_task(calls.append, "task")
    return "queued"


@app.get("/stream")
async def stream():
    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    return StreamingResponse(parts())


@app.get("/away")
async def away():
    return RedirectResponse("/sync/1")


@app.get("/for-ever")
async def for_ever():
    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                calls.append("part")
                yield b"x" * 1000
        finally:
            calls.append("closed")

    return StreamingResponse(parts())


@app.get("/breaks")
async def breaks():
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        raise ValueError("in the middle")

    return StreamingResponse(parts())


@app.get("/user-at-once")
async def user_at_once():
    return user.get()


@app.get("/user-later")
async def user_later():
    await asyncio.sleep(0)
    return user.get()


@app.get("/user-sync")
def user_sync():
    return user.get()


@app.get("/user-stream")
async def user_stream():
    return StreamingResponse(iter([f'"{user.get()}"']))


@app.get("/odd-head")
async def odd_head():
    answer = Response(headers={"x-long": "v" * 100_000})
    answer.raw_headers.append((b"X-CaSe", b"1"))
    return answer


@app.websocket("/ws")
async def talk(socket: WebSocket):
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    calls.clear()


def served(client: TestClient) -> int:
    """Requests that the core has completed for a client that is entered."""
    (server,) = client._core_app.servers.values()
    return int(server.core_server.stats()["responses"])


def test_requests_go_through_the_core():
    with TestClient(app) as client:
        for number in range(3):
            assert client.get(f"/sync/{number}").json() == [number, "session"]
        assert client.get("/stream").text == "one two"
        assert served(client) == 4
        assert app.stats()["running"] is True
    assert app.stats()["running"] is False


@pytest.mark.parametrize("path", ["/sync/1", "/async"])
def test_an_answer_comes_after_the_exits(path: str):
    assert TestClient(app).get(path).status_code == 200
    assert calls == ["open", "close"]


def test_lifespan_and_its_state():
    with TestClient(app) as client:
        assert calls == ["up"]
        assert client.get("/request").json()["database"] == "open"
    assert calls == ["up", "down"]
    assert TestClient(app).get("/request").json()["database"] is None


def test_the_scope_is_starlette_s():
    client = TestClient(
        app,
        base_url="https://example.org",
        headers={"x-token": "t"},
        cookies={"a": "b"},
        client=("tester", 7),
    )
    assert client.get("/request?q=1").json() == {
        "client": ["tester", 7],
        "url": "https://example.org/request?q=1",
        "database": None,
        "token": "t",
        "cookie": "b",
    }


def test_headers_are_the_app_s_alone():
    client = TestClient(app)
    assert dict(client.get("/sync/1").headers) == {
        "content-length": "13",
        "content-type": "application/json",
    }
    assert dict(client.get("/stream").headers) == {}


def test_bodies_of_any_length():
    client = TestClient(app)
    for size in (0, 1, 70_000, 20_000_000):
        assert client.post("/body", content=b"x" * size).json() == size
    assert client.post("/body", content=(b"x" * 9 for _ in range(9))).json() == 81


@pytest.mark.parametrize("kind", ["at-once", "later", "sync", "stream"])
def test_handlers_see_the_caller_s_context(kind: str):
    def ask(client: TestClient, name: str) -> str:
        token = user.set(name)
        try:
            return str(client.get(f"/user-{kind}").json())
        finally:
            user.reset(token)

    client = TestClient(app)
    assert [ask(client, "a"), ask(client, "b")] == ["a", "b"]
    with client:
        assert [ask(client, "a"), ask(client, "b")] == ["a", "b"]
        assert client.get(f"/user-{kind}").json() == "nobody"


@pytest.mark.parametrize("enter", [contextlib.nullcontext, lambda client: client])
def test_a_stream_is_made_as_it_is_read(enter: Callable[[TestClient], Any]):
    client = TestClient(app)
    with enter(client):
        with client.stream("GET", "/for-ever") as response:
            parts = response.iter_bytes()
            assert sum(len(next(parts)) for _ in range(200)) == 200_000
            assert 200 <= calls.count("part") <= 210
        assert client.get("/async").json() == "session"
    assert "closed" in calls


@pytest.mark.parametrize("path", ["/sync/1", "/async", "/stream"])
def test_exits_run_when_an_answer_is_not_read(path: str):
    with TestClient(app) as client:
        for _ in range(3):
            with client.stream("GET", path) as response:
                assert response.status_code == 200
        assert calls.count("open") == calls.count("close")
        assert client._core_app.servers[client._core_app.kept].calls == {}


def test_a_stream_that_breaks():
    client = TestClient(app)
    with pytest.raises(ValueError, match="in the middle"):
        client.get("/breaks")
    quiet = TestClient(app, raise_server_exceptions=False)
    assert quiet.get("/breaks").text == "one"


def test_heads_arrive_as_they_are():
    answer = TestClient(app).get("/odd-head")
    assert len(answer.headers["x-long"]) == 100_000
    assert (b"X-CaSe", b"1") in answer.headers.raw


def test_exceptions_rise_or_become_500():
    with pytest.raises(ValueError, match="from the endpoint"):
        TestClient(app).get("/raises")
    quiet = TestClient(app, raise_server_exceptions=False)
    assert quiet.get("/raises").status_code == 500
    assert quiet.get("/refuses").json() == {"detail": "no"}


def test_exceptions_rise_through_middleware():
    behind = FasterAPI()

    @behind.middleware("http")
    async def pass_on(request: Request, call_next: Any) -> Response:
        return await call_next(request)

    @behind.get("/raises")
    async def raises(session: Annotated[str, Depends(session)], request: Request):
        raise ValueError(session)

    with pytest.raises(ValueError, match="session"):
        TestClient(behind).get("/raises")


def test_background_tasks_redirects_and_422():
    client = TestClient(app)
    assert client.get("/background").json() == "queued"
    assert calls == ["task"]
    assert client.get("/away").json() == [1, "session"]
    assert client.get("/away", follow_redirects=False).status_code == 307
    assert client.get("/sync/x").status_code == 422
    assert client.get("/nothing").json() == {"detail": "Not Found"}


def test_websockets():
    with TestClient(app).websocket_connect("/ws") as socket:
        socket.send_text("echo")
        assert socket.receive_text() == "echo"


def test_any_asgi_app():
    async def plain(scope, receive, send):
        request = StarletteRequest(scope, receive)
        await PlainTextResponse(f"{request.method} {request.url.path}")(scope, receive, send)

    assert TestClient(plain).get("/x").text == "GET /x"


def test_routes_added_later_and_overrides_are_seen():
    grown = FasterAPI()

    def user() -> str:
        return "real"

    @grown.get("/user")
    def who(name: Annotated[str, Depends(user)]):
        return name

    with TestClient(grown) as client:
        assert client.get("/user").json() == "real"
        grown.dependency_overrides[user] = lambda: "fake"
        assert client.get("/user").json() == "fake"
        grown.dependency_overrides.clear()
        assert client.get("/user").json() == "real"
        grown.get("/later")(lambda: "here")
        assert client.get("/later").json() == "here"


def test_threads_can_share_a_client():
    answers: list[int] = []
    with TestClient(app) as client:

        def ask(number: int) -> None:
            answers.append(client.get(f"/sync/{number}").json()[0])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answers) == list(range(8))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def use_once() -> None:
    assert TestClient(app).get("/sync/1").status_code == 200


def use_entered() -> None:
    with TestClient(app) as client:
        assert client.get("/async").status_code == 200
        with client.stream("GET", "/for-ever") as response:
            assert next(response.iter_bytes())


def use_and_fail() -> None:
    with pytest.raises(ValueError, match="from the endpoint"):
        TestClient(app).get("/raises")


@pytest.mark.parametrize("use", [use_once, use_entered, use_and_fail])
def test_three_hundred_clients_leave_nothing(
    use: Callable[[], None], holds_level: Callable[[Callable[[], object], int], None]
):
    for _ in range(200):  # caches fill
        use()
    gc.collect()
    before = descriptors(), threading.active_count()
    holds_level(use, 100)  # three rounds
    assert (descriptors(), threading.active_count()) == before


# -- beside Starlette's, which answers without a server --------------------------------------------

both = pytest.mark.parametrize("client_class", [StarletteClient, TestClient])


def sends(*messages: dict[str, Any]) -> Any:
    async def bare(scope, receive, send):
        for message in messages:
            await send(message)

    return bare


START = {"type": "http.response.start", "status": 200, "trailers": True}
BODY = {"type": "http.response.body", "body": b"hello"}
TRAILERS = {"type": "http.response.trailers", "headers": [(b"x-item", b"one")]}


@both
def test_trailers_come_after_the_body(client_class):
    response = client_class(sends(START, BODY, TRAILERS)).get("/")
    assert response.content == b"hello"
    assert response.extensions["http.response.trailers"] == [(b"x-item", b"one")]


@both
@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([], "did not receive any response"),
        ([TRAILERS], "without declaring trailers"),
        ([START, TRAILERS], "before body completed"),
        ([START, BODY, BODY], "after body completed"),
        ([START, BODY, TRAILERS, TRAILERS], "after response completed"),
    ],
)
def test_events_out_of_order(client_class, messages: list[dict[str, Any]], error: str):
    with pytest.raises(AssertionError, match=error):
        client_class(sends(*messages)).get("/")


@both
def test_an_app_that_raises_at_once_has_no_answer(client_class):
    async def bare(scope, receive, send):
        raise ValueError("at once")

    with pytest.raises(ValueError, match="at once"):
        client_class(bare).get("/")
    response = client_class(bare, raise_server_exceptions=False).get("/")
    assert (response.status_code, response.text) == (500, "")


@both
def test_a_push_is_nobody_s_answer(client_class):
    push = {"type": "http.response.push", "path": "/style.css", "headers": []}
    assert client_class(sends(push, START, BODY)).get("/").text == "hello"


@both
@pytest.mark.parametrize(
    ("method", "body"), [("GET", b"part"), ("GET", b""), ("HEAD", b"part")], ids=str
)
def test_no_part_is_made_before_it_is_asked_for(client_class, method: str, body: bytes):
    made: list[int] = []

    async def bare(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(100):
            await send({"type": "http.response.body", "body": body, "more_body": True})
            made.append(number)
        await send({"type": "http.response.body", "body": b""})

    with client_class(bare).stream(method, "/") as response:
        assert made == []
        response.read()
    assert len(made) == 100


@both
def test_a_client_that_ends_cancels_what_is_open(client_class):
    ended: list[str] = []

    async def bare(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"hello", "more_body": True})
            try:
                await anyio.sleep_forever()
            finally:
                ended.append("cancelled")

    client = client_class(FasterAPI(routes=[Mount("/", bare)]))
    with client:
        response = client.send(client.build_request("GET", "/"), stream=True)
        assert next(response.iter_raw()) == b"hello"
    assert ended == ["cancelled"]


@pytest.mark.parametrize("middleware", [False, True])
def test_a_client_that_gives_its_answer_up_has_left(middleware: bool):
    log: list[str] = []
    app = FasterAPI()

    def dependency() -> Iterator[int]:
        yield 1
        log.append("dependency")

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"hello"
            await anyio.sleep_forever()
        finally:
            log.append("stream")

    @app.get("/")
    async def stream(tasks: BackgroundTasks, one: Annotated[int, Depends(dependency)]) -> Any:
        tasks.add_task(log.append, "task")
        return StreamingResponse(pieces())

    if middleware:

        @app.middleware("http")
        async def base(request: Request, call_next: Any) -> Any:
            return await call_next(request)

    with TestClient(app) as client, client.stream("GET", "/") as response:
        assert next(response.iter_raw()) == b"hello"
    assert log == ["stream", "task", "dependency"]


@both
@pytest.mark.parametrize("host", ["[v1.foo]", "name:000080", "name:100000", "[::1]:8000"])
def test_hosts_that_rfc_3986_allows(client_class, host: str):
    async def bare(scope, receive, send):
        await PlainTextResponse(StarletteRequest(scope).headers["host"])(scope, receive, send)

    assert client_class(bare).get("/", headers={"host": host}).text == host
