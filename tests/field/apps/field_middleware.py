"""What stands around an app: MIDDLEWARE says none (or nothing), base or pure."""

from __future__ import annotations

import os
from typing import Any

from fastapi import FastAPI, Request

__all__ = ["add_middleware"]


class _Pure:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


def add_middleware(app: FastAPI) -> None:
    """Add it to the app, before its routes."""
    which = os.environ.get("MIDDLEWARE")
    if which == "base":

        @app.middleware("http")
        async def base(request: Request, call_next: Any) -> Any:
            return await call_next(request)

    elif which == "pure":
        app.add_middleware(_Pure)
