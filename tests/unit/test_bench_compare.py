"""benchmarks/compare.py: what counts as slower, and what the machine's speed has to do with it."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("bench_compare", ROOT / "benchmarks" / "compare.py")
assert spec is not None
assert spec.loader is not None
compare = sys.modules["bench_compare"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compare)


def c_line(name, ns, calibration=2.0):
    return json.dumps(
        {"name": name, "ns": ns, "median_ns": ns * 1.1, "calibration_ns": calibration}
    )


def costs_of_c(*lines):
    return compare.times_of_c(lines).costs()


def report(loop, **times):
    rows = [{"name": compare.CALIBRATION, "fullname": "x.py::c", "stats": {"min": loop}}]
    for name, seconds in times.items():
        full = f"benchmarks/python/bench_x.py::{name}"
        rows.append({"name": name, "fullname": full, "stats": {"min": seconds}})
    return {"benchmarks": rows}


def test_a_slower_machine_is_no_regression():
    before = costs_of_c(c_line("bench_a: push", 10.0, calibration=2.0))
    after = costs_of_c(c_line("bench_a: push", 30.0, calibration=6.0))
    (change,) = compare.compare(before, after, 1.25)
    assert change.ratio == pytest.approx(1.0)
    assert not change.slower
    fast = compare.times_of_python(report(loop=1e-4, test_a=2e-6)).costs()
    slow = compare.times_of_python(report(loop=3e-4, test_a=6e-6)).costs()
    assert fast["bench_x.py: test_a"] == pytest.approx(slow["bench_x.py: test_a"])


def test_slower_code_on_a_faster_machine_is_one():
    before = costs_of_c(c_line("bench_a: push", 10.0, calibration=4.0))
    after = costs_of_c(c_line("bench_a: push", 8.0, calibration=2.0))
    (change,) = compare.compare(before, after, 1.25)
    assert change.ratio == pytest.approx(1.6)
    assert change.slower


@pytest.mark.parametrize(("after", "slower"), [(1.25, False), (1.26, True), (0.5, False)])
def test_the_threshold(after, slower):
    (change,) = compare.compare({"a: b": 1.0}, {"a: b": after}, 1.25)
    assert change.slower is slower


def test_between_threads_there_is_twice_the_room():
    name = "bench_queue: spsc, thread to thread"
    assert not compare.compare({name: 1.0}, {name: 2.4}, 1.25)[0].slower
    assert compare.compare({name: 1.0}, {name: 2.6}, 1.25)[0].slower


def test_the_worst_comes_first_and_only_common_cases_count():
    before = {"a: one": 1.0, "a: two": 1.0, "a: gone": 1.0}
    after = {"a: one": 1.1, "a: two": 3.0, "a: new": 9.0}
    assert [change.name for change in compare.compare(before, after, 2)] == ["a: two", "a: one"]


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("bench_queue: spsc, bursts of 64", True),
        ("bench_queue: ck spsc, bursts of 64", False),
        ("bench_json.py: test_json[fasterapi-nested]", True),
        ("bench_json.py: test_json[msgspec-nested]", False),
        ("bench_json.py: test_json[orjson-nested]", False),
        ("bench_json.py: test_json[json-nested]", False),
        ("bench_json: object of 4 members (builder)", True),
        ("bench_http_parser: picohttpparser short", False),
        ("bench_core.py: test_queue_in_turn[SimpleQueue]", False),
        ("bench_core.py: test_answer[joined-8192]", False),
        ("bench_core.py: test_answer[zero_copy-8192]", True),
    ],
)
def test_programs_of_others_are_left_out(name, ours):
    assert compare.is_ours(name) is ours
    assert (name in compare.times_of_c([c_line(name, 1.0)]).cases) is ours


def test_a_report_without_the_loop_is_refused():
    with pytest.raises(SystemExit, match="test_calibration"):
        compare.times_of_python({"benchmarks": []})


def test_of_two_measurements_the_faster_one_counts():
    one = compare.Times({"a": 1.0, "b": 5.0}, {"C": 2.0})
    other = compare.Times({"b": 4.0, "c": 2.0}, {"C": 3.0, "Python": 1.0})
    assert compare.merge(one, other) == ({"a": 1, "b": 4, "c": 2}, {"C": 2, "Python": 1})
    assert compare.merge(other, one) == compare.merge(one, other)


def test_a_slow_moment_of_the_loop_is_no_progress():
    """The least of the ratios would be that of a fast case and a slow loop."""
    slow_loop = compare.times_of_c([c_line("bench_a: x", 10.0, calibration=6.0)])
    usual = compare.times_of_c([c_line("bench_a: x", 10.0, calibration=2.0)])
    assert compare.merge(slow_loop, usual).costs() == {"bench_a: x": 5.0}
    slow_loop = compare.times_of_python(report(loop=3e-4, test_a=2e-6))
    usual = compare.times_of_python(report(loop=1e-4, test_a=2e-6))
    merged = compare.merge(slow_loop, usual).costs()
    assert merged == {"bench_x.py: test_a": pytest.approx(0.02)}


def test_the_last_result_is_found_by_its_date(tmp_path):
    def store(name, **content):
        (tmp_path / name).write_text(json.dumps(content))

    assert compare.last_result(tmp_path) is None
    store("z.json", kind="parts", date="2026-01-01", costs={})
    store("a.json", kind="parts", date="2026-02-01", costs={})
    store("system.json", rounds=[])
    (tmp_path / "list.json").write_text("[]")
    assert compare.last_result(tmp_path).name == "a.json"


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """main() over measurements given here, one for each run of the only program."""

    def main(before, runs, *arguments):
        runs = iter(runs)
        stored = tmp_path / "stored.json"
        if before is not None:
            stored.write_text(json.dumps({"kind": "parts", "date": "1", "costs": before}))
        monkeypatch.setattr(compare, "RESULTS", tmp_path)
        monkeypatch.setattr(compare, "find_runs", lambda match: [pathlib.Path("bench_a")])
        run = lambda path: compare.Times({"bench_a: x": next(runs)}, {"C": 1.0})  # noqa: E731
        monkeypatch.setattr(compare, "run", run)
        return compare.main(["--passes", "1", *arguments])

    return main


def test_exit_codes(measured, capsys):
    assert measured({"bench_a: x": 1.0}, [1.1]) == 0
    assert "1 compared, 0 slower" in capsys.readouterr().out
    assert measured({"bench_a: x": 1.0}, [2.0, 2.0, 2.0]) == 1
    assert "SLOWER" in capsys.readouterr().out
    assert measured({"bench_a: x": 1.0}, [2.0, 2.0, 2.0], "--threshold", "3") == 0


def test_what_seems_slower_is_measured_again(measured):
    assert measured({"bench_a: x": 1.0}, [2.0, 1.1]) == 0
    assert measured({"bench_a: x": 1.0}, [2.0, 2.1, 1.1]) == 0
    assert measured({"bench_a: x": 1.0}, [2.0], "--again", "0") == 1


def test_nothing_to_compare_with(measured, tmp_path, capsys):
    assert measured(None, [1.0]) == 1
    assert "nothing to compare" in capsys.readouterr().out
    assert measured(None, [1.5], "--store", str(tmp_path / "new.json")) == 0
    assert compare.last_result(tmp_path).name == "new.json"
    assert measured(None, [1.5]) == 0


def test_a_case_that_went_is_named(measured, capsys):
    assert measured({"bench_a: x": 1.0, "bench_a: old": 1.0, "bench_b: y": 1.0}, [1.0]) == 0
    assert "gone    bench_a: old" in (out := capsys.readouterr().out)
    assert "bench_b" not in out


def test_a_threshold_of_one_or_less_is_refused(measured):
    with pytest.raises(SystemExit) as caught:
        measured({}, [1.0], "--threshold", "1")
    assert caught.value.code == 2
