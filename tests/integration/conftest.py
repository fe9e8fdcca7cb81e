"""Live servers that several test files share. Each is ended by its own pid."""

from collections.abc import Iterator

import pytest
from live_server import LiveServer, start_fasterapi, start_uvicorn


@pytest.fixture(scope="session")
def reference() -> Iterator[LiveServer]:
    """The comparison app as plain FastAPI on Uvicorn: what every answer is measured against."""
    server = start_uvicorn("compare_app:app")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def ours() -> Iterator[LiveServer]:
    """The comparison app as a FasterAPI app on our server."""
    server = start_fasterapi("compare_app.py")
    yield server
    assert server.stop() == 0, server.output


@pytest.fixture(scope="session")
def ours_plain() -> Iterator[LiveServer]:
    """The comparison app as a plain FastAPI app on our server: everything through ASGI."""
    server = start_fasterapi("compare_app.py", COMPARE_CLASS="fastapi")
    yield server
    assert server.stop() == 0, server.output


@pytest.fixture(scope="session")
def ours_without_core() -> Iterator[LiveServer]:
    """The comparison app as a FasterAPI app with the core hidden: `fasterapi run` takes Uvicorn."""
    server = start_fasterapi("compare_app.py", FASTERAPI_NO_CORE="1")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def server() -> Iterator[LiveServer]:
    """The app for tests of the server itself, with default options."""
    running = start_fasterapi("server_app.py")
    yield running
    assert running.stop() == 0, running.output


@pytest.fixture(scope="session")
def asgi_server() -> Iterator[LiveServer]:
    """A bare ASGI app on our server."""
    running = start_fasterapi("asgi_app.py")
    yield running
    assert running.stop() == 0, running.output
