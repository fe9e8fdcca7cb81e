"""A warning for each limit that clients hit; the core counts, and says when there is news.

It says so at most once a second, so a flood of refusals is one line a second for each limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Any, Final

from fasterapi.log import error_logger

__all__ = ["LimitLog"]

#: What `Server.stats` counts, and what a line says of it. Options are filled in.
_TEXTS: Final = {
    "invalid_requests": "Invalid HTTP request received.",
    "lines_too_long": "Request line of more than max_request_line={max_request_line} bytes: 414.",
    "headers_too_large": (
        "Request head of more than max_header_bytes={max_header_bytes} or "
        "max_header_count={max_header_count}: 431."
    ),
    "bodies_too_large": (
        "Request body of more than max_body_size={max_body_size} (compiled routes) or "
        "max_stream_size={max_stream_size} bytes: 413."
    ),
    "slow_heads": "Request head not complete after header_timeout={header_timeout} s: 408.",
    "slow_bodies": "Nothing of a request body for body_timeout={body_timeout} s: 408.",
    "slow_readers": "Nothing of an answer taken for send_timeout={send_timeout} s: closed.",
    "queue_full": (
        "No room in a queue of queue_size={queue_size} for queue_timeout={queue_timeout} s: 503."
    ),
    "over_limit": "Exceeded concurrency limit.",
    "bodies_refused": (
        "No room in body_budget={body_budget} bytes for queue_timeout={queue_timeout} s: 503."
    ),
    "pressure_ended": (
        "More than pressure_percent={pressure_percent} % of connections, descriptors or "
        "body_budget in use: the slowest client ended."
    ),
}


class LimitLog:
    """Writes the warnings of one server. Loop thread only."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, core_server: Any, options: dict[str, Any]
    ) -> None:
        self._loop = loop
        self._core_server = core_server
        self._options = options
        self._seen = dict.fromkeys(_TEXTS, 0)
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        core_server.set_limit_news(self._fd)
        loop.add_reader(self._fd, self._read)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._fd)
        self.look()

    def look(self) -> None:
        """Write a line for each limit that was hit since the last look."""
        stats = self._core_server.stats()
        for name, text in _TEXTS.items():
            times = stats[name] - self._seen[name]
            if times == 0:
                continue
            self._seen[name] += times
            line = text.format_map(self._options)
            error_logger.warning("%s", line if times == 1 else f"{line} ({times} times)")

    def close(self) -> None:
        """Write the last lines; the core has stopped."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self.look()
