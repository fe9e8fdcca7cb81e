"""ZeroCopyResponse: what its view shows is an HTTP answer, and stays one."""

from __future__ import annotations

import copy
import datetime
import gc
import http.client
import inspect
import io
import pickle
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from fasterapi import _native
from fasterapi.plan.hooks import encode

core = _native.core
pytestmark = pytest.mark.skipif(core is None, reason="needs the core")
BODILESS = (100, 101, 103, 199, 204, 304)


@pytest.fixture
def response():
    return core.ZeroCopyResponse()


def parse(view):
    """Status, headers and body as http.client reads them."""

    class Socket:
        def makefile(self, mode):
            return io.BytesIO(view)

    answer = http.client.HTTPResponse(Socket())
    answer.begin()
    return answer.status, answer.getheaders(), answer.read()


def lines(view):
    head, _, body = bytes(view).partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


# --- what it writes ---------------------------------------------------------------------


def test_a_whole_answer(response):
    response.status(201).content_type("text/plain").header("x-a", "1").header(b"x-b", b"2")
    assert bytes(response.body(b"hello").finalize()) == (
        b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n"
        b"x-a: 1\r\nx-b: 2\r\n\r\nhello"
    )


def test_nothing_set_is_an_empty_200(response):
    assert bytes(response.finalize()) == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize("data", [b"", b"x", bytearray(b"abc"), memoryview(b"xabc")[1:]])
def test_bodies(response, data):
    assert parse(response.body(data).finalize()) == (
        200,
        [("content-length", str(len(data)))],
        bytes(data),
    )


def test_the_body_is_a_copy(response):
    data = bytearray(b"before")
    response.body(data)
    data[:] = b"after!"
    data.clear()  # and it is not locked
    assert lines(response.finalize())[1] == b"before"


def test_large_bodies(response):
    data = bytes(range(256)) * 20_000
    assert parse(response.body(data).finalize())[2] == data


@pytest.mark.parametrize("first", ["headers", "body"])
@pytest.mark.parametrize("size", [1, 400, 480, 600, 5000, 100_000])
def test_headers_of_any_length_before_and_after_the_body(response, first, size):
    data = b"the body" * 100
    if first == "body":
        response.body(data)
    response.header("x-long", "v" * size)
    if first == "headers":
        response.body(data)
    response.header("x-last", "1")
    head, body = lines(response.finalize())
    assert head[1:] == [b"content-length: 800", b"x-long: " + b"v" * size, b"x-last: 1"]
    assert body == data


def test_repeated_headers_stay(response):
    response.header("set-cookie", "a=1").header("Set-Cookie", "b=2")
    assert lines(response.finalize())[0][2:] == [b"set-cookie: a=1", b"Set-Cookie: b=2"]


def test_the_last_content_type_counts(response):
    response.json([]).content_type("text/a").header("Content-Type", "text/b")
    assert parse(response.finalize())[1][1:] == [("content-type", "text/b")]


@pytest.mark.parametrize("text", ["é", "\xff", "", "a\tb", "\x7f"])
def test_header_values_are_latin_1(response, text):
    response.header("x-a", text)
    assert lines(response.finalize())[0][2] == b"x-a: " + text.encode("latin-1")


@pytest.mark.parametrize("code", BODILESS)
def test_statuses_without_a_body(response, code):
    view = response.body(b"").status(code).finalize()
    head, body = lines(view)
    assert head[0].startswith(b"HTTP/1.1 %d " % code)
    assert (head[1:], body) == ([], b"")


@pytest.mark.parametrize("code", [200, 205, 299, 404, 500, 599])
def test_statuses_with_a_body(response, code):
    assert parse(response.body(b"x").status(code).finalize())[::2] == (code, b"x")


class Model(BaseModel):
    when: datetime.date


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"a": [1, 2.5, "x☃", True, None], "b": {}},
        "text",
        2**70,
        {1: 2},
        {"_sa_state": 1, "b": 2},
        Model(when=datetime.date(2026, 1, 2)),
        [datetime.datetime(2026, 1, 2), {3}],
        ["x" * 5000] * 50,
    ],
    ids=repr,
)
def test_json_as_a_route_answers_it(response, value):
    assert parse(response.json(value).finalize()) == (
        200,
        [("content-length", str(len(encode(value)))), ("content-type", "application/json")],
        encode(value),
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
names = st.from_regex(r"\Ax-[!#$%&'*+.^_`|~0-9A-Za-z-]{0,40}\Z")
values = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=300)


@given(
    st.integers(200, 599), st.lists(st.tuples(names, values), max_size=20), st.binary(), st.data()
)
def test_any_answer(code, headers, body, data):
    """The body may come at any place between the headers."""
    response = core.ZeroCopyResponse()
    place = data.draw(st.integers(0, len(headers)))
    if code in BODILESS:
        body = b""
    for name, value in headers[:place]:
        response.header(name, value)
    response.body(body)
    response.status(code)
    for name, value in headers[place:]:
        response.header(name.encode(), value.encode("latin-1"))
    head, sent = lines(response.finalize())
    length = [] if code in BODILESS else [b"content-length: %d" % len(body)]
    wanted = [f"{name}: {value}".encode("latin-1") for name, value in headers]
    assert head[0].startswith(b"HTTP/1.1 %d " % code)
    assert (head[1:], sent) == (length + wanted, body)


