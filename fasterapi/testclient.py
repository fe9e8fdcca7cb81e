"""Starlette's TestClient, with the C core in the middle: a test sees what production answers.

Each request becomes bytes, which the core parses, routes and answers in this process, without a
socket: compiled routes run compiled, all others in the app as ever. What belongs to a client stays
Starlette's: cookies, redirects, lifespan, portals, streaming, exceptions. WebSockets, other event
loops than asyncio's, and a root_path go to the app directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import weakref
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
import h11
from starlette import testclient as _starlette

from fasterapi import _native
from fasterapi.adopt import CoreApp, adopt
from fasterapi.asgi import _DONE, Bridge, HttpExchange
from fasterapi.limiter import unshare
from fasterapi.plan import AppPlan, reason, warn_once
from fasterapi.server import Server
from fasterapi.settings import Settings, core_options, given_threads
from fasterapi.stream import ASGIApp, Message, Receive, Scope, Send, Stream

if TYPE_CHECKING:
    from starlette.testclient import WebSocketDenialResponse, WebSocketTestSession

    from fasterapi.testruntime import TestRuntime

__all__ = ["TestClient", "WebSocketDenialResponse", "WebSocketTestSession"]

#: Headers that a server adds, and that Starlette's client never sees.
_SERVER_HEADERS: Final = (b"connection", b"content-length", b"transfer-encoding")
_OPTIONS: Final = {
    "access_log": False,
    "date_header": False,
    "server_header": False,
    "live_stats": False,
    "max_body_size": 1 << 40,
    "body_budget": 1 << 40,
    "send_timeout": 3600.0,
}
#: A head of an answer may be this long [bytes].
_MAX_HEAD: Final = 1 << 30
#: An app that does not end when the client gives its answer up is cancelled after so long [s].
_FAREWELL: Final = 0.5
#: What becomes bytes; all else that an app sends is for the client alone.
_ON_THE_WIRE: Final = ("http.response.start", "http.response.body", "http.response.pathsend")
#: Plans of apps, kept as long as they fit: each request without ``with`` has a server of its own.
_plans: weakref.WeakKeyDictionary[Any, AppPlan] = weakref.WeakKeyDictionary()


class _Call:
    """One request on its way through the core."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.send = send
        self.context = contextvars.copy_context()
        self.news = asyncio.Event()
        self.moved = asyncio.Event()
        self.exchange: HttpExchange | None = None
        self.delivered = asyncio.Event()
        self.busy = False
        self.trailers = False
        self.app_headers: set[bytes] | None = None
        self.raised: list[BaseException] = []
        self.begun = 0

    async def end(self) -> None:
        """Wait until the app and the plan are through with the request."""
        while True:
            self.news.clear()
            if self.exchange is not None and not _is_done(self.exchange):
                assert self.exchange.task is not None
                await asyncio.wait([self.exchange.task])
            elif self.begun:
                await self.news.wait()
            else:
                return

    def complete(self, scope: Scope) -> None:
        """Give the app the scope that Starlette's client made, where they differ."""
        for name in ("client", "server", "scheme", "state", "http_version"):
            scope[name] = self.scope[name]
        scope["extensions"] = {**self.scope["extensions"], **scope.get("extensions", {})}


class _TestExchange(HttpExchange):
    __slots__ = ("call",)
    call: _Call

    async def send(self, message: Message) -> None:
        """As the server's; what is no part of an answer's bytes goes to the client as it is."""
        kind, call = message["type"], self.call
        if kind == "http.response.start":
            call.app_headers = {name.lower() for name, _ in message.get("headers", ())}
            call.trailers = message.get("trailers", False)
        if kind in _ON_THE_WIRE and not (call.trailers and self.phase == _DONE):
            await super().send(message)
            return
        if self.phase == _DONE:
            await call.delivered.wait()
        elif kind == "http.response.trailers":  # out of order, which the client says
            self.flush_head()
            await self._taken()
        await call.send(message)

    async def _send_part(self, body: bytes) -> None:
        """A stream is made as it is read: the next part when the client has taken this one."""
        self.flushed = True
        stream, call = self.stream, self.call
        stream.write(body, True)
        await self._taken()
        is_seen = bool(body) and self.scope["method"] != "HEAD"
        if not (is_seen or stream.disconnected or call.delivered.is_set()):
            await call.send({"type": "http.response.body", "body": b"", "more_body": True})

    async def _taken(self) -> None:
        """Wait until the client has what was written so far."""
        stream, call = self.stream, self.call
        while (stream.pending or call.busy) and not stream.disconnected:
            call.moved.clear()
            await call.moved.wait()

    def _fail(self) -> None:
        """Starlette's client makes the answer of an app that has not even begun one."""
        self._abandon()


