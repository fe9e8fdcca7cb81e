"""The wait of a server that stops, with a core that is not there; and who is stuck."""

from __future__ import annotations

import asyncio
import logging
import threading
from types import SimpleNamespace
from typing import Any

import anyio.to_thread
import pytest
import starlette.concurrency

from fasterapi import stopping
from fasterapi.asgi import HttpExchange
from fasterapi.lifespan import Lifespan
from fasterapi.signals import Stoppable
from fasterapi.stopping import Drain, end_lifespan, end_loop
from fasterapi.stuck import busy_threads, generator_threads, stuck_tasks


class FakeCore:
    open = 0

    def drain(self) -> None:
        pass

    def active(self) -> int:
        return self.open

    def pending(self) -> list[Any]:
        return []

    def busy(self) -> list[int]:
        return []


class FakeExchange(HttpExchange):
    """An answer that has begun. It is over as soon as it is dismissed, unless it stays."""

    __slots__ = ("stays",)

    def __init__(self, bridge: Any, kind: bytes = b"text/plain", stays: bool = False) -> None:
        super().__init__(bridge, None, SimpleNamespace(pending=0, disconnected=False), {})  # type: ignore[arg-type]
        self.phase = 1
        self.head_length = [(b"Content-Type", kind)]
        self.stays = stays
        bridge.active.add(self)

    def dismiss(self) -> None:
        super().dismiss()
        if not self.stays:
            self.bridge.active.discard(self)


def make(timeout: float = 30.0) -> tuple[Drain, Any]:
    async def cancel(others: Any, timeout: float) -> int:
        cancelled.append(timeout)
        bridge.active.clear()
        return 1

    cancelled: list[float] = []
    bridge = SimpleNamespace(
        active=set(), shutdown=lambda: None, cancel=cancel, cancelled=cancelled
    )
    server: Any = Stoppable()
    server.bridge, server.core_server = bridge, FakeCore()
    server.settings = SimpleNamespace(driven=False)
    return Drain(server, timeout), bridge


def run(drain: Drain) -> None:
    asyncio.run(asyncio.wait_for(drain.run(), 30))


@pytest.fixture
def patient(monkeypatch):
    """Nothing is silent for long enough by itself."""
    monkeypatch.setattr(stopping, "SILENCE", 1000.0)


def test_event_streams_are_dismissed(patient):
    drain, bridge = make()
    item = FakeExchange(bridge, b"Text/Event-Stream; charset=utf-8")
    item.sent_at = drain.begun
    run(drain)
    assert item.dismissed
    assert not bridge.cancelled


def test_event_streams_of_an_app_that_looks_itself_get_a_moment(patient, monkeypatch):
    monkeypatch.setattr(stopping, "FAREWELL", 1000.0)
    drain, bridge = make(0.1)
    assert drain.server.should_exit is False
    drain = Drain(drain.server, 0.1)
    item = FakeExchange(bridge, b"text/event-stream")
    item.sent_at = drain.begun
    run(drain)
    assert bridge.active == set()
    assert item.dismissed  # but only at the graceful timeout


def test_silence_is_measured_from_the_last_part_or_what_the_client_took(monkeypatch):
    monkeypatch.setattr(stopping, "SILENCE", 50.0)
    drain, bridge = make()
    silent, moving, slow = (FakeExchange(bridge) for _ in range(3))
    now = drain.begun
    silent.sent_at, moving.sent_at, slow.sent_at = now - 60, now - 40, now - 40
    drain._tell(now)
    assert (silent.dismissed, moving.dismissed, slow.dismissed) == (True, False, False)
    slow.stream.pending = 100
    drain._tell(now + 1)
    drain._tell(now + 20)
    assert (moving.dismissed, slow.dismissed) == (True, False)
    drain._tell(now + 60)
    assert slow.dismissed


def test_a_second_interrupt_cancels_and_has_its_own_time(patient):
    drain, bridge = make()
    FakeExchange(bridge).sent_at = drain.begun
    drain.server.force_exit = True
    run(drain)
    assert bridge.cancelled == [stopping.FORCE_TIMEOUT]


