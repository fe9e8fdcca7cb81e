"""Each kind of behaviour that people rely on, tried on our server and on Uvicorn beside it.

A failure of ours is a failure. One of Uvicorn's only lowers its score (see field_score.py).
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from field import SERVERS, Served, start
from field_score import PROPERTY

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(params=SERVERS)
def who(request: pytest.FixtureRequest) -> str:
    """The name of the server that this run of the test is about."""
    name: str = request.param
    return name


@pytest.fixture
def serve(who: str) -> Iterator[Callable[..., Served]]:
    """serve(file of tests/field/apps, flags of ours..., NAME="environment") -> Served."""
    running: list[Served] = []

    def serve(app: str, *options: str, **environment: str) -> Served:
        server = start(who, app, *options, **environment)
        running.append(server)
        return server

    yield serve
    for server in running:
        server.end()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.path.is_relative_to(HERE)]  # pytest passes them all
    for item in ours:
        if "who" in getattr(item, "fixturenames", ()) and item.get_closest_marker("kind") is None:
            raise pytest.UsageError(f"{item.nodeid}: say which kind it shows, with mark.kind")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report: pytest.TestReport = yield
    mark = item.get_closest_marker("kind")
    if mark is None or report.when != "call" or "who" not in item.funcargs:  # type: ignore[attr-defined]
        return report
    who: str = item.funcargs["who"]  # type: ignore[attr-defined]
    report.user_properties.append((PROPERTY, (mark.args[0], who, report.passed)))
    if who == "uvicorn" and report.failed:
        report.outcome = "passed"
    return report
