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

HERE = pathlib.Path(__file__).resolve().parent
SUITE = os.environ["FASTERAPI_COMPAT_SUITE"]
PLAIN = bool(os.environ["FASTERAPI_COMPAT_PLAIN"])

if not PLAIN and SUITE != "apm":  # whose tests compare both
    fastapi.FastAPI = fasterapi.FasterAPI
    fastapi.testclient.TestClient = fasterapi.testclient.TestClient
    starlette.testclient.TestClient = fasterapi.testclient.TestClient


def listed(name: str) -> dict[str, str]:
    """Test -> reason, for this suite. A line: suite, test, reason, apart by tabs."""
    lines = (HERE / name).read_text().splitlines()
    rows = (line.split("\t") for line in lines if line[:1] not in "# ")
    return {test: why for suite, test, why in rows if suite == SUITE}


EXCUSED = {} if PLAIN else listed("excused.txt")
LEFT_OUT = listed("left-out.txt")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is listed so; every line is for a test that is there, if all are to run."""
    names = {item.nodeid for item in items}
    gone = [item for item in items if item.nodeid in LEFT_OUT]
    items[:] = [item for item in items if item.nodeid not in LEFT_OUT]
    config.hook.pytest_deselected(items=gone)
    missing = (EXCUSED.keys() | LEFT_OUT.keys()) - names
    if missing and config.invocation_params.args[-1] == "tests":
        raise pytest.UsageError(f"tests that do not exist are listed: {sorted(missing)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """An excused test that fails counts as skipped; one that passes needs no excuse any more."""
    report = yield
    why = EXCUSED.get(item.nodeid)
    if why is None or report.when != "call":
        return report
    if report.failed:
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1], f"excused: {why}")
    else:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} passes; take it out of excused.txt"
    return report
