"""A Server as an object: the collector sees whatever it was given."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from starlette.responses import Response

from fasterapi import _native

core: Any = _native.core
pytestmark = pytest.mark.skipif(core is None, reason="needs the core")


class Hook:
    """Something that keeps the server it is given to."""

    def __init__(self, server: Any) -> None:
        self.server = server

    def __call__(self, *arguments: Any) -> None:
        raise AssertionError("nothing is served here")


def set_hooks(server: Any, **hooks: Any) -> None:
    needed = {"encode": repr, "exception": repr, "response_call": repr}
    server.set_hooks(response_base=Response, **{**needed, **hooks})


def hooked(name: str) -> Callable[[Any, Any], None]:
    return lambda server, hook: set_hooks(server, **{name: hook})


def asyncio_s(name: str) -> Callable[[Any, Any], None]:
    def give(server: Any, hook: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.tasks, name, hook)
            set_hooks(server)

    return give


GIVEN: dict[str, Callable[[Any, Any], None]] = {
    **{
        name: hooked(name)
        for name in (
            "encode",
            "exception",
            "response_call",
            "batch_task",
            "resume",
            "runtime",
            "task",
        )
    },
    **{name: asyncio_s(name) for name in ("_enter_task", "_leave_task")},
    "passed": lambda server, hook: server.share_tokens(1, hook),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_hook_that_keeps_its_server_does_not_keep_it_for_ever(name: str):
    server = core.Server({})
    hook = Hook(server)
    gone = weakref.ref(hook)
    GIVEN[name](server, hook)
    del server, hook
    gc.collect()
    assert gone() is None
