"""What /proc says about a server: its processes, their CPU time, their memory."""

from __future__ import annotations

import os
import pathlib

__all__ = ["cpu_seconds", "resident_kib", "tree"]

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for parent in found:
        for task in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue  # A thread that has just ended.
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the whole tree, with those children that have ended."""
    total = 0
    for process in tree(pid):
        text = pathlib.Path(f"/proc/{process}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        own = fields[11:13]
        ended = fields[13:15] if process == pid else []
        total += sum(int(field) for field in own + ended)
    return total / TICKS


def resident_kib(pid: int) -> int:
    """Resident memory of the whole tree."""
    total = 0
    for process in tree(pid):
        for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total
