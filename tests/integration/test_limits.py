"""Each limit at its value, one below and one above; each timeout with a small value."""

import contextlib
import selectors
from collections.abc import Iterator

import pytest
from live_server import LiveServer, start_fasterapi, wait_until
from wire import PATIENCE, Connection, WireError, exchange, send_and_read_all

ALICE = b'{"id":1,"name":"Alice"}'
STATE = b"GET /state HTTP/1.1\r\nHost: h\r\n\r\n"
LINE, BLOCK, COUNT, BODY, PIPELINED, CONNECTIONS = 128, 512, 8, 64, 4, 16


@pytest.fixture(scope="module")
def limited() -> Iterator[LiveServer]:
    server = start_fasterapi(
        "server_app.py",
        *("--max-request-line", str(LINE)),
        *("--max-header-bytes", str(BLOCK)),
        *("--max-header-count", str(COUNT)),
        *("--max-body-size", str(BODY)),
        *("--max-pipelined", str(PIPELINED)),
        *("--max-connections", str(CONNECTIONS)),
        *("--buffer-size", "1024", "--buffer-pool-size", "4"),
    )
    yield server
    assert server.stop() == 0, server.output


@pytest.fixture(scope="module")
def impatient() -> Iterator[LiveServer]:
    server = start_fasterapi(
        "server_app.py",
        *("--header-timeout", "0.3", "--body-timeout", "0.3"),
        *("--keep-alive-timeout", "0.3", "--send-timeout", "0.3"),
    )
    yield server
    assert server.stop() == 0, server.output


def line_of(length: int) -> bytes:
    """A request whose line has this many bytes, its CRLF not counted."""
    start, end = b"GET /echo/", b" HTTP/1.1"
    return start + b"x" * (length - len(start) - len(end)) + end + b"\r\nHost: h\r\n\r\n"


def block_of(length: int) -> bytes:
    """A request whose head has this many bytes, the empty line included."""
    start = b"GET / HTTP/1.1\r\nHost: h\r\nA: "
    return start + b"x" * (length - len(start) - 4) + b"\r\n\r\n"


def count_of(count: int) -> bytes:
    headers = b"".join(b"A%d: b\r\n" % n for n in range(count - 1))
    return b"GET / HTTP/1.1\r\nHost: h\r\n" + headers + b"\r\n"


def body_of(length: int, chunked: bool = False) -> bytes:
    body = b'{"name":"' + b"x" * (length - 11) + b'"}'
    head = b"POST /items HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    if chunked:
        pieces = [body[:10], body[10:]]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces)
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    ("make", "limit", "status"),
    [
        (line_of, LINE, 414),
        (block_of, BLOCK, 431),
        (count_of, COUNT, 431),
        (body_of, BODY, 413),
        (lambda n: body_of(n, chunked=True), BODY, 413),
    ],
    ids=["request line", "header block", "header count", "body", "chunked body"],
)
def test_limit(make, limit: int, status: int, limited: LiveServer):
    for size in (limit - 1, limit):
        assert exchange(limited.address, make(size)).status == 200, size
    for size in (limit + 1, limit + 2, limit * 3):
        received = send_and_read_all(limited.address, make(size))
        assert received.startswith(b"HTTP/1.1 %d " % status), (size, received)
        assert received.count(b"HTTP/1.1 ") == 1
    assert exchange(limited.address, make(limit)).status == 200


def test_body_limit_is_answered_before_the_body_comes(limited: LiveServer):
    raw = b"POST /items HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 65\r\n\r\n"
    assert send_and_read_all(limited.address, raw).startswith(b"HTTP/1.1 413 ")


def test_streamed_bodies_may_be_larger(limited: LiveServer):
    """max_body_size is for buffered bodies; a handler that reads its Request sets its own limits."""
    body = b"z" * 500_000
    head = b"POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert exchange(limited.address, head + body).body == b"500000"


def test_more_pipelined_than_allowed_are_answered_later(limited: LiveServer):
    count = 50
    with Connection(limited.address) as connection:
        for n in range(count):
            connection.send(b"GET /echo/%d HTTP/1.1\r\nHost: h\r\n\r\n" % n)
        for n in range(count):
            assert connection.read_response().body == b'{"text":"%d","n":0}' % n


