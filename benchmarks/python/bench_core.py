"""The parts of the core as Python classes, beside what one would use instead.

make bench-python ARGS="-k core"

Each group compares like with like: the same items through every queue, the same document as
bytes, the same answer as one piece of memory. Peers that are not installed are named and left out.
"""

from __future__ import annotations

import collections
import importlib
import json
import queue
from collections.abc import Callable
from typing import Any

import pytest
from starlette.routing import Route, Router

from fasterapi._native import core

PAIRS = 100  # pushes and pops in one call, so that the call itself does not count
SHORT = {"max_time": 0.2, "min_rounds": 5}
DOCUMENT = {
    "id": 12345,
    "name": "a name with ümlauts",
    "price": 19.99,
    "tags": ["red", "green", "blue"],
    "in_stock": True,
    "note": None,
    "sizes": [{"w": n, "h": n * 1.5} for n in range(5)],
}


@pytest.fixture
def peer(capsys: pytest.CaptureFixture[str]) -> Callable[[str], Any]:
    """The module of that name; where it is missing, says so and leaves the comparison out."""

    def find(name: str) -> Any:
        try:
            return importlib.import_module(name)
        except ImportError:
            with capsys.disabled():
                print(f"\n{name} is left out: pip install {name}")
            return pytest.skip(f"{name} is not installed")

    return find


# --- queues ---------------------------------------------------------------------------------


def ends(name: str) -> tuple[Callable[[Any], Any], Callable[[], Any]]:
    """Push and pop of an empty queue."""
    if name == "deque":
        items: collections.deque[Any] = collections.deque()
        return items.append, items.popleft
    if name == "SimpleQueue":
        simple: queue.SimpleQueue[Any] = queue.SimpleQueue()
        return simple.put, simple.get_nowait
    ours = getattr(core, name)(1024)
    return ours.try_push, ours.try_pop


QUEUES = ("SPSCQueue", "MPMCQueue", "LockedQueue", "SimpleQueue", "deque")


@pytest.mark.benchmark(group=f"queue: {PAIRS} x push, pop", **SHORT)
@pytest.mark.parametrize("name", QUEUES)
def test_queue_in_turn(benchmark: Any, name: str) -> None:
    push, pop = ends(name)

    def run() -> Any:
        for n in range(PAIRS):
            push(n)
            last = pop()
        return last

    assert benchmark(run) == PAIRS - 1


@pytest.mark.benchmark(group=f"queue: {PAIRS} pushes, then {PAIRS} pops", **SHORT)
@pytest.mark.parametrize("name", QUEUES)
def test_queue_in_a_row(benchmark: Any, name: str) -> None:
    push, pop = ends(name)

    def run() -> Any:
        for n in range(PAIRS):
            push(n)
        for _ in range(PAIRS):
            last = pop()
        return last

    assert benchmark(run) == PAIRS - 1


# --- JSON -----------------------------------------------------------------------------------


def build() -> bytes:
    """DOCUMENT, call by call."""
    builder = core.JSONBuilder()
    builder.begin_object().key("id").int_value(12345)
    builder.key("name").string_value("a name with ümlauts").key("price").float_value(19.99)
    builder.key("tags").begin_array().string_value("red").string_value("green")
    builder.string_value("blue").end_array().key("in_stock").bool_value(True)
    builder.key("note").null_value().key("sizes").begin_array()
    for n in range(5):
        builder.begin_object().key("w").int_value(n).key("h").float_value(n * 1.5).end_object()
    return builder.end_array().end_object().finish()  # type: ignore[no-any-return]


