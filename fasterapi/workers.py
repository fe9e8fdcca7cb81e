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

__all__ = ["run_workers"]


def run_workers(target: Any, settings: Settings) -> int:
    """Several processes: keep the port or socket, supervise, print the one start line."""
    sockets = _kept_sockets(settings)
    kept = [held.fileno() for held in sockets] if settings.fd is None else [settings.fd]
    told = settings.as_dict() | {
        "workers": 1,
        "announce": False,
        "uds": None,
        "kept": kept,
        "address": None if settings.uds is None else address_text(settings, 0),
    }
    message = {"settings": told, "target": asdict(target)}

    def ready(facts: list[dict[str, Any]]) -> None:
        say(start_line(settings, facts[0]))

    def release() -> None:
        for held in sockets:
            if settings.uds is not None:
                with contextlib.suppress(OSError):
                    held.shutdown(socket.SHUT_RD)  # nobody else gets in; who waits stays
            held.close()

    graceful = graceful_timeout(core_options(settings.options, None))
    supervisor = Supervisor(
        settings.workers,
        spawner(message, kept),
        sockets=len(kept),
        release=release,
        on_ready=ready,
        stop_timeout=graceful + 5.0,
    )
    try:
        return supervisor.run()
    finally:
        release()
        if settings.uds is not None:
            with contextlib.suppress(OSError):
                os.unlink(settings.uds)


def _kept_sockets(settings: Settings) -> list[socket.socket]:
    """What the workers listen on, kept here so that nobody is refused while one restarts.

    One for each of them, if the kernel can share clients out to them. Sets the real port.
    """
    if settings.uds is not None:
        return [listening_socket(settings.uds)]
    if settings.fd is not None:
        return []
    count = min(settings.workers, MAX_SOCKETS)
    sockets, settings.port = reserve_port(settings.host, settings.port, count)
    return sockets
