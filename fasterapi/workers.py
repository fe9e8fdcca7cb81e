"""Several processes: what the parent of the workers does."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import asdict
from typing import Any

from fasterapi.addresses import listening_socket, reserve_port
from fasterapi.log import say
from fasterapi.settings import Settings, core_options, graceful_timeout
from fasterapi.start_line import address_text, start_line
from fasterapi.supervisor import MAX_SOCKETS, Supervisor, spawner

__all__ = ["KeptSockets", "run_workers"]


class KeptSockets:
    """What other processes listen on, kept here so that nobody is refused while one restarts.

    One for each of them, if the kernel can share clients out to them. Sets the settings' real port.
    Raises StartupError if there can be none.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._sockets: list[socket.socket] = []
        if settings.uds is not None:
            self._sockets = [listening_socket(settings.uds, settings.uds_permissions)]
        elif settings.fd is None:
            count = min(settings.workers, MAX_SOCKETS)
            self._sockets, settings.port = reserve_port(settings.host, settings.port, count)

    @property
    def fds(self) -> list[int]:
        if self.settings.fd is not None:
            return [self.settings.fd]
        return [held.fileno() for held in self._sockets]

    def told(self) -> dict[str, Any]:
        """The settings of a process that serves them."""
        settings = self.settings
        return settings.as_dict() | {
            "workers": 1,
            "reload": False,
            "uds": None,
            "pid_file": None,
            "kept": self.fds,
            "address": None if settings.uds is None else address_text(settings, 0),
        }

    def release(self) -> None:
        """Let go of them: what waits there is for those who have been told to take it."""
        for held in self._sockets:
            if self.settings.uds is not None:
                with contextlib.suppress(OSError):
                    held.shutdown(socket.SHUT_RD)  # nobody else gets in; who waits stays
            held.close()

    def remove(self) -> None:
        """At the end: the file of a Unix socket goes, too."""
        self.release()
        if self.settings.uds is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.settings.uds)


def run_workers(target: Any, settings: Settings) -> int:
    """Several processes: keep the port or socket, supervise, print the one start line."""
    kept = KeptSockets(settings)
    message = {
        "settings": kept.told() | {"announce": False, "replaced": True},
        "target": asdict(target),
    }

    def ready(facts: list[dict[str, Any]]) -> None:
        say(start_line(settings, facts[0]))

    graceful = graceful_timeout(core_options(settings.options, None, settings.defaults))
    supervisor = Supervisor(
        settings.workers,
        spawner(message, kept.fds),
        sockets=len(kept.fds),
        release=kept.release,
        on_ready=ready,
        stop_timeout=graceful + 5.0,
    )
    try:
        return supervisor.run()
    finally:
        kept.remove()