def test_it_says_once_for_whom_it_waits(caplog):
    drain, bridge = make()
    core: Any = drain.core_server
    with caplog.at_level(logging.INFO, "fasterapi.error"):
        for count in (3, 2):
            core.open = count
            drain._say()
        core.open = 0
        bridge.active.add(object())
        drain._say()
    assert [record.getMessage() for record in caplog.records] == [
        "Waiting for 3 connections to close. (CTRL+C to force quit)",
        "Waiting for 1 background task to complete. (CTRL+C to force quit)",
    ]


def test_nobody_waits_for_a_generator_in_a_thread(patient, monkeypatch):
    monkeypatch.setattr(stopping, "GENERATOR_TIME", 0.0)
    inside, leave = threading.Event(), threading.Event()

    def parts() -> Any:
        yield 1
        inside.set()
        leave.wait()
        yield 2

    generator = parts()
    next(generator)
    thread = threading.Thread(target=starlette.concurrency._next, args=(generator,), daemon=True)
    thread.start()
    inside.wait()
    try:
        assert generator_threads() == 1
        drain, bridge = make()
        item = FakeExchange(bridge, b"text/event-stream", stays=True)
        run(drain)
        assert bridge.active == {item}
        assert not bridge.cancelled
    finally:
        leave.set()
        thread.join()
    assert generator_threads() == 0


# -- the lifespan ------------------------------------------------------------------------------


def lifespan_that(steps: list[str], hangs: bool) -> Lifespan:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            if hangs:
                await asyncio.Event().wait()
            steps.append("shutdown")
        finally:
            steps.append("finally")
        await send({"type": "lifespan.shutdown.complete"})

    return Lifespan(app)


@pytest.mark.parametrize("hangs", [False, True])
def test_a_second_interrupt_bounds_the_lifespan(monkeypatch, hangs):
    monkeypatch.setattr(stopping, "FORCE_TIMEOUT", 0.1)
    steps: list[str] = []

    async def main() -> None:
        lifespan = lifespan_that(steps, hangs)
        await lifespan.startup()
        server: Any = Stoppable()
        server.force_exit = True
        await end_lifespan(server, lifespan)

    asyncio.run(asyncio.wait_for(main(), 30))
    assert steps == (["finally"] if hangs else ["shutdown", "finally"])


# -- who is stuck ------------------------------------------------------------------------------


def test_threads_of_anyio_are_named_while_they_are_in_a_call():
    inside, leave = threading.Event(), threading.Event()

    def blocks() -> None:
        inside.set()
        leave.wait()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        call = asyncio.ensure_future(anyio.to_thread.run_sync(blocks))
        while not inside.is_set():
            await asyncio.sleep(0)
        ((name, is_waited_for),) = busy_threads(FakeCore(), loop).items()
        assert is_waited_for
        assert "test_stopping.py" in name
        assert f"{blocks.__qualname__} (" in name
        leave.set()
        await call
        while busy_threads(FakeCore(), loop):
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(main(), 30))


def test_tasks_are_named_by_where_the_user_waits():
    async def inner() -> None:
        await asyncio.sleep(3600)

    async def main() -> None:
        task = asyncio.ensure_future(inner())
        await asyncio.sleep(0)
        (name,) = stuck_tasks([task])
        assert name.startswith(f"{task.get_name()} in {inner.__qualname__} (")
        task.cancel()

    asyncio.run(main())


def test_a_loop_with_a_task_that_will_not_end_is_left(monkeypatch, caplog):
    monkeypatch.setattr(stopping, "FORCE_TIMEOUT", 0.05)
    steps: list[str] = []

    async def stays() -> None:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                steps.append("cancelled")
                if len(steps) > 1:
                    raise

    async def main() -> None:
        tasks.append(asyncio.ensure_future(stays()))
        await asyncio.sleep(0)

    tasks: list[Any] = []
    runner = asyncio.Runner()
    runner.run(main())
    assert end_loop(runner) is False
    assert "stays (" in caplog.text
    assert end_loop(runner) is True  # this time it goes
    assert runner._state.name == "CLOSED"  # type: ignore[attr-defined]
