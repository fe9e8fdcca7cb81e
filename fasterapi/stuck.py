"""Who is still in code of the app when a server wants to end, in words for the log."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterable
from types import CodeType, FrameType
from typing import Any

__all__ = ["busy_threads", "generator_threads", "stuck_tasks"]

#: Code of ours and of libraries that only carries the user's.
_CARRIERS = ("anyio", "asyncio", "concurrent", "contextlib", "fasterapi", "queue", "threading")


def busy_threads(core_server: Any, loop: asyncio.AbstractEventLoop) -> dict[str, bool]:
    """The threads in code of the app: the core's, and those of AnyIO that work for `loop`.

    True: the end of a program waits for that one.
    """
    threads = {thread.ident: thread for thread in threading.enumerate()}
    frames = sys._current_frames()
    busy = set(core_server.busy())
    kind = getattr(sys.modules.get("anyio._backends._asyncio"), "WorkerThread", None)
    for ident, thread in threads.items():
        if kind is not None and isinstance(thread, kind) and getattr(thread, "loop", loop) is loop:
            frame = frames.get(ident or 0)
            if frame is not None and not _is_idle(frame):
                busy.add(ident)
    found = {}
    for ident in busy:
        owner, frame = threads.get(ident), frames.get(ident)
        name = "a worker thread" if owner is None else owner.name
        is_waited_for = owner is not None and not owner.daemon
        found[f"{name} in {_text(_handler_frame(frame) or frame)}"] = is_waited_for
    return found


def generator_threads() -> int:
    """How many threads are in a generator whose parts a response sends."""
    concurrency = sys.modules.get("starlette.concurrency")
    step = getattr(getattr(concurrency, "_next", None), "__code__", None)
    if step is None:  # another Starlette: its generators are threads like any other
        return 0
    return sum(_is_in(frame, step) for frame in sys._current_frames().values())


def _is_in(frame: FrameType | None, code: CodeType) -> bool:
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


def _is_idle(frame: FrameType) -> bool:
    """Whether one of AnyIO's threads waits for work: its own loop asks a queue, and nobody else."""
    place: FrameType | None = frame
    while place is not None and _module(place) in ("queue", "threading"):
        place = place.f_back
    return place is not None and _is_thread_loop(place)


def _is_thread_loop(frame: FrameType) -> bool:
    """Whether it is the outermost frame of a thread of AnyIO's. Tools may stand around it: Sentry
    wraps ``run`` of every thread."""
    is_run = frame.f_code.co_name == "run"
    return is_run and frame.f_globals.get("__name__") == "anyio._backends._asyncio"


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _carries(frame: FrameType) -> bool:
    return (
        _module(frame) in _CARRIERS
        or frame.f_globals.get("__name__") == "starlette.concurrency"
        or frame.f_code.co_filename.startswith("<fasterapi ")
    )


def _handler_frame(frame: FrameType | None) -> FrameType | None:
    """The outermost frame of the user's."""
    found = None
    while frame is not None and not _is_thread_loop(frame):
        if not _carries(frame):
            found = frame
        frame = frame.f_back
    return found


def _text(place: FrameType | None) -> str:
    if place is None:
        return "code without a Python frame"
    return f"{place.f_code.co_qualname} ({place.f_code.co_filename}:{place.f_lineno})"


def stuck_tasks(tasks: Iterable[asyncio.Task[Any]]) -> list[str]:
    """Those of these tasks that are not done."""
    return [
        f"{task.get_name()} in {_text(_waiting_frame(task.get_coro()))}"
        for task in tasks
        if not task.done()
    ]


def _waiting_frame(awaited: Any) -> FrameType | None:
    """The innermost frame of the user's in what a task awaits."""
    found = None
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if frame is not None and (found is None or not _carries(frame)):
            found = frame
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return found
