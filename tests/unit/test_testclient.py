"""TestClient: Starlette's, with the C core in the middle."""

import contextlib
import gc
import os
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import pytest
from fastapi import BackgroundTasks, Depends, HTTPException, Request, WebSocket
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse

from fasterapi import FasterAPI
from fasterapi.testclient import TestClient

calls: list[str] = []


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


def test_exceptions_rise_or_become_500():
    with pytest.raises(ValueError, match="from the endpoint"):
        TestClient(app).get("/raises")
    quiet = TestClient(app, raise_server_exceptions=False)
    assert quiet.get("/raises").status_code == 500
    assert quiet.get("/refuses").json() == {"detail": "no"}


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


def test_three_hundred_clients_leave_nothing():
    def use() -> None:
        assert TestClient(app).get("/sync/1").status_code == 200

    use()
    gc.collect()
    before = descriptors(), threading.active_count()
    for _ in range(300):
        use()
    gc.collect()
    assert (descriptors(), threading.active_count()) == before
