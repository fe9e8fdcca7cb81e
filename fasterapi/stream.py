"""What one request looks like from Python: the core's Stream, and the types of ASGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import Context
from typing import Any, Protocol

__all__ = [
    "ASGIApp",
    "ClientDisconnectedError",
    "Headers",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "Stream",
]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class ClientDisconnectedError(OSError):
    """What ``send`` of a WebSocket raises once the client is gone (ASGI spec 2.4)."""


class Stream(Protocol):
    """One handed-over request, made by the core. Loop thread only."""

    method: str
    path: str
    raw_path: bytes
    query_string: bytes
    http_version: str
    headers: Headers
    client: tuple[str, int] | None
    scheme: str
    prefix: str
    server: tuple[str, int | None] | None
    is_upgrade: bool
    kind: int
    value: Any
    scope: dict[str, Any] | None
    context: Context | None
    eof: bool
    disconnected: bool
    peer_closed: bool
    pending: int
    high_water: int
    on_event: Callable[[], None] | None

    def read(self) -> bytes | None: ...
    def want_body(self) -> None: ...
    def start(self, status: int, headers: Headers) -> None: ...
    def write(self, data: bytes, more: bool) -> None: ...
    def write_file(self, file: int, offset: int, count: int) -> None: ...
    def upgrade(self) -> None: ...
    def write_raw(self, data: bytes) -> None: ...
    def close(self) -> None: ...
