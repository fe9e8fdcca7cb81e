"""Development: run the server in a child process and start it afresh when a file changes."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fasterapi.log import StartupError, error_logger
from fasterapi.supervisor import Spawn, Worker

__all__ = ["Reloader"]

#: Seconds the child gets to end before it is killed.
STOP_TIMEOUT = 5.0


class Reloader:
    """Keeps one child process serving the newest code. Main thread only.

    spawn: starts the child (see `supervisor.spawner`). folders: watched for changed Python files.
    """

    def __init__(self, spawn: Spawn, folders: list[str]) -> None:
        for folder in folders:
            if not Path(folder).is_dir():
                raise StartupError(f"--reload-dir {folder} is not a folder")
        self.spawn = spawn
        self.folders = folders
        self.child: Worker | None = None
        self._stop = threading.Event()
        self._said_dead = False

    def run(self) -> int:
        """Watch until SIGINT or SIGTERM; returns the exit code 0."""
        try:
            from watchfiles import PythonFilter, watch
        except ImportError:
            raise StartupError("reloading needs watchfiles: pip install watchfiles") from None
        with self._signals():
            self._start()
            changes = watch(
                *self.folders,
                watch_filter=PythonFilter(),
                stop_event=self._stop,
                rust_timeout=500,
                yield_on_timeout=True,
                raise_interrupt=False,
            )
            for changed in changes:
                if changed:
                    self._restart(sorted({path for _, path in changed}))
                else:
                    self._look()
            self._end(forward=False)
        return 0

    def _start(self) -> None:
        self.child = Worker(0, self.spawn)
        self._said_dead = False

    def _restart(self, paths: list[str]) -> None:
        shown = ", ".join(_short(path) for path in paths[:3])
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        error_logger.info("Changed: %s%s; starting again.", shown, more)
        self._end(forward=True)
        self._start()

    def _look(self) -> None:
        """Say once that the app has ended by itself (an import error, a crash)."""
        child = self.child
        if child is None or self._said_dead or child.process.poll() is None:
            return
        self._said_dead = True
        error_logger.warning(
            "The app has ended (exit code %s); waiting for a change to start it again.",
            child.process.returncode,
        )

    def _end(self, *, forward: bool) -> None:
        """End the child: by signal, or (a Ctrl-C has reached it as well) by the channel alone."""
        child, self.child = self.child, None
        if child is None:
            return
        if forward:
            child.terminate()
        child.channel.close()
        try:
            child.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.process.wait()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        numbers = (signal.SIGINT, signal.SIGTERM)
        old = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: Any) -> None:
        if self._stop.is_set() and self.child is not None:
            self.child.kill()
        self._stop.set()


def _short(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
