"""A FasterAPI app in the place of a FastAPI app, on servers that are not ours: the same answers.

Each server runs both. They listen on Unix sockets, because not all of them say which port they got.
"""

import importlib.util
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from live_server import APPS, LiveServer, start_asgi_server, wait_until
from starlette.testclient import TestClient
from websockets.sync.client import unix_connect
from wire import Response, exchange

from fasterapi import FasterAPI

SERVERS = ["uvicorn", "granian", "gunicorn"]
AUTH = "Authorization: Bearer me\r\n"
MULTIPART = (
    '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na\r\n--x\r\nContent-Disposition: '
    'form-data; name="upload"; filename="f.txt"\r\n\r\ntext\r\n--x--\r\n'
)


def get(path: str, headers: str = AUTH, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n".encode()


def post(path: str, body: str, kind: str = "application/json") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\n{AUTH}Content-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


CASES = [
    get("/red/items/3", AUTH + "Origin: http://a\r\n"),
    get("/red/items/x"),
    get("/red/items/3", ""),
    get("/red/def/3"),
    get("/red/def/13"),
    get("/red/def/3", "Authorization: Bearer bad\r\n"),
    post("/red/items", '{"name": "a"}'),
    post("/red/items", '{"name": "a", "size": 10}'),
    post("/red/items", '{"name": "a", "size": -1}'),
    post("/red/items", '{"nam'),
    post("/form", MULTIPART, "multipart/form-data; boundary=x"),
    get("/stream"),
    get("/below/3"),
    get("/below/x"),
    get("/below/3/"),
    get("/nowhere"),
    get("/log", method="DELETE"),
    get("/red/items/3", "Origin: http://a\r\nAccess-Control-Request-Method: GET\r\n", "OPTIONS"),
    get("/openapi.json"),
]  # fmt: skip


def comparable(response: Response) -> tuple[object, ...]:
    return (
        response.status,
        [(name, value) for name, value in response.headers if name.lower() != b"date"],
        response.body,
    )


def ask(server: LiveServer, raw: bytes) -> tuple[object, ...]:
    """The answer, and what was called meanwhile."""
    answer = comparable(exchange(server.socket, raw))
    said: list[str] = []

    def is_over() -> bool:
        said.extend(json.loads(exchange(server.socket, get("/log")).body))
        opened, closed = (sum(word in one for one in said) for word in ("open", "close"))
        return opened == closed and (b"/stream" not in raw or "task" in said)

    wait_until(is_over, f"the end of {raw!r}")
    return (*answer, said)


@pytest.fixture(scope="module", params=SERVERS)
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[LiveServer, LiveServer]]:
    theirs = start_asgi_server(request.param, "drop_in_app:app", COMPARE_CLASS="fastapi")
    ours = start_asgi_server(request.param, "drop_in_app:app")
    yield theirs, ours
    for server in (theirs, ours):
        server.stop()
        assert server.output.count("lifespan begins") == 1
        assert server.output.count("lifespan ends") == 1


def test_same_answers(servers: tuple[LiveServer, LiveServer]):
    theirs, ours = servers
    for raw in CASES:
        assert ask(ours, raw) == ask(theirs, raw), raw


def test_same_websockets(servers: tuple[LiveServer, LiveServer]):
    for server in servers:
        with unix_connect(server.socket, "ws://h/ws", open_timeout=30) as client:
            client.send("text")
            assert client.recv(30) == "TEXT"


def test_our_plans_run(servers: tuple[LiveServer, LiveServer]):
    bodies = [exchange(server.socket, get("/who-called")).body for server in servers]
    assert bodies == [b"true", b"false"]


def test_without_the_core_it_is_plain_fastapi_and_says_so_once():
    theirs = start_asgi_server("uvicorn", "drop_in_app:app", COMPARE_CLASS="fastapi")
    ours = start_asgi_server("uvicorn", "drop_in_app:app", FASTERAPI_NO_CORE="1")
    try:
        for raw in CASES:
            assert ask(ours, raw) == ask(theirs, raw), raw
        assert exchange(ours.socket, get("/who-called")).body == b"true"
    finally:
        theirs.stop()
        ours.stop()
    said = "FasterAPI without its C core (FASTERAPI_NO_CORE is set): the app is plain FastAPI"
    assert ours.output.count("without its C core") == 1
    assert said in ours.output


def test_same_answers_of_the_test_client():
    spec = importlib.util.spec_from_file_location("drop_in_app", APPS / "drop_in_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    results = []
    for app_class in (FastAPI, FasterAPI):
        said: list[Any] = []
        with TestClient(module.make(app_class), raise_server_exceptions=False) as client:
            for raw in CASES:
                head, _, body = raw.decode().partition("\r\n\r\n")
                first, *lines = head.split("\r\n")
                method, path, _ = first.split(" ")
                headers = dict(line.split(": ", 1) for line in lines)
                answer = client.request(method, path, headers=headers, content=body)
                log = client.get("/log").json()
                said.append((answer.status_code, answer.headers.multi_items(), answer.content, log))
            with client.websocket_connect("/ws") as socket:
                socket.send_text("text")
                said.append(socket.receive_text())
            said.append(client.get("/who-called").json())
        results.append(said)
    theirs, ours = results
    assert (theirs.pop(), ours.pop()) == (True, False)
    assert ours == theirs
