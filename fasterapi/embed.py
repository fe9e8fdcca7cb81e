"""`Config` and `Server` under Uvicorn's names, for programs that serve from their own event loop.

    server = fasterapi.Server(fasterapi.Config("main:app", port=8000))
    await server.serve()          # or server.run()

`server.should_exit = True` ends it, from any thread; `server.started` tells that it serves.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, Unpack

from fasterapi import _native, log
from fasterapi.addresses import listening_socket, reserve_port
from fasterapi.discover import load_app
from fasterapi.keywords import RunOptions, keyword_values
from fasterapi.launch import Given, keyword_settings, program_target
from fasterapi.log import StartupError, error_logger
from fasterapi.loops import loop_factory
from fasterapi.server import Server as CoreServer
from fasterapi.server import configure_logging
from fasterapi.settings import check_options, core_options
from fasterapi.start_line import address_text

__all__ = ["Config", "Server"]


class Config:
    """How to serve `app`, an ASGI app or its place as text; the keywords are those of `run`.

    Sets up the loggers, as Uvicorn's does. The settings are attributes (``config.port``); those of
    `Settings` may be changed until the server starts. ``workers`` and ``reload`` have no effect on
    a `Server`, which is one process; `run` knows them. Raises SystemExit(3) after one printed line
    for a value that is none.
    """

    def __init__(
        self,
        app: Any,
        host: str | None = None,
        port: int | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        self.app = app
        self.loaded = False
        self.loaded_app: Any = None
        try:
            self._values = keyword_values({"host": host, "port": port, **options})
            self.settings = keyword_settings(Given.of(self._values))
            configure_logging(self.settings)
            check_options(self.settings)
        except StartupError as exc:
            raise log.exit_with(exc) from None

    def __getattr__(self, name: str) -> Any:
        settings = self.__dict__.get("settings")
        if settings is not None and hasattr(settings, name):
            return getattr(settings, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        settings = self.__dict__.get("settings")
        if settings is not None and hasattr(settings, name):
            setattr(settings, name, value)
        else:
            super().__setattr__(name, value)

    @property
    def should_reload(self) -> bool:
        """Whether `run` would start the app afresh when a file changes."""
        return isinstance(self.app, str) and self.settings.reload

    @property
    def is_ssl(self) -> bool:
        """There is no TLS here."""
        return False

    def load(self) -> None:
        """Import the app, or make it, into `loaded_app`. Once; `Server` does it by itself.

        Raises SystemExit(3) after one printed line if there is none.
        """
        if self.loaded:
            return
        try:
            if isinstance(self.app, str):
                self.loaded_app = load_app(program_target(self.app, self._values))
            else:
                self.loaded_app = self.app() if self._values.get("factory") else self.app
        except StartupError as exc:
            raise log.exit_with(exc) from None
        self.loaded = True

    def bind_socket(self) -> socket.socket:
        """A socket of the address, for `Server.serve(sockets=[...])`. Raises as `load`."""
        settings = self.settings
        try:
            if settings.uds is not None:
                return listening_socket(settings.uds, settings.uds_permissions)
            if settings.fd is not None:
                return socket.socket(fileno=os.dup(settings.fd))
            (bound,), settings.port = reserve_port(settings.host, settings.port)
        except StartupError as exc:
            raise log.exit_with(exc) from None
        bound.set_inheritable(True)
        return bound

    def get_loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop] | None:
        """What makes the event loop of `Server.run`; None: asyncio's own way."""
        try:
            return loop_factory(self.settings.loop)
        except StartupError as exc:
            raise log.exit_with(exc) from None


class Server(CoreServer):
    """Serves the app of a `Config` in this process.

    `serve` and `run` return after an orderly stop; a signal that stopped it is raised again then.
    Both raise SystemExit(3) after one printed line if it cannot start. Needs the C core.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(None, config.settings)
        self.config = config

    @property
    def servers(self) -> list[_Listening]:
        """What listens, as programs ask for it: ``servers[0].sockets[0].getsockname()``."""
        return [_Listening(self._address())] if self.started and self.core_server else []

    async def serve(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Start, serve, stop, on the running event loop. sockets: bound ones, instead of the
        address; the caller's to close."""
        try:
            self._prepare(sockets)
            await super().serve()
        except StartupError as exc:
            raise log.exit_with(exc) from None

    def run(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """`serve` on an event loop of its own."""
        try:
            self._prepare(sockets)
            super().run()
        except StartupError as exc:
            raise log.exit_with(exc) from None

    def _prepare(self, sockets: Sequence[socket.socket] | None) -> None:
        if _native.core is None:
            raise StartupError(f"this server needs the C core: {_native.why_no_core}")
        self.config.load()
        settings = self.settings
        self.take_app(self.config.loaded_app)
        settings.announce = error_logger.isEnabledFor(logging.INFO)
        if sockets:
            backlog = int(core_options(settings.options, None, settings.defaults)["backlog"])
            for one in sockets:
                one.listen(backlog)
            self.given_sockets = [os.dup(one.fileno()) for one in sockets]
            settings.address = _text_of(sockets[0].getsockname())
            name = sockets[0].getsockname()
            self.port = name[1] if isinstance(name, tuple) else self.port

    def _address(self) -> Any:
        settings = self.settings
        if settings.uds is not None:
            return settings.uds
        return (settings.host, self.port) if settings.fd is None else address_text(settings, 0)


class _Listening:
    """The part of asyncio's server objects that programs look at."""

    def __init__(self, address: Any) -> None:
        self.sockets = (_Bound(address),)


class _Bound:
    def __init__(self, address: Any) -> None:
        self._address = address

    def getsockname(self) -> Any:
        """(host, port), or the path of a Unix socket."""
        return self._address


def _text_of(name: Any) -> str:
    if not isinstance(name, tuple):
        return f"unix:{name}"
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{host}:{name[1]}"
