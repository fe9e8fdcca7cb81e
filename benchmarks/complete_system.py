"""The whole path of a request inside one process: every switch off, each alone, all on.

    python benchmarks/complete_system.py [--rounds 5] [--kind async] [--json FILE] [--plot FILE]

Latency rows: one request at a time. Its bytes are handed to the parser on one thread, go through
the queue to the Python thread, and the answer's bytes are complete on the first thread; neither
thread sleeps. Throughput and CPU rows: 64 requests in flight with the default spin, user and system
time of the whole process. The handler is an `async def` that returns a small dict (`--kind def`: a
`def` through the MPMC queue). The rounds of all variants are interleaved; printed are medians of
the rounds, and the least CPU time. No sockets: `benchmarks/system` has those.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastapi
from plot import bar_chart

from fasterapi import FasterAPI, __version__
from fasterapi.bench import Measurement, measure, request_bytes

SWITCHES = ("lock_free_queue", "object_pools", "zero_copy")
IN_FLIGHT = 64
#: The mission's own table: $200 for 400 ms and $130 for 260 ms of CPU per 100,000 requests, each
#: second of a month. Both are 50 cents for a millisecond, that is, 500 dollars for a busy core.
USD_PER_CPU_MS = 0.50

#: (row, key, the mission's before, the mission's after = the target)
MISSION = (
    ("latency mean, us", "mean_us", 6.5, 4.35),
    ("latency p95, us", "p95_us", 8.5, 6.0),
    ("latency p99, us", "p99_us", 12.0, 8.5),
    ("throughput, req/s", "rps", 154_000.0, 230_000.0),
    ("CPU per 100K requests, ms", "cpu_ms_per_100k", 400.0, 260.0),
    ("USD per month at 100K req/s", "usd_per_month", 200.0, 130.0),
)


def variants() -> dict[str, dict[str, bool]]:
    """Options of each variant, by name: all_off, each switch on alone, all_on."""
    off = dict.fromkeys(SWITCHES, False)
    alone = {name: {**off, name: True} for name in SWITCHES}
    return {"all_off": off, **alone, "all_on": dict.fromkeys(SWITCHES, True)}


def make_app(kind: str) -> FasterAPI:
    """One route, `/`."""
    app = FasterAPI()

    async def async_root() -> dict[str, Any]:
        return {"id": 1, "name": "Alice"}

    def def_root() -> dict[str, Any]:
        return {"id": 1, "name": "Alice"}

    app.get("/")(async_root if kind == "async" else def_root)
    return app


def run(
    app: FasterAPI, rounds: int, requests: int, say: Callable[[str], object]
) -> dict[str, dict[str, float]]:
    """Measure every variant; the figures of each, by key."""
    request = request_bytes()
    taken: dict[str, list[tuple[Measurement, Measurement]]] = {name: [] for name in variants()}
    for number in range(rounds):
        for name, options in variants().items():
            pair = tuple(
                measure(app, request, count=requests, in_flight=flight, options=dict(options))
                for flight in (1, IN_FLIGHT)
            )
            for one in pair:
                if one.status != 200 or one.different or not one.answer.endswith(b'"Alice"}'):
                    raise SystemExit(f"{name}: wrong answer {one.answer!r}")
            taken[name].append((pair[0], pair[1]))
        say(f"round {number + 1} of {rounds}")
    return {name: summary(pairs) for name, pairs in taken.items()}


def summary(pairs: list[tuple[Measurement, Measurement]]) -> dict[str, float]:
    """Medians of the rounds; the least CPU time, which other work on the machine can only raise."""
    latency = [pair[0] for pair in pairs]
    loaded = [pair[1] for pair in pairs]
    cpu = min(one.cpu_ms_per_100k for one in loaded)
    values = {
        name: statistics.median(getattr(one, name) for one in latency)
        for name in ("mean_us", "p50_us", "p95_us", "p99_us")
    }
    values["rps"] = statistics.median(one.rps for one in loaded)
    values["cpu_ms_per_100k"] = cpu
    values["usd_per_month"] = cpu * USD_PER_CPU_MS
    return {name: round(value, 3) for name, value in values.items()}


def tables(figures: dict[str, dict[str, float]]) -> str:
    """The mission's table with ours beside it, then every variant."""
    off, on = figures["all_off"], figures["all_on"]
    rows = [("", "mission: before", "after", "ours: all off", "all on", "target")]
    for title, key, before, after in MISSION:
        met = on[key] >= after if key == "rps" else on[key] <= after
        verdict = "met" if met else "missed"
        rows.append(
            (title, f"{before:,g}", f"{after:,g}", f"{off[key]:,g}", f"{on[key]:,g}", verdict)
        )
    ratio = off["mean_us"] / on["mean_us"]
    verdict = "met" if ratio >= 1.5 else "missed"
    rows.append(("all on, times all off (mean)", "", "1.5", "", f"{ratio:.2f}", verdict))
    keys = list(on)
    every = [("variant", *keys)]
    every += [(name, *(f"{values[key]:,g}" for key in keys)) for name, values in figures.items()]
    return f"{_aligned(rows)}\n\n{_aligned(every)}"


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "python": platform.python_version(),
        "fasterapi": __version__,
        "fastapi": fastapi.__version__,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "command": " ".join(["python", *sys.argv]),
        "usd_per_cpu_ms_per_100k": USD_PER_CPU_MS,
    }


def main() -> None:
    """Measure, print, store."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100_000, help="in each run")
    parser.add_argument("--kind", choices=("async", "def"), default="async", help="the handler")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--plot", type=Path, help="write a chart (SVG) here")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.requests < 1:
        parser.error("rounds and requests must be at least 1")
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"note: load average {busy:.1f}: the machine is busy", file=sys.stderr)
    figures = run(
        make_app(arguments.kind),
        arguments.rounds,
        arguments.requests,
        lambda text: print(text, file=sys.stderr),
    )
    print(tables(figures))
    if arguments.json:
        document = {**figures, "machine": machine(), "kind": arguments.kind}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if arguments.plot:
        keys = {"mean": "mean_us", "p95": "p95_us", "p99": "p99_us"}
        groups = {
            name: {title: values[key] for title, key in keys.items()}
            for name, values in figures.items()
        }
        bar_chart(arguments.plot, groups, "A request inside the process", "microseconds")


if __name__ == "__main__":
    main()
