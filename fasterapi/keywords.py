"""What `fasterapi.run()` and `fasterapi.Config` take: Uvicorn's keywords, ours, and the core's."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fasterapi import config
from fasterapi._options import CoreOptions
from fasterapi.flags import FLAGS, PLACE, instead_of
from fasterapi.log import StartupError
from fasterapi.log_config import LogConfig

__all__ = ["RunOptions", "keyword_values"]


class RunOptions(CoreOptions, total=False):
    """Keyword arguments of `run` besides host and port. None is the same as not given, except for
    ``log_config``, where it leaves the loggers alone, and for ``ws_ping_*``, where it means never.
    """

    uds: str | None
    """Path of a Unix socket to listen on, instead of host and port."""
    uds_permissions: int | str | None
    """Its mode; default: that of the socket that lies there, else 0o666."""
    fd: int | None
    """A listening descriptor that is inherited, instead of host and port."""
    workers: int | None
    """Number of processes; more than one needs an app that can be imported."""
    reuse_port: bool
    """Let other processes listen on the same port."""
    log_level: str | int | None
    """critical, error, warning, info (default), debug or trace, or a number of logging's."""
    log_config: LogConfig | None
    """A dict or a file for ``logging``; None leaves the loggers as the program has set them up."""
    use_colors: bool | None
    """Colours in the log; default: on a terminal."""
    access_log_format: str | None
    """Lines of the access log: "text", "json", or a pattern such as "%(request_line)s"."""
    root_path: str
    """Path prefix that a proxy in front strips off."""
    proxy_headers: bool
    """Believe X-Forwarded-For and X-Forwarded-Proto of the peers in forwarded_allow_ips."""
    forwarded_allow_ips: str | list[str] | None
    """Addresses, networks, "unix", "*"; default: $FORWARDED_ALLOW_IPS, else this machine."""
    headers: Sequence[tuple[str, str] | str] | None
    """Headers for every answer, as pairs or as "name:value"."""
    lifespan: str
    """auto, on or off."""
    loop: str
    """auto, uvloop, asyncio, or "module:function" that makes one."""
    interface: str
    """auto, asgi3, asgi2 or wsgi."""
    http: str
    """auto; h11 and httptools mean the same here."""
    ws: str
    """auto, or none: upgrades are answered as plain requests. Uvicorn's other names mean auto."""
    env_file: str | os.PathLike[str] | Sequence[str] | None
    """A file (or several) of NAME=VALUE lines, for variables that are not set."""
    app_dir: str | None
    """Where the module of an app given as text is looked for."""
    factory: bool
    """The app is a function that makes it."""
    pid_file: str | os.PathLike[str] | None
    """Where the process id is written while it serves."""
    process_name: str | None
    """What process lists show."""
    reload: bool
    """Start afresh when a file changes; needs an app that can be imported."""
    reload_dirs: str | Sequence[str] | None
    """Folders to watch; default: the current one."""
    reload_includes: str | Sequence[str] | None
    """Patterns of files to watch besides *.py."""
    reload_excludes: str | Sequence[str] | None
    """Patterns of files, or folders, not to watch."""
    reload_delay: float
    """Seconds between two looks."""
    timeout_keep_alive: float
    """keep_alive_timeout, as Uvicorn calls it."""
    timeout_graceful_shutdown: float | None
    """graceful_timeout, likewise."""
    h11_max_incomplete_event_size: int | None
    """max_header_bytes, likewise."""


#: Keywords that settle where the app is, not how it is served.
_PLACE: Final = frozenset({"app_dir", "factory"})
_SETTINGS: Final = frozenset(flag.name for flag in FLAGS if flag.name != "verbose")
#: None is this value of them.
_NEVER: Final = {"ws_ping_interval": 0.0, "ws_ping_timeout": 0.0}
#: Keywords of Uvicorn's that are not here; a value that changes nothing may be given.
_UVICORN_ONLY: Final = ("ssl_", "http2", "reset_contextvars", "timeout_notify", "callback_notify")


def keyword_values(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords that say something, under the names of `FLAGS` and of the core's options.

    Raises StartupError for a name that nobody knows, and for what only Uvicorn has.
    """
    values: dict[str, Any] = {}
    for name, value in keywords.items():
        if name == "log_config" and value is None:
            values["keep_logging"] = True
        elif name.startswith(_UVICORN_ONLY):
            if value and name not in ("ssl_version", "timeout_notify"):
                raise StartupError(_not_here(name))
        elif name in config.ALIASES or name in config.OPTIONS:
            value = _NEVER.get(name) if value is None else value
            if value is not None:
                values[config.ALIASES.get(name, name)] = value
        elif name in _SETTINGS or name in _PLACE:
            if value is not None:
                values[name] = _listed(value) if name in _LISTS else value
        else:
            known = {*_SETTINGS, *_PLACE, *config.OPTIONS, *config.ALIASES}
            raise StartupError(str(config.unknown_name(name, known, "run()")))
    return values


_LISTS: Final = frozenset(flag.name for flag in (*FLAGS, *PLACE) if flag.kind is list)


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | os.PathLike) else list(value)


def _not_here(name: str) -> str:
    flag = "--" + name.replace("_", "-")
    advice = instead_of(flag)
    return f"{name} is not here" if advice is None else advice.replace(flag, name, 1)