@given(json_values)
def test_any_json(value):
    try:
        expected = encode(value)
    except ValueError:
        with pytest.raises(ValueError):
            core.ZeroCopyResponse().json(value)
    else:
        assert lines(core.ZeroCopyResponse().json(value).finalize())[1] == expected


# --- who owns what ----------------------------------------------------------------------


def test_a_view_outlives_the_response():
    expected = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + b"x" * 100_000
    response = core.ZeroCopyResponse().body(b"x" * 100_000)
    view = response.finalize()
    part = view[-3:]
    del response
    gc.collect()
    others = [core.ZeroCopyResponse().body(b"y" * 100_000).finalize() for _ in range(10)]
    assert view == expected
    view.release()
    assert bytes(part) == b"xxx"
    del others


def test_views_are_read_only(response):
    view = response.body(b"x").finalize()
    assert view.readonly
    assert (view.format, view.ndim, view.contiguous) == ("B", 1, True)
    with pytest.raises(TypeError):
        view[0] = 1
    with pytest.raises(TypeError):
        io.BytesIO(b"123").readinto(view)


def test_finalize_again_and_the_object_itself(response):
    with pytest.raises(BufferError, match="not finalized"):
        memoryview(response)
    view = response.body(b"x").finalize()
    assert view == response.finalize() == memoryview(response)
    assert b"".join([response, response]) == bytes(view) * 2


def test_nothing_is_left_behind(holds_level):
    def once():
        response = core.ZeroCopyResponse().header("x-a", "é").content_type("a/b").json({"a": 2**70})
        response.content_type("c/d").finalize()
        for bad in (lambda: response.status(200), lambda: response.body(b"")):
            with pytest.raises(RuntimeError):
                bad()
        with pytest.raises(ValueError):
            core.ZeroCopyResponse().header("x", "\r")

    holds_level(once)


def test_references_are_level(response):
    name, value, data = b"x-%d" % id(response), b"v%d" % id(response), bytearray(b"1")
    before = [sys.getrefcount(o) for o in (name, value, data)]
    for _ in range(100):
        made = core.ZeroCopyResponse().header(name, value).content_type(value).body(data)
        made.finalize().release()
        del made
    assert [sys.getrefcount(o) for o in (name, value, data)] == before


# --- wrong use --------------------------------------------------------------------------


@pytest.mark.parametrize("code", [-1, 0, 1, 99, 600, 1000, 2**31, 2**32 + 200, 2**63, -(2**70)])
def test_status_out_of_bounds(response, code):
    with pytest.raises(ValueError, match="from 100 to 599"):
        response.status(code)
    assert parse(response.finalize())[0] == 200


@pytest.mark.parametrize("code", [None, "200", 200.0, b"200"])
def test_status_of_another_type(response, code):
    with pytest.raises(TypeError, match="from 100 to 599"):
        response.status(code)


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\r\nx: y", "\0", "a\r", b"\n", b"a\0"])
def test_header_values_that_split(response, bad):
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        response.header("x-a", bad)
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        response.header("content-type", bad)
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        response.content_type(bad)
    assert bytes(response.finalize()).count(b"\r\n") == 3


@pytest.mark.parametrize("bad", ["", " ", "a b", "a:", "a\r\nb", "a\0", "é", b"(x)", 'a"', "[a]"])
def test_header_names_that_are_no_tokens(response, bad):
    with pytest.raises(ValueError, match="token"):
        response.header(bad, "v")


@pytest.mark.parametrize("name", ["content-length", "Content-Length", "TRANSFER-ENCODING"])
def test_headers_that_frame(response, name):
    with pytest.raises(ValueError, match="finalize"):
        response.header(name, "5")


@pytest.mark.parametrize("text", ["☃", "\ud800", "a\u0100"])
def test_headers_beyond_latin_1(response, text):
    for bad in (
        lambda: response.header(text, "v"),
        lambda: response.header("x-a", text),
        lambda: response.content_type(text),
    ):
        with pytest.raises(UnicodeEncodeError):
            bad()


def test_no_empty_content_type(response):
    with pytest.raises(ValueError, match="media type"):
        response.content_type("")


@pytest.mark.parametrize("first", ["body", "json"])
@pytest.mark.parametrize("second", ["body", "json"])
def test_only_one_body(response, first, second):
    getattr(response, first)(b"1" if first == "body" else 1)
    with pytest.raises(RuntimeError, match=f"^{second}: the response has a body already$"):
        getattr(response, second)(b"2" if second == "body" else 2)
    assert lines(response.finalize())[1] == b"1"


