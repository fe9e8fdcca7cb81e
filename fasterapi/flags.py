"""What a server can be told besides the core's options: flags, keywords, variables, in one table.

Each row is a flag of ``fasterapi run`` and ``dev``, a keyword of ``fasterapi.run()`` and of
`fasterapi.Config`, and the variables ``FASTERAPI_<NAME>`` and (for commands) ``UVICORN_<NAME>``.
Names are Uvicorn's, ``fastapi run``'s and Granian's where the meaning is theirs. Defaults are those
of `Settings`. The core's options (`config.OPTIONS`) are told in the same three ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fasterapi import log
from fasterapi.config import ALIASES

__all__ = [
    "FLAGS",
    "INSTEAD",
    "PLACE",
    "UVICORN_FLAGS",
    "UVICORN_OPTIONS",
    "Flag",
    "instead_of",
    "spelled_out",
]


@dataclass(frozen=True, slots=True)
class Flag:
    """One row. kind: bool, int, float, str, or list (of str; the flag may be repeated).

    flags: as they are written, "" for the name itself. only: the command that has it, "" for both.
    splits: how a variable's list is split: by "space" or by "path" separators, as Uvicorn's.
    """

    name: str
    kind: type
    help: str
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    only: str = ""
    splits: str = "space"


#: Where the app is: flags of the commands, no keywords.
PLACE: Final = (
    Flag("app_name", str, "The app's name in its module.", ("--app",), "NAME"),
    Flag(
        "entrypoint",
        str,
        "The app as module:app; the same as naming it without a flag.",
        ("--entrypoint", "-e"),
        "MODULE:APP",
    ),
    Flag("factory", bool, "APP names a function that makes the app.", ("--factory",)),
    Flag(
        "app_dir",
        str,
        "Look for the app in this folder instead of the current one.",
        metavar="FOLDER",
    ),
    Flag("working_dir", str, "Change to this folder before anything else.", metavar="FOLDER"),
)

_ADDRESS: Final = (
    Flag(
        "host",
        str,
        "Address to listen on; 0.0.0.0 for every one. (default: 127.0.0.1; of `run` with a file or "
        "nothing 0.0.0.0)",
    ),
    Flag(
        "port",
        int,
        "Port; 0 takes a free one. (default: 8000; with a file or nothing $PORT, if that is set)",
    ),
    Flag("uds", str, "Unix socket instead.", metavar="PATH"),
    Flag(
        "uds_permissions",
        str,
        "Its mode, as 660. (default: that of the socket that lies there, else 666)",
        metavar="OCTAL",
    ),
    Flag("fd", int, "Inherited listening descriptor instead."),
    Flag(
        "workers",
        int,
        "Number of processes. (default: $WEB_CONCURRENCY, else 1)",
        only="run",
    ),
    Flag(
        "reuse_port",
        bool,
        "Let other processes listen on the same port.",
        ("--reuse-port",),
        only="run",
    ),
)

_LOGS: Final = (
    Flag("log_level", str, "One of " + ", ".join(log.LEVELS) + ". (default: info)"),
    Flag("log_config", str, "Logging configuration: .json, .yaml or .ini.", metavar="FILE"),
    Flag(
        "use_colors",
        bool,
        "Colours in the log. (default: on a terminal)",
        ("--use-colors/--no-use-colors",),
    ),
    Flag(
        "access_log_format",
        str,
        "Lines of the access log: text, json, or as '%(request_line)s'.",
        metavar="PATTERN",
    ),
    Flag("verbose", bool, "As --log-level debug.", ("--verbose", "-v")),
)

_APP: Final = (
    Flag("root_path", str, "Path prefix that a proxy in front strips off."),
    Flag(
        "proxy_headers",
        bool,
        "Let a trusted proxy tell who sent a request (X-Forwarded-*). (default: on)",
        ("--proxy-headers/--no-proxy-headers",),
    ),
    Flag(
        "forwarded_allow_ips",
        str,
        "Who is such a proxy: addresses, networks, unix, or *. "
        "(default: $FORWARDED_ALLOW_IPS, else 127.0.0.1,::1)",
        metavar="LIST",
    ),
    Flag(
        "headers",
        list,
        "A header for every answer, may be repeated.",
        ("--header",),
        "NAME:VALUE",
    ),
    Flag("lifespan", str, "auto, on or off. (default: auto)"),
    Flag("loop", str, "auto, uvloop, asyncio, or module:function that makes one. (default: auto)"),
    Flag("interface", str, "auto, asgi3, asgi2 or wsgi. (default: auto)"),
    Flag("http", str, "auto; h11 and httptools mean the same here: the core's parser."),
    Flag(
        "ws",
        str,
        "auto, or none: upgrades are answered as plain requests. websockets, websockets-sansio and "
        "wsproto mean auto.",
    ),
)

_PROCESS: Final = (
    Flag(
        "env_file",
        list,
        "File of NAME=VALUE lines, for variables that are not set; may be repeated.",
        ("--env-file", "--env-files"),
        "FILE",
        splits="path",
    ),
    Flag("pid_file", str, "Write the process id there, while it serves.", metavar="FILE"),
    Flag("process_name", str, "What process lists show.", metavar="NAME"),
    Flag("reload", bool, "Start afresh when a file changes.", ("--reload/--no-reload",)),
    Flag(
        "reload_dirs",
        list,
        "Folder to watch, may be repeated. (default: the current one)",
        ("--reload-dir", "--reload-paths"),
        "FOLDER",
        splits="path",
    ),
    Flag(
        "reload_includes",
        list,
        "Pattern of files to watch besides *.py, may be repeated.",
        ("--reload-include",),
        "PATTERN",
    ),
    Flag(
        "reload_excludes",
        list,
        "Pattern of files, or folder, not to watch, may be repeated.",
        ("--reload-exclude",),
        "PATTERN",
    ),
    Flag("reload_delay", float, "Seconds between two looks. (default: 0.25)"),
)

#: In the order of the help.
FLAGS: Final = (*_ADDRESS, *_LOGS, *_APP, *_PROCESS)

#: Of the flags above, those that Uvicorn has no variable for.
_NOT_UVICORN: Final = frozenset(
    {
        "app_name",
        "entrypoint",
        "working_dir",
        "uds_permissions",
        "reuse_port",
        "access_log_format",
        "verbose",
        "pid_file",
        "process_name",
    }
)
UVICORN_FLAGS: Final = tuple(one for one in (*PLACE, *FLAGS) if one.name not in _NOT_UVICORN)
#: Uvicorn's variables of the core's options, and the options.
UVICORN_OPTIONS: Final = {
    **{
        name: name
        for name in (
            "access_log",
            "backlog",
            "date_header",
            "limit_concurrency",
            "limit_max_requests",
            "limit_max_requests_jitter",
            "server_header",
            "timeout_worker_healthcheck",
            "ws_max_queue",
            "ws_max_size",
            "ws_per_message_deflate",
            "ws_ping_interval",
            "ws_ping_timeout",
        )
    },
    **ALIASES,
}

_TLS = "there is no TLS here yet: let a proxy in front end it"
_HTTP2 = "there is no HTTP/2 here: let a proxy in front speak it"
_THREADS = "the core has its own threads; --worker-threads N are those of def handlers"
_STATIC = "mount Starlette's StaticFiles in the app, or let a proxy in front serve files"
_METRICS = "see `fasterapi stats --json`, or a Prometheus middleware of the app"
_RESPAWN = "a worker that has ended is always replaced: leave it out"

#: Flags of other servers that are not here, by their beginning, and what to use instead.
INSTEAD: Final = {
    "--ssl-": _TLS,
    "--no-ssl-": _TLS,
    "--http2": _HTTP2,
    "--http2-": _HTTP2,
    "--no-http2-": _HTTP2,
    "--http1-header-read-timeout": "use --header-timeout, in seconds",
    "--http1-buffer-size": "use --max-header-bytes",
    "--http1-keep-alive": "keep-alive is always on: leave it out",
    "--no-http1-keep-alive": "use --keep-alive-timeout 0.1",
    "--http1-pipeline-flush": "pipelined answers are always sent together: leave it out",
    "--no-http1-pipeline-flush": "pipelined answers are always sent together: leave it out",
    "--reset-contextvars": "each request has a context of its own, which the lifespan's does not "
    "reach: leave it out",
    "--no-ws": "use --ws none",
    "--blocking-threads-idle-timeout": "idle threads stay: leave it out",
    "--blocking-threads": "use --worker-threads",
    "--runtime-": _THREADS,
    "--task-impl": "tasks are asyncio's: leave it out",
    "--backpressure": "use --limit-concurrency (503 at once) or --max-connections (they wait)",
    "--log": "use --log-level",
    "--no-log": "use --log-level critical --no-access-log",
    "--access-log-fmt": "use --access-log-format; its fields are other ones",
    "--url-path-prefix": "use --root-path",
    "--respawn-failed-workers": _RESPAWN,
    "--no-respawn-failed-workers": _RESPAWN,
    "--respawn-interval": "a worker that keeps failing is started later and later: leave it out",
    "--rss-sample": "use --workers-max-rss alone",
    "--workers-kill-timeout": "use --graceful-timeout; five seconds later a worker is killed",
    "--static-path-": _STATIC,
    "--metrics": _METRICS,
    "--no-metrics": _METRICS,
    "--reload-ignore-": "use --reload-exclude",
    "--no-reload-ignore-": "use --reload-exclude",
    "--reload-tick": "use --reload-delay, in seconds",
    "--no-factory": "leave it out",
    "--timeout-notify": "a process tells nobody: leave it out",
}
#: These are whole flags; of the others also what begins with them is not here.
_WHOLE: Final = frozenset({"--log", "--no-log", "--http2", "--no-ws", "--blocking-threads"})

#: Flags that take a value with Uvicorn, and are on or off here.
_ON_OR_OFF: Final = ("--ws-per-message-deflate",)
_TRUE: Final = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE: Final = frozenset({"0", "false", "f", "no", "n", "off"})


def instead_of(flag: str) -> str | None:
    """What to use instead of another server's flag, in one line; None for a flag nobody has."""
    if flag in INSTEAD:
        return f"{flag} is not here: {INSTEAD[flag]}"
    for start, advice in INSTEAD.items():
        if start not in _WHOLE and flag.startswith(start):
            return f"{flag} is not here: {advice}"
    return None


def spelled_out(arguments: list[str]) -> list[str]:
    """Command-line arguments with ``--flag true`` as ``--flag``, where the flag is on or off."""
    words: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            return [*words, word, *rest]
        if name in _ON_OR_OFF:
            if not equals and rest and rest[0].lower() in _TRUE | _FALSE:
                value = rest.pop(0)
            if value.lower() in _FALSE:
                name = "--no-" + name.removeprefix("--")
            elif value and value.lower() not in _TRUE:
                name = word
            words.append(name)
        else:
            words.append(word)
    return words
