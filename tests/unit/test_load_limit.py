"""What the core is told of the app's calls, and what is said of requests it has refused."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fasterapi import load_limit
from fasterapi.load_limit import CountedCalls, LoadLimit


class Core:
    def __init__(self) -> None:
        self.calls: list[int] = []
        self.refused = 0

    def note_calls(self, count: int) -> None:
        self.calls.append(count)

    def stats(self) -> dict[str, int]:
        return {"over_limit": self.refused}


class Bridge:
    active: Any = frozenset()
    websockets = True


def test_the_core_is_told_of_each_change():
    told: list[int] = []
    calls = CountedCalls(told.append)
    for item in "abb":
        calls.add(item)
    calls.discard("a")
    calls.discard("none of it")
    assert told == [1, 2, 2, 1, 1]
    assert calls == {"b"}


def test_refusals_are_said_once_in_a_while_and_at_the_end(caplog: Any, monkeypatch: Any):
    monkeypatch.setattr(load_limit, "SAY_INTERVAL", 0.001)

    async def main() -> None:
        core, bridge = Core(), Bridge()
        limit = LoadLimit(asyncio.get_running_loop(), core, bridge)  # type: ignore[arg-type]
        bridge.active.add(1)
        assert core.calls == [1]
        core.refused = 3
        while not caplog.messages:
            await asyncio.sleep(0.001)
        core.refused = 5
        limit.close()
        await asyncio.sleep(0.01)

    with caplog.at_level(logging.WARNING, "fasterapi.error"):
        asyncio.run(main())
    assert caplog.messages[0] == "Exceeded concurrency limit: 3 request(s) refused."
    assert sum(record.args[0] for record in caplog.records) == 5  # type: ignore[index, misc]
