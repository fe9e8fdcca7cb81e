"""What libraries ask of a server. `make field-apps` asks it with whole programs."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from asking import ask, reading
from field import Served
from wire import exchange

Serve = Callable[..., Served]


def leave(server: Served, path: str) -> None:
    """Read the first of a stream, and leave."""
    with reading(server, path, 5):
        pass


def says_nothing_is_wrong(server: Served) -> None:
    server.signal(signal.SIGTERM)
    server.wait()
    assert "Traceback" not in server.output
    assert "never awaited" not in server.output


@pytest.mark.kind("a stream of sse-starlette ends when its client leaves")
@pytest.mark.parametrize("middleware", ["", "1"], ids=["bare", "middleware"])
def test_sse_starlette_hears_that_its_client_left(serve: Serve, middleware: str):
    server = serve("programs_app.py", "--graceful-timeout", "0.5", MIDDLEWARE=middleware)
    for path in ("/waiting", "/moving", "/channel", "/told"):
        leave(server, path)
        server.wait_for_line(f"ended {path[1:]}$" if path != "/told" else "told http.disconnect")
    server.wait_for_line("ended told, too")
    says_nothing_is_wrong(server)


@pytest.mark.kind("sse-starlette's streams say farewell before a stop, and end whole")
@pytest.mark.parametrize("middleware", ["", "1"], ids=["bare", "middleware"])
def test_sse_starlette_says_farewell(serve: Serve, middleware: str):
    server = serve("programs_app.py", "--graceful-timeout", "50", MIDDLEWARE=middleware)
    with reading(server, "/farewell", 5) as client:
        server.signal(signal.SIGTERM)
        assert client.read_to_end().endswith(b"data: farewell\r\n\r\n\r\n0\r\n\r\n")
    server.wait()
    assert "Traceback" not in server.output


@pytest.mark.kind("an endpoint sends a stream itself, and its answer to who has left is no error")
def test_a_second_answer_to_a_client_that_left(serve: Serve):
    server = serve("programs_app.py", "--graceful-timeout", "0.5")
    leave(server, "/twice")
    server.wait_for_line("ended twice")
    assert ask(server, "/go-on").status == 200
    says_nothing_is_wrong(server)


@pytest.mark.kind("a WSGI app in a2wsgi gets its body and answers whole")
@pytest.mark.parametrize("middleware", ["", "1"], ids=["bare", "middleware"])
def test_a_wsgi_app_answers(serve: Serve, middleware: str):
    server = serve("programs_app.py", MIDDLEWARE=middleware)
    body = b"y" * 300_000
    head = b"POST /wsgi/echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body)
    answer = exchange(server.address, head + body)
    assert answer.body == b"300000 /wsgi\n" + body
    assert ask(server, "/go-on").status == 200
    assert ask(server, "/wsgi/lines").body.endswith(b"199 " + b"x" * 1000)


@pytest.mark.kind("a WSGI app in a2wsgi whose client leaves goes on to its end without an error")
@pytest.mark.parametrize("middleware", ["", "1"], ids=["bare", "middleware"])
def test_a_wsgi_app_whose_client_leaves(serve: Serve, middleware: str):
    server = serve("programs_app.py", "--graceful-timeout", "5", MIDDLEWARE=middleware)
    leave(server, "/wsgi/lines")
    assert ask(server, "/go-on").status == 200
    server.wait_for_line("ended wsgi")
    says_nothing_is_wrong(server)
