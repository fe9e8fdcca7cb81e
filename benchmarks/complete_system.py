"""The whole path of a request inside one process: every switch off, each alone, all on.

    python benchmarks/complete_system.py [--rounds 5] [--kind async] [--json FILE] [--plot FILE]

Latency rows: one request at a time. Its bytes are handed to the parser on one thread, go through
the queue to the Python thread, and the answer's bytes are complete on the first thread; neither
thread sleeps. Throughput and CPU rows: 64 requests in flight with the default spin, user and system
time of the whole process. The handler is an `async def` that returns a small dict (`--kind def`: a
`def` through the MPMC queue). The rounds of all variants are interleaved; printed are medians of
the rounds, the least CPU time, and the median of all ratios of all off to all on. The latency runs
of a round are cut into slices, all variants in turn. No sockets: `benchmarks/system` has those.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import fastapi
from plot import bar_chart

from fasterapi import FasterAPI, __version__
from fasterapi.bench import Measurement, measure, request_bytes

SWITCHES = ("lock_free_queue", "object_pools", "zero_copy")
IN_FLIGHT = 64
#: Parts of the latency run of a round; those of all variants alternate.
SLICES = 10
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


class Taken(NamedTuple):
    """The runs of one variant: in a round SLICES for latency and one for throughput."""

    latency: list[Measurement]
    loaded: list[Measurement]


def run(
    app: FasterAPI, rounds: int, requests: int, say: Callable[[str], object]
) -> dict[str, Taken]:
    """Measure every variant. What is compared lies close together in time: a machine may well be
    three times as slow for some tenths of a second."""
    request = request_bytes()
    taken = {name: Taken([], []) for name in variants()}

    def each(count: int, flight: int) -> Iterator[tuple[str, Measurement]]:
        for name, options in variants().items():
            one = measure(app, request, count=count, in_flight=flight, options=dict(options))
            if one.status != 200 or one.different or not one.answer.endswith(b'"Alice"}'):
                raise SystemExit(f"{name}: wrong answer {one.answer!r}")
            yield name, one

    for number in range(rounds):
        for _ in range(SLICES):
            for name, one in each(max(requests // SLICES, 1), 1):
                taken[name].latency.append(one)
        for name, one in each(requests, IN_FLIGHT):
            taken[name].loaded.append(one)
        say(f"round {number + 1} of {rounds}")
    return taken


def off_over_on(taken: dict[str, Taken]) -> float:
    """How many times as long a request takes with all off: the median of the slices' ratios."""
    pairs = zip(taken["all_off"].latency, taken["all_on"].latency, strict=True)
    return round(statistics.median(off.mean_us / on.mean_us for off, on in pairs), 3)


def summary(latency: list[Measurement], loaded: list[Measurement]) -> dict[str, float]:
    """Medians of the rounds; the least CPU time, which other work on the machine can only raise."""
    cpu = min(one.cpu_ms_per_100k for one in loaded)
    values = {
        name: statistics.median(getattr(one, name) for one in latency)
        for name in ("mean_us", "p50_us", "p95_us", "p99_us")
    }
    values["rps"] = statistics.median(one.rps for one in loaded)
    values["cpu_ms_per_100k"] = cpu
    values["usd_per_month"] = cpu * USD_PER_CPU_MS
    return {name: round(value, 3) for name, value in values.items()}


def tables(figures: dict[str, dict[str, float]], ratio: float) -> str:
    """The mission's table with ours beside it, then every variant."""
    off, on = figures["all_off"], figures["all_on"]
    rows = [("", "mission: before", "after", "ours: all off", "all on", "target")]
    for title, key, before, after in MISSION:
        met = on[key] >= after if key == "rps" else on[key] <= after
        verdict = "met" if met else "missed"
        rows.append(
            (title, f"{before:,g}", f"{after:,g}", f"{off[key]:,g}", f"{on[key]:,g}", verdict)
        )
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
    parser.add_argument("--requests", type=int, default=100_000, help="in a round")
    parser.add_argument("--kind", choices=("async", "def"), default="async", help="the handler")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--plot", type=Path, help="write a chart (SVG) here")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.requests < 1:
        parser.error("rounds and requests must be at least 1")
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"note: load average {busy:.1f}: the machine is busy", file=sys.stderr)
    taken = run(
        make_app(arguments.kind),
        arguments.rounds,
        arguments.requests,
        lambda text: print(text, file=sys.stderr),
    )
    figures = {name: summary(*runs) for name, runs in taken.items()}
    ratio = off_over_on(taken)
    print(tables(figures, ratio))
    if arguments.json:
        document = {
            **figures,
            "off_over_on": {"mean_us": ratio},
            "machine": machine(),
            "kind": arguments.kind,
        }
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
