"""When a process has served long enough: its requests, its age, its memory.

Alone it stops, as Uvicorn's does, when the requests are through. One of several tells its parent,
goes on, and is stopped when another one serves in its place (see `supervisor`).
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from fasterapi import _native
from fasterapi.log import error_logger
from fasterapi.settings import Settings, core_options

if TYPE_CHECKING:
    from fasterapi.server import Server

__all__ = ["Wear", "needs_parent", "resident_bytes"]

#: How often [s] it is looked at; Uvicorn does so, too.
LOOK_INTERVAL: Final = 0.1
#: How often [s] the memory is. Asking the system costs more than reading a counter.
MEMORY_INTERVAL: Final = 1.0
#: The parent may have failed to make another one: it is asked again after so long [s].
ASK_AGAIN: Final = 10.0

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def _is_for_parents(options: Mapping[str, Any]) -> bool:
    return bool(options["workers_lifetime"] or options["workers_max_rss"])


def needs_parent(settings: Settings, app: Any) -> bool:
    """Whether somebody has to be there who starts another process in place of a worn one.

    app: may have options of its own; None if it has not been loaded.
    """
    return _native.core is not None and _is_for_parents(core_options(settings.options, app))


def resident_bytes() -> int:
    """The memory that this process has now; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


class Wear:
    """Looks at one server until it is worn. Loop thread only."""

    def __init__(self, server: Server, options: Mapping[str, Any]) -> None:
        assert server._loop is not None
        self._server = server
        self._loop = server._loop
        self._begun = self._memory_seen = time.monotonic()
        requests = options["limit_max_requests"]
        if requests:
            requests += random.randint(0, options["limit_max_requests_jitter"])
        self._most_requests = requests
        replaced = server.settings.replaced
        self._lifetime = options["workers_lifetime"] if replaced else 0.0
        self._most_bytes = options["workers_max_rss"] * 1024 * 1024 if replaced else 0
        if _is_for_parents(options) and not replaced:
            error_logger.warning(
                "workers_lifetime and workers_max_rss: nobody starts another process here, ignored."
            )
        self._replaced = replaced
        self._timer: asyncio.TimerHandle | None = None
        if self._most_requests or self._lifetime or self._most_bytes:
            self._wait(LOOK_INTERVAL)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, seconds: float) -> None:
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        reason = self._reason()
        if reason is None:
            self._wait(LOOK_INTERVAL)
        elif self._replaced:
            self._server._channel.say({"worn": reason})
            self._wait(ASK_AGAIN)
        else:
            self._timer = None
            error_logger.info(
                "Maximum request limit of %d exceeded. Terminating process.", self._most_requests
            )
            self._server.stop()

    def _reason(self) -> str | None:
        """Why the process is worn, as the end of "Worker [1] ...", or None."""
        if self._most_requests:
            core_server = self._server.core_server
            answered = 0 if core_server is None else core_server.stats()["responses"]
            if answered >= self._most_requests:
                return f"has answered {answered} requests"
        now = time.monotonic()
        if self._lifetime and now - self._begun >= self._lifetime:
            return f"has served for {now - self._begun:.1f} s"
        if self._most_bytes and now - self._memory_seen >= MEMORY_INTERVAL:
            self._memory_seen = now
            memory = resident_bytes()
            if memory > self._most_bytes:
                return f"uses {memory / 1048576:.0f} MiB of memory"
        return None
