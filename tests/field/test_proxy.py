"""Behind a proxy: scheme and client are what a trusted one says."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from field import Served
from websockets.sync.client import connect
from wire import Response, exchange

Serve = Callable[..., Served]
FORWARDED = "x-forwarded-proto: https\r\nx-forwarded-for: 6.6.6.6, 203.0.113.9:51, 127.0.0.1\r\n"
PATHS = ("/def", "/async", "/handed/x")


def ask(server: Served, path: str, lines: str = FORWARDED) -> Response:
    head = f"GET {path} HTTP/1.1\r\nhost: shop.example\r\n{lines}\r\n"
    return exchange(server.address, head.encode())


def seen(server: Served, path: str, lines: str = FORWARDED) -> tuple[str, str, list[object]]:
    answer = json.loads(ask(server, path, lines).body)
    return answer["url"], answer["scheme"], answer["client"]


@pytest.mark.kind("a proxy on the same machine is believed")
@pytest.mark.parametrize("middleware", ["", "1"])
def test_a_proxy_on_this_machine_is_believed(serve: Serve, middleware: str):
    server = serve("proxy_app.py", MIDDLEWARE=middleware)
    for path in PATHS:
        assert seen(server, path) == ("https://shop.example/def", "https", ["203.0.113.9", 51])
    redirect = ask(server, "/slash")
    assert redirect.header(b"location") == b"https://shop.example/slash/"
    host, port = server.address
    headers = {"x-forwarded-proto": "https", "x-forwarded-for": "2001:db8::7"}
    with connect(f"ws://{host}:{port}/ws", additional_headers=headers) as websocket:
        assert json.loads(websocket.recv()) == [["2001:db8::7", 0], "wss"]


@pytest.mark.kind("only a trusted proxy is believed")
@pytest.mark.parametrize(
    "options",
    [
        ["--no-proxy-headers"],
        ["--forwarded-allow-ips", "10.0.0.0/8"],
        ["--forwarded-allow-ips", ""],
    ],
    ids=["off", "another", "nobody"],
)
def test_only_a_trusted_proxy_is_believed(serve: Serve, options: list[str]):
    server = serve("proxy_app.py", *options)
    for path in PATHS:
        url, scheme, client = seen(server, path)
        assert (url, scheme, client[0]) == ("http://shop.example/def", "http", "127.0.0.1")


@pytest.mark.kind("the variable says which proxies are trusted")
def test_the_variable_says_which_are_trusted(serve: Serve):
    server = serve("proxy_app.py", FORWARDED_ALLOW_IPS="127.0.0.0/8,203.0.113.0/24")
    for path in PATHS:
        assert seen(server, path)[2] == ["6.6.6.6", 0]


@pytest.mark.kind("everybody may be trusted")
def test_everybody_may_be_trusted(serve: Serve):
    server = serve("proxy_app.py", "--forwarded-allow-ips", "*")
    assert seen(server, "/def")[2] == ["6.6.6.6", 0]


@pytest.mark.kind("a redirect to https ends behind a proxy that speaks it")
def test_a_redirect_to_https_ends(serve: Serve):
    server = serve("proxy_app.py", HTTPS_ONLY="1")
    assert ask(server, "/plain").status == 200
    compiled = json.loads(ask(server, "/is-compiled").body)
    assert compiled == (server.who == "fasterapi")
    assert ask(server, "/plain", "").header(b"location") == b"https://shop.example/plain"


@pytest.mark.kind("the access log names the proxy's client")
def test_the_access_log_names_the_client(serve: Serve):
    server = serve("proxy_app.py", "--access-log")
    ask(server, "/plain")
    server.wait_for_line(r'203\.0\.113\.9:51 - "GET /plain HTTP/1.1" 200')


@pytest.mark.kind("X-Forwarded-Prefix of a trusted proxy is the root path, by option")
@pytest.mark.parametrize("middleware", ["", "1"])
def test_a_prefix_by_option(serve: Serve, middleware: str):
    server = serve("proxy_app.py", "--forwarded-prefix", MIDDLEWARE=middleware)
    lines = FORWARDED + "x-forwarded-prefix: /shop/v1/\r\n"
    for path in PATHS:
        assert seen(server, path, lines)[0] == "https://shop.example/shop/v1/def"
        assert seen(server, path)[0] == "https://shop.example/def"
    redirect = ask(server, "/slash", lines)
    assert redirect.header(b"location") == b"https://shop.example/shop/v1/slash/"
    assert ask(server, "/plain", lines).body == b"1"
    host, port = server.address
    headers = {"x-forwarded-prefix": "/shop"}
    with connect(f"ws://{host}:{port}/ws", additional_headers=headers) as websocket:
        assert json.loads(websocket.recv())[1] == "ws"


@pytest.mark.kind("X-Forwarded-Prefix means nothing without the option, or of a stranger")
@pytest.mark.parametrize(
    "options", [[], ["--forwarded-prefix", "--forwarded-allow-ips", "10.0.0.0/8"]]
)
def test_no_prefix_otherwise(serve: Serve, options: list[str]):
    server = serve("proxy_app.py", *options)
    for path in PATHS:
        url = seen(server, path, "x-forwarded-prefix: /shop\r\n")[0]
        assert url == "http://shop.example/def"
