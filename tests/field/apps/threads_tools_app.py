"""An app that tools look at from the inside: TOOL names which."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import StreamingResponse
from field_app import App

TOOL = os.environ["TOOL"]

if TOOL == "nest_asyncio":
    import nest_asyncio

    nest_asyncio.apply()

if TOOL == "coverage":
    import coverage

    counted = coverage.Coverage(data_file=None, include=[__file__])
    counted.start()

app = App()


def given() -> int:
    number = 1  # covered
    return number


def opened() -> Iterator[int]:
    number = 2  # covered
    yield number
    number += 1  # covered


@app.get("/def")
def read(a: Annotated[int, Depends(given)], b: Annotated[int, Depends(opened)]) -> int:
    total = a + b  # covered
    return total


@app.get("/async")
async def wait() -> int:
    await asyncio.sleep(0)  # covered
    return 3


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"1"
            await asyncio.sleep(0)

    return StreamingResponse(parts())


entered = asyncio.Event()
released = asyncio.Event()
numbers = itertools.count(1)


async def wait_for_release() -> int:
    entered.set()
    await released.wait()
    return 7


@app.get("/nested")
async def nest() -> int:
    """Runs the loop once more, and then again, inside of this very call."""
    loop = asyncio.get_event_loop()
    waited = loop.run_until_complete(wait_for_release())
    task = asyncio.current_task()
    waited += loop.run_until_complete(asyncio.sleep(0, 1))
    assert asyncio.current_task() is task
    return waited


@app.get("/nested/deep")
async def nest_deep() -> int:
    await asyncio.sleep(0)
    return asyncio.get_event_loop().run_until_complete(wait_for_release())


@app.get("/nested/late")
async def nest_late() -> int:
    import nest_asyncio

    nest_asyncio.apply()
    return asyncio.get_event_loop().run_until_complete(wait_for_release())


@app.get("/entered")
async def read_entered() -> bool:
    await entered.wait()
    entered.clear()
    return True


@app.get("/release")
async def release() -> bool:
    released.set()
    return True


@app.get("/number")
async def number() -> int:
    return next(numbers)


@app.get("/hold")
async def hold() -> bool:
    """Nothing else runs on the loop until there is a certain file."""
    while not os.path.exists(os.environ["HELD_UNTIL"]):
        time.sleep(0.005)
    return True


@app.get("/missed")
async def read_missed() -> list[str]:
    """Lines that say that they are covered, and are not."""
    mark = "# " + "covered"
    data: Any = counted.get_data()
    seen = set(data.lines(__file__) or ())
    with open(__file__) as file:
        lines = list(enumerate(file, 1))
    return [line.strip() for number, line in lines if mark in line and number not in seen]
