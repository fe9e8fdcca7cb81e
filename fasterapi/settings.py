"""How to serve: what the front doors of `server` are told, and what can be wrong with it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from fasterapi import config
from fasterapi.addresses import check_address
from fasterapi.adopt import arguments_of
from fasterapi.default_headers import header_lines
from fasterapi.log import StartupError

if TYPE_CHECKING:
    from fasterapi.log_config import LogConfig

__all__ = [
    "Settings",
    "check_options",
    "check_settings",
    "core_options",
    "given_threads",
    "graceful_timeout",
]


@dataclass(slots=True)
class Settings:
    """How to serve. `options` are the core's options as given by the caller, still unchecked."""

    host: str = "127.0.0.1"
    port: int = 8000
    uds: str | None = None
    #: The mode of a Unix socket; None: as that of the one that lies there, see `addresses`.
    uds_permissions: int | None = None
    fd: int | None = None
    workers: int = 1
    log_level: str | int | None = None
    #: A logging configuration of the user's, colours (None: on a terminal), the access log's lines.
    log_config: LogConfig | None = None
    use_colors: bool | None = None
    access_log_format: str | None = None
    #: The program has set up logging: give the loggers no handlers.
    keep_logging: bool = False
    reuse_port: bool = False
    lifespan: str = "auto"
    root_path: str = ""
    loop: str = "auto"
    #: auto, asgi2 or wsgi: how the app is called.
    interface: str = "auto"
    #: Off: who asks for a WebSocket is answered as if he had not.
    websockets: bool = True
    #: For every answer, besides its own: (name, value).
    headers: list[tuple[str, str]] = field(default_factory=list)
    #: Believe X-Forwarded-For and -Proto, of whom: see `proxy`.
    proxy_headers: bool = True
    forwarded_allow_ips: str | list[str] | None = None
    #: See `process`.
    pid_file: str | None = None
    process_name: str | None = None
    #: Start afresh when a file changes, and which files count: see `reload`.
    reload: bool = False
    reload_dirs: list[str] = field(default_factory=list)
    reload_includes: list[str] = field(default_factory=list)
    reload_excludes: list[str] = field(default_factory=list)
    reload_delay: float = 0.25
    options: dict[str, Any] = field(default_factory=dict)
    #: Defaults of a command, where they differ from the core's.
    defaults: dict[str, Any] = field(default_factory=dict)
    #: Descriptor of a worker's channel to its parent (see `supervisor`), or None.
    control_fd: int | None = None
    #: In a worker: the listening sockets that its parent keeps, one for each worker, at most
    #: `supervisor.MAX_SOCKETS`; each worker serves the one of its number and others when told.
    kept: list[int] = field(default_factory=list)
    #: Its parent makes another one when this one is worn (see `wear`).
    replaced: bool = False
    #: Number of a worker among its siblings, and the address when its own socket does not tell.
    slot: int = 0
    address: str | None = None
    #: Print the start line here (the parent prints it when there are several workers).
    announce: bool = True
    #: No port and no reactor thread: requests come from `core_server.load` (see `bench`).
    driven: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def check_settings(settings: Settings) -> None:
    """Raise StartupError for what can be seen to be wrong before anything is started."""
    if settings.workers < 1:
        raise StartupError(f"workers must be at least 1, not {settings.workers}")
    if not 0 <= settings.port <= 65535:
        raise StartupError(f"port must be between 0 and 65535, not {settings.port}")
    check_options(settings)
    if not 0 <= settings.reload_delay <= 3600:
        raise StartupError(
            f"reload_delay is {settings.reload_delay}, but must be 0 to 3600 seconds"
        )
    header_lines(settings.headers)
    if (settings.workers > 1 or settings.reload) and isinstance(settings.log_config, dict):
        try:
            json.dumps(settings.log_config)
        except TypeError as exc:
            raise StartupError(
                f"log_config: other processes need a file, or a dict of plain values: {exc}"
            ) from None
    if settings.uds is not None and settings.fd is not None:
        raise StartupError("give either a Unix socket or a descriptor, not both")
    if settings.uds is None and settings.fd is None and not settings.reuse_port:
        check_address(settings.host, settings.port)


def check_options(settings: Settings) -> None:
    """Raise StartupError for a value of the core's that is none, given or in a variable."""
    core_options(settings.options, None, settings.defaults)


def core_options(
    given: dict[str, Any], app: Any, defaults: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Checked options for the core. A flag or argument given here wins over the app's keyword, that
    over the environment, that over the default."""
    try:
        return dict(config.resolve_options(given, arguments_of(app), None, defaults))
    except (TypeError, ValueError) as exc:
        raise StartupError(str(exc)) from None


def graceful_timeout(options: dict[str, Any]) -> float:
    """Seconds that answers have to be finished in, of checked options."""
    return float(options.get("graceful_timeout", 30.0))


def given_threads(given: dict[str, Any], app: Any) -> int | None:
    """The option worker_threads, if anybody has set it; `core_options` has checked it."""
    for one in config.settings(given, arguments_of(app)):
        if one.option.name == "worker_threads" and one.source != "default":
            return int(one.value)
    return None
