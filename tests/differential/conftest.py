"""Both servers, kept for all examples, and a word at the end on what was looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from difftest.compare import Pair

_TABLES: list[str] = []


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    both = Pair()
    yield both
    both.close()
    if both.share.programs:
        _TABLES.append(f"{request.node.name}: {both.share.table()}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for table in _TABLES:
        terminalreporter.write_line("")
        terminalreporter.write_line(table)
