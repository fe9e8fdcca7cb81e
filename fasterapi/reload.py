"""Development: run the server in a child process and start it afresh when a file changes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from fasterapi import _native
from fasterapi.discover import Target
from fasterapi.log import StartupError, error_logger, say
from fasterapi.settings import Settings
from fasterapi.supervisor import Spawn, Worker, spawner
from fasterapi.workers import KeptSockets

__all__ = ["Reloader", "Watched", "run_reloading"]

#: Seconds the child gets to end before it is killed.
STOP_TIMEOUT = 5.0
#: The core's options while somebody develops, unless he says another.
DEFAULTS: Final = {"graceful_timeout": 1.0}


class Watched:
    """Which files make a difference, and the folders they are in. Patterns are as Uvicorn's.

    includes, excludes: patterns of names besides ``*.py``, and besides hidden and editors' files;
    also folders. A pattern of one list takes the default of the other out. Raises StartupError for
    one of `folders` that is none.
    """

    INCLUDES: Final = ("*.py",)
    EXCLUDES: Final = (".*", ".py[cod]", ".sw.*", "~*")

    def __init__(
        self,
        folders: Iterable[str] = (),
        includes: Iterable[str] = (),
        excludes: Iterable[str] = (),
    ) -> None:
        for folder in folders:
            if not Path(folder).is_dir():
                raise StartupError(f"--reload-dir {folder} is not a folder")
        more, taken = set(includes), set(excludes)
        self.includes = {*(one for one in self.INCLUDES if one not in taken), *(more - taken)}
        self.excludes = {one for one in self.EXCLUDES if one not in more}
        self.excludes |= {one for one in taken if not Path(one).is_dir()}
        self.left_out = [Path(one).resolve() for one in taken if Path(one).is_dir()]
        named = [*folders, *(one for one in more if Path(one).is_dir())]
        self.folders = sorted(
            one
            for one in {str(Path(folder)) for folder in named or ["."]}
            if not self._is_left_out(Path(one).resolve())
        )

    def __call__(self, _change: Any, path: str) -> bool:
        """Whether a change of this file counts."""
        file = Path(path)
        if not any(file.match(pattern) for pattern in self.includes):
            return False
        if any(str(file).endswith(pattern) for pattern in self.includes):  # named in full
            return True
        return not (
            self._is_left_out(file.resolve())
            or any(file.match(pattern) for pattern in self.excludes)
        )

    def _is_left_out(self, path: Path) -> bool:
        return any(folder == path or folder in path.parents for folder in self.left_out)


def run_reloading(target: Target, settings: Settings) -> int:
    """Serve in a child process that is started afresh when a file changes; returns the exit code.

    The port or socket is kept here, so that nobody is refused meanwhile.
    """
    watched = Watched(settings.reload_dirs, settings.reload_includes, settings.reload_excludes)
    settings.defaults = DEFAULTS | settings.defaults
    say(f"Watching {', '.join(watched.folders)} for changes; Ctrl-C ends it.", sys.stderr)
    if _native.core is None:  # Uvicorn opens what it serves
        told = settings.as_dict() | {"reload": False, "pid_file": None}
        message = {"settings": told, "target": asdict(target)}
        spawn = spawner(message, own_group=False)
        return Reloader(spawn, watched, delay=settings.reload_delay).run()
    kept = KeptSockets(settings)
    try:
        message = {"settings": kept.told(), "target": asdict(target)}
        spawn = spawner(message, kept.fds, own_group=False)
        return Reloader(spawn, watched, delay=settings.reload_delay).run()
    finally:
        kept.remove()


class Reloader:
    """Keeps one child process serving the newest code. Main thread only.

    spawn: starts the child (see `supervisor.spawner`). watched: which files count. delay: seconds
    between two looks.
    """

    def __init__(self, spawn: Spawn, watched: Watched, *, delay: float = 0.25) -> None:
        self.spawn = spawn
        self.watched = watched
        self.delay = delay
        self.child: Worker | None = None
        self._stop = threading.Event()
        self._said_dead = False

    def run(self) -> int:
        """Watch until SIGINT or SIGTERM; returns the exit code 0."""
        try:
            from watchfiles import watch
        except ImportError:
            raise StartupError("reloading needs watchfiles: pip install watchfiles") from None
        with self._signals():
            self._start()
            changes = watch(
                *self.watched.folders,
                watch_filter=self.watched,
                stop_event=self._stop,
                rust_timeout=500,
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            )
            for changed in changes:
                if changed:
                    self._restart(sorted({path for _, path in changed}))
                else:
                    self._look()
                self._stop.wait(self.delay)
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
        """End the child: by signal, or (a Ctrl-C has reached it as well) by the channel alone.

        Of the next child's clients the former must take none, so the channel ends after it.
        """
        child, self.child = self.child, None
        if child is None:
            return
        if forward:
            child.terminate()
        else:
            child.channel.close()
        try:
            child.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.process.wait()
        child.channel.close()

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
