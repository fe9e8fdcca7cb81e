"""Python values to JSON bytes: this project's writer beside msgspec, orjson and json.

make bench-python measures each (pytest-benchmark). Run as a program it measures them in turns
(A B C, A B C, ...) and prints the median of the ratios to msgspec, which is the figure to quote:

    python benchmarks/python/bench_json.py [--rounds 9]

msgspec and orjson are measured if they are installed (pip install msgspec orjson). msgspec leaves
the UTF-8 form of a non-ASCII str inside the str, so that only the first encoding has to make it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import statistics
import timeit
from collections.abc import Callable
from typing import Any

import pytest

from fasterapi import _native

Encode = Callable[[Any], bytes]
ROUND_SECONDS = 0.02


def make_values() -> dict[str, Any]:
    numbers = random.Random(1)
    user = {"name": "Alice Example", "tags": ["new", "red"], "active": True, "score": None}
    address = {"street": "Long Street 12", "city": "Springfield", "position": [51.5, -0.12]}
    return {
        "small dict": {"id": 1, "name": "Alice", "price": 19.99, "tags": ["new", "red"]},
        "smallest dict": {"message": "Hello World"},
        "nested": {
            "users": [{**user, "id": n, "address": {**address, "no": n}} for n in range(20)],
            "next": {"page": {"number": 2, "size": 20}},
        },
        "1000 floats": [numbers.random() for _ in range(1000)],
        "1000 prices": [round(numbers.random() * 1000, 2) for _ in range(1000)],
        "1000 ints": [numbers.randrange(10**6) for _ in range(1000)],
        "ASCII strings": ["a string of usual length"] * 100,
        "strings to escape": ['he said "yes"\n'] * 100,
        "accents": ["caf\u00e9 au lait, \u00e9clair"] * 100,
        "CJK strings": ["\u4e2d\u6587\u5b57\u7b26\u4e32 text"] * 100,
    }


def stdlib_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def make_writers() -> tuple[dict[str, Encode], list[str]]:
    """The writers by name, and what could not be imported."""
    if _native.core is None:
        raise SystemExit(f"this needs the C core: {_native.why_no_core}")
    writers: dict[str, Encode] = {"fasterapi": _native.core.json_bytes}
    missing = []
    for name, find in (
        ("msgspec", lambda module: importlib.import_module("msgspec.json").Encoder().encode),
        ("orjson", lambda module: module.dumps),
    ):
        try:
            writers[name] = find(importlib.import_module(name))
        except ImportError:
            missing.append(name)
    writers["json"] = stdlib_json
    return writers, missing


VALUES = make_values()
WRITERS, MISSING = make_writers()


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("writer", ["fasterapi", "msgspec", "orjson", "json"])
def test_json(benchmark: Any, writer: str, value: str) -> None:
    if writer in MISSING:
        pytest.skip(f"{writer} is not installed")
    benchmark.group = f"json: {value}"
    text = benchmark(WRITERS[writer], VALUES[value])
    assert json.loads(text) == VALUES[value]


def measure_in_turns(value: Any, rounds: int) -> dict[str, list[float]]:
    """ns per call of each writer, round by round."""
    timers = {
        name: timeit.Timer("encode(value)", globals={"encode": encode, "value": value})
        for name, encode in WRITERS.items()
    }
    calls = {}
    for name, timer in timers.items():
        number, seconds = timer.autorange()
        calls[name] = max(1, int(number * ROUND_SECONDS / seconds))
    taken: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            taken[name].append(timer.timeit(calls[name]) / calls[name] * 1e9)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    for name in MISSING:
        print(f"{name} is not installed (pip install {name}), so it is not measured")
    base = "json" if "msgspec" in MISSING else "msgspec"
    print(f"least ns per call; in brackets the median of the ratios to {base}")
    print(f"{'':18}" + "".join(f"{name:>20}" for name in WRITERS))
    for name, value in VALUES.items():
        taken = measure_in_turns(value, rounds)
        cells = [
            (min(times), statistics.median(a / b for a, b in zip(times, taken[base], strict=True)))
            for times in taken.values()
        ]
        print(f"{name:18}" + "".join(f"{least:12.0f} ({ratio:.2f})" for least, ratio in cells))


if __name__ == "__main__":
    main()
