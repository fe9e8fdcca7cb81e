"""What a field test asks a server: requests as they go over the wire, and answers that go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from field import Served
from wire import Connection, Response, exchange

__all__ = ["ask", "get", "reading", "upgrade", "value"]

_UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def get(path: str, *lines: str, method: str = "GET") -> bytes:
    """A request without a body. lines: further headers."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: h", *lines, "", ""]).encode()


def upgrade(path: str, *lines: str) -> bytes:
    """A WebSocket's handshake."""
    return get(path, *_UPGRADE, *lines)


def ask(server: Served, path: str, *lines: str, method: str = "GET") -> Response:
    """The answer to one request on a connection of its own."""
    return exchange(server.address, get(path, *lines, method=method))


def value(server: Served, path: str) -> Any:
    """What a GET says in JSON, with 200."""
    answer = ask(server, path)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


@contextmanager
def reading(server: Served, path: str, count: int = 1) -> Iterator[Connection]:
    """A client that has had the first bytes of an answer that goes on."""
    with Connection(server.address) as client:
        client.send(get(path))
        assert client.read_head().status == 200
        assert client.read_exactly(count)
        yield client
