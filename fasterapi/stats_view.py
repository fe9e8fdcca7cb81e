"""``fasterapi stats``: which servers run, and their figures as a table or as JSON."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fasterapi import live
from fasterapi.live import Reading
from fasterapi.stats import Lane, ServerStats, change, merge

__all__ = ["NoServerError", "ServerGroup", "Watch", "find_group", "groups_of"]

#: A server that is not at rest writes four reports a second; one this old [s] is late.
LATE = 2.0


class NoServerError(Exception):
    """No server runs, none of that name, or more than one; the text is one line."""


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """One server as its user started it: one process, or several workers of one parent."""

    pid: int
    address: str
    #: In order of their slots; at least one.
    workers: list[Reading]

    @property
    def total(self) -> ServerStats:
        return merge([_stats(worker) for worker in self.workers])

    @property
    def name(self) -> str:
        return f"{self.pid} ({self.address})"

    def as_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "pid": self.pid,
            "address": self.address,
            "workers": len(self.workers),
            "total": self.total,
            "per_worker": [
                {
                    "pid": worker.about["pid"],
                    "slot": worker.about["slot"],
                    "started": worker.about["started"],
                    "age": round(worker.age, 3),
                    "resting": worker.resting,
                    "stats": worker.stats,
                }
                for worker in self.workers
            ],
        }


def _stats(worker: Reading) -> ServerStats:
    return worker.stats  # type: ignore[return-value]


# -- finding -------------------------------------------------------------------------------------


def groups_of(readings: Iterable[Reading]) -> list[ServerGroup]:
    """The servers that the readings are of; a server of another version may lack something."""
    found: dict[tuple[int, str], list[Reading]] = {}
    for reading in readings:
        about = reading.about
        if {"pid", "group", "slot", "address", "started"} <= about.keys():
            found.setdefault((about["group"], about["address"]), []).append(reading)
    return [
        ServerGroup(pid, address, sorted(workers, key=lambda one: one.about["slot"]))
        for (pid, address), workers in sorted(found.items())
    ]


def find_group(name: str | None, environ: Mapping[str, str] | None = None) -> ServerGroup:
    """The one server that runs, or the one called `name` (see `matches`).

    Raises NoServerError.
    """
    groups = groups_of(live.read_all(environ))
    if not groups:
        raise NoServerError("no running server found")
    if name is None:
        chosen = groups
        problem = "several servers run, name one of them"
    else:
        chosen = [one for one in (matches(group, name) for group in groups) if one is not None]
        problem = f"several servers are called {name}"
    if not chosen:
        names = ", ".join(group.name for group in groups)
        raise NoServerError(f"no running server is called {name}; there are {names}")
    if len(chosen) > 1:
        raise NoServerError(f"{problem}: {', '.join(group.name for group in chosen)}")
    return chosen[0]


def matches(group: ServerGroup, name: str) -> ServerGroup | None:
    """The group, or its one worker, if `name` is its pid, its address, the port or path of that."""
    address = group.address
    short = address.removeprefix("http://").removeprefix("unix:")
    if name in (str(group.pid), address, short, short.rpartition(":")[2]):
        return group
    for worker in group.workers:
        if name == str(worker.about["pid"]):
            return ServerGroup(worker.about["pid"], address, [worker])
    return None


# -- watching ------------------------------------------------------------------------------------


class Watch:
    """A server looked at again and again; each look shows what happened since the one before."""

    def __init__(self, group: ServerGroup) -> None:
        self.group = group
        self._paths = [worker.path for worker in group.workers]
        self._before: dict[Path, Reading] = {}
        self._looked_at = self._looked_before = time.monotonic()

    def look(self) -> ServerGroup:
        """Read again, new workers included. Raises NoServerError when the server has ended."""
        if len(self.group.workers) == 1 and self.group.pid == self.group.workers[0].about["pid"]:
            readings = [one for one in map(live.read_file, self._paths) if one is not None]
        else:
            same = (self.group.pid, self.group.address)
            every = groups_of(live.read_all())
            readings = [w for g in every if (g.pid, g.address) == same for w in g.workers]
        if not readings:
            raise NoServerError(f"server {self.group.name} has ended")
        self._before = {worker.path: worker for worker in self.group.workers}
        self._looked_before, self._looked_at = self._looked_at, time.monotonic()
        self.group = ServerGroup(self.group.pid, self.group.address, readings)
        return self.group

    def recent(self, worker: Reading) -> tuple[ServerStats, float]:
        """What one worker did lately, and in how many seconds; at first: since its start."""
        now = _stats(worker)
        before = self._before.get(worker.path)
        if before is None:
            return now, max(0.001, time.time() - worker.about["started"])
        if before.written_at == worker.written_at:
            return change(now, now), 1.0
        # Nothing happened between a resting server's last report and the look at it.
        begin = self._looked_before if before.resting else before.written_at
        return change(now, _stats(before)), max(0.001, worker.written_at - begin)

    def table(self) -> Any:
        """The present look for a rich console."""
        from rich.console import Group

        recent = {worker.path: self.recent(worker) for worker in self.group.workers}
        rates = merge([stats for stats, _ in recent.values()])
        seconds = max(span for _, span in recent.values())
        parts = [self._heading(), self._workers(recent), _executors(self.group, rates, seconds)]
        return Group(*parts, _pools(self.group, rates, seconds), _footer(self.group.total))

    def _heading(self) -> str:
        group = self.group
        up = time.time() - min(worker.about["started"] for worker in group.workers)
        state = state_of(group)
        count = len(group.workers)
        workers = f"{count} worker{'s' if count != 1 else ''}"
        return f"{group.address}  pid {group.pid}  {workers}  up {duration(up)}  {state}"

    def _workers(self, recent: Mapping[Path, tuple[ServerStats, float]]) -> Any:
        titles = "pid req/s p50_us p95_us p99_us max_us open live busy_% MB/s_out failed".split()
        rows = []
        for worker in self.group.workers:
            stats, seconds = recent[worker.path]
            rows.append(_worker_row(str(worker.about["pid"]), _stats(worker), stats, seconds))
        if len(rows) > 1:
            rates = merge([stats for stats, _ in recent.values()])
            seconds = max(span for _, span in recent.values())
            rows.append(_worker_row("total", self.group.total, rates, seconds))
        return _table("requests", titles, rows)


def state_of(group: ServerGroup) -> str:
    """In words: running, resting, or for how long the reactor has been silent."""
    late = [worker.age for worker in group.workers if not worker.resting and worker.age > LATE]
    if late:
        return f"no report for {duration(max(late))}"
    return "resting" if all(worker.resting for worker in group.workers) else "running"


def duration(seconds: float) -> str:
    """A time span as people write it: 45s, 3m05s, 2h03m, 5d07h."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


