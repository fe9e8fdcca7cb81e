"""The score of the field tests stands at the end of a run of the whole, in several processes, too."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_a_run_of_the_whole_in_two_processes_tells_the_score():
    command = [sys.executable, "-P", "-m", "pytest", "-n", "2", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "tests", "--ignore-glob=tests/[!f]*", "-k", "test_smoke"],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"^field 1/1, uvicorn [01]/1$", done.stdout, re.MULTILINE), done.stdout
