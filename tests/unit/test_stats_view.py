"""`fasterapi stats`: which server is meant, and what the tables show."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fasterapi import _native, cli, live, stats_view
from fasterapi.live import Reading
from fasterapi.stats_view import NoServerError, Watch, find_group, groups_of


def reading(pid: int, group: int, address: str, *, slot: int = 0, **stats: Any) -> Reading:
    report = _native.core.Server({}).stats() | stats
    about = {"pid": pid, "group": group, "slot": slot, "address": address, "started": time.time()}
    return Reading(Path(f"{pid}-1.stats"), about, report, time.monotonic(), False)


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> list[Reading]:
    """The servers that run: what a test puts into the list."""
    found: list[Reading] = []

    def read_file(path: Path) -> Reading | None:
        return next((one for one in found if one.path == path), None)

    monkeypatch.setattr(live, "read_all", lambda environ=None: list(found))
    monkeypatch.setattr(live, "read_file", read_file)
    return found


TWO_WORKERS = [
    reading(12, 10, "http://127.0.0.1:8000", slot=1, requests=5),
    reading(11, 10, "http://127.0.0.1:8000", slot=0, requests=7),
]
ON_A_SOCKET = reading(20, 20, "unix:/run/app.sock")


# -- which one -----------------------------------------------------------------------------------


def test_workers_of_one_parent_are_one_server():
    [group] = groups_of(TWO_WORKERS)
    assert (group.pid, group.address) == (10, "http://127.0.0.1:8000")
    assert [worker.about["pid"] for worker in group.workers] == [11, 12]
    assert group.total["requests"] == 12


def test_what_does_not_say_who_it_is_is_left_out():
    assert groups_of([Reading(Path("x"), {"pid": 1}, {}, 0.0, True)]) == []


@pytest.mark.parametrize(
    ("name", "pid", "workers"),
    [
        ("10", 10, 2),
        ("12", 12, 1),
        ("8000", 10, 2),
        ("127.0.0.1:8000", 10, 2),
        ("http://127.0.0.1:8000", 10, 2),
        ("/run/app.sock", 20, 1),
        ("unix:/run/app.sock", 20, 1),
        ("20", 20, 1),
    ],
)
def test_names(name: str, pid: int, workers: int, running: list[Reading]):
    running += [*TWO_WORKERS, ON_A_SOCKET]
    group = find_group(name)
    assert (group.pid, len(group.workers)) == (pid, workers)


def test_no_name_means_the_only_one(running: list[Reading]):
    with pytest.raises(NoServerError, match=r"^no running server found$"):
        find_group(None)
    running.append(ON_A_SOCKET)
    assert find_group(None).pid == 20
    running += TWO_WORKERS
    with pytest.raises(NoServerError, match=r"several servers run.*10 \(http.*20 \(unix:"):
        find_group(None)
    with pytest.raises(NoServerError, match=r"called 9; there are 10 .*, 20 "):
        find_group("9")


def test_the_same_port_of_two_addresses(running: list[Reading]):
    running += [TWO_WORKERS[0], reading(30, 30, "http://10.0.0.1:8000")]
    with pytest.raises(NoServerError, match="several servers are called 8000"):
        find_group("8000")
    assert find_group("10.0.0.1:8000").pid == 30


# -- what is shown -------------------------------------------------------------------------------


def later(before: Reading, seconds: float, **changes: Any) -> Reading:
    return Reading(
        before.path,
        before.about,
        copy.deepcopy(before.stats) | changes,
        before.written_at + seconds,
        before.resting,
    )


def shown(watch: Watch) -> str:
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(watch.table())
    return capture.get()


def row(text: str, name: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.startswith(name))


def test_rates_are_those_between_two_looks(running: list[Reading]):
    first = reading(20, 20, "unix:/a")
    first.stats["responses"] = 1000
    running.append(first)
    watch = Watch(find_group(None))
    executor = copy.deepcopy(first.stats["executor"])
    executor["total_task_time"] += 0.5
    executor["loop"] |= {"tasks": 300, "task_time": 0.003, "batches": 100, "batch_max": 9}
    executor["loop"] |= {"queue_waits": 300, "queue_wait": 0.006}
    pools = copy.deepcopy(first.stats["pools"])
    pools["buffers"] |= {"hits": 90, "misses": 10, "size": 3}
    latency = first.stats["latency"] | {"count": 4, "buckets": [[10, 3], [500, 1]], "max_us": 444}
    changes = {"executor": executor, "pools": pools, "latency": latency, "open_connections": 6}
    running[0] = later(first, 2.0, responses=1600, **changes)
    watch.look()
    text = shown(watch)
    assert "unix:/a  pid 20  1 worker  up 0s  running" in text
    assert row(text, "20") == ["20", "300", "10", "500", "500", "444", "6", "0", "25", "0.0", "0"]
    assert row(text, "loop") == ["loop", "150", "10.0", "3.0", "9", "20.0", "-", "0", "0", "0"]
    assert row(text, "buffers")[:6] == ["buffers", "3", "1,024", "0", "90.0", "50"]
    assert "total" not in text


def test_the_first_look_shows_the_time_since_the_start(running: list[Reading]):
    first = reading(20, 20, "unix:/a", responses=5000)
    first.about["started"] -= 100
    running.append(first)
    rate = row(shown(Watch(find_group(None))), "20")[1]
    assert float(rate) == pytest.approx(50, abs=1)


def test_no_new_report_no_rates(running: list[Reading]):
    running.append(reading(20, 20, "unix:/a", responses=5000))
    watch = Watch(find_group(None))
    watch.look()
    assert row(shown(watch), "20")[1] == "0"


def test_a_rest_does_not_thin_the_rates(running: list[Reading]):
    first = reading(20, 20, "unix:/a")
    resting = Reading(first.path, first.about, first.stats, time.monotonic() - 1000, True)
    running.append(resting)
    watch = Watch(find_group(None))
    looked_after = watch._looked_at - resting.written_at
    running[0] = later(resting, looked_after + 0.5, responses=500)
    watch.look()
    assert row(shown(watch), "20")[1] == "1,000"


def test_workers_and_their_sum(running: list[Reading]):
    running += [later(one, 0, responses=100) for one in TWO_WORKERS]
    watch = Watch(find_group(None))
    running[:] = [later(one, 1, responses=400) for one in running]
    running.append(reading(13, 10, "http://127.0.0.1:8000", slot=2))
    watch.look()
    text = shown(watch)
    assert "3 workers" in text
    assert [row(text, pid)[1] for pid in ("11", "12", "total")] == ["300", "300", "600"]


def test_one_worker_of_several_is_watched_alone(running: list[Reading]):
    running += TWO_WORKERS
    watch = Watch(find_group("12"))
    assert [worker.about["pid"] for worker in watch.look().workers] == [12]


def test_the_end_of_a_server(running: list[Reading]):
    running.append(ON_A_SOCKET)
    watch = Watch(find_group(None))
    running.clear()
    with pytest.raises(NoServerError, match=r"20 \(unix:/run/app.sock\) has ended"):
        watch.look()
    assert list(stats_view.looks(watch, 0)) == [watch.group]


def test_a_silent_reactor_is_told():
    one = reading(20, 20, "unix:/a")
    old = Reading(one.path, one.about, one.stats, time.monotonic() - 65, False)
    assert stats_view.state_of(groups_of([old])[0]) == "no report for 1m05s"
    resting = Reading(one.path, one.about, one.stats, time.monotonic() - 65, True)
    assert stats_view.state_of(groups_of([resting])[0]) == "resting"
    assert stats_view.state_of(groups_of([one])[0]) == "running"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (59.9, "59s"), (60, "1m00s"), (7385, "2h03m"), (457_200, "5d07h")],
)
def test_duration(seconds: float, text: str):
    assert stats_view.duration(seconds) == text


# -- the command -----------------------------------------------------------------------------------


def call(capsys: Any, *arguments: str) -> tuple[Any, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(["stats", *arguments])
    out, err = capsys.readouterr()
    return caught.value.code, out, err


def test_command_without_a_server(running: list[Reading], capsys: Any):
    for arguments in ([], ["--json"], ["7"]):
        code, out, err = call(capsys, *arguments)
        assert (code, out, err) == (1, "", "error: no running server found\n")


def test_command_json(running: list[Reading], capsys: Any):
    running += TWO_WORKERS
    code, out, _ = call(capsys, "--json")
    told = json.loads(out)
    assert code == 0
    assert out.count("\n") == 1
    assert (told["pid"], told["workers"], told["total"]["requests"]) == (10, 2, 12)
    workers = [(one["pid"], one["slot"], one["stats"]["requests"]) for one in told["per_worker"]]
    assert workers == [(11, 0, 7), (12, 1, 5)]
    assert list(told["per_worker"][0]) == ["pid", "slot", "started", "age", "resting", "stats"]


def test_command_without_a_terminal_prints_once(running: list[Reading], capsys: Any):
    running.append(ON_A_SOCKET)
    code, out, _ = call(capsys, "20")
    assert code == 0
    assert out.count("pid 20") == 1
    assert "\x1b" not in out


def test_command_with_an_interval_prints_until_the_end(
    running: list[Reading], capsys: Any, monkeypatch: pytest.MonkeyPatch
):
    running.append(ON_A_SOCKET)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            running.clear()

    monkeypatch.setattr(stats_view.time, "sleep", sleep)
    code, out, _ = call(capsys, "--interval", "0.5")
    assert code == 0
    assert slept == [0.5] * 3
    assert out.count("pid 20") == 3


def test_command_refuses_a_bad_interval(capsys: Any):
    code, _, err = call(capsys, "--interval", "0")
    assert code == 2
    assert "--interval" in err
