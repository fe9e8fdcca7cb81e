"""The harness itself: both servers serve the same file."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from field import Served
from wire import exchange


@pytest.mark.kind("an app is served")
def test_an_app_is_served(serve: Callable[..., Served]):
    server = serve("smoke_app.py", "--graceful-timeout", "0.5")
    answer = exchange(server.address, b"GET /who HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.body == b'{"who":"%s"}' % server.who.encode()
