"""A WebSocket session of the product on a scripted stream; the client's frames are wsproto's."""

from __future__ import annotations

import asyncio
from typing import Any

from scripted_stream import ScriptedStream
from wsproto import events
from wsproto.connection import Connection, ConnectionType
from wsproto.extensions import PerMessageDeflate

from fasterapi import websocket
from fasterapi.asgi import Bridge
from fasterapi.websocket_limits import WebSocketLimits

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
HEADERS = [
    (b"host", b"x"),
    (b"upgrade", b"websocket"),
    (b"connection", b"Upgrade"),
    (b"sec-websocket-key", KEY),
    (b"sec-websocket-version", b"13"),
]


class FakeStream(ScriptedStream):
    """An upgrade request, then a tunnel."""

    path = "/ws"
    raw_path = b"/ws"
    query_string = b"q=1"
    is_upgrade = True
    eof = True
    upgraded = closed = False

    def __init__(self, *headers: tuple[bytes, bytes], **facts: Any):
        super().__init__(headers=[*HEADERS, *headers], **facts)
        self.raw: list[bytes] = []

    def upgrade(self) -> None:
        self.upgraded = True
        self.eof = False

    def write_raw(self, data: bytes) -> None:
        assert self.upgraded
        assert not self.closed
        self.raw.append(data)

    def close(self) -> None:
        self.closed = True


class Client:
    """One WebSocket conversation of a test: the session on a fake stream, and a wsproto client."""

    def __init__(self, app: Any, *headers: tuple[bytes, bytes], **facts: Any):
        self.stream = FakeStream(*headers, **facts)
        self.bridge = Bridge(app, loop=asyncio.get_running_loop(), state={"n": 1})
        self.bridge(self.stream)
        self.proto = Connection(ConnectionType.CLIENT)
        self.got: list[events.Event] = []

    async def turns(self) -> None:
        for _ in range(6):
            await asyncio.sleep(0)
        self.pull()

    def pull(self) -> None:
        """Feed what the server has written since to the client side."""
        raw, self.stream.raw = self.stream.raw, []
        for piece in raw:
            if piece.startswith(b"HTTP/1.1 "):
                self.head = piece
                continue
            self.proto.receive_data(piece)
            self.got += self.proto.events()

    async def say(self, event: events.Event) -> None:
        self.stream.event(self.proto.send(event))
        await self.turns()

    async def finish(self) -> None:
        tasks = [item.task for item in self.bridge.active if item.task is not None]
        await asyncio.wait_for(asyncio.gather(*tasks), 10)
        self.pull()


def play(app: Any, script: Any, *headers: tuple[bytes, bytes], **facts: Any) -> Client:
    async def main() -> Client:
        client = Client(app, *headers, **facts)
        await client.turns()
        await script(client)
        await client.finish()
        return client

    return asyncio.run(main())


async def nothing(client: Client) -> None:
    """A script without steps."""


def accept_then(*messages: dict[str, Any], seen: list[Any] | None = None) -> Any:
    """An app that accepts, sends `messages`, and then receives until the disconnect."""

    async def app(scope, receive, send):
        assert (await receive()) == {"type": "websocket.connect"}
        await send({"type": "websocket.accept"})
        for message in messages:
            await send(message)
        while True:
            message = await receive()
            if seen is not None:
                seen.append(message)
            if message["type"] == "websocket.disconnect":
                return

    return app


def closes_with(code: int, script: Any, monkeypatch: Any, **limits: int) -> list[Any]:
    for name in [name for name in limits if name.isupper()]:
        monkeypatch.setattr(websocket, name, limits.pop(name))
    monkeypatch.setattr(Bridge, "websocket_limits", WebSocketLimits(**limits))
    seen: list[Any] = []
    client = play(accept_then(seen=seen), script)
    closing = client.got[-1]
    assert isinstance(closing, events.CloseConnection)
    assert closing.code == code
    assert client.stream.closed
    assert seen[-1]["type"] == "websocket.disconnect"
    assert seen[-1]["code"] == code
    return seen


async def compressing(app: Any) -> Client:
    """A client that has agreed with the session on compression."""
    client = Client(app, (b"sec-websocket-extensions", b"permessage-deflate"))
    deflate = PerMessageDeflate()
    deflate.finalize("permessage-deflate")
    client.proto = Connection(ConnectionType.CLIENT, [deflate])
    await client.turns()
    return client
