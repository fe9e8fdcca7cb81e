"""nginx, as distributions have it, in front of both servers: the same answers come through."""

from __future__ import annotations

import json
import pathlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from asking import get
from field import start
from live_server import wait_until
from wire import Connection, Response

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="needs nginx: apt-get install nginx-light")

CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_max_body_size 10m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream app {{
        server {upstream};
        keepalive 4;
    }}
    server {{
        listen unix:{folder}/front;
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host shop.example;
            proxy_set_header X-Forwarded-For 203.0.113.9;
            proxy_set_header X-Forwarded-Proto https;
        }}
    }}
}}
"""
REQUESTS = [
    get("/def"),
    get("/async"),
    get("/plain"),
    get("/plain", method="HEAD"),
    get("/plain", method="OPTIONS"),
    get("/slash"),
    get("/slash?a=1"),
    get("/slash", method="HEAD"),
    get("/handed/%C3%A9?q=%20"),
    get("/missing"),
    get("/def", "Accept-Encoding: gzip"),
    get("/handed/body", "Content-Length: 300000", method="POST") + b"x" * 300_000,
]


def listens(path: pathlib.Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@contextmanager
def nginx(folder: pathlib.Path, upstream: str) -> Iterator[str]:
    """A running nginx; the path of its socket."""
    folder.mkdir()
    (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, upstream=upstream))
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", f"{folder}/nginx.conf"])
    try:
        wait_until(lambda: listens(folder / "front"), "nginx")
        yield str(folder / "front")
    finally:
        process.terminate()
        process.wait()


def comparable(answer: Response) -> tuple[object, ...]:
    headers = sorted((name, value) for name, value in answer.headers if name.lower() != b"date")
    return answer.status, headers, answer.body


@pytest.mark.parametrize("road", ["port", "socket"])
@pytest.mark.parametrize("https_only", ["", "1"])
def test_the_same_comes_through(tmp_path: pathlib.Path, road: str, https_only: str):
    answers: dict[str, list[tuple[object, ...]]] = {}
    for who in ("fasterapi", "uvicorn"):
        options = ["--uds", f"{tmp_path}/{who}"] if road == "socket" else []
        with ExitStack() as stack:
            server = start(who, "proxy_app", *options, "--forwarded-allow-ips", "*",
                           HTTPS_ONLY=https_only)  # fmt: skip
            stack.callback(server.end)
            upstream = f"unix:{tmp_path}/{who}"
            if road == "port":
                upstream = ":".join(map(str, server.address))
            else:
                wait_until((tmp_path / who).exists, "the server's socket")
            front = stack.enter_context(nginx(tmp_path / f"nginx-{who}", upstream))
            answers[who] = []
            for request in REQUESTS:
                with Connection(front) as connection:
                    connection.send(request)
                    answers[who].append(
                        comparable(connection.read_response(request.partition(b" ")[0]))
                    )
    for request, ours, theirs in zip(REQUESTS, *answers.values(), strict=True):
        assert ours == theirs, request[:80]
    first = json.loads(str(answers["fasterapi"][0][2], "ascii"))  # type: ignore[call-overload]
    assert first == {
        "url": "https://shop.example/def",
        "client": ["203.0.113.9", 0],
        "scheme": "https",
    }
