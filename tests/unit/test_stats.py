"""Statistics: the names, sums over workers, changes over time, and the files they travel in."""

from __future__ import annotations

import copy
import fcntl
import json
import os
import re
import struct
import time
import typing
from pathlib import Path
from typing import Any

import pytest

from fasterapi import FasterAPI, live, stats

ROOT = Path(__file__).parents[2]


def report() -> dict[str, Any]:
    """A report of the core, of a server that was never started."""
    from fasterapi import _native

    return _native.core.Server({}).stats()


# -- names -------------------------------------------------------------------------------------


def check_type(value: Any, wanted: Any, path: str) -> None:
    origin = typing.get_origin(wanted)
    if typing.is_typeddict(wanted):
        hints = typing.get_type_hints(wanted)
        assert list(value) == list(hints), path
        for name, hint in hints.items():
            check_type(value[name], hint, f"{path}.{name}")
    elif origin is dict:
        for name, item in value.items():
            check_type(item, typing.get_args(wanted)[1], f"{path}.{name}")
    elif origin is list:
        for item in value:
            check_type(item, typing.get_args(wanted)[0], path)
    else:
        assert type(value) is wanted, path


def test_the_types_are_what_the_core_says():
    check_type(report(), stats.ServerStats, "stats")


def test_own_pools():
    assert list(report()["pools"])[:3] == ["buffers", "tasks", "connections"]


def all_names(value: Any) -> set[str]:
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(all_names(item) for item in value.values()))


def test_the_reference_explains_every_name():
    page = (ROOT / "docs/reference/stats.md").read_text()
    explained = set(re.findall(r"`([a-z0-9_.]+)`", page))
    explained |= {part for name in explained for part in name.split(".")}
    assert all_names(report()) - explained == set()


def test_app_without_a_server():
    assert FasterAPI().stats() == {"running": False}


# -- arithmetic --------------------------------------------------------------------------------


def example(n: int) -> Any:
    found = report()
    found["requests"] = 10 * n
    found["executor"]["loop"] |= {"batch_max": n, "batch_sizes": [[1, n], [2 * n, 1]]}
    found["pools"]["buffers"] |= {"hits": n, "high_water": 5 * n, "limit": 100}
    found["latency"] |= {"count": 2 * n, "buckets": [[10, n], [100 * n, n]]}
    return found


def test_merge():
    merged = stats.merge([example(1), example(3)])
    assert merged["requests"] == 40
    assert merged["executor"]["loop"]["batch_max"] == 3
    assert merged["executor"]["loop"]["batch_sizes"] == [[1, 4], [2, 1], [6, 1]]
    buffers = merged["pools"]["buffers"]
    assert (buffers["hits"], buffers["high_water"], buffers["limit"]) == (4, 15, 200)
    assert merged["latency"]["buckets"] == [[10, 4], [100, 1], [300, 3]]
    assert (merged["latency"]["p50_us"], merged["latency"]["p95_us"]) == (10, 300)
    assert merged["tuner"]["on"] is True
    assert merged["tuner"]["batch_size"] == 128
    check_type(merged, stats.ServerStats, "merged")


def test_merge_of_what_differs():
    one, other = example(1), example(1)
    other["implementation"]["loop_queue"] = "locked"
    other["pools"]["dicts"] = {"hits": 7}
    merged = stats.merge([one, other])
    assert merged["implementation"]["loop_queue"] == "spsc, locked"
    assert merged["pools"]["dicts"] == {"hits": 7}
    with pytest.raises(ValueError, match="nothing"):
        stats.merge([])


def test_merge_of_one_is_itself():
    one = example(2)
    one["latency"] |= {"p50_us": 10, "p95_us": 200, "p99_us": 200}
    assert stats.merge([one]) == one


def test_change():
    before, now = example(1), copy.deepcopy(example(1))
    now["requests"] += 5
    now["latency"]["buckets"] = [[10, 1], [50, 9], [100, 2]]
    now["executor"]["loop"]["batch_max"] = 8
    now["pools"]["new"] = {"hits": 2}
    changed = stats.change(now, before)
    assert changed["requests"] == 5
    assert changed["latency"]["buckets"] == [[50, 9], [100, 1]]
    assert changed["latency"]["p50_us"] == 50
    assert changed["latency"]["p99_us"] == 100
    assert changed["executor"]["loop"]["batch_max"] == 8
    assert changed["pools"]["new"] == {"hits": 2}
    assert stats.change(before, before)["latency"]["p99_us"] == 0


@pytest.mark.parametrize(("per_mille", "bound"), [(1, 1), (500, 1), (501, 2), (990, 4), (1000, 4)])
def test_quantile(per_mille: int, bound: int):
    assert stats.quantile([[1, 50], [2, 30], [4, 20]], per_mille) == bound
    assert stats.quantile([], per_mille) == 0


# -- where files lie -----------------------------------------------------------------------------


def test_runtime_dir_is_private(tmp_path: Path):
    folder = live.runtime_dir({"XDG_RUNTIME_DIR": str(tmp_path)})
    assert folder == tmp_path / "fasterapi"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert live.runtime_dir({"XDG_RUNTIME_DIR": str(tmp_path)}) == folder


