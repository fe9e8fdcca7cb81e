"""A pytest plugin: FasterAPI and our TestClient stand where FastAPI's and Starlette's stood."""

import os
import pathlib

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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """An excused test must fail: one that passes needs no excuse any more."""
    reasons = excused()
    for item in items:
        why = reasons.pop(item.nodeid, None)
        if why is not None:
            item.add_marker(pytest.mark.xfail(reason=why, strict=True))
    whole = config.invocation_params.args[-1] == "tests"
    if whole and reasons:
        raise pytest.UsageError(f"excused.txt names tests that do not exist: {sorted(reasons)}")
