"""The test suites of other projects that run here: where from, with what, and which tests."""

from __future__ import annotations

import dataclasses
import os

__all__ = ["NEWEST", "OLDEST", "SUITES", "Suite"]

#: The oldest and the newest FastAPI of the range in pyproject.toml.
OLDEST, NEWEST = "0.165.0", "0.165.0"


@dataclasses.dataclass(frozen=True)
class Suite:
    """One suite. distribution "": the tests lie in this folder instead of an sdist."""

    distribution: str = ""
    version: str = ""
    #: The name and the extras that bring all it can serve; "" as none are needed.
    install: str = ""
    #: What its tests need besides the dependency groups ``tests`` or ``dev`` of its sdist.
    needs: tuple[str, ...] = ()
    #: Whether those groups are installed; some hold databases and tools for documents.
    groups: bool = False
    #: Files and folders, below the sdist; with the options that its own runs have.
    tests: tuple[str, ...] = ("tests",)
    options: tuple[str, ...] = ()


SUITES = {
    "fastapi": Suite("fastapi", NEWEST, "fastapi[all]", ("orjson", "ujson"), groups=True),
    "starlette": Suite("starlette", "1.10.0", "starlette[full]", groups=True),
    "fastapi-pagination": Suite(
        "fastapi-pagination",
        "0.16.1",
        # Its conftest imports the drivers; tests/ext, which is left out, would ask for databases.
        needs=(
            *("aiosqlite", "asyncpg", "psycopg[binary]", "pymongo", "scylla-driver"),
            *("asgi-lifespan", "Faker", "flaky", "pytest-asyncio", "uvicorn"),
        ),
        options=("--ignore=tests/ext",),
    ),
    "fastapi-users": Suite(
        "fastapi-users",
        "15.0.5",
        needs=("asgi-lifespan", "httpx-oauth", "pytest-asyncio", "pytest-mock", "redis"),
        options=("-n", "0"),  # its tests come in another order in each process
    ),
    "opentelemetry": Suite(
        "opentelemetry-instrumentation-fastapi",
        "0.65b0",
        needs=("opentelemetry-test-utils==0.65b0", "requests", "httpx"),
        options=("-c", os.devnull, "--rootdir=."),  # it has no settings; ours lie above it
    ),
    "apm": Suite(
        needs=(
            "opentelemetry-instrumentation-fastapi==0.65b0",
            "opentelemetry-sdk",
            "logfire[fastapi]==5.4.0",
            "prometheus-fastapi-instrumentator==8.1.0",
            "sentry-sdk[fastapi]==2.75.0",
        ),
        tests=("apm/checks.py",),
        options=("--confcutdir=apm",),
    ),
}
