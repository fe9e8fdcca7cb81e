"""Any ASGI app on our server: streaming both ways, files, and apps that break the rules."""

import os
import pathlib

import pytest
from live_server import LiveServer
from wire import Connection, WireError, exchange


def get(target: str, version: str = "HTTP/1.1") -> bytes:
    return f"GET {target} {version}\r\nHost: h\r\n\r\n".encode()


def test_echo_streams_in_both_directions(asgi_server: LiveServer):
    """Each piece comes back before the next one is sent."""
    with Connection(asgi_server.address) as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        for n in range(20):
            piece = b"piece %d;" % n
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            if n == 0:
                head = connection.read_head()
                assert head.status == 200
                assert head.header(b"transfer-encoding") == b"chunked"
            size = int(connection._until(b"\r\n"), 16)
            assert connection.read_exactly(size + 2) == piece + b"\r\n"
        connection.send(b"0\r\n\r\n")
        assert connection.read_exactly(5) == b"0\r\n\r\n"
        connection.send(get("/no-length"))
        assert connection.read_response().body == b"whole"


def test_an_app_that_blocks_does_not_hold_its_answer_back(
    asgi_server: LiveServer, tmp_path: pathlib.Path
):
    """The reactor may be napping while the answer is written; it comes back by itself."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with Connection(asgi_server.address) as connection:
        for _ in range(20):
            connection.send(get(f"/answered-then-stuck?{fifo}"))
            assert connection.read_response().body == b"answered"
            fifo.write_bytes(b"go on")


def test_large_echo(asgi_server: LiveServer):
    """More than every buffer on the way holds, while we read and write at the same time."""
    import threading

    body = bytes(range(256)) * 40_000
    head = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body)
    with Connection(asgi_server.address) as connection:
        sender = threading.Thread(target=connection.send, args=(head + body,))
        sender.start()
        assert connection.read_response().body == body
        sender.join()


def test_http_1_0_gets_no_chunks(asgi_server: LiveServer):
    with Connection(asgi_server.address) as connection:
        connection.send(get("/no-length", "HTTP/1.0"))
        head = connection.read_head()
        assert head.header(b"transfer-encoding") is None
        assert connection.read_to_end() == b"whole"


def test_scope(asgi_server: LiveServer):
    """Blanks around a header's value are no part of it; Uvicorn with httptools keeps those behind."""
    raw = b"GET /scope?a=%20b HTTP/1.1\r\nHost: h\r\nX-Up: V\r\nx-up: \t w \t\r\n\r\n"
    text = exchange(asgi_server.address, raw).body.decode()
    for part in (
        "('http_version', '1.1')",
        "('method', 'GET')",
        "('path', '/scope')",
        "('raw_path', b'/scope')",
        "('query_string', b'a=%20b')",
        "('root_path', '')",
        "('scheme', 'http')",
        "('headers', [(b'host', b'h'), (b'x-up', b'V'), (b'x-up', b'w')])",
        "'spec_version': '2.3'",
    ):
        assert part in text


def test_pathsend(asgi_server: LiveServer):
    path = pathlib.Path(__file__).parent / "apps" / "static" / "hello.txt"
    with Connection(asgi_server.address) as connection:
        for _ in range(3):
            connection.send(get("/pathsend"))
            assert connection.read_response().body == path.read_bytes()


def test_pathsend_without_a_length(asgi_server: LiveServer):
    path = pathlib.Path(__file__).parent / "apps" / "static" / "hello.txt"
    with Connection(asgi_server.address) as connection:
        for target, expected in (("", path.read_bytes()), ("?empty", b""), ("", path.read_bytes())):
            connection.send(get(f"/pathsend-chunked{target}"))
            response = connection.read_response()
            assert response.header(b"transfer-encoding") == b"chunked"
            assert response.body == expected


def test_two_lengths_are_refused(asgi_server: LiveServer):
    response = exchange(asgi_server.address, get("/two-lengths"))
    assert (response.status, response.body) == (500, b"Internal Server Error")
    asgi_server.wait_for_line("content-length must be one number of bytes")


@pytest.mark.parametrize(
    ("target", "logged"), [("/raises", "raised before the start"), ("/silent", "ASGI")]
)
def test_app_without_an_answer_gives_500(target: str, logged: str, asgi_server: LiveServer):
    response = exchange(asgi_server.address, get(target))
    assert (response.status, response.body) == (500, b"Internal Server Error")
    asgi_server.wait_for_line(logged)


def test_answer_cut_in_the_middle_closes_the_connection(asgi_server: LiveServer):
    with Connection(asgi_server.address) as connection:
        connection.send(get("/raises-late"))
        with pytest.raises(WireError):
            connection.read_response()
    asgi_server.wait_for_line("raised in the body")


def test_body_longer_than_its_length_is_never_sent_on(asgi_server: LiveServer):
    with Connection(asgi_server.address) as connection:
        connection.send(get("/too-long") + get("/no-length"))
        received = b""
        try:
            while b"whole" not in received:
                received += connection.read_exactly(1)
        except WireError:
            pass  # Closing the connection is right.
        assert b"12345" not in received


def test_status_without_a_body(asgi_server: LiveServer):
    with Connection(asgi_server.address) as connection:
        connection.send(get("/empty") + get("/no-length"))
        response = connection.read_response()
        assert response.status == 204
        assert response.header(b"content-length") is None
        assert response.header(b"transfer-encoding") is None
        assert connection.read_response().body == b"whole"


def test_answer_before_the_body_was_read(asgi_server: LiveServer):
    """The client still gets the answer, and what it sends on is never taken for a request."""
    head = b"POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"
    with Connection(asgi_server.address) as connection:
        connection.send(head + get("/no-length") * 10)
        assert connection.read_response().status == 403
        rest = b""
        try:
            connection.send(b"x" * (100_000 - len(get("/no-length")) * 10))
            connection.finish_sending()
            rest = connection.read_to_end()
        except OSError:
            pass  # Closed before all was sent, as it may be.
        assert b"whole" not in rest


def test_expectation_is_not_met_when_the_app_does_not_read(asgi_server: LiveServer):
    raw = b"POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with Connection(asgi_server.address) as connection:
        connection.send(raw)
        assert connection.read_head().status == 403


def test_many_headers(asgi_server: LiveServer):
    response = exchange(asgi_server.address, get("/many-headers"))
    assert sum(name.startswith(b"x-") for name, _ in response.headers) == 200
    assert response.body == b"ok"


def test_unknown_path(asgi_server: LiveServer):
    assert exchange(asgi_server.address, get("/")).status == 404
