"""`limit_concurrency`, on the loop's side. The core refuses; what it cannot see it is told here:
how many calls of the app are not over, those that go on after their answer included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fasterapi.asgi import Bridge

__all__ = ["CountedCalls", "count_calls"]


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


def count_calls(core_server: Any, bridge: Bridge) -> None:
    """Tell the core of the calls of a server that has a limit. Before its first request."""
    bridge.active = CountedCalls(core_server.note_calls)
    if not bridge.websockets:
        core_server.limit_websockets()
