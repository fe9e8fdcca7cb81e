"""Who is still in code of the app, in words."""

import asyncio
import queue
import threading

import pytest
from anyio import to_thread

from fasterapi.stuck import busy_threads


class NoCore:
    """A core of which no thread is busy."""

    def busy(self):
        return ()


@pytest.fixture
def wrapped_threads(monkeypatch):
    """Every thread runs inside a function of a tool's, as Sentry's integration does it."""
    original = threading.Thread.start

    def start(self):
        run = self.run
        self.run = lambda: run()
        original(self)

    monkeypatch.setattr(threading.Thread, "start", start)


def look(waits: "queue.Queue[int]") -> tuple[dict[str, bool], dict[str, bool]]:
    """What is busy while a thread of AnyIO's waits in the user's code, and when it has returned."""

    async def main():
        loop = asyncio.get_running_loop()
        started = asyncio.Event()

        def wait_for_it() -> int:
            loop.call_soon_threadsafe(started.set)
            return waits.get()

        waiting = asyncio.create_task(to_thread.run_sync(wait_for_it))
        await started.wait()
        during = busy_threads(NoCore(), loop)
        waits.put(1)
        await waiting
        for _ in range(1000):  # it has told its result, and is about to ask for work
            if not (after := busy_threads(NoCore(), loop)):
                break
            await asyncio.sleep(0.01)
        return during, after

    return asyncio.run(main())


def expect_told(found):
    during, after = found
    (name,) = during
    assert "wait_for_it" in name
    assert after == {}


def test_a_thread_that_waits_for_work_is_not_busy():
    expect_told(look(queue.Queue()))


def test_nor_is_one_that_a_tool_has_wrapped(wrapped_threads):
    expect_told(look(queue.Queue()))