def dumps(value: Any) -> bytes:
    """As FastAPI calls it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def encoder(name: str, peer: Callable[[str], Any]) -> Callable[[Any], bytes]:
    if name == "json":
        return dumps
    module = peer(name)
    return module.dumps if name == "orjson" else module.json.encode  # type: ignore[no-any-return]


@pytest.mark.benchmark(group="JSON: a document as bytes", **SHORT)
@pytest.mark.parametrize("name", ["JSONBuilder", "json", "orjson", "msgspec"])
def test_json(benchmark: Any, name: str, peer: Callable[[str], Any]) -> None:
    if name == "JSONBuilder":
        text = benchmark(build)
    else:
        text = benchmark(encoder(name, peer), DOCUMENT)
    assert json.loads(text) == DOCUMENT


# --- answers --------------------------------------------------------------------------------


def joined(body: bytes, content_type: bytes) -> bytes:
    """An answer out of its pieces, copied together."""
    return b"".join(
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: ",
            str(len(body)).encode(),
            b"\r\ncontent-type: ",
            content_type,
            b"\r\nx-request-id: 12345\r\n\r\n",
            body,
        )
    )


def added(body: bytes, content_type: bytes) -> bytes:
    """The same, header by header."""
    answer = b"HTTP/1.1 200 OK\r\n"
    answer += b"content-length: " + str(len(body)).encode() + b"\r\n"
    answer += b"content-type: " + content_type + b"\r\n"
    answer += b"x-request-id: 12345\r\n"
    answer += b"\r\n"
    answer += body
    return answer


def zero_copy(body: bytes, content_type: bytes) -> memoryview:
    response = core.ZeroCopyResponse().content_type(content_type)
    return response.header(b"x-request-id", b"12345").body(body).finalize()  # type: ignore[no-any-return]


@pytest.mark.benchmark(group="answer: bytes to one piece of memory", **SHORT)
@pytest.mark.parametrize("size", [100, 8192, 1 << 20])
@pytest.mark.parametrize("make", [zero_copy, joined, added])
def test_answer(benchmark: Any, make: Callable[..., Any], size: int) -> None:
    body = b"x" * size
    assert bytes(benchmark(make, body, b"text/plain")) == joined(body, b"text/plain")


def zero_copy_json(value: Any) -> memoryview:
    response = core.ZeroCopyResponse().header(b"x-request-id", b"12345")
    return response.json(value).finalize()  # type: ignore[no-any-return]


@pytest.mark.benchmark(group="answer: a value to JSON in one piece of memory", **SHORT)
@pytest.mark.parametrize("name", ["ZeroCopyResponse", "json", "orjson", "msgspec"])
def test_json_answer(benchmark: Any, name: str, peer: Callable[[str], Any]) -> None:
    if name == "ZeroCopyResponse":
        answer = benchmark(zero_copy_json, DOCUMENT)
    else:
        encode = encoder(name, peer)
        answer = benchmark(lambda: joined(encode(DOCUMENT), b"application/json"))
    assert bytes(answer) == joined(dumps(DOCUMENT), b"application/json")


# --- buffers, routes, requests ----------------------------------------------------------------


@pytest.mark.benchmark(group="8 KiB to write into", **SHORT)
@pytest.mark.parametrize("name", ["BufferPool", "BufferPool zero=False", "bytearray"])
def test_buffer(benchmark: Any, name: str) -> None:
    pool = core.BufferPool(8192, 16, zero=name == "BufferPool")

    def pooled() -> int:
        with pool.acquire() as buffer:
            return len(buffer)

    assert benchmark((lambda: len(bytearray(8192))) if name == "bytearray" else pooled) == 8192


@pytest.mark.benchmark(group="the last of 100 routes", **SHORT)
@pytest.mark.parametrize("name", ["Router", "Starlette"])
def test_router(benchmark: Any, name: str) -> None:
    patterns = [f"/resource{n}/{{id:int}}" for n in range(100)]
    path = "/resource99/42"
    if name == "Router":
        ours = core.Router()
        for pattern in patterns:
            ours.add("GET", pattern, pattern)
        assert benchmark(ours.match, "GET", path) == (patterns[-1], {"id": 42})
        return
    routes = Router([Route(pattern, lambda request: None) for pattern in patterns]).routes
    scope = {"type": "http", "method": "GET", "path": path, "root_path": ""}

    def search() -> Any:
        for route in routes:
            match, child = route.matches(scope)
            if match.value == 2:
                return child["path_params"]
        return None

    assert benchmark(search) == {"id": 42}


REQUEST = (
    b"GET /items/42?q=x HTTP/1.1\r\nHost: example.org\r\nUser-Agent: bench\r\n"
    b"Accept: */*\r\nConnection: keep-alive\r\n\r\n"
)


class Collects:
    """What httptools calls back, collected into what parse_request returns."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))


@pytest.mark.benchmark(group="a request head of four headers", **SHORT)
@pytest.mark.parametrize("name", ["parse_request", "httptools"])
def test_parse(benchmark: Any, name: str, peer: Callable[[str], Any]) -> None:
    if name == "parse_request":
        assert len(benchmark(core.parse_request, REQUEST).headers) == 4
        return
    httptools = peer(name)

    def parse() -> Collects:
        into = Collects()
        httptools.HttpRequestParser(into).feed_data(REQUEST)
        return into

    assert len(benchmark(parse).headers) == 4
