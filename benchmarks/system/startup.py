"""Starting: imports, the time and the memory until a server takes connections, its first answer."""

from __future__ import annotations

import contextlib
import http.client
import pathlib
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

from contenders import Contender, start
from processes import cpu_seconds, resident_kib
from workloads import MANY_ROUTES, SHOP

__all__ = ["first_request", "imports", "starts"]

#: What the app's process imports whatever the app, by server.
IMPORTS = {
    "fasterapi": "import fasterapi, fasterapi.server",
    "uvicorn": "import fastapi, uvicorn",
}


def imports(count: int) -> list[dict[str, Any]]:
    """One row per server: CPU time of an interpreter that imports it, `count` times in turn."""
    print(f"\nimporting, {count} times  (import)")
    taken: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(count):
        for name, code in IMPORTS.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-P", "-c", code], check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            taken[name].append(used)
    rows = []
    for name, seconds in taken.items():
        row = {"workload": "import", "server": name, "cpu_seconds": statistics.median(seconds)}
        rows.append(row)
        print(f"  {name:<28}{row['cpu_seconds'] * 1e3:>8.0f} ms CPU")
    return rows


def starts(
    contenders: list[Contender], folder: pathlib.Path, count: int, core: int | None
) -> list[dict[str, Any]]:
    """One row per server: from its start until it takes connections, `count` times in turn."""
    print(f"\nfrom the start of the process until it takes connections, {count} times  (start)")
    taken: dict[str, list[tuple[float, float, int]]] = {}
    for _ in range(count):
        for contender in contenders:
            begin = time.monotonic()
            server = start(contender, SHOP, folder, core)
            try:
                wall = time.monotonic() - begin
                figures = (wall, cpu_seconds(server.pid), resident_kib(server.pid))
            finally:
                server.stop()
            taken.setdefault(contender.name, []).append(figures)
    rows = []
    for name, figures in taken.items():
        seconds, cpu, resident = zip(*figures, strict=True)
        row = {
            "workload": "start",
            "server": name,
            "seconds": statistics.median(seconds),
            "cpu_seconds": min(cpu),
            "resident_kib": min(resident),
        }
        rows.append(row)
        print(
            f"  {name:<28}{row['seconds'] * 1e3:>8.0f} ms{row['cpu_seconds'] * 1e3:>8.0f} ms CPU"
            f"{row['resident_kib']:>10} KiB resident"
        )
    return rows


def first_request(
    contenders: list[Contender], folder: pathlib.Path, count: int, core: int | None
) -> list[dict[str, Any]]:
    """One row per server: the first answer of the app with 400 routes, on `count` fresh servers."""
    print(f"\nthe first request to 400 routes after the start, {count} times  (first)")
    taken: dict[str, list[float]] = {}
    for _ in range(count):
        for contender in contenders:
            server = start(contender, MANY_ROUTES, folder, core)
            try:
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
                with contextlib.closing(connection):
                    connection.connect()
                    begin = time.monotonic()
                    connection.request("GET", "/part19/things19/7")
                    response = connection.getresponse()
                    response.read()
                    seconds = time.monotonic() - begin
            finally:
                server.stop()
            if response.status == 200:
                taken.setdefault(contender.name, []).append(seconds)
    rows = []
    for name, times in taken.items():
        row = {"workload": "first", "server": name, "milliseconds": statistics.median(times) * 1e3}
        rows.append(row)
        print(f"  {name:<28}{row['milliseconds']:>8.1f} ms")
    return rows
