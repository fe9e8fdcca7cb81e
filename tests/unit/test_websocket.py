"""The WebSocket session against a scripted stream; the client's frames are wsproto's."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from typing import Any

import pytest
from scripted_websocket import (
    ACCEPT,
    HEADERS,
    KEY,
    Client,
    FakeStream,
    accept_then,
    closes_with,
    nothing,
    play,
)
from wsproto import events
from wsproto.connection import Connection, ConnectionType
from wsproto.extensions import PerMessageDeflate

from fasterapi import websocket
from fasterapi.asgi import Bridge
from fasterapi.handshake import HandshakeError, agree_on_compression, parse_handshake
from fasterapi.websocket_limits import WebSocketLimits

# -- the handshake -----------------------------------------------------------------------------


def test_accept_key_of_the_rfc():
    assert parse_handshake("GET", HEADERS).accept == ACCEPT


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({b"sec-websocket-version": None}, 400),
        ({b"sec-websocket-version": b"12"}, 426),
        ({b"sec-websocket-version": b"\xff"}, 426),
        ({b"sec-websocket-key": None}, 400),
        ({b"sec-websocket-key": b"short"}, 400),
        ({b"sec-websocket-key": b"\xff" * 24}, 400),
        ({b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==AAAA"}, 400),
        ({b"sec-websocket-protocol": b"\xff"}, 400),
        ({b"sec-websocket-protocol": b"chat, a b"}, 400),
        ({b"sec-websocket-extensions": b"permessage-deflate; \xe4"}, 400),
        ({b"content-length": b"5"}, 400),
        ({b"transfer-encoding": b"chunked"}, 400),
    ],
)
def test_wrong_handshake_is_refused_and_the_app_not_called(change, status):
    async def app(scope, receive, send):
        raise AssertionError("must not be called")

    headers = [(n, v) for n, v in HEADERS if n not in change]
    headers += [(n, v) for n, v in change.items() if v is not None]

    async def main():
        stream = FakeStream()
        stream.headers = headers
        Bridge(app, loop=asyncio.get_running_loop())(stream)
        assert stream.calls[0][1] == status
        assert stream.calls[1][0] == "write"
        assert stream.calls[1][2] is False
        assert not stream.upgraded

    asyncio.run(main())
    with pytest.raises(HandshakeError):
        parse_handshake("GET", headers)


def test_handshake_must_be_get_and_have_one_key():
    with pytest.raises(HandshakeError):
        parse_handshake("POST", HEADERS)
    with pytest.raises(HandshakeError):
        parse_handshake("GET", [*HEADERS, (b"sec-websocket-key", KEY)])


def test_50000_spaces_in_a_subprotocol_are_no_work():
    value = b"a" + b" " * 50_000 + b", b"
    assert parse_handshake("GET", [*HEADERS, (b"sec-websocket-protocol", value)]).subprotocols == [
        "a",
        "b",
    ]


def test_scope():
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope)
        await send({"type": "websocket.close"})

    client = play(app, nothing, (b"sec-websocket-protocol", b"chat, superchat"))
    assert seen == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "ws",
        "root_path": "",
        "path": "/ws",
        "raw_path": b"/ws",
        "query_string": b"q=1",
        "headers": client.stream.headers,
        "subprotocols": ["chat", "superchat"],
        "state": {"n": 1},
        "extensions": {"websocket.http.response": {}},
    }


def test_accept_with_subprotocol_and_headers():
    async def app(scope, receive, send):
        await receive()
        await send(
            {
                "type": "websocket.accept",
                "subprotocol": "superchat",
                "headers": [(b"x-a", b"1"), [b"set-cookie", b"c=2"]],
            }
        )
        await receive()

    async def script(client):
        await client.say(events.CloseConnection(code=1000))

    client = play(app, script, (b"sec-websocket-protocol", b"chat, superchat"))
    lines = client.head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 101 Switching Protocols"
    assert b"sec-websocket-accept: " + ACCEPT in lines
    assert lines[-5:] == [
        b"sec-websocket-protocol: superchat",
        b"x-a: 1",
        b"set-cookie: c=2",
        b"",
        b"",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"subprotocol": "not offered"},
        {"headers": [(b"x", b"a\r\nb: c")]},
        {"headers": [(b"x y", b"1")]},
    ],
)
def test_bad_accept_is_a_500(wrong, caplog):
    async def app(scope, receive, send):
        await send({"type": "websocket.accept", **wrong})

    client = play(app, nothing)
    assert client.stream.calls[0][1] == 500
    assert not client.stream.upgraded
    assert "Exception in ASGI application" in caplog.text


# -- denial --------------------------------------------------------------------------------------


def test_close_before_accept_is_403(caplog):
    caplog.set_level(logging.INFO)
    seen = []

    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.close"})
        seen.append(await receive())

    client = play(app, nothing)
    assert client.stream.calls == [
        ("start", 403, [(b"content-length", b"0"), (b"connection", b"close")]),
        ("write", b"", False),
    ]
    assert seen == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]
    assert caplog.messages == ['127.0.0.1:50000 - "WebSocket /ws?q=1" 403']


def test_denial_response():
    async def app(scope, receive, send):
        start = {"type": "websocket.http.response.start", "status": 401}
        await send({**start, "headers": [(b"x", b"y")]})
        body = {"type": "websocket.http.response.body"}
        await send({**body, "body": b"no", "more_body": True})
        await send({**body, "body": b"pe"})

    client = play(app, nothing)
    assert client.stream.calls == [
        ("start", 401, [(b"x", b"y"), (b"connection", b"close")]),
        ("write", b"no", True),
        ("write", b"pe", False),
    ]
    assert not client.stream.closed


def test_unfinished_denial_is_cut():
    async def app(scope, receive, send):
        start = {"type": "websocket.http.response.start", "status": 401, "headers": []}
        await send(start)

    assert play(app, nothing).stream.closed


@pytest.mark.parametrize("how", ["raise", "return"])
def test_app_that_ends_without_handshake_is_500(how, caplog):
    async def app(scope, receive, send):
        if how == "raise":
            raise ValueError("bug")

    client = play(app, nothing)
    assert client.stream.calls[0][1] == 500
    assert ("bug" if how == "raise" else "without completing handshake") in caplog.text


# -- messages ------------------------------------------------------------------------------------


def test_text_and_bytes_both_ways():
    seen: list[Any] = []
    app = accept_then(
        {"type": "websocket.send", "text": "héllo"},
        {"type": "websocket.send", "bytes": b"\x00\xff", "text": None},
        seen=seen,
    )

    async def script(client):
        await client.say(events.TextMessage(data="grüß"))
        await client.say(events.BytesMessage(data=b"raw"))
        await client.say(events.CloseConnection(code=1001, reason="bye"))

    client = play(app, script)
    assert seen == [
        {"type": "websocket.receive", "text": "grüß"},
        {"type": "websocket.receive", "bytes": b"raw"},
        {"type": "websocket.disconnect", "code": 1001, "reason": "bye"},
    ]
    assert [event.data for event in client.got[:2]] == ["héllo", b"\x00\xff"]
    assert isinstance(client.got[2], events.CloseConnection)
    assert client.stream.closed


def test_fragments_and_bytes_one_at_a_time():
    seen: list[Any] = []

    async def script(client):
        data = client.proto.send(events.TextMessage(data="ab", message_finished=False))
        data += client.proto.send(events.TextMessage(data="ü", message_finished=True))
        for byte in data:
            client.stream.event(bytes([byte]))
        await client.turns()
        await client.say(events.CloseConnection(code=1000))

    play(accept_then(seen=seen), script)
    assert seen[0] == {"type": "websocket.receive", "text": "abü"}


@pytest.mark.parametrize("step", [1, 2, 5, 7, 64, 1000])
def test_whole_messages_between_fragments_and_pings_however_they_arrive(step):
    seen: list[Any] = []
    said = [
        events.TextMessage(data="one"),
        events.BytesMessage(data=b"t", message_finished=False),
        events.Ping(payload=b"a"),
        events.BytesMessage(data=b"wo", message_finished=True),
        events.BytesMessage(data=bytes(range(200))),
        events.TextMessage(data=""),
        events.Ping(payload=b"b"),
        events.TextMessage(data="ü" * 40),
    ]

    async def script(client):
        data = b"".join(map(client.proto.send, said))
        for at in range(0, len(data), step):
            client.stream.event(data[at : at + step])
            await client.turns()
        await client.say(events.CloseConnection(code=1000))

    client = play(accept_then(seen=seen), script)
    contents = [message.get("text", message.get("bytes")) for message in seen[:-1]]
    assert contents == ["one", b"two", bytes(range(200)), "", "ü" * 40]
    assert [event.payload for event in client.got[:2]] == [b"a", b"b"]


def test_message_inside_a_fragmented_one():
    async def script(client):
        data = client.proto.send(events.TextMessage(data="a", message_finished=False))
        other = Connection(ConnectionType.CLIENT).send(events.TextMessage(data="b"))
        client.stream.event(data + other)
        await client.turns()

    client = play(accept_then(), script)
    assert [event.code for event in client.got] == [1002]


def test_ping_is_answered():
    async def script(client):
        await client.say(events.Ping(payload=b"abc"))
        assert client.got == [events.Pong(payload=b"abc")]
        await client.say(events.CloseConnection(code=1000))

    play(accept_then(), script)


def test_a_length_of_zero_is_no_body():
    assert parse_handshake("GET", [*HEADERS, (b"content-length", b"0")]).accept == ACCEPT


@pytest.mark.parametrize("large", [False, True])
def test_slow_app_stops_reading(large, monkeypatch):
    """By the number of messages it has not taken, or by their bytes: here two are too many."""
    if large:
        monkeypatch.setattr(websocket, "MAX_HELD", 2)

    async def app(scope, receive, send):
        await send({"type": "websocket.accept"})
        await gate.wait()
        while (await receive())["type"] != "websocket.disconnect":
            count.append(1)

    count: list[int] = []
    gate = asyncio.Event()

    async def script(client):
        for _ in range(100):
            client.stream.event(client.proto.send(events.TextMessage(data="x")))
        assert len(client.stream.chunks) >= (
            98 if large else 100 - Bridge.websocket_limits.max_queue
        )
        gate.set()
        await client.turns()
        await client.say(events.CloseConnection(code=1000))

    play(app, script)
    assert len(count) == 101  # with the connect event


def test_send_waits_for_room():
    steps = []

    async def app(scope, receive, send):
        await send({"type": "websocket.accept"})
        for number in range(2):
            await send({"type": "websocket.send", "text": "x"})
            steps.append(number)
        await send({"type": "websocket.close"})

    async def script(client):
        assert steps == []
        client.stream.event(pending=0)
        await client.turns()
        assert steps == [0, 1]
        await client.say(client.got[-1].response())

    play(app, script, pending=100_000)


# -- limits and broken peers -----------------------------------------------------------------------


def test_message_above_the_limit(monkeypatch):
    async def script(client):
        await client.say(events.TextMessage(data="x" * 60))
        await client.say(events.BytesMessage(data=b"x" * 101))

    seen = closes_with(1009, script, monkeypatch, max_size=100)
    assert len(seen) == 2


def test_message_above_the_limit_counts_utf8_bytes_over_fragments(monkeypatch):
    async def script(client):
        await client.say(events.TextMessage(data="ü" * 30, message_finished=False))
        await client.say(events.TextMessage(data="ü" * 30, message_finished=False))

    closes_with(1009, script, monkeypatch, max_size=100)


def test_too_many_fragments(monkeypatch):
    async def script(client):
        for _ in range(5):
            await client.say(events.TextMessage(data="", message_finished=False))

    closes_with(1009, script, monkeypatch, MAX_FRAGMENTS=4)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x02hi", 1002),  # not masked
        (b"\x83\x80abcd", 1002),  # unknown opcode
        (b"\xc1\x80abcd", 1002),  # a reserved bit
        (b"\x80\x80abcd", 1002),  # a continuation of nothing
        (b"\x09\x80abcd", 1002),  # a fragmented ping
        (b"\x81\x81\x00\x00\x00\x00\xff", 1007),  # not UTF-8
        (b"\x88\x81\x00\x00\x00\x00\x03", 1002),  # half a close code
    ],
)
def test_frames_that_break_the_protocol(frame, code, monkeypatch):
    async def script(client):
        client.stream.event(frame)
        await client.turns()

    closes_with(code, script, monkeypatch)


def test_peer_vanishes():
    seen: list[Any] = []

    async def script(client):
        client.stream.event(disconnected=True)

    client = play(accept_then(seen=seen), script)
    assert seen == [{"type": "websocket.disconnect", "code": 1005, "reason": ""}]
    assert client.stream.closed
    assert client.stream.on_event is None


def test_peer_closes_its_side_without_a_close_frame():
    seen: list[Any] = []

    async def script(client):
        client.stream.event(eof=True)

    assert play(accept_then(seen=seen), script).stream.closed
    assert seen[-1]["code"] == 1005


def test_peer_vanishes_before_accept():
    seen = []

    async def app(scope, receive, send):
        await receive()
        seen.append(await receive())
        with pytest.raises(OSError, match="closed"):
            await send({"type": "websocket.accept"})

    async def script(client):
        client.stream.event(disconnected=True)

    play(app, script)
    assert seen == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


def test_send_to_a_vanished_peer_raises_oserror_and_is_not_logged(caplog):
    async def app(scope, receive, send):
        await send({"type": "websocket.accept"})
        await receive()
        await receive()
        await send({"type": "websocket.send", "text": "x"})

    async def script(client):
        client.stream.event(disconnected=True)

    play(app, script)
    assert caplog.records == []


# -- the end ---------------------------------------------------------------------------------------


def test_close_by_the_app_waits_for_the_peers_close_frame():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4000, "reason": "enough"})
        seen.append(await receive())
        with pytest.raises(OSError, match="closed"):
            await send({"type": "websocket.send", "text": "late"})
        with pytest.raises(RuntimeError, match="after sending"):
            await send({"type": "websocket.close"})

    seen: list[Any] = []

    async def script(client):
        closing = client.got[-1]
        assert isinstance(closing, events.CloseConnection)
        assert (closing.code, closing.reason) == (4000, "enough")
        assert not client.stream.closed
        assert client.bridge.active
        await client.say(closing.response())
        assert client.stream.closed
        assert not client.bridge.active

    play(app, script)
    assert seen == [{"type": "websocket.disconnect", "code": 4000, "reason": "enough"}]


def test_a_peer_that_never_answers_our_close_is_cut(monkeypatch):
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT", 0.0)

    async def app(scope, receive, send):
        await send({"type": "websocket.accept"})

    async def script(client):
        await asyncio.sleep(0.001)
        assert client.stream.closed

    play(app, script)


def test_app_that_raises_closes_with_1011(caplog):
    async def app(scope, receive, send):
        await send({"type": "websocket.accept"})
        raise ValueError("bug")

    async def script(client):
        assert client.got[-1].code == 1011

    play(app, script)
    assert "bug" in caplog.text


def test_shutdown_closes_with_1012():
    seen: list[Any] = []

    async def script(client):
        client.bridge.shutdown()
        await client.turns()
        assert client.got[-1].code == 1012
        assert client.stream.closed

    play(accept_then(seen=seen), script)
    assert seen == [{"type": "websocket.disconnect", "code": 1012, "reason": ""}]


def test_keepalive_ping_and_timeout(monkeypatch):
    limits = WebSocketLimits(ping_interval=0.001, ping_timeout=0.001)
    monkeypatch.setattr(Bridge, "websocket_limits", limits)
    seen: list[Any] = []

    async def script(client):
        while not client.stream.closed:
            await asyncio.sleep(0.001)
            client.pull()
        assert isinstance(client.got[0], events.Ping)
        assert client.got[-1].code == 1011

    play(accept_then(seen=seen), script)
    assert seen[-1]["code"] == 1011


def test_answered_ping_keeps_the_connection(monkeypatch):
    """Each in good time, for longer than one answer may take."""
    limits = WebSocketLimits(ping_interval=0.01, ping_timeout=0.2)
    monkeypatch.setattr(Bridge, "websocket_limits", limits)

    async def script(client):
        answered = 0
        while answered < 25:
            await asyncio.sleep(0.001)
            client.pull()
            while len(client.got) > answered:
                await client.say(client.got[answered].response())
                answered += 1
        assert not client.stream.closed
        assert len({bytes(ping.payload) for ping in client.got}) > 20
        await client.say(events.CloseConnection(code=1000))

    play(accept_then(), script)


def test_no_timeout_means_pings_that_need_no_answer(monkeypatch):
    limits = WebSocketLimits(ping_interval=0.001, ping_timeout=0.0)
    monkeypatch.setattr(Bridge, "websocket_limits", limits)

    async def script(client):
        while len(client.got) < 5:
            await asyncio.sleep(0.001)
            client.pull()
        assert not client.stream.closed
        await client.say(events.CloseConnection(code=1000))

    play(accept_then(), script)


def test_no_interval_means_no_pings(monkeypatch):
    limits = WebSocketLimits(ping_interval=0.0, ping_timeout=0.001)
    monkeypatch.setattr(Bridge, "websocket_limits", limits)

    async def script(client):
        (session,) = client.bridge.active
        assert session.keepalive is None
        await client.say(events.CloseConnection(code=1000))

    play(accept_then(), script)


# -- compression -----------------------------------------------------------------------------------


def test_permessage_deflate_both_ways():
    seen: list[Any] = []
    app = accept_then({"type": "websocket.send", "text": "a" * 5000}, seen=seen)

    async def main():
        client = Client(app, (b"sec-websocket-extensions", b"permessage-deflate"))
        deflate = PerMessageDeflate()
        deflate.finalize("permessage-deflate")
        client.proto = Connection(ConnectionType.CLIENT, [deflate])
        await asyncio.sleep(0)
        sent = sum(map(len, client.stream.raw[1:]))
        assert 0 < sent < 200
        await client.turns()
        assert b"\r\nsec-websocket-extensions: permessage-deflate\r\n" in client.head
        assert "".join(e.data for e in client.got) == "a" * 5000
        await client.say(events.TextMessage(data="b" * 5000))
        await client.say(events.CloseConnection(code=1000))
        await client.finish()

    asyncio.run(main())
    assert seen[0] == {"type": "websocket.receive", "text": "b" * 5000}


def test_deflate_bomb(monkeypatch):
    monkeypatch.setattr(Bridge, "websocket_limits", WebSocketLimits(max_size=100_000))

    async def main():
        client = Client(accept_then(), (b"sec-websocket-extensions", b"permessage-deflate"))
        deflate = PerMessageDeflate()
        deflate.finalize("permessage-deflate")
        client.proto = Connection(ConnectionType.CLIENT, [deflate])
        await client.turns()
        await client.say(events.BytesMessage(data=b"\0" * 10_000_000))
        assert client.got[-1].code == 1009
        await client.finish()

    asyncio.run(main())


def test_compression_can_be_off(monkeypatch):
    monkeypatch.setattr(Bridge, "websocket_limits", WebSocketLimits(per_message_deflate=False))

    async def main():
        client = Client(accept_then(), (b"sec-websocket-extensions", b"permessage-deflate"))
        await client.turns()
        assert b"sec-websocket-extensions" not in client.head
        await client.say(events.CloseConnection(code=1000))
        await client.finish()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("offers", "answer"),
    [
        ([], None),
        (["x-webkit-deflate-frame"], None),
        (["permessage-deflate"], b"permessage-deflate"),
        (["permessage-deflate; client_max_window_bits=no"], None),
        (["permessage-deflate; server_max_window_bits=99"], None),
        (
            ["permessage-deflate; server_max_window_bits=x", "permessage-deflate"],
            b"permessage-deflate",
        ),
    ],
)
def test_agreeing_on_compression(offers, answer):
    assert agree_on_compression(offers)[1] == answer


def test_only_those_who_use_websockets_import_their_packages():
    code = "import sys, fasterapi; sys.exit('wsproto' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
