"""An app with marked lines for a debugger's breakpoints; LISTEN: it lets one in from the start."""

from __future__ import annotations

import os
import threading
from typing import Annotated

import debugpy
from fastapi import Depends
from field_app import App

app = App()
begun = threading.Event()
leave = threading.Event()


def let_in() -> int:
    _, port = debugpy.listen(("127.0.0.1", 0))
    return int(port)


if os.environ["LISTEN"] == "at import":
    print(f"debugger: {let_in()}", flush=True)


@app.get("/listen")
async def listen() -> int:
    return let_in()


def given() -> int:
    number = 1
    return number  # break: given


@app.get("/def")
def read(number: Annotated[int, Depends(given)]) -> int:
    total = number + 1
    return total  # break: read


@app.get("/async")
async def wait() -> int:
    number = 3
    return number  # break: wait


# -- for who looks from outside --------------------------------------------------------------------


@app.get("/stay")
def stay_in_thread() -> bool:
    begun.set()
    return leave.wait(30)


@app.get("/begun")
def wait_for_begin() -> bool:
    return begun.wait(30)


@app.get("/leave")
async def let_leave() -> None:
    leave.set()
