"""Real servers in subprocesses of their own, on a port that the system chooses."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable

__all__ = [
    "APPS",
    "DEADLINE",
    "LiveServer",
    "run_to_exit",
    "start_asgi_server",
    "start_fasterapi",
    "start_uvicorn",
    "wait_until",
]

APPS = pathlib.Path(__file__).resolve().parent.parent / "apps"
# Bounds how long a test that fails may hang; nothing is measured with it.
DEADLINE = 60.0
ADDRESS = re.compile(r"http://\[?([^\]\s/]+?)\]?:(\d+)")
SOCKET = "server.sock"
UNIX = re.compile(r"unix:?(?:socket)?:?\s*(/\S+)")


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Ask again and again until `condition` holds; an error that says `what` after DEADLINE."""
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {DEADLINE:.0f} s in vain for: {what}")
        time.sleep(0.005)


def _environment(extra: dict[str, str]) -> dict[str, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FASTERAPI_")}
    # The hash seed: FastAPI's `allow` header lists a set, so two processes differ without it.
    fixed = {"PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
    return environment | fixed | extra


class LiveServer:
    """A server process, and all that it wrote (stdout and stderr together, in `output`)."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.command = command
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._folder = tempfile.TemporaryDirectory(prefix="live-server-")
        try:
            self.process = subprocess.Popen(
                command,
                cwd=self._folder.name,
                env=_environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError:
            self._folder.cleanup()
            raise
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.address: tuple[str, int] = ("", 0)
        self.socket = str(pathlib.Path(self._folder.name) / SOCKET)  # if it was told to use that

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        with self._changed:
            return "\n".join(self.lines)

    def wait_for_line(self, pattern: str | re.Pattern[str], count: int = 1) -> re.Match[str]:
        """The count-th line that the pattern is found in, waiting for it if need be."""
        expression = re.compile(pattern)
        end = time.monotonic() + DEADLINE
        with self._changed:
            while True:
                found = [m for line in self.lines if (m := expression.search(line))]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    text = "\n".join(self.lines)
                    raise AssertionError(f"no line with {expression.pattern!r} in:\n{text}")
                self._changed.wait(min(left, 0.5))

    def learn_address(self) -> None:
        match = self.wait_for_line(ADDRESS)
        self.address = (match[1], int(match[2]))

    def children(self) -> list[int]:
        """The process ids of its direct children."""
        path = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
        try:
            return [int(pid) for pid in path.read_text().split()]
        except FileNotFoundError:
            return []

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit code, once all that it wrote has been read too."""
        code = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return code

    def wait_for_end(self) -> int:
        """As `wait`, but 0 also if SIGTERM ended it: a server in order ends by it at its end."""
        code = self.wait()
        return 0 if code == -signal.SIGTERM else code

    def stop(self) -> int:
        """End it by its own pid: SIGTERM, and SIGKILL if it does not go. As `wait_for_end`."""
        children = self.children()
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            code = self.wait_for_end()
        except subprocess.TimeoutExpired:
            self.process.kill()
            for pid in children:
                os.kill(pid, signal.SIGKILL)
            code = self.wait()
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()
            self._folder.cleanup()
        return code


def start_uvicorn(target: str, **environment: str) -> LiveServer:
    """Serve `module:app` of tests/integration/apps with Uvicorn (uvloop and httptools)."""
    command = [sys.executable, "-m", "uvicorn", target, "--app-dir", str(APPS), "--port", "0"]
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    server = LiveServer([*command, *options], {"COMPARE_CLASS": "fastapi", **environment})
    return _ready(server)


def start_fasterapi(
    target: str, *options: str, descriptors: int | None = None, **environment: str
) -> LiveServer:
    """Serve a file of tests/integration/apps (or a path, or module:app) with `fasterapi run`.

    descriptors: how many the server may have. The test's own limit stays: it may hold more already.
    """
    if target.endswith(".py") and "/" not in target:
        target = str(APPS / target)
    command = [sys.executable, "-m", "fasterapi", "run", target]
    if "--host" not in options:
        command += ["--host", "127.0.0.1"]  # else a file is served on every address
    if descriptors is not None:
        command = ["sh", "-c", 'ulimit -S -n "$0" && exec "$@"', str(descriptors), *command]
    if not {"--port", "--uds"}.intersection(options):
        command += ["--port", "0"]
    return _ready(LiveServer([*command, *options], environment), "--uds" not in options)


#: How other servers are told to serve a module:app of tests/integration/apps at SOCKET.
_ASGI_SERVERS = {
    "uvicorn": ["uvicorn", "--no-access-log", "--uds", SOCKET],
    "granian": ["granian", "--interface", "asgi", "--uds", SOCKET],
    "gunicorn": ["gunicorn", "--worker-class", "asgi", "--bind", f"unix:{SOCKET}"],
}


def start_asgi_server(name: str, target: str, **environment: str) -> LiveServer:
    """Serve `module:app` of tests/integration/apps with another server, at `server.socket`. The app
    prints "lifespan begins"."""
    module, *options = _ASGI_SERVERS[name]
    command = [sys.executable, "-m", module, *options, target]
    server = LiveServer(command, {"PYTHONPATH": str(APPS), **environment})

    def answers() -> bool:
        if server.process.poll() is not None:
            raise AssertionError(f"{name} has ended:\n{server.output}")
        if "lifespan begins" not in server.output:
            return False  # too early to accept what waits in its queue
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(server.socket)
        except OSError:
            return False
        return True

    try:
        wait_until(answers, f"{name} to listen")
    except BaseException:
        server.stop()
        raise
    return server


def _ready(server: LiveServer, has_port: bool = True) -> LiveServer:
    try:
        if has_port:
            server.learn_address()
        else:
            server.wait_for_line(UNIX)
    except BaseException:
        server.stop()
        raise
    return server


def run_to_exit(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m fasterapi ...` to its end."""
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [sys.executable, "-m", "fasterapi", *arguments],
            cwd=folder,
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