@pytest.mark.parametrize("trap", ["open", "link", "file", "missing", "relative"])
def test_runtime_dir_of_somebody_else_is_not_used(trap: str, tmp_path: Path):
    place = tmp_path / "fasterapi"
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    if trap == "open":
        place.mkdir()
        place.chmod(0o755)
    elif trap == "link":
        (tmp_path / "other").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "other")
    elif trap == "file":
        place.touch(0o700)
    elif trap == "missing":
        environ["XDG_RUNTIME_DIR"] = str(tmp_path / "no/such")
    else:
        environ["XDG_RUNTIME_DIR"] = "."
    found = live.runtime_dir(environ)
    assert found.parent != tmp_path
    assert found.name == f"fasterapi-{os.geteuid()}"
    assert place not in {path.parent for path in live.find_files(environ)}


def test_no_folder_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "_candidates", lambda environ: iter([tmp_path / "no/such"]))
    with pytest.raises(OSError, match="no/such cannot be used"):
        live.runtime_dir({})


# -- what they say -------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that is looked at."""
    monkeypatch.setattr(live, "_candidates", lambda environ: iter([tmp_path / "f"]))
    (tmp_path / "f").mkdir(mode=0o700)
    return tmp_path / "f"


def published(place: Path) -> Any:
    from fasterapi import _native

    server = _native.core.Server({"queue_size": 64})
    server.publish_stats(str(live.new_path()), live.about_text(address="here", slot=3))
    return server


def test_what_a_server_publishes(place: Path):
    server = published(place)
    [reading] = live.read_all()
    assert reading.about["pid"] == os.getpid()
    assert reading.about["started"] == pytest.approx(time.time(), abs=60)
    assert (reading.about["address"], reading.about["slot"]) == ("here", 3)
    assert reading.stats == server.stats()
    assert reading.stats["queues"]["loop"]["capacity"] == 64
    assert reading.resting
    assert 0 <= reading.age < 60
    assert reading.path.parent == place
    assert reading.path.stat().st_mode & 0o777 == 0o600
    other = published(place)
    assert len(live.read_all()) == 2
    del server, other
    assert live.read_all() == []
    assert list(place.iterdir()) == []


def test_errors_of_publishing(place: Path):
    server = published(place)
    with pytest.raises(ValueError, match="one path"):
        server.publish_stats(str(place / "again.stats"), "")
    from fasterapi import _native

    other = _native.core.Server({})
    with pytest.raises(FileNotFoundError):
        other.publish_stats(str(place / "no/such/folder"), "")
    with pytest.raises(ValueError):
        other.publish_stats("a\0b", "")
    with pytest.raises(TypeError):
        other.publish_stats(1, "")
    assert len(live.read_all()) == 1


def test_a_file_of_a_dead_server_is_removed(place: Path):
    server = published(place)
    [path] = place.iterdir()
    left = place / "99-1.stats"
    left.write_bytes(path.read_bytes())
    assert [reading.path for reading in live.read_all()] == [path]
    assert not left.exists()
    del server


def locked(path: Path, content: bytes) -> Any:
    file = path.open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    file.write(content)
    file.flush()
    return file


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"FASTATS1",
        b"X" * 200,
        struct.pack("=8sQIIII", b"FASTATS1", 0, 32, 2, 64, 64) + b"{}",
        struct.pack("=8sQIIII", b"FASTATS1", 2, 32, 2, 64, 64) + b"{}",
        struct.pack("=8sQIIII", b"FASTATS1", 2, 32, 2, 64, 64)
        + b"{}".ljust(32)
        + struct.pack("=QQII", 1, 0, 0, 2)
        + b"{}",
        struct.pack("=8sQIIII", b"FASTATS1", 2, 32, 2, 64, 64)
        + b"{}".ljust(32)
        + struct.pack("=QQII", 2, 0, 0, 3)
        + b"{,}",
    ],
    ids=["empty", "short", "foreign", "none yet", "no slot", "wrong slot", "no json"],
)
def test_a_broken_file_is_skipped(content: bytes, place: Path):
    with locked(place / "1-1.stats", content):
        assert live.read_all() == []
    assert (place / "1-1.stats").exists()


def test_a_file_in_order_is_read(place: Path):
    about = json.dumps({"pid": 5}).encode()
    head = struct.pack("=8sQIIII", b"FASTATS1", 3, 32, len(about), 64, 64) + about.ljust(32)
    slot = struct.pack("=QQII", 3, 7_000_000_000, 0, 7) + b'{"a":1}'
    with locked(place / "1-1.stats", head + b"-" * 64 + slot):
        [reading] = live.read_all()
    assert (reading.about, reading.stats) == ({"pid": 5}, {"a": 1})
    assert (reading.written_at, reading.resting) == (7.0, False)


def test_links_are_not_followed(place: Path, tmp_path: Path):
    target = tmp_path / "target"
    target.write_bytes(b"keep me")
    (place / "1-1.stats").symlink_to(target)
    assert live.read_all() == []
    assert target.read_bytes() == b"keep me"
