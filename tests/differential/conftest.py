"""Both servers, kept for all examples, and a word at the end on what was looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from difftest.compare import Pair
from difftest.servers import OnUvicorn

_TABLES: list[str] = []


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    yield from _kept(Pair(), request.node.name)


@pytest.fixture(scope="module")
def pair_on_uvicorn(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """FasterAPI on Uvicorn too: each plan runs at the inner end of its app's middleware stack."""
    yield from _kept(Pair(OnUvicorn), f"{request.node.name} on Uvicorn")


def _kept(both: Pair, name: str) -> Iterator[Pair]:
    yield both
    both.close()
    if both.share.programs:
        _TABLES.append(f"{name}: {both.share.table()}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for table in _TABLES:
        terminalreporter.write_line("")
        terminalreporter.write_line(table)
