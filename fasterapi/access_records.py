"""The access log as records of a logger, for whoever has changed that logger.

While nobody has, the core writes the lines itself, which costs a fraction. Handlers, filters,
another formatter, Sentry's breadcrumbs and the like want `logging.LogRecord` objects, with
Uvicorn's five arguments: (client address, method, target, HTTP version, status).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import sys
from typing import Any, Final
from urllib.parse import quote

from fasterapi.formatters import ACCESS_FORMAT, AccessFormatter
from fasterapi.log import LiveStream, access_logger
from fasterapi.stream import Scope

__all__ = ["AccessRecords", "is_plain", "line_format"]

MESSAGE: Final = '%s - "%s %s HTTP/%s" %d'
#: How often [s] the logger is looked at: it may be configured at any time.
LOOK_INTERVAL: Final = 1.0
#: Bytes of records that are made in one go; other callbacks have their turn between.
PORTION: Final = 8192
#: Bytes that wait at most, while the loop is busy; more are dropped and counted.
PIPE_BYTES: Final = 1 << 20


def _is_loggings(function: Any) -> bool:
    """Whether a method is logging's own, by its code: a tool may have come before our import."""
    code, own = getattr(function, "__code__", None), logging.LogRecord.getMessage.__code__
    return code is not None and code.co_filename == own.co_filename


def line_format() -> str:
    """The core's format for lines that look as the logger's would: "text" or "colours"."""
    handlers = access_logger.handlers
    formatter = handlers[0].formatter if handlers else None
    return "colours" if getattr(formatter, "use_colors", False) else "text"


def is_plain() -> bool:
    """Whether a record would come out as the line that the core writes itself."""
    logger = access_logger
    if not (logger.handlers or logger.filters or logger.disabled or logging.root.handlers):
        return _is_loggings(logging.Logger.callHandlers)  # nobody has configured anything
    if len(logger.handlers) != 1 or logger.filters or logger.disabled or logger.propagate:
        return False
    handler = logger.handlers[0]
    formatter = handler.formatter
    return (
        type(handler) is LiveStream
        and type(formatter) is AccessFormatter
        and formatter._fmt == ACCESS_FORMAT
        and not handler.filters
        and handler.level <= logging.INFO
        and logger.isEnabledFor(logging.INFO)
        and sys.stdout is sys.__stdout__
        and type(logger) is logging.Logger
        and _is_loggings(logging.Logger.callHandlers)
        and _is_loggings(logging.Logger.handle)
        and logging.getLogRecordFactory() is logging.LogRecord
    )


class AccessRecords:
    """Makes the records of one server. Loop thread only.

    `watch` decides, again and again, whether the core writes lines or sends what is in them through
    a pipe. What an app answers itself is told to `note`, where the request's context is the current
    one, as filters that add a correlation id expect.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, core_server: Any) -> None:
        self._loop = loop
        self._core_server = core_server
        self._reader = self._writer = -1
        self._rest = b""
        self._timer: asyncio.TimerHandle | None = None
        self.active = False

    def watch(self) -> None:
        """Look now, and again and again until `close`."""
        self.look()
        self._timer = self._loop.call_later(LOOK_INTERVAL, self.watch)

    def look(self) -> None:
        """See whether somebody has changed the logger, or changed it back."""
        if is_plain() is not self.active:
            return
        if self.active:
            self._core_server.set_access_records(-1)
        else:
            if self._writer < 0:
                self._open()
            self._core_server.set_access_records(self._writer)
        self.active = not self.active

    def _open(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # above what this user may have: the usual 64 KiB
            fcntl.fcntl(self._writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._loop.add_reader(self._reader, self._read)

    def _read(self) -> bool:
        """Make the records of what is in the pipe, up to a portion; False if it was empty."""
        try:
            data = os.read(self._reader, PORTION)
        except BlockingIOError:
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            client, method, target, version, status = line.decode("ascii").split("\t")
            access_logger.info(MESSAGE, client, method, target, version, int(status))
        return True

    def note(self, scope: Scope, status: int) -> None:
        """Make the record of an answer that an app begins."""
        client = scope.get("client")
        target = quote(scope["path"])
        if scope["query_string"]:
            target = f"{target}?{scope['query_string'].decode('ascii', 'replace')}"
        address = f"{client[0]}:{client[1]}" if client else ""
        version = scope["http_version"]
        access_logger.info(MESSAGE, address, scope["method"], target, version, status)

    def close(self) -> None:
        """Make the last records; the core has stopped."""
        if self._timer is not None:
            self._timer.cancel()
        self._core_server.set_access_records(-1)
        if self._writer >= 0:
            while self._read():
                pass
            self._loop.remove_reader(self._reader)
            os.close(self._writer)
            os.close(self._reader)
            self._reader = self._writer = -1
