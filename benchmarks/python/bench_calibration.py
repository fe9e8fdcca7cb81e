"""How fast is this machine, for Python? `benchmarks/compare.py` divides the other times by this."""

from __future__ import annotations

from typing import Any


def loop() -> int:
    total = 0
    seen: dict[int, int] = {}
    for n in range(2000):
        total = (total * 31 + n) % 65521
        seen[total & 255] = n
    return total + len(seen)


def test_calibration(benchmark: Any) -> None:
    assert benchmark(loop) > 0
