"""What a WebSocket's frames may say of their length, and what is kept of them for a slow app."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import pytest
from scripted_websocket import FakeStream, accept_then, closes_with, compressing, play
from wsproto import events

from fasterapi import websocket
from fasterapi._native import core
from fasterapi.websocket_limits import WebSocketLimits

MASK = b"mask"


def masked(payload: bytes) -> bytes:
    return bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))


def frame(first: int, length: bytes, payload: bytes) -> bytes:
    """A client's frame with its length written as given: byte 126 or 127 and what follows."""
    return bytes([first, length[0] | 0x80]) + length[1:] + MASK + masked(payload)


def two(length: int) -> bytes:
    return b"\x7e" + length.to_bytes(2, "big")


def eight(length: int) -> bytes:
    return b"\x7f" + length.to_bytes(8, "big")


WRONG = [two(0), two(5), two(125), eight(5), eight(125), eight(126), eight(0xFFFF), eight(1 << 63)]


@pytest.mark.parametrize("length", [*WRONG, eight((1 << 64) - 1)], ids=bytes.hex)
@pytest.mark.parametrize("first", [0x81, 0x82, 0x01, 0x80, 0xC1, 0x89])
def test_a_length_that_is_written_wrong_is_told(first: int, length: bytes):
    size = int.from_bytes(length[1:], "big")
    data = frame(first, length, bytes(min(size, 70_000)))
    assert core.websocket_read(data, 0)[0] == 1002


@pytest.mark.parametrize("length", [bytes([125]), two(126), two(0xFFFF), eight(0x10000)])
def test_the_shortest_way_to_write_a_length_is_right(length: bytes):
    size = int.from_bytes(length[1:], "big") or 125
    data = frame(0x82, length, bytes(size))
    assert core.websocket_read(data, 0) == (bytes(size), len(data), size)


@pytest.mark.parametrize("length", WRONG, ids=bytes.hex)
@pytest.mark.parametrize("first", [0x81, 0x82, 0x02])
def test_a_length_that_is_written_wrong_closes(first: int, length: bytes, monkeypatch: Any):
    """At its head, whatever was whole before it, and nothing behind it is looked at."""

    async def script(client: Any) -> None:
        size = min(int.from_bytes(length[1:], "big"), 70_000)
        good = frame(0x81, b"\x02", b"ok")
        client.stream.event(good + frame(first, length, bytes(size)) + good)
        await client.turns()

    seen = closes_with(1002, script, monkeypatch)
    assert [message.get("text") for message in seen[:-1]] == ["ok"]


@pytest.mark.parametrize("first", [0x81, 0x82, 0x01, 0x02])
@pytest.mark.parametrize("size", [WebSocketLimits().max_size + 1, 1 << 40, (1 << 63) - 1])
def test_a_length_above_the_limit_closes_before_its_payload(
    first: int, size: int, monkeypatch: Any
):
    async def script(client: Any) -> None:
        client.stream.event(frame(first, eight(size), b"x"))
        await client.turns()

    closes_with(1009, script, monkeypatch)


# -- what is kept ----------------------------------------------------------------------------------


def held_by(session: Any, stream: FakeStream) -> int:
    """Bytes that the session keeps of what its client sent."""
    return int(session.held) + int(session.size) + len(session.data) - int(session.at)


def bomb(size: int) -> bytes:
    """One compressed message of `size` bytes of text."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(b"a" * size) + deflate.flush(zlib.Z_SYNC_FLUSH)
    packed = packed[:-4]
    length = bytes([len(packed)]) if len(packed) < 126 else two(len(packed))
    return frame(0xC1, length, packed)


def test_what_is_unpacked_and_not_read_is_bounded():
    """Four messages of 15 MB in 60 KB: the app asks for none, and then for each."""
    size, count = 15_000_000, 4
    gate = asyncio.Event()
    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await gate.wait()
        while (message := await receive())["type"] == "websocket.receive":
            seen.append(len(message["text"]))

    async def main() -> None:
        client = await compressing(app)
        (session,) = client.bridge.active
        client.stream.event(*[bomb(size)] * count)
        await client.turns()
        step = websocket.INFLATE_STEP
        most = websocket.MAX_HELD + 1100 * step + len(bomb(size))
        assert 0 < held_by(session, client.stream) <= most
        assert len(client.stream.chunks) >= count - 1
        gate.set()
        while len(seen) < count:
            await asyncio.sleep(0)
            assert held_by(session, client.stream) <= most + size
        await client.say(events.CloseConnection(code=1000))
        await client.finish()

    asyncio.run(asyncio.wait_for(main(), 60))
    assert seen == [size] * count


def test_small_messages_of_one_piece_are_bounded_too(monkeypatch: Any):
    """Each costs far more in memory than on the wire, so their number counts within a piece."""
    total = 1000
    gate = asyncio.Event()
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await gate.wait()
        while (message := await receive())["type"] == "websocket.receive":
            seen.append(message["text"])

    async def script(client: Any) -> None:
        (session,) = client.bridge.active
        data = b"".join(frame(0x81, b"\x03", b"%03d" % n) for n in range(total))
        client.stream.event(data[:5000], data[5000:])
        await client.turns()
        assert len(session.inbox) <= WebSocketLimits().max_queue
        gate.set()
        while len(seen) < total:
            await asyncio.sleep(0)
            assert len(session.inbox) <= WebSocketLimits().max_queue
        await client.say(events.CloseConnection(code=1000))

    play(app, script)
    assert seen == [f"{n:03}" for n in range(total)]


def test_pings_are_answered_no_faster_than_the_client_takes_it(monkeypatch: Any):
    async def script(client: Any) -> None:
        written: list[bytes] = []
        stream = client.stream

        def write(data: bytes) -> None:
            written.append(data)
            stream.pending += len(data)

        stream.write_raw = write
        stream.high_water = 100
        stream.event(frame(0x89, b"\x04", b"ping") * 1000)
        assert len(written) < 30
        del stream.write_raw
        stream.event(pending=0)
        await client.turns()
        await client.say(events.CloseConnection(code=1000))

    play(accept_then(), script)


def test_a_close_is_heard_although_the_app_took_nothing():
    """Behind a full queue: once the session closes, what comes in is no longer kept."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await gate.wait()
        await send({"type": "websocket.close"})

    gate = asyncio.Event()

    async def script(client: Any) -> None:
        data = frame(0x81, b"\x03", b"abc") * 500
        client.stream.event(data)
        client.stream.event(client.proto.send(events.CloseConnection(code=1001)))
        gate.set()
        await client.turns()
        assert client.stream.closed

    play(app, script)