def test_an_empty_body_is_a_body(response):
    response.body(b"")
    with pytest.raises(RuntimeError, match="has a body already"):
        response.body(b"1")


def test_nothing_after_finalize(response):
    view = response.finalize()
    before = bytes(view)
    for method, arguments in (
        ("status", (200,)),
        ("header", ("x-a", "v")),
        ("content_type", ("a/b",)),
        ("body", (b"x",)),
        ("json", (1,)),
    ):
        with pytest.raises(RuntimeError, match=f"^{method}: the response is finalized$"):
            getattr(response, method)(*arguments)
    assert bytes(view) == bytes(response.finalize()) == before


@pytest.mark.parametrize("code", BODILESS)
def test_a_body_where_none_may_be(code):
    response = core.ZeroCopyResponse().status(code)
    for bad in (lambda: response.body(b"x"), lambda: response.json(None)):
        with pytest.raises(ValueError, match=f"status {code} has no body"):
            bad()
    response = core.ZeroCopyResponse().body(b"x")
    with pytest.raises(ValueError, match=f"status {code} has no body"):
        response.status(code)
    assert parse(response.finalize())[::2] == (200, b"x")


def test_json_that_is_none(response):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for bad, expected in (
        (float("nan"), ValueError),
        ("\ud800", UnicodeEncodeError),
        (object, (TypeError, ValueError)),
        (deep, RecursionError),
    ):
        with pytest.raises(expected):
            response.json(bad)
    assert lines(response.json(1).finalize())[1] == b"1"
    while deep:
        deep = deep.pop()


def test_wrong_types(response):
    for bad in (
        lambda: core.ZeroCopyResponse(200),
        lambda: core.ZeroCopyResponse(status=200),
        lambda: response.header("a"),
        lambda: response.header("a", "b", "c"),
        lambda: response.header(name="a", value="b"),
        lambda: response.header(1, "b"),
        lambda: response.header("a", 1),
        lambda: response.header("a", bytearray(b"b")),
        lambda: response.header("a", None),
        lambda: response.content_type(None),
        lambda: response.body("text"),
        lambda: response.body(None),
        lambda: response.body(5),
        lambda: response.body(),
        lambda: response.json(),
        lambda: response.finalize(1),
    ):
        with pytest.raises(TypeError):
            bad()
    with pytest.raises(BufferError):
        response.body(memoryview(b"1234")[::2])
    assert bytes(response.finalize()) == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def test_subclasses_of_str_and_bytes(response):
    class Text(str):
        def encode(self, *args):
            return b"\r\n"

    class Data(bytes):
        def __del__(self):
            pass

    response.header(Text("x-a"), Text("v")).header(Data(b"x-b"), Data(b"w"))
    response.content_type(Data(b"a/b")).body(Data(b"body"))
    head, body = lines(response.finalize())
    assert head[2:] == [b"content-type: a/b", b"x-a: v", b"x-b: w"]
    assert body == b"body"


def test_arguments_that_use_the_response(response):
    class Code:
        def __index__(self):
            response.finalize()
            return 404

    class Data(bytearray):
        def __buffer__(self, flags):
            other.body(b"inner")
            return super().__buffer__(flags)

    class Value(BaseModel):
        def model_dump(self, **kwargs):
            third.body(b"inner")
            return super().model_dump(**kwargs)

    with pytest.raises(RuntimeError, match="finalized"):
        response.status(Code())
    other, third = core.ZeroCopyResponse(), core.ZeroCopyResponse()
    if sys.version_info >= (3, 12):
        with pytest.raises(RuntimeError, match="has a body already"):
            other.body(Data(b"outer"))
        assert lines(other.finalize())[1] == b"inner"
    with pytest.raises(RuntimeError, match="has a body already"):
        third.json(Value())
    assert lines(third.finalize())[1] == b"inner"


def test_no_uninitialised_objects_no_subclasses_no_copies(response):
    cls = core.ZeroCopyResponse
    with pytest.raises(TypeError):
        object.__new__(cls)
    assert cls.__new__(cls).body(b"x").finalize()
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Mine", (cls,), {})
    with pytest.raises(AttributeError):
        response.other = 1
    with pytest.raises(TypeError):
        cls.body(object(), b"x")
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot pickle"):
            copied(response)
    assert str(inspect.signature(cls)) == "()"
    assert str(inspect.signature(response.header)) == "(name, value, /)"


def test_threads_on_one_response_do_no_harm():
    """One body wins, and what all see in the end is the same answer."""
    for _ in range(50):
        response, start, seen = core.ZeroCopyResponse(), threading.Barrier(3), []

        def work(text, response=response, start=start, seen=seen):
            start.wait()
            try:
                response.header("x-" + text, text * 600).body(text.encode() * 100)
            except RuntimeError:
                pass
            seen.append(bytes(response.finalize()))

        threads = [threading.Thread(target=work, args=(c,)) for c in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(seen)) == 1
        assert len(set(lines(seen[0])[1])) <= 1
