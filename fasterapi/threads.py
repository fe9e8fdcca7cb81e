"""The core's worker threads as Python threads, and what becomes of a server in a forked child.

The core makes the threads, often where no Python can run. Each then lives inside a
`threading.Thread`: it has a name, is in ``threading.enumerate()``, and has the frames at its bottom
that debuggers and profilers look for.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import threading
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["forget_in_children", "worker_thread"]

_FRAME = "_bootstrap"  # of threading.Thread: the outermost one of every thread


class WorkerThread(threading.Thread):
    """A thread that runs already, and calls `work` for the rest of its life.

    Nobody waits for it at the end of the process: it is a daemon.
    """

    def __init__(self, number: int, work: Callable[[], None]) -> None:
        super().__init__(target=work, name=f"FasterAPI worker {number}", daemon=True)

    def adopt(self) -> None:
        """Do what ``start()`` has others do in a new thread, in this one. Returns at its end."""
        inside: Any = threading
        make_handle = getattr(inside, "_make_thread_handle", None)  # 3.13 and later
        if make_handle is not None:
            self._handle = make_handle(threading.get_ident())
        if getattr(self, "_context", self) is None:  # 3.14 and later
            self._context = contextvars.Context()
        inside._limbo[self] = self
        try:
            getattr(self, _FRAME)()
        finally:
            if make_handle is not None:
                self._handle._set_done()


def _can_adopt() -> bool:
    """Whether threading is as we know it. Else its own threads of a foreign make serve."""
    return hasattr(threading, "_limbo") and hasattr(threading.Thread, _FRAME)


def _note_for_anyio(loop: asyncio.AbstractEventLoop) -> None:
    """What AnyIO notes in its own worker threads, so that `from_thread` works in this one."""
    try:
        from anyio._core._eventloop import claim_worker_thread, get_async_backend, threadlocals
    except ImportError:  # another AnyIO: there, from_thread says that it is not its thread
        return
    with claim_worker_thread(get_async_backend("asyncio"), loop):
        noted = dict(vars(threadlocals))
    # Nothing cancels a request that runs on one of the core's threads.
    vars(threadlocals).update(noted, current_cancel_scope=None)


def worker_thread(
    loop: asyncio.AbstractEventLoop,
) -> Callable[[int, Callable[[], None]], None]:
    """What each worker thread of the core's ``Server.start`` does."""

    def live(number: int, work: Callable[[], None]) -> None:
        def body() -> None:
            _note_for_anyio(loop)
            work()

        if _can_adopt():
            WorkerThread(number, body).adopt()
        else:
            body()

    return live


# -- forks -----------------------------------------------------------------------------------------

#: Running servers, and the threads of their event loops.
_running: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()


def forget_in_children(server: Any) -> None:
    """From now on a child that is forked runs nothing of what `server` has queued. Loop thread."""
    _running[server] = threading.get_ident()


def _in_child() -> None:
    """A child that goes on after its handler has nothing to do: all requests are the parent's.

    On a worker thread, which is its only one, it ends with the thread. An event loop it would share
    with its parent, down to the descriptors.
    """
    for server, loop_thread in list(_running.items()):
        if server.core_server is None:
            continue
        server.core_server.forked()
        _give_signals_back(server)
        if threading.get_ident() == loop_thread:
            server._loop.call_soon(os._exit, 0)


def _give_signals_back(server: Any) -> None:
    """What would stop the server ends the child, and the parent's loop hears nothing of it."""
    defaults: dict[int, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
    }
    for number, default in defaults.items():
        if getattr(signal.getsignal(number), "__self__", None) is server:
            signal.signal(number, default)
            signal.set_wakeup_fd(-1)


os.register_at_fork(after_in_child=_in_child)
