"""A server whose system calls fail now and then, and whose wall clock jumps (faults.c)."""

from __future__ import annotations

import mmap
import pathlib
import struct
import subprocess
import sysconfig

__all__ = ["CALLS", "Faults"]

SOURCE = pathlib.Path(__file__).with_name("faults.c")
# As the enumeration in faults.c.
CALLS = (
    "malloc",
    "recv",
    "send",
    "sendmsg",
    "sendfile",
    "read",
    "write",
    "accept4",
    "epoll_ctl",
    "epoll_wait",
)
_NUMBER = struct.Struct("=q")
_RATE, _CLOCK, _FAILED = 0, 8, 16


class Faults:
    """The settings of faults.c, shared with the servers that are started with `environment`.

    Nothing fails and the clock is right until it is told otherwise. Needs a C compiler.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        library = folder / "faults.so"
        compiler = sysconfig.get_config_var("CC").split()
        options = ["-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden"]
        subprocess.run([*compiler, *options, str(SOURCE), "-o", str(library), "-ldl"], check=True)
        path = folder / "faults"
        path.write_bytes(bytes(_FAILED + _NUMBER.size * len(CALLS)))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), 0)
        self.environment = {"LD_PRELOAD": str(library), "FAULTS_FILE": str(path)}

    def _set(self, at: int, value: int) -> None:
        self._page[at : at + _NUMBER.size] = _NUMBER.pack(value)

    def fail(self, share: float) -> None:
        """From now on this share of the core's calls fails; 0: none."""
        self._set(_RATE, round(share * 1e6))

    def move_clock(self, seconds: float) -> None:
        """From now on the wall clock is so far ahead (below 0: behind) of this machine's."""
        self._set(_CLOCK, round(seconds * 1e9))

    def failed(self) -> dict[str, int]:
        """How many calls of each kind have failed so far."""
        numbers = struct.iter_unpack("=q", self._page[_FAILED:])
        return dict(zip(CALLS, (number for (number,) in numbers), strict=True))

    def close(self) -> None:
        """Forget the settings; servers that still run keep theirs."""
        self._page.close()
