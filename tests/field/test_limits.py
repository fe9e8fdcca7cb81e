"""Limits: what honest clients may do, and what a client cannot choose by a header."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from asking import ask, get
from field import Served
from wire import Connection, exchange, send_and_read_all

Serve = Callable[..., Served]
ROADS = ("/json", "/def", "/stream")
UPGRADES = pytest.mark.parametrize("lines", [[], ["Connection: upgrade", "Upgrade: x"]])


def post(path: str, body: bytes, *lines: str) -> bytes:
    head = get(path, *lines, f"Content-Length: {len(body)}", method="POST")
    return head.replace(b"Host: h", b"Host: h\r\nContent-Type: application/json") + body


def text_of(size: int) -> bytes:
    """A JSON body whose text has so many letters."""
    return b'{"text":"' + b"x" * size + b'"}'


@pytest.mark.kind("a JSON body of 20 MB is read")
@pytest.mark.parametrize("path", ROADS)
def test_large_bodies(serve: Serve, path: str):
    server = serve("limits_app.py")
    body = text_of(20_000_000)
    answer = exchange(server.address, post(path, body))
    assert (answer.status, int(answer.body)) == (
        200,
        len(body) if path == "/stream" else 20_000_000,
    )


@pytest.mark.kind("queries of 9 kB, cookies of 40 kB and 110 headers are read")
@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/?q=" + "x" * 9000, []),
        ("/?q=" + "x" * 64_000, []),
        ("/", ["Cookie: a=" + "x" * 40_000]),
        ("/", [f"X-{number}: 1" for number in range(106)]),
    ],
    ids=["query", "long query", "cookie", "headers"],
)
def test_large_heads(serve: Serve, path: str, lines: list[str]):
    assert ask(serve("limits_app.py"), path, *lines).status == 200


@UPGRADES
@pytest.mark.kind("the limit for bodies holds whatever upgrade the client offers")
def test_an_upgrade_does_not_change_the_limit(serve: Serve, lines: list[str]):
    server = serve("limits_app.py", "--max-body-size", "1000", "--max-stream-size", "2000")
    for path, most in (("/json", 1000), ("/def", 1000), ("/stream", 2000)):
        assert exchange(server.address, post(path, text_of(most - 11), *lines)).status == 200
        received = send_and_read_all(server.address, post(path, text_of(most - 10), *lines))
        assert received.startswith(b"HTTP/1.1 413 "), path


@pytest.mark.kind("an upgrade that the app does not take is answered as if it were not offered")
def test_an_upgrade_is_ignored(serve: Serve):
    server = serve("limits_app.py")
    lines = ["Connection: upgrade", "Upgrade: h2c"]
    with Connection(server.address) as connection:
        for _ in range(2):
            connection.send(post("/json", text_of(10), *lines))
            assert connection.read_response().body == b"10"
            connection.send(get("/", *lines))
            assert connection.read_response().body == b'"here"'


@pytest.mark.kind("a body that the process has no room for waits, and then gets 503")
def test_the_budget(serve: Serve):
    server = serve("limits_app.py", "--body-budget", "65536", "--queue-timeout", "0.3")
    with Connection(server.address) as large:
        large.send(post("/json", text_of(200_000))[:100_000])
        assert ask(server, "/").status == 200  # who has no body does not wait
        answer = large.read_response()
        assert answer.status == 503
        assert dict(answer.headers)[b"retry-after"] == b"1"
    assert exchange(server.address, post("/json", text_of(50_000))).body == b"50000"
    server.wait_for_line(r"^WARNING: .*body_budget=65536 bytes for queue_timeout=0\.3 s: 503\.$")


@pytest.mark.kind("who sends its whole body before it reads gets the answer that came early")
def test_an_early_answer(serve: Serve):
    server = serve("limits_app.py")
    body = b"x" * 5_000_000
    with Connection(server.address) as connection:
        for _ in range(3):
            connection.send(post("/", body))
            assert connection.read_response().status == 405
        connection.send(get("/"))
        assert connection.read_response().status == 200


@pytest.mark.kind("what is no HTTP is answered 400, and named in the log")
def test_invalid_requests_are_logged(serve: Serve):
    server = serve("limits_app.py")
    assert send_and_read_all(server.address, b"what?\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    server.wait_for_line(r"^WARNING: +Invalid HTTP request received\.$")


@pytest.mark.kind(
    "a limit that is hit is named in the log, with its option, and not for each client"
)
def test_limits_are_logged(serve: Serve):
    server = serve(
        "limits_app.py",
        "--max-body-size",
        "1000",
        "--header-timeout",
        "0.2",
        "--queue-timeout",
        "5",
    )
    count = 20
    for _ in range(count):
        assert exchange(server.address, post("/json", text_of(2000))).status == 413
    with Connection(server.address) as connection:
        connection.send(b"GET / HTTP/1.1\r\n")
        assert connection.read_response().status == 408
    server.wait_for_line(r"^WARNING: .*header_timeout=0\.2 s: 408\.$")
    server.stop()
    lines = re.findall(
        r"^WARNING: .*max_body_size=1000.*413\.(?: \((\d+) times\))?$", server.output, re.M
    )
    assert sum(int(times or 1) for times in lines) == count
    assert len(lines) < count
