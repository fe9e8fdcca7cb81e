"""Lets go of what AnyIO keeps of the tasks that it cancels when a client has left.

A task group of AnyIO's holds the CancelledError of such a task in a cycle, and with it all frames
that it went through: a stream's generator and what that holds live until the collector comes. A
generator that is suspended at its ``yield`` is not even closed before that.

AnyIO asks a task for its exception in a callback. We ask first: then it gets a CancelledError that
has been nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

try:
    from anyio._backends._asyncio import _task_states
except ImportError:  # another AnyIO: the collector does it
    _task_states = {}  # type: ignore[assignment]

__all__ = ["let_go_of_cancelled"]


def let_go_of_cancelled(host: asyncio.Task[Any] | None) -> None:
    """Call before `host` cancels a task group that it stands in. Loop thread only."""
    state = None if host is None else _task_states.get(host)
    scope: Any = getattr(state, "cancel_scope", None)
    seen = {host}
    while scope is not None:
        for task in _tasks_of(scope):
            if task not in seen:
                seen.add(task)
                _ask_first(task)
        scope = getattr(scope, "_parent_scope", None)


def _tasks_of(scope: Any) -> Iterator[asyncio.Task[Any]]:
    yield from getattr(scope, "_tasks", ())
    for inner in getattr(scope, "_child_scopes", ()):
        yield from _tasks_of(inner)


def _ask_first(task: asyncio.Task[Any]) -> None:
    others = task._callbacks or ()
    for callback, _ in others:
        task.remove_done_callback(callback)
    task.add_done_callback(_ask)
    for callback, context in others:
        task.add_done_callback(callback, context=context)


def _ask(task: asyncio.Task[Any]) -> None:
    if task.cancelled():
        try:
            task.exception()
        except asyncio.CancelledError:
            pass
