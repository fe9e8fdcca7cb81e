"""The failure of a server to start."""

from __future__ import annotations

__all__ = ["STARTUP_FAILURE", "StartupError"]

#: Exit code of a server that could not start (the code Uvicorn uses, too).
STARTUP_FAILURE = 3


class StartupError(Exception):
    """The server cannot start; the message is one line that names the fix.

    detail: text to print above that line (a traceback), or None.
    """

    def __init__(self, message: str, detail: str | None = None) -> None:
        super().__init__(message)
        self.detail = detail