class _TestBridge(Bridge):
    """Knows which request of the client each one of the core is: by its peer's address."""

    calls: dict[str, _Call]

    def __call__(self, stream: Stream) -> None:
        """In the context of the client's request; the core does so for compiled routes."""
        call = None if stream.client is None else self.calls.get(stream.client[0])
        if call is None:
            super().__call__(stream)
        else:
            call.context.copy().run(super().__call__, stream)

    def complete(self, scope: dict[str, Any]) -> Scope:
        call = self.calls.get(scope["client"][0])
        is_new = "type" not in scope
        super().complete(scope)
        if call is not None and is_new:
            scope["fasterapi.call"] = call
            call.complete(scope)
        return scope

    def new_exchange(self, app: ASGIApp, stream: Stream, scope: Scope) -> HttpExchange:
        call = scope.get("fasterapi.call")
        if call is None:
            call = self.calls.get(scope["client"][0])
            if call is None:  # the client was interrupted, and has forgotten the request
                return super().new_exchange(app, stream, scope)
            call.complete(scope)
            scope["fasterapi.call"] = call
        exchange = _TestExchange(self, app, stream, scope)
        exchange.call = call
        call.exchange = exchange
        return exchange

    def app_raised(self, exc: BaseException, scope: Scope) -> None:
        """The client raises it, or not, as it was told."""
        call = scope.get("fasterapi.call")
        if call is None:
            super().app_raised(exc, scope)
        else:
            call.raised.append(exc)


