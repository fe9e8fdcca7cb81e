"""The bridge between the core and ASGI: one handed-over request becomes one call of the app.

The core calls ``Bridge(stream)`` on the event-loop thread for every request that no compiled plan
answers. `HttpExchange` is the request's ``receive`` and ``send``; a WebSocket handshake goes to
`fasterapi.websocket`. All of this is loop-thread code: no locks, and nothing here blocks.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final

from fasterapi.cancelled import let_go_of_cancelled
from fasterapi.leaving import is_closed, released
from fasterapi.log import error_logger, log_exception
from fasterapi.pools import RequestPools
from fasterapi.stream import ASGIApp, Message, Scope, Stream
from fasterapi.websocket_limits import WebSocketLimits

if TYPE_CHECKING:
    from fasterapi.access_records import AccessRecords
    from fasterapi.websocket import WebSocketSession

__all__ = ["Bridge", "HttpExchange"]

#: As Uvicorn's: `send` to a client that is gone returns, and Starlette listens for the disconnect.
SPEC_VERSION: Final = "2.3"

# Phases of a response.
_WAITING: Final = 0
_STARTED: Final = 1
_DONE: Final = 2

# Kinds of a stream.
_REQUEST: Final = 0
_RAISED: Final = 1

# A stream that is written without ever suspending lets other callbacks run after this many bytes.
_YIELD_BYTES: Final = 65536
#: A message to a client that is gone counts as so many.
_DROPPED_BYTES: Final = 1024

_ERROR_BODY: Final = b"Internal Server Error"
_ERROR_HEADERS: Final = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"21"),
    (b"connection", b"close"),
)


class Bridge:
    """The core's asgi_callback: starts one task per handed-over request and keeps it referenced.

    app: any ASGI 3 app. state: the lifespan state, copied shallowly into each scope. outcome_app:
    answers requests whose compiled handler has already run (it raised, or returned a Response).
    before_request: called for each plain request, the place of the check for changed routes.
    pools: where scopes and header pairs come from and go back to; None or empty: CPython's memory.
    note_failure: called for each request whose app raised something unanswered.
    """

    #: What WebSockets may do.
    websocket_limits = WebSocketLimits()

    def __init__(
        self,
        app: ASGIApp,
        *,
        loop: asyncio.AbstractEventLoop,
        state: dict[str, Any] | None = None,
        root_path: str = "",
        outcome_app: ASGIApp | None = None,
        before_request: Callable[[], None] | None = None,
        pools: RequestPools | None = None,
        note_failure: Callable[[], None] | None = None,
    ) -> None:
        self.app = app
        self.loop = loop
        self.state = {} if state is None else state
        self.root_path = root_path
        self.outcome_app = outcome_app
        self.before_request = before_request
        #: Tells of a path whether only what we know stands around the files there.
        self.sends_file: Callable[[str], bool] | None = None
        self.pools = pools or None
        self._note_failure = note_failure
        #: Told of each answer that begins, where the access log is to be records; or None.
        self.access: AccessRecords | None = None
        self.active: set[HttpExchange | WebSocketSession] = set()
        self.stopping = False
        #: The option `forwarded_prefix`: each request may have a root path of its own.
        self.takes_prefix = False
        #: Off: who asks for a WebSocket gets what he would get without asking.
        self.websockets = True
        #: Lines that the opening handshake of a WebSocket has besides its own.
        self.handshake_lines: list[bytes] = []
        self._raw_root = root_path.encode("latin-1", "replace")
        self._heads: list[HttpExchange] = []

    def __call__(self, stream: Stream) -> None:
        """Take over one request. Returns at once; the answer is written by the request's task."""
        kind = stream.kind
        app = self.app
        if kind == _REQUEST:
            if self.before_request is not None:
                self.before_request()
            if stream.is_upgrade and self.websockets:
                self._start_websocket(stream)
                return
        elif self.outcome_app is not None:
            app = self.outcome_app
        exchange = self.new_exchange(app, stream, self._scope(stream, kind))
        self.active.add(exchange)
        exchange.task = self.start_task(exchange.run(), stream.context)

    def new_exchange(self, app: ASGIApp, stream: Stream, scope: Scope) -> HttpExchange:
        """The ``receive`` and ``send`` of one request."""
        return HttpExchange(self, app, stream, scope)

    def root_of(self, stream: Stream) -> str:
        """The root path of a request: what proxies have taken off its path, and ours."""
        return stream.prefix + self.root_path if self.takes_prefix else self.root_path

    def raw_root_of(self, root_path: str) -> bytes:
        """A root path as it stands before `raw_path`."""
        is_ours = root_path == self.root_path
        return self._raw_root if is_ours else root_path.encode("latin-1", "replace")

    def _scope(self, stream: Stream, kind: int) -> Scope:
        seen = stream.scope
        if seen is not None:
            seen["fasterapi.outcome"] = (kind == _RAISED, released(stream.value))
            return self.complete(seen)
        path = stream.path
        raw_path = stream.raw_path
        root_path = self.root_of(stream)
        if root_path:
            path = root_path + path
            raw_path = self.raw_root_of(root_path) + raw_path
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": SPEC_VERSION},
            "http_version": stream.http_version,
            "server": stream.server,
            "client": stream.client,
            "scheme": stream.scheme,
            "method": stream.method,
            "root_path": root_path,
            "path": path,
            "raw_path": raw_path,
            "query_string": stream.query_string,
            "headers": stream.headers,
            "state": self.state.copy(),
        }
        if kind != _REQUEST:
            scope["fasterapi.outcome"] = (kind == _RAISED, released(stream.value))
        elif self.sends_file is not None and self.sends_file(stream.path):
            scope["fasterapi.by_path"] = True
        return scope if self.pools is None else self.pools.scope(scope)

    def complete(self, scope: dict[str, Any]) -> Scope:
        """Add to the scope of a compiled request what is the same for all, unless it is there."""
        if "type" not in scope:
            scope["type"] = "http"
            scope["asgi"] = {"version": "3.0", "spec_version": SPEC_VERSION}
            scope["root_path"] = self.root_path
            if self.root_path:
                scope["path"] = self.root_path + scope["path"]
                scope["raw_path"] = self._raw_root + scope["raw_path"]
            scope["state"] = self.state.copy()
        return scope

    def _start_websocket(self, stream: Stream) -> None:
        # It brings wsproto and h11, which take a tenth of the time in which an app starts.
        from fasterapi.websocket import WebSocketSession

        session = WebSocketSession(self, stream)
        if session.reject_bad_handshake():
            return
        self.active.add(session)
        session.task = self.start_task(session.run())

    def start_task(
        self, coro: Coroutine[Any, Any, None], context: Context | None = None
    ) -> asyncio.Task[None]:
        """Start `coro` in a real task, eagerly where Python can (3.12+).

        context: the one it runs in; None: a copy of the current one.
        """
        loop = self.loop
        if loop.get_task_factory() is not None:
            return loop.create_task(coro, context=context)
        if sys.version_info >= (3, 12):
            return asyncio.Task(coro, loop=loop, context=context, eager_start=True)
        return asyncio.Task(coro, loop=loop, context=context)

    def app_raised(self, exc: BaseException, scope: Scope) -> None:
        """Log and count what an app raised that nobody answered. scope: the request's."""
        log_exception(exc)
        if self._note_failure is not None:
            self._note_failure()

    def head_is_waiting(self, exchange: HttpExchange) -> None:
        """Send this response's head in the next loop turn, should no body have come by then.

        Start and body nearly always come in one step, and then leave in one write.
        """
        if not self._heads:
            self.loop.call_soon(self._flush_heads)
        self._heads.append(exchange)

    def _flush_heads(self) -> None:
        heads, self._heads = self._heads, []
        for exchange in heads:
            exchange.flush_head()

    def shutdown(self) -> None:
        """The server is draining: WebSockets are closed with 1012, requests may finish."""
        self.stopping = True
        for item in tuple(self.active):
            item.shutdown()

    def tasks(self) -> list[asyncio.Task[None]]:
        """The tasks of the requests that are not over."""
        return [item.task for item in self.active if item.task is not None]

    async def cancel(self, others: Sequence[asyncio.Task[Any]] = (), timeout: float = 1.0) -> int:
        """Cancel what still runs (the graceful time is over); returns how many tasks that were.

        others: tasks that are not the bridge's own. timeout: seconds to let them clean up.
        """
        tasks = [task for task in (*self.tasks(), *others) if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)
        return len(tasks)


