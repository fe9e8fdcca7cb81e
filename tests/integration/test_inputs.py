"""Models of parameters, several names, forms and files: the answer, and when files are closed, as
with FastAPI.

Each case goes to FastAPI on Uvicorn and to us; then both are asked for their log.
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
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=edge"

TARGETS = [
    "/query", "/query?a=2&many=1&many=2&many=", "/query?many=1&many=2", "/query?a=1&a=2", "/query?z=1", "/query?a=x",
    "/query?%61=7&a=%38", "/maybe", "/maybe?a=3", "/maybe?z=3", "/names?b=1", "/names?c=2", "/names?c=2&b=3",
    "/names", "/names?b=1&d=4", "/names?b=1&e=4", "/json?data=[1,2]", "/json?data=[1]&data=[2]", "/json?data=",
    "/json?data=x", "/json", "/path/1/2.0", "/path/7/2", "/path/0/2.5", "/cookie-list",
]  # fmt: skip
WITH_HEADERS = [
    ("/header", "X-Token: a\r\nX-Many: 1\r\nx-many: 2\r\n"),
    ("/header", "X_Token: a\r\n"),
    ("/header", "x-token: a\r\nx-token: b\r\nx_many: 3\r\nQ: 1\r\n"),
    ("/cookie", "Cookie: a=3\r\n"),
    ("/cookie", 'Cookie: a=3; a=4\r\nCookie: a="5"\r\n'),
    ("/cookie", "Cookie: a=3; z=4\r\n"),
    ("/cookie-list", "Cookie: many=a\r\n"),
    ("/cookie-list", "Cookie: many=\r\n"),
    ("/json", 'one: {"a":1}\r\n'),
]


def part(disposition: str, text: str, kind: str = "") -> str:
    head = f"--edge\r\nContent-Disposition: form-data; {disposition}\r\n"
    return head + (f"Content-Type: {kind}\r\n" if kind else "") + f"\r\n{text}\r\n"


END = "--edge--\r\n"
FILE = part('name="file"; filename="f.txt"', "some text", "text/plain")
MORE = part('name="more"; filename="g"', "1") + part('name="more"; filename="h"', "2")
NAME = part('name="name"', "é")
FORMS = ["name=a", "name=a+b%21&many=1&many=2&o-ther=5", "name=", "name=a&many=x", "", "name=a;many=2", "name=ä", "&&name=a&name=b&=&c", "name=a&many=1&many=2&many=3&many=4&many=5&many=6"]  # fmt: skip
BODIES = [
    *[(path, FORM, body) for body in FORMS for path in ("/form", "/form/model", "/form/below")],
    ("/form", FORM + "; charset=utf-8", "name=a"),
    ("/form", "Application/X-WWW-Form-urlencoded", "name=a"),
    ("/form", "text/plain", "name=a"),
    ("/form", "application/json", '{"name":"a"}'),
    ("/form", "", "name=a"),
    ("/form", MULTIPART, NAME + END),
    ("/form", MULTIPART, NAME + FILE + END),
    ("/form", MULTIPART, NAME),
    ("/form", "multipart/form-data", NAME + END),
    ("/form", FORM, "name=" + "x" * 70_000),
    *[(f"/form?how={how}", FORM, "name=a&file=b") for how in ("custom", "http", "error", "stream")],
    ("/form/model", MULTIPART, NAME + part('name="roles"', "r") + END),
    ("/form/model", MULTIPART, NAME + FILE + END),
    ("/bytes", MULTIPART, FILE + part('name="note"', "n") + END),
    ("/bytes", MULTIPART, part('name="file"; filename=""', "") + END),
    ("/bytes", MULTIPART, part('name="file"', "no file") + END),
    ("/bytes", MULTIPART, FILE + MORE + END),
    ("/upload", MULTIPART, FILE + END),
    ("/upload", MULTIPART, FILE + MORE + END),
    ("/upload", MULTIPART, part('name="file"', "no file") + END),
    ("/upload", MULTIPART, part('name="file"; filename="big"', "x" * 70_000) + END),
    ("/upload", FORM, "file=a"),
    *[(f"/upload?how={how}", MULTIPART, FILE + END) for how in ("background", "custom", "http", "error", "stream")],
    ("/rest", MULTIPART, FILE + part('name="note"', "n") + END),
    ("/rest", MULTIPART, FILE + FILE + END),
    ("/rest", MULTIPART, part('name="file"', "no file") + END),
    ("/photo", MULTIPART, part('name="title"', "t") + FILE.replace("file", "image", 1) + END),
    ("/photo", MULTIPART, part('name="title"', "t") + part('name="image"; filename="i"', "y") + END),
    *[(f"/opened?how={how}", MULTIPART, FILE + END) for how in ("", "custom", "http", "error", "stream")],
]  # fmt: skip
GETS = [
    f"GET /{kind}{target} HTTP/1.1\r\nHost: h\r\n{headers}\r\n"
    for target, headers in [*[(target, "") for target in TARGETS], *WITH_HEADERS]
    for kind in ("def", "async")
]


def post(path: str, kind: str, body: str) -> str:
    typed = f"Content-Type: {kind}\r\n" if kind else ""
    length = len(body.encode())
    return f"POST {path} HTTP/1.1\r\nHost: h\r\n{typed}Content-Length: {length}\r\n\r\n{body}"


CASES = [
    *GETS,
    *[post(f"/{style}{path}", *rest) for path, *rest in BODIES for style in ("def", "async")],
    *[post(f"/upload/request?how={how}", MULTIPART, FILE + END) for how in ("", "custom", "http")],
    post("/upload/stream", MULTIPART, FILE + END),
    post("/form/stream", FORM, "name=a&z=1"),
    "GET /letter HTTP/1.1\r\nHost: h\r\nQ: 1\r\n\r\n",
    "GET /letter HTTP/1.1\r\nHost: h\r\n\r\n",
]


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[LiveServer, LiveServer]]:
    theirs = start_uvicorn("input_app:app", COMPARE_CLASS="fastapi")
    ours = start_fasterapi("input_app.py", "--log-level", "critical")
    yield theirs, ours
    theirs.stop()
    assert ours.stop() == 0, ours.output


def comparable(response: Response) -> tuple[object, ...]:
    hop = (b"date", b"server", b"connection", b"keep-alive")
    headers = [(name, value) for name, value in response.headers if name not in hop]
    return response.status, headers, response.body


def ask(server: LiveServer, raw: str) -> tuple[object, list[object]]:
    """The answer, and what was called for it until all of it was over and all files closed."""
    answer = comparable(exchange(server.address, raw.encode()))
    said: list[object] = []

    def look() -> bool:
        found = exchange(server.address, b"GET /log HTTP/1.1\r\nHost: h\r\n\r\n").body
        more, open_files = json.loads(found)
        said.extend(more)
        closes = sum(isinstance(one, list) and one[0] == "close" for one in said)
        task_is_over = "how=background" not in raw or any("task" in str(one) for one in said)
        return open_files == 0 and said.count("open") == closes and task_is_over

    wait_until(look, f"the end of {raw[:200]}")
    return answer, said


@pytest.mark.parametrize("raw", CASES, ids=range(len(CASES)))
def test_same_answer_and_same_calls(raw: str, servers: tuple[LiveServer, LiveServer]):
    theirs, ours = servers
    assert ask(ours, raw) == ask(theirs, raw)


def test_every_route_is_compiled():
    spec = importlib.util.spec_from_file_location("input_app", APPS / "input_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    report = explain(module.app)["routes"]
    handed_over = [(r["path"], r["reasons"]) for r in report if r["tier"] != "compiled"]
    assert [path for path, _ in handed_over] == DOCS, handed_over
