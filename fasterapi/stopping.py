"""The stop of a server, from its last newcomer to its last answer, and who did not end in time.

Connections that only listen are told at once, answers that move are finished, and all of it is cut
when the graceful time is over or a second Ctrl-C comes.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from fasterapi.asgi import HttpExchange
from fasterapi.log import error_logger
from fasterapi.stuck import busy_threads, generator_threads, stuck_tasks

if TYPE_CHECKING:
    from fasterapi.lifespan import Lifespan
    from fasterapi.signals import Stoppable

__all__ = ["Drain", "end_core", "end_lifespan", "end_loop"]

#: How often [s] a draining server looks whether its last connection has gone.
TICK = 0.02
#: An answer that has sent nothing for so long [s] hears of the stop.
SILENCE = 1.0
#: Event streams of an app that looks at `should_exit` itself have so long [s] to say goodbye.
FAREWELL = 0.75
#: How recently [s] it must have looked.
WATCHED = 2.0
#: Generators that run in threads have so long [s] to return from there, when they alone are left.
GENERATOR_TIME = 0.75
#: After so long [s] it is said for whom the server waits.
PATIENCE = 0.1
#: What hears of the stop at the end of the graceful time has so long [s] to end by itself.
HEARING = 0.5
#: What is cancelled has so long [s]: at the end of the graceful time, and after a second Ctrl-C.
CANCEL_TIMEOUT = 1.0
FORCE_TIMEOUT = 5.0
#: Seconds that threads get to return from a handler after all that.
THREAD_TIMEOUT = 0.5

_FORCE_HINT = "(CTRL+C to force quit)"


class Drain:
    """One server's wait for its answers. Loop thread only.

    driven: requests come from `core_server.load`, if any still do.
    """

    def __init__(self, server: Stoppable, timeout: float, driven: bool = False) -> None:
        assert server.bridge is not None
        self.server = server
        self.core_server = server.core_server
        self.bridge = server.bridge
        self.driven = driven
        self.begun = time.monotonic()
        self.deadline = self.begun + timeout
        self.watched = self.begun - server._watched_at < WATCHED
        #: When an answer was told last.
        self.told_at = float("inf")
        self._pending: dict[HttpExchange, int] = {}
        self._said: set[str] = set()

    async def run(self) -> None:
        """Turn newcomers away, wait, and cut what is left in the end."""
        self.core_server.drain()
        self.bridge.shutdown()
        while self._is_busy() and not self.server.force_exit:
            now = time.monotonic()
            if now >= self.deadline:
                break
            self._tell(now)
            if self._only_generators(now):
                return
            if now >= self.begun + PATIENCE:
                self._say()
            await asyncio.sleep(TICK)
        if self._is_busy() and (self._tasks() or not self.driven):
            await self._cut()

    def _tasks(self) -> bool:
        return bool(self.bridge.active or self.core_server.pending())

    def _is_busy(self) -> bool:
        core_server = self.core_server
        return bool(core_server.active() > 0 or self._tasks() or core_server.busy())

    def _answers(self) -> list[HttpExchange]:
        """Those that have begun, and have not heard of the stop."""
        return [
            item
            for item in self.bridge.active
            if isinstance(item, HttpExchange) and item.is_answering and not item.dismissed
        ]

    def _tell(self, now: float) -> None:
        """Tell event streams, and whoever has sent nothing for a while."""
        farewell = not self.watched or now - self.begun >= FAREWELL
        for item in self._answers():
            pending = item.stream.pending
            if pending != self._pending.get(item, pending):
                item.sent_at = now  # the client is slow, but it takes what was sent
            self._pending[item] = pending
            if (farewell and item.is_event_stream) or now - item.sent_at >= SILENCE:
                item.dismiss()
                self.told_at = now

    def _only_generators(self, now: float) -> bool:
        """Nobody is left but answers that have heard, and whose ``def`` generators are in threads:
        nothing but the generator itself can end those."""
        active = self.bridge.active
        return (
            now - self.told_at >= GENERATOR_TIME
            and all(isinstance(item, HttpExchange) and item.dismissed for item in active)
            and max(self.core_server.active(), len(self.core_server.pending())) <= len(active)
            and not self.core_server.busy()
            and 0 < len(active) <= generator_threads()
        )

    def _say(self) -> None:
        """Say once for whom the server waits: connections, later what goes on after them."""
        if count := self.core_server.active():
            self._say_once(count, "connection", "close")
        elif count := len(self.bridge.active) + len(self.core_server.pending()):
            self._say_once(count, "background task", "complete")
        elif count := len(self.core_server.busy()):
            self._say_once(count, "thread", "complete")

    def _say_once(self, count: int, noun: str, verb: str) -> None:
        if noun not in self._said:
            self._said.add(noun)
            nouns = noun if count == 1 else f"{noun}s"
            error_logger.info("Waiting for %d %s to %s. %s", count, nouns, verb, _FORCE_HINT)

    async def _cut(self) -> None:
        forced = self.server.force_exit
        told = self._answers()
        for item in told:
            item.dismiss()
        until = time.monotonic() + (0.0 if forced else HEARING)
        while any(item in self.bridge.active for item in told) and time.monotonic() < until:
            await asyncio.sleep(TICK)
        count = await self.bridge.cancel(
            self.core_server.pending(), FORCE_TIMEOUT if forced else CANCEL_TIMEOUT
        )
        error_logger.error(
            "%s: %d connection(s) cut, %d task(s) cancelled.",
            "Forced to quit" if forced else "Graceful timeout exceeded",
            self.core_server.active(),
            count,
        )


async def end_lifespan(server: Stoppable, lifespan: Lifespan) -> None:
    """The app's shut-down. It has all the time it takes, until a second Ctrl-C."""
    ending = asyncio.ensure_future(lifespan.shutdown())
    until = float("inf")
    while not ending.done():
        now = time.monotonic()
        if now >= until:
            error_logger.error("Application shutdown did not end in time, cancelled.")
            lifespan.cancel()
            break
        if server.force_exit:
            until = min(until, now + FORCE_TIMEOUT)
        await asyncio.wait([ending], timeout=TICK)
    await ending


