"""Logs: what a handler, a filter or a configuration written for Uvicorn sees."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from asking import ask
from field import Served

Serve = Callable[..., Served]
PATHS = ("/def", "/async", "/handed/x", "/missing")
MOMENTS = pytest.mark.parametrize("when", ["import", "lifespan"])


def records(server: Served) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.output.splitlines() if line.startswith('{"logger')]


@pytest.mark.kind("the access log is on")
def test_the_access_log_is_on(serve: Serve):
    server = serve("logs_app.py")
    for path in (*PATHS, "/def?a=1"):
        ask(server, path)
    for path in ("/def", "/async", "/handed/x", r"/def\?a=1"):
        server.wait_for_line(rf'^INFO:     127\.0\.0\.1:\d+ - "GET {path} HTTP/1.1" 200 OK$')
    server.wait_for_line(r'"GET /missing HTTP/1.1" 404 Not Found$')


@pytest.mark.kind("the access log can be turned off")
def test_the_access_log_can_be_turned_off(serve: Serve):
    server = serve("logs_app.py", "--no-access-log")
    ask(server, "/def")
    ask(server, "/boom")
    server.wait_for_line("ValueError: bug")
    assert "GET /def" not in server.output


@MOMENTS
@pytest.mark.kind("access lines are records with Uvicorn's arguments")
def test_access_lines_are_records(serve: Serve, when: str):
    server = serve("logs_app.py", CONFIGURE="dict", WHEN=when)
    for path in PATHS:
        ask(server, path)
    ask(server, "/boom")
    server.wait_for_line('"args".*/boom')
    found = {
        one["args"][2]: one["args"] for one in records(server) if one["logger"].endswith("access")
    }
    assert set(found) == {*PATHS, "/boom"}
    for path, (client, *rest) in found.items():
        assert re.fullmatch(r"127\.0\.0\.1:\d+", client)
        status = {"/missing": 404, "/boom": 500}.get(path, 200)
        assert rest == ["GET", path, "1.1", status]


@MOMENTS
@pytest.mark.kind("a filter of the access log works")
def test_a_filter_works(serve: Serve, when: str):
    server = serve("logs_app.py", CONFIGURE="filter", WHEN=when)
    for path in ("/health", "/async"):
        ask(server, path)
    server.wait_for_line("GET /async")
    assert "/health" not in server.output


@pytest.mark.kind("the access logger can be silenced in code")
@pytest.mark.parametrize("how", ["silent", "level"])
def test_the_logger_can_be_silenced(serve: Serve, how: str):
    server = serve("logs_app.py", CONFIGURE=how)
    ask(server, "/def")
    ask(server, "/boom")
    server.wait_for_line("ValueError: bug")
    assert "GET /def" not in server.output


@pytest.mark.kind("all logs can be intercepted")
@MOMENTS
def test_all_logs_can_be_intercepted(serve: Serve, when: str):
    server = serve("logs_app.py", CONFIGURE="intercept", WHEN=when)
    ask(server, "/def")
    ask(server, "/handed/x")
    ask(server, "/boom")
    server.wait_for_line("intercepted uvicorn.access .*GET /def")
    server.wait_for_line("intercepted uvicorn.access .*GET /handed/x")
    server.wait_for_line("intercepted uvicorn.error Exception in ASGI application")


@pytest.mark.kind("access records know the request's context")
def test_access_records_know_the_context(serve: Serve):
    server = serve("logs_app.py", CONFIGURE="correlation")
    ask(server, "/def")
    server.wait_for_line('"id": "id-7"')


@pytest.mark.kind("an app may log through uvicorn's loggers")
def test_an_app_may_log_through_uvicorns_loggers(serve: Serve):
    server = serve("logs_app.py")
    ask(server, "/say")
    server.wait_for_line("^INFO:     said to uvicorn.error$")
    server.wait_for_line("^INFO:     said to uvicorn$")


CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "access": {
            "()": "uvicorn.logging.AccessFormatter",
            "fmt": "<%(client_addr)s|%(request_line)s|%(status_code)s>",
            "use_colors": False,
        }
    },
    "handlers": {
        "out": {"class": "logging.StreamHandler", "formatter": "access"},
        "life": {"class": "logging.StreamHandler"},
    },
    "loggers": {
        "uvicorn": {"handlers": ["life"], "level": "INFO"},
        "uvicorn.access": {"handlers": ["out"], "level": "INFO", "propagate": False},
    },
}
INI = """[loggers]
keys=root,access
[handlers]
keys=out,life
[formatters]
keys=plain
[logger_root]
level=INFO
handlers=life
[handler_life]
class=StreamHandler
args=()
[logger_access]
level=INFO
handlers=out
propagate=0
qualname=uvicorn.access
[handler_out]
class=StreamHandler
formatter=plain
args=(sys.stdout,)
[formatter_plain]
format=<%(message)s>
"""


@pytest.mark.kind("a logging configuration carries over")
@pytest.mark.parametrize("kind", ["json", "ini"])
def test_a_configuration_carries_over(serve: Serve, kind: str, tmp_path: pathlib.Path):
    path = tmp_path / f"log.{kind}"
    path.write_text(json.dumps(CONFIGURATION) if kind == "json" else INI)
    server = serve("logs_app.py", "--log-config", str(path))
    ask(server, "/def")
    server.wait_for_line(r"<127\.0\.0\.1:\d+.*GET /def HTTP/1.1.*200")
