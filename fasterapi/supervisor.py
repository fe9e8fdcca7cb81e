"""Several worker processes: start them, replace a dead one, restart and stop them in order.

The parent serves nothing. It keeps the listening sockets, one with SO_REUSEPORT for each worker, so
that nobody is refused while one restarts. Each worker is a fresh ``python -m fasterapi`` process.
Parent and worker share a socket pair, the channel: the worker says over it that it is ready, the
parent from which sockets to accept, and its end tells either side that the other one is gone.
Who waits in the socket of a worker that is not there is served by all that are. Main thread only.

A worker that is worn, as it says itself, goes on until another one is ready in its place. One whose
event loop does not answer is killed and replaced, if that was asked for.

A worker that cannot start at the very beginning ends everything at once, with 3: the others would
fail the same way. Later it is tried again, until it has failed MAX_FAILURES times in a row.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fasterapi.channel import LAST, LEAVING, PONG
from fasterapi.health import Health
from fasterapi.log import STARTUP_FAILURE, error_logger

__all__ = ["MAX_SOCKETS", "Supervisor", "Worker", "worker_command"]

#: A worker that lives shorter than this [s] after its start counts as dying quickly.
QUICK_DEATH = 5.0
#: Longest pause [s] before a worker that keeps dying quickly is started again.
MAX_BACKOFF = 10.0
FIRST_BACKOFF = 0.1
#: Seconds a worker may need to say that it is ready during a rolling restart.
READY_TIMEOUT = 60.0

#: So many starts may fail in a row; then the supervisor ends with STARTUP_FAILURE.
MAX_FAILURES = 5
#: As many sockets as a worker can serve; more workers than that share them.
MAX_SOCKETS = 16

Spawn = Callable[[int, int], "subprocess.Popen[bytes]"]


def worker_command(settings: dict[str, Any], control_fd: int) -> list[str]:
    """The command line of one worker process; `settings` must be JSON-able."""
    text = json.dumps({**settings, "control_fd": control_fd}, separators=(",", ":"))
    return [sys.executable, "-m", "fasterapi", "--worker", text]


def spawner(
    settings: dict[str, Any], pass_fds: Sequence[int] = (), *, own_group: bool = True
) -> Spawn:
    """Make workers from `settings`.

    own_group: a Ctrl-C in the terminal reaches the parent alone, which then stops them in order.
    Without it they share the terminal with the parent (a debugger in the app can be used).
    """

    def spawn(slot: int, control_fd: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            worker_command({**settings, "slot": slot}, control_fd),
            pass_fds=(control_fd, *pass_fds),
            stdin=subprocess.DEVNULL if own_group else None,
            process_group=0 if own_group else None,
        )

    return spawn


class Worker:
    """One worker process as the parent sees it."""

    def __init__(self, slot: int, spawn: Spawn) -> None:
        ours, theirs = socket.socketpair()
        self.slot = slot
        self.channel = ours
        self.channel.setblocking(False)
        self.facts: dict[str, Any] | None = None
        self.started_at = time.monotonic()
        self.health = Health(0.0, self.tell, self.started_at)
        #: Why another one shall take its place, as it says itself.
        self.worn: str | None = None
        self.retiring = False
        #: It has begun to stop, told or by itself.
        self.is_leaving = False
        #: The sockets it accepts from, one bit each; known when it is ready.
        self.accepts = 0
        self._text = b""
        try:
            self.process = spawn(slot, theirs.fileno())
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def serves(self) -> bool:
        """Whether it accepts clients, and goes on to."""
        return self.facts is not None and not self.is_leaving and not self.retiring

    def read(self) -> bool:
        """Take what the worker said; returns True when that made it ready."""
        try:
            data = self.channel.recv(65536)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        *lines, self._text = (self._text + data).split(b"\n")
        was_ready = self.facts is not None
        for said in map(json.loads, lines):
            if said == LEAVING:
                self.is_leaving = True
            elif said == PONG:
                self.health.answered(time.monotonic())
            elif "worn" in said:
                self.worn = said["worn"]
            else:
                self.facts = said
                timeout = said.get("timeout_worker_healthcheck", 0.0)
                self.health = Health(timeout, self.tell, time.monotonic())
        return self.facts is not None and not was_ready

    def tell(self, what: int | str) -> None:
        """Say from which sockets to accept, or LAST: the parent keeps them no longer."""
        with contextlib.suppress(OSError):  # it has ended
            self.channel.send(json.dumps(what).encode() + b"\n")

    def serve(self, sockets: int) -> None:
        """Let it accept from these sockets, one bit each."""
        if sockets != self.accepts:
            self.accepts = sockets
            self.tell(sockets)

    def terminate(self) -> None:
        self.retiring = True
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()

    def kill(self) -> None:
        self.retiring = True
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()


class Supervisor:
    """Keeps `count` workers alive until SIGTERM or SIGINT.

    spawn: starts worker number `slot` and hands it the given descriptor (see `spawner`).
    sockets: how many the workers listen on; worker `slot` begins with number `slot % sockets`.
    release: called once when everything stops, to let go of these sockets.
    on_ready: called once, with the facts of the first generation, when all of it is ready.
    stop_timeout: seconds workers get to finish before they are killed.
    """

    def __init__(
        self,
        count: int,
        spawn: Spawn,
        *,
        sockets: int = 1,
        release: Callable[[], None] = lambda: None,
        on_ready: Callable[[list[dict[str, Any]]], None] | None = None,
        stop_timeout: float = 35.0,
    ) -> None:
        self.count = count
        self.spawn = spawn
        self.sockets = sockets
        self.release = release
        self.on_ready = on_ready
        self.stop_timeout = stop_timeout
        self.workers: dict[int, Worker] = {}
        self.leaving: list[Worker] = []
        self.exit_code = 0
        self._announced = False
        #: The sockets on which somebody has begun to listen, one bit each.
        self._opened = 0
        self._failures = 0
        self._signals: list[int] = []
        self._stopping = False
        self._deadline: float | None = None
        self._respawn_at: dict[int, float] = {}
        self._backoff: dict[int, float] = {}
        self._restart_queue: list[int] = []
        #: Worn workers, and when another one is made for each.
        self._worn: dict[Worker, float] = {}
        self._replacement: Worker | None = None
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Start, watch, stop. Returns the exit code: 0, or 3 if workers cannot start."""
        error_logger.info("Started parent process [%d]", os.getpid())
        with self._signal_handlers():
            for slot in range(self.count):
                self._start(slot)
            while self.workers or self.leaving or self._respawn_at or self._replacement:
                self._wait()
                self._handle_signals()
                self._reap()
                self._act_on_time()
                if self._stopping and not self.workers and not self.leaving:
                    break
        self._selector.close()
        error_logger.info("Stopping parent process [%d]", os.getpid())
        return self.exit_code

    # -- workers -------------------------------------------------------------------------------

    def _start(self, slot: int) -> None:
        self._respawn_at.pop(slot, None)
        self.workers[slot] = self._make(slot)

    def _make(self, slot: int) -> Worker:
        worker = Worker(slot, self.spawn)
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        return worker

    def _reap(self) -> None:
        replacement = [self._replacement] if self._replacement else []
        for worker in [*self.workers.values(), *self.leaving, *replacement]:
            if worker.process.poll() is None:
                continue
            self._read(worker)
            self._forget(worker)
            if worker in self.leaving:
                self.leaving.remove(worker)
            elif worker is self._replacement:
                self._replacement_died(worker)
            else:
                del self.workers[worker.slot]
                if not self._stopping:
                    self._share_out()
                    self._died(worker)

    def _forget(self, worker: Worker) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(worker.channel)
        worker.channel.close()

    def _died(self, worker: Worker) -> None:
        """A worker ended unasked: start another one, later and later if it keeps dying."""
        code = worker.process.returncode
        if worker.facts is None and not self._announced:
            # Its own message is already on the screen; every other one would fail the same way.
            error_logger.error("Worker [%d] could not start, stopping.", worker.pid)
            self.exit_code = STARTUP_FAILURE
            self._stop()
            return
        self._failures += worker.facts is None
        if self._failures >= MAX_FAILURES:
            error_logger.error(
                "Worker [%d] could not start (%s), and so did the %d before it: stopping.",
                worker.pid,
                _why(code),
                MAX_FAILURES - 1,
            )
            self.exit_code = STARTUP_FAILURE
            self._stop()
            return
        error_logger.warning("Worker [%d] died (%s), starting another one.", worker.pid, _why(code))
        self._respawn_at[worker.slot] = time.monotonic() + self._pause(worker)

    def _pause(self, worker: Worker) -> float:
        """Seconds before the next one is made: the more, the more often it did not live long."""
        if time.monotonic() - worker.started_at >= QUICK_DEATH:
            self._backoff.pop(worker.slot, None)
        pause = self._backoff.get(worker.slot, 0.0)
        self._backoff[worker.slot] = min(max(pause * 2, FIRST_BACKOFF), MAX_BACKOFF)
        return pause

    def _read(self, worker: Worker) -> None:
        if worker.read():
            self._is_ready(worker)
        self._share_out()
        self._note_worn(worker)

    def _is_ready(self, worker: Worker) -> None:
        self._failures = 0
        worker.accepts = 1 << worker.slot % self.sockets
        self._opened |= worker.accepts
        if worker is self._replacement:
            self._replacement_ready(worker)
        elif not self._announced and len(self.workers) == self.count:
            facts = [item.facts for item in self.workers.values() if item.facts is not None]
            if len(facts) == self.count:
                self._announced = True
                if self.on_ready is not None:
                    self.on_ready(facts)

    def _share_out(self) -> None:
        """Each socket is accepted from by its own workers, or by all while these are not there."""
        ready = [item for item in self.workers.values() if item.serves]
        if self._stopping or not ready:
            return
        owned = 0
        for worker in ready:
            owned |= 1 << worker.slot % self.sockets
        for worker in ready:
            worker.serve(1 << worker.slot % self.sockets | (self._opened & ~owned))

    # -- rolling restart -----------------------------------------------------------------------

    def _note_worn(self, worker: Worker) -> None:
        """It goes on until it is replaced. It asks again if that has failed."""
        if worker.worn is None or worker in self._worn or not worker.serves:
            return
        error_logger.info("Worker [%d] %s, replacing it.", worker.pid, worker.worn)
        worker.worn = None
        self._worn[worker] = time.monotonic() + self._pause(worker)

    def _queue_worn(self, now: float) -> None:
        for worker, when in list(self._worn.items()):
            if now >= when:
                del self._worn[worker]
                slot, coming = worker.slot, self._replacement
                is_known = slot in self._restart_queue or (coming and coming.slot == slot)
                if self.workers.get(slot) is worker and not is_known:
                    self._restart_queue.append(slot)

    def _next_restart(self) -> None:
        while self._restart_queue and self._replacement is None and not self.leaving:
            slot = self._restart_queue.pop(0)
            if slot in self.workers:
                self._replacement = self._make(slot)

    def _replacement_ready(self, worker: Worker) -> None:
        old = self.workers.get(worker.slot)
        self.workers[worker.slot] = worker
        self._replacement = None
        self._respawn_at.pop(worker.slot, None)  # the old one has died meanwhile
        if old is not None:
            self.leaving.append(old)
            old.serve(0)
            old.terminate()

    def _replacement_died(self, worker: Worker) -> None:
        self._replacement = None
        self._restart_queue.clear()
        if not self._stopping:
            error_logger.error(
                "Replacement worker [%d] %s; the old workers stay.",
                worker.pid,
                "was not ready in time" if worker.retiring else "could not start",
            )

    # -- time and signals ----------------------------------------------------------------------

    def _wait(self) -> None:
        """Sleep until a worker speaks or ends, a signal comes, or the next appointment is due."""
        due = list(self._respawn_at.values())
        if self._deadline is not None:
            due.append(self._deadline)
        if self._replacement is not None:
            due.append(self._replacement.started_at + READY_TIMEOUT)
        if not self._stopping:
            due += self._worn.values()
            due += [worker.health.due() for worker in self.workers.values() if worker.serves]
        soonest = min(due, default=float("inf"))
        timeout = None if soonest == float("inf") else max(0.0, soonest - time.monotonic())
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    key.fileobj.recv(4096)  # type: ignore[union-attr]
                continue
            worker: Worker = key.data
            self._read(worker)
            if _at_end(worker.channel):
                # The process is ending; SIGCHLD tells when it has.
                self._selector.unregister(worker.channel)

    def _act_on_time(self) -> None:
        now = time.monotonic()
        for slot, when in list(self._respawn_at.items()):
            if now >= when and not self._stopping:
                self._start(slot)
        late = self._replacement
        if late is not None and not late.retiring and now >= late.started_at + READY_TIMEOUT:
            late.kill()
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            for worker in [*self.workers.values(), *self.leaving]:
                error_logger.error("Worker [%d] did not stop in time, killed.", worker.pid)
                worker.kill()
        if not self._stopping:
            self._kill_hung(now)
            self._queue_worn(now)
            self._next_restart()

    def _kill_hung(self, now: float) -> None:
        for worker in self.workers.values():
            if worker.serves and worker.health.look(now):
                error_logger.error(
                    "Worker [%d] has not answered for %g s, killed.",
                    worker.pid,
                    worker.health.timeout,
                )
                worker.kill()
                self._share_out()

    def _handle_signals(self) -> None:
        while self._signals:
            number = self._signals.pop(0)
            if number == signal.SIGHUP:
                if not self._stopping and self._announced:
                    error_logger.info("Received SIGHUP, restarting the workers one by one.")
                    self._restart_queue = sorted(self.workers)
            elif self._stopping:
                for worker in [*self.workers.values(), *self.leaving]:
                    worker.kill()
            else:
                error_logger.info("Received %s, exiting.", signal.Signals(number).name)
                self._stop()

    def _stop(self) -> None:
        self._stopping = True
        self._respawn_at.clear()
        self._restart_queue.clear()
        self._deadline = time.monotonic() + self.stop_timeout
        if self._replacement is not None:
            self.leaving.append(self._replacement)
            self._replacement = None
        for worker in self.workers.values():
            worker.tell(LAST)
        self.release()
        for worker in [*self.workers.values(), *self.leaving]:
            worker.terminate()

    @contextlib.contextmanager
    def _signal_handlers(self) -> Iterator[None]:
        """Signals go to a list, and wake the selector through a socket pair."""
        wake, woken = socket.socketpair()
        wake.setblocking(False)
        woken.setblocking(False)
        self._selector.register(woken, selectors.EVENT_READ, None)
        old_fd = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        old = {number: signal.signal(number, self._on_signal) for number in handled}
        old[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(old_fd)
            self._selector.unregister(woken)
            wake.close()
            woken.close()

    def _on_signal(self, number: int, _frame: Any) -> None:
        self._signals.append(number)


def _at_end(channel: socket.socket) -> bool:
    try:
        return channel.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _why(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
