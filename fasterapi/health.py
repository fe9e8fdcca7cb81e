"""Whether a worker's event loop still answers its parent (`timeout_worker_healthcheck`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fasterapi.channel import PING

__all__ = ["Health"]

#: Share of the timeout after an answer at which is asked again.
PAUSE: Final = 0.5


class Health:
    """Of one worker, as its parent sees it. Times are monotonic seconds.

    timeout: seconds an answer may take; 0: nothing is ever asked. tell: says a word to the worker.
    """

    def __init__(self, timeout: float, tell: Callable[[str], None], now: float) -> None:
        self.timeout = timeout
        self._tell = tell
        self._asked = False
        #: When it was asked; else when it has answered.
        self._since = now

    def answered(self, now: float) -> None:
        """The worker's loop has answered."""
        self._asked = False
        self._since = now

    def due(self) -> float:
        """When `look` has something to do."""
        if not self.timeout:
            return float("inf")
        return self._since + (self.timeout if self._asked else self.timeout * PAUSE)

    def look(self, now: float) -> bool:
        """Ask, if it is time to. Returns True if an answer has been due for too long."""
        if now < self.due():
            return False
        if self._asked:
            return True
        self._asked = True
        self._since = now
        self._tell(PING)
        return False
