"""The text of a generated function while it is written: lines, the blocks they stand in, names.

A generator that is no more than a plain ``yield`` is entered and left by the function itself, as
contextlib would do it; see `fasterapi.plan.exits` for what that calls.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Final

from fastapi.background import BackgroundTasks
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from fastapi.dependencies.utils import _solve_generator
from fastapi.exceptions import FastAPIError
from fastapi.security import SecurityScopes

from fasterapi.plan.exchange import Delivery, StreamCall, ended, new_request, run_steps
from fasterapi.plan.exits import (
    OVER,
    InCopies,
    not_stopped,
    not_stopped_async,
    thrown,
    thrown_async,
)
from fasterapi.plan.fingerprint import NOT_AWAITED
from fasterapi.plan.finish import new_response
from fasterapi.plan.form import OpenForm, close_files, hold_form
from fasterapi.plan.leaf import is_remembered

__all__ = ["GeneratedFunction"]

#: What every generated function may call.
_NAMES: Final[dict[str, Any]] = {
    "new_response": new_response,
    "BackgroundTasks": BackgroundTasks,
    "SecurityScopes": SecurityScopes,
    "in_thread": run_in_threadpool,
    "in_thread_cm": contextmanager_in_threadpool,
    "copied": copy_context,
    "in_copies": InCopies,
    "is_remembered": is_remembered,
    "OVER": OVER,
    "not_stopped": not_stopped,
    "not_stopped_async": not_stopped_async,
    "thrown": thrown,
    "thrown_async": thrown_async,
    "new_request": new_request,
    "OpenForm": OpenForm,
    "close_files": close_files,
    "hold_form": hold_form,
    "Delivery": Delivery,
    "ended": ended,
    "run_steps": run_steps,
    "FastAPIError": FastAPIError,
    "NOT_AWAITED": NOT_AWAITED,
    "StreamCall": StreamCall,
    "solve_generator": _solve_generator,
}
_NOT_YIELDED: Final = "generator didn't yield"


class GeneratedFunction:
    """Without its head: see `fasterapi.plan.writer`. names: globals besides those that all have."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names: dict[str, Any] = {**_NAMES, **names}
        self.lines: list[str] = []
        self.depth = 1
        self.variables = 0
        #: Blocks that need more than their end: their inner depth, and what follows them.
        self.ends: list[tuple[int, tuple[str, ...]]] = []

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def name(self, prefix: str, value: Any) -> str:
        """A global of the generated function."""
        name = f"{prefix}{len(self.names)}"
        self.names[name] = value
        return name

    def variable(self) -> str:
        self.variables += 1
        return f"v{self.variables}"

    # -- plain generators ------------------------------------------------------------------------

    def open_async(self, call: Callable[..., Any], variable: str, arguments: str) -> None:
        """The first half of an ``async def`` generator; the next line stands inside."""
        steps = f"g{variable}"
        self.line(f"{steps} = {self.name('call', call)}({arguments})")
        self.line("try:")
        self.line(f"    {variable} = await {steps}.__anext__()")
        self.line("except StopAsyncIteration:")
        self.line(f"    raise RuntimeError({_NOT_YIELDED!r}) from None")
        self.line("try:")
        end = (
            f"except BaseException as e{variable}:",
            f"    if not await thrown_async({steps}, e{variable}):",
            "        raise",
            "else:",
            "    try:",
            f"        await {steps}.__anext__()",
            "    except StopAsyncIteration:",
            "        pass",
            "    else:",
            f"        await not_stopped_async({steps})",
        )
        self.ends.append((self.depth + 1, end))

    def open_def(self, call: Callable[..., Any], variable: str, arguments: str) -> None:
        """The same of a ``def`` one, in a thread: each step in a copy of the context."""
        steps = f"g{variable}"
        self.line(f"{steps} = {self.name('call', call)}({arguments})")
        self.line(f"{variable} = copied().run(next, {steps}, OVER)")
        self.line(f"if {variable} is OVER:")
        self.line(f"    raise RuntimeError({_NOT_YIELDED!r}) from None")
        self.line("try:")
        end = (
            f"except BaseException as e{variable}:",
            f"    if not copied().run(thrown, {steps}, e{variable}):",
            "        raise",
            "else:",
            f"    if copied().run(next, {steps}, OVER) is not OVER:",
            f"        copied().run(not_stopped, {steps})",
        )
        self.ends.append((self.depth + 1, end))

    def leave(self, depth: int) -> None:
        """End the blocks down to a depth: the exits of the generators that they stand in."""
        while self.ends and self.ends[-1][0] > depth:
            inner, end = self.ends.pop()
            self.depth = inner - 1
            for text in end:
                self.line(text)
        self.depth = depth
