"""Which of the core's options go to Uvicorn, where it serves instead."""

from __future__ import annotations

from typing import Any

import pytest
import uvicorn

from fasterapi import config
from fasterapi.fallback import _SHARED, _shared


def options(**given: Any) -> dict[str, Any]:
    return config.resolve_options(given, environ={})


def test_defaults_are_left_to_uvicorn():
    assert _shared(options()) == {}


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ({"limit_concurrency": 5}, {"limit_concurrency": 5}),
        ({"limit_max_requests": 9, "limit_max_requests_jitter": 2}, None),
        ({"timeout_worker_healthcheck": 3.0}, None),
        ({"ws_max_size": 10, "ws_max_queue": 1}, None),
        ({"ws_ping_interval": 0.0, "ws_ping_timeout": 0.0}, dict.fromkeys(_SHARED[6:8])),
        ({"ws_per_message_deflate": False}, None),
    ],
)
def test_others_are_passed_on(given: dict[str, Any], passed: dict[str, Any] | None):
    """0 seconds are its None."""
    found = _shared(options(**given))
    assert found == (given if passed is None else passed)
    made = uvicorn.Config("app:app", log_config=None, **found)  # which it would set up at once
    assert {name: getattr(made, name) for name in found} == found
