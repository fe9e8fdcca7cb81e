"""Answers for which there is no memory: whole ones, or a connection that is cut.

The core's allocations fail on demand in debug builds (FA_FAIL_AT, base/alloc.h); in others
nothing fails here, and what is checked is the plain way.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fasterapi import _native

core: Any = _native.core
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
BIG = b"b" * 20000  # above what is copied behind its chunk line


def fail_at(n: int) -> None:
    """The n-th allocation of the core from now on fails; 0: none. Each load of it looks anew."""
    os.environ["FA_FAIL_AT"] = str(n)
    spec = importlib.util.spec_from_file_location(core.__name__, core.__file__)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    del os.environ["FA_FAIL_AT"]


@pytest.fixture
def opened() -> Iterator[tuple[Any, Any, list[Any]]]:
    """A driven server, a client of it, and the requests that came to the app."""
    loop = asyncio.new_event_loop()
    server = core.Server({"worker_threads": 1})
    server.set_fixed_lines(b"x-long: " + 400 * b"x" + b"\r\n")
    streams: list[Any] = []
    server.start(loop, streams.append, True)
    peer = server.open_peer()
    peer.send(GET)
    server.turn()
    server.run_batch()
    yield server, peer, streams
    fail_at(0)
    peer.close()
    streams.clear()
    server.stop(0.0)
    loop.close()


def chunked(stream: Any) -> None:
    stream.start(200, [])
    stream.write(b"first", True)
    stream.write(BIG, True)
    stream.write(b"last", False)


def sized(stream: Any) -> None:
    stream.start(200, [(b"content-length", b"20010")])
    stream.write(b"first", True)
    stream.write(BIG, True)
    stream.write(b"-last", False)


def short(stream: Any) -> None:
    stream.start(200, [(b"content-length", b"2")])
    stream.write(b"ok", False)


def file(stream: Any) -> None:
    stream.start(200, [])
    descriptor = os.open(os.devnull, os.O_RDONLY)
    try:
        stream.write_file(descriptor, 0, 0)
    except MemoryError:
        os.close(descriptor)
        raise
    stream.write(b"ok", False)


def file_too_large(stream: Any) -> None:
    stream.start(200, [(b"content-length", b"2")])
    stream.write_file(os.open(os.devnull, os.O_RDONLY), 0, 3)
    stream.write(b"ok", False)


def careless(answer: Callable[[Any], None], stream: Any) -> None:
    """An app that takes no notice of what failed, and goes on with its answer."""

    class Deaf:
        def __getattr__(self, name: str) -> Any:
            def call(*arguments: Any) -> None:
                try:
                    getattr(stream, name)(*arguments)
                except (MemoryError, RuntimeError, ValueError):
                    if name == "write_file":
                        os.close(arguments[0])

            return call

    answer(Deaf())


@pytest.mark.parametrize("n", range(1, 16))
@pytest.mark.parametrize("answer", [chunked, sized, short, file, file_too_large])
def test_an_answer_is_whole_or_cut(
    answer: Callable[[Any], None], n: int, opened: tuple[Any, Any, list[Any]]
):
    server, peer, streams = opened
    stream = streams.pop()
    fail_at(n)
    careless(answer, stream)
    fail_at(0)
    out = b""
    for _ in range(50):
        server.run_batch()
        server.turn()
        out += peer.take()
    stream.close()
    server.turn()
    if peer.closed:
        return
    head, _, body = out.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), out[:200]
    if b"transfer-encoding" in head:
        while body:
            line, _, body = body.partition(b"\r\n")
            size = int(line, 16)
            assert body[size : size + 2] == b"\r\n"
            body = body[size + 2 :]
            assert size or not body
    else:
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        assert len(body) == length
    peer.send(GET)
    server.turn()
    server.run_batch()
    assert len(streams) == 1
