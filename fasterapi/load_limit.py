"""`limit_concurrency`, on the loop's side. The core refuses; what it cannot see it is told here:
how many calls of the app are not over, those that go on after their answer included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fasterapi.log import error_logger

if TYPE_CHECKING:
    from fasterapi.asgi import Bridge

__all__ = ["CountedCalls", "LoadLimit"]

#: How often [s] it is said that requests were refused.
SAY_INTERVAL = 1.0


class CountedCalls(set[Any]):
    """What a bridge has at work; `note` is called with the number when it changes."""

    def __init__(self, note: Callable[[int], None]) -> None:
        super().__init__()
        self._note = note

    def add(self, item: Any) -> None:
        super().add(item)
        self._note(len(self))

    def discard(self, item: Any) -> None:
        super().discard(item)
        self._note(len(self))


class LoadLimit:
    """Made for a server that has a limit, before its first request. Loop thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, core_server: Any, bridge: Bridge) -> None:
        self._loop = loop
        self._core_server = core_server
        self._refused = 0
        bridge.active = CountedCalls(core_server.note_calls)
        if not bridge.websockets:
            core_server.limit_websockets()
        self._timer = loop.call_later(SAY_INTERVAL, self._look)

    def _look(self) -> None:
        self._timer = self._loop.call_later(SAY_INTERVAL, self._look)
        refused = self._core_server.stats()["over_limit"]
        if refused > self._refused:
            error_logger.warning(
                "Exceeded concurrency limit: %d request(s) refused.", refused - self._refused
            )
            self._refused = refused

    def close(self) -> None:
        """Say the last of it, before the core is stopped."""
        self._look()
        self._timer.cancel()