class _TestServer(Server):
    """The core on one event loop, driven by it."""

    bridge_class = _TestBridge

    def __init__(self, app: Any) -> None:
        super().__init__(app, Settings(driven=True, lifespan="off"))
        self.calls: dict[str, _Call] = {}
        self.plan: AppPlan | None = None

    def start(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._options = core_options(_OPTIONS, None)
        self._most_threads = given_threads(_OPTIONS, None)
        self._open({})
        assert isinstance(self.bridge, _TestBridge)
        self.bridge.calls = self.calls
        loop.add_reader(self.core_server.wake_fileno(), self.pump)

    def _plan(self, root_path: str) -> AppPlan:
        plan = _plans.get(self._compiled_app)
        if plan is None or not plan.is_current(self._compiled_app):
            plan = _plans[self._compiled_app] = super()._plan(root_path)
        self.plan = plan
        return plan

    def _runtime(self, bridge: Bridge) -> TestRuntime:
        # Not at the top: without plans there is no such thing, and the client does without.
        from fasterapi.testruntime import TestRuntime

        runtime = TestRuntime(
            self._compiled_app, bridge.loop, bridge.outcome_app, bridge.complete, bridge.app_raised
        )
        runtime.calls = self.calls
        return runtime

    def is_current(self) -> bool:
        """Whether the routes are still the app's."""
        return self.plan is None or self.plan.is_current(self._compiled_app)

    def pump(self) -> None:
        """Let the core work, and tell everybody who waits for it."""
        self.core_server.turn()
        for call in self.calls.values():
            call.news.set()
            call.moved.set()

    async def finish(self) -> None:
        """Stop; nothing is left of it afterwards."""
        core_server, bridge, loop = self.core_server, self.bridge, self._loop
        assert bridge is not None
        assert loop is not None
        loop.remove_reader(core_server.wake_fileno())
        await bridge.cancel(core_server.pending())
        loop.remove_reader(core_server.fileno())
        if isinstance(self.app, CoreApp):
            self.app._server = None
        unshare(self._limiter)
        core_server.stop(1.0)
        self.core_server = None
        if self._batch_task is not None:
            self._batch_task.cancel()


def _request_bytes(scope: Scope, body: bytes) -> bytes:
    path = scope["raw_path"].partition(b"?")[0]  # an older Starlette's has the query as well
    target = path + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    lines = [scope["method"].encode() + b" " + target + b" HTTP/1.1"]
    chunked = False
    for name, value in scope["headers"]:
        if name == b"content-length":
            value = b"%d" % len(body)
        chunked = chunked or name == b"transfer-encoding"
        lines.append(name + b": " + value)
    if chunked:
        body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    return b"\r\n".join([*lines, b"", body])


class _CoreApp:
    """An ASGI app: the given one, behind the core."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        adopt(app)
        self.servers: dict[Any, _TestServer] = {}
        self.kept: Any = None  # the loop that lasts longer than one request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = _running_loop()
        if loop is None or _native.core is None or not _is_for_the_core(scope):
            await self.app(scope, receive, send)
            return
        async with self._server(loop) as server:
            await self._exchange(server, scope, receive, send)

    @contextlib.asynccontextmanager
    async def _server(self, loop: Any) -> AsyncIterator[_TestServer]:
        server = self.servers.get(loop)
        if server is not None and not server.is_current():
            await server.finish()
            server = None
        if server is None:
            server = _TestServer(self.app)
            server.start()
        if loop is self.kept:
            self.servers[loop] = server
            yield server
            return
        try:
            yield server
        finally:
            await server.finish()

    async def keep(self) -> None:
        """The running loop is there for many requests."""
        self.kept = _running_loop()

    async def finish(self) -> None:
        """Stop what `keep` has kept."""
        server = self.servers.pop(self.kept, None)
        self.kept = None
        if server is not None:
            await server.finish()

    async def _exchange(
        self, server: _TestServer, scope: Scope, receive: Receive, send: Send
    ) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        peer = server.core_server.open_peer()
        number = peer.number
        name = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
        call = server.calls[name] = _Call(scope, send)
        try:
            peer.send(_request_bytes(scope, body))
            server.pump()
            await _forward(server, peer, call)
            await call.end()
        finally:
            peer.close()
            server.pump()
            with anyio.CancelScope(shield=True):  # the client may have given the answer up
                with anyio.move_on_after(_FAREWELL):  # as on a server: it hears of that
                    await call.end()
                if call.exchange is not None and call.exchange.task is not None:
                    call.exchange.task.cancel()
                await call.end()
            del server.calls[name]
            call.exchange = None  # no cycle: it knows of its call
        if call.raised:
            raise call.raised[0]


def _is_for_the_core(scope: Scope) -> bool:
    """Whether a request comes to the app through the core in production, and as it is here."""
    return scope["type"] == "http" and not scope["root_path"] and scope["method"] != "CONNECT"


def _is_done(exchange: HttpExchange) -> bool:
    return exchange.task is None or exchange.task.done()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:  # another library's loop
        return None


async def _forward(server: _TestServer, peer: Any, call: _Call) -> None:
    """Turn the answer's bytes into ASGI events as they come."""
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
    parser.send(h11.Request(method=call.scope["method"], target=b"/", headers=[("host", "t")]))
    parser.send(h11.EndOfMessage())
    part = b""  # the last one is known by what follows it
    ended = False
    while True:
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError:
            if peer.closed:  # before or in the middle of the answer: the app raised something
                return
            raise
        if part and not isinstance(event, h11.EndOfMessage):
            await call.send({"type": "http.response.body", "body": part, "more_body": True})
            part = b""
        if event is h11.NEED_DATA:
            data = peer.take()
            call.busy = bool(data)
            if data:
                parser.receive_data(data)
                server.pump()  # it may go on where it found this end full
            elif peer.closed and not ended:
                ended = True
                parser.receive_data(b"")
            else:
                call.moved.set()
                call.news.clear()
                await call.news.wait()
        elif isinstance(event, h11.Response):
            headers = [
                (name, value)
                for name, value in event.headers.raw_items()
                if name.lower() not in _SERVER_HEADERS
                or (name.lower() != b"transfer-encoding" and _is_the_app_s(name.lower(), call))
            ]
            start = {"type": "http.response.start", "status": event.status_code}
            await call.send({**start, "headers": headers, "trailers": call.trailers})
        elif isinstance(event, h11.Data):
            part = bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            await call.send({"type": "http.response.body", "body": part, "more_body": False})
            call.busy = False
            call.delivered.set()
            call.moved.set()
            return
        elif isinstance(event, h11.ConnectionClosed):
            return


def _is_the_app_s(name: bytes, call: _Call) -> bool:
    """A compiled answer has just FastAPI's headers; of others the app's own are known."""
    return name != b"connection" if call.app_headers is None else name in call.app_headers


def __getattr__(name: str) -> Any:
    """What belongs to Starlette's client, from there."""
    if name in __all__:
        return getattr(_starlette, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class TestClient(_starlette.TestClient):
    """Starlette's TestClient, whose requests are answered by the C core in this process.

    Takes what Starlette's takes: app, base_url, raise_server_exceptions, root_path, backend,
    backend_options, cookies, headers, follow_redirects, client. The app is a FastAPI, or any other
    ASGI app, and is served as the server would serve it. Without the core it is Starlette's client.
    """

    __test__ = False

    def __init__(self, app: Any, *args: Any, **options: Any) -> None:
        super().__init__(app, *args, **options)
        self._core_app = _CoreApp(self.app)
        transport: Any = getattr(self, "_transport", None)
        if not hasattr(transport, "app"):
            what = "starlette.testclient.TestClient keeps its app elsewhere"
            warn_once([reason("internals", what=what)])
            return  # Starlette's client, then
        transport.app = self._core_app

    def __enter__(self) -> TestClient:
        super().__enter__()
        portal = self.portal
        assert portal is not None
        with contextlib.ExitStack() as stack:
            stack.push(self.exit_stack)
            portal.call(self._core_app.keep)
            stack.callback(partial(portal.call, self._core_app.finish))
            stack.callback(self._transport.close)  # requests that are still open need the core
            self.exit_stack = stack.pop_all()
        return self
