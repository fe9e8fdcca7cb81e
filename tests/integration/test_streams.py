"""Endpoints that stream: what is sent and what is called for it, as with FastAPI.

Each case goes to FastAPI on Uvicorn and to us; then both are asked for their log. Ours is a
FasterAPI app on its own server and on Uvicorn, where its plans run at the inner end of the stack.
"""

import importlib.util
import json
from collections.abc import Iterator

import pytest
from live_server import APPS, LiveServer, start_fasterapi, start_uvicorn, wait_until
from wire import Connection, exchange, send_and_read_all

from fasterapi.explain import explain

#: FastAPI's own routes, and the two that answer for the test.
OTHERS = ["/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"]

KINDS = ("lines", "events", "raw")
TROUBLE = [
    "", "?what=first", "?what=http", "?what=custom", "?what=middle", "?what=refused", "?what=nan",
    "?what=object", "?what=many",
]  # fmt: skip
QUERIES: dict[str, list[str]] = {
    "/def/lines": TROUBLE,
    "/async/lines": [*TROUBLE, "?what=slow"],
    "/def/typed": TROUBLE,
    "/async/typed": TROUBLE,
    "/lines/3": ["", "?status=x"],
    "/def/events": TROUBLE,
    "/async/events": [*TROUBLE, "?what=slow"],
    "/events/own": [""],
    "/events/none": ["", "?what=x"],
    "/events/coroutine": [""],
    "/events/derived": [""],
    "/def/raw": TROUBLE,
    "/async/raw": TROUBLE,
    "/raw/csv": [""],
    "/raw/text": [""],
    "/raw/json": [""],
    "/raw/odd": [""],
}
FAILS = [
    "", "?fail=open", "?fail=after", "?what=middle", "?what=middle&fail=swallow",
    "?what=first&fail=translate", "?what=custom", "?what=http",
]  # fmt: skip
for kind in KINDS:
    QUERIES |= {
        f"/{kind}/exits": FAILS,
        f"/{kind}/def/exits": FAILS,
        f"/{kind}/scopes": [*FAILS, "?fail=async+after", "?q=a&page=2", "?page=x"],
        f"/{kind}/user": [""],
        f"/{kind}/headers": ["", "?status=202", "?what=first", "?status=x"],
    }
HEADERS = ["", "Authorization: Bearer good\r\n", "Authorization: Bearer bad\r\n"]
CASES = [
    f"GET {prefix}{path}{query} HTTP/1.1\r\nHost: h\r\n{header}"
    for path, queries in QUERIES.items()
    for query in queries
    for header in (HEADERS if path.endswith("/user") else [""])
    for prefix in ("", "/in")
]
CASES += [
    f"{method} /{kind}/head HTTP/1.1\r\nHost: h\r\n" for kind in KINDS for method in ("GET", "HEAD")
]

#: Paths with a background task, which comes after the answer.
WITH_TASK = ("/lines/3", "/events/derived", "/scopes", "/headers")
BODIES = ['{"item":{"n":1},"number":3}', '{"item":{}}', "{", ""]


PLACES = {
    "compiled": lambda: start_fasterapi("stream_app.py", "--log-level", "critical"),
    "uvicorn": lambda: start_uvicorn("stream_app:app", COMPARE_CLASS="fasterapi"),
}


@pytest.fixture(scope="module", params=PLACES)
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[LiveServer, LiveServer]]:
    theirs = start_uvicorn("stream_app:app", COMPARE_CLASS="fastapi")
    ours = PLACES[request.param]()
    yield theirs, ours
    theirs.stop()
    assert ours.stop() == 0 or request.param == "uvicorn", ours.output


def decoded(data: bytes) -> tuple[list[bytes], bytes, bool]:
    """Head without what belongs to the connection, body so far, and whether it is complete."""
    head, _, rest = data.partition(b"\r\n\r\n")
    hop = (b"date", b"server", b"connection", b"keep-alive")
    lines = [line for line in head.split(b"\r\n") if line.partition(b":")[0].lower() not in hop]
    if not any(line.lower().startswith(b"transfer-encoding") for line in lines):
        return lines, rest, True
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        count = int(size, 16)
        if count == 0:
            return lines, body, True
        body, rest = body + rest[:count], rest[count + 2 :]
    return lines, body, False


