"""Event loops to serve on: uvloop's, asyncio's, or a program's own."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable

from fasterapi.log import StartupError

__all__ = ["loop_factory"]

Factory = Callable[[], asyncio.AbstractEventLoop]


def loop_factory(name: str) -> Factory | None:
    """uvloop for "auto" (if importable) and "uvloop"; None is asyncio's own default.

    Also "module:function", the place of a function that makes a loop. Raises StartupError for a
    name that is none of these, or cannot be found.
    """
    if name in ("asyncio", "none"):
        return None
    if ":" in name:
        return _found(name)
    if name not in ("auto", "uvloop"):
        raise StartupError(
            f"event loop {name!r} is unknown; use auto, uvloop, asyncio or module:function"
        )
    try:
        import uvloop
    except ImportError:
        if name == "uvloop":
            raise StartupError("uvloop is not installed: pip install uvloop") from None
        return None
    factory: Factory = uvloop.new_event_loop
    return factory


def _found(name: str) -> Factory:
    module, _, attribute = name.partition(":")
    try:
        factory: Factory = getattr(importlib.import_module(module), attribute)
    except (ImportError, ValueError, AttributeError) as exc:
        raise StartupError(f"event loop {name!r} cannot be found: {exc}") from None
    return factory
