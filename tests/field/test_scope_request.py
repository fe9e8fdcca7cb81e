"""What tools find in a request's scope is there, and what they change there counts."""

from __future__ import annotations

import json

import pytest
from asking import ask
from live_server import wait_until

MIDDLEWARE = ["none", "pure", "base"]
PLACES = ["", "/included/deep", "/mounted"]
KEYS = set(
    "type asgi http_version server client scheme method root_path path raw_path query_string headers "
    "state app starlette.exception_handlers fastapi_middleware_astack router path_params endpoint "
    "route fastapi_inner_astack fastapi_function_astack".split()
)
MORE = {"/included/deep": {"fastapi"}, "/mounted": {"app_root_path", "fastapi"}}


def answer_of(server, target):
    answer = ask(server, target)
    return answer.status, answer.body


@pytest.mark.kind("the scope of a request has every key that FastAPI puts there")
@pytest.mark.parametrize("middleware", MIDDLEWARE)
def test_the_keys_of_the_scope(serve, middleware):
    server = serve("scope_request.py", MIDDLEWARE=middleware)
    for place in PLACES:
        for kind in ("async", "def", "async-dependency", "def-dependency"):
            status, body = answer_of(server, f"{place}/{kind}/7")
            seen = json.loads(body)
            expected = KEYS | MORE.get(place, set())
            optional = {"fastapi"} if place != "/included/deep" else set()
            assert (status, set(seen) | optional) == (200, expected | optional), (place, kind)
            assert seen["path_params"] == "{'x': '7'}"
            assert seen["starlette.exception_handlers"] == "tuple"
            for name in ("inner", "function", "middleware"):
                assert seen[f"fastapi_{name}_astack"] == "AsyncExitStack"


@pytest.mark.kind("what is put on a request's exit stacks is left in FastAPI's order")
@pytest.mark.parametrize("middleware", MIDDLEWARE)
def test_the_exit_stacks(serve, middleware):
    server = serve("scope_request.py", MIDDLEWARE=middleware)
    with_generator = ["endpoint", "function", "request", "generator", "pushed first", "middleware"]
    without = ["endpoint", "function", "request", "middleware"]
    for place in PLACES:
        for kind, expected in (
            ("async", without),
            ("def", without),
            ("yield", with_generator),
            ("def-yield", with_generator),
        ):
            assert answer_of(server, f"{place}/push/{kind}")[0] == 200
            lines = []

            def complete(lines=lines, expected=expected):
                lines += json.loads(answer_of(server, "/log")[1])
                return len(lines) >= len(expected)

            wait_until(complete, "the exit stacks to be left")
            assert lines == expected, (place, kind)


@pytest.mark.kind("an exception handler that is registered while a request runs is used")
@pytest.mark.parametrize("middleware", MIDDLEWARE)
def test_handlers_that_are_registered_late(serve, middleware):
    server = serve("scope_request.py", MIDDLEWARE=middleware)
    for place in PLACES:
        known = place == "/included/deep"  # by now: it is the same app
        assert answer_of(server, f"{place}/raise")[0] == (499 if known else 500)
        assert answer_of(server, f"{place}/register/now") == (499, b'{"registered":"now"}')
        assert answer_of(server, f"{place}/raise") == (499, b'{"registered":"later"}')


@pytest.mark.kind("an endpoint may answer through the Request's send")
@pytest.mark.parametrize("middleware", MIDDLEWARE)
def test_an_endpoint_answers_itself(serve, middleware):
    server = serve("scope_request.py", MIDDLEWARE=middleware)
    for place in PLACES:
        status, body = answer_of(server, f"{place}/own")
        assert (status, body) == (200, b"data: 0\n\ndata: 1\n\ndata: 2\n\n")
        assert answer_of(server, f"{place}/async/7")[0] == 200
