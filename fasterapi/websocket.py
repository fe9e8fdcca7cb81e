"""WebSockets: the handshake and the ASGI side are ours, frames and compression are wsproto's.

But whole messages in one frame, which nearly all are, are read and written by the core. wsproto
sees all other frames, each from its first byte to its last, and never knows of those between them.
It does no I/O. Bytes come from ``stream.read()`` once the core has made the connection a
tunnel (``stream.upgrade()``) and leave by ``stream.write_raw()``. Loop thread only.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from wsproto import events
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.utilities import LocalProtocolError

from fasterapi import _native
from fasterapi.handshake import (
    TOKEN,
    Handshake,
    HandshakeError,
    agree_on_compression,
    parse_handshake,
)
from fasterapi.keepalive import Keepalive
from fasterapi.leaving import is_closed
from fasterapi.log import error_logger
from fasterapi.stream import ClientDisconnectedError, Headers, Message, Stream

if TYPE_CHECKING:
    from fasterapi.asgi import Bridge

__all__ = ["WebSocketSession"]

MAX_FRAGMENTS: Final = 1024
#: What is kept for an app that does not ask for it: `max_queue` messages, and so many bytes of them
#: and of the one that is coming in. Beyond that a message comes in only while the app waits for it.
MAX_HELD: Final = 1024 * 1024
#: Compressed bytes that are unpacked in one go: at most about a thousand times as many come out.
INFLATE_STEP: Final = 1024
# Seconds the peer may take to answer our close frame.
CLOSE_TIMEOUT: Final = 10.0

_VALUE: Final = re.compile(rb"[^\x00\r\n]*")

# Bits of a frame's first byte.
_FIN: Final = 0x80
_CONTROL: Final = 0x08

# States of a session.
_HANDSHAKE: Final = 0
_DENYING: Final = 1
_OPEN: Final = 2
_CLOSED: Final = 3


class WebSocketSession:
    """One WebSocket: the ``receive`` and ``send`` of one ASGI call, and the frames behind them."""

    __slots__ = (
        "app_done",
        "at",
        "bridge",
        "close_timer",
        "connection",
        "data",
        "fragments",
        "frame_left",
        "goodbye",
        "handshake",
        "held",
        "in_fragments",
        "inbox",
        "is_behind",
        "is_cut",
        "is_hungry",
        "keepalive",
        "limits",
        "parts",
        "plain",
        "released",
        "size",
        "state",
        "stream",
        "task",
        "waiters",
    )

    def __init__(self, bridge: Bridge, stream: Stream) -> None:
        self.bridge = bridge
        self.stream = stream
        self.limits = bridge.websocket_limits
        self.state = _HANDSHAKE
        self.app_done = False
        self.released = False
        self.handshake: Handshake | None = None
        self.connection: Connection | None = None
        #: Messages the app has not taken, each with its size in bytes, and all sizes together.
        self.inbox: deque[tuple[Message, int]] = deque()
        self.held = 0
        self.goodbye: Message | None = None
        self.parts: list[str] | list[bytes] = []
        self.size = 0
        self.fragments = 0
        #: There may be bytes, here or in the core, that were not looked at, since the app was slow.
        self.is_behind = False
        #: The app waits for a message.
        self.is_hungry = False
        #: What was read last, how much of it is done with, and whether a frame's head is cut there.
        self.data = b""
        self.at = 0
        self.is_cut = False
        #: What is still to come of a frame that wsproto reads.
        self.frame_left = 0
        #: wsproto has had the first frames of a message, and not the last.
        self.in_fragments = False
        #: Messages are sent as they are, without compression.
        self.plain = False
        self.waiters: list[asyncio.Future[None]] = []
        self.keepalive: Keepalive | None = None
        self.close_timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None

    # -- the connection's life -----------------------------------------------------------------

    def reject_bad_handshake(self) -> bool:
        """Answer a wrong handshake with 400 or 426 and return True; the app is not called."""
        try:
            self.handshake = parse_handshake(self.stream.method, self.stream.headers)
        except HandshakeError as exc:
            if self.stream.disconnected:
                self._lost()
            else:
                wanted = [(b"sec-websocket-version", b"13")] if exc.status == 426 else []
                self._respond_text(exc.status, str(exc), wanted)
            return True
        return False

    async def run(self) -> None:
        """Call the app. Whatever it does, the connection is closed in order afterwards."""
        self.stream.on_event = self._on_event
        self.inbox.append(({"type": "websocket.connect"}, 0))
        try:
            result: Any = await self.bridge.app(self._scope(), self.receive, self.send)  # type: ignore[func-returns-value]
        except ClientDisconnectedError:
            self._finish(1011)
        except BaseException as exc:
            if is_closed(exc, self.task):
                raise
            if not (isinstance(exc, asyncio.CancelledError) and self.bridge.stopping):
                self.bridge.app_raised(exc, {})
            self._finish(1011)
        else:
            if self.state == _HANDSHAKE and not self.stream.disconnected:
                error_logger.error("ASGI callable returned without completing handshake.")
            elif result is not None:
                error_logger.error("ASGI callable should return None, but returned '%s'.", result)
            self._finish(1000)
        finally:
            self.app_done = True
            if self.released:
                self.bridge.active.discard(self)

    def _scope(self) -> dict[str, Any]:
        stream, bridge = self.stream, self.bridge
        assert self.handshake is not None
        root_path = bridge.root_of(stream)
        return {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": stream.http_version,
            "server": stream.server,
            "client": stream.client,
            "scheme": stream.scheme.replace("http", "ws"),
            "root_path": root_path,
            "path": root_path + stream.path,
            "raw_path": bridge.raw_root_of(root_path) + stream.raw_path,
            "query_string": stream.query_string,
            "headers": stream.headers,
            "subprotocols": self.handshake.subprotocols,
            "state": bridge.state.copy(),
            "extensions": {"websocket.http.response": {}},
        }

    def _finish(self, code: int) -> None:
        """The app is done: answer 500, cut a denial short, close with `code`, or just let go."""
        if self.state == _HANDSHAKE and not self.stream.disconnected:
            self._respond_text(500, "Internal Server Error", [])
        elif self.state == _OPEN and not self.stream.disconnected:
            self._close(code, "")
        elif self.state != _CLOSED:
            self._lost()

    def shutdown(self) -> None:
        """The server stops: close with 1012 (service restart); the app sees the disconnect."""
        if self.state == _OPEN:
            self._close(1012, "", wait=False)
        elif self.state != _CLOSED:
            self._finish(1012)
        elif not self.released:
            self._release()

    # -- the app's side ------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The next event; after ``websocket.disconnect`` that one again."""
        while True:
            if self.inbox:
                message, size = self.inbox.popleft()
                self.held -= size
                if self.is_behind and not self.inbox and self.state == _OPEN:
                    self._read()
                return message
            if self.goodbye is not None:
                return self.goodbye
            if self.stream.disconnected:
                self._lost()
                continue
            self.is_hungry = True
            try:
                if self.is_behind and self.state == _OPEN:
                    self._read()
                if not self.inbox and self.goodbye is None:
                    await self._event()
            finally:
                self.is_hungry = False

    async def send(self, message: Message) -> None:
        """Take one event. Raises ClientDisconnectedError once the peer is gone, RuntimeError for an
        event out of order."""
        kind = message["type"]
        stream = self.stream
        if self.state != _CLOSED and stream.disconnected:
            self._lost()
        elif self.plain and kind == "websocket.send" and self.state == _OPEN:
            data = message.get("bytes")
            if data is None:
                data = message["text"]
            if type(data) in (str, bytes):
                stream.write_raw(_native.core.websocket_message(data))
                if stream.pending > stream.high_water:
                    await self._room()
                return
        if self.state == _OPEN:
            await self._send_open(kind, message)
        elif self.state == _HANDSHAKE:
            self._send_handshake(kind, message)
        elif self.state == _DENYING:
            self._send_denial(kind, message)
        elif self.stream.disconnected or kind == "websocket.send":
            raise ClientDisconnectedError("the WebSocket is closed")
        else:
            raise RuntimeError(
                f"Unexpected ASGI message '{kind}', after sending 'websocket.close'."
            )

    def _send_handshake(self, kind: str, message: Message) -> None:
        if kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.close":
            self._log("403")
            self._respond(403, [(b"content-length", b"0"), (b"connection", b"close")], b"")
        elif kind == "websocket.http.response.start":
            status = message["status"]
            headers = [(bytes(n), bytes(v)) for n, v in message.get("headers", ())]
            # What the client has sent behind its handshake may be frames, and is not looked at.
            self.stream.start(status, [*headers, (b"connection", b"close")])
            self._log(str(status))
            self.state = _DENYING
        else:
            raise RuntimeError(
                "Expected ASGI message 'websocket.accept', 'websocket.close' "
                f"or 'websocket.http.response.start' but got '{kind}'."
            )

    def _send_denial(self, kind: str, message: Message) -> None:
        if kind != "websocket.http.response.body":
            raise RuntimeError(
                f"Expected ASGI message 'websocket.http.response.body' but got '{kind}'."
            )
        more = bool(message.get("more_body", False))
        self.stream.write(bytes(message.get("body", b"")), more)
        if not more:
            self._gone(1006)
            self._release(close=False)

    async def _send_open(self, kind: str, message: Message) -> None:
        if kind == "websocket.send":
            data = message.get("bytes")
            if data is None:
                data = message["text"]
            self._emit(events.Message(data=data))
            await self._room()
        elif kind == "websocket.close":
            self._close(message.get("code", 1000), message.get("reason") or "")
        else:
            raise RuntimeError(
                f"Expected ASGI message 'websocket.send' or 'websocket.close', but got '{kind}'."
            )

    async def _room(self) -> None:
        """Wait until the peer has taken enough of what was sent."""
        stream = self.stream
        while stream.pending > stream.high_water and self.state == _OPEN:
            await self._event()

    def _accept(self, message: Message) -> None:
        assert self.handshake is not None
        lines = [
            b"HTTP/1.1 101 Switching Protocols",
            b"upgrade: websocket",
            b"connection: Upgrade",
            b"sec-websocket-accept: " + self.handshake.accept,
            *self.bridge.handshake_lines,
        ]
        subprotocol = message.get("subprotocol")
        if subprotocol is not None:
            if subprotocol not in self.handshake.subprotocols:
                raise RuntimeError(f"subprotocol {subprotocol!r} was not offered by the client")
            lines.append(b"sec-websocket-protocol: " + subprotocol.encode("ascii"))
        limits = self.limits
        offers = self.handshake.extensions if limits.per_message_deflate else []
        extensions, answer = agree_on_compression(offers)
        if answer is not None:
            lines.append(b"sec-websocket-extensions: " + answer)
        for name, value in message.get("headers", ()):
            name, value = bytes(name), bytes(value)
            if TOKEN.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
                raise RuntimeError("Invalid HTTP header in 'websocket.accept'.")
            lines.append(name + b": " + value)
        lines.append(b"\r\n")
        self._log("[accepted]")
        self.connection = Connection(ConnectionType.SERVER, list(extensions))
        self.plain = not extensions
        self.state = _OPEN
        self.stream.upgrade()
        self.stream.write_raw(b"\r\n".join(lines))
        if limits.ping_interval:
            self.keepalive = Keepalive(limits, self.bridge.loop, self._ping, self._late)

    # -- frames in -----------------------------------------------------------------------------

    def _on_event(self) -> None:
        if self.stream.disconnected:
            self._lost()
        elif self.connection is not None:
            self._read()
        self._wake()

    def _has_room(self) -> bool:
        """May more of the input be looked at? What is not stays compressed, and at last unread."""
        if self.state != _OPEN:
            return True  # nothing more is kept
        inbox = self.inbox
        if self.is_hungry and not inbox:
            return True
        return len(inbox) < self.limits.max_queue and self.held + self.size < MAX_HELD

    def _read(self) -> None:
        """Take what has arrived, while the app keeps up and the peer takes our answers.

        What is not taken stays in the core, which stops reading from the socket.
        """
        stream = self.stream
        self.is_behind = True
        while not self.released and stream.pending <= stream.high_water and self._has_room():
            if self.is_cut or self.at == len(self.data):
                data = stream.read()
                if data is None:
                    if stream.eof:
                        self._lost()
                    else:
                        self.is_behind = False
                    return
                self.data, self.at = self.data[self.at :] + data, 0
            self._feed()

    def _feed(self) -> None:
        """Go through the frames of `data`, until its end or until there is no room."""
        data, at, size = self.data, self.at, len(self.data)
        step = size if self.plain else INFLATE_STEP
        self.is_cut = False
        while at < size and not self.released:
            if self.frame_left:
                end = min(size, at + self.frame_left, at + step)
                self.frame_left -= end - at
                self._feed_wsproto(data[at:end])
                at = end
                if self.stream.pending > self.stream.high_water or not self._has_room():
                    break
                continue
            found = _native.core.websocket_read(data, at)
            if found is None:
                self.is_cut = True
                break
            what, end, length = found
            if what == 1002 or length > self.limits.max_size:
                self._refuse(what)
                break
            if type(what) is int or self.in_fragments:
                first = data[at]
                if not first & _CONTROL:
                    self.in_fragments = not first & _FIN
                self.frame_left = end - at
                continue
            at = end
            if self.state == _OPEN:
                self._take(what, length)
                if self.held >= MAX_HELD or len(self.inbox) >= self.limits.max_queue:
                    break
        self.at = at

    def _refuse(self, what: int) -> None:
        """A frame's head says what no frame may say: nothing behind it is looked at."""
        if what == 1002:
            self._close(1002, "Invalid frame length", wait=False)
        else:
            self._too_large()

    def _feed_wsproto(self, data: bytes) -> None:
        connection = self.connection
        assert connection is not None
        try:
            connection.receive_data(data)
            for event in connection.events():
                self._on_frame(event)
        except LocalProtocolError:
            # Bytes after the closing handshake.
            self._lost()
        except Exception:
            # wsproto asserts on some impossible frames; to the peer that is a protocol error.
            error_logger.debug("WebSocket frame refused", exc_info=True)
            self._close(1002, "", wait=False)

    def _take(self, data: str | bytes, size: int) -> None:
        """A whole message of so many bytes."""
        key = "text" if type(data) is str else "bytes"
        self.inbox.append(({"type": "websocket.receive", key: data}, size))
        self.held += size
        self._wake()

    def _too_large(self) -> None:
        most = self.limits.max_size
        self._close(1009, f"Message exceeds the maximum size ({most} bytes)", wait=False)

    def _on_frame(self, event: events.Event) -> None:
        if isinstance(event, events.CloseConnection):
            self._on_close_frame(event)
        elif self.state != _OPEN:
            return
        elif isinstance(event, events.TextMessage | events.BytesMessage):
            self._on_message(event)
        elif isinstance(event, events.Ping):
            self._emit(event.response())
        elif isinstance(event, events.Pong) and self.keepalive is not None:
            self.keepalive.answered(bytes(event.payload))

    def _on_message(self, event: events.TextMessage | events.BytesMessage) -> None:
        data = event.data
        self.size += len(data.encode()) if isinstance(data, str) else len(data)
        self.fragments += event.frame_finished
        if self.size > self.limits.max_size or self.fragments > MAX_FRAGMENTS:
            if self.fragments > MAX_FRAGMENTS:
                reason = f"Message has more than {MAX_FRAGMENTS} fragments"
                self._close(1009, reason, wait=False)
            else:
                self._too_large()
            return
        self.parts.append(data)  # type: ignore[arg-type]
        if not event.message_finished:
            return
        message: Message = {"type": "websocket.receive"}
        if isinstance(event, events.TextMessage):
            message["text"] = "".join(self.parts)  # type: ignore[arg-type]
        else:
            message["bytes"] = b"".join(self.parts)  # type: ignore[arg-type]
        self.inbox.append((message, self.size))
        self.held += self.size
        self.parts = []
        self.size = self.fragments = 0
        self._wake()

    def _on_close_frame(self, event: events.CloseConnection) -> None:
        connection = self.connection
        assert connection is not None
        if connection.state is ConnectionState.OPEN:
            # No close frame: wsproto's way to say that the peer broke the protocol.
            self._close(int(event.code), event.reason or "", wait=False)
            return
        if connection.state is ConnectionState.REMOTE_CLOSING:
            self.stream.write_raw(connection.send(event.response()))
        self._gone(int(event.code), event.reason or "")
        self._release()

    # -- frames out, and the end ---------------------------------------------------------------

    def _emit(self, event: events.Event) -> None:
        assert self.connection is not None
        try:
            self.stream.write_raw(self.connection.send(event))
        except LocalProtocolError as exc:
            raise ClientDisconnectedError("the WebSocket is closed") from exc

    def _close(self, code: int, reason: str, *, wait: bool = True) -> None:
        """Send our close frame, if none was sent; wait for the peer's unless told otherwise."""
        first = self.state == _OPEN
        self._gone(code, reason)
        if first:
            with contextlib.suppress(ClientDisconnectedError):
                self._emit(events.CloseConnection(code=code, reason=reason))
        if not wait or not first:
            self._release()
        else:
            self.close_timer = self.bridge.loop.call_later(CLOSE_TIMEOUT, self._release)
            self._read()

    def _lost(self) -> None:
        """The peer went away without a word."""
        self._gone(1006 if self.connection is None else 1005)
        self._release()

    def _gone(self, code: int, reason: str = "") -> None:
        """Nothing more comes for the app: its next event is the disconnect."""
        self.state = _CLOSED
        self.parts = []
        if self.goodbye is None:
            self.goodbye = {"type": "websocket.disconnect", "code": code, "reason": reason}
        if self.keepalive is not None:
            self.keepalive.stop()
            self.keepalive = None
        self._wake()

    def _release(self, close: bool = True) -> None:
        """Let go of the connection. close: False after a complete HTTP answer."""
        if self.released:
            return
        self.released = True
        if self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = None
        self.stream.on_event = None
        if close:
            self.stream.close()
        if self.app_done:
            self.bridge.active.discard(self)

    def _ping(self, payload: bytes) -> None:
        with contextlib.suppress(ClientDisconnectedError):
            self._emit(events.Ping(payload=payload))

    def _late(self) -> None:
        self._close(1011, "keepalive ping timeout", wait=False)

    def _respond_text(self, status: int, text: str, more: Headers) -> None:
        """Answer the handshake with a line of text."""
        body = text.encode("ascii")
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        self._respond(status, [*headers, *more], body)

    def _respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer the handshake with a whole HTTP response; the session is over."""
        self.stream.start(status, headers)
        self.stream.write(body, False)
        self._gone(1006)
        self._release(close=False)

    def _log(self, outcome: str) -> None:
        stream = self.stream
        client = "{}:{}".format(*stream.client) if stream.client else ""
        path = quote(self.bridge.root_of(stream) + stream.path)
        if stream.query_string:
            path += "?" + quote(stream.query_string, safe="%=&+,;/?:@!$'()*[]~")
        error_logger.info('%s - "WebSocket %s" %s', client, path, outcome)

    async def _event(self) -> None:
        waiter: asyncio.Future[None] = self.bridge.loop.create_future()
        self.waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self.waiters:
                self.waiters.remove(waiter)

    def _wake(self) -> None:
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
