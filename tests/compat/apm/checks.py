"""What watches an app sees of a FasterAPI what it sees of a FastAPI, in tests and on the server."""

from __future__ import annotations

import functools
import json
import pathlib
import subprocess
import sys
from typing import Any

import pytest

PROGRAM = pathlib.Path(__file__).with_name("program.py")
#: Tool -> what `explain` gives as the reasons of each route when the tool is in place.
TOOLS = {
    "telemetry": ["telemetry"],
    "otel-app": ["custom-call"],
    "otel-all": ["custom-call"],
    "prometheus": ["middleware"],
    "sentry-before": ["patched"],
    "sentry-after": ["patched"],
    "sentry-late": ["patched"],
    "logfire": ["patched"],
    "logfire-pydantic": [],
    "logfire-idle": [],
}
#: The routes that this tool has nothing to do with. Logfire's Pydantic plugin sees models that are
#: validated by themselves, and none of what FastAPI validates.
FREE = {
    "logfire-pydantic": {"/items/{number}", "/items", "/raises"},
    "logfire-idle": {"/items/{number}", "/items", "/raises"},
}
#: These record nothing here, and nothing with FastAPI either.
SILENT = {"logfire-pydantic", "logfire-idle"}
#: How the app is made that is served with FasterAPI, see program.py.
KINDS = ["fasterapi", "early", "plain"]


@functools.cache
def ran(tool: str, kind: str, way: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-P", PROGRAM, tool, kind, way],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # behind the server's own
    return found


@pytest.mark.parametrize("way", ["client", "server"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tool", TOOLS)
def test_the_tool_records_the_same(tool: str, kind: str, way: str):
    ours, theirs = ran(tool, kind, way), ran(tool, "fastapi", way)
    assert ours["answers"] == theirs["answers"]
    assert [status for status, _ in ours["answers"][-5:]] == [200, 422, 201, 500, 404]
    assert ours["recorded"] == theirs["recorded"]
    parts = ours["recorded"].values()
    assert parts
    assert not any(parts) if tool in SILENT else all(parts), ours["recorded"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tool", TOOLS)
def test_explain_says_why(tool: str, kind: str):
    told = ran(tool, kind, "server")["explain"]
    assert len(told) == 3
    for path, tier, reasons in told:
        if path in FREE.get(tool, ()):
            assert (tier, reasons) == ("compiled", []), path
        else:
            assert set(TOOLS[tool]) <= set(reasons), path
            assert tier != "compiled"
