"""SystemExit and KeyboardInterrupt that a request raises: they end the request, not the server.

asyncio lets these two through: a task that ends with one has it as its result like any other, and
the event loop stops with it as well. Whoever awaits the task still gets it in the loop's next turn,
if there is one. So where the loop is ours, `run_to_end` gives it that turn, unless the exception is
of a task that the user has started: then the server ends with it, as under Uvicorn.

Where the server is a guest on somebody's loop, `guarded` keeps the two inside the tasks that we
start ourselves.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Final

__all__ = [
    "Held",
    "claim",
    "guarded",
    "is_closed",
    "is_of_request",
    "released",
    "run_to_end",
    "start_guarded",
]

#: What runs for requests only: the user's code below it is a request's, whoever started the task.
#: Base middleware and streams start tasks; a time limit in a middleware may be one around the app.
_SERVING: Final = (
    "starlette.routing",
    "starlette.responses",
    "starlette.middleware.",
    "fastapi.routing",
    "fasterapi.asgi",
    "fasterapi.plan.",
    "fasterapi.websocket",
    "sse_starlette.",
)


class Held(BaseException):
    """Stands for one of the two, as the result of a task of ours on a loop that is not ours."""

    def __init__(self, exc: BaseException) -> None:
        super().__init__(exc)
        self.exc = exc


def released(value: Any) -> Any:
    """What a `Held` stands for; everything else as it is."""
    return value.exc if type(value) is Held else value


async def guarded(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Await a coroutine; SystemExit and KeyboardInterrupt out of it become `Held`."""
    try:
        return await coroutine
    except (SystemExit, KeyboardInterrupt) as exc:
        raise Held(exc) from None


def start_guarded(
    coroutine: Coroutine[Any, Any, Any],
    *,
    loop: asyncio.AbstractEventLoop,
    context: Any,
    eager_start: bool = False,
) -> asyncio.Task[Any]:
    """In the place of ``asyncio.Task``, for the core: `guarded`, on a loop that is not ours."""
    inner = guarded(coroutine)
    if loop.get_task_factory() is not None:
        task = loop.create_task(inner, context=context)
    elif eager_start:
        task = asyncio.Task(inner, loop=loop, context=context, eager_start=True)  # type: ignore[call-arg]
    else:
        task = asyncio.Task(inner, loop=loop, context=context)
    if not task.done():
        # Cancelled before its first step, `inner` ends without having awaited what it was given.
        task.add_done_callback(lambda _: coroutine.close())
    return task


def run_to_end(
    loop: asyncio.AbstractEventLoop,
    main: Coroutine[Any, Any, None],
    is_held: Callable[[BaseException], bool],
) -> None:
    """Run `main` on a loop of our own. SystemExit and KeyboardInterrupt that leave the loop on the
    way are raised, except those that `is_held`: somebody awaits the task that has them."""
    task = loop.create_task(main)
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt) as exc:
            if task.done() or not is_held(exc):
                raise


def claim(exc: BaseException) -> None:
    """Note that a compiled handler has raised this. Any thread."""
    with contextlib.suppress(Exception):  # whatever a class of the user's own does there
        exc._is_of_request = True  # type: ignore[attr-defined]


def is_of_request(exc: BaseException, waiting: Iterable[asyncio.Task[Any]]) -> bool:
    """Whether what has left the loop was raised by a request.

    waiting: the tasks of compiled handlers, in which only the user's code is seen. Those that the
    loop has told of already have claimed it.
    """
    if getattr(exc, "_is_of_request", False):
        return True
    if any(task.done() and not task.cancelled() and task.exception() is exc for task in waiting):
        return True
    traceback: TracebackType | None = exc.__traceback__
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__")
        if isinstance(module, str) and module.startswith(_SERVING):
            return True
        traceback = traceback.tb_next
    return False


def is_closed(exc: BaseException, task: asyncio.Task[Any] | None) -> bool:
    """Whether `exc` says that the coroutine of a request's task is closed and may not go on.

    A GeneratorExit that the app has raised looks the same, but then the task runs. task: None as
    long as it has not been started, which means that it is in its first step.
    """
    if not isinstance(exc, GeneratorExit) or task is None:
        return False
    try:
        return asyncio.current_task(task.get_loop()) is not task
    except RuntimeError:
        return True
