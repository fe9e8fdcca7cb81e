"""The harness itself: both servers serve the same file."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from asking import ask
from field import Served


@pytest.mark.kind("an app is served")
def test_an_app_is_served(serve: Callable[..., Served]):
    server = serve("smoke_app.py", "--graceful-timeout", "0.5")
    assert ask(server, "/who").body == b'{"who":"%s"}' % server.who.encode()
