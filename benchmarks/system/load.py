"""The load: a request to check an answer, wrk for throughput and latency, idle connections."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator

from contenders import Running
from processes import cpu_seconds

__all__ = [
    "WORKLOADS",
    "Sample",
    "Workload",
    "check_answer",
    "idle_connections",
    "measure",
    "raise_limits",
    "require_wrk",
]

HERE = pathlib.Path(__file__).resolve().parent
NEW_ITEM = b'{"name":"Widget","price":9.5,"tags":["a","b"]}'


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    title: str
    target: str
    answer: object
    body: bytes | None = None
    script: str | None = None
    connections: int = 64


ALICE = {"id": 1, "name": "Alice"}
ITEM = {"id": 1, "name": "Widget", "price": 9.5, "tags": ["a", "b"]}
WORKLOADS = (
    Workload("async", "async def, small dict", "/async", ALICE),
    Workload("def", "def, small dict", "/def", ALICE),
    Workload(
        "params",
        "typed path + 2 query parameters",
        "/items/7?q=abc&limit=5",
        {"item_id": 7, "q": "abc", "limit": 5},
    ),
    Workload("model", "POST model, typed response", "/items", ITEM, NEW_ITEM, "post.lua"),
    Workload("latency", "one connection, async def", "/async", ALICE, connections=1),
    Workload("pipelined", "pipelined x16, async def", "/async", ALICE, script="pipeline.lua"),
)


@dataclasses.dataclass(frozen=True)
class Sample:
    """One run of wrk against one server. load_busy: the share of its core that wrk itself used."""

    requests: int
    requests_per_second: float
    p50_us: float
    cpu_us: float
    load_busy: float
    errors: str


def raise_limits() -> None:
    """As many open files as this user may have: for the servers and for the clients."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def check_answer(server: Running, workload: Workload) -> str | None:
    """What is wrong with the server's answer, or None. The limit answers everything alike."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {"Content-Type": "application/json"} if workload.body else {}
    method = "POST" if workload.body else "GET"
    with contextlib.closing(connection):
        connection.request(method, workload.target, workload.body, headers)
        response = connection.getresponse()
        body = response.read()
    expected = ALICE if server.contender.fixed_answer else workload.answer
    try:
        right = response.status == 200 and json.loads(body) == expected
    except ValueError:
        right = False
    return None if right else f"{response.status} {body[:100]!r}"


UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


def measure(server: Running, workload: Workload, seconds: float, core: int | None) -> Sample:
    """Run wrk for some seconds and read the server's CPU time before and after."""
    duration = max(1, round(seconds))  # wrk takes whole seconds
    command = ["wrk", "-t1", f"-c{workload.connections}", f"-d{duration}s", "--latency"]
    if workload.script:
        command += ["-s", str(HERE / "wrk" / workload.script)]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    before, load_before = cpu_seconds(server.pid), _children_seconds()
    url = f"http://127.0.0.1:{server.port}{workload.target}"
    done = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    cpu, load = cpu_seconds(server.pid) - before, _children_seconds() - load_before
    total = re.search(r"(\d+) requests in", done.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    median = re.search(r"50%\s+([\d.]+)(us|ms|s)", done.stdout)
    if not (total and rate and median):
        sys.exit(f"benchmark: wrk failed against {server.name}:\n{done.stdout}{done.stderr}")
    errors = re.search(r"Non-2xx.*|Socket errors.*", done.stdout)
    requests = int(total[1])
    return Sample(
        requests=requests,
        requests_per_second=float(rate[1]),
        p50_us=float(median[1]) * UNITS[median[2]],
        cpu_us=cpu * 1e6 / max(requests, 1),
        load_busy=load / duration,
        errors=errors[0].strip() if errors else "",
    )


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def idle_connections(server: Running, count: int) -> Iterator[int]:
    """Hold `count` connections open, each after one answered request; yields how many there are."""
    client = subprocess.Popen(
        [sys.executable, str(HERE / "load.py"), str(server.port), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert client.stdin is not None
    assert client.stdout is not None
    try:
        yield int(client.stdout.readline() or b"0")
    finally:
        client.stdin.close()
        client.stdout.close()
        client.wait()


def _hold_connections(port: int, count: int) -> None:
    """The client process of idle_connections: opens them, says how many, waits for stdin's end."""
    raise_limits()
    held = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), 30)
        connection.sendall(b"GET /async HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
            break
        held.append(connection)
    print(len(held), flush=True)
    sys.stdin.read()


def require_wrk() -> None:
    if shutil.which("wrk") is None:
        sys.exit("benchmark: wrk was not found; install it (Debian, Ubuntu: apt-get install wrk)")


if __name__ == "__main__":
    _hold_connections(int(sys.argv[1]), int(sys.argv[2]))
