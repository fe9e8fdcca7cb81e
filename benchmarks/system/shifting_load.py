"""A load that shifts: quiet, a burst of 2,000 connections, quiet. Do the pools follow it?

    python benchmarks/system/shifting_load.py                     prints a summary
    python benchmarks/system/shifting_load.py --json FILE --plot FILE.svg    and FILE-memory.svg
    python benchmarks/system/shifting_load.py --smoke             a few seconds

The same load goes to a server with adaptive_pools and to one without. What a server keeps is read
from its statistics file four times a second, as `fasterapi stats` does, its memory from /proc.
"""

from __future__ import annotations

import argparse
import dataclasses
import http.client
import json
import pathlib
import platform
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from contenders import App, Contender, Running, find_contenders, start
from load import raise_limits, require_wrk
from plot import line_chart
from processes import resident_kib

from fasterapi.stats import change
from fasterapi.stats_view import NoServerError, find_group

POOLS = ("buffers", "tasks", "connections")
SAMPLE = 0.25
FIXED = "adaptive_pools=off"


@dataclasses.dataclass
class Sample:
    """What a server says at one moment. seconds: since the load began; rate: requests a second."""

    seconds: float
    phase: str
    open_connections: int
    requests: int
    rate: float
    kept: dict[str, int]
    limit: dict[str, int]
    misses: dict[str, int]
    batch_size: int
    rss_kib: int


class Sampler(threading.Thread):
    """Reads one server's figures until it is told to stop."""

    def __init__(self, server: Running) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.phase = "start"
        self.samples: list[Sample] = []
        self.began = time.monotonic()
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(SAMPLE):
            self.samples.append(self._look())

    def finish(self) -> list[Sample]:
        self._ended.set()
        self.join()
        return self.samples

    def _look(self) -> Sample:
        stats = find_group(str(self.server.pid)).total
        now = time.monotonic() - self.began
        last = self.samples[-1] if self.samples else None
        requests = stats["requests"]
        rate = (requests - last.requests) / (now - last.seconds) if last else 0.0
        pools = stats["pools"]
        return Sample(
            seconds=round(now, 3),
            phase=self.phase,
            open_connections=stats["open_connections"],
            requests=requests,
            rate=round(rate, 1),
            kept={name: pools[name]["size"] for name in POOLS},
            limit={name: pools[name]["limit"] for name in POOLS},
            misses={name: pools[name]["misses"] for name in POOLS},
            batch_size=stats["tuner"]["batch_size"],
            rss_kib=resident_kib(self.server.pid),
        )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Pools under a load that shifts.")
    parser.add_argument("--quiet", type=float, default=5.0, help="seconds before and after")
    parser.add_argument("--burst", type=int, default=8, help="seconds of the burst")
    parser.add_argument("--connections", type=int, default=2000, help="of the burst")
    parser.add_argument("--target", default="/async", help="path of the requests")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the samples here")
    parser.add_argument(
        "--plot", type=pathlib.Path, metavar="FILE", help="write a chart (SVG) here"
    )
    parser.add_argument("--smoke", action="store_true", help="short: does it run, do they follow")
    args = parser.parse_args()
    if args.smoke:
        args.quiet, args.burst = 2.0, 3
    return args


