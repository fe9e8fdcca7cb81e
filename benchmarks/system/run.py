"""The system benchmark: requests through a socket, against the bare C limit and other servers.

    python benchmarks/system/run.py                       everything that can run here
    python benchmarks/system/run.py --only async,def      some workloads
    python benchmarks/system/run.py --switch object_pools=off    with one option flipped, beside it
    python benchmarks/system/run.py --before PYTHON       beside an older build
    python benchmarks/system/run.py --smoke               about a minute: does it run, is it right

The method, and how to read the table: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from contenders import (
    BEFORE,
    OURS,
    App,
    Contender,
    Running,
    before,
    build_limit,
    find_contenders,
    start,
)
from crowd import crowd
from load import (
    Sample,
    check_answer,
    idle_connections,
    measure,
    raise_limits,
    require_wrk,
)
from processes import resident_kib
from startup import first_request, imports, starts
from targets import verdicts
from workloads import APP, WORKLOADS, Workload, groups

SERVER_CORE, CLIENT_CORE = 0, 1
LATENCY = "latency"
EXTRA = ("import", "start", "first", "idle", "crowd", "rss")
# wrk's share of its core above which the load, not the server, sets the rate.
FULL = 0.95
# What else may run on the machine before the figures mean little.
BUSY = 0.5
SMOKE = ("limit", "fasterapi", "uvicorn", "fasterapi on uvicorn")


def arguments() -> argparse.Namespace:
    names = [w.name for w in WORKLOADS] + list(EXTRA)
    parser = argparse.ArgumentParser(description="Benchmark this server against others.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each run of wrk")
    parser.add_argument("--only", default=",".join(names), help=f"of {','.join(names)}")
    parser.add_argument("--peers", help="names of the servers to measure beside limit")
    parser.add_argument("--switch", action="append", default=[], metavar="OPTION=VALUE")
    parser.add_argument("--before", metavar="PYTHON", help="of an older build of ours")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures here")
    parser.add_argument("--pin", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--starts", type=int, default=5, help="of each server that is started anew")
    parser.add_argument("--idle", type=int, default=5000, help="idle connections")
    parser.add_argument("--crowd", type=int, default=10_000, help="idle ones beside active ones")
    parser.add_argument("--rss-requests", type=int, default=1_000_000)
    parser.add_argument("--smoke", action="store_true", help="about a minute in all")
    args = parser.parse_args()
    args.only = args.only.split(",")
    if unknown := set(args.only) - set(names):
        parser.error(f"unknown workload {sorted(unknown)}; there are {', '.join(names)}")
    if args.smoke:
        args.rounds, args.seconds, args.starts = 1, 1, 1
        args.idle, args.crowd, args.rss_requests = 500, 1000, 50_000
    can_pin = (os.cpu_count() or 1) > 1 and os.access("/usr/bin/taskset", os.X_OK)
    args.pin = can_pin if args.pin is None else args.pin
    return args


def choose(args: argparse.Namespace, folder: pathlib.Path) -> list[Contender]:
    found = [build_limit(folder), *find_contenders(args.switch)]
    if args.before is not None:
        found.insert(1, before(args.before))
    if args.peers is not None:
        wanted = {"limit", BEFORE, *args.peers.split(",")}
        if unknown := wanted - {c.name for c in found} - {BEFORE}:
            names = ", ".join(c.name for c in found)
            sys.exit(f"benchmark: no server {sorted(unknown)} here; there are {names}")
        found = [c for c in found if c.name in wanted]
    elif args.smoke:
        found = [c for c in found if c.name in SMOKE]
    return found


class Fleet:
    """The servers that run now. Each serves one app; it is started when it is first asked for."""

    def __init__(self, contenders: list[Contender], folder: pathlib.Path, core: int | None) -> None:
        self.contenders = contenders
        self._folder = folder
        self._core = core
        self._running: dict[tuple[str, App], Running] = {}

    def measured_with(self, workload: Workload) -> list[Running]:
        names, is_plain = workload.servers, workload.app == APP
        return [
            self.server(contender, workload.app)
            for contender in self.contenders
            if (is_plain or not contender.only_app)
            and (names is None or any(_is_variant(contender.name, name) for name in names))
        ]

    def server(self, contender: Contender, app: App) -> Running:
        key = (contender.name, app)
        if key not in self._running:
            self._running[key] = start(contender, app, self._folder, self._core)
        return self._running[key]

    def keep_only(self, apps: set[App]) -> None:
        """Stop the servers of all other apps."""
        for key, server in list(self._running.items()):
            if server.app not in apps:
                server.stop()
                del self._running[key]


def _is_variant(name: str, of: str) -> bool:
    """Whether it is that server, maybe with an option flipped."""
    return name == of or (name.startswith(f"{of} ") and ("=" in name or name == BEFORE))


def rounds(
    workloads: list[Workload], fleet: Fleet, args: argparse.Namespace
) -> list[dict[str, list[Sample]]]:
    """Measure each server in turn, A B C A B C, so that a slow minute of the machine hits all."""
    core = CLIENT_CORE if args.pin else None
    samples: list[dict[str, list[Sample]]] = [{} for _ in workloads]
    todo: list[tuple[Workload, Running, list[Sample]]] = []
    for workload, found in zip(workloads, samples, strict=True):
        for server in fleet.measured_with(workload):
            if wrong := check_answer(server, workload):
                print(f"  {server.name}: left out of {workload.name}, wrong answer: {wrong}")
                continue
            found[server.name] = []
            todo.append((workload, server, found[server.name]))
            if not args.smoke:
                measure(server, workload, 1, core)
    for _ in range(args.rounds):
        for workload, server, taken in todo:
            taken.append(measure(server, workload, args.seconds, core))
    return samples


def summarise(workload: Workload, samples: dict[str, list[Sample]]) -> list[dict[str, Any]]:
    """One row per server: medians, the median of the ratios round by round, and the least CPU."""
    limit = samples.get("limit", [])
    least = min((s.cpu_us for s in limit), default=None)
    rows = []
    for name, runs in samples.items():
        by_rate = [
            s.requests_per_second / x.requests_per_second for s, x in zip(runs, limit, strict=False)
        ]
        by_time = [
            s.p50_us / x.p50_us
            for s, x in zip(runs, limit, strict=False)
            if s.p50_us is not None and x.p50_us is not None
        ]
        p50 = [s.p50_us for s in runs if s.p50_us is not None]
        ratios = by_time if workload.name == LATENCY else by_rate
        rows.append(
            {
                "workload": workload.name,
                "server": name,
                "requests_per_second": statistics.median(s.requests_per_second for s in runs),
                "p50_us": statistics.median(p50) if p50 else None,
                "cpu_us_per_request": min(s.cpu_us for s in runs),
                "ratio_to_limit": statistics.median(ratios) if ratios else None,
                "cpu_ratio_to_limit": least / min(s.cpu_us for s in runs) if least else None,
                "load_busy": statistics.median(s.load_busy for s in runs),
                "errors": sorted({s.errors for s in runs if s.errors}),
                "rounds": [vars(s) for s in runs],
            }
        )
    return rows


def show(workload: Workload, rows: list[dict[str, Any]]) -> None:
    uvicorn = next((r["requests_per_second"] for r in rows if r["server"] == "uvicorn"), None)
    print(f"\n{workload.title}  ({workload.name})")
    titles = ("req/s", "of limit", "x uvicorn", "p50 us", "CPU us", "CPU ratio")
    print(f"  {'server':<28}" + "".join(f"{title:>11}" for title in titles))
    for row in rows:
        rate = row["requests_per_second"]
        full = "+" if row["load_busy"] > FULL else " "
        cells = (
            f"{rate:.0f}{full}",
            number(row["ratio_to_limit"], 2),
            number(rate / uvicorn if uvicorn else None, 1),
            number(row["p50_us"], 0),
            number(row["cpu_us_per_request"], 1),
            number(row["cpu_ratio_to_limit"], 2),
        )
        line = f"  {row['server']:<28}" + "".join(f"{cell:>11}" for cell in cells)
        print(line + "".join(f"  {error}" for error in row["errors"]))
    if any(row["load_busy"] > FULL for row in rows):
        print("  + the load had no time left: the server could do more. Compare the CPU instead.")
    cpu = {row["server"]: row["cpu_us_per_request"] for row in rows}
    if BEFORE in cpu and OURS in cpu:
        print(f"  CPU of a request, to that of before: {cpu[OURS] / cpu[BEFORE]:.3f}")
    if workload.name == LATENCY:
        print("  ('of limit' is the ratio of the p50 latencies: less is better)")


def show_verdicts(answers: list[dict[str, Any]]) -> None:
    if not answers:
        return
    print("\ntargets")
    for row in answers:
        bound = f"{row['is']} {row['target']:.2f}"
        print(
            f"  {row['workload']:<18}{row['title']:<34}{bound:>15}{row['measured']:>10.2f}"
            f"  {'met' if row['met'] else 'NOT MET'}"
        )


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def idle_memory(
    contenders: list[Contender], folder: pathlib.Path, args: argparse.Namespace
) -> list[dict[str, Any]]:
    """On servers just started: one that worked before has free memory to hide connections in."""
    rows = []
    print(f"\n{args.idle} idle connections, each after one answered request  (idle)")
    for contender in contenders:
        server = start(contender, APP, folder, SERVER_CORE if args.pin else None)
        try:
            check_answer(server, WORKLOADS[0])
            before = resident_kib(server.pid)
            with idle_connections(server, args.idle) as held:
                each = (resident_kib(server.pid) - before) / max(held, 1)
        finally:
            server.stop()
        row = {"workload": "idle", "server": server.name, "connections": held, "kib": each}
        rows.append(row)
        short = "" if held == args.idle else f" (only {held} were held)"
        print(f"  {server.name:<28}{each:>8.2f} KiB each{short}")
    return rows


def memory_growth(servers: list[Running], count: int, pin: bool) -> list[dict[str, Any]]:
    """How much the server's memory grows over `count` requests, after a warm-up of a tenth."""
    rows = []
    core = CLIENT_CORE if pin else None
    print(f"\nmemory over {count} requests  (rss)")
    for server in servers:
        first = measure(server, WORKLOADS[0], 1, core)
        warm_up = count / 10 / first.requests_per_second
        measure(server, WORKLOADS[0], warm_up, core)
        before, done = resident_kib(server.pid), 0
        while done < count:
            left = (count - done) / first.requests_per_second
            done += measure(server, WORKLOADS[0], min(left, 30), core).requests
        grown = resident_kib(server.pid) - before
        rows.append(
            {"workload": "rss", "server": server.name, "requests": done, "grown_kib": grown}
        )
        print(f"  {server.name:<28}{before:>8} KiB, {grown:+} KiB after {done} requests")
    return rows


