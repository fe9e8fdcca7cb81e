"""A client that leaves: what it was getting ends, what it has caused goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from asking import ask, get, value
from field import Served
from live_server import wait_until
from wire import Connection

Serve = Callable[..., Served]

MIDDLEWARE = ["", "base", "pure"]
#: (what stands around the app, how its client leaves)
WAYS = [
    ("", "closes"),
    ("", "resets"),
    ("", "ends its side"),
    ("base", "closes"),
    ("pure", "closes"),
]
LEAVE = {
    "closes": Connection.close,
    "resets": Connection.reset,
    "ends its side": Connection.finish_sending,
}
#: Suspended in an await of their own when the client leaves.
WAITING = [f"/{how}/waiting" for how in ("plain", "dependent", "def", "lines", "events", "raw")]
TICKING = ["/plain/ticking", "/dependent/ticking"]
#: Suspended at a yield: the client does not read.
FLOODING = ["/plain/flooding", "/dependent/flooding", "/def/flooding"]
#: The same, where nothing but the collector would end it with Uvicorn (or even keep its loop).
HARD = ["/plain/threads", "/plain/hasty", "/dependent/hasty", "/lines/hasty", "/events/hasty"]
SSE_STARLETTE = ["/sse-starlette/waiting", "/sse-starlette/ticking", "/sse-starlette/flooding"]


def state_of(server: Served) -> dict[str, int]:
    found: dict[str, int] = value(server, "/state")
    return found


def begin(server: Served, path: str, *headers: str) -> Connection:
    """A client that has got the first piece of a stream, and reads no more."""
    connection = Connection(server.address, receive_buffer=4096)
    connection.send(get(path, *headers))
    assert connection.read_head().status == 200
    connection._until(b"hello")
    return connection


def wait_for(server: Served, what: str, **least: int) -> dict[str, int]:
    """The state, once each of these counts has been reached."""
    seen: dict[str, int] = {}

    def look() -> bool:
        seen.update(state_of(server))
        return all(seen.get(name.replace("_", " "), 0) >= count for name, count in least.items())

    wait_until(look, f"{least} after {what}; it is {seen}")
    return seen


def streams_end(server: Served, paths: list[str], leave: str, *headers: str) -> None:
    """Two clients of each path leave: their streams and dependencies end."""
    for path in paths:
        before = state_of(server)
        connections = [begin(server, path, *headers) for _ in range(2)]
        for connection in connections:
            LEAVE[leave](connection)
        opened = state_of(server).get("open", 0)
        wait_for(server, path, closed=opened, **{"finally": before.get("finally", 0) + 2})
        for connection in connections:
            connection.close()


@pytest.mark.kind("a stream that waits ends when its client leaves")
@pytest.mark.parametrize(("middleware", "leave"), WAYS)
def test_a_stream_that_waits(serve: Serve, middleware: str, leave: str):
    server = serve("gone_app.py", "--graceful-timeout", "0.5", MIDDLEWARE=middleware)
    streams_end(server, WAITING + TICKING, leave)


@pytest.mark.kind("a stream whose client does not read ends when that leaves")
@pytest.mark.parametrize("middleware", MIDDLEWARE)
def test_a_stream_that_nobody_reads(serve: Serve, middleware: str):
    server = serve("gone_app.py", "--graceful-timeout", "0.5", MIDDLEWARE=middleware)
    streams_end(server, FLOODING, "closes")


@pytest.mark.kind("a client that leaves is noticed when its connection takes no further request")
@pytest.mark.parametrize(
    "headers", [["Connection: close"], ["Connection: upgrade", "Upgrade: h2c"]]
)
def test_a_connection_that_takes_no_further_request(serve: Serve, headers: list[str]):
    server = serve("gone_app.py", "--graceful-timeout", "0.5")
    streams_end(server, WAITING, "closes", *headers)


@pytest.mark.kind("an event stream of sse-starlette ends when its client leaves")
@pytest.mark.parametrize("middleware", MIDDLEWARE)
def test_sse_starlette(serve: Serve, middleware: str):
    server = serve("gone_app.py", "--graceful-timeout", "0.5", MIDDLEWARE=middleware)
    streams_end(server, SSE_STARLETTE, "closes")


@pytest.mark.kind("nothing of a stream that was left stays alive without the collector")
@pytest.mark.parametrize("middleware", MIDDLEWARE)
def test_nothing_stays_alive(serve: Serve, middleware: str):
    server = serve("gone_app.py", "--graceful-timeout", "0.5", MIDDLEWARE=middleware)
    paths = WAITING + FLOODING + (HARD if server.who == "fasterapi" else [])
    for path in paths:
        streams_end(server, [path], "closes")
        if server.who == "fasterapi":
            wait_until(lambda: state_of(server)["alive"] == 0, f"the end of all of {path}")
        assert state_of(server)["alive"] == 0


@pytest.mark.kind("a def generator ends when its thread comes back")
@pytest.mark.parametrize("path", ["/plain/gated", "/def/gated", "/def-lines/gated"])
def test_a_def_generator(serve: Serve, path: str):
    server = serve("gone_app.py", "--graceful-timeout", "0.5")
    with begin(server, path):
        wait_for(server, "the first piece", in_the_thread=1)
    ask(server, "/open")
    state = wait_for(server, "the end of the thread", **{"finally": 1})
    wait_for(server, "the end of the stream", closed=state.get("open", 0))


# -- what goes on ----------------------------------------------------------------------------------

WITH_TASK = [
    "async value", "def value", "async exits", "def exits", "async plain", "def json", "async file",
    "def file", "async stream", "def stream", "async lines", "raw",
]  # fmt: skip


@pytest.mark.kind("background tasks run although the client has left")
@pytest.mark.parametrize("middleware", MIDDLEWARE)
def test_background_tasks(serve: Serve, middleware: str):
    server = serve("gone_task_app.py", "--graceful-timeout", "0.5", MIDDLEWARE=middleware)
    clients = []
    for name in WITH_TASK:
        for _ in range(6):
            connection = Connection(server.address)
            path = name.replace(" ", "/") + ("/" if name == "raw" else "")
            connection.send(get(f"/{path}"))
            clients.append(connection)
    wait_for(server, "the requests", waiting=len(clients))
    for number, connection in enumerate(clients):
        (connection.close if number % 2 else connection.reset)()
    ask(server, "/open")
    wait_for(
        server,
        "their clients have left",
        **{f"task_{name}".replace(" ", "_"): 6 for name in WITH_TASK},
    )


@pytest.mark.kind("a handler that has not answered runs to its end")
@pytest.mark.parametrize("middleware", MIDDLEWARE)
def test_a_handler_runs_to_its_end(serve: Serve, middleware: str):
    server = serve("gone_task_app.py", "--graceful-timeout", "0.5", MIDDLEWARE=middleware)
    with Connection(server.address) as connection:
        connection.send(get("/to-the-end"))
        wait_for(server, "the request", waiting=1)
    ask(server, "/open")
    assert "cancelled" not in wait_for(server, "its client has left", through=1)


@pytest.mark.kind("whoever waits for the client is told at once that it has left")
@pytest.mark.parametrize(("middleware", "leave"), WAYS)
def test_told(serve: Serve, middleware: str, leave: str):
    server = serve("gone_task_app.py", "--graceful-timeout", "0.5", MIDDLEWARE=middleware)
    told = 0
    # Behind base middleware, Starlette's is_disconnected() is False whatever the server says.
    for path in ("/told/receive", "/told/is_disconnected")[: 1 if middleware == "base" else 2]:
        for headers in ([], ["Connection: close"]):
            with Connection(server.address) as connection:
                connection.send(get(path, *headers))
                told += 1
                wait_for(server, "the request", waiting=told)
                LEAVE[leave](connection)
                wait_for(server, f"its client {leave}", told=told)


UPLOADS = {
    "stream": "Content-Length: 900000\r\n\r\n" + "x" * 300000,
    "stream ": "Transfer-Encoding: chunked\r\n\r\n493e0\r\n" + "x" * 300000,
    "body": "Content-Length: 900000\r\n\r\n" + "x" * 300000,
    "form": "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 9000000\r\n\r\n--b\r\n"
    'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + "x" * 3000000,
}


@pytest.mark.kind("an upload that is cut raises ClientDisconnect and leaves no file")
@pytest.mark.parametrize(("middleware", "leave"), WAYS)
def test_uploads(serve: Serve, middleware: str, leave: str):
    server = serve("gone_task_app.py", "--graceful-timeout", "0.5", MIDDLEWARE=middleware)
    raised = 0
    for path, rest in UPLOADS.items():
        with Connection(server.address) as connection:
            waiting = state_of(server).get("waiting", 0)
            connection.send(f"POST /upload/{path.strip()} HTTP/1.1\r\nHost: h\r\n{rest}".encode())
            if path != "form":
                wait_for(server, "the first piece", waiting=waiting + 1)
            LEAVE[leave](connection)
            raised += path != "form"
            wait_for(server, f"a cut {path}", ClientDisconnect=raised)
            wait_until(lambda: state_of(server)["files"] == 0, f"no file of {path} to be left")
    assert "through" not in state_of(server)
