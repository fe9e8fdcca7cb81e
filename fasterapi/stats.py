"""What `app.stats()` returns, and arithmetic on it: sums over workers, changes over time.

docs/reference/stats.md explains every name. The report itself is written in C
(csrc/server/report.c); the types here mirror it, and a test keeps the three together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypedDict, cast

__all__ = [
    "Executor",
    "Implementation",
    "Lane",
    "Latency",
    "Pool",
    "Queue",
    "Queues",
    "ServerStats",
    "Tuner",
    "change",
    "merge",
    "quantile",
]


class Lane(TypedDict):
    """What the threads of one lane did. Times are in seconds; sums but for batch_max and *_max."""

    tasks: int
    task_time: float
    batches: int
    batch_max: int
    #: [upper bound, count] for each size class that occurred.
    batch_sizes: list[list[int]]
    queue_waits: int
    queue_wait: float
    queue_wait_max: float
    gil_waits: int
    gil_wait: float
    gil_wait_max: float


class Executor(TypedDict):
    queued_tasks: int
    completed: int
    failed: int
    total_task_time: float
    loop: Lane
    workers: Lane


class Queue(TypedDict):
    depth: int
    capacity: int
    high_water: int
    pushed: int
    full: int


class Queues(TypedDict):
    loop: Queue
    worker: Queue


class Pool(TypedDict):
    hits: int
    misses: int
    dropped: int
    size: int
    high_water: int
    limit: int


class Latency(TypedDict):
    """Microseconds from the parsed head to the last byte written."""

    count: int
    sum_us: int
    max_us: int
    p50_us: int
    p95_us: int
    p99_us: int
    #: [upper bound, count] for each bucket that is not empty.
    buckets: list[list[int]]


class Tuner(TypedDict):
    on: bool
    ticks: int
    changes: int
    trims: int
    batch_size: int
    spin_us: int
    spins: int
    spin_hits: int


class Implementation(TypedDict):
    """What really runs, read from the parts that were installed."""

    loop_queue: str
    worker_queue: str
    scanner: str


class ServerStats(TypedDict):
    """One server's counters and gauges since its start. `app.stats()` adds ``running``."""

    requests: int
    responses: int
    connections_accepted: int
    connections_closed: int
    bytes_in: int
    bytes_out: int
    sends: int
    bytes_copied: int
    bodies_in_place: int
    parse_errors: int
    invalid_requests: int
    lines_too_long: int
    headers_too_large: int
    bodies_too_large: int
    timeouts: int
    slow_heads: int
    slow_bodies: int
    slow_readers: int
    queue_full: int
    over_limit: int
    bodies_refused: int
    pressure_ended: int
    handovers: int
    wakeups: int
    batches: int
    worker_threads_started: int
    access_log_dropped: int
    reports_lost: int
    open_connections: int
    tasks_live: int
    body_bytes_held: int
    worker_threads_total: int
    worker_threads_idle: int
    executor: Executor
    queues: Queues
    pools: dict[str, Pool]
    latency: Latency
    tuner: Tuner
    implementation: Implementation


# What is no sum: the largest one counts for all workers together.
_LARGEST = frozenset(
    {"batch_max", "queue_wait_max", "gil_wait_max", "high_water", "max_us", "batch_size", "spin_us"}
)


def merge(reports: Sequence[ServerStats]) -> ServerStats:
    """The figures of several workers as if they were one server's. At least one report.

    Counters, gauges and limits add up, high-water marks are the largest one, percentiles are
    computed from the added buckets, and texts that differ are listed.
    """
    if not reports:
        raise ValueError("there is nothing to merge")
    merged = _merge("", list(reports))
    _set_percentiles(merged["latency"])
    return cast(ServerStats, merged)


def _merge(name: str, values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, dict):
        keys = dict.fromkeys(key for value in values for key in value)
        return {key: _merge(key, [value[key] for value in values if key in value]) for key in keys}
    if isinstance(first, list):
        return _add_buckets(values)
    if isinstance(first, bool):
        return any(values)
    if isinstance(first, str):
        return ", ".join(dict.fromkeys(values))
    return max(values) if name in _LARGEST else sum(values)


def _add_buckets(lists: Iterable[list[list[int]]], sign: int = 1) -> list[list[int]]:
    """One histogram from several; sign -1: the first one less the others."""
    counts: dict[int, int] = {}
    for at, buckets in enumerate(lists):
        for bound, count in buckets:
            counts[bound] = counts.get(bound, 0) + (count if at == 0 else sign * count)
    return [[bound, count] for bound, count in sorted(counts.items()) if count > 0]


def _set_percentiles(latency: dict[str, Any]) -> None:
    for per_mille, name in ((500, "p50_us"), (950, "p95_us"), (990, "p99_us")):
        latency[name] = quantile(latency["buckets"], per_mille)


def quantile(buckets: list[list[int]], per_mille: int) -> int:
    """Upper bound of the bucket in which `per_mille` of all values are reached; 0 without any."""
    total = sum(count for _, count in buckets)
    below = 0
    for bound, count in buckets:
        below += count
        if below * 1000 >= total * per_mille:
            return bound
    return 0


def change(now: ServerStats, before: ServerStats) -> ServerStats:
    """What happened between two reports of one server (or one merged set).

    Every number becomes its difference but for the marks (high_water, *_max), which keep their new
    value; percentiles are those of the requests answered in between. Gauges (sizes, depths) are
    differences too: take them from `now`.
    """
    changed = _change("", now, before)
    _set_percentiles(changed["latency"])
    return cast(ServerStats, changed)


def _change(name: str, now: Any, before: Any) -> Any:
    if isinstance(now, dict):
        return {
            key: _change(key, value, before[key]) if key in before else value
            for key, value in now.items()
        }
    if isinstance(now, list):
        return _add_buckets([now, before], sign=-1)
    if isinstance(now, bool | str) or name in _LARGEST:
        return now
    return now - before
