"""The warnings about limits: one line for each, with what was counted since the last one."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter

import pytest

from fasterapi import _native
from fasterapi.config import OPTIONS
from fasterapi.limit_log import _TEXTS, LimitLog


class CountingServer:
    """What a `LimitLog` sees of the core's Server."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.fd = -1

    def set_limit_news(self, fd: int) -> None:
        self.fd = fd

    def stats(self) -> Counter[str]:
        return self.counts


OPTION_VALUES = {name: option.default for name, option in OPTIONS.items()}


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    caplog.clear()
    return found


def test_each_look_tells_what_is_new(caplog: pytest.LogCaptureFixture):
    async def main() -> None:
        core_server = CountingServer()
        log = LimitLog(asyncio.get_running_loop(), core_server, OPTION_VALUES)
        log.look()
        assert lines(caplog) == []
        core_server.counts.update(invalid_requests=1, slow_heads=12)
        os.eventfd_write(core_server.fd, 1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert lines(caplog) == [
            "Invalid HTTP request received.",
            "Request head not complete after header_timeout=30.0 s: 408. (12 times)",
        ]
        core_server.counts.update(invalid_requests=2)
        log.close()  # the last news need not have been told of
        assert lines(caplog) == ["Invalid HTTP request received. (2 times)"]
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(core_server.fd)

    with caplog.at_level(logging.WARNING, "uvicorn.error"):
        asyncio.run(main())


@pytest.mark.skipif(_native.core is None, reason=f"needs the core: {_native.why_no_core}")
def test_the_core_counts_all_of_them():
    server = _native.core.Server({"worker_threads": 1})
    assert set(_TEXTS) <= set(server.stats())


def test_every_text_names_options_that_there_are():
    for text in _TEXTS.values():
        text.format_map(OPTION_VALUES)
