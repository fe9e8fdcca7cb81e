"""The score of both servers at the end of every run that has field tests.

For tests/conftest.py: with pytest-xdist the process that prints it loads no conftest.py further down.
"""

from __future__ import annotations

import pytest
from field import SERVERS

__all__ = ["PROPERTY", "pytest_terminal_summary"]

#: Under this name a report says (kind, who, whether it was won).
PROPERTY = "field"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    results: dict[str, dict[str, bool]] = {name: {} for name in SERVERS}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in getattr(report, "user_properties", ()):
                if name == PROPERTY and report.when == "call":
                    kind, who, won = value
                    results[who][kind] = won and results[who].get(kind, True)
    kinds = sorted(set().union(*results.values()))
    if not kinds:
        return
    terminalreporter.write_line("")
    for kind in kinds:
        lost = [who for who in SERVERS if not results[who].get(kind, True)]
        if lost:
            terminalreporter.write_line(f"field, lost by {' and '.join(lost)}: {kind}")
    ours, theirs = (sum(results[who].values()) for who in SERVERS)
    terminalreporter.write_line(f"field {ours}/{len(kinds)}, uvicorn {theirs}/{len(kinds)}")