def machine() -> dict[str, Any]:
    cpu = ""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    root = pathlib.Path(__file__).resolve().parent
    git = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    wrk = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        "wrk": wrk.split("[")[0].strip(),
        "commit": commit,
        "command": "python " + " ".join(sys.argv),
    }


def main() -> None:
    args = arguments()
    require_wrk()
    raise_limits()
    about = machine()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="fasterapi-bench-") as name:
        folder = pathlib.Path(name)
        contenders = choose(args, folder)
        print(
            f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, "
            f"Python {about['python']}, {about['wrk']}"
        )
        print("$ " + about["command"])
        for contender in contenders:
            print(f"  {contender.name:<28}{contender.versions()}")
        where = f"server on core {SERVER_CORE}, wrk on core {CLIENT_CORE}"
        print(
            f"  {where if args.pin else 'not pinned'}; wrk -t1; rounds: {args.rounds} of "
            f"{args.seconds} s, in turn; req/s is the median, CPU the least of the rounds"
        )
        if about["load_before"] > BUSY:
            print(f"  NOTE: the machine was busy before (load {about['load_before']:.1f}): such")
            print("  figures favour servers with more threads. Run again when it is idle.")
        core = SERVER_CORE if args.pin else None
        fleet = Fleet(contenders, folder, core)
        fastapi = [c for c in contenders if not c.only_app]
        try:
            for workloads in groups(args.only):
                fleet.keep_only({workload.app for workload in workloads})
                for workload, samples in zip(
                    workloads, rounds(workloads, fleet, args), strict=True
                ):
                    result = summarise(workload, samples)
                    show(workload, result)
                    rows += result
            if "import" in args.only:
                fleet.keep_only(set())
                rows += imports(3 * args.starts)
            if "start" in args.only:
                fleet.keep_only(set())
                rows += starts(fastapi, folder, args.starts, core)
            if "first" in args.only:
                rows += first_request(fastapi, folder, args.starts, core)
            if "idle" in args.only:
                rows += idle_memory(contenders, folder, args)
            if "crowd" in args.only:
                cores = (SERVER_CORE, CLIENT_CORE) if args.pin else None
                rows += crowd(contenders, folder, args.crowd, args.rounds, args.seconds, cores)
            if "rss" in args.only:
                plain = [fleet.server(c, APP) for c in fastapi if _is_variant(c.name, "fasterapi")]
                rows += memory_growth(plain, args.rss_requests, args.pin)
        finally:
            fleet.keep_only(set())
    answers = verdicts(rows)
    show_verdicts(answers)
    if args.json is not None:
        versions = {c.name: c.versions() for c in contenders}
        args.json.parent.mkdir(parents=True, exist_ok=True)
        everything = {"machine": about, "servers": versions, "targets": answers, "results": rows}
        text = json.dumps(everything, indent=1)
        args.json.write_text(text + "\n")
        print(f"\nwritten: {args.json}")
    if any(row.get("errors") for row in rows):
        sys.exit("benchmark: some runs had errors, see above")


if __name__ == "__main__":
    main()