def take_log(server: LiveServer) -> list[list[str]]:
    return json.loads(exchange(server.address, b"GET /log HTTP/1.1\r\nHost: h\r\n\r\n").body)


def is_over(said: list[list[str]], has_task: bool) -> bool:
    """Whether everything that follows an answer has been logged too."""
    words = [what for _, _, what in said]
    return (
        words.count("open") == words.count("close")
        and words.count("async open") == words.count("async close")
        and (not has_task or any(what.startswith("task") for what in words))
    )


def ask(server: LiveServer, raw: str) -> tuple[object, list[list[str]]]:
    """The answer, and what was called for it."""
    lines, body, complete = decoded(send_and_read_all(server.address, raw.encode()))
    has_task = complete and b" 20" in lines[0] and any(part in raw for part in WITH_TASK)
    said: list[list[str]] = []

    def look() -> bool:
        said.extend(take_log(server))
        return is_over(said, has_task)

    wait_until(look, f"the end of {raw}")
    return (lines, body, complete), said


@pytest.mark.parametrize("raw", CASES, ids=[raw.split(" HTTP")[0] for raw in CASES])
def test_same_stream_and_same_calls(raw: str, servers: tuple[LiveServer, LiveServer]):
    theirs, ours = servers
    raw += "Connection: close\r\n\r\n"
    assert ask(ours, raw) == ask(theirs, raw)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("kind", KINDS)
def test_same_stream_after_a_body(kind: str, body: str, servers: tuple[LiveServer, LiveServer]):
    theirs, ours = servers
    raw = (
        f"POST /{kind}/body HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    )
    assert ask(ours, raw) == ask(theirs, raw)


@pytest.fixture(scope="module")
def plain() -> Iterator[LiveServer]:
    """FastAPI on our server: nothing is compiled."""
    server = start_fasterapi(
        "stream_app.py", "--log-level", "critical", COMPARE_CLASS="fastapi", PING="0.02"
    )
    yield server
    assert server.stop() == 0, server.output


@pytest.fixture(scope="module")
def compiled() -> Iterator[LiveServer]:
    server = start_fasterapi("stream_app.py", "--log-level", "critical", PING="0.02")
    yield server
    assert server.stop() == 0, server.output


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_leaves(kind: str, plain: LiveServer, compiled: LiveServer):
    logs = []
    for server in (plain, compiled):
        with Connection(server.address) as connection:
            connection.send(f"GET /{kind}/endless HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            assert connection.read_head().status == 200
            connection.read_exactly(3000)
        said: list[list[str]] = []

        def look(server: LiveServer = server, said: list[list[str]] = said) -> bool:
            said.extend(take_log(server))
            return is_over(said, False) and any(what == "generator closed" for _, _, what in said)

        wait_until(look, "the end of the stream")
        # Cancelled in its own context, or closed by the loop later: that is chance.
        logs.append(sorted(one for one in said if one[2] != "generator closed"))
    assert logs[0] == logs[1]


def test_pings_while_nothing_comes(plain: LiveServer, compiled: LiveServer):
    logs = []
    for server in (plain, compiled):
        with Connection(server.address) as connection:
            connection.send(b"GET /events/pings HTTP/1.1\r\nHost: h\r\n\r\n")
            head = connection.read_head()
            assert head.header(b"content-type") == b"text/event-stream; charset=utf-8"
            assert b'data: "before"\n\n' in connection._until(b": ping\n\n")
            connection._until(b": ping\n\n")
            exchange(server.address, b"GET /gate HTTP/1.1\r\nHost: h\r\n\r\n")
            connection._until(b'data: "after"\n\n')
            connection._until(b"0\r\n\r\n")
        said: list[list[str]] = []

        def look(server: LiveServer = server, said: list[list[str]] = said) -> bool:
            said.extend(take_log(server))
            return is_over(said, False)

        wait_until(look, "the end of the stream")
        logs.append(said)
    assert logs[0] == logs[1]


def test_every_route_is_compiled():
    spec = importlib.util.spec_from_file_location("stream_app", APPS / "stream_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    report = explain(module.app)["routes"]
    handed_over = [(r["path"], r["reasons"]) for r in report if r["tier"] != "compiled"]
    assert [path for path, _ in handed_over] == OTHERS, handed_over
