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

from contenders import Running, compiled
from processes import cpu_seconds
from workloads import ALICE, Workload

__all__ = [
    "Sample",
    "check_answer",
    "idle_connections",
    "measure",
    "raise_limits",
    "require_wrk",
]

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True)
class Sample:
    """One run against one server. load_busy: the share of its core that the load itself used."""

    requests: int
    requests_per_second: float
    p50_us: float | None
    p99_us: float | None
    cpu_us: float
    load_busy: float
    errors: str


def raise_limits() -> None:
    """As many open files as this user may have: for the servers and for the clients."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def check_answer(server: Running, workload: Workload) -> str | None:
    """What is wrong with the server's answer, or None. The limit answers everything alike."""
    if workload.websocket:
        answer = _echo(server, workload, 0, 1, None)
        return None if answer.returncode == 0 else answer.stderr.strip()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {"Content-Type": "application/json"} if workload.body else {}
    method = "POST" if workload.body else "GET"
    with contextlib.closing(connection):
        connection.request(method, workload.target, workload.body, headers | workload.headers)
        response = connection.getresponse()
        body = response.read()
    fixed = server.contender.fixed_answer
    expected = (200, ALICE) if fixed else (workload.status, workload.answer)
    try:
        right = (response.status, json.loads(body)) == expected
    except ValueError:
        right = False
    missing = {k: v for k, v in workload.answer_headers.items() if response.getheader(k) != v}
    if right and missing and not fixed:
        return f"not {missing} in {response.getheaders()}"
    return None if right else f"{response.status} {body[:100]!r}"


UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


def measure(server: Running, workload: Workload, seconds: float, core: int | None) -> Sample:
    """Load the server for some seconds and read its CPU time before and after."""
    duration = max(1, round(seconds))  # wrk takes whole seconds
    before, load_before = cpu_seconds(server.pid), _children_seconds()
    run = _messages if workload.websocket else _requests
    requests, rate, p50_us, p99_us, errors = run(server, workload, duration, core)
    cpu, load = cpu_seconds(server.pid) - before, _children_seconds() - load_before
    return Sample(
        requests=requests,
        requests_per_second=rate,
        p50_us=p50_us,
        p99_us=p99_us,
        cpu_us=cpu * 1e6 / max(requests, 1),
        load_busy=load / duration,
        errors=errors,
    )


_Figures = tuple[int, float, float | None, float | None, str]


def _requests(server: Running, workload: Workload, duration: int, core: int | None) -> _Figures:
    # A slow answer is slow, no error: a thousand connections may wait for seconds.
    command = ["wrk", "-t1", f"-c{workload.connections}", f"-d{duration}s", "--latency"]
    command += ["--timeout", "60s"]
    if workload.script:
        command += ["-s", str(HERE / "wrk" / workload.script)]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    url = f"http://127.0.0.1:{server.port}{workload.target}"
    done = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    total = re.search(r"(\d+) requests in", done.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    p50, p99 = (re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", done.stdout) for share in (50, 99))
    if not (total and rate and p50 and p99):
        sys.exit(f"benchmark: wrk failed against {server.name}:\n{done.stdout}{done.stderr}")
    errors = re.search(r"Non-2xx.*|Socket errors.*", done.stdout)
    refused = workload.status >= 300 and re.search(r"Non-2xx.*: (\d+)", done.stdout)
    if refused and int(refused[1]) == int(total[1]):
        errors = None  # That is what was asked for.
    p50_us, p99_us = (float(found[1]) * UNITS[found[2]] for found in (p50, p99))
    return int(total[1]), float(rate[1]), p50_us, p99_us, errors[0].strip() if errors else ""


def _messages(server: Running, workload: Workload, duration: int, core: int | None) -> _Figures:
    done = _echo(server, workload, duration, workload.connections, core)
    if done.returncode != 0:
        sys.exit(f"benchmark: no echoes from {server.name}:\n{done.stderr}")
    count, seconds = done.stdout.split()
    return int(count), int(count) / float(seconds), None, None, ""


def _echo(
    server: Running, workload: Workload, seconds: float, connections: int, core: int | None
) -> subprocess.CompletedProcess[str]:
    program = server.folder / "websocket_load"
    if not program.exists():
        compiled(program.name, server.folder)
    figures = (server.port, workload.target, connections, seconds)
    command = [str(program), *map(str, figures)]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    return subprocess.run(command, capture_output=True, text=True, check=False)


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
