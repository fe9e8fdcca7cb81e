"""FastAPI's own limit for request bodies (``max_body_size``): what of it a plan has to keep.

A request within every limit is answered as if there were none. So a plan only knows the smallest
one, and FastAPI answers a request whose body may be larger.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from fastapi._body_limit import _BodyLimitExceptionMiddleware
from fastapi.routing import RouteContext
from starlette.middleware.body_limit import (
    _BODY_LIMIT_RESPONDER_SCOPE_KEY,
    RequestBodyLimitMiddleware,
)

from fasterapi._fastapi import FastAPI

__all__ = ["is_within", "limit_of", "without_limit"]


def without_limit(app: Any, limit: int | None) -> Any:
    """What FastAPI's limiter for this limit stands around; None if it is another one."""
    if limit is None:
        return app
    inner = getattr(app, "app", None)
    if (
        type(app) is not RequestBodyLimitMiddleware
        or app.max_body_size != limit
        or type(inner) is not _BodyLimitExceptionMiddleware
    ):
        return None
    return inner.app


def limit_of(app: FastAPI, context: RouteContext) -> int | None:
    """The smallest of the limits around a route; None if there are none."""
    limits = [one for one in (app.max_body_size, context.max_body_size) if one is not None]
    return min(limits, default=None)


def is_within(scope: MutableMapping[str, Any], limit: int, counted: bool) -> bool:
    """Whether the head of a request at the inner end fits a route's limit, and the limiter of an
    app around it, which may already count, has the same.

    counted: the body is read before the plan runs, and counted then. Else its length must be known
    here: a stream reads what is left of the body when it listens for its client.
    """
    counting = scope.get(_BODY_LIMIT_RESPONDER_SCOPE_KEY)
    if counting is not None and counting.max_body_size != limit:
        return False
    known = counted or scope["http_version"] in ("1.0", "1.1")
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not (value.isdigit() and int(value) <= limit):
                return False
            known = True
        elif name == b"transfer-encoding" and not counted:
            return False
    return known
