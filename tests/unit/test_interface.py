"""Apps that are called in another way than ASGI 3's."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from fasterapi import FasterAPI
from fasterapi.interface import as_asgi3
from fasterapi.log import StartupError


class Old:
    """An ASGI 2 app, as Channels' consumers were."""

    def __init__(self, scope: Any) -> None:
        self.scope = scope

    async def __call__(self, receive: Any, send: Any) -> None:
        await send((self.scope, await receive()))


class New:
    """An ASGI 3 app, as Starlette's endpoints are: awaiting it answers."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self.told = (scope, receive, send)

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()


def old_function(scope: Any) -> Any:
    return Old(scope)


def call(app: Any) -> list[Any]:
    sent: list[Any] = []

    async def main() -> None:
        async def receive() -> str:
            return "received"

        async def send(message: Any) -> None:
            sent.append(message)

        await app("scope", receive, send)

    asyncio.run(main())
    return sent


@pytest.mark.parametrize(
    ("app", "interface"), [(Old, "auto"), (Old, "asgi2"), (old_function, "asgi2")]
)
def test_asgi_2(app, interface):
    assert call(as_asgi3(app, interface)) == [("scope", "received")]


def test_asgi_3_is_left_alone():
    async def function(scope: Any, receive: Any, send: Any) -> None: ...

    for app in (FasterAPI(), New, function, lambda *_: function(*_)):
        assert as_asgi3(app, "auto") is app


def test_wsgi(monkeypatch):
    assert type(as_asgi3(lambda _environ, _start: [b""], "wsgi")).__module__.startswith("a2wsgi")
    monkeypatch.setitem(sys.modules, "a2wsgi", None)
    with pytest.raises(StartupError, match="interface wsgi needs a2wsgi: pip install a2wsgi"):
        as_asgi3(lambda _environ, _start: [b""], "wsgi")
