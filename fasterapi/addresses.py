"""Addresses to listen on: is a port free, whose is a socket file, and what to say if not."""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import Any

from fasterapi.log import StartupError

__all__ = [
    "check_address",
    "listen_error",
    "listening_socket",
    "remove_stale_socket",
    "reserve_port",
    "socket_mode",
]


def check_address(host: str, port: int) -> tuple[int, Any]:
    """See that `host` can be bound and `port` is free; returns (family, socket address).

    Raises StartupError with a line that names the fix.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as exc:
        raise StartupError(f"host {host!r} is not known: {exc}") from exc
    family, _, _, _, address = found[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as exc:
            raise listen_error(exc, host, port, None) from exc
    return family, address


def listen_error(exc: OSError, host: str, port: int, uds: str | None) -> StartupError:
    """Put an OSError of bind or listen into a line that names the fix."""
    if uds is not None:
        return StartupError(f"cannot listen on the Unix socket {uds}: {exc.strerror or exc}")
    if exc.errno == errno.EADDRINUSE:
        return StartupError(
            f"port {port} on {host} is already in use; choose another one with --port N "
            "(--port 0 takes any free one)"
        )
    if exc.errno == errno.EACCES:
        return StartupError(
            f"port {port} may not be opened by this user; choose one above 1023 with --port N"
        )
    if exc.errno == errno.EADDRNOTAVAIL:
        return StartupError(f"this machine has no address {host}; choose another with --host")
    return StartupError(f"cannot listen on {host} port {port}: {exc.strerror or exc}")


def remove_stale_socket(path: str) -> None:
    """Remove a Unix socket that nobody serves. Raises OSError if it is in use or no socket."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "there is a file of that name that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            pass
    raise OSError(errno.EADDRINUSE, "another process is serving it")


def socket_mode(path: str, given: int | None) -> int:
    """The mode of a Unix socket that is to lie there: what is given, else that of the one which
    does, so that whoever has restricted it finds it so, else anybody's."""
    if given is not None:
        return given
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return 0o666


def listening_socket(
    path: str, permissions: int | None = None, backlog: int = 2048
) -> socket.socket:
    """A listening Unix socket that worker processes can share. permissions: see `socket_mode`."""
    try:
        mode = socket_mode(path, permissions)
        remove_stale_socket(path)
        held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            held.bind(path)
            os.chmod(path, mode)
            held.listen(backlog)
        except BaseException:
            held.close()
            raise
    except OSError as exc:
        raise listen_error(exc, "", 0, path) from exc
    return held


def reserve_port(host: str, port: int, count: int = 1) -> tuple[list[socket.socket], int]:
    """Bind (do not listen on) an address for workers with SO_REUSEPORT: `count` sockets, one each.

    Returns them and the real port (0 picks a free one). Raises StartupError if it is taken.
    """
    family, address = check_address(host, port)
    kept: list[socket.socket] = []
    try:
        for _ in range(count):
            kept.append(socket.socket(family, socket.SOCK_STREAM))
            kept[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            kept[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            kept[-1].bind(address)
            address = (address[0], kept[0].getsockname()[1], *address[2:])
    except OSError as exc:
        for held in kept:
            held.close()
        raise StartupError(f"cannot bind {host} port {port}: {exc.strerror}") from exc
    return kept, address[1]
