"""Serving where the C core is not: Uvicorn does it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any, Final

from fasterapi import _native, log
from fasterapi.addresses import listen_error, remove_stale_socket, socket_mode
from fasterapi.config import OPTIONS
from fasterapi.discover import Target, named_target
from fasterapi.log import StartupError, say
from fasterapi.settings import Settings, core_options

__all__ = ["serve_with_uvicorn"]

_SHARED: Final = (
    "limit_concurrency",
    "limit_max_requests",
    "limit_max_requests_jitter",
    "timeout_worker_healthcheck",
    "ws_max_size",
    "ws_max_queue",
    "ws_ping_interval",
    "ws_ping_timeout",
    "ws_per_message_deflate",
)


def serve_with_uvicorn(app: Any, target: Target | None, settings: Settings) -> int:
    """Serve without the core: say so in one line, then let Uvicorn do it.

    target: where the app is, needed for several workers only. Those of the core's options that
    Uvicorn has as well are passed on. Returns the exit code.
    """
    options = core_options(settings.options, app, settings.defaults)
    try:
        import uvicorn
        from uvicorn.config import LOGGING_CONFIG
    except ImportError:
        raise StartupError(
            f"{_native.why_no_core}, and Uvicorn is not there to serve instead: pip install uvicorn"
        ) from None
    address = settings.uds or f"{settings.host}:{settings.port}"
    if settings.announce:
        say(f"FasterAPI without its C core ({_native.why_no_core}): Uvicorn serves {address}")
    if settings.control_fd is not None:
        _stop_with_parent(settings.control_fd)
    uvicorn_config = uvicorn.Config(
        app if target is None else str(named_target(target, app)),
        factory=target is not None and target.factory,
        host=settings.host,
        port=settings.port,
        uds=settings.uds,
        fd=settings.fd,
        workers=settings.workers,
        log_level=settings.log_level,
        use_colors=settings.use_colors,
        log_config=_log_config(settings, LOGGING_CONFIG),
        access_log=bool(options["access_log"]),
        backlog=int(options["backlog"]),
        date_header=bool(options["date_header"]),
        server_header=bool(options["server_header"]),
        timeout_keep_alive=int(options["keep_alive_timeout"]),
        timeout_graceful_shutdown=int(options["graceful_timeout"]),
        lifespan=settings.lifespan,  # type: ignore[arg-type]
        interface=settings.interface,  # type: ignore[arg-type]
        ws="auto" if settings.websockets else "none",
        headers=settings.headers,
        root_path=settings.root_path,
        proxy_headers=settings.proxy_headers,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        loop=settings.loop,
        **_shared(options),
    )
    if settings.workers > 1:
        from uvicorn.supervisors import Multiprocess

        with _socket_mode(settings):
            held = uvicorn_config.bind_socket()
        Multiprocess(uvicorn_config, sockets=[held]).run()
        return 0
    if settings.uds is not None and settings.uds_permissions is not None:
        _leave_socket(settings.uds, settings.uds_permissions)
    server = uvicorn.Server(uvicorn_config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else log.STARTUP_FAILURE


def _shared(options: dict[str, Any]) -> dict[str, Any]:
    """The options that Uvicorn has under the same names, where they differ from its defaults, which
    are ours: an older one may not know all of them. 0 is its None."""
    return {
        name: options[name] or (None if OPTIONS[name].type is not bool else False)
        for name in _SHARED
        if options[name] != OPTIONS[name].default
    }


@contextlib.contextmanager
def _socket_mode(settings: Settings) -> Iterator[None]:
    """Uvicorn's workers want no file where their Unix socket is to lie, and give it mode 666."""
    path = settings.uds
    if path is None:
        yield
        return
    mode = socket_mode(path, settings.uds_permissions)
    try:
        remove_stale_socket(path)
    except OSError as exc:
        raise listen_error(exc, "", 0, path) from exc
    yield
    os.chmod(path, mode)


def _leave_socket(path: str, mode: int) -> None:
    """A socket that nobody serves, of which Uvicorn takes the place and the mode."""
    try:
        remove_stale_socket(path)
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(path)
        os.chmod(path, mode)
    except OSError as exc:
        raise listen_error(exc, "", 0, path) from exc


def _log_config(settings: Settings, default: Any) -> Any:
    if settings.keep_logging:
        return None
    return default if settings.log_config is None else settings.log_config


def _stop_with_parent(fd: int) -> None:
    """Without our own loop: a thread turns the end of the channel into a SIGTERM."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(fd, 4096):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="fasterapi-parent", daemon=True).start()