def test_connections_beyond_the_limit_wait(limited: LiveServer):
    request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    held = [Connection(limited.address) for _ in range(CONNECTIONS)]
    for connection in held:
        connection.send(request)
        assert connection.read_response().status == 200
    with Connection(limited.address) as late:
        late.send(request)
        for connection in held:
            connection.close()
        assert late.read_response().body == ALICE


# -- timeouts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nA: b",
        b"GET / HTTP/1.1\r\nHost: h\r\n\r",
    ],
)
def test_stalled_head_is_answered_408(part: bytes, impatient: LiveServer):
    received = send_and_read_all(impatient.address, part)
    assert received.startswith(b"HTTP/1.1 408 "), received
    assert received.count(b"HTTP/1.1 ") == 1


def test_dripping_head_is_answered_408(impatient: LiveServer):
    """One byte after the other does not put the deadline of the head off."""
    with Connection(impatient.address) as connection, Connection(impatient.address) as other:
        connection.send(b"GET / HTTP/1.1\r\nHost: h\r\n")
        connection.socket.settimeout(0.02)
        received = b""
        while not received:
            try:
                connection.send(b"A: b\r\n")
                received = connection.socket.recv(4096)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        assert received.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 431 ")), received
        other.close()


@pytest.mark.parametrize("target", [b"/items", b"/length"])
@pytest.mark.parametrize(
    "framing", [b"Content-Length: 10\r\n\r\n12345", b"Transfer-Encoding: chunked\r\n\r\n5\r\n12"]
)
def test_stalled_body_is_cut_off(framing: bytes, target: bytes, impatient: LiveServer):
    raw = (
        b"POST " + target + b" HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" + framing
    )
    received = send_and_read_all(impatient.address, raw)
    assert received.startswith(b"HTTP/1.1 408 "), received


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"])
def test_idle_connection_is_closed_without_a_word(first: bytes, impatient: LiveServer):
    with Connection(impatient.address) as connection:
        if first:
            connection.send(first)
            assert connection.read_response().status == 200
        assert connection.closed_by_peer()


def test_waiting_for_a_handler_is_no_timeout(impatient: LiveServer):
    with Connection(impatient.address) as idle, Connection(impatient.address) as connection:
        connection.send(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
        assert idle.closed_by_peer()  # So keep_alive_timeout has passed at least once.
        release = b"GET /release HTTP/1.1\r\nHost: h\r\n\r\n"
        wait_until(lambda: exchange(impatient.address, release).body != b"0", "the handler to wait")
        assert connection.read_response().body == b'"released"'


def test_client_that_takes_nothing_is_cut_off(impatient: LiveServer):
    for target in (b"/large", b"/endless"):
        with Connection(impatient.address, receive_buffer=4096) as connection:
            connection.send(b"GET " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")
            idle = Connection(impatient.address)
            assert idle.closed_by_peer()
            if target == b"/endless":
                wait_until(
                    lambda: b'"endless closed":' in exchange(impatient.address, STATE).body,
                    "the stream to be closed",
                )
            with pytest.raises((WireError, ValueError)):
                connection.read_response()
            idle.close()


# -- a full queue ----------------------------------------------------------------------------------


def test_full_queue_gives_503_with_retry_after():
    """Two queue places, one thread, and all of them taken for longer than queue_timeout."""
    options = ("--queue-size", "2", "--worker-threads", "1", "--queue-timeout", "0.2")
    server = start_fasterapi("server_app.py", *options)
    try:
        with contextlib.ExitStack() as stack:
            blocked = [stack.enter_context(Connection(server.address)) for _ in range(8)]
            for connection in blocked:
                connection.send(b"GET /block HTTP/1.1\r\nHost: h\r\n\r\n")
            refused = first_answered(blocked)
            response = refused.read_response()
            assert response.status == 503
            assert response.header(b"retry-after") is not None
            # Coroutines have a queue of their own: they are served all the while.
            assert exchange(server.address, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").body == ALICE
            exchange(server.address, b"GET /release HTTP/1.1\r\nHost: h\r\n\r\n")
            others = [c.read_response().status for c in blocked if c is not refused]
            assert set(others) <= {200, 503}
            assert 200 in others
            assert exchange(server.address, b"GET /def HTTP/1.1\r\nHost: h\r\n\r\n").body == ALICE
    finally:
        assert server.stop() == 0, server.output


def first_answered(connections: list[Connection]) -> Connection:
    """The first connection on which something comes."""
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        (key, _), *_ = selector.select(PATIENCE)
        return key.data
