"""SIGINT and SIGTERM: what they ask of a server, and how a process ends by them.

Names and behaviour are those of Uvicorn's Server, for the libraries that look for them: some find
the server through ``signal.getsignal(SIGTERM).__self__`` and ask its ``should_exit``, others put a
function of their own in the place of ``uvicorn.Server.handle_exit``.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from fasterapi.log import error_logger

if TYPE_CHECKING:
    from fasterapi.asgi import Bridge

__all__ = ["SignalExit", "Stoppable", "end_process"]

_HANDLED = (signal.SIGINT, signal.SIGTERM)


class SignalExit(SystemExit):
    """The program ends in order, and at its very end by a signal that would have ended it at once.

    number: that signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


class Stoppable:
    """What can be told to stop: by a signal, by `should_exit = True`, or by `stop()`.

    The first signal asks for a stop in order, a SIGINT after it sets `force_exit` (cancel what
    still runs), and one more ends the process at once.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        #: What serves meanwhile: the core's server, and what connects it with ASGI.
        self.core_server: Any = None
        self.bridge: Bridge | None = None
        self._stop = asyncio.Event()
        self._captured_signals: list[int] = []
        self._asked = False
        self._forced = False
        self._interrupts = 0
        #: When somebody last looked at `should_exit` [s, monotonic].
        self._watched_at = float("-inf")

    @property
    def should_exit(self) -> bool:
        """A stop was asked for. Setting it asks. Any thread."""
        self._watched_at = time.monotonic()
        return self._asked

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value:
            self.stop()

    @property
    def force_exit(self) -> bool:
        """The stop shall wait for nobody any more. Setting it asks for that. Any thread."""
        return self._forced

    @force_exit.setter
    def force_exit(self, value: bool) -> None:
        if value:
            self._forced = True
            self.stop()

    def stop(self) -> None:
        """Begin an orderly stop. Any thread; more than once is fine."""
        self._asked = True
        loop = self._loop
        if loop is not None and not loop.is_closed():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._stop.set)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """The signal handler."""
        stopping = self._asked
        seen = len(self._captured_signals)
        replaced = _replaced_handler()
        if replaced is not None:
            try:
                replaced(self, sig, frame)
            except Exception as exc:
                error_logger.error("Exception in the signal handler\n", exc_info=exc)
        if len(self._captured_signals) == seen:
            self._captured_signals.append(sig)
        if stopping and sig == signal.SIGINT:
            self._interrupts += 1
            if self._interrupts > 1:
                _flush()
                _die_by(sig)
            self.force_exit = True
        self.stop()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM meanwhile; nothing outside the main thread."""
        loop = self._loop
        if loop is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        old: dict[int, Any] = {}
        for number in _HANDLED:
            old[number] = signal.getsignal(number)
            # The loop's own handler gives it a wake-up descriptor; ours runs even if it is stuck.
            loop.add_signal_handler(number, _nothing)
            signal.signal(number, self.handle_exit)
        try:
            yield
        finally:
            for handled, handler in old.items():
                loop.remove_signal_handler(handled)
                signal.signal(handled, handler)

    def raise_captured(self, *, at_once: bool) -> None:
        """Let the signals have the effect they had been taken from, the last one first.

        One that ends the process does so after the ``atexit`` functions: here if `at_once`, else
        at the end of the program, which the SignalExit raised here brings about.
        """
        numbers, self._captured_signals = self._captured_signals, []
        for number in reversed(numbers):
            if signal.getsignal(number) is not signal.SIG_DFL:
                signal.raise_signal(number)
            elif at_once:
                end_process(number)
            else:
                _end_program_by(number)


def end_process(number: int | None = None) -> NoReturn:
    """Run the ``atexit`` functions, then end by this signal (None: with exit code 0).

    No thread is waited for.
    """
    atexit._run_exitfuncs()
    _flush()
    if number is not None:
        _die_by(number)
    os._exit(0)


def _end_program_by(number: int) -> NoReturn:
    def last() -> None:
        atexit.unregister(last)
        end_process(number)

    # It is called first, and calls all the others itself.
    atexit.register(last)
    raise SignalExit(number)


def _die_by(number: int) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
    os._exit(128 + number)  # it is blocked


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _replaced_handler() -> Callable[[Any, int, Any], None] | None:
    """What a library has put in the place of ``uvicorn.Server.handle_exit``, if any has."""
    server = getattr(sys.modules.get("uvicorn.server"), "Server", None)
    handler: Callable[[Any, int, Any], None] | None = getattr(server, "handle_exit", None)
    return None if getattr(handler, "__module__", "uvicorn.server") == "uvicorn.server" else handler


def _nothing() -> None:
    """Handler that only exists so that the loop is woken."""