# -- the tables ----------------------------------------------------------------------------------


def _table(first: str, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title=first, title_justify="left", title_style="bold")
    for at, title in enumerate(titles):
        table.add_column(title.replace("_", " "), justify="right" if at else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"


def _ratio(part: float, whole: float, scale: float = 1.0) -> str:
    return _number(part / whole * scale, 1) if whole else "-"


def _worker_row(name: str, now: ServerStats, recent: ServerStats, seconds: float) -> list[str]:
    latency = recent["latency"]
    return [
        name,
        _number(recent["responses"] / seconds),
        *(_number(latency[key]) for key in ("p50_us", "p95_us", "p99_us", "max_us")),
        _number(now["open_connections"]),
        _number(now["tasks_live"]),
        _number(recent["executor"]["total_task_time"] / seconds * 100),
        _number(recent["bytes_out"] / seconds / 1e6, 1),
        _number(now["executor"]["failed"]),
    ]


def _executors(group: ServerGroup, recent: ServerStats, seconds: float) -> Any:
    titles = "lane tasks/s us/task batch largest wait_us GIL_us depth high full".split()
    total = group.total
    lanes: list[tuple[str, Lane, str]] = [
        ("loop", recent["executor"]["loop"], "loop"),
        ("workers", recent["executor"]["workers"], "worker"),
    ]
    rows = []
    for name, lane, queue_name in lanes:
        queue = total["queues"][queue_name]  # type: ignore[literal-required]
        rows.append(
            [
                name,
                _number(lane["tasks"] / seconds),
                _ratio(lane["task_time"], lane["tasks"], 1e6),
                _ratio(lane["tasks"], lane["batches"]),
                _number(lane["batch_max"]),
                _ratio(lane["queue_wait"], lane["queue_waits"], 1e6),
                _ratio(lane["gil_wait"], lane["gil_waits"], 1e6),
                _number(queue["depth"]),
                _number(queue["high_water"]),
                _number(queue["full"]),
            ]
        )
    return _table("executors and their queues", titles, rows)


def _pools(group: ServerGroup, recent: ServerStats, seconds: float) -> Any:
    titles = "pool kept limit high hit_% gets/s made/s dropped/s".split()
    rows = []
    for name, pool in group.total["pools"].items():
        rate = recent["pools"].get(name, pool)
        gets = rate["hits"] + rate["misses"]
        rows.append(
            [
                name,
                _number(pool["size"]),
                _number(pool["limit"]),
                _number(pool["high_water"]),
                _ratio(rate["hits"], gets, 100),
                _number(gets / seconds),
                _number(rate["misses"] / seconds),
                _number(rate["dropped"] / seconds),
            ]
        )
    return _table("pools", titles, rows)


def _footer(total: ServerStats) -> str:
    tuner = total["tuner"]
    told = f"tuner {'on' if tuner['on'] else 'off'}, {tuner['changes']} changes"
    names = ("queue_full", "timeouts", "parse_errors", "handovers", "wakeups")
    counts = ", ".join(f"{name} {total[name]:,}" for name in names)  # type: ignore[literal-required]
    return f"batch {tuner['batch_size']}, spin {tuner['spin_us']} us ({told})\n{counts}"


def looks(watch: Watch, interval: float) -> Iterator[ServerGroup]:
    """The present look, then one every `interval` seconds, until the server ends."""
    yield watch.group
    while True:
        time.sleep(interval)
        try:
            yield watch.look()
        except NoServerError:
            return
