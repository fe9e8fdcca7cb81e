"""What tools and handlers see of the threads that run `def` handlers."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Annotated, Any

from fastapi import Depends
from field_app import App

app = App()
#: Names of functions that a hook, set while the server runs, has seen.
seen: set[str] = set()
begun = threading.Event()
leave = threading.Event()


@app.get("/me")
def read_me() -> dict[str, Any]:
    logging.getLogger("threads").warning("said by a handler")
    me = threading.current_thread()
    return {
        "name": me.name,
        "daemon": me.daemon,
        "alive": me.is_alive(),
        "listed": me in threading.enumerate(),
        "dummies": sum("Dummy" in type(one).__name__ for one in threading.enumerate()),
        "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "system": pathlib.Path("/proc/thread-self/comm").read_text().strip(),
    }


logging.basicConfig(stream=sys.stdout, format="%(threadName)s: %(message)s")


# -- hooks -----------------------------------------------------------------------------------------


def see(frame: FrameType, event: str, argument: object) -> None:
    seen.add(frame.f_code.co_name)


@app.get("/hook/{kind}")
async def set_hook(kind: str) -> None:
    seen.clear()
    threading.settrace(see if kind == "trace" else None)  # type: ignore[arg-type]
    threading.setprofile(see if kind == "profile" else None)  # type: ignore[arg-type]


def given() -> int:
    return 1


def opened() -> Iterator[int]:
    yield 2


@app.get("/work")
def work(a: Annotated[int, Depends(given)], b: Annotated[int, Depends(opened)]) -> int:
    return a + b


@app.get("/seen")
async def read_seen() -> list[str]:
    return sorted(seen & {"given", "opened", "work"})


# -- processes -------------------------------------------------------------------------------------


@app.get("/child")
def end_child() -> int:
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        child.stdout.read(1)
        child.terminate()
        try:
            return child.wait(10)
        finally:
            child.kill()


def _sleep(ready: Any) -> None:
    ready.send(os.getpid())
    time.sleep(60)


def _sum(ready: Any) -> None:
    ready.send(sum(range(10)))


@app.get("/process/{method}")
def use_processes(method: str) -> list[Any]:
    context: Any = multiprocessing.get_context(method)
    answers: list[Any] = []
    for target, ends in ((_sum, True), (_sleep, False)):
        ours, theirs = context.Pipe()
        process = context.Process(target=target, args=(theirs,))
        process.start()
        answers.append(ours.recv() if ends else ours.recv() != os.getpid())
        if not ends:
            process.terminate()
        process.join(20)
        answers.append(process.exitcode)
        process.kill()
    return answers


# -- a child that goes on --------------------------------------------------------------------------


def forked() -> str:
    child = os.fork()
    return "child" if child == 0 else str(child)


@app.get("/fork")
def fork() -> str:
    begun.set()
    leave.wait(30)
    return forked()


@app.get("/async-fork")
async def fork_on_the_loop() -> str:
    while not os.path.exists(os.environ["GO"]):  # others queue up meanwhile
        time.sleep(0.01)
    return forked()


@app.get("/begun")
async def wait_until_begun() -> bool:
    return begun.is_set()


@app.get("/leave")
async def let_go_on() -> None:
    leave.set()


@app.get("/pay/{number}")
def pay(number: int) -> int:
    with open(os.environ["PAID"], "a") as paid:
        paid.write(f"{number} {os.getpid()}\n")
    return number


@app.get("/async-pay/{number}")
async def pay_on_the_loop(number: int) -> int:
    return pay(number)
