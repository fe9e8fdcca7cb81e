"""Files behind middleware: whoever looks at bodies sees them."""

from __future__ import annotations

import gzip

import pytest
from asking import ask

PAGE = b"<html>" + b"a page with some text. " * 400 + b"</html>"
TARGETS = ["/async", "/def", "/yield", "/def-yield", "/static/index.html", "/html/"]
ADDED = {"footer": b"<!--footer-->", "base": b"<!--base-->"}


@pytest.fixture
def pages(tmp_path):
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / "404.html").write_bytes(b"not here")
    return str(tmp_path)


def ask_packed(server, target, *lines, method="GET"):
    return ask(server, target, "Accept-Encoding: gzip, br", *lines, method=method)


def text_of(answer):
    encoding = answer.header(b"content-encoding")
    assert encoding in (None, b"gzip")
    return answer.body if encoding is None else gzip.decompress(answer.body)


@pytest.mark.kind("a file is whole, and as the middleware in front of it wants it")
@pytest.mark.parametrize(
    "middleware",
    [
        "none", "cors", "gzip", "compress", "footer", "base", "compress-outside",
        "gzip-inside", "footer-inside", "base-inside", "gzip-mount", "compress-mount",
    ],
)  # fmt: skip
def test_a_file_behind_middleware(serve, pages, middleware):
    server = serve("scope_files.py", MIDDLEWARE=middleware, PAGES=pages)
    name = middleware.partition("-")[0]
    added = ADDED.get(name, b"")
    for target in TARGETS:
        answer = ask_packed(server, target)
        assert (target, answer.status) == (target, 200)
        assert text_of(answer) == PAGE + added, target
        assert answer.header(b"etag") is not None
        if name in ("gzip", "compress"):
            assert answer.header(b"content-encoding") == b"gzip", target
        if name == "gzip":
            assert answer.header(b"vary") == b"Accept-Encoding", target
        if not added:
            assert ask_packed(server, target, method="HEAD").status in (200, 405)
            part = ask_packed(server, target, "Range: bytes=6-11")
            assert (part.status, text_of(part)) == (206, b"a page")
    missing = ask_packed(server, "/html/nothing")
    assert (missing.status, text_of(missing)) == (404, b"not here" + added)
    if middleware == "none":
        assert ask_packed(server, "/missing").status == 500
    assert server.process.poll() is None


@pytest.mark.kind("a response class that wraps send sees the bytes of its file")
@pytest.mark.parametrize("middleware", ["none", "cors", "gzip-inside"])
def test_a_response_that_wraps_send(serve, pages, middleware):
    server = serve("scope_files.py", MIDDLEWARE=middleware, PAGES=pages)
    answer = ask_packed(server, "/rewritten")
    assert (answer.status, text_of(answer)) == (200, PAGE + ADDED["footer"])
