"""Real programs, served by `fasterapi run` and by Uvicorn, and compared.

    python tests/field_apps/run.py [--only NAME]... [--middleware none|gzip|http]...

Each program of catalog.py gets an environment of its own in build/field-apps. Its app is served by
both servers, plainly, behind GZipMiddleware and behind `@app.middleware("http")`; the same is asked
of both, with `Accept-Encoding: gzip, br`; then both are stopped while clients are connected. What
came is compared: answers, streams, WebSockets, what stays alive when clients have left, how
connections and process end, what the log says. A table at the end; the exit status is 1 if ours
differs. What both sent lies in build/field-apps/results.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
from typing import Any

from catalog import MAY_DIFFER, PROGRAMS
from environments import CACHE, build_wheel, environment, versions

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration" / "support"))
import live_server  # noqa: E402

PROGRAMS_FOLDER = HERE / "programs"
SERVERS = ("uvicorn", "fasterapi")
MIDDLEWARE = ("none", "gzip", "http")
#: Seconds that requests in flight get at a stop; both are told so.
GRACE = "3"
#: Bounds how long a visit or a stop that fails may hang.
VISIT_SECONDS, STOP_SECONDS = 600, 30
live_server.DEADLINE = 300.0  # Prefect makes its database first
COMPILED = re.compile(r"(\d+) of (\d+) routes? compiled")

Facts = dict[str, Any]


@dataclasses.dataclass
class Run:
    """What one server did: observations by name, and its log."""

    seen: dict[str, Facts]
    log: str


@dataclasses.dataclass
class Row:
    """One line of the table."""

    name: str
    version: str = ""
    fastapi: str = ""
    asked: int = 0
    equal: int = 0
    excused: int = 0
    different: int = 0
    compiled: str = "-"


def command_of(server: str, python: pathlib.Path, name: str) -> list[str]:
    target = f"{name}_app:app"
    if server == "uvicorn":
        command = [python, "-m", "uvicorn", target, "--timeout-graceful-shutdown", GRACE]
    else:
        command = [python, "-m", "fasterapi", "run", target, "--graceful-timeout", GRACE]
    return [*map(str, command), "--port", "0"]


def serve(server: str, name: str, middleware: str, python: pathlib.Path) -> Run:
    """Serve the program, visit it, stop it while the visitor is connected."""
    folder = CACHE / "results" / name / middleware / server
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environ = {"FIELD_MIDDLEWARE": middleware, "PYTHONPATH": str(PROGRAMS_FOLDER), "NO_COLOR": "1"}
    environ |= dict(PROGRAMS[name].environ)
    running = live_server.LiveServer(command_of(server, python, name), environ)
    seen: dict[str, Facts] = {}
    try:
        running.learn_address()
        host, port = running.address
        base = f"http://{host}:{port}"
        command = [python, HERE / "visit.py", name, base, folder]
        with (folder / "visit.log").open("w") as errors:
            visitor = subprocess.Popen(
                [str(part) for part in command], stdout=subprocess.PIPE, stderr=errors, text=True
            )
            assert visitor.stdout is not None
            for line in visitor.stdout:
                given = json.loads(line)
                if "staying" in given:
                    running.signal(signal.SIGTERM)
                else:
                    seen[given["name"]] = given["facts"]
            visitor.wait(VISIT_SECONDS)
        seen["stop"] = how_it_stops(running)
    finally:
        running.stop()
    (folder / "server.log").write_text(running.output + "\n")
    (folder / "seen.json").write_text(json.dumps(seen, indent=1))
    seen["log"] = facts_of_log(running.output)
    return Run(seen, running.output)


def how_it_stops(running: live_server.LiveServer) -> Facts:
    if running.process.poll() is None:
        running.signal(signal.SIGTERM)  # the visit ended before it asked for the stop
    try:
        return {"exit status": running.process.wait(STOP_SECONDS), "in time": True}
    except subprocess.TimeoutExpired:
        return {"in time": False}


def facts_of_log(log: str) -> Facts:
    """What went wrong, by the log: the last lines of tracebacks, and warnings."""
    errors: collections.Counter[str] = collections.Counter()
    warned: collections.Counter[str] = collections.Counter()
    inside = False
    for line in log.splitlines():
        if "Traceback (most recent call last)" in line:
            inside = True
        elif inside and re.match(
            r"^[\w.]+(Error|Exception|Exit|Interrupt|Group)?(:|$)", line.strip(" |+-")
        ):
            if not line.startswith(" "):
                errors[line.split(":")[0]] += 1
                inside = False
        elif (found := re.search(r"\b(\w+Warning): (.*)", line)) and "warnings.warn" not in line:
            warned[found[0][:100]] += 1
        elif re.match(r"(?:\S+ )*WARNING\b", line) and not MAY_DIFFER["log"].search(line):
            warned[re.sub(r"\d+", "N", line)[:100]] += 1
    return {"tracebacks": dict(errors), "warnings": dict(warned)}


def compare(name: str, ours: Run, theirs: Run, row: Row) -> None:
    """Count what differs, and print it; what differs in the same way once."""
    alike: dict[str, list[str]] = {}
    for what in {**theirs.seen, **ours.seen}:
        a, b = theirs.seen.get(what, {}), ours.seen.get(what, {})
        row.asked += 1
        if a == b or has_no_more(a, b):
            row.equal += 1
            continue
        reason = excused(name, what)
        row.excused += reason is not None
        row.different += reason is None
        facts = [
            f"    {key}: uvicorn {a.get(key)!r}, ours {b.get(key)!r}"[:500]
            for key in {**a, **b}
            if a.get(key) != b.get(key)
        ]
        title = f" (excused: {reason})" if reason else ""
        alike.setdefault("\n".join([title, *facts]), []).append(what)
    for text, names in alike.items():
        more = f", and {len(names) - 3} more" if len(names) > 3 else ""
        print(f"  {', '.join(names[:3])}{more}{text}")
    sys.stdout.flush()


def has_no_more(theirs: Facts, ours: Facts) -> bool:
    """Whether ours left alive, or logged, only what Uvicorn did, and no more of it.

    How much that is, depends with some programs on which of their tasks is quicker.
    """
    if theirs.keys() != ours.keys() or not theirs.keys() <= {"left", "tracebacks", "warnings"}:
        return False
    return all(
        count <= theirs[fact].get(what, 0)
        for fact, counts in ours.items()
        for what, count in counts.items()
    )


def excused(name: str, what: str) -> str | None:
    for pattern, reason in PROGRAMS[name].differs:
        if re.search(pattern, what):
            return reason
    return None


def compiled_share(log: str) -> str:
    found = COMPILED.search(log)
    if found is None:
        return "-"
    return f"{found[1]}/{found[2]}"


def try_program(name: str, middleware: list[str], wheel: pathlib.Path) -> Row:
    program = PROGRAMS[name]
    print(f"=== {name}: {program.requirement}", flush=True)
    python = environment(name, program, wheel)
    row = Row(name, *versions(python, program.distribution, "fastapi"))
    for wanted in middleware:
        runs = {server: serve(server, name, wanted, python) for server in SERVERS}
        print(f"  middleware: {wanted}", flush=True)
        compare(name, runs["fasterapi"], runs["uvicorn"], row)
        if row.compiled == "-":
            row.compiled = compiled_share(runs["fasterapi"].log)
    print(f"  {row.equal} of {row.asked} equal", flush=True)
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", action="append", choices=PROGRAMS, metavar="NAME")
    parser.add_argument("--middleware", action="append", choices=MIDDLEWARE)
    given = parser.parse_args()
    wheel = build_wheel()
    rows = []
    for name in given.only or PROGRAMS:
        try:
            rows.append(try_program(name, given.middleware or list(MIDDLEWARE), wheel))
        except (AssertionError, subprocess.CalledProcessError) as error:
            print(f"  {name} could not be tried: {error}", flush=True)
            rows.append(Row(name, different=1))
    titles = (
        "program",
        "version",
        "FastAPI",
        "asked",
        "equal",
        "excused",
        "ours fails",
        "compiled",
    )
    table = [titles, *(tuple(str(cell) for cell in dataclasses.astuple(row)) for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(titles))]
    for line in table:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )
    return 1 if any(row.different for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
