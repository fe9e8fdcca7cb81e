"""Tasks that AnyIO has cancelled keep nothing alive, without the collector."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

from fasterapi.cancelled import let_go_of_cancelled


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


class Held:
    """Something a generator holds."""


async def left_at_its_yield(log: list[str], held: list[Any]) -> AsyncIterator[int]:
    mine = Held()
    held.append(weakref.ref(mine))
    try:
        yield 1
        yield 2
    finally:
        log.append("closed")


async def left_in_its_await(log: list[str], held: list[Any]) -> AsyncIterator[int]:
    mine = Held()
    held.append(weakref.ref(mine))
    try:
        yield 1
        await asyncio.Event().wait()
    finally:
        log.append("closed")


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("make", [left_at_its_yield, left_in_its_await])
def test_a_generator_is_closed_and_freed(make: Any, nested: bool):
    log: list[str] = []
    held: list[Any] = []
    called: list[str] = []

    async def send(value: int) -> None:
        if make is left_at_its_yield:
            await asyncio.Event().wait()

    async def stream() -> None:
        async for value in make(log, held):
            await send(value)

    async def child() -> None:
        asyncio.current_task().add_done_callback(lambda _: called.append("callback"))
        if nested:
            with anyio.CancelScope():
                await stream()
        else:
            await stream()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(child)
            while not held:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            let_go_of_cancelled(asyncio.current_task())
            group.cancel_scope.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert log == ["closed"]
        assert held[0]() is None
        assert called == ["callback"]  # others are still asked

    asyncio.run(main())


def test_what_a_task_raises_is_raised():
    async def child() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("in its end")

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(child)
            await asyncio.sleep(0)
            let_go_of_cancelled(asyncio.current_task())
            group.cancel_scope.cancel()

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(main())
    assert [str(exc) for exc in caught.value.exceptions] == ["in its end"]


def test_a_task_without_scopes_and_none_are_fine():
    async def main() -> None:
        let_go_of_cancelled(asyncio.current_task())

    asyncio.run(main())
    let_go_of_cancelled(None)
