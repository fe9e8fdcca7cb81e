"""The task that is current while the core steps coroutines whose code has nothing to wait for.

Some of them wait after all: their answer sends itself, or what they thought was remembered is not.
Such a one goes on in this very task, so that ``asyncio.current_task()`` never changes within
a request; the requests after it get another task. Loop thread only.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any

from fasterapi.leaving import guarded

__all__ = ["BatchTask"]

_Given = tuple[Coroutine[Any, Any, Any], Any, Context]


class BatchTask:
    """`task` is the present one; `go_on` is the core's ``resume``.

    is_guest: the loop is not the server's own, see `fasterapi.leaving`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, is_guest: bool = False) -> None:
        self._loop = loop
        self._is_guest = is_guest
        self._renew()

    def _renew(self) -> None:
        self._given: asyncio.Future[_Given] = self._loop.create_future()
        drive = _drive(self._given, self._is_guest)
        self.task: asyncio.Task[Any] = self._loop.create_task(drive, name="fasterapi-batch")

    def go_on(
        self, coroutine: Coroutine[Any, Any, Any], waited: Any, context: Context
    ) -> tuple[asyncio.Task[Any], asyncio.Task[Any]]:
        """(the task that runs the rest of a coroutine, the next to be current).

        waited: what the coroutine's first step has yielded. context: what it runs in.
        """
        task = self.task
        self._given.set_result((coroutine, waited, context))
        self._renew()
        return task, self.task

    def cancel(self) -> None:
        """The server has stopped: no coroutine is stepped any more."""
        self.task.cancel()


async def _drive(given: asyncio.Future[_Given], is_guest: bool) -> Any:
    # Guarded in here: a task that is cancelled before its first step awaits nothing it was given.
    rest = _rest(*await given)
    return await (guarded(rest) if is_guest else rest)


@types.coroutine
def _rest(
    coroutine: Coroutine[Any, Any, Any], waited: Any, context: Context
) -> Generator[Any, Any, Any]:
    try:
        while True:
            try:
                value = yield waited
            except BaseException as exc:  # cancelled
                waited = context.run(coroutine.throw, exc)
            else:
                waited = context.run(coroutine.send, value)
    except StopIteration as end:
        return end.value
