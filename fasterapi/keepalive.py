"""Pings of a WebSocket: whether its peer is still there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from fasterapi.websocket_limits import WebSocketLimits

__all__ = ["Keepalive"]


class Keepalive:
    """Of one session, from its first to its last moment as an open one. Loop thread only.

    ping: sends one with this payload. late: the answer has not come in time. With a timeout, the
    next ping goes out an interval after the answer; without, after the ping before.
    """

    __slots__ = ("_late", "_limits", "_loop", "_payload", "_ping", "_timer")

    def __init__(
        self,
        limits: WebSocketLimits,
        loop: asyncio.AbstractEventLoop,
        ping: Callable[[bytes], None],
        late: Callable[[], None],
    ) -> None:
        self._limits = limits
        self._loop = loop
        self._ping = ping
        self._late = late
        self._payload: bytes | None = None
        self._timer = loop.call_later(limits.ping_interval, self._ask)

    def _ask(self) -> None:
        limits = self._limits
        self._payload = os.urandom(4)
        if limits.ping_timeout:
            self._timer = self._loop.call_later(limits.ping_timeout, self._late)
        else:
            self._timer = self._loop.call_later(limits.ping_interval, self._ask)
        self._ping(self._payload)

    def answered(self, payload: bytes) -> None:
        """A pong has come; one that answers nothing changes nothing."""
        if payload != self._payload:
            return
        self._payload = None
        if self._limits.ping_timeout:
            self._timer.cancel()
            self._timer = self._loop.call_later(self._limits.ping_interval, self._ask)

    def stop(self) -> None:
        """No ping follows, and nobody is late."""
        self._timer.cancel()
