"""Have the parts become slower? Runs their benchmarks and compares with the last stored result.

    python benchmarks/compare.py [--threshold 1.25] [--against FILE] [--store FILE] [--match TEXT]

`make bench-compare` builds the C benchmarks first. Every time is divided by that of a fixed loop
measured in the same run (one in C, one in Python), so another machine's speed cancels. All run
`--passes` times, what is then more than `threshold` times as slow as before up to `--again` times
more. Of a case and of a loop the least time of all runs counts: a slow moment of the machine is no
regression, and one of the loop no progress. What passes from thread to thread swings more, and has
twice the room. The exit code is 1 if something stays slower.

A result is a JSON file: {"kind": "parts", "commit", "date", "machine", "costs": {name: cost}}.
Programs of others that are measured beside ours are left out.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
C_PROGRAMS = ROOT / "build" / "c-release" / "benchmarks" / "c"
PYTHON_SUITE = ROOT / "benchmarks" / "python"
CALIBRATION = "test_calibration"
OTHERS = re.compile(
    r"(^|\W)(ck|msgspec|orjson|json|picohttpparser|llhttp|pydantic|httptools|deque|SimpleQueue"
    r"|bytearray|Starlette|added|joined)(?=[\] -])"
)
SWINGING = "thread to thread"

Costs = dict[str, float]


class Times(NamedTuple):
    """Least times, in whatever unit: of the cases by name, of the loops by language."""

    cases: dict[str, float]
    loops: dict[str, float]

    def costs(self) -> Costs:
        """Each case in units of the loop of its language."""
        return {name: time / self.loops[language(name)] for name, time in self.cases.items()}


class Change(NamedTuple):
    name: str
    before: float
    after: float
    limit: float

    @property
    def ratio(self) -> float:
        return self.after / self.before

    @property
    def slower(self) -> bool:
        return self.ratio > self.limit


def is_ours(name: str) -> bool:
    """Does the case measure this project? `name` is "program: case" or "file.py: test[params]"."""
    return OTHERS.search(name.partition(": ")[2]) is None


def language(name: str) -> str:
    """Of a case: "C" or "Python"."""
    return "Python" if name.partition(": ")[0].endswith(".py") else "C"


def times_of_c(lines: Iterable[str]) -> Times:
    """What benchmarks/c/bench.h wrote [ns]."""
    cases: dict[str, float] = {}
    loops: dict[str, float] = {}
    for line in lines:
        row = json.loads(line)
        loops["C"] = min(row["calibration_ns"], loops.get("C", row["calibration_ns"]))
        if is_ours(row["name"]):
            cases[row["name"]] = row["ns"]
    return Times(cases, loops)


def times_of_python(report: dict[str, Any]) -> Times:
    """The same of pytest-benchmark's report [s]; the loop is called test_calibration there."""
    cases: dict[str, float] = {}
    loop = None
    for row in report["benchmarks"]:
        if row["name"] == CALIBRATION:
            loop = row["stats"]["min"]
            continue
        file = Path(row["fullname"].partition("::")[0]).name
        name = f"{file}: {row['name']}"
        if is_ours(name):
            cases[name] = row["stats"]["min"]
    if loop is None:
        raise SystemExit(f"the report has no {CALIBRATION}: its times cannot be compared")
    return Times(cases, {"Python": loop})


def compare(before: Costs, after: Costs, threshold: float) -> list[Change]:
    """The cases that both have, the worst first."""
    changes = [
        Change(name, before[name], after[name], threshold * (2 if SWINGING in name else 1))
        for name in before.keys() & after.keys()
        if before[name] > 0
    ]
    return sorted(changes, key=lambda change: (-change.ratio / change.limit, change.name))


def merge(one: Times, other: Times) -> Times:
    """Cases and loops of both measurements; of those that both have, the faster one."""

    def least(a: dict[str, float], b: dict[str, float]) -> dict[str, float]:
        return {**a, **{name: min(time, a.get(name, time)) for name, time in b.items()}}

    return Times(least(one.cases, other.cases), least(one.loops, other.loops))


def last_result(folder: Path) -> Path | None:
    """The stored result of the latest date; other benchmarks keep theirs in the same folder."""
    found = []
    for path in folder.glob("*.json"):
        result = json.loads(path.read_text())
        if isinstance(result, dict) and result.get("kind") == "parts":
            found.append((result["date"], path))
    return max(found)[1] if found else None


# --- running --------------------------------------------------------------------------------


