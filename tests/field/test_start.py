"""What a start command says is so: headers, files, folders, sockets, reloading, variables."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import socket
import stat
from collections.abc import Callable

import pytest
from asking import ask, get, upgrade, value
from field import Served
from live_server import wait_until
from wire import Connection, Response, WireError, exchange

Serve = Callable[..., Served]

APP = """
from field_app import App
app = App()
@app.get("/version")
async def version() -> int:
    return {version}
"""


def lines_of(answer: Response, name: bytes) -> list[bytes]:
    return [found for key, found in answer.headers if key.lower() == name]


EVERY_KIND = (
    *("/value", "/thread", "/long", "/object", "/empty", "/stream", "/file", "/refused"),
    *("/failed", "/number/5", "/number/x", "/nowhere", "/value/", "/docs", "/openapi.json"),
)


@pytest.mark.kind("--header adds a line to every answer")
@pytest.mark.parametrize("middleware", ["", "1"], ids=["bare", "middleware"])
def test_headers_of_every_answer(serve: Serve, middleware: str):
    server = serve(
        "start_app.py",
        *("--header", "X-Start:one", "--header", "x-Other:two:three"),
        START_MIDDLEWARE=middleware,
    )
    answers = [ask(server, path) for path in EVERY_KIND]
    answers += [ask(server, "/value", method="HEAD"), ask(server, "/value", method="POST")]
    answers.append(exchange(server.address, upgrade("/ws/refused")))
    for answer in answers:
        assert lines_of(answer, b"x-start") == [b"one"], answer
        assert lines_of(answer, b"x-other") == [b"two:three"], answer
        assert len(lines_of(answer, b"server")) == 1
        assert len(lines_of(answer, b"date")) == 1
    assert {answer.status for answer in answers} >= {200, 204, 403, 404, 405, 422, 500}


@pytest.mark.kind("--header is part of the head that accepts a WebSocket")
def test_headers_of_a_websocket(serve: Serve):
    server = serve("start_app.py", "--header", "x-start:one")
    with Connection(server.address) as client:
        client.send(upgrade("/ws"))
        head = client.read_head()
        assert head.status == 101
        assert lines_of(head, b"x-start") == [b"one"]


@pytest.mark.kind("--header server: replaces the server's own; without it there is none")
def test_the_server_header(serve: Serve):
    server = serve("start_app.py", "--header", "server:mine")
    assert lines_of(ask(server, "/value"), b"server") == [b"mine"]
    server = serve("start_app.py", "--no-server-header", "--no-date-header")
    answer = ask(server, "/value")
    assert (lines_of(answer, b"server"), lines_of(answer, b"date")) == ([], [])
    server = serve("start_app.py", "--no-server-header", "--header", "x-start:one")
    answer = ask(server, "/value")
    assert (lines_of(answer, b"server"), lines_of(answer, b"x-start")) == ([], [b"one"])


@pytest.mark.kind("--env-file sets what is not set")
def test_an_env_file(serve: Serve, tmp_path: pathlib.Path):
    file = tmp_path / "my.env"
    file.write_text("# names\nSTART_NEW='a b'\nSTART_OLD=lost\n")
    server = serve("start_app.py", "--env-file", str(file), START_OLD="kept")
    assert value(server, "/set?name=START_NEW") == "a b"
    assert value(server, "/set?name=START_OLD") == "kept"


@pytest.mark.kind("--app-dir is where the app is")
def test_an_app_dir(serve: Serve, tmp_path: pathlib.Path):
    (tmp_path / "elsewhere.py").write_text(APP.format(version=7))
    server = serve("elsewhere:app", "--app-dir", str(tmp_path))
    assert value(server, "/version") == 7


@pytest.mark.kind("UVICORN_* variables are flags that nobody has given")
def test_uvicorns_variables(serve: Serve):
    server = serve(
        "start_app.py",
        *("--header", "x-flag:1"),
        UVICORN_HEADERS="x-variable:1",
        UVICORN_ROOT_PATH="/api",
        UVICORN_DATE_HEADER="false",
    )
    answer = ask(server, "/value")
    assert lines_of(answer, b"x-flag") == [b"1"]
    assert lines_of(answer, b"x-variable") == []
    assert lines_of(answer, b"date") == []
    assert b'"/api/openapi.json"' not in ask(server, "/docs").body
    assert b"/api/openapi.json" in ask(server, "/docs").body


@pytest.mark.kind("WEB_CONCURRENCY is the number of workers")
def test_web_concurrency(serve: Serve):
    server = serve("start_app.py", WEB_CONCURRENCY="2", PYTHONUNBUFFERED="1")
    seen: set[int] = set()

    def both() -> bool:
        try:
            seen.add(value(server, "/pid"))
        except (OSError, WireError):  # one that does not serve yet
            return False
        return len(seen) == 2

    wait_until(both, "answers of two processes")
    assert server.pid not in seen


def restricted(path: pathlib.Path) -> None:
    """Leave a socket there, of a server that has gone, that only the group may use."""
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
    path.chmod(0o660)


@pytest.mark.kind("a Unix socket has the mode of the one that lay there")
def test_the_mode_of_a_socket(serve: Serve, tmp_path: pathlib.Path):
    path = tmp_path / "s"
    restricted(path)
    server = serve("start_app.py", "--uds", str(path))
    server.wait_for_line(re.escape(str(path)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert exchange(str(path), get("/value")).status == 200


@pytest.mark.kind("a Unix socket of several workers has the mode of the one that lay there")
def test_the_mode_of_the_workers_socket(serve: Serve, tmp_path: pathlib.Path):
    path = tmp_path / "s"
    restricted(path)
    server = serve("start_app.py", "--uds", str(path), "--workers", "2")
    server.wait_for_line(re.escape(str(path)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert exchange(str(path), get("/value")).status == 200


@pytest.mark.kind("a new Unix socket is anybody's, and goes at the end")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_new_socket(serve: Serve, tmp_path: pathlib.Path, workers: str):
    path = tmp_path / "s"
    server = serve("start_app.py", "--uds", str(path), "--workers", workers)
    server.wait_for_line(re.escape(str(path)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert exchange(str(path), get("/value")).status == 200
    server.signal(signal.SIGTERM)
    server.wait()
    assert not path.exists()


@pytest.mark.kind("--reload serves the new code, at the same address")
def test_reloading(serve: Serve, tmp_path: pathlib.Path):
    file = tmp_path / "changing.py"
    file.write_text(APP.format(version=0))
    server = serve(
        "changing:app",
        *("--app-dir", str(tmp_path), "--reload", "--reload-dir", str(tmp_path)),
        *("--graceful-timeout", "1"),
        PYTHONDONTWRITEBYTECODE="1",
    )
    wait_until(lambda: version_of(server) == 0, "the first version")
    versions = iter(range(1, 1000))

    def newer() -> bool:
        """Change the file again and again: the watch may begin after the first change."""
        found = version_of(server)
        if not found:
            file.write_text(APP.format(version=next(versions)))
            os.utime(file, (1e9 + next(versions), 1e9))
        return bool(found)

    wait_until(newer, "a newer version")
    server.signal(signal.SIGTERM)
    server.wait()


def version_of(server: Served) -> int | None:
    try:
        return value(server, "/version")
    except (OSError, WireError):  # it is being changed
        return None


@pytest.mark.kind("--ws none answers who asks for a WebSocket as if he had not")
def test_without_websockets(serve: Serve):
    server = serve("start_app.py", "--ws", "none")
    answer = exchange(server.address, upgrade("/ws"))
    assert (answer.status, answer.body) == (200, b'"plain"')
    server = serve("start_app.py", "--ws", "wsproto")
    with Connection(server.address) as client:
        client.send(upgrade("/ws"))
        assert client.read_head().status == 101


@pytest.mark.kind("--interface asgi2 serves an app of ASGI 2")
def test_asgi2(serve: Serve):
    server = serve("start_app:asgi2", "--interface", "asgi2")
    assert ask(server, "/value").body == b'{"value":1}'


@pytest.mark.kind("--loop may be the app's own")
def test_a_loop_of_its_own(serve: Serve):
    server = serve("start_app.py", "--loop", "asyncio:new_event_loop")
    assert ask(server, "/value").status == 200


@pytest.mark.kind("--timeout-keep-alive and --timeout-graceful-shutdown are taken")
def test_timeouts(serve: Serve):
    server = serve(
        "start_app.py",
        *("--timeout-keep-alive", "1", "--timeout-graceful-shutdown", "1", "--backlog", "100"),
        *("--h11-max-incomplete-event-size", "20000", "--http", "h11"),
    )
    with Connection(server.address) as client:
        client.send(get("/value"))
        assert client.read_response().status == 200
        assert client.read_to_end() == b""  # it is closed while nobody asks
