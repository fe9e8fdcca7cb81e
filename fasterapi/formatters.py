"""How the server's log lines look: Uvicorn's form, with its fields and arguments.

A configuration that names ``uvicorn.logging.DefaultFormatter`` or ``AccessFormatter`` gets these
where Uvicorn is not installed (see `log_config`).
"""

from __future__ import annotations

import http
import logging
import sys
from copy import copy
from typing import Any, Final, Literal

__all__ = ["ACCESS_FORMAT", "DEFAULT_FORMAT", "TRACE", "AccessFormatter", "DefaultFormatter"]

TRACE: Final = 5
DEFAULT_FORMAT: Final = "%(levelprefix)s %(message)s"
ACCESS_FORMAT: Final = '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s'

_LEVELS: Final = {
    TRACE: 34,
    logging.DEBUG: 36,
    logging.INFO: 32,
    logging.WARNING: 33,
    logging.ERROR: 31,
    logging.CRITICAL: 91,
}
#: By the first figure of a status.
_STATUSES: Final = {1: 97, 2: 32, 3: 33, 4: 31, 5: 91}


def _coloured(text: str, number: int | None) -> str:
    return text if number is None else f"\x1b[{number}m{text}\x1b[0m"


class DefaultFormatter(logging.Formatter):
    """Adds ``levelprefix``: the level and a colon, padded to nine columns.

    use_colors: None decides by whether stderr is a terminal. With colours, a record's
    ``color_message`` stands in for its message.
    """

    stream_name = "stderr"

    def __init__(
        self,
        fmt: str | None = None,
        datefmt: str | None = None,
        style: Literal["%", "{", "$"] = "%",
        use_colors: bool | None = None,
    ) -> None:
        super().__init__(fmt, datefmt, style)
        stream = getattr(sys, self.stream_name)
        is_terminal = stream is not None and not stream.closed and stream.isatty()
        self.use_colors = is_terminal if use_colors is None else use_colors

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        shown = copy(record)
        name, padding = shown.levelname, " " * (8 - len(shown.levelname))
        if self.use_colors:
            name = _coloured(name, _LEVELS.get(shown.levelno))
            if "color_message" in shown.__dict__:
                shown.msg = shown.__dict__["color_message"]
                shown.message = shown.getMessage()
        shown.__dict__["levelprefix"] = f"{name}:{padding}"
        self.add_fields(shown)
        return super().formatMessage(shown)

    def add_fields(self, record: logging.LogRecord) -> None:
        """More fields for the format; `record` is a copy."""


class AccessFormatter(DefaultFormatter):
    """Adds ``client_addr``, ``request_line`` and ``status_code`` of an access record.

    Its arguments are (client address, method, target, HTTP version, status).
    """

    stream_name = "stdout"

    def add_fields(self, record: logging.LogRecord) -> None:
        client, method, target, version, status = _five(record.args)
        line = f"{method} {target} HTTP/{version}"
        text = _with_reason(int(status))
        if self.use_colors:
            line = f"\x1b[1m{line}\x1b[0m"
            text = _coloured(text, _STATUSES.get(int(status) // 100))
        record.__dict__.update(client_addr=client, request_line=line, status_code=text)


def _five(arguments: Any) -> tuple[Any, Any, Any, Any, Any]:
    client, method, target, version, status = arguments
    return client, method, target, version, status


def _with_reason(status: int) -> str:
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} "
