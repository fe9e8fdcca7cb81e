"""What a request takes it gives back: after thousands of them nothing more is held than before.

Each kind of path is warmed up, measured, used FASTERAPI_LEAK_REQUESTS times (10 000 unless set) and
measured again. The bounds are the noise of caches that fill late; one object, reference or
allocation left behind by each request is fifty times as much.
"""

import dataclasses
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from live_server import LiveServer, start_fasterapi, wait_until
from wire import Connection, exchange

REQUESTS = int(os.environ.get("FASTERAPI_LEAK_REQUESTS", "10000"))
WARM_UP = 1000
PIPELINED = 50
# What may be more afterwards, however many requests there were; of references also what may be less.
BLOCKS, OBJECTS, REFERENCES, HEAP_BYTES = 200, 100, 20, 65536
# asyncio's: the server's, its lifespan's and the one that handlers run in.
TASKS_AT_REST = 3


@pytest.fixture(scope="module")
def leak_server() -> Iterator[LiveServer]:
    # Two worker threads: forty would go on growing for as long as the test runs.
    running = start_fasterapi("leak_app.py", "--log-level", "critical", "--worker-threads", "2")
    yield running
    assert running.stop() == 0, running.output


@dataclasses.dataclass(frozen=True)
class Path:
    """One kind of request. `tier`: how its route is to be answered, None if it has no route."""

    raw: bytes
    status: int
    body: bytes | None
    tier: str | None = "compiled"
    # Requests sent at once. 1 where a thread goes on after the answer: its backlog is no leak.
    burst: int = PIPELINED


