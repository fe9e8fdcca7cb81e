"""How many clients at a time, and how many requests in the life of a process."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest
from field import Served
from live_server import wait_until
from websockets.sync.client import connect
from wire import Connection, Response, WireError, exchange

Serve = Callable[..., Served]

#: What stands around the app, and the path: one for each way in which a request is served.
WAYS = [
    ("", "/wait/async"),
    ("", "/wait/def"),
    ("", "/wait/dependency"),
    ("", "/wait/stream"),
    ("asgi", "/wait/async"),
    ("base", "/wait/def"),
]


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: h", *headers, "\r\n"]).encode()


def ask(server: Served, path: str) -> Response:
    return exchange(server.address, get(path, "Connection: close"))


def is_refused(connection: Connection) -> bool:
    """Whether the answer is the one of a server at its limit, and the connection's last."""
    response = connection.read_response()
    assert response.status == 503
    assert response.body == b"Service Unavailable"
    assert response.header(b"connection") == b"close"
    assert response.header(b"content-type") == b"text/plain; charset=utf-8"
    return connection.read_to_end() == b""


@pytest.mark.kind("of 30 clients at a limit of 5 the first 4 or 5 are served, the others get 503")
@pytest.mark.parametrize(("around", "path"), WAYS)
def test_a_limit_of_concurrency(serve: Serve, tmp_path: pathlib.Path, around: str, path: str):
    server = serve("runtime_app.py", "--limit-concurrency", "5", AROUND=around, FLAGS=str(tmp_path))
    connections: list[Connection] = []
    for _ in range(30):
        connections.append(Connection(server.address))
        connections[-1].send(get(path))
    assert all(is_refused(connection) for connection in connections[5:])
    (tmp_path / path.removeprefix("/wait/")).touch()
    answers = [connection.read_response() for connection in connections[:5]]
    assert [answer.status for answer in answers] in ([200] * 5, [200] * 4 + [503])
    for connection in connections:
        connection.close()
    wait_until(lambda: ask(server, "/pid").status == 200, "room again")
    server.wait_for_line("Exceeded concurrency limit")


@pytest.mark.kind("a crowd that has connected before anybody asks is not refused as a whole")
def test_a_crowd(serve: Serve):
    server = serve("runtime_app.py", "--limit-concurrency", "5")
    connections = [Connection(server.address) for _ in range(30)]
    for connection in connections:
        connection.send(get("/pid"))
    statuses = [connection.read_response().status for connection in connections]
    assert statuses.count(200) in (4, 5)
    assert statuses.count(503) == 30 - statuses.count(200)
    for connection in connections:
        connection.close()


@pytest.mark.kind("work that goes on after its answer counts for the limit of concurrency")
@pytest.mark.parametrize("around", ["", "asgi", "base"])
def test_background_tasks_count(serve: Serve, tmp_path: pathlib.Path, around: str):
    server = serve("runtime_app.py", "--limit-concurrency", "3", AROUND=around, FLAGS=str(tmp_path))
    for path in ("/after/async", "/after/def"):
        for _ in range(3):
            wait_until(lambda path=path: ask(server, path).status == 200, "room for it")
        assert ask(server, "/pid").status == 503
        (tmp_path / path.removeprefix("/after/")).touch()
        wait_until(lambda: ask(server, "/pid").status == 200, "room again")


@pytest.mark.kind("a WebSocket is let in at the limit of concurrency, and counts")
def test_websockets_and_the_limit(serve: Serve):
    server = serve("runtime_app.py", "--limit-concurrency", "2")
    with connect("ws://{}:{}/echo".format(*server.address)) as websocket:
        assert ask(server, "/pid").status == 503
        websocket.send("there")
        assert websocket.recv() == "there"
    wait_until(lambda: ask(server, "/pid").status == 200, "the end of the WebSocket")


@pytest.mark.kind("an Upgrade header is no way around the limit of concurrency")
@pytest.mark.parametrize(
    ("ws", "upgrade"), [("none", "websocket"), ("auto", "h2c"), ("none", "h2c")]
)
def test_upgrades_and_the_limit(serve: Serve, ws: str, upgrade: str):
    server = serve("runtime_app.py", "--limit-concurrency", "1", "--ws", ws)
    with Connection(server.address) as connection:
        connection.send(get("/pid", "Connection: Upgrade", f"Upgrade: {upgrade}"))
        assert is_refused(connection)


def serve_until_the_end(server: Served) -> int:
    """Ask until nobody answers; returns how many answers came."""
    count = 0
    while True:
        try:
            assert ask(server, "/pid").status == 200
        except (ConnectionError, WireError):
            return count
        count += 1


@pytest.mark.kind("after its last request a process ends in order, what runs is finished")
def test_a_limit_of_requests(serve: Serve, tmp_path: pathlib.Path):
    server = serve("runtime_app.py", "--limit-max-requests", "10", FLAGS=str(tmp_path))
    with Connection(server.address) as waiting:
        waiting.send(get("/wait/async"))
        assert serve_until_the_end(server) >= 10
        server.wait_for_line("Maximum request limit of 10 exceeded. Terminating process")
        (tmp_path / "async").touch()
        assert waiting.read_response().body == b'"waited"'
    assert server.wait() == 0
    assert "lifespan ends" in server.output


@pytest.mark.kind("chance may add some requests to the last one, so that not all end at a time")
def test_jitter(serve: Serve):
    server = serve(
        "runtime_app.py", "--limit-max-requests", "5", "--limit-max-requests-jitter", "4"
    )
    assert serve_until_the_end(server) >= 5
    limit = server.wait_for_line(r"Maximum request limit of (\d+) exceeded")
    assert 5 <= int(limit[1]) <= 9
    assert server.wait() == 0
