"""A pytest plugin: FasterAPI and our TestClient stand where FastAPI's and Starlette's stood."""

import os
import pathlib
from collections.abc import Generator

import fastapi
import fastapi.testclient
import pytest
import starlette.testclient

import fasterapi
import fasterapi.testclient

fastapi.FastAPI = fasterapi.FasterAPI
fastapi.testclient.TestClient = fasterapi.testclient.TestClient
starlette.testclient.TestClient = fasterapi.testclient.TestClient

EXCUSED = pathlib.Path(__file__).with_name("excused.txt")
SUITE = os.environ["FASTERAPI_COMPAT_SUITE"]


def excused() -> dict[str, str]:
    """Test -> why it may fail, for this suite. A line: suite, test, reason, apart by tabs."""
    rows = (line.split("\t") for line in EXCUSED.read_text().splitlines() if line[:1] not in "# ")
    return {test: why for suite, test, why in rows if suite == SUITE}


REASONS = excused()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every excuse is for a test that is there, if all are to run."""
    missing = REASONS.keys() - {item.nodeid for item in items}
    if missing and config.invocation_params.args[-1] == "tests":
        raise pytest.UsageError(f"excused.txt names tests that do not exist: {sorted(missing)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """An excused test that fails counts as skipped; one that passes needs no excuse any more."""
    report = yield
    why = REASONS.get(item.nodeid)
    if why is None or report.when != "call":
        return report
    if report.failed:
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1], f"excused: {why}")
    else:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} passes; take it out of excused.txt"
    return report
