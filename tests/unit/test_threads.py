"""The core's worker threads as threads of Python, in the test client as in the server."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import FrameType
from typing import Any

import coverage
import pytest
from fastapi import Depends
from starlette.responses import PlainTextResponse

from fasterapi import FasterAPI, threads
from fasterapi.testclient import TestClient


def app_of_threads(found: list[threading.Thread]) -> FasterAPI:
    app = FasterAPI()

    def depend() -> int:
        return 1

    @app.get("/")
    def ask_thread(number: int = Depends(depend)) -> str:
        found.append(threading.current_thread())
        return threading.current_thread().name

    return app


def test_a_worker_is_a_thread_while_it_lives():
    found: list[threading.Thread] = []
    with TestClient(app_of_threads(found)) as client:
        assert client.get("/").json() == "FasterAPI worker 0"
        worker = found[0]
        assert worker in threading.enumerate()
        assert worker.daemon
        assert worker.is_alive()
        assert worker.ident is not None
        assert worker.native_id is not None
        assert type(worker) is threads.WorkerThread
    assert worker not in threading.enumerate()
    assert not worker.is_alive()
    worker.join()


def test_every_frame_of_a_worker_stands_in_a_thread_of_pythons():
    """Debuggers and profilers look for these two at the bottom."""
    names: list[str] = []
    app = FasterAPI()

    @app.get("/")
    def read() -> None:
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            names.append(f"{frame.f_globals['__name__']}.{frame.f_code.co_name}")
            frame = frame.f_back

    with TestClient(app) as client:
        client.get("/")
    assert "threading._bootstrap_inner" in names
    assert "threading._bootstrap" in names


def test_a_threading_that_is_not_as_we_know_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(threads, "_can_adopt", lambda: False)
    found: list[threading.Thread] = []
    with TestClient(app_of_threads(found)) as client:
        assert client.get("/").status_code == 200
    assert len(found) == 1


def test_a_thread_that_cannot_be_adopted_serves(monkeypatch: pytest.MonkeyPatch):
    def fail(self: Any) -> None:
        raise RuntimeError("no threads today")

    monkeypatch.setattr(threads.WorkerThread, "adopt", fail)
    caught: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", caught.append)
    with TestClient(app_of_threads([])) as client:
        assert client.get("/").status_code == 200
    assert [str(one.exc_value) for one in caught] == ["no threads today"]


def test_work_is_called_once_and_by_its_own_thread():
    from fasterapi import _native

    async def main() -> list[str]:
        said: list[str] = []
        kept: list[Any] = []

        def live(number: int, work: Any) -> None:
            kept.append(work)
            work()
            try:
                work()
            except RuntimeError as exc:
                said.append(str(exc))

        server = _native.core.Server({})
        server.start(asyncio.get_running_loop(), print, True, live)
        try:
            kept[0]()
        except RuntimeError as exc:
            said.append(str(exc))
        assert server.stop(1.0)
        with pytest.raises(ValueError):
            kept[0]()
        return said

    assert asyncio.run(main()) == ["work() is called once, on the thread it was made for"] * 2


# -- hooks -----------------------------------------------------------------------------------------


@pytest.fixture
def names():
    """What a hook that is set later has seen; no hook stays."""
    seen: set[str] = set()
    yield seen
    threading.settrace(None)  # type: ignore[arg-type]
    threading.setprofile(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("set_hook", [threading.settrace, threading.setprofile])
@pytest.mark.parametrize("early", [True, False])
def test_hooks_see_endpoints_and_dependencies(set_hook: Any, early: bool, names: set[str]):
    def hook(frame: FrameType, event: str, argument: object) -> None:
        names.add(frame.f_code.co_name)

    if early:
        set_hook(hook)
    with TestClient(app_of_threads([])) as client:
        client.get("/")
        assert ("ask_thread" in names) == early
        set_hook(hook)
        client.get("/")
        assert {"ask_thread", "depend"} <= names
        set_hook(None)
        client.get("/")
        names.clear()
        client.get("/")
    assert "ask_thread" not in names


def test_what_is_set_for_one_thread_alone_stays():
    found: list[Any] = []
    app = FasterAPI()

    @app.get("/set")
    def set_it() -> None:
        sys.setprofile(lambda *_: None)

    @app.get("/get")
    def get_it() -> None:
        found.append(sys.getprofile())

    with TestClient(app) as client:
        client.get("/set")
        client.get("/get")
    assert found[0] is not None


@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="setprofile_all_threads is new in Python 3.12"
)
def test_hooks_for_all_threads(names: set[str]):
    def hook(frame: FrameType, event: str, argument: object) -> None:
        names.add(frame.f_code.co_name)

    with TestClient(app_of_threads([])) as client:
        client.get("/")
        threading.setprofile_all_threads(hook)
        client.get("/")
        threading.setprofile_all_threads(None)
    assert "ask_thread" in names


def test_coverage_counts_lines_of_workers(tmp_path: Any, monkeypatch: pytest.MonkeyPatch):
    source = tmp_path / "covered.py"
    source.write_text("def read():\n    value = 1\n    return value\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    counted = coverage.Coverage(data_file=None, include=[str(source)])
    counted.start()
    try:
        import covered  # type: ignore[import-not-found]

        app = FasterAPI()
        app.get("/")(covered.read)
        app.get("/text", response_class=PlainTextResponse)(lambda: "")
        with TestClient(app) as client:
            assert client.get("/").json() == 1
    finally:
        counted.stop()
        sys.modules.pop("covered", None)
    assert sorted(counted.get_data().lines(str(source))) == [1, 2, 3]
