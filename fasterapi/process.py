"""What the system knows a process by: the name in its lists, and a file with its number."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
from collections.abc import Iterator
from pathlib import Path

from fasterapi.log import StartupError, error_logger

__all__ = ["open_standard_descriptors", "pid_file", "set_process_name"]

#: Bytes of a name that the kernel keeps of a process without setproctitle.
_SHORT = 15


def open_standard_descriptors() -> None:
    """Give a process that was started without them descriptors 0, 1 and 2, which lead nowhere.

    Else the next socket gets such a number, log lines go to a client, and libuv, which never closes
    these three, aborts the process at its end.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one


@contextlib.contextmanager
def pid_file(path: str | None) -> Iterator[None]:
    """Have this process's number in a file; None: nothing. It is removed at the end, also when the
    process ends by a signal that is taken.

    Raises StartupError if it cannot be written, or is of another process that runs.
    """
    if path is None:
        yield
        return
    file = Path(path).absolute()
    other = _number_in(file)
    if other is not None and other != os.getpid() and _runs(other):
        raise StartupError(f"pid_file: {path} is of process {other}, which runs")
    try:
        file.write_text(f"{os.getpid()}\n", encoding="ascii")
    except OSError as exc:
        raise StartupError(f"pid_file: cannot write {path}: {exc.strerror}") from None

    def remove() -> None:
        if _number_in(file) == os.getpid():  # not in a forked child
            with contextlib.suppress(OSError):
                file.unlink()

    atexit.register(remove)
    try:
        yield
    finally:
        atexit.unregister(remove)
        remove()


def _number_in(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _runs(number: int) -> bool:
    if number < 1:
        return False
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def set_process_name(name: str | None) -> None:
    """What ``ps`` and ``top`` show of this process; None: as it is.

    With the package setproctitle its whole command line, else its short name of 15 bytes.
    """
    if name is None:
        return
    if not name.strip() or "\0" in name:
        raise StartupError(f"process_name is {name!r}, but must be a text of letters")
    try:
        set_title = importlib.import_module("setproctitle").setproctitle
    except ImportError:
        try:
            Path("/proc/self/comm").write_bytes(name.encode()[:_SHORT])
        except OSError as exc:
            error_logger.warning("process_name has no effect: %s", exc)
        return
    set_title(name)
