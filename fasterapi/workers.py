"""Several processes: what the parent does, and the body of one worker."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import asdict
from typing import Any

from fasterapi import _native, log
from fasterapi.addresses import listening_socket, reserve_port
from fasterapi.discover import Target, load_app
from fasterapi.log import StartupError, say
from fasterapi.server import (
    Settings,
    _core_options,
    _run_here,
    _serve_without_core,
    graceful_timeout,
)
from fasterapi.start_line import address_text, start_line
from fasterapi.supervisor import MAX_SOCKETS, Supervisor, spawner

__all__ = ["run_worker", "run_workers"]


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

    graceful = graceful_timeout(_core_options(settings.options, None))
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


def run_worker(message: dict[str, Any]) -> int:
    """Body of one worker process (``python -m fasterapi --worker JSON``); returns the exit code."""
    settings = Settings(**message["settings"])
    settings.control_fd = message["control_fd"]
    settings.slot = message["slot"]
    try:
        log.configure(settings.log_level, settings.use_colors, settings.log_config)
        app = load_app(Target(**message["target"]))
        if _native.core is None:
            return _serve_without_core(app, None, settings)
        return _run_here(app, settings)
    except StartupError as exc:
        return int(log.exit_with(exc).code or 0)
