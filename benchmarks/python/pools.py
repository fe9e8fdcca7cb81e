"""Pools of Python objects beside CPython's own memory, at 1 and at 2,048 objects alive.

    python benchmarks/python/pools.py [--rounds 7]

Times are nanoseconds for one object made and dropped, the least and the median of the rounds, which
are interleaved. Then an ASGI request inside the process with the pools off and on.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from timeit import Timer
from typing import Any

from fasterapi import _native
from fasterapi.bench import measure, request_bytes

LOOPS = 50_000
HEADERS = [("accept", "*/*"), ("user-agent", "bench"), ("cookie", "a=b"), ("x-id", "1")]


async def asgi_app(_scope: Any, _receive: Any, send: Any) -> None:
    """The smallest answer."""
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


def cases(alive: int) -> dict[str, Timer]:
    """Name -> timer of one object, with `alive - 1` others that live meanwhile."""
    dicts, tuples = _native.core.DictPool(4096), _native.core.TuplePool(4096)
    for pool, take in ((dicts, dicts.acquire), (tuples, lambda: tuples.acquire(1, 2))):
        for one in [take() for _ in range(alive)]:
            pool.release(one)
    others = [({}, (n, n)) for n in range(alive - 1)]
    held = [(dicts.acquire(), tuples.acquire(n, n)) for n in range(alive - 1)]
    names = {"dicts": dicts, "tuples": tuples, "others": others, "held": held, "n": alive}
    return {
        "{}": Timer("{}", globals=names),
        "DictPool": Timer("dicts.release(dicts.acquire())", globals=names),
        "(n, n)": Timer("(n, n)", globals=names),
        "TuplePool": Timer("tuples.release(tuples.acquire(n, n))", globals=names),
    }


def objects(rounds: int, say: Callable[[str], object]) -> None:
    for alive in (1, 2048):
        timers = cases(alive)
        taken: dict[str, list[float]] = {name: [] for name in timers}
        for _ in range(rounds):
            for name, timer in timers.items():
                taken[name].append(timer.timeit(LOOPS) / LOOPS * 1e9)
        for name, times in taken.items():
            say(f"{alive:5} alive  {name:10} {min(times):8.1f} ns  {statistics.median(times):8.1f}")


def requests(rounds: int, say: Callable[[str], object]) -> None:
    variants: dict[str, dict[str, int]] = {
        "off": {},
        "dicts": {"dict_pool_size": 2048},
        "tuples": {"tuple_pool_size": 512},
        "both": {"dict_pool_size": 2048, "tuple_pool_size": 512},
    }
    request = request_bytes(headers=HEADERS)
    taken: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, options in variants.items():
            result = measure(asgi_app, request, count=20_000, in_flight=64, options=dict(options))
            taken[name].append(result.cpu_ms_per_100k / 100)
    for name, times in taken.items():
        say(
            f"ASGI request, pools {name:7} {min(times):8.2f} us of CPU "
            f" {statistics.median(times):8.2f}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    if rounds < 1:
        parser.error("--rounds must be at least 1")
    objects(rounds, print)
    requests(rounds, print)


if __name__ == "__main__":
    main()
