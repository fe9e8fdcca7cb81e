"""What several unit tests share."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import pytest


@pytest.fixture
def holds_level() -> Callable[[Callable[[], object]], None]:
    """A check that calling something again and again leaves no objects behind."""

    def check(call: Callable[[], object], times: int = 300) -> None:
        grown = []
        for _ in range(3):  # caches fill in the first round
            gc.collect()
            before = sys.getallocatedblocks()
            for _ in range(times):
                call()
            gc.collect()
            grown.append(sys.getallocatedblocks() - before)
        assert min(grown) < times // 2, grown  # a leak is one block each time, or more

    return check
