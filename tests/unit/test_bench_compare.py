"""Comparing benchmark results: what counts as slower, and what is left out."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "compare.py"


@pytest.fixture(scope="module")
def compare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_compare", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_compare"] = module
    spec.loader.exec_module(module)
    return module


def line(name: str, ns: float, loop: float) -> str:
    return json.dumps({"name": name, "ns": ns, "calibration_ns": loop})


def test_costs_are_in_units_of_the_machines_speed(compare):
    slow = compare.costs_of_c([line("bench_x: ours", 20, 2)])
    fast = compare.costs_of_c([line("bench_x: ours", 10, 1)])
    assert slow == fast == {"bench_x: ours": 10}


def test_programs_of_others_are_left_out(compare):
    lines = [line("bench_queue: ck spsc", 1, 1), line("bench_json: our json writer", 1, 1)]
    assert set(compare.costs_of_c(lines)) <= {"bench_json: our json writer"}
    assert compare.is_ours("bench_queue: spsc push + pop")


def test_python_times_need_the_loop(compare):
    rows = [{"name": "test_a", "fullname": "x/bench_a.py::test_a", "stats": {"min": 6.0}}]
    loop = {"name": "test_calibration", "fullname": "x/c.py::test_c", "stats": {"min": 2.0}}
    assert compare.costs_of_python({"benchmarks": [*rows, loop]}) == {"bench_a.py: test_a": 3.0}
    with pytest.raises(SystemExit, match="test_calibration"):
        compare.costs_of_python({"benchmarks": rows})


def test_what_is_slower_comes_first(compare):
    before = {"a": 1.0, "b": 1.0, "gone": 1.0, "c: thread to thread": 1.0}
    after = {"a": 1.2, "b": 1.3, "new": 1.0, "c: thread to thread": 2.0}
    changes = compare.compare(before, after, 1.25)
    assert [(change.name, change.slower) for change in changes] == [
        ("b", True),
        ("a", False),
        ("c: thread to thread", False),
    ]


def test_of_two_measurements_the_faster_counts(compare):
    assert compare.least({"a": 2.0, "b": 1.0}, {"a": 1.0, "c": 1.0}) == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize(("now", "code"), [(1.0, 0), (1.2, 0), (2.0, 1)])
def test_the_exit_code_tells(compare, monkeypatch, tmp_path, capsys, now, code):
    stored = tmp_path / "before.json"
    stored.write_text(json.dumps({"kind": "parts", "date": "1", "costs": {"p: a": 1.0}}))
    monkeypatch.setattr(compare, "find_runs", lambda _match: [Path("p")])
    monkeypatch.setattr(compare, "run", lambda _path: {"p: a": now})
    assert compare.main(["--against", str(stored)]) == code
    assert ("SLOWER" in capsys.readouterr().out) == bool(code)


def test_the_last_result_is_found_among_others(compare, tmp_path):
    assert compare.last_result(tmp_path) is None
    for name, document in (
        ("system.json", {"date": "9"}),
        ("old.json", {"kind": "parts", "date": "2026-01-01"}),
        ("new.json", {"kind": "parts", "date": "2026-02-01"}),
    ):
        (tmp_path / name).write_text(json.dumps(document))
    assert compare.last_result(tmp_path) == tmp_path / "new.json"
