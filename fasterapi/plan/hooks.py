"""What the core calls back for answers that FastAPI's own code must make.

All of it may run on any thread that runs handlers.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi.encoders import jsonable_encoder
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import HTTPException
from fastapi.responses import JSONResponse
from fastapi.utils import is_body_allowed_for_status_code
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response

from fasterapi._fastapi import FastAPI
from fasterapi.leaving import claim

__all__ = ["DefaultAnswers", "core_hooks", "encode", "handlers_in"]


def encode(value: Any) -> bytes:
    """The body FastAPI gives an untyped return value.

    Raises what FastAPI raises: ValueError for NaN or an object it cannot encode, RecursionError,
    UnicodeEncodeError for a lone surrogate.
    """
    return json.dumps(
        jsonable_encoder(value),
        ensure_ascii=False,
        allow_nan=False,
        indent=None,
        separators=(",", ":"),
    ).encode("utf-8")


def handlers_in(layer: Any) -> tuple[dict[Any, Any], dict[Any, Any]] | None:
    """The handlers by class and by status that a built middleware stack uses. None: it is not built
    yet, or has none of the usual kind."""
    while layer is not None:
        if type(layer) is ExceptionMiddleware:
            return layer._exception_handlers, layer._status_handlers
        layer = getattr(layer, "app", None)
    return None


class DefaultAnswers:
    """From a raised exception to the Response of FastAPI's default handler. Any thread.

    None for everything but a plain HTTPException that no handler of the app's own would see: those
    are answered by the app's middleware stack. FastAPI reads ``app.exception_handlers`` once, when
    it builds its stack; what is put into that afterwards counts.
    """

    __slots__ = ("_classes", "_is_built", "_statuses", "app")

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._is_built = False
        self._classes = self._statuses = dict(app.exception_handlers)

    def holds(self, status: int) -> bool:
        """Whether FastAPI's own handler answers a plain HTTPException with this status."""
        if not self._is_built and (found := handlers_in(self.app.middleware_stack)) is not None:
            self._classes, self._statuses = found
            self._is_built = True
        return (
            self._classes.get(StarletteHTTPException) is http_exception_handler
            and HTTPException not in self._classes
            and status not in self._statuses
        )

    def __call__(self, exc: BaseException) -> Response | None:
        """The answer, or None."""
        if type(exc) is not HTTPException and type(exc) is not StarletteHTTPException:
            if not isinstance(exc, Exception):
                claim(exc)
            return None
        status = exc.status_code
        if not is_body_allowed_for_status_code(status) or not self.holds(status):
            return None
        return JSONResponse({"detail": exc.detail}, status_code=status, headers=exc.headers)


def core_hooks(app: FastAPI) -> dict[str, Any]:
    """Keyword arguments for the core's ``Server.set_hooks``."""
    return {
        "encode": encode,
        "exception": DefaultAnswers(app),
        "response_base": Response,
        "response_call": Response.__call__,
    }
