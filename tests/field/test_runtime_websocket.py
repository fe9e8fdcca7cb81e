"""What a WebSocket may send, and how it is asked whether it is still there."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest
from field import Served
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from wire import Connection

Serve = Callable[..., Served]

HANDSHAKE = (
    b"GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
PING, CLOSE = 0x89, 0x88


def client(server: Served, path: str = "/echo", compression: str | None = None) -> ClientConnection:
    url = "ws://{}:{}{}".format(*server.address, path)
    return connect(url, compression=compression, ping_interval=None)  # type: ignore[arg-type]


def say(websocket: ClientConnection, parts: list[str]) -> str | bytes:
    """The answer to a message of several frames; the last one, which is empty, may be too late."""
    websocket.send(parts)
    return websocket.recv()


@pytest.mark.kind("a message of a WebSocket that is too long ends it with 1009")
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_the_largest_message(serve: Serve, compression: str | None):
    server = serve("runtime_app.py", "--ws-max-size", "1000")
    with client(server, compression=compression) as websocket:
        websocket.send("x" * 1000)
        assert websocket.recv() == "x" * 1000
        with pytest.raises(ConnectionClosed) as closed:
            say(websocket, ["x" * 600, "x" * 600])
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


@pytest.mark.kind("a WebSocket is pinged, and closed when it does not answer")
def test_pings(serve: Serve):
    server = serve("runtime_app.py", "--ws-ping-interval", "0.2", "--ws-ping-timeout", "0.3")
    with Connection(server.address) as connection:
        connection.send(HANDSHAKE)
        assert connection.read_head().status == 101
        for _ in range(3):  # answered as they come: it stays
            first, size = connection.read_exactly(2)
            assert (first, size) == (PING, 4)
            payload = connection.read_exactly(4)
            connection.send(b"\x8a\x84\0\0\0\0" + payload)
        assert connection.read_exactly(2) == bytes([PING, 4])
        connection.read_exactly(4)
        first, size = connection.read_exactly(2)
        assert first == CLOSE
        assert connection.read_exactly(size)[:2] == (1011).to_bytes(2, "big")
        assert connection.read_to_end() == b""


@pytest.mark.kind("compression of a WebSocket can be switched off")
@pytest.mark.parametrize("value", ["true", "false"])
def test_compression(serve: Serve, value: str):
    server = serve("runtime_app.py", "--ws-per-message-deflate", value)
    with Connection(server.address) as connection:
        connection.send(HANDSHAKE)
        head = connection.read_head()
        assert head.status == 101
        agreed = head.header(b"sec-websocket-extensions")
        assert (agreed is not None) == (value == "true")


@pytest.mark.kind("messages that an app does not ask for are all there when it does")
def test_the_queue(serve: Serve, tmp_path: pathlib.Path):
    server = serve("runtime_app.py", "--ws-max-queue", "2", FLAGS=str(tmp_path))
    with client(server, "/silent") as websocket:
        for _ in range(50):
            websocket.send("more")
        websocket.send("count")
        (tmp_path / "silent").touch()
        assert websocket.recv() == "51"
    server.wait_for_line("ended with 1000")
