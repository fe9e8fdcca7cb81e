"""When a process has served long enough, and what follows: alone, and as one of several."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from fasterapi import FasterAPI, config, wear
from fasterapi.settings import Settings
from fasterapi.wear import Wear, needs_parent, resident_bytes


class Core:
    def __init__(self) -> None:
        self.responses = 0

    def stats(self) -> dict[str, int]:
        return {"responses": self.responses}


class Channel:
    def __init__(self) -> None:
        self.said: list[dict[str, str]] = []

    def say(self, what: dict[str, str]) -> None:
        self.said.append(what)


class Server:
    def __init__(self, replaced: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._channel = Channel()
        self.core_server = Core()
        self.settings = self
        self.replaced = replaced
        self.stopped = asyncio.Event()

    def stop(self) -> None:
        self.stopped.set()


def options(**given: Any) -> dict[str, Any]:
    return config.resolve_options(given, environ={})


def play(script: Any, replaced: bool, **given: Any) -> None:
    async def main() -> None:
        server = Server(replaced)
        worn = Wear(server, options(**given))  # type: ignore[arg-type]
        await script(server, worn)
        worn.close()

    asyncio.run(asyncio.wait_for(main(), 30))


@pytest.fixture(autouse=True)
def quick(monkeypatch: Any) -> None:
    for name in ("LOOK_INTERVAL", "MEMORY_INTERVAL", "ASK_AGAIN"):
        monkeypatch.setattr(wear, name, 0.001)


async def said(server: Server, count: int = 1) -> list[str]:
    while len(server._channel.said) < count:
        await asyncio.sleep(0.001)
    return [one["worn"] for one in server._channel.said]


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_looked_at_without_a_limit(replaced: bool):
    async def script(server: Server, worn: Wear) -> None:
        assert worn._timer is None

    play(script, replaced)


def test_alone_it_stops_after_its_requests():
    async def script(server: Server, worn: Wear) -> None:
        server.core_server.responses = 9
        await asyncio.sleep(0.01)
        assert not server.stopped.is_set()
        server.core_server.responses = 10
        await server.stopped.wait()
        assert server._channel.said == []

    play(script, False, limit_max_requests=10)


def test_one_of_several_asks_until_it_is_replaced():
    async def script(server: Server, worn: Wear) -> None:
        server.core_server.responses = 12
        assert await said(server, 3) == ["has answered 12 requests"] * len(server._channel.said)
        assert not server.stopped.is_set()

    play(script, True, limit_max_requests=10)


def test_jitter_adds_up_to_so_many(monkeypatch: Any):
    asked: list[tuple[int, int]] = []

    def chance(low: int, high: int) -> int:
        asked.append((low, high))
        return high

    monkeypatch.setattr(random, "randint", chance)

    async def script(server: Server, worn: Wear) -> None:
        assert worn._most_requests == 15

    play(script, False, limit_max_requests=10, limit_max_requests_jitter=5)
    assert asked == [(0, 5)]


def test_age():
    async def script(server: Server, worn: Wear) -> None:
        (text,) = set(await said(server))
        assert text.startswith("has served for ")

    play(script, True, workers_lifetime=0.01)


def test_memory(monkeypatch: Any):
    memory = [99 << 20]
    monkeypatch.setattr(wear, "resident_bytes", lambda: memory[0])

    async def script(server: Server, worn: Wear) -> None:
        await asyncio.sleep(0.01)
        assert server._channel.said == []
        memory[0] = (100 << 20) + 1
        assert (await said(server))[0] == "uses 100 MiB of memory"

    play(script, True, workers_max_rss=100)


def test_without_a_parent_age_and_memory_are_nothing_to_act_on(caplog: Any):
    async def script(server: Server, worn: Wear) -> None:
        assert worn._timer is None

    play(script, False, workers_lifetime=0.01, workers_max_rss=1)
    assert "workers_lifetime and workers_max_rss" in caplog.text


def test_who_needs_a_parent():
    assert not needs_parent(Settings(options={"limit_max_requests": 1}), None)
    assert needs_parent(Settings(options={"workers_lifetime": 1}), None)
    assert needs_parent(Settings(options={"workers_max_rss": 1}), FasterAPI())
    assert needs_parent(Settings(), FasterAPI(workers_lifetime=60))
    assert not needs_parent(
        Settings(options={"workers_lifetime": 0.0}), FasterAPI(workers_lifetime=60)
    )


def test_memory_is_what_the_system_says():
    before = resident_bytes()
    assert before > 1 << 20
    more = b"x" * (64 << 20)
    assert resident_bytes() > before + len(more) // 2
