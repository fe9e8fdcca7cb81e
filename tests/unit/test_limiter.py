"""One limiter for the core's workers and AnyIO's threads: every way to take, wait and give back."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import pytest
from anyio.to_thread import current_default_thread_limiter, run_sync

from fasterapi import FasterAPI, _native
from fasterapi.limiter import SharedLimiter, share, unshare
from fasterapi.testclient import TestClient


class Core:
    """A real core on this loop, which never runs a request."""

    def __init__(self, most: int | None = None) -> None:
        self.core_server = _native.core.Server({})
        self.limiter: Any = share(self.core_server, most)
        self.loop = asyncio.get_running_loop()

    def __enter__(self) -> Core:
        self.core_server.start(self.loop, print, True)
        self.loop.add_reader(self.core_server.fileno(), self.core_server.run_batch)
        return self

    def __exit__(self, *_: object) -> None:
        unshare(self.limiter)
        self.loop.remove_reader(self.core_server.fileno())
        assert self.core_server.stop(1.0)

    def work(self) -> None:
        """Be a worker that begins to run tasks."""
        assert self.core_server.take_token()


@contextlib.contextmanager
def working_core() -> Iterator[Core]:
    """A core whose worker has the one token that there is."""
    with Core() as core:
        core.limiter.total_tokens = 1
        core.work()
        yield core


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(main(), 30)

    return asyncio.run(bounded())


def test_it_is_the_same_limiter_and_its_own_again():
    async def main() -> None:
        limiter = current_default_thread_limiter()
        limiter.total_tokens = 2
        with Core() as core:
            assert core.limiter is limiter
            assert isinstance(limiter, SharedLimiter)
            assert limiter.total_tokens == 2
            core.work()
            assert (limiter.borrowed_tokens, limiter.available_tokens) == (1, 1)
        assert type(limiter) is not SharedLimiter
        assert limiter.borrowed_tokens == 0
        assert await run_sync(lambda: 1) == 1

    run(main)


def test_tokens_that_were_lent_before_count():
    async def main() -> None:
        limiter = current_default_thread_limiter()
        limiter.total_tokens = 1
        limiter.acquire_on_behalf_of_nowait("mine")
        waits = asyncio.create_task(limiter.acquire_on_behalf_of("other"))  # type: ignore[func-returns-value]
        await asyncio.sleep(0)
        with Core() as core:
            assert limiter.borrowed_tokens == 1
            assert not core.core_server.take_token()
            limiter.release_on_behalf_of("mine")
            await waits
            assert not core.core_server.take_token()
        assert limiter.statistics().borrowers == ("other",)

    run(main)


def test_who_waits_gets_the_token_of_a_worker_in_turn():
    async def main() -> None:
        with working_core() as core:
            limiter = core.limiter
            order: list[str] = []

            async def call(name: str) -> None:
                async with limiter:
                    order.append(name)

            tasks = [asyncio.create_task(call(name)) for name in "abc"]
            await asyncio.sleep(0)
            assert limiter.statistics().tasks_waiting == 3
            assert limiter.statistics().borrowers == ("FasterAPI worker",)
            with pytest.raises(anyio.WouldBlock):
                limiter.acquire_nowait()
            if core.core_server.give_token():
                limiter._lend()
            await asyncio.gather(*tasks)
            assert order == ["a", "b", "c"]
            assert limiter.borrowed_tokens == 0

    run(main)


def test_who_is_cancelled_takes_no_token_along():
    async def main() -> None:
        with working_core() as core:
            limiter = core.limiter
            tasks = [asyncio.create_task(limiter.acquire_on_behalf_of(name)) for name in "abc"]
            await asyncio.sleep(0)
            tasks[0].cancel()
            limiter._give()  # to b, which is cancelled before it hears of it
            tasks[1].cancel()
            await asyncio.wait(tasks)
            assert [task.cancelled() for task in tasks] == [True, True, False]
            assert limiter.statistics().borrowers == ("c",)
            limiter.release_on_behalf_of("c")
            assert limiter.borrowed_tokens == 0
            limiter.passed(0)

    run(main)


def test_a_token_passed_to_somebody_who_is_gone_comes_back():
    async def main() -> None:
        with working_core() as core:
            core.limiter.passed(1)  # to nobody
            assert core.limiter.borrowed_tokens == 0

    run(main)


def test_errors_are_those_of_anyio():
    async def main() -> None:
        plain = anyio.CapacityLimiter(1)
        with Core() as core:
            for limiter in (plain, core.limiter):
                limiter.total_tokens = 1
                limiter.acquire_on_behalf_of_nowait(1)
                with pytest.raises(RuntimeError, match="already holding"):
                    limiter.acquire_on_behalf_of_nowait(1)
                with pytest.raises(RuntimeError, match="isn't holding"):
                    limiter.release_on_behalf_of(2)
                with pytest.raises(TypeError, match="must be an int"):
                    limiter.total_tokens = 1.5
                with pytest.raises(ValueError):
                    limiter.total_tokens = -1
                limiter.total_tokens = math.inf
                assert limiter.available_tokens == math.inf
                limiter.release_on_behalf_of(1)

    run(main)


@pytest.mark.parametrize(
    ("most", "before", "after"), [(100, 40, 100), (4, 40, 4), (4, 3, 3), (4, 60, 4), (None, 60, 60)]
)
def test_the_option_is_the_most(most: int | None, before: int, after: int):
    async def main() -> None:
        current_default_thread_limiter().total_tokens = before
        with Core(most) as core:
            assert core.limiter.total_tokens == after
            core.limiter.total_tokens = 200
            assert core.limiter.total_tokens == (200 if most is None else most)
            core.limiter.total_tokens = 2
            assert core.limiter.total_tokens == 2

    run(main)


def test_a_second_server_on_the_loop_has_tokens_of_its_own():
    async def main() -> None:
        with Core() as first:
            second = Core(3)
            assert second.limiter is None
            assert first.limiter.borrowed_tokens == 0
            assert [second.core_server.take_token() for _ in range(4)] == [True] * 3 + [False]

    run(main)


def test_the_test_client_counts_too():
    app = FasterAPI()
    both = threading.Barrier(2)

    @app.get("/total/{total}")
    async def set_total(total: int) -> None:
        current_default_thread_limiter().total_tokens = total

    @app.get("/borrowed")
    async def read_borrowed() -> int:
        return current_default_thread_limiter().borrowed_tokens

    @app.get("/alone/{seconds}")
    def ask_alone(seconds: float) -> bool:
        try:
            both.wait(seconds)
        except threading.BrokenBarrierError:
            both.reset()
            return True
        return False

    def ask(path: str, answers: list[Any]) -> None:
        answers.append(client.get(path).json())

    with TestClient(app) as client:
        for total, alone, seconds in ((2, False, 30.0), (1, True, 0.2)):
            client.get(f"/total/{total}")
            answers: list[Any] = []
            path = f"/alone/{seconds}"
            threads = [threading.Thread(target=ask, args=(path, answers)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert answers == [alone] * 2
            assert client.get("/borrowed").json() == 0
