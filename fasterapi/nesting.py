"""Event loops that a handler runs again inside one of their own callbacks, with nest_asyncio.

A reader's callback always runs in the same context, which cannot be entered twice: inside of a
handler that it has called, asyncio could only complain. On such a loop it asks for a round of its
own instead. All others are spared the longer way.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

__all__ = ["may_nest", "watch"]

_NAMES = frozenset({"nest_asyncio", "nest_asyncio2"})


def may_nest(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a handler may run `loop`: it is patched, or there is what patches it."""
    if not isinstance(loop, asyncio.BaseEventLoop):
        return False
    return hasattr(loop, "_nest_patched") or not _NAMES.isdisjoint(sys.modules)


def watch(loop: asyncio.AbstractEventLoop, core_server: Any) -> bool:
    """Run the core's batches on `loop`; returns `may_nest`. May be called again when it changed."""
    nests = may_nest(loop)
    loop.add_reader(
        core_server.fileno(), core_server.run_batch_soon if nests else core_server.run_batch
    )
    # The first round announces that the loop sleeps; nobody would wake it before.
    loop.call_soon(core_server.run_batch)
    return nests