# -- the end ---------------------------------------------------------------------------------------

#: Servers of whose threads one is still in a handler: it comes back to them, if it ever does.
_kept: list[Any] = []


async def end_core(server: Stoppable, timeout: float) -> tuple[bool, bool]:
    """Stop the core, and name who is still in code of the app after a moment: tasks of requests,
    the core's threads, and those of AnyIO that work for the server's loop.

    Returns whether there was nobody, and whether one of them would hold the end of a program.
    timeout: seconds for what is still to be written.
    """
    core_server, loop, bridge = server.core_server, server._loop, server.bridge
    assert loop is not None
    assert bridge is not None
    loop.remove_reader(core_server.fileno())
    until = time.monotonic() + THREAD_TIMEOUT
    while (threads := busy_threads(core_server, loop)) and time.monotonic() < until:
        await asyncio.sleep(TICK)
    tasks = stuck_tasks([*bridge.tasks(), *core_server.pending()])
    names = [*threads, *tasks]
    ended: bool = core_server.stop(0.0 if names else timeout)
    if not ended:
        _kept.append(core_server)
        names = names or ["a worker thread"]
    _tell_left(names)
    return not names, bool(tasks) or any(threads.values())


def end_loop(runner: asyncio.Runner) -> bool:
    """Cancel every task of a loop whose server has ended, and close it.

    Returns False, and leaves the loop as it is, if one goes on though it was cancelled.
    """
    loop = runner.get_loop()
    # The loop's end would wait for whatever still runs in the one it has.
    loop.set_default_executor(ThreadPoolExecutor(1))
    stuck = loop.run_until_complete(_cancel_all())
    if not stuck:
        runner.close()
    _tell_left(stuck)
    return not stuck


async def _cancel_all() -> list[str]:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=FORCE_TIMEOUT)
    return stuck_tasks(tasks)


def _tell_left(names: list[str]) -> None:
    for name in names:
        error_logger.error("Left behind: %s.", name)
