"""The benchmark of the complete system runs, checks its answers, and writes what it promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
KEYS = {"mean_us", "p50_us", "p95_us", "p99_us", "rps", "cpu_ms_per_100k", "usd_per_month"}
VARIANTS = {"all_off", "lock_free_queue", "object_pools", "zero_copy", "all_on"}


@pytest.mark.parametrize("kind", ["async", "def"])
def test_it_writes_every_variant(tmp_path, kind):
    script = ROOT / "benchmarks" / "complete_system.py"
    arguments = ["--rounds", "1", "--requests", "300", "--kind", kind]
    files = ["--json", tmp_path / "out.json", "--plot", tmp_path / "out.svg"]
    path = os.pathsep.join(p for p in (os.environ.get("PYTHONPATH"),) if p)
    done = subprocess.run(
        [sys.executable, script, *arguments, *files],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "latency mean, us" in done.stdout
    document = json.loads((tmp_path / "out.json").read_text())
    assert set(document) == VARIANTS | {"machine", "kind", "off_over_on"}
    assert document["off_over_on"]["mean_us"] > 0
    for name in VARIANTS:
        assert set(document[name]) == KEYS
        assert all(value > 0 for value in document[name].values())
    half = document["machine"]["usd_per_cpu_ms_per_100k"]
    assert document["all_on"]["usd_per_month"] == pytest.approx(
        document["all_on"]["cpu_ms_per_100k"] * half, abs=0.01
    )
    svg = ElementTree.parse(tmp_path / "out.svg").getroot()
    bars = [node for node in svg.iter() if node.tag.endswith("rect")]
    assert len(bars) >= 3 * len(VARIANTS)
