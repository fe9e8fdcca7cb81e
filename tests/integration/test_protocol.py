"""HTTP/1.1 as we speak it: what is refused and how, what is accepted, in whatever pieces it comes."""

import pytest
from live_server import LiveServer
from wire import Connection, exchange, send_and_read_all

HIDDEN = b"GET /echo/hidden HTTP/1.1\r\nHost: h\r\n\r\n"
ALICE = b'{"id":1,"name":"Alice"}'


def get(*headers: bytes, target: bytes = b"/", version: bytes = b"HTTP/1.1") -> bytes:
    lines = [b"GET " + target + b" " + version, b"Host: h", *headers, b"", b""]
    return b"\r\n".join(lines)


def post(*headers: bytes, body: bytes = b"", target: bytes = b"/length") -> bytes:
    lines = [b"POST " + target + b" HTTP/1.1", b"Host: h", *headers, b"", body]
    return b"\r\n".join(lines)


CHUNKED = b"Transfer-Encoding: chunked"
REFUSED: dict[str, tuple[bytes, int]] = {
    # The request line.
    "tls hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "http/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "no version": (b"GET /\r\nHost: h\r\n\r\n", 400),
    "version 0.9": (get(version=b"HTTP/0.9"), 505),
    "version 1.2": (get(version=b"HTTP/1.2"), 505),
    "version 2.0": (get(version=b"HTTP/2.0"), 505),
    "version lower case": (get(version=b"http/1.1"), 400),
    "version HTTP/1.": (get(version=b"HTTP/1."), 400),
    "version HTTP/11": (get(version=b"HTTP/11"), 400),
    "version HTTP/1.1x": (get(version=b"HTTP/1.1x"), 400),
    "version HTTP/ 1.1": (get(version=b"HTTP/ 1.1"), 400),
    "other protocol": (get(version=b"ICY/1.1"), 400),
    "two spaces after the method": (b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "two spaces after the target": (b"GET /  HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "tab in the request line": (b"GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "space before the method": (b" GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "trailing space": (b"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400),
    "no target": (b"GET HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "method with a colon": (b"GE:T / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "method with a NUL": (b"GE\x00T / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "target with a NUL": (get(target=b"/a\x00b"), 400),
    "target with a control": (get(target=b"/a\x1fb"), 400),
    "target with DEL": (get(target=b"/a\x7fb"), 400),
    "target with a tab": (get(target=b"/a\tb"), 400),
    "target with a fragment": (get(target=b"/a#b"), 400),
    "target without a slash": (get(target=b"path"), 400),
    "target * for GET": (get(target=b"*"), 400),
    "CONNECT": (b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501),
    # Line ends.
    "bare LF in the request line": (b"GET / HTTP/1.1\nHost: h\r\n\r\n", 400),
    "bare LF after a header": (b"GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", 400),
    "only LF": (b"GET / HTTP/1.1\nHost: h\n\n", 400),
    "bare CR in a value": (get(b"A: b\rc"), 400),
    "bare CR for a line end": (b"GET / HTTP/1.1\rHost: h\r\r", 400),
    "CR CR LF": (b"GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", 400),
    # Headers.
    "space before the colon": (get(b"A : b"), 400),
    "tab before the colon": (get(b"A\t: b"), 400),
    "no colon": (get(b"just text"), 400),
    "empty name": (get(b": b"), 400),
    "name with a space": (get(b"A B: c"), 400),
    "name with a control": (get(b"A\x01: c"), 400),
    "name with 8 bits": (get(b"A\xe9: c"), 400),
    "name with a bracket": (get(b"A(b): c"), 400),
    "folded header": (get(b"A: b", b" c"), 400),
    "fold as the first header": (b"GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400),
    "NUL in a value": (get(b"A: b\x00c"), 400),
    "control in a value": (get(b"A: b\x08c"), 400),
    "DEL in a value": (get(b"A: b\x7fc"), 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (get(b"Host: h"), 400),
    "Host with a path": (b"GET / HTTP/1.1\r\nHost: a/?x=\r\n\r\n", 400),
    "Host with a space": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "Host with user info": (b"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400),
    "Host with a bad port": (b"GET / HTTP/1.1\r\nHost: h:8x\r\n\r\n", 400),
    "257 headers": (get(*[b"A%d: b" % n for n in range(256)]), 431),
    "header block too long": (get(b"A: " + b"x" * 70_000), 431),
    "header block too long, in many": (get(*[b"A%d: " % n + b"x" * 900 for n in range(80)]), 431),
    "request line too long": (get(target=b"/" + b"x" * 70_000), 414),
    "request line too long, no end": (b"GET /" + b"x" * 70_000, 414),
    "method too long": (b"X" * 70_000, 414),
    # Framing of the body.
    "length not a number": (post(b"Content-Length: x"), 400),
    "length with a sign": (post(b"Content-Length: +3", body=b"abc"), 400),
    "length negative": (post(b"Content-Length: -3"), 400),
    "length with an underscore": (post(b"Content-Length: 1_0"), 400),
    "length in hex": (post(b"Content-Length: 0x3"), 400),
    "length with a dot": (post(b"Content-Length: 3.0"), 400),
    "length empty": (post(b"Content-Length:"), 400),
    "length list": (post(b"Content-Length: 3, 3", body=b"abc"), 400),
    "length twice, the same": (post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"), 400),
    "length twice, different": (post(b"Content-Length: 3", b"Content-Length: 4", body=b"abc"), 400),
    "length 2^64": (post(b"Content-Length: 18446744073709551616"), 400),
    "length of 100 digits": (post(b"Content-Length: " + b"9" * 100), 400),
    "length and chunked": (post(b"Content-Length: 3", CHUNKED, body=b"0\r\n\r\n"), 400),
    "chunked and length": (post(CHUNKED, b"Content-Length: 3", body=b"0\r\n\r\n"), 400),
    "chunked twice": (post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), 400),
    "chunked, chunked": (post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), 400),
    "coding gzip": (post(b"Transfer-Encoding: gzip"), 501),
    "coding identity": (post(b"Transfer-Encoding: identity"), 501),
    "coding with a vertical tab": (post(b"Transfer-Encoding: \x0bchunked"), 400),
    "coding in HTTP/1.0": (b"POST /length HTTP/1.0\r\n" + CHUNKED + b"\r\n\r\n0\r\n\r\n", 400),
    "unknown expectation": (post(b"Expect: 200-ok", b"Content-Length: 0"), 417),
}
# One of these statuses: the RFC leaves more than one way to say it.
EITHER = {
    "coding gzip": {400, 501},
    "coding identity": {400, 501},
    "chunked, chunked": {400, 501},
    "request line too long, no end": {400, 414},
}
BAD_CHUNKS = {
    "size not hex": b"x\r\nabc\r\n0\r\n\r\n",
    "size empty": b"\r\nabc\r\n0\r\n\r\n",
    "size with 0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "size with a sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "size negative": b"-1\r\nabc\r\n0\r\n\r\n",
    "size with an underscore": b"0_3\r\nabc\r\n0\r\n\r\n",
    "size with a space before": b" 3\r\nabc\r\n0\r\n\r\n",
    "size of 17 digits": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "size overflow": b"ffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "line end LF": b"3\nabc\r\n0\r\n\r\n",
    "data end LF": b"3\r\nabc\n0\r\n\r\n",
    "data too long": b"3\r\nabcXX\r\n0\r\n\r\n",
    "two bytes for CRLF": b"3\r\nabcXX0\r\n\r\n",
    "extension with LF": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "extension with CR": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "extension with NUL": b"3;a\x00\r\nabc\r\n0\r\n\r\n",
    "extension too long": b"3;" + b"a" * 5000 + b"\r\nabc\r\n0\r\n\r\n",
    "trailer with a space": b"0\r\nA : b\r\n\r\n",
    "trailer with LF": b"0\r\nA: b\n\r\n",
    "trailer without colon": b"0\r\nA\r\n\r\n",
    "end LF": b"0\r\n\n",
}


def assert_alive(server: LiveServer) -> None:
    assert exchange(server.address, get()).body == ALICE


@pytest.mark.parametrize("name", REFUSED)
def test_malformed_request_is_refused_once_and_closed(name: str, server: LiveServer):
    raw, status = REFUSED[name]
    received = send_and_read_all(server.address, raw + HIDDEN)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 "), received
    assert int(head[9:12]) in EITHER.get(name, {status}), received
    assert b"\r\nconnection: close" in head.lower()
    # One answer, complete, with nothing of the client's in it.
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"hidden" not in received
    assert f"content-length: {len(body)}".encode() in head.lower()
    assert_alive(server)


@pytest.mark.parametrize("target", [b"/length", b"/items"])
@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_malformed_chunks_are_refused_and_closed(name: str, target: bytes, server: LiveServer):
    raw = post(CHUNKED, b"Content-Type: application/json", body=BAD_CHUNKS[name], target=target)
    received = send_and_read_all(server.address, raw + HIDDEN)
    assert received.startswith(b"HTTP/1.1 400 "), received
    assert received.count(b"HTTP/1.1 ") == 1
    assert_alive(server)


ACCEPTED: dict[str, tuple[bytes, bytes]] = {
    "empty line before": (b"\r\n" + get(), ALICE),
    "HTTP/1.0 without Host": (b"GET / HTTP/1.0\r\n\r\n", ALICE),
    "absolute target": (
        b"GET http://other/echo/x HTTP/1.1\r\nHost: h\r\n\r\n",
        b'{"text":"x","n":0}',
    ),
    "100 headers": (get(*[b"A%d: b" % n for n in range(99)]), ALICE),
    "header without a value": (get(b"A:"), ALICE),
    "header with spaces": (get(b"A:  \t b \t "), ALICE),
    "8-bit value": (get(b"A: \xff\xfe"), ALICE),
    "tab in a value": (get(b"A: b\tc"), ALICE),
    "all token characters": (get(b"!#$%&'*+-.^_`|~09azAZ: v"), ALICE),
    "Host with a port": (b"GET / HTTP/1.1\r\nHost: h:8000\r\n\r\n", ALICE),
    "Host IPv6": (b"GET / HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n", ALICE),
    "Host empty": (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", ALICE),
    "odd punctuation in a target": (get(target=b"/echo/a!$&'()*+,;=:@-._~"), None),
    "length with leading zeros": (post(b"Content-Length: 003", body=b"abc"), b"3"),
    "chunked": (post(CHUNKED, body=b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), b"5"),
    "chunked upper case": (
        post(b"TRANSFER-ENCODING: Chunked", body=b"3\r\nabc\r\n0\r\n\r\n"),
        b"3",
    ),
    "chunk sizes in hex": (post(CHUNKED, body=b"0A\r\n0123456789\r\n0\r\n\r\n"), b"10"),
    "chunk extensions": (post(CHUNKED, body=b'3;a=b;c="d"\r\nabc\r\n0;e\r\n\r\n'), b"3"),
    "trailers": (post(CHUNKED, body=b"3\r\nabc\r\n0\r\nX: y\r\nZ: 1\r\n\r\n"), b"3"),
    "GET with a body": (get(b"Content-Length: 3") + b"abc", ALICE),
    "connection list": (get(b"Connection: foo, keep-alive"), ALICE),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_unusual_but_valid_request(name: str, server: LiveServer):
    raw, body = ACCEPTED[name]
    with Connection(server.address) as connection:
        connection.send(raw)
        response = connection.read_response()
        assert response.status == 200, response
        if body is not None:
            assert response.body == body
        if b"HTTP/1.0" not in raw:
            # What follows is taken as the next request: the framing was understood.
            connection.send(get())
            assert connection.read_response().body == ALICE


@pytest.mark.parametrize(
    ("raw", "closes"),
    [
        (get(), False),
        (get(b"Connection: close"), True),
        (get(b"Connection: CLOSE"), True),
        (get(b"Connection: keep-alive, close"), True),
        (get(b"Connection: close", b"Connection: keep-alive"), True),
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: close\r\n\r\n", True),
    ],
)
@pytest.mark.parametrize("target", [b"/", b"/def", b"/state"])
def test_when_the_connection_is_kept(raw: bytes, closes: bool, target: bytes, server: LiveServer):
    raw = raw.replace(b"GET / ", b"GET " + target + b" ")
    with Connection(server.address) as connection:
        connection.send(raw)
        response = connection.read_response()
        assert response.status == 200
        if closes:
            assert connection.closed_by_peer()
            if b"HTTP/1.1" in raw:
                assert response.header(b"connection") == b"close"
        else:
            if b"HTTP/1.0" in raw:
                assert (response.header(b"connection") or b"").lower() == b"keep-alive"
            connection.send(get())
            assert connection.read_response().body == ALICE


@pytest.mark.parametrize("target", [b"/", b"/def", b"/state", b"/nothing", b"/wait-not"])
def test_nothing_is_answered_after_close(target: bytes, server: LiveServer):
    received = send_and_read_all(server.address, get(b"Connection: close", target=target) + HIDDEN)
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"hidden" not in received


def test_head_has_the_length_but_no_body(server: LiveServer):
    raw = b"HEAD /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n"
    with Connection(server.address) as connection:
        connection.send(raw + get())
        head = connection.read_response(b"HEAD")
        assert head.status == 200
        assert int(head.header(b"content-length") or b"0") > 100
        assert connection.read_response().body == ALICE


@pytest.mark.parametrize("target", [b"/", b"/def", b"/state", b"/echo/a?n=2"])
@pytest.mark.parametrize("count", [2, 16, 17, 200])
def test_pipelined_requests_are_answered_in_order(target: bytes, count: int, server: LiveServer):
    with Connection(server.address) as connection:
        connection.send(
            b"".join(get(target=b"/echo/%d" % n) + get(target=target) for n in range(count))
        )
        for n in range(count):
            assert connection.read_response().body == b'{"text":"%d","n":0}' % n
            assert connection.read_response().status == 200


@pytest.mark.parametrize("kind", [b"async", b"def"])
def test_a_handler_runs_once_for_each_request(kind: bytes, server: LiveServer):
    count = 500
    with Connection(server.address) as connection:
        connection.send(get(target=b"/count/" + kind) * count)
        numbers = [int(connection.read_response().body) for _ in range(count)]
    first = min(numbers)
    assert sorted(numbers) == list(range(first, first + count))


def test_slow_and_fast_answers_keep_their_order(server: LiveServer):
    """/wait is answered before /, although / is ready long before."""
    with Connection(server.address) as connection:
        connection.send(get(target=b"/wait") + get() + get(target=b"/def"))
        while exchange(server.address, get(target=b"/release")).body == b"0":
            pass
        assert connection.read_response().body == b'"released"'
        assert connection.read_response().body == ALICE
        assert connection.read_response().body == ALICE


WHOLE = {
    "get": (get(b"User-Agent: test"), 200, ALICE),
    "query": (get(target=b"/echo/%C3%A9?n=7"), 200, '{"text":"é","n":7}'.encode()),
    "post": (
        post(
            b"Content-Type: application/json",
            b"Content-Length: 21",
            body=b'{"name":"a","size":3}',
            target=b"/items",
        ),
        200,
        b'{"name":"a","size":3}',
    ),
    "chunked": (
        post(CHUNKED, body=b"4;x=y\r\nabcd\r\n1\r\ne\r\n0\r\nT: t\r\n\r\n"),
        200,
        b"5",
    ),
    "chunked model": (
        post(
            b"Content-Type: application/json",
            CHUNKED,
            body=b'9\r\n{"name":"\r\n3\r\nb"}\r\n0\r\n\r\n',
            target=b"/items",
        ),
        200,
        b'{"name":"b","size":0}',
    ),
    "missing": (get(target=b"/nothing"), 404, b'{"detail":"Not Found"}'),
    "two": (get(target=b"/echo/1") + get(target=b"/echo/2"), 200, b'{"text":"1","n":0}'),
    "bad": (b"GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", 400, None),
    "bad chunk": (post(CHUNKED, body=b"3\r\nabcX\r\n0\r\n\r\n"), 400, None),
}


@pytest.mark.parametrize("name", WHOLE)
def test_the_same_answer_wherever_the_request_is_cut(name: str, server: LiveServer):
    """In two pieces, cut at every byte. A round trip on a second connection lies between them, so
    the server has seen the first piece alone."""
    raw, status, body = WHOLE[name]
    with Connection(server.address) as other:
        for cut in range(1, len(raw)):
            with Connection(server.address) as connection:
                connection.send(raw[:cut])
                other.send(get())
                assert other.read_response().body == ALICE
                try:
                    connection.send(raw[cut:])
                except (BrokenPipeError, ConnectionResetError):
                    assert status == 400
                response = connection.read_response()
                assert response.status == status, (cut, response)
                if body is not None:
                    assert response.body == body, cut
                else:
                    assert connection.closed_by_peer()


@pytest.mark.parametrize("name", WHOLE)
def test_the_same_answer_byte_by_byte(name: str, server: LiveServer):
    raw, status, body = WHOLE[name]
    with Connection(server.address) as connection, Connection(server.address) as other:
        for at in range(len(raw)):
            try:
                connection.send(raw[at : at + 1])
            except (BrokenPipeError, ConnectionResetError):
                assert status == 400
                break
            other.send(get())
            other.read_response()
        response = connection.read_response()
        assert response.status == status
        if body is not None:
            assert response.body == body


def test_half_closed_client_gets_its_answer(server: LiveServer):
    for target in (b"/", b"/def", b"/state"):
        with Connection(server.address) as connection:
            connection.send(get(target=target))
            connection.finish_sending()
            assert connection.read_response().status == 200
            assert connection.closed_by_peer()


def test_expect_continue(server: LiveServer):
    head = post(b"Expect: 100-continue", b"Content-Length: 3")
    for target in (b"/length", b"/items"):
        with Connection(server.address) as connection:
            raw = head.replace(b"/length", target)
            connection.send(raw.replace(b"Expect", b"Content-Type: application/json\r\nExpect"))
            assert connection.read_head().status == 100
            connection.send(b"123")
            assert connection.read_response().status == (200 if target == b"/length" else 422)


def test_expect_continue_with_the_body_already_there(server: LiveServer):
    raw = post(b"Expect: 100-continue", b"Content-Length: 3", body=b"123")
    assert exchange(server.address, raw).body == b"3"


def test_no_continue_for_http_1_0(server: LiveServer):
    raw = b"POST /length HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n123"
    with Connection(server.address) as connection:
        connection.send(raw)
        assert connection.read_head().status == 200


def test_large_answer_to_a_slow_reader(server: LiveServer):
    with Connection(server.address, receive_buffer=4096) as connection:
        connection.send(get(target=b"/large"))
        assert_alive(server)
        response = connection.read_response()
        assert response.body == b"0123456789abcdef" * 500_000


def test_many_one_byte_chunks(server: LiveServer):
    count = 50_000
    raw = post(CHUNKED, body=b"1\r\nx\r\n" * count + b"0\r\n\r\n")
    assert exchange(server.address, raw).body == b"%d" % count


def test_app_cannot_smuggle_headers(server: LiveServer):
    response = exchange(server.address, get(target=b"/boom/header"))
    assert response.status == 500
    assert response.header(b"set-cookie") is None
    assert_alive(server)
