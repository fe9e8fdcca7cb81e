"""What the server says: loggers in Uvicorn's form, the start line, and failures to start.

Loggers: ``fasterapi.error`` (life of the server and tracebacks of handlers), ``fasterapi.access``
(one line per request, only used where Python and not the core writes it).
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, TextIO

__all__ = [
    "LEVELS",
    "STARTUP_FAILURE",
    "TRACE",
    "StartupError",
    "configure",
    "error_logger",
    "exit_with",
    "say",
]

#: Exit code of a server that could not start (the code Uvicorn uses, too).
STARTUP_FAILURE = 3
TRACE = 5
LEVELS: dict[str, int] = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE,
}

error_logger = logging.getLogger("fasterapi.error")

_COLOURS = {
    logging.DEBUG: "\x1b[36m",
    logging.INFO: "\x1b[32m",
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[91m",
}


class StartupError(Exception):
    """The server cannot start; the message is one line that names the fix.

    detail: text to print above that line (a traceback), or None.
    """

    def __init__(self, message: str, detail: str | None = None) -> None:
        super().__init__(message)
        self.detail = detail


class LineFormatter(logging.Formatter):
    """``INFO:     message``, the level padded to nine columns and coloured on a terminal."""

    def __init__(self, colours: bool) -> None:
        super().__init__("%(levelprefix)s %(message)s")
        self.colours = colours

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        name = record.levelname
        padding = " " * (8 - len(name))
        if self.colours:
            name = f"{_COLOURS.get(record.levelno, '')}{name}\x1b[0m"
        record.__dict__["levelprefix"] = f"{name}:{padding}"
        return super().formatMessage(record)


class _LiveStream(logging.StreamHandler[TextIO]):
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


def configure(level: str = "info", colours: bool | None = None) -> None:
    """Set up ``fasterapi.*`` loggers; call before serving, from the main thread.

    level: one of LEVELS. colours: None decides by whether stderr is a terminal. A logger that the
    user has already given handlers keeps them; the level is set in every case.
    Raises StartupError for an unknown level.
    """
    number = LEVELS.get(level.lower())
    if number is None:
        raise StartupError(f"log level {level!r} is unknown; use one of {', '.join(LEVELS)}")
    logging.addLevelName(TRACE, "TRACE")
    for name, stream in (("fasterapi", "stderr"), ("fasterapi.access", "stdout")):
        logger = logging.getLogger(name)
        logger.setLevel(number)
        if logger.handlers:
            continue
        tty = getattr(sys, stream) is not None and getattr(sys, stream).isatty()
        handler = _LiveStream(stream)
        handler.setFormatter(LineFormatter(tty if colours is None else colours))
        logger.addHandler(handler)
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


def log_exception(exc: BaseException, *_: Any) -> None:
    """Log what a handler raised, in Uvicorn's words. Any thread."""
    error_logger.error("Exception in ASGI application\n", exc_info=exc)
