"""Routes with dependencies: the answer, what was called and in which order, as with FastAPI.

Each case goes to FastAPI on Uvicorn and to us; then both are asked for their log. Ours is a
FasterAPI app on its own server, on Uvicorn, and on its own server behind middleware in Python: the
last two run their plans at the inner end of the middleware stack.
"""

import importlib.util
import json
from collections.abc import Iterator

import pytest
from live_server import APPS, LiveServer, start_fasterapi, start_uvicorn, wait_until
from wire import Response, exchange

from fasterapi.explain import explain

#: FastAPI's own routes, which are no path operations.
DOCS = ["/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"]

QUERIES = {
    "/leaf": ["", "?q=a&skip=2&page=3", "?skip=x"],
    "/cached": ["?q=a"],
    "/user": ["", "?key=1"],
    "/exits": ["", "?fail=open", "?fail=after", "?what=value", "?what=value&fail=swallow"],
    "/exits/async": ["", "?what=value", "?what=value&fail=translate", "?fail=async+after"],
    "/exits/function": ["", "?what=value", "?what=value&fail=swallow", "?fail=after"],
    "/exits/guarded": ["", "?what=value", "?fail=after"]
    + [f"?what=value&fail={how}" for how in ("swallow", "translate")],
    "/tail": ["", "?fail=first", "?fail=second"],
    "/exits/tail": ["", "?fail=first", "?fail=second", "?fail=open", "?fail=after"]
    + [f"?what=value&fail={how}" for how in ("", "swallow")],
    "/exits/tail/function": ["", "?fail=first", "?fail=open", "?fail=after"]
    + [f"?what=value&fail={how}" for how in ("", "swallow")],
    "/exits/tail/background": ["", "?what=http"],
    "/exits/before/async": ["", "?fail=first", "?fail=second", "?fail=after"],
    "/exits/never": [""],
    "/exits/never/async": [""],
    "/exits/twice": ["", "?what=value", "?what=stream"],
    "/exits/twice/async": ["", "?what=value", "?what=stream"],
    "/remembered": ["", ""],
    "/exits/background": ["", "?what=http"],
    "/background": ["", "?add=no"],
    "/response": ["", "?status=201", "?status=204"],
    "/request/7": ["?a=b", "?what=custom"],
    "/none": [""],
    "/html": ["?q=x"],
    "/typed": ["?name=a", ""],
}
OUTCOMES = ("http", "stream", "nan", "response")
for path in (
    "/exits",
    "/exits/async",
    "/exits/function",
    "/exits/guarded",
    "/tail",
    "/exits/tail",
    "/exits/tail/function",
    "/exits/before/async",
):
    QUERIES[path] += [f"?what={what}" for what in OUTCOMES]
HEADERS = {"/user": ["", "Authorization: Bearer good\r\n", "Authorization: Bearer bad\r\n"]}
GETS = [
    f"GET /{kind}{path}{query} HTTP/1.1\r\nHost: h\r\n{header}\r\n"
    for path, queries in QUERIES.items()
    for query in queries
    for header in HEADERS.get(path, [""])
    for kind in ("def", "async")
]
BODIES = {
    "/bodies": ['{"item":{"name":"a"},"number":3}', '{"item":{"name":"a"}}', "[]", ""],
    "/body/in/dependency": ['{"name":"a"}', "{}"],
    "/request/body": ['{"a":1}', "{"],
}
POSTS = [
    f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(body)}\r\n\r\n{body}"
    for path, bodies in BODIES.items()
    for body in bodies
]
THREADS = [f"GET /def/from/thread{path} HTTP/1.1\r\nHost: h\r\n\r\n" for path in ("", "/exits")]
CASES = GETS + POSTS + THREADS


PLACES = {
    "compiled": lambda: start_fasterapi("tree_app.py", "--log-level", "critical"),
    "uvicorn": lambda: start_uvicorn("tree_app:app", COMPARE_CLASS="fasterapi"),
    "middleware": lambda: start_fasterapi("tree_app.py", TREE_MIDDLEWARE="1"),
}


@pytest.fixture(scope="module", params=PLACES)
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[LiveServer, LiveServer]]:
    theirs = start_uvicorn("tree_app:app", COMPARE_CLASS="fastapi")
    ours = PLACES[request.param]()
    yield theirs, ours
    theirs.stop()
    assert ours.stop() == 0 or request.param == "uvicorn", ours.output


def comparable(response: Response) -> tuple[object, ...]:
    hop = (b"date", b"server", b"connection", b"keep-alive")
    headers = [(name, value) for name, value in response.headers if name not in hop]
    return response.status, headers, response.body


def take_log(server: LiveServer) -> list[str]:
    return json.loads(exchange(server.address, b"GET /log HTTP/1.1\r\nHost: h\r\n\r\n").body)


def is_over(raw: str, status: int, said: list[str]) -> bool:
    """Whether everything that follows an answer has been logged too."""
    awaits_task = "background" in raw and "add=no" not in raw and status == 200
    return (
        said.count("open") == said.count("close")
        and said.count("async open") == said.count("async close")
        and said.count("guard open") == said.count("guard close")
        and ("/twice" not in raw or status != 200 or "twice" in said)
        and (not awaits_task or "task" in said)
    )


def ask(server: LiveServer, raw: str) -> tuple[object, list[str]]:
    """The answer, and what was called for it."""
    answer = exchange(server.address, raw.encode())
    said: list[str] = []

    def look() -> bool:
        said.extend(take_log(server))
        return is_over(raw, answer.status, said)

    wait_until(look, f"the end of {raw}")
    return comparable(answer), said


@pytest.mark.parametrize("raw", CASES, ids=[raw.split(" HTTP")[0] for raw in CASES])
def test_same_answer_and_same_calls(raw: str, servers: tuple[LiveServer, LiveServer]):
    theirs, ours = servers
    assert ask(ours, raw) == ask(theirs, raw)


def test_every_route_is_compiled():
    spec = importlib.util.spec_from_file_location("tree_app", APPS / "tree_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    report = explain(module.app)["routes"]
    handed_over = [(r["path"], r["reasons"]) for r in report if r["tier"] != "compiled"]
    assert [path for path, _ in handed_over] == DOCS, handed_over
