"""What the core calls back for answers that FastAPI's own code must make.

All of it may run on any thread that runs handlers, so nothing here keeps state.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastapi.encoders import jsonable_encoder
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import HTTPException
from fastapi.responses import JSONResponse
from fastapi.utils import is_body_allowed_for_status_code
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import Response

from fasterapi._fastapi import FastAPI
from fasterapi.leaving import claim

__all__ = ["core_hooks", "encode"]


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


def exception_answer(app: FastAPI) -> Callable[[BaseException], Response | None]:
    """A function from a raised exception to the Response of FastAPI's default handler.

    It gives None for everything but a plain HTTPException that no handler of the app's own would
    see: those are answered by the app's middleware stack. The handlers are read once, as FastAPI
    reads them once when it builds its stack.
    """
    handlers = dict(app.exception_handlers)
    default = handlers.get(StarletteHTTPException) is http_exception_handler
    plain: set[type[BaseException]] = {HTTPException, StarletteHTTPException}
    if not default or HTTPException in handlers:
        plain = set()

    def answer(exc: BaseException) -> Response | None:
        if type(exc) not in plain:
            if not isinstance(exc, Exception):
                claim(exc)
            return None
        assert isinstance(exc, StarletteHTTPException)
        status = exc.status_code
        if status in handlers or not is_body_allowed_for_status_code(status):
            return None
        return JSONResponse({"detail": exc.detail}, status_code=status, headers=exc.headers)

    return answer


def core_hooks(app: FastAPI) -> dict[str, Any]:
    """Keyword arguments for the core's ``Server.set_hooks``."""
    return {
        "encode": encode,
        "exception": exception_answer(app),
        "response_base": Response,
        "response_call": Response.__call__,
    }
