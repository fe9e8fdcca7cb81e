"""Generators of dependencies, driven as contextlib drives them but without its objects.

What happens in nearly every request (a value, then the end) is written into the generated function,
see `fasterapi.plan.function`. The rest is here and is contextlib's own code.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import copy_context
from typing import Any, Final

__all__ = ["OVER", "InCopies", "not_stopped", "not_stopped_async", "thrown", "thrown_async"]

#: What ``next`` gives for a generator that is at its end.
OVER: Final = object()


class InCopies:
    """A context manager whose two ends run in copies of the context, as in FastAPI's threads."""

    __slots__ = ("manager",)

    def __init__(self, manager: Any) -> None:
        self.manager = manager

    def __enter__(self) -> Any:
        return copy_context().run(self.manager.__enter__)

    def __exit__(self, *raised: Any) -> Any:
        return copy_context().run(self.manager.__exit__, *raised)


class _Advanced:
    """A generator that has just been advanced, for those who want to do that themselves."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator

    def __next__(self) -> None: ...

    async def __anext__(self) -> None: ...

    def close(self) -> None:
        self._generator.close()

    async def aclose(self) -> None:
        await self._generator.aclose()


@contextmanager
def _manager(generator: Any) -> Any:
    return generator


@asynccontextmanager
def _async_manager(generator: Any) -> Any:
    return generator


def thrown(generator: Generator[Any, None, None], exc: BaseException) -> bool | None:
    """Throw what the body raised into a generator; whether that swallows it."""
    return _manager(generator).__exit__(type(exc), exc, exc.__traceback__)


def not_stopped(generator: Generator[Any, None, None]) -> None:
    """Raise what contextlib raises for a generator that yields twice."""
    _manager(_Advanced(generator)).__exit__(None, None, None)


async def thrown_async(generator: AsyncGenerator[Any, None], exc: BaseException) -> bool | None:
    """As `thrown`."""
    return await _async_manager(generator).__aexit__(type(exc), exc, exc.__traceback__)


async def not_stopped_async(generator: AsyncGenerator[Any, None]) -> None:
    """As `not_stopped`."""
    await _async_manager(_Advanced(generator)).__aexit__(None, None, None)
