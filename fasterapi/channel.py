"""A worker's end of its channel to the parent, see `fasterapi.supervisor`.

Lines of JSON. The worker says its facts when it serves, {"worn": why} when another one shall take
its place (see `wear`), and LEAVING when it begins to stop. The parent says a number, the sockets to
accept from as bits, LAST: it keeps them no longer, or PING, to which the loop answers PONG. The end
of the channel is the end of the parent, and the worker stops too.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fasterapi.signals import Stoppable

__all__ = ["LAST", "LEAVING", "PING", "PONG", "Channel"]

LAST = "last"
LEAVING = "leaving"
PING = "ping"
PONG = "pong"


class Channel:
    """fd: the descriptor, or None: there is no parent. Loop thread only."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self._server: Stoppable | None = None
        self._text = b""

    def say(self, what: Any) -> None:
        """Tell the parent. A lost one is no error."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.write(self._fd, json.dumps(what).encode() + b"\n")

    @contextlib.contextmanager
    def watched(self, server: Stoppable) -> Iterator[None]:
        """Do what the parent says, for as long as this lasts."""
        loop = server._loop
        if loop is None or self._fd is None:
            yield
            return
        self._server = server
        os.set_blocking(self._fd, False)
        loop.add_reader(self._fd, self._on_readable)
        try:
            yield
        finally:
            loop.remove_reader(self._fd)

    def begin_stop(self) -> None:
        """Hear what the parent said before its signal, and tell that others have to serve."""
        if self._server is not None:
            self._on_readable()
            self.say(LEAVING)

    def _on_readable(self) -> None:
        server, fd = self._server, self._fd
        assert server is not None
        assert fd is not None
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, self._text = (self._text + data).split(b"\n")
        core_server = server.core_server
        for told in map(json.loads, lines):
            if told == PING:
                self.say(PONG)
            elif core_server is None:
                pass
            elif told == LAST:
                core_server.take_over()
            else:
                core_server.accept_from(told)
        if not data:
            assert server._loop is not None
            server._loop.remove_reader(fd)
            if core_server is not None:
                core_server.take_over()
            server.stop()
