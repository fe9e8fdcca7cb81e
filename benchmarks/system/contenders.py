"""The servers that are measured: how each is started, and how one knows that it runs."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import importlib.util
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

__all__ = ["Contender", "Running", "build_limit", "find_contenders", "start"]

HERE = pathlib.Path(__file__).resolve().parent
APPS = HERE / "apps"
DEADLINE = 60.0


@dataclasses.dataclass(frozen=True)
class Contender:
    """name: as in the tables. command: PORT stands for the port. needs: the packages it is of."""

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    fixed_answer: bool = False

    def versions(self) -> str:
        return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in self.needs)


@dataclasses.dataclass
class Running:
    contender: Contender
    process: subprocess.Popen[bytes]
    port: int
    log: pathlib.Path

    @property
    def name(self) -> str:
        return self.contender.name

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def build_limit(folder: pathlib.Path) -> Contender:
    """Compile the limit server into `folder`."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("benchmark: no C compiler for the limit server; install gcc (apt-get install gcc)")
    target = folder / "limit_epoll"
    source = HERE / "limit" / "limit_epoll.c"
    flags = ["-std=gnu11", "-O2", "-D_GNU_SOURCE"]
    subprocess.run([compiler, *flags, str(source), "-o", str(target)], check=True)
    return Contender("limit", (str(target), "PORT"), fixed_answer=True)


def _fasterapi(name: str, environment: tuple[tuple[str, str], ...] = ()) -> Contender:
    command = (sys.executable, "-m", "fasterapi", "run", str(APPS / "app.py"))
    return Contender(
        name, (*command, "--port", "PORT", "--no-access-log"), ("fasterapi", "fastapi"), environment
    )


def find_contenders(switches: list[str]) -> list[Contender]:
    """Everything that can run here, except the limit. switches: "option=value" variants of ours."""
    python = sys.executable
    plain = (("BENCH_CLASS", "fastapi"),)
    port = ("--port", "PORT")
    uvicorn = (python, "-m", "uvicorn", "app:app", "--app-dir", str(APPS), *port)
    best = ("--loop", "uvloop", "--http", "httptools", "--no-access-log")
    quiet = ("--log-level", "warning", "--timeout-keep-alive", "75")
    granian = (python, "-m", "granian", "--interface", "asgi", "--workers", "1", *port)
    asgi = ("--loop", "uvloop", "--no-ws", "--log-level", "error", "--working-dir", str(APPS))
    known = [
        _fasterapi("fasterapi"),
        *(
            _fasterapi(f"fasterapi {switch}", ((f"FASTERAPI_{name.upper()}", value),))
            for switch in switches
            for name, _, value in [switch.partition("=")]
        ),
        Contender(
            "uvicorn",
            (*uvicorn, *best, *quiet),
            ("fastapi", "uvicorn", "uvloop", "httptools"),
            plain,
        ),
        Contender(
            "granian",
            (*granian, *asgi, "app:app"),
            ("fastapi", "granian"),
            plain,
        ),
        Contender(
            "blacksheep",
            (*granian, *asgi, "blacksheep_app:app"),
            ("blacksheep", "granian"),
        ),
        Contender("robyn", (python, str(APPS / "robyn_app.py"), "PORT"), ("robyn",)),
    ]
    return [c for c in known if all(importlib.util.find_spec(name) for name in c.needs)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(contender: Contender, folder: pathlib.Path, core: int | None) -> Running:
    """Start a server, on one core if `core` is given, and wait until it answers."""
    port = _free_port()
    command = [part.replace("PORT", str(port)) for part in contender.command]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FASTERAPI_")}
    environment |= {"PYTHONSAFEPATH": "1", **dict(contender.environment)}
    log = pathlib.Path(tempfile.mkstemp(dir=folder, suffix=".log")[1])
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output
        )
    running = Running(contender, process, port, log)
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
            return running
        time.sleep(0.02)
    running.stop()
    sys.exit(f"benchmark: {contender.name} did not start:\n{log.read_text(errors='replace')}")
