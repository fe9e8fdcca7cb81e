"""The lifespan protocol, and what each way of failing does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import pytest
from fastapi import FastAPI

from fasterapi.lifespan import Lifespan
from fasterapi.log import StartupError


def run(app: Any, mode: str = "auto") -> tuple[Lifespan, bool]:
    async def main() -> tuple[Lifespan, bool]:
        lifespan = Lifespan(app, mode)
        await asyncio.wait_for(lifespan.startup(), 10)
        return lifespan, await asyncio.wait_for(lifespan.shutdown(), 10)

    return asyncio.run(main())


def scripted(*messages: dict[str, Any]) -> Any:
    """An app that answers each received event with the next message."""

    async def app(scope, receive, send):
        assert scope["type"] == "lifespan"
        for message in messages:
            await receive()
            await send(message)

    return app


COMPLETE = ({"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"})


def test_start_and_stop():
    assert run(scripted(*COMPLETE))[1] is True


def test_fastapi_lifespan_with_state():
    steps = []

    @contextlib.asynccontextmanager
    async def lifespan(app):
        steps.append(("up", asyncio.current_task()))
        yield {"db": "open"}
        steps.append(("down", asyncio.current_task()))

    served, clean = run(FastAPI(lifespan=lifespan))
    assert clean
    assert served.state == {"db": "open"}
    assert [name for name, _ in steps] == ["up", "down"]
    assert steps[0][1] is steps[1][1]


def test_off_never_calls_the_app():
    async def app(scope, receive, send):
        raise AssertionError("must not be called")

    assert run(app, "off")[1] is True


def test_auto_takes_an_exception_as_no_lifespan(caplog):
    async def app(scope, receive, send):
        assert scope["type"] == "http"

    assert run(app)[1] is True
    assert caplog.records == []


def test_on_makes_it_an_error(caplog):
    async def app(scope, receive, send):
        raise ValueError("no lifespan here")

    with pytest.raises(StartupError, match="raised on the lifespan scope"):
        run(app, "on")
    assert "no lifespan here" in caplog.text


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_startup_failed(mode, caplog):
    failed = {"type": "lifespan.startup.failed", "message": "no database"}
    with pytest.raises(StartupError, match="startup failed"):
        run(scripted(failed), mode)
    assert caplog.messages == ["no database"]


def test_a_fastapi_startup_that_raises_is_fatal_and_logged_once(caplog):
    @contextlib.asynccontextmanager
    async def lifespan(app):
        raise ValueError("no database")
        yield

    with pytest.raises(StartupError):
        run(FastAPI(lifespan=lifespan))
    assert len(caplog.records) == 1
    assert "ValueError: no database" in caplog.text


def test_shutdown_failed(caplog):
    failed = {"type": "lifespan.shutdown.failed", "message": "cannot close"}
    assert run(scripted(COMPLETE[0], failed))[1] is False
    assert "cannot close" in caplog.text


def test_shutdown_that_raises(caplog):
    async def app(scope, receive, send):
        await receive()
        await send(COMPLETE[0])
        await receive()
        raise ValueError("late")

    assert run(app)[1] is False
    assert "late" in caplog.text


@pytest.mark.parametrize(
    "messages",
    [
        [COMPLETE[0], COMPLETE[0]],
        [COMPLETE[1]],
        [{"type": "http.response.start"}],
    ],
)
def test_messages_out_of_order_raise_in_the_app(messages):
    raised = []

    async def app(scope, receive, send):
        await receive()
        try:
            for message in messages:
                await send(message)
        except RuntimeError as exc:
            raised.append(exc)
            raise

    run(app)
    assert raised


def test_an_app_that_returns_at_once_is_started(caplog):
    caplog.set_level(logging.INFO)

    async def app(scope, receive, send):
        return

    assert run(app)[1] is True


def test_unknown_mode():
    with pytest.raises(StartupError, match="use one of auto, on, off"):
        Lifespan(scripted(), "maybe")
