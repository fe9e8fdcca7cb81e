"""What the core is told of the app's calls where it has a limit of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fasterapi.load_limit import CountedCalls, count_calls


def test_the_core_is_told_of_each_change():
    told: list[int] = []
    calls = CountedCalls(told.append)
    for item in "abb":
        calls.add(item)
    calls.discard("a")
    calls.discard("none of it")
    assert told == [1, 2, 2, 1, 1]
    assert calls == {"b"}


@pytest.mark.parametrize("websockets", [True, False])
def test_a_bridge_is_counted(websockets: bool):
    told: list[Any] = []
    core = SimpleNamespace(note_calls=told.append, limit_websockets=lambda: told.append("none"))
    bridge: Any = SimpleNamespace(active=set(), websockets=websockets)
    count_calls(core, bridge)
    bridge.active.add(1)
    assert told == ([1] if websockets else ["none", 1])
