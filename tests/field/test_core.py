"""Clients that attack the core: what is behind an upgrade, lengths that lie, bombs nobody reads."""

from __future__ import annotations

import contextlib
import pathlib
import zlib
from collections.abc import Callable

import pytest
from asking import ask, get, upgrade, value
from field import Served
from wire import Connection

MASK = b"\0\0\0\0"
CLOSE = 0x88


def marks(server: Served) -> list[str]:
    names: list[str] = value(server, "/marks")
    return names


def closes_with(received: bytes) -> int:
    assert received[0] == CLOSE, received
    return int.from_bytes(received[2:4], "big")


@pytest.mark.kind("bytes behind a pending upgrade never run as a request")
def test_bytes_behind_a_pending_upgrade_are_not_a_request(serve: Callable[..., Served]):
    server = serve("core_app.py", "--graceful-timeout", "0.5")
    with Connection(server.address) as connection:
        connection.send(get("/mark/before") + upgrade("/late") + get("/mark/behind"))
        assert connection.read_response().body == b'"before"'
        for _ in range(5):
            assert marks(server) == ["before"]
        ask(server, "/go")
        connection.finish_sending()
        assert connection.read_response().status == 101
        assert closes_with(connection.read_to_end()) == 1002  # 0x47 begins no frame
    assert marks(server) == ["before"]


@pytest.mark.kind("a WebSocket lives on when the answers before it are out")
def test_a_websocket_behind_a_request(serve: Callable[..., Served]):
    server = serve("core_app.py", "--graceful-timeout", "0.5")
    with Connection(server.address) as connection:
        connection.send(get("/mark/before") + upgrade("/echo") + b"\x81\x82" + MASK + b"hi")
        connection.socket.settimeout(10.0)  # Uvicorn answers the first only
        assert connection.read_response().body == b'"before"'
        assert connection.read_response().status == 101
        assert connection.read_exactly(4) == b"\x81\x02hi"


@pytest.mark.kind("a WebSocket frame whose length is not written the shortest way is refused")
@pytest.mark.parametrize(
    "head", [b"\x81\xfe\x00\x02", b"\x82\xff" + b"\0" * 6 + b"\x00\x02", b"\x81\xff" + b"\xff" * 8]
)
def test_lengths_that_are_written_wrong(head: bytes, serve: Callable[..., Served]):
    server = serve("core_app.py", "--graceful-timeout", "0.5")
    with Connection(server.address) as connection:
        connection.send(upgrade("/echo"))
        assert connection.read_response().status == 101
        connection.send(head + MASK + b"hi")
        connection.finish_sending()
        assert closes_with(connection.read_to_end()) == 1002


@pytest.mark.kind("a WebSocket frame above the limit is refused at its head")
def test_lengths_above_the_limit(serve: Callable[..., Served]):
    server = serve("core_app.py", "--graceful-timeout", "0.5")
    with Connection(server.address) as connection:
        connection.send(upgrade("/echo"))
        assert connection.read_response().status == 101
        connection.send(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + MASK)
        connection.finish_sending()
        assert closes_with(connection.read_to_end()) == 1009


def resident(server: Served) -> int:
    pages = pathlib.Path(f"/proc/{server.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


@pytest.mark.kind("compressed WebSocket messages that nobody reads take little memory")
def test_bombs_for_a_deaf_app(serve: Callable[..., Served]):
    server = serve("core_app.py", "--graceful-timeout", "0.5")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(b"a" * 15_000_000) + deflate.flush(zlib.Z_SYNC_FLUSH)
    packed = packed[:-4]
    bomb = b"\xc1\xfe" + len(packed).to_bytes(2, "big") + MASK + packed
    ask(server, "/marks")
    before = resident(server)
    count = 12
    with contextlib.ExitStack() as connections:  # also where the test is lost
        for _ in range(count):
            connection = connections.enter_context(Connection(server.address))
            connection.send(upgrade("/deaf", "Sec-WebSocket-Extensions: permessage-deflate"))
            assert connection.read_response().status == 101
            connection.send(bomb * 3)
        for _ in range(10):  # each of them when the loop has gone through what had come before it
            ask(server, "/marks")
        assert resident(server) - before < count * 6_000_000