def run_c(program: Path) -> Times:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lines"
        done = subprocess.run(
            [program],
            env={**os.environ, "FA_BENCH_JSON": str(file)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        if done.returncode != 0:
            raise SystemExit(f"{program.name} failed ({done.returncode}):\n{done.stdout}")
        return times_of_c(file.read_text().splitlines()) if file.exists() else Times({}, {})


def run_python(files: list[Path]) -> Times:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-P", "-m", "pytest", "-q", "--benchmark-only"]
        command += [f"--benchmark-json={report}", "--benchmark-max-time=0.3"]
        command += map(str, [PYTHON_SUITE / "bench_calibration.py", *files])
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        if done.returncode != 0:
            raise SystemExit(f"pytest failed ({done.returncode}):\n{done.stdout}")
        return times_of_python(json.loads(report.read_text()))


def find_runs(match: str) -> list[Path]:
    """Programs and files to run; `match` is a part of their name."""
    programs = [path for path in C_PROGRAMS.glob("bench_*") if path.suffix == ""]
    files = [path for path in PYTHON_SUITE.glob("bench_*.py") if path.stem != "bench_calibration"]
    if not programs:
        raise SystemExit("the C benchmarks are not built: make bench-compare builds them")
    return sorted(path for path in programs + files if match in path.name)


def run(path: Path) -> Times:
    print(f"  {path.name}", flush=True)
    return run_python([path]) if path.suffix == ".py" else run_c(path)


def measure_again(runs: list[Path], times: Times, slower: list[Change]) -> Times:
    """Once more what holds a case that seems slower."""
    for path in runs:
        if any(change.name.startswith(f"{path.name}: ") for change in slower):
            times = merge(times, run(path))
    return times


# --- the command ------------------------------------------------------------------------------


def describe(costs: Costs) -> dict[str, Any]:
    def git(*args: str) -> str:
        done = subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip()

    return {
        "kind": "parts",
        "commit": git("rev-parse", "--short", "HEAD") or "unknown",
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.platform(terse=True),
            "python": platform.python_version(),
        },
        "costs": {name: float(f"{cost:.5g}") for name, cost in sorted(costs.items())},
    }


def print_changes(changes: list[Change]) -> None:
    for change in changes:
        mark = "SLOWER" if change.slower else ""
        print(f"{change.ratio:7.2f} x  {change.name}  {mark}".rstrip())


def print_uncompared(before: Costs, after: Costs) -> None:
    for name in sorted(after.keys() - before.keys()):
        print(f"    new    {name}")
    for name in sorted(before.keys() - after.keys()):
        print(f"   gone    {name}")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threshold", type=float, default=1.25, help="how much slower is slower")
    parser.add_argument("--passes", type=int, default=2, help="times to measure everything")
    parser.add_argument("--again", type=int, default=2, help="times to measure again")
    parser.add_argument("--against", type=Path, help="the result to compare with; else the last")
    parser.add_argument("--store", type=Path, help="write the new result to this file")
    parser.add_argument("--match", default="", help="only programs with this in their name")
    options = parser.parse_args(arguments)
    if options.threshold <= 1:
        parser.error("--threshold must be above 1")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    stored = options.against or last_result(RESULTS)
    before: Costs = json.loads(stored.read_text())["costs"] if stored else {}
    runs = find_runs(options.match)
    if not runs:
        raise SystemExit(f"no benchmark has {options.match!r} in its name")
    times = Times({}, {})
    for turn in range(max(1, options.passes)):
        print(f"measuring, pass {turn + 1}")
        for path in runs:
            times = merge(times, run(path))
    for _ in range(options.again):
        changes = compare(before, times.costs(), options.threshold)
        slower = [change for change in changes if change.slower]
        if not slower:
            break
        print(f"measuring again: {len(slower)} seem slower")
        times = measure_again(runs, times, slower)
    costs = times.costs()
    if options.store:
        options.store.write_text(json.dumps(describe(costs), indent=1) + "\n")
        print(f"stored in {options.store}")
    if stored is None:
        print("nothing to compare with: store a first result with --store")
        return 0 if options.store else 1
    changes = compare(before, costs, options.threshold)
    print(f"\ntimes as slow as in {stored.name}, the worst first")
    print_changes(changes)
    names = tuple(f"{path.name}: " for path in runs)
    print_uncompared({k: v for k, v in before.items() if k.startswith(names)}, costs)
    slower = [change for change in changes if change.slower]
    print(f"\n{len(changes)} compared, {len(slower)} slower")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
