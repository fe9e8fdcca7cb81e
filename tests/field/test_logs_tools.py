"""The access log and the tools that take logging over: loguru, structlog, Sentry."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from asking import ask
from field import Served

Serve = Callable[..., Served]
PATHS = ("/def", "/async", "/missing")


@pytest.mark.kind("loguru, intercepting logging, gets the access lines")
def test_loguru(serve: Serve):
    server = serve("logs_tools_app.py", TOOL="loguru")
    for path in PATHS:
        ask(server, path)
    for path, status in zip(PATHS, (200, 200, 404), strict=True):
        server.wait_for_line(rf'^loguru INFO 127\.0\.0\.1:\d+ - "GET {path} HTTP/1.1" {status}$')
    assert "INFO:     127" not in server.output


@pytest.mark.kind("structlog formats the access lines")
def test_structlog(serve: Serve):
    server = serve("logs_tools_app.py", TOOL="structlog")
    for path in PATHS:
        ask(server, path)
    server.wait_for_line('"event".*GET /missing')
    found: list[dict[str, Any]] = [
        json.loads(line) for line in server.output.splitlines() if "GET /" in line
    ]
    assert len(found) == len(PATHS)
    for one, path in zip(found, PATHS, strict=True):
        assert (one["logger"], one["level"]) == ("uvicorn.access", "info")
        assert re.search(rf'"GET {path} HTTP/1.1" \d+$', one["event"])


@pytest.mark.kind("Sentry's breadcrumbs have the access lines")
def test_sentry(serve: Serve):
    server = serve("logs_tools_app.py", TOOL="sentry")
    assert ask(server, "/later").body == b'"later"'
    server.wait_for_line(r"^sentry a fault after \[.*GET /later HTTP/1.1")
