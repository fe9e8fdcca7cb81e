"""Headers of every answer leave the answers as they are, whatever their length."""

from __future__ import annotations

import gzip

import pytest
from live_server import start_fasterapi
from wire import Connection, Response

PATHS = ("/small", "/large", "/object", "/refused", "/nowhere")


def answers_of(*options: str) -> list[Response]:
    """To each path plain, packed, from another origin, and as a HEAD, on one connection."""
    server = start_fasterapi("headers_app.py", *options)
    try:
        with Connection(server.address) as client:
            found = []
            for path in PATHS:
                for line in ("x: y", "Accept-Encoding: gzip", "Origin: http://o"):
                    client.send(f"GET {path} HTTP/1.1\r\nHost: h\r\n{line}\r\n\r\n".encode())
                    found.append(client.read_response())
                client.send(f"HEAD {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
                found.append(client.read_response(b"HEAD"))
            return found
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("length", "options"),
    [
        (1, []),
        (60, []),
        (300, []),
        (7000, []),
        (480, ["--buffer-size", "1024"]),
        (480, ["--buffer-size", "1024", "--no-zero-copy", "--no-object-pools"]),
    ],
)
def test_answers_are_the_same_but_for_it(length: int, options: list[str]):
    without = answers_of(*options)
    for before, after in zip(
        without, answers_of(*options, "--header", "x-long:" + "v" * length), strict=True
    ):
        assert after.header(b"x-long") == b"v" * length
        assert (after.status, unpacked(after)) == (before.status, unpacked(before))
        kept = [pair for pair in after.headers if pair[0] != b"x-long"]
        assert [name for name, _ in kept] == [name for name, _ in before.headers]
        for pair, was in zip(kept, before.headers, strict=True):
            assert pair == was or pair[0] in (b"date", b"content-length")


def unpacked(answer: Response) -> bytes:
    is_packed = answer.header(b"content-encoding") == b"gzip" and answer.body
    return gzip.decompress(answer.body) if is_packed else answer.body
