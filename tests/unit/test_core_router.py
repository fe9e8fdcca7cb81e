"""Router and parse_request: the core's routing and parsing as Python sees them."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import sys
import threading
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import compile_path

from fasterapi import _native

core = _native.core
pytestmark = pytest.mark.skipif(core is None, reason="needs the core")


@pytest.fixture
def router():
    return core.Router()


# --- Router: what it finds ----------------------------------------------------------------


def test_values_and_parameters(router):
    router.add("GET", "/", "root")
    router.add("GET", "/items/{id:int}", "item")
    router.add("GET", "/items/{name}", "named")
    router.add("GET", "/price/{p:float}/x", "price")
    router.add("GET", "/files/{path:path}", "file")
    assert len(router) == 5
    assert router.match("GET", "/") == ("root", {})
    assert router.match("GET", "/items/42") == ("item", {"id": 42})
    assert router.match("GET", "/items/x y") == ("named", {"name": "x y"})
    assert router.match("GET", "/price/2.5/x") == ("price", {"p": 2.5})
    assert type(router.match("GET", "/price/2/x")[1]["p"]) is float
    assert router.match("GET", "/files/a/b.txt") == ("file", {"path": "a/b.txt"})
    assert router.match("GET", "/files/") == ("file", {"path": ""})


@pytest.mark.parametrize(
    "path", ["", "x", "/", "/items", "/items/", "/items/7/", "/Items/7", "/items/7\n"]
)
def test_what_does_not_match_is_none(router, path):
    router.add("GET", "/items/{id}", 1)
    assert router.match("GET", path) is None
    assert router.methods(path) == []


def test_the_first_one_registered_counts(router):
    router.add("GET", "/a/{x}", "parameter")
    router.add("GET", "/a/b", "static")
    router.add("GET", "/a/{y}", "again")
    assert router.match("GET", "/a/b") == ("parameter", {"x": "b"})


def test_methods_tell_405_from_404(router):
    router.add("POST", "/a", 1)
    router.add("GET", "/{x}", 2)
    router.add("POST", "/b", 3)
    assert router.match("DELETE", "/a") is None
    assert router.methods("/a") == ["POST", "GET"]
    assert router.methods("/c") == ["GET"]
    assert router.methods("/c/d") == []


def test_methods_are_registered_in_capitals_and_asked_exactly(router):
    router.add("get", "/a", 1)
    router.add("PropFind", "/a", 2)
    assert router.match("GET", "/a") == (1, {})
    assert router.match("get", "/a") is None
    assert router.match("PROPFIND", "/a") == (2, {})
    assert router.methods("/a") == ["GET", "PROPFIND"]


def test_no_method_implies_another(router):
    router.add("GET", "/a", 1)
    assert router.match("HEAD", "/a") is None


def test_paths_of_any_script(router):
    router.add("GET", "/größe/{name}", 1)
    assert router.match("GET", "/größe/☃😀") == (1, {"name": "☃😀"})
    assert router.match("GET", "/grösse/x") is None
    assert router.match("GET", "/größe/a\0b") == (1, {"name": "a\0b"})


def test_an_empty_router(router):
    assert len(router) == 0
    assert router.match("GET", "/") is None
    assert router.methods("/") == []


def test_frozen_by_the_first_question_or_by_hand():
    for ask in (
        lambda r: r.match("GET", "/"),
        lambda r: r.match("UNKNOWN", "/"),
        lambda r: r.methods("/"),
        lambda r: r.freeze(),
    ):
        router = core.Router()
        router.add("GET", "/", 1)
        assert router.frozen is False
        ask(router)
        assert router.frozen is True
        with pytest.raises(RuntimeError, match="frozen"):
            router.add("GET", "/b", 2)
        router.freeze()  # once more changes nothing
        assert router.match("GET", "/") == (1, {})
        assert len(router) == 1


def test_every_params_dict_is_new(router):
    router.add("GET", "/{x}", 1)
    router.match("GET", "/a")[1]["y"] = 2
    assert router.match("GET", "/a") == (1, {"x": "a"})


def test_16_parameters_and_32_methods(router):
    pattern = "".join(f"/{{p{n}}}" for n in range(16))
    router.add("GET", pattern, 1)
    with pytest.raises(ValueError, match=r"not understood.*at most 16"):
        router.add("GET", pattern + "/{more}", 1)
    for n in range(31):
        router.add(f"M{n}", "/", n)
    with pytest.raises(ValueError, match="more than 32 different methods"):
        router.add("ONEMORE", "/", 1)
    router.add("M30", "/again", 1)
    path = "".join(f"/{n}" for n in range(16))
    assert router.match("GET", path) == (1, {f"p{n}": str(n) for n in range(16)})
    assert router.match("M30", "/") == (30, {})
    assert router.match("ONEMORE", "/") is None
    assert router.methods("/") == [f"M{n}" for n in range(31)]


def test_many_routes(router):
    for n in range(5000):
        router.add("GET", f"/r{n}/{{x:int}}", n)
    for n in (0, 1, 7, 999, 4999):
        assert router.match("GET", f"/r{n}/5") == (n, {"x": 5})


segments = st.sampled_from(["a", "b", "ab", "1", "{x}", "{y:int}", "{z:float}", "é"])
patterns = st.builds(
    lambda parts, end: "/" + "/".join(parts) + end,
    st.lists(segments, max_size=3, unique=True),
    st.sampled_from(["", "", "/", "/{rest:path}"]),
).filter(lambda p: "//" not in p)
paths = st.builds(
    lambda parts, end: "/" + "/".join(parts) + end,
    st.lists(
        st.sampled_from(["a", "b", "ab", "abc", "1", "1.5", "1.", "", "é", "\n", "x\ny"]),
        max_size=4,
    ),
    st.sampled_from(["", "/"]),
).filter(lambda p: not p.endswith("\n"))


@settings(max_examples=400)
@given(st.lists(st.tuples(st.sampled_from(["GET", "PUT"]), patterns), max_size=12), st.lists(paths))
def test_like_starlette_s_linear_search(routes, asked):
    router = core.Router()
    model = []
    for n, (method, pattern) in enumerate(routes):
        router.add(method, pattern, n)
        model.append((method, *compile_path(pattern)))
    for path in asked:
        expected = {}
        for n, (method, regex, _, convertors) in enumerate(model):
            found = regex.match(path)
            if found and method not in expected:
                params = found.groupdict()
                expected[method] = (n, {k: convertors[k].convert(v) for k, v in params.items()})
        for method in ("GET", "PUT"):
            assert router.match(method, path) == expected.get(method)
        assert sorted(router.methods(path)) == sorted(expected)


# --- Router: who owns what ----------------------------------------------------------------


class Value:
    alive = 0

    def __init__(self):
        type(self).alive += 1

    def __del__(self):
        type(self).alive -= 1


def test_values_are_the_router_s(router):
    value = object()
    base = sys.getrefcount(value)
    router.add("GET", "/a", value)
    router.add("PUT", "/a", value)
    assert sys.getrefcount(value) == base + 2
    with pytest.raises(ValueError):
        router.add("GET", "no slash", value)
    assert router.match("GET", "/a")[0] is value
    assert sys.getrefcount(value) == base + 2
    with pytest.raises(RuntimeError):
        router.add("GET", "/b", value)
    assert sys.getrefcount(value) == base + 2


def test_cycles_are_collected():
    router = core.Router()
    router.add("GET", "/a", [router, Value()])
    del router
    gc.collect()
    assert Value.alive == 0


def test_nothing_is_left_behind(holds_level):
    def once():
        router = core.Router()
        for n in range(20):
            router.add("GET", f"/{n}/{{x}}", [n])
        for bad in (
            lambda: router.add("GET", "/{x}/{x}", 1),
            lambda: router.add("GET", "/{", 1),
            lambda: router.add("a b", "/", 1),
        ):
            with pytest.raises(ValueError):
                bad()
        router.match("GET", "/7/x")
        router.match("GET", "/7")
        router.methods("/7/x")

    holds_level(once)


# --- Router: wrong use --------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "a",
        "{x}",
        "/{",
        "/}",
        "/{}",
        "/{x",
        "/{x:uuid}",
        "/{x:}",
        "/a{x}",
        "/{x}b",
        "/{x:path}/b",
        "/{1x}",
        "/{x y}",
        "/a\n",
        "/\0",
        "/{é}",
        "/a\x7f",
    ],
)
def test_patterns_that_are_not_understood(router, pattern):
    with pytest.raises(ValueError, match="is not understood; expected a leading slash"):
        router.add("GET", pattern, 1)
    assert len(router) == 0


def test_a_name_used_twice(router):
    with pytest.raises(ValueError, match="name twice"):
        router.add("GET", "/{x}/{x}", 1)


@pytest.mark.parametrize("method", ["", " ", "G T", "GET\n", "é", "G\0"])
def test_methods_that_are_no_tokens(router, method):
    with pytest.raises(ValueError, match="token"):
        router.add(method, "/", 1)
    assert router.match(method, "/") is None


def test_lone_surrogates(router):
    for bad in (
        lambda: router.add("\ud800", "/", 1),
        lambda: router.add("GET", "/\ud800", 1),
        lambda: router.match("\ud800", "/"),
        lambda: router.match("GET", "/\ud800"),
        lambda: router.methods("/\ud800"),
    ):
        with pytest.raises(UnicodeEncodeError):
            bad()


def test_wrong_types(router):
    for bad in (
        lambda: core.Router(1),
        lambda: core.Router(routes=[]),
        lambda: router.add("GET", "/"),
        lambda: router.add("GET", "/", 1, 2),
        lambda: router.add(method="GET", pattern="/", value=1),
        lambda: router.add(b"GET", "/", 1),
        lambda: router.add(["GET"], "/", 1),
        lambda: router.add("GET", b"/", 1),
        lambda: router.add("GET", None, 1),
        lambda: router.match("GET"),
        lambda: router.match("GET", b"/"),
        lambda: router.match(None, "/"),
        lambda: router.match("GET", "/", 1),
        lambda: router.methods(),
        lambda: router.methods(b"/"),
        lambda: router.freeze(1),
    ):
        with pytest.raises(TypeError):
            bad()
    assert not router.frozen


def test_numbers_too_long_for_python(router):
    router.add("GET", "/{x:int}", 1)
    router.add("GET", "/f/{x:float}", 1)
    with pytest.raises(ValueError, match="Exceeds the limit"):
        router.match("GET", "/" + "1" * 5000)
    assert router.match("GET", "/f/" + "1" * 5000)[1] == {"x": float("inf")}


def test_no_uninitialised_objects_no_subclasses_no_copies(router):
    cls = core.Router
    with pytest.raises(TypeError):
        object.__new__(cls)
    assert cls.__new__(cls).match("GET", "/") is None
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Mine", (cls,), {})
    with pytest.raises(AttributeError):
        router.frozen = True
    with pytest.raises(TypeError):
        cls.match(object(), "GET", "/")
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot pickle"):
            copied(router)
    assert str(inspect.signature(cls)) == "()"
    assert str(inspect.signature(router.match)) == "(method, path, /)"
    assert typing.get_origin(cls[str]) is cls


def test_threads_ask_while_one_freezes():
    for _ in range(20):
        router, start, wrong = core.Router(), threading.Barrier(4), []
        for n in range(200):
            router.add("GET", f"/{n}/{{x}}", n)

        def ask(router=router, start=start, wrong=wrong):
            start.wait()
            for n in range(200):
                if router.match("GET", f"/{n}/a") != (n, {"x": "a"}):
                    wrong.append(n)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


# --- parse_request ------------------------------------------------------------------------

HOST = b"Host: x\r\n"


def head(line=b"GET / HTTP/1.1", *headers):
    return line + b"\r\n" + HOST + b"".join(h + b"\r\n" for h in headers) + b"\r\n"


def test_a_request():
    data = head(b"POST /a%20b/%C3%A9?x=1&y=%20 HTTP/1.1", b"X-A:  v ", b"Content-Length: 5")
    request = core.parse_request(data + b"hello")
    assert request == (
        "POST",
        b"/a%20b/%C3%A9?x=1&y=%20",
        "/a b/é",
        b"x=1&y=%20",
        "1.1",
        ((b"Host", b"x"), (b"X-A", b"v"), (b"Content-Length", b"5")),
        True,
        5,
        False,
        len(data),
    )
    assert request.method == "POST"
    assert request.target == b"/a%20b/%C3%A9?x=1&y=%20"
    assert request.path == "/a b/é"
    assert request.query == b"x=1&y=%20"
    assert request.version == "1.1"
    assert dict(request.headers)[b"X-A"] == b"v"
    assert (request.keep_alive, request.content_length, request.chunked) == (True, 5, False)
    assert (data + b"hello")[request.consumed :] == b"hello"


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (head(), {"content_length": None, "chunked": False, "keep_alive": True, "query": b""}),
        (head(b"GET / HTTP/1.1", b"Connection: close"), {"keep_alive": False}),
        (head(b"GET / HTTP/1.0"), {"keep_alive": False, "version": "1.0"}),
        (b"GET / HTTP/1.0\r\n\r\n", {"headers": ()}),
        (head(b"PUT / HTTP/1.1", b"Transfer-Encoding: chunked"), {"chunked": True}),
        (head(b"GET / HTTP/1.1", b"Content-Length: 0"), {"content_length": 0}),
        (
            head(b"PUT / HTTP/1.1", b"Content-Length: 9223372036854775807"),
            {"content_length": 2**63 - 1},
        ),
        (head(b"OPTIONS * HTTP/1.1"), {"path": "*", "target": b"*"}),
        (
            head(b"GET http://x/p?q HTTP/1.1"),
            {"path": "/p", "query": b"q", "target": b"http://x/p?q"},
        ),
        (head(b"GET /%FF%zz HTTP/1.1"), {"path": "/\ufffd%zz"}),
        (head(b"M-SEARCH /a HTTP/1.1"), {"method": "M-SEARCH"}),
        (b"\r\n" + head(), {"consumed": len(head()) + 2}),
    ],
)
def test_fields(data, fields):
    request = core.parse_request(data)
    assert {name: getattr(request, name) for name in fields} == fields


def test_incomplete_is_none():
    data = head(b"GET /a?b HTTP/1.1", b"X: y")
    for end in range(len(data)):
        assert core.parse_request(data[:end]) is None
    assert core.parse_request(data).path == "/a"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_like_object(kind):
    assert core.parse_request(kind(head())).consumed == len(head())


def test_the_result_keeps_nothing_of_the_data():
    data = bytearray(head(b"GET /path?query HTTP/1.1"))
    request = core.parse_request(data)
    data[:] = b"x" * len(data)
    data.clear()
    assert (request.path, request.query, request.headers) == ("/path", b"query", ((b"Host", b"x"),))


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (head(b"GET / HTTP/1.1", b"a b: c"), 400),
        (head(b"GET / HTTP/1.1", b"Host: y"), 400),
        (head(b"GET / HTTP/1.1", b" folded"), 400),
        (head(b"GET / HTTP/1.1", b"Content-Length: 5", b"Content-Length: 6"), 400),
        (head(b"GET / HTTP/1.1", b"Content-Length: -1"), 400),
        (head(b"GET / HTTP/1.1", b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),
        (b"GET /" + b"a" * 70_000, 414),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 70_000, 431),
        (head(b"GET / HTTP/1.1", *[b"a: b"] * 256), 431),
        (head(b"GET / HTTP/2.0"), 505),
        (head(b"GET / HTTP/1.1", b"Transfer-Encoding: gzip"), 501),
        (head(b"CONNECT x:1 HTTP/1.1"), 501),
        (head(b"GET / HTTP/1.1", b"Expect: the unexpected"), 417),
    ],
)
def test_malformed_requests_say_their_status(data, status):
    with pytest.raises(core.HTTPParseError) as caught:
        core.parse_request(data)
    assert caught.value.status == status
    assert isinstance(caught.value, ValueError)
    assert str(caught.value)


def test_the_error_as_a_class():
    error = core.HTTPParseError
    assert issubclass(error, ValueError)
    assert (error.__module__, error.__name__) == ("fasterapi._fasterapi_core", "HTTPParseError")
    assert error("words").status == 400
    with pytest.raises(error) as made:
        core.parse_request(head(b"GET / HTTP/2.0"))
    again = pickle.loads(pickle.dumps(made.value))
    assert (type(again), again.status, again.args) == (error, 505, made.value.args)


def test_wrong_types_for_parse_request():
    for bad in (None, "GET / HTTP/1.1\r\n\r\n", 5, [b"GET"]):
        with pytest.raises(TypeError, match="bytes-like"):
            core.parse_request(bad)
    with pytest.raises(TypeError):
        core.parse_request()
    with pytest.raises(TypeError):
        core.parse_request(b"", b"")
    with pytest.raises(BufferError):
        core.parse_request(memoryview(head())[::2])


def test_the_result_as_a_class():
    request = core.parse_request(head())
    assert type(request) is core.ParsedRequest
    assert request.n_fields == request.n_sequence_fields == len(request) == 10
    assert pickle.loads(pickle.dumps(request)) == request
    assert copy.copy(request) == request
    with pytest.raises(AttributeError):
        request.method = "PUT"
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Mine", (core.ParsedRequest,), {})
    for bad in ([1], None, range(11)):
        with pytest.raises(TypeError):
            core.ParsedRequest(bad)


def test_router_and_parser_fit_together(router):
    router.add("GET", "/items/{id:int}", "item")
    request = core.parse_request(head(b"GET /items/%37?x HTTP/1.1"))
    assert router.match(request.method, request.path) == ("item", {"id": 7})


@given(st.binary(max_size=200))
def test_any_bytes(data):
    try:
        request = core.parse_request(data)
    except core.HTTPParseError as exc:
        assert 400 <= exc.status < 600  # noqa: PT017
    else:
        assert request is None or 0 < request.consumed <= len(data)


def test_parsing_leaves_nothing_behind(holds_level):
    data = head(b"POST /a%20b?x=1 HTTP/1.1", b"X-A: v", b"Content-Length: 500")

    def once():
        core.parse_request(data)
        core.parse_request(data[:-1])
        with pytest.raises(core.HTTPParseError):
            core.parse_request(b"\0")

    holds_level(once)
