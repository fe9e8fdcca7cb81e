"""The inner end of an app's middleware stack: its router, or what `inner` puts in its place."""

from __future__ import annotations

from typing import Any

from fastapi.routing import APIRouter

from fasterapi._fastapi import FastAPI

__all__ = ["InnerEnd", "is_inner_end"]


class InnerEnd:
    """The layer of one app's stack that asks its router, or answers in its place."""

    def __init__(self, app: FastAPI) -> None:
        self.router: APIRouter = app.router
        self._owner = app

    def is_end_of(self, app: FastAPI) -> bool:
        """Whether this stands where the app's router would."""
        return self._owner is app and self.router is app.router


def is_inner_end(layer: Any, app: FastAPI) -> bool:
    """Whether a layer of a middleware stack is the end that `build_stack` has put there."""
    return isinstance(layer, InnerEnd) and layer.is_end_of(app)
