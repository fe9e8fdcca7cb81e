"""What the server says: loggers in Uvicorn's form, the start line, and failures to start.

Loggers: ``fasterapi.error`` (life of the server and tracebacks of handlers), ``fasterapi.access``
(one record per request; the core writes the lines itself while nobody has changed this logger).
They are ``uvicorn.error`` and ``uvicorn.access``, see `log_names`.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING, Final, TextIO

from fasterapi.formatters import (
    ACCESS_FORMAT,
    DEFAULT_FORMAT,
    TRACE,
    AccessFormatter,
    DefaultFormatter,
)
from fasterapi.log_names import share_names
from fasterapi.startup_error import STARTUP_FAILURE, StartupError

if TYPE_CHECKING:
    from fasterapi.log_config import LogConfig

__all__ = [
    "LEVELS",
    "STARTUP_FAILURE",
    "TRACE",
    "LiveStream",
    "StartupError",
    "access_logger",
    "configure",
    "error_logger",
    "exit_with",
    "log_exception",
    "say",
]

LEVELS: dict[str, int] = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE,
}

share_names()
error_logger: Final = logging.getLogger("fasterapi.error")
access_logger: Final = logging.getLogger("fasterapi.access")


class LiveStream(logging.StreamHandler[TextIO]):
    """Writes to whatever ``sys.stderr`` or ``sys.stdout`` is at that moment."""

    def __init__(self, which: str) -> None:
        self.which = which
        super().__init__(getattr(sys, which))

    def emit(self, record: logging.LogRecord) -> None:
        stream = getattr(sys, self.which)
        if stream is None:
            return
        self.stream = stream
        super().emit(record)


def configure(
    level: str | int | None = None,
    colours: bool | None = None,
    config: LogConfig | None = None,
    *,
    keep: bool = False,
) -> None:
    """Set up the server's loggers; call before serving, from the main thread.

    level: one of LEVELS, or a number; None: "info", or what `config` says. colours: None decides by
    whether the stream is a terminal. config: a configuration of the user's (see `log_config`). A
    logger that the user has already given handlers keeps them. keep: all of them stay as they are,
    but for a level that is given.

    Raises StartupError for an unknown level, or a configuration that is none.
    """
    number = LEVELS.get(level.lower()) if isinstance(level, str) else level
    if level is not None and number is None:
        raise StartupError(f"log level {level!r} is unknown; use one of {', '.join(LEVELS)}")
    logging.addLevelName(TRACE, "TRACE")
    if config is not None:
        from fasterapi.log_config import apply

        apply(config, colours)
    elif not keep:
        _set_up("uvicorn", "stderr", DefaultFormatter(DEFAULT_FORMAT, use_colors=colours))
        _set_up("uvicorn.access", "stdout", AccessFormatter(ACCESS_FORMAT, use_colors=colours))
    if number is not None or (config is None and not keep):
        for name in ("uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
            logging.getLogger(name).setLevel(logging.INFO if number is None else number)


def _set_up(name: str, stream: str, formatter: logging.Formatter) -> None:
    logger = logging.getLogger(name)
    if logger.handlers:
        return
    handler = LiveStream(stream)
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def say(line: str, stream: TextIO | None = None) -> None:
    """Print one line at once (stdout unless told). A closed or broken stream is not an error."""
    target = sys.stdout if stream is None else stream
    with contextlib.suppress(OSError, ValueError, AttributeError):
        target.write(line + "\n")
        target.flush()


def exit_with(error: StartupError) -> SystemExit:
    """Print a StartupError to stderr; returns the SystemExit(3) to raise."""
    if error.detail:
        say(error.detail.rstrip("\n"), sys.stderr)
    say(f"error: {error}", sys.stderr)
    return SystemExit(STARTUP_FAILURE)


def log_exception(exc: BaseException) -> None:
    """Log what a handler raised, in Uvicorn's words. Any thread."""
    error_logger.error("Exception in ASGI application\n", exc_info=exc)
