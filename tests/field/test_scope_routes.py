"""Routes that change on a running server."""

from __future__ import annotations

import pytest
from asking import get
from live_server import wait_until
from wire import Connection

#: (change, what is asked, answer before, answer after it)
CHANGES = [
    ("add", "/new", 404, b'"new"'),
    ("remove", "/first", b'"first"', 404),
    ("slice", "/first", b'"first"', 404),
    ("reassign", "/second", b'"second"', 404),
    ("replace", "/first", b'"first"', b"new"),
    ("include", "/late/first", 404, b'"first"'),
    ("below", "/outer/deep/new", 404, b'"new"'),
    ("include-below", "/outer/deeper/first", 404, b'"first"'),
    ("mount", "/mount/first", 404, b'"first"'),
    ("in-mount", "/early/new", 404, b'"new"'),
]


WHERE = ["async", "def", "thread"]


def ask(connection, target, method="GET"):
    connection.send(get(target, method=method))
    answer = connection.read_response()
    return answer.body if answer.status == 200 else answer.status


@pytest.mark.kind("a route that is added, removed or replaced is seen by the next request")
@pytest.mark.parametrize("middleware", ["none", "pure", "base"])
def test_the_next_request_sees_a_change(serve, middleware):
    server = serve("scope_routes.py", MIDDLEWARE=middleware)
    first = ["none", "pure", "base"].index(middleware)
    with Connection(server.address) as one, Connection(server.address) as other:

        def settled():
            return server.who == "uvicorn" or ask(one, "/caller") != b'"run_endpoint_function"'

        for number, (change, target, before, after) in enumerate(CHANGES, first):
            wait_until(settled, "the plans stand")
            for connection in (one, other, one):
                assert ask(connection, target) == before, change
            assert ask(one, f"/{WHERE[number % 3]}/{change}", "POST") == f'"{change}"'.encode()
            for connection in (other, one, other):
                assert ask(connection, target) == after, change
            ask(one, "/undo", "POST")
