"""Handlers that fail and clients that go away: one answer or none, a log entry, and life goes on."""

import pathlib
import subprocess
import sys

import pytest
from live_server import DEADLINE, LiveServer, start_fasterapi, wait_until
from wire import Connection, WireError, exchange

ALICE = b'{"id":1,"name":"Alice"}'


def get(target: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: h", *headers, "", ""]).encode()


def seen(server: LiveServer, name: str) -> int:
    import json

    return int(json.loads(exchange(server.address, get("/state")).body)["seen"].get(name, 0))


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("/boom/async", "RuntimeError: boom in a coroutine"),
        ("/boom/def", "RuntimeError: boom in a thread"),
        ("/boom/unserialisable", "ValueError"),
    ],
)
def test_failing_handler_is_answered_500_and_logged(target: str, error: str, server: LiveServer):
    with Connection(server.address) as connection:
        for _ in range(3):
            before = server.output.count(error)
            connection.send(get(target))
            response = connection.read_response()
            assert (response.status, response.body) == (500, b"Internal Server Error")
            assert response.header(b"content-type") == b"text/plain; charset=utf-8"
            wait_until(lambda seen=before: server.output.count(error) > seen, "the log entry")
            if response.header(b"connection") == b"close":
                break
    assert "Traceback (most recent call last)" in server.output
    # The handler's own line is in the traceback.
    assert "server_app.py" in server.output
    assert exchange(server.address, get("/def")).body == ALICE


def test_system_exit_in_a_handler_does_not_kill_the_server(server: LiveServer):
    try:
        exchange(server.address, get("/boom/exit"))
    except WireError:
        pass  # A closed connection is an answer too; a dead server is none.
    assert exchange(server.address, get("/def")).body == ALICE
    assert server.process.poll() is None


GUEST = """
import asyncio, sys
from urllib.error import HTTPError
from urllib.request import urlopen
from fastapi import Depends
from fasterapi import FasterAPI
from fasterapi.server import Server, Settings

app = FasterAPI()

async def ends():
    yield
    await asyncio.sleep(0)
    sys.exit(3)

@app.get("/later")
async def later(): await asyncio.sleep(0); sys.exit(3)
@app.get("/ends")
async def ended(found=Depends(ends, scope="function")): return 1
@app.get("/ok")
async def ok(): return "ok"

async def main():
    started = asyncio.Event()
    server = Server(app, Settings(port=0), on_started=lambda server: started.set())
    task = asyncio.create_task(server.serve())
    await started.wait()
    def status(path):
        try:
            return urlopen(f"http://127.0.0.1:{server.port}{path}").status
        except HTTPError as exc:
            return exc.code
    for path in ("/later", "/ends", "/later", "/ok"):
        print(path, await asyncio.to_thread(status, path), server.routes_compiled)
    server.stop()
    await task

asyncio.run(main())
"""


def test_system_exit_in_a_handler_spares_the_loop_that_the_server_is_a_guest_of():
    done = subprocess.run(
        [sys.executable, "-P", "-c", GUEST], capture_output=True, timeout=DEADLINE
    )
    assert done.returncode == 0, done.stderr.decode()
    lines = [line for line in done.stdout.decode().splitlines() if line.startswith("/")]
    assert lines == ["/later 500 3", "/ends 500 3", "/later 500 3", "/ok 200 3"]
    assert done.stderr.count(b"SystemExit: 3") == 3


def test_stream_that_fails_is_cut_and_not_completed(server: LiveServer):
    with Connection(server.address) as connection:
        connection.send(get("/boom/stream"))
        head = connection.read_head()
        assert head.status == 200
        with pytest.raises((WireError, ValueError)):
            connection.read_chunks()
    server.wait_for_line("boom in a stream")
    assert exchange(server.address, get("/")).body == ALICE


def test_all_threads_failing_at_once(server: LiveServer):
    connections = [Connection(server.address) for _ in range(100)]
    for connection in connections:
        connection.send(get("/boom/def") + get("/boom/async"))
    for connection in connections:
        assert connection.read_response().status == 500
        connection.close()
    assert exchange(server.address, get("/def")).body == ALICE


# -- clients that go away --------------------------------------------------------------------------


PIECES = {
    "nothing sent": b"",
    "half a head": b"GET / HTTP/1.1\r\nHo",
    "half a body": b"POST /items HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    "half a streamed body": b"POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{",
    "half a chunk": b"POST /length HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "answer not read": b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "answer of a thread not read": b"GET /def HTTP/1.1\r\nHost: h\r\n\r\n",
    "large answer not read": b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n",
    "many answers not read": b"GET /def HTTP/1.1\r\nHost: h\r\n\r\n" * 100,
}


@pytest.mark.parametrize("way", ["close", "reset"])
@pytest.mark.parametrize("piece", PIECES)
def test_client_goes_away(piece: str, way: str, server: LiveServer):
    for _ in range(20):
        connection = Connection(server.address)
        connection.send(PIECES[piece])
        getattr(connection, way)()
    assert exchange(server.address, get("/")).body == ALICE
    assert exchange(server.address, get("/def")).body == ALICE


def test_handler_learns_of_the_disconnect(server: LiveServer):
    wanted, done = seen(server, "disconnect wanted"), seen(server, "disconnect seen")
    connection = Connection(server.address)
    connection.send(get("/until-disconnect"))
    wait_until(lambda: seen(server, "disconnect wanted") > wanted, "the handler to start")
    connection.reset()
    wait_until(lambda: seen(server, "disconnect seen") > done, "the handler to learn of it")


def test_stream_ends_when_the_client_goes_away(server: LiveServer):
    closed = seen(server, "endless closed")
    for way in ("close", "reset"):
        connection = Connection(server.address)
        connection.send(get("/endless"))
        connection.read_exactly(1_000_000)
        getattr(connection, way)()
        closed += 1
        wait_until(lambda n=closed: seen(server, "endless closed") >= n, "the stream to be closed")


def test_stream_waits_for_a_slow_reader(server: LiveServer):
    """The app is held up once the buffers are full, and goes on when the client reads again."""
    with Connection(server.address, receive_buffer=4096) as connection:
        connection.send(get("/endless"))
        last = -1

        def stands_still() -> bool:
            nonlocal last
            now = seen(server, "endless parts")
            still, last = now == last, now
            return still and now > 0

        wait_until(stands_still, "the stream to pause")
        resident = _resident_kib(server.pid)
        connection.read_exactly(10_000_000)
        wait_until(stands_still, "the stream to pause again")
        assert _resident_kib(server.pid) < resident + 20_000


def _resident_kib(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def test_descriptors_come_back(server: LiveServer):
    def descriptors() -> int:
        return len(list(pathlib.Path(f"/proc/{server.pid}/fd").iterdir()))

    connections = [Connection(server.address) for _ in range(200)]
    for connection in connections:
        connection.send(get("/"))
        connection.read_response()
    most = descriptors()
    assert most > 200
    for connection in connections:
        connection.reset()
    wait_until(lambda: descriptors() <= most - 200, "the descriptors to be closed")


def test_access_log_escapes_what_clients_send():
    server = start_fasterapi("server_app.py", "--access-log")
    try:
        exchange(server.address, get("/echo/%1b%5B31m%0d%0aINFO"))
        line = server.wait_for_line(r'"GET /echo/').string
        assert "\x1b" not in line
        assert "HTTP/1.1" in line
        assert "200" in line
        assert line.startswith("INFO:     127.0.0.1:")
        exchange(server.address, get("/nothing"))
        assert "404" in server.wait_for_line(r'"GET /nothing').string
    finally:
        assert server.stop() == 0
