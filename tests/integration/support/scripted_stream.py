"""The core's side of a request, as the bridge sees it: its input is a script, its output a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["ScriptedStream"]


class ScriptedStream:
    """What all streams have. facts: attributes that are to be otherwise."""

    method = "GET"
    http_version = "1.1"
    client = ("127.0.0.1", 50000)
    server = ("127.0.0.1", 8000)
    scheme = "http"
    path = "/"
    raw_path = b"/"
    query_string = b""
    is_upgrade = False
    kind = 0
    high_water = 65536
    pending = 0
    disconnected = peer_closed = False
    scope = context = None
    value: Any = None
    on_event: Callable[[], None] | None = None

    def __init__(self, *chunks: bytes, headers: Any = (), **facts: Any) -> None:
        self.headers = list(headers)
        self.chunks = list(chunks)
        self.calls: list[tuple[Any, ...]] = []
        self.__dict__.update(facts)

    def read(self) -> bytes | None:
        return self.chunks.pop(0) if self.chunks else None

    def start(self, status: int, headers: Any) -> None:
        self.calls.append(("start", status, list(headers)))

    def write(self, data: bytes, more: bool) -> None:
        self.calls.append(("write", data, more))

    def event(self, *chunks: bytes, **facts: Any) -> None:
        self.chunks += chunks
        self.__dict__.update(facts)
        if self.on_event is not None:
            self.on_event()
