"""What a request costs inside: in this process, through the core, without sockets.

`measure` starts the app on a server without a port, sends one request many times over in-memory
connections, and reports latency, throughput and CPU time. `fasterapi bench` prints it.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fasterapi import _native
from fasterapi.log import StartupError
from fasterapi.loops import loop_factory
from fasterapi.server import Server, Settings

__all__ = ["Measurement", "format_table", "measure", "request_bytes"]

#: Requests before the first one that counts.
WARM_UP = 2000
#: Spin [us] of both sides in the latency run: no thread sleeps between two requests.
SPIN_US = 1000


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run. Times of a request are in microseconds; nothing is smoothed or left out."""

    requests: int
    in_flight: int
    #: Latency, from the bytes handed to the parser to the last byte of the answer.
    mean_us: float
    p50_us: float
    p95_us: float
    p99_us: float
    max_us: float
    #: Requests per second of wall time.
    rps: float
    #: User and system time of the whole process per 100,000 requests, in milliseconds.
    cpu_ms_per_100k: float
    #: Status of the first answer, answers that had another one, and the first answer itself.
    status: int
    different: int
    answer: bytes
    #: The core's counters after the run.
    stats: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Everything but the answer's bytes, ready for JSON."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "answer"}
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in values.items()
        }


def format_table(runs: Sequence[Measurement]) -> str:
    """One line for each run, for people."""
    head = ("at a time", "status", "mean us", "p50", "p95", "p99", "max", "req/s", "CPU ms/100K")
    rows = [
        (
            f"{run.in_flight}",
            f"{run.status}" + (f" ({run.different} other)" if run.different else ""),
            *(
                f"{value:.2f}"
                for value in (run.mean_us, run.p50_us, run.p95_us, run.p99_us, run.max_us)
            ),
            f"{run.rps:,.0f}",
            f"{run.cpu_ms_per_100k:.0f}",
        )
        for run in runs
    ]
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = (
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        for row in (head, *rows)
    )
    return "\n".join(lines)


def request_bytes(
    method: str = "GET",
    path: str = "/",
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"",
) -> bytes:
    """One HTTP/1.1 request. What is not given of Host and, with a body, of Content-Type
    (application/json) and Content-Length is added.

    Raises ValueError for a line break where none may be.
    """
    lines = [f"{method} {path} HTTP/1.1"]
    given = {name.lower() for name, _ in headers or []}
    if "host" not in given:
        lines.append("Host: localhost")
    lines.extend(f"{name}: {value}" for name, value in headers or [])
    if body and "content-type" not in given:
        lines.append("Content-Type: application/json")
    if body and "content-length" not in given:
        lines.append(f"Content-Length: {len(body)}")
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a method, path or header must not contain a line break")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def measure(
    app: Any,
    request: bytes,
    *,
    count: int = 100_000,
    in_flight: int = 1,
    spin: bool | None = None,
    loop: str = "auto",
    timeout: float = 10.0,
    options: dict[str, Any] | None = None,
) -> Measurement:
    """Run `count` requests, `in_flight` at a time, after a warm-up. Blocks; any thread.

    app: an ASGI app, best a FasterAPI. spin: both sides look for work without sleeping (default:
    only for one request at a time, where sleeping would be most of what is measured).
    options: options of the core. timeout [s]: how long one answer may take.

    Raises StartupError without the core, TimeoutError, ValueError; ConnectionError if the app's
    server closes a connection without an answer; KeyboardInterrupt after SIGINT or SIGTERM.
    """
    if _native.core is None:
        raise StartupError(f"this needs the C core: {_native.why_no_core}")
    chosen = dict(options or {})
    if in_flight == 1 if spin is None else spin:
        chosen.setdefault("spin_us", SPIN_US)
        chosen.setdefault("adaptive_pools", False)  # which would take the spin back
    settings = Settings(loop=loop, log_level="warning", driven=True, options=chosen)

    async def main() -> Measurement:
        return await _run(app, settings, request, count, in_flight, timeout)

    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        return runner.run(main())


async def _run(
    app: Any, settings: Settings, request: bytes, count: int, in_flight: int, timeout: float
) -> Measurement:
    started = asyncio.Event()
    server = Server(app, settings, on_started=lambda _: started.set())
    serving = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
    if not started.is_set():
        waiting.cancel()
        await serving  # raises what kept it from starting
    try:
        return await asyncio.to_thread(_load, server, request, count, in_flight, timeout)
    except ConnectionError:
        if serving.done():  # by a signal, which the server takes as its order to stop
            raise KeyboardInterrupt from None
        raise
    finally:
        server.stop()
        await serving


def _load(
    server: Server, request: bytes, count: int, in_flight: int, timeout: float
) -> Measurement:
    core_server = server.core_server
    core_server.load(request, max(min(count, WARM_UP), in_flight), in_flight, timeout)
    before = time.process_time_ns()
    latencies, took_ns, different, answer = core_server.load(request, count, in_flight, timeout)
    cpu_ns = time.process_time_ns() - before
    times = sorted(array("I", latencies))
    return Measurement(
        requests=count,
        in_flight=in_flight,
        mean_us=sum(times) / count / 1000,
        p50_us=times[count * 50 // 100] / 1000,
        p95_us=times[count * 95 // 100] / 1000,
        p99_us=times[count * 99 // 100] / 1000,
        max_us=times[-1] / 1000,
        rps=count / took_ns * 1e9,
        cpu_ms_per_100k=cpu_ns / 1e6 / count * 100_000,
        status=int(answer[9:12]),
        different=different,
        answer=answer,
        stats=server.stats(),
    )
