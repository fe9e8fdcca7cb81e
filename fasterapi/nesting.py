"""Event loops that a handler runs again inside one of their own callbacks, with nest_asyncio.

A reader's callback always runs in the same context, which cannot be entered twice: inside of a
handler that it has called, asyncio could only complain. On such a loop it asks for a round of its
own instead. All others are spared the longer way.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from typing import Any

__all__ = ["may_nest", "watch"]

_NAMES = ("nest_asyncio", "nest_asyncio2")


def may_nest(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a handler may run `loop`: it is patched, or what patches it is installed, which a
    handler may then still do."""
    if not isinstance(loop, asyncio.BaseEventLoop):
        return False
    return hasattr(loop, "_nest_patched") or any(map(_is_installed, _NAMES))


def _is_installed(name: str) -> bool:
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def watch(loop: asyncio.AbstractEventLoop, core_server: Any) -> None:
    """Run the core's batches on `loop`."""
    run = core_server.run_batch_soon if may_nest(loop) else core_server.run_batch
    loop.add_reader(core_server.fileno(), run)
    # The first round announces that the loop sleeps; nobody would wake it before.
    loop.call_soon(core_server.run_batch)
