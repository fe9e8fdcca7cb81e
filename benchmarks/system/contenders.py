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

__all__ = [
    "BEFORE",
    "OURS",
    "App",
    "Contender",
    "Running",
    "before",
    "build_limit",
    "compiled",
    "find_contenders",
    "start",
]

OURS, BEFORE = "fasterapi", "fasterapi before"

HERE = pathlib.Path(__file__).resolve().parent
APPS = HERE / "apps"
DEADLINE = 60.0


@dataclasses.dataclass(frozen=True)
class App:
    """A file in apps/ and the variables that say what it is to be."""

    file: str = "app"
    environment: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True)
class Contender:
    """name: as in the tables. command: PORT stands for the port, APP for the app's module.

    needs: the packages it is of. fixed_answer: it answers everything alike. only_app: it has an
    app of its own, or is no server for FastAPI, so that it is measured with app.py's requests only.
    """

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    fixed_answer: bool = False
    only_app: bool = False

    def versions(self) -> str:
        return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in self.needs)


@dataclasses.dataclass
class Running:
    contender: Contender
    app: App
    process: subprocess.Popen[bytes]
    port: int
    log: pathlib.Path
    folder: pathlib.Path

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


def compiled(name: str, folder: pathlib.Path) -> str:
    """Compile limit/NAME.c into `folder`; returns the program's path."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit(f"benchmark: no C compiler for {name}.c; install gcc (apt-get install gcc)")
    target = folder / name
    flags = ["-std=gnu11", "-O2", "-D_GNU_SOURCE"]
    source = str(HERE / "limit" / f"{name}.c")
    subprocess.run([compiler, *flags, source, "-o", str(target)], check=True)
    return str(target)


def build_limit(folder: pathlib.Path) -> Contender:
    command = (compiled("limit_epoll", folder), "PORT")
    return Contender("limit", command, fixed_answer=True, only_app=True)


def before(python: str) -> Contender:
    """Another build of this server: the one that this interpreter imports."""
    if shutil.which(python) is None:
        sys.exit(f"benchmark: --before {python}: no such interpreter")
    return _fasterapi(BEFORE, python=python)


def _fasterapi(
    name: str, environment: tuple[tuple[str, str], ...] = (), python: str = sys.executable
) -> Contender:
    command = (python, "-m", "fasterapi", "run", str(APPS / "APP.py"))
    return Contender(
        name,
        (*command, "--host", "127.0.0.1", "--port", "PORT", "--no-access-log"),
        ("fasterapi", "fastapi"),
        environment,
    )


def find_contenders(switches: list[str]) -> list[Contender]:
    """Everything that can run here, except the limit. switches: "option=value" variants of ours."""
    python = sys.executable
    plain = (("BENCH_CLASS", "fastapi"),)
    port = ("--port", "PORT")
    uvicorn = (python, "-m", "uvicorn", "APP:app", "--app-dir", str(APPS), *port)
    best = ("--loop", "uvloop", "--http", "httptools", "--no-access-log")
    quiet = ("--log-level", "warning", "--timeout-keep-alive", "75")
    granian = (python, "-m", "granian", "--interface", "asgi", "--workers", "1", *port)
    asgi = ("--loop", "uvloop", "--no-ws", "--log-level", "error", "--working-dir", str(APPS))
    known = [
        _fasterapi(OURS),
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
            "fasterapi on uvicorn",
            (*uvicorn, *best, *quiet),
            ("fasterapi", "fastapi", "uvicorn", "uvloop", "httptools"),
        ),
        Contender(
            "granian",
            (*granian, *asgi, "app:app"),
            ("fastapi", "granian"),
            plain,
            only_app=True,
        ),
        Contender(
            "blacksheep",
            (*granian, *asgi, "blacksheep_app:app"),
            ("blacksheep", "granian"),
            only_app=True,
        ),
        Contender("robyn", (python, str(APPS / "robyn_app.py"), "PORT"), ("robyn",), only_app=True),
    ]
    return [c for c in known if all(importlib.util.find_spec(name) for name in c.needs)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(contender: Contender, app: App, folder: pathlib.Path, core: int | None) -> Running:
    """Start a server, on one core if `core` is given, and wait until it takes connections."""
    port = _free_port()
    command = [
        part.replace("PORT", str(port)).replace("APP", app.file) for part in contender.command
    ]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FASTERAPI_")}
    environment |= {"PYTHONSAFEPATH": "1", **dict(contender.environment), **dict(app.environment)}
    log = pathlib.Path(tempfile.mkstemp(dir=folder, suffix=".log")[1])
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output
        )
    running = Running(contender, app, process, port, log, folder)
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
            return running
        time.sleep(0.001)
    running.stop()
    sys.exit(f"benchmark: {contender.name} did not start:\n{log.read_text(errors='replace')}")
