"""benchmarks/system/targets.py: which targets a run can answer, and whether they are met."""

from __future__ import annotations

import importlib.util
import pathlib
import sys
from typing import Any

SOURCE = pathlib.Path(__file__).parents[2] / "benchmarks/system/targets.py"
spec = importlib.util.spec_from_file_location("bench_targets", SOURCE)
assert spec is not None
assert spec.loader is not None
targets = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = targets
spec.loader.exec_module(targets)


def row(workload: str, server: str, *rates: float, cpu: float = 10.0) -> dict[str, Any]:
    rounds = [{"requests_per_second": rate} for rate in rates]
    return {
        "workload": workload,
        "server": server,
        "rounds": rounds,
        "cpu_us_per_request": cpu,
    }


def one(rows: list[dict[str, Any]], workload: str) -> list[tuple[float, bool]]:
    return [(v["measured"], v["met"]) for v in targets.verdicts(rows) if v["workload"] == workload]


def test_nothing_measured():
    assert targets.verdicts([]) == []


def test_ratio_is_the_median_of_the_rounds():
    rows = [row("handover", "fasterapi", 10, 30, 9), row("handover", "uvicorn", 10, 10, 10)]
    assert one(rows, "handover") == [(1.0, True)]


def test_missed():
    rows = [row("shop-async", "fasterapi", 99), row("shop-async", "uvicorn", 10)]
    assert one(rows, "shop-async") == [(9.9, False)]


def test_two_workloads_of_one_server():
    rows = [row("routes-400", "fasterapi", 95), row("routes-1", "fasterapi", 100)]
    assert one(rows, "routes-400") == [(0.95, True)]
    assert one([rows[0]], "routes-400") == []


def test_at_most():
    rows = [row("raw", "fasterapi", 1, cpu=26), row("raw", "uvicorn", 1, cpu=52)]
    assert one(rows, "raw") == [(26, False), (0.5, True)]


def test_start():
    ours = {"workload": "start", "seconds": 1.2, "cpu_seconds": 1.1, "resident_kib": 115}
    theirs = {"workload": "start", "seconds": 1.0, "cpu_seconds": 1.0, "resident_kib": 100}
    found = one([{**ours, "server": "fasterapi"}, {**theirs, "server": "uvicorn"}], "start")
    assert found == [(1.15, False)]


def test_import():
    ours = {"workload": "import", "server": "fasterapi", "cpu_seconds": 0.5}
    theirs = {"workload": "import", "server": "uvicorn", "cpu_seconds": 0.5}
    assert one([ours, theirs], "import") == [(1.0, True)]