def get(target: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: h", *headers, "", ""]).encode()


def post(target: str, body: bytes) -> bytes:
    head = f"POST {target} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


ITEM = b'{"name":"a","size":3,"tags":["x","y"]}'
LARGE_ITEM = b'{"name":"' + b"n" * 20_000 + b'","size":3,"tags":[]}'
ERROR = b"Internal Server Error"
PAYLOAD = b"0123456789abcdef" * 2000
PATHS = {
    "async dict": Path(get("/async/dict"), 200, b'{"id":1,"name":"Alice"}'),
    "async head only": Path(get("/async/dict").replace(b"GET", b"HEAD"), 405, None),
    "async large": Path(get("/async/large"), 200, None),
    "async that suspends": Path(get("/async/suspends?n=7"), 200, b'{"n":7}'),
    "async raises after a wait": Path(get("/async/raises-after-wait"), 418, None),
    "def dict": Path(get("/def/dict"), 200, '{"id":1,"name":"grüße"}'.encode()),
    "def typed": Path(get("/def/typed/12345678?skip=9999&ratio=1.25&text=%C3%A9"), 200, None),
    "async typed": Path(get("/async/typed/12345678?skip=9999&ratio=1.25&text=a+b"), 200, None),
    "header and cookie": Path(
        get("/async/header-cookie", "User-Agent: me", "Cookie: a=1; session=abc"),
        200,
        b'["me","abc"]',
    ),
    "list in the query": Path(get("/async/list?q=1000&q=2000&q=3000"), 200, b"[1000,2000,3000]"),
    "async model": Path(post("/async/model", ITEM), 200, ITEM),
    "def model": Path(post("/def/model", ITEM), 200, ITEM),
    "large model": Path(post("/async/model", LARGE_ITEM), 200, LARGE_ITEM),
    "422 of a parameter": Path(get("/async/typed/x?skip=y"), 422, None),
    "422 of a thread's parameter": Path(get("/def/typed/x"), 422, None),
    "422 of a list": Path(get("/async/list?q=1&q=x"), 422, None),
    "422 of a model": Path(post("/async/model", b'{"name":1}'), 422, None),
    "422 of a body that is no JSON": Path(post("/def/model", b'{"name":'), 422, None),
    "async HTTPException": Path(get("/async/http-error"), 404, None),
    "def HTTPException": Path(get("/def/http-error"), 404, None),
    "async raises": Path(get("/async/raises"), 500, ERROR),
    "def raises": Path(get("/def/raises"), 500, ERROR),
    "response": Path(get("/async/response"), 200, b"plain"),
    "large response": Path(get("/async/response/large"), 200, PAYLOAD),
    "response with a task": Path(get("/async/response/task"), 200, b"plain"),
    "stream": Path(get("/async/stream"), 200, b"one " + PAYLOAD + b"two"),
    "bridge": Path(get("/bridge/request"), 200, b'{"path":"/bridge/request"}', "fastapi"),
    "bridge with a body": Path(post("/bridge/body", b"x" * 3000), 200, b"3000", "fastapi"),
    "background task": Path(get("/bridge/background"), 200, b'"queued"', "fastapi"),
    "request": Path(get("/tree/request"), 200, b'{"path":"/tree/request"}'),
    "request with a body": Path(post("/tree/body", b"x" * 3000), 200, b"3000"),
    "task of a plan": Path(get("/tree/background"), 200, b'"queued"'),
    "def exits": Path(get("/tree/def"), 200, '{"greeting":"grüße"}'.encode()),
    "async exits": Path(get("/tree/async"), 200, '{"greeting":"grüße"}'.encode()),
    "exits in threads": Path(get("/tree/mixed"), 200, '{"greeting":"grüße"}'.encode(), burst=1),
    "async exits of an exception": Path(get("/tree/raises"), 418, None),
    "def exits of an exception": Path(get("/tree/def/raises"), 418, None),
    "async exits of a stream": Path(get("/tree/stream"), 200, b"one two"),
    "def exits of a stream": Path(get("/tree/def/stream"), 200, b"one two", burst=1),
    "exit that raises": Path(get("/tree/async?raises=1"), 200, None),
    "no route": Path(get("/nothing/here"), 404, b'{"detail":"Not Found"}', None),
    "openapi": Path(get("/openapi.json"), 200, None, "fastapi"),
}


def use(server: LiveServer, path: Path, count: int) -> None:
    """Send the request `count` times, pipelined, on as many connections as the server wants."""
    left = count
    while left > 0:
        with Connection(server.address) as connection:
            keeps = True
            while left > 0 and keeps:
                burst = min(left, path.burst)
                connection.send(path.raw * burst)
                for _ in range(burst):
                    response = connection.read_response(path.raw.split(b" ", 1)[0])
                    assert response.status == path.status, response
                    assert path.body is None or response.body == path.body
                    left -= 1
                    keeps = response.header(b"connection") != b"close"
                    if not keeps:
                        break


def report(server: LiveServer) -> dict[str, Any]:
    return json.loads(exchange(server.address, get("/report")).body)


def settled(server: LiveServer) -> dict[str, Any]:
    """The report once three in a row agree: what was answered is also cleared away then."""
    last = report(server)
    equal = 0
    differs: list[str] = []

    def agrees() -> bool:
        nonlocal last, equal
        now = report(server)
        keys = ("objects", "refs")
        differs[:] = [f"{key}: {last[key]} {now[key]}" for key in keys if now[key] != last[key]]
        # The reports themselves may take a block more or less, for ever in turns.
        if abs(now["blocks"] - last["blocks"]) > 5:
            differs.append(f"blocks: {last['blocks']} {now['blocks']}")
        if now["stats"]["tasks_live"] > 1:
            differs.append(f"tasks_live: {now['stats']['tasks_live']}")
        # Exits in a thread go on after the answer; on a busy machine reports may be sooner.
        if now["waiting"] > TASKS_AT_REST:
            differs.append(f"waiting: {now['waiting']}")
        last = now
        equal = 0 if differs else equal + 1
        return equal == 2

    try:
        wait_until(agrees, "three equal reports")
    except AssertionError as exc:
        raise AssertionError(f"{exc}: {differs}") from exc
    return last


def assert_level(before: dict[str, Any], after: dict[str, Any], count: int) -> None:
    grown = {name: after["refs"][name] - held for name, held in before["refs"].items()}
    grown = {name: more for name, more in grown.items() if abs(more) > REFERENCES}
    blocks, objects = (after[key] - before[key] for key in ("blocks", "objects"))
    heap = 0 if after["heap"] is None else after["heap"] - before["heap"]
    seen = f"after {count}: {blocks=} {objects=} {heap=} references={grown}"
    assert not grown, seen
    assert blocks <= BLOCKS, seen
    assert objects <= OBJECTS, seen
    assert heap <= HEAP_BYTES, seen
    # Fragmentation comes and goes; 100 bytes for each request would show from 40 000 on.
    assert after["resident"] - before["resident"] <= 4_000_000, seen


def tier_of(tiers: dict[str, str], raw: bytes) -> str | None:
    """How the app's plan answers this request; None if it has no route."""
    target = raw.split(b" ")[1].decode().split("?")[0]
    by_prefix = {route.split("{")[0]: tier for route, tier in tiers.items()}
    return by_prefix.get(target) or by_prefix.get(target[: target.rfind("/") + 1])


@pytest.mark.parametrize("name", PATHS)
def test_path_holds_nothing(name: str, leak_server: LiveServer):
    path = PATHS[name]
    assert tier_of(report(leak_server)["tiers"], path.raw) == path.tier
    use(leak_server, path, WARM_UP)
    before = settled(leak_server)
    use(leak_server, path, REQUESTS)
    assert_level(before, settled(leak_server), REQUESTS)


@pytest.mark.parametrize("kind", ["object", "reference", "heap"])
def test_what_a_handler_keeps_is_seen(kind: str, leak_server: LiveServer):
    path = Path(get(f"/leaky/{kind}"), 200, None)
    before = settled(leak_server)
    use(leak_server, path, 1000)
    with pytest.raises(AssertionError, match="after 1000"):
        assert_level(before, settled(leak_server), 1000)


# -- WebSockets ------------------------------------------------------------------------------------

HANDSHAKE = get(
    "/ws",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)
CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"


def text_frame(text: bytes) -> bytes:
    """A short text message as a client sends it, masked with zeros."""
    return bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text


def echo(server: LiveServer, sessions: int, messages: int) -> None:
    sent = text_frame(b"a message") * messages
    expected = (bytes((0x81, 9)) + b"a message") * messages
    for _ in range(sessions):
        with Connection(server.address) as connection:
            connection.send(HANDSHAKE)
            assert connection.read_response().status == 101
            connection.send(sent)
            assert connection.read_exactly(len(expected)) == expected
            connection.send(CLOSE)
            assert connection.read_exactly(4)[:1] == b"\x88"
            assert connection.closed_by_peer()


@pytest.mark.parametrize("messages", [0, 20])
def test_websocket_holds_nothing(messages: int, leak_server: LiveServer):
    sessions = REQUESTS // 10
    echo(leak_server, sessions // 5, messages)
    before = settled(leak_server)
    echo(leak_server, sessions, messages)
    assert_level(before, settled(leak_server), sessions)


# -- clients that leave ----------------------------------------------------------------------------

LEAVING = {name: PATHS[name] for name in PATHS if name not in ("no route", "openapi")}


def leave(server: LiveServer, path: Path, count: int) -> None:
    """Send some requests, read at most a part of the first answer, and go with a reset."""
    for number in range(count):
        connection = Connection(server.address)
        connection.send(path.raw * min(4, path.burst) + path.raw[: number % len(path.raw)])
        if number % 2:
            connection.read_exactly(1)
        connection.reset()


@pytest.mark.parametrize("name", LEAVING)
def test_client_that_leaves_holds_nothing(name: str, leak_server: LiveServer):
    count = REQUESTS // 20
    leave(leak_server, PATHS[name], count // 2)
    before = settled(leak_server)
    leave(leak_server, PATHS[name], count)
    assert_level(before, settled(leak_server), count)
