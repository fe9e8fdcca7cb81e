"""The statistics files of running servers: where they lie, and what they say.

A server keeps its report in a file of this user's (csrc/server/stats_file.h describes the layout).
Reading it needs neither the server's Python nor its reactor. A file that nobody has locked is what
a crash has left behind: it is skipped and removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import stat
import struct
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = [
    "Reading",
    "about_text",
    "find_files",
    "new_path",
    "read_all",
    "read_file",
    "runtime_dir",
]

#: sequence, about_offset, about_len, slot_offset, slot_size behind the magic.
_HEADER: Final = struct.Struct("=8sQIIII")
#: sequence, written_ns (CLOCK_MONOTONIC), resting, len; the report follows.
_SLOT: Final = struct.Struct("=QQII")
_MAGIC: Final = b"FASTATS1"
#: A reader that is overtaken by the writer looks again; twice in a row is rare already.
_TRIES: Final = 100

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Reading:
    """One server's report as it was when the file was read."""

    path: Path
    #: What the server says about itself: pid, group, slot, address, started (Unix time), version.
    about: dict[str, Any]
    stats: dict[str, Any]
    #: Monotonic time [s] at which the report was written.
    written_at: float
    #: Nothing happens in the server, so it writes no newer report.
    resting: bool

    @property
    def age(self) -> float:
        """Seconds since the report was written."""
        return max(0.0, time.monotonic() - self.written_at)


# -- where ---------------------------------------------------------------------------------------


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    """Folders for the files, the best one first; the last ones may not be memory."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime):
        yield Path(runtime, "fasterapi")
    name = f"fasterapi-{os.geteuid()}"
    if os.access("/dev/shm", os.W_OK):
        yield Path("/dev/shm", name)
    yield Path(tempfile.gettempdir(), name)


def _is_ours(folder: Path) -> bool:
    """A real folder of this user's that nobody else may enter?"""
    try:
        info = os.lstat(folder)
    except OSError:
        return False
    private = stat.S_IMODE(info.st_mode) & 0o077 == 0
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid() and private


def runtime_dir(environ: Mapping[str, str] | None = None) -> Path:
    """This user's folder for statistics files, made if necessary.

    $XDG_RUNTIME_DIR/fasterapi, else one in /dev/shm, else one in the folder for temporary files. A
    folder that is somebody else's, or open to others, is not used. Raises OSError if none is left.
    """
    environ = os.environ if environ is None else environ
    why: list[str] = []
    for folder in _candidates(environ):
        with contextlib.suppress(OSError):
            os.mkdir(folder, 0o700)
        if _is_ours(folder) and os.access(folder, os.W_OK):
            return folder
        why.append(str(folder))
    raise OSError(f"no folder for statistics files: {', '.join(why)} cannot be used")


def new_path(environ: Mapping[str, str] | None = None) -> Path:
    """Where one more server of this process keeps its file. Raises OSError."""
    return runtime_dir(environ) / f"{os.getpid()}-{next(_numbers)}.stats"


def about_text(**about: Any) -> str:
    """The text a server publishes about itself; `pid` and `started` are added."""
    return json.dumps({"pid": os.getpid(), "started": time.time(), **about})


# -- reading -------------------------------------------------------------------------------------


def find_files(environ: Mapping[str, str] | None = None) -> list[Path]:
    """Every statistics file of this user's, the oldest name first."""
    environ = os.environ if environ is None else environ
    folders = dict.fromkeys(folder for folder in _candidates(environ) if _is_ours(folder))
    return [path for folder in folders for path in sorted(folder.glob("*.stats"))]


def read_all(environ: Mapping[str, str] | None = None) -> list[Reading]:
    """A reading of each server that runs. Files of servers that have died are removed."""
    readings = (read_file(path) for path in find_files(environ))
    return [reading for reading in readings if reading is not None]


def read_file(path: Path) -> Reading | None:
    """The newest report in a file; None if there is none, or its server has died.

    In the last case the file is removed.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _remove_if_stale(fd, path):
            return None
        return _read(fd, path)
    except (OSError, ValueError, struct.error):
        return None
    finally:
        os.close(fd)


def _remove_if_stale(fd: int, path: Path) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    with contextlib.suppress(OSError):
        # A new server may have taken the name since.
        if os.path.samestat(os.fstat(fd), os.lstat(path)):
            os.unlink(path)
    return True


def _read(fd: int, path: Path) -> Reading | None:
    for _ in range(_TRIES):
        header = os.pread(fd, _HEADER.size, 0)
        magic, sequence, about_at, about_len, slot_at, slot_size = _HEADER.unpack(header)
        if magic != _MAGIC or sequence == 0:
            return None
        slot = os.pread(fd, slot_size, slot_at + sequence % 2 * slot_size)
        if os.pread(fd, _HEADER.size, 0) != header:
            continue
        number, written_ns, resting, length = _SLOT.unpack_from(slot)
        if number != sequence:
            return None
        return Reading(
            path=path,
            about=json.loads(os.pread(fd, about_len, about_at)),
            stats=json.loads(slot[_SLOT.size : _SLOT.size + length]),
            written_at=written_ns / 1e9,
            resting=resting != 0,
        )
    return None
