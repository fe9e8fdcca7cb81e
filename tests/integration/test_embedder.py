"""Programs that have servers in them, and drop, stop, start and leave them in every order.

Each case is a process of its own (apps/embedder.py), with freed memory overwritten. With
FASTERAPI_BUILD=asan and the sanitizer's library preloaded this file says more.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "apps" / "embedder.py"
CASES = [
    line.split("(")[0].removeprefix("def ")
    for line in PROGRAM.read_text().split("# -- cases ")[1].splitlines()
    if line.startswith("def ")
]


@pytest.mark.parametrize("case", CASES)
def test_an_embedder_comes_to_its_end(case: str):
    environment = os.environ | {"PYTHONMALLOC": os.environ.get("PYTHONMALLOC", "debug")}
    done = subprocess.run(
        [sys.executable, "-P", str(PROGRAM), case],
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("survived\n"), done.stdout + done.stderr
    assert "Exception ignored" not in done.stderr
    assert "ERROR: " not in done.stderr