class HttpExchange:
    """One HTTP request and its response: the ``receive`` and ``send`` of one ASGI call."""

    __slots__ = (
        "app",
        "body_done",
        "bridge",
        "burst",
        "dismissed",
        "flushed",
        "head_length",
        "phase",
        "scope",
        "sent_at",
        "stream",
        "task",
        "told",
        "waiters",
        "wanted",
    )

    def __init__(self, bridge: Bridge, app: ASGIApp, stream: Stream, scope: Scope) -> None:
        self.bridge = bridge
        self.app = app
        self.stream = stream
        self.scope = scope
        self.phase = _WAITING
        self.body_done = False
        self.wanted = False
        self.told = False
        self.flushed = False
        self.burst = 0
        #: When a part of the answer was last sent, should it come in parts [s, monotonic].
        self.sent_at = 0.0
        #: The app has been told that the server stops: it hears ``http.disconnect``.
        self.dismissed = False
        self.head_length: Iterable[tuple[bytes, bytes]] = ()
        self.waiters: list[asyncio.Future[None]] | None = None
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Call the app; afterwards the exchange is complete, answered with 500, or closed."""
        try:
            result: Any = await self.app(self.scope, self.receive, self.send)  # type: ignore[func-returns-value]
        except BaseException as exc:
            if is_closed(exc, self.task):
                raise
            self._app_raised(exc)
        else:
            if self.phase != _DONE or result is not None:
                self._app_returned(result)
        finally:
            self.phase = _DONE
            self.bridge.active.discard(self)
            if self.bridge.pools is not None:
                holder, self.scope = [self.scope], {}
                self.bridge.pools.recycle(holder)
            if self.waiters is not None:
                self._on_event()
                self.stream.on_event = None

    def shutdown(self) -> None:
        """The server is draining: the request may finish."""

    @property
    def is_answering(self) -> bool:
        """The answer has begun and is not complete."""
        return self.phase == _STARTED

    @property
    def is_event_stream(self) -> bool:
        """Of an answer that has begun: it is a stream of server-sent events."""
        kind = self._header(b"content-type")
        return kind is not None and kind.lower().startswith(b"text/event-stream")

    def dismiss(self) -> None:
        """Let the app hear ``http.disconnect``, though the client is there."""
        self.dismissed = True
        self._on_event()

    # -- the app's side ------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The next ``http.request`` part; after the last one, ``http.disconnect`` when it comes."""
        stream = self.stream
        while self.phase != _DONE:
            if not self.body_done:
                data = stream.read()
                if data is not None or stream.eof:
                    self.body_done = stream.eof
                    return {
                        "type": "http.request",
                        "body": data or b"",
                        "more_body": not self.body_done,
                    }
            gone = stream.disconnected or (self.body_done and stream.peer_closed)
            if gone or self.dismissed:
                self.told = self.told or gone
                let_go_of_cancelled(asyncio.current_task())
                break
            if not self.wanted and not self.body_done:
                self.wanted = True
                stream.want_body()
            await self._event()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take one response event; once the client is gone, do nothing.

        RuntimeError: an event out of order, or a body that differs from content-length.
        """
        kind = message["type"]
        stream = self.stream
        if self.phase != _DONE and (stream.disconnected or self.told) and self._is_for_nobody():
            await self._drop()
        elif kind == "http.response.body" and self.phase == _STARTED:
            body = message.get("body", b"")
            if type(body) is not bytes:
                body = _as_bytes(body)
            if message.get("more_body", False):
                await self._send_part(body)
                return
            stream.write(body, False)
            self._completed()
        elif kind == "http.response.start" and self.phase == _WAITING:
            headers = message.get("headers", ())
            try:
                stream.start(message["status"], headers)
            except TypeError:
                headers = [(bytes(name), bytes(value)) for name, value in headers]
                stream.start(message["status"], headers)
            self.phase = _STARTED
            self.note_access(message["status"])
            self.head_length = headers
            self.bridge.head_is_waiting(self)
        elif kind == "http.response.pathsend" and self.phase == _STARTED:
            self._send_file(message["path"])
        else:
            raise RuntimeError(self._unexpected(kind))

    # -- inner steps ---------------------------------------------------------------------------

    def _is_for_nobody(self) -> bool:
        """Whether nothing more is sent: the client is gone, or it has closed its sending side only,
        and the app, which was told so, may have cut off an answer that does not say its length."""
        if self.stream.disconnected:
            return True
        return self.flushed and self._header(b"content-length") is None

    def _header(self, wanted: bytes) -> bytes | None:
        """A header of the answer that has begun."""
        for name, value in self.head_length:
            if name.lower() == wanted:
                return value
        return None

    async def _drop(self) -> None:
        """Return at once, so that a stream is cancelled in its generator's own ``await``, if it has
        one; but an app that does nothing but send must be found by who cancels it."""
        self.burst += _DROPPED_BYTES
        if self.burst > _YIELD_BYTES:
            self.burst = 0
            await asyncio.sleep(0)

    async def _send_part(self, body: bytes) -> None:
        stream = self.stream
        self.flushed = True
        self.sent_at = time.monotonic()
        stream.write(body, True)
        if stream.pending > stream.high_water:
            self.burst = 0
            while stream.pending > stream.high_water and not stream.disconnected:
                await self._event()
                if self.told and self._is_for_nobody():
                    return
            return
        self.burst += len(body)
        if self.burst > _YIELD_BYTES:
            self.burst = 0
            await asyncio.sleep(0)

    def _send_file(self, path: str | os.PathLike[str]) -> None:
        stream = self.stream
        if self.scope["method"] == "HEAD":
            stream.write(b"", False)
            self._completed()
            return
        # O_NONBLOCK: opening a FIFO must not stop the loop.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise RuntimeError(f"File at path {path} is not a file.")
            count = info.st_size
            length = self._header(b"content-length")
            if length is not None:
                count = min(count, int(length))  # it may have grown since the head was made
            self.flushed = True
            stream.write_file(fd, 0, count)
        except BaseException:
            os.close(fd)
            raise
        stream.write(b"", False)
        self._completed()

    def note_access(self, status: int) -> None:
        """The answer begins: make its record, if the access log is made of them."""
        access = self.bridge.access
        if access is not None and access.active:
            access.note(self.scope, status)

    def flush_head(self) -> None:
        """Write the head alone, if the body has not come along with it."""
        if self.phase == _STARTED and not self.flushed and not self.stream.disconnected:
            self.flushed = True
            self.sent_at = time.monotonic()
            self.stream.write(b"", True)

    def _completed(self) -> None:
        self.phase = _DONE
        if self.waiters is not None:
            self._on_event()

    async def _event(self) -> None:
        """Wait for the next news of the stream: body, end, room to write, disconnect."""
        waiter: asyncio.Future[None] = self.bridge.loop.create_future()
        if self.waiters is None:
            self.waiters = []
            self.stream.on_event = self._on_event
        self.waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self.waiters:
                self.waiters.remove(waiter)

    def _on_event(self) -> None:
        waiters = self.waiters
        if waiters:
            self.waiters = []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    # -- how it can end ------------------------------------------------------------------------

    def _app_raised(self, exc: BaseException) -> None:
        gone = self.stream.disconnected or self.told or self.dismissed
        if gone and _comes_from_disconnect(exc):
            self._abandon()
            return
        if isinstance(exc, asyncio.CancelledError) and self.bridge.stopping:
            self._abandon()
            return
        self.bridge.app_raised(exc, self.scope)
        self._fail()

    def _app_returned(self, result: Any) -> None:
        if result is not None:
            error_logger.error("ASGI callable should return None, but returned '%s'.", result)
            self._abandon()
        elif self.stream.disconnected or self.told or self.dismissed:
            self._abandon()
        elif self.phase == _STARTED and self.bridge.stopping:
            self._abandon()  # an app that has heard of the stop in a way of its own
        elif self.phase == _WAITING:
            error_logger.error("ASGI callable returned without starting response.")
            self._fail()
        else:
            error_logger.error("ASGI callable returned without completing response.")
            self._abandon()

    def _fail(self) -> None:
        """500 if nothing has been started, else the only honest thing: close the connection."""
        if self.phase == _WAITING and not self.stream.disconnected:
            self.stream.start(500, list(_ERROR_HEADERS))
            self.note_access(500)
            self.stream.write(_ERROR_BODY, False)
            self._completed()
        else:
            self._abandon()

    def _abandon(self) -> None:
        if self.phase != _DONE:
            self.flush_head()  # what was started is seen as cut off, not as no answer at all
            self.phase = _DONE
            self.stream.close()

    def _unexpected(self, kind: Any) -> str:
        if self.phase == _WAITING:
            return f"Expected ASGI message 'http.response.start', but got '{kind}'."
        if self.phase == _STARTED:
            return f"Expected ASGI message 'http.response.body', but got '{kind}'."
        return f"Unexpected ASGI message '{kind}' sent, after response already completed."


def _as_bytes(body: Any) -> bytes:
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise TypeError(f"the body of an ASGI message must be bytes, not {type(body).__name__}")


def _comes_from_disconnect(exc: BaseException | None) -> bool:
    """True if `exc` is Starlette's ClientDisconnect, or was raised because of one.

    FastAPI makes an HTTPException of it.
    """
    for _ in range(16):
        if exc is None:
            return False
        if type(exc).__name__ == "ClientDisconnect":
            return True
        exc = exc.__cause__ or exc.__context__
    return False