def trickle(server: Running, target: str, seconds: float) -> None:
    """A quiet time: ten requests a second on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        connection.request("GET", target)
        connection.getresponse().read()
        time.sleep(0.1)
    connection.close()


def burst(server: Running, args: argparse.Namespace) -> str:
    """All connections at once, as fast as they go; returns what wrk printed of errors."""
    command = ["wrk", "-t1", f"-c{args.connections}", f"-d{args.burst}s", "--timeout", "10s"]
    url = f"http://127.0.0.1:{server.port}{args.target}"
    done = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    if "Requests/sec" not in done.stdout:
        sys.exit(f"benchmark: wrk failed:\n{done.stdout}{done.stderr}")
    return "\n".join(
        line.strip() for line in done.stdout.splitlines() if "errors" in line or "Non-2xx" in line
    )


def run(contender: Contender, args: argparse.Namespace, folder: pathlib.Path) -> dict[str, Any]:
    server = start(contender, App(), folder, None)
    try:
        wait_until_found(server)
        before = find_group(str(server.pid)).total
        sampler = Sampler(server)
        sampler.start()
        sampler.phase = "quiet"
        trickle(server, args.target, args.quiet)
        sampler.phase = "burst"
        errors = burst(server, args)
        sampler.phase = "quiet again"
        trickle(server, args.target, args.quiet)
        samples = sampler.finish()
        after = find_group(str(server.pid)).total
    finally:
        server.stop()
    return {
        "name": contender.name,
        "errors": errors,
        "samples": [dataclasses.asdict(sample) for sample in samples],
        "tuner": after["tuner"],
        "pools": change(after, before)["pools"],
    }


def wait_until_found(server: Running) -> None:
    """The statistics file comes just before the port answers; a slow disk may take a moment."""
    for _ in range(200):
        try:
            find_group(str(server.pid))
            return
        except NoServerError:
            time.sleep(0.02)
    sys.exit(f"benchmark: {server.name} publishes no statistics (live_stats?)")


# -- what came of it -----------------------------------------------------------------------------


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """The figures of one run that are compared."""
    samples = result["samples"]
    loaded = [sample for sample in samples if sample["phase"] == "burst"]
    last = samples[-1]
    return {
        "burst_rate": round(max(sample["rate"] for sample in loaded)),
        "most_connections": max(sample["open_connections"] for sample in loaded),
        "most_kept": {name: max(s["kept"][name] for s in samples) for name in POOLS},
        "kept_at_end": last["kept"],
        "misses": {name: result["pools"][name]["misses"] for name in POOLS},
        "dropped": {name: result["pools"][name]["dropped"] for name in POOLS},
        "rss_before_mib": round(samples[0]["rss_kib"] / 1024, 1),
        "rss_most_mib": round(max(sample["rss_kib"] for sample in samples) / 1024, 1),
        "rss_at_end_mib": round(last["rss_kib"] / 1024, 1),
    }


def report(results: dict[str, dict[str, Any]]) -> None:
    summaries = {name: summary(result) for name, result in results.items()}
    rows = next(iter(summaries.values()))
    print(f"{'':18}" + "".join(f"{name:>28}" for name in summaries))
    for row in rows:
        values = (found[row] for found in summaries.values())
        print(f"{row:18}" + "".join(f"{_text(value):>28}" for value in values))


def _text(value: Any) -> str:
    return " / ".join(f"{n:,}" for n in value.values()) if isinstance(value, dict) else f"{value:,}"


def chart(path: pathlib.Path, results: dict[str, dict[str, Any]], connections: int) -> None:
    """What the pools keep to `path`, the memory of the processes to a file beside it."""

    def line(run_name: str, *keys: str) -> list[tuple[float, float]]:
        points = []
        for sample in results[run_name]["samples"]:
            value = sample
            for key in keys:
                value = value[key]
            points.append((sample["seconds"], value))
        return points

    path.parent.mkdir(parents=True, exist_ok=True)
    line_chart(
        path,
        {
            "open connections": line("adaptive", "open_connections"),
            "free buffers kept": line("adaptive", "kept", "buffers"),
            "free tasks kept": line("adaptive", "kept", "tasks"),
            "free connections kept": line("adaptive", "kept", "connections"),
            "free buffers kept, adaptive_pools=off": line("fixed", "kept", "buffers"),
        },
        f"Pools under a shifting load: quiet, {connections:,} connections, quiet",
        "seconds",
        "objects",
    )
    line_chart(
        path.with_stem(path.stem + "-memory"),
        {
            title: [(x, kib / 1024) for x, kib in line(name, "rss_kib")]
            for title, name in (("adaptive_pools", "adaptive"), ("adaptive_pools=off", "fixed"))
        },
        "Resident memory under the same load",
        "seconds",
        "MiB",
        height=280,
    )


def main() -> int:
    args = arguments()
    require_wrk()
    raise_limits()
    ours = {c.name: c for c in find_contenders([FIXED])}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        results = {
            "adaptive": run(ours["fasterapi"], args, folder),
            "fixed": run(ours[f"fasterapi {FIXED}"], args, folder),
        }
    report(results)
    if args.json:
        machine = {"machine": platform.machine(), "python": platform.python_version()}
        found = {"summary": {name: summary(one) for name, one in results.items()}}
        command = " ".join(sys.argv)
        text = json.dumps({"command": command, **machine, **found, "runs": results}, indent=1)
        args.json.write_text(text + "\n")
    if args.plot:
        chart(args.plot, results, args.connections)
    followed = summary(results["adaptive"])
    shrank = all(followed["kept_at_end"][p] < followed["most_kept"][p] for p in POOLS[:2])
    if not shrank:
        print("benchmark: the pools did not shrink after the burst", file=sys.stderr)
    return 0 if shrank else 1


if __name__ == "__main__":
    raise SystemExit(main())
