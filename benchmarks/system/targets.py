"""The speed this project wants to have, and whether a run has shown it.

A target is a ratio of two figures of one run: two servers, or two workloads, measured in turn. How
fast the machine is does not matter to it; the absolute ones (CPU, the first answer) are for
a machine like that of the published results.
"""

from __future__ import annotations

import dataclasses
import operator
import statistics
from collections.abc import Callable
from typing import Any

__all__ = ["TARGETS", "Target", "verdicts"]

Rows = dict[tuple[str, str], dict[str, Any]]
US, UVICORN, UNDER = "fasterapi", "uvicorn", "fasterapi on uvicorn"


@dataclasses.dataclass(frozen=True)
class Target:
    """measure: the figure, None if the run has not what it takes. least, most: its bound."""

    workload: str
    title: str
    measure: Callable[[Rows], float | None]
    least: float | None = None
    most: float | None = None

    def is_met(self, value: float) -> bool:
        below = self.least is not None and value < self.least
        return not below and not (self.most is not None and value > self.most)


def _by_round(of: dict[str, Any], to: dict[str, Any]) -> float:
    """The median of the ratios of two rates, round by round."""
    pairs = zip(of["rounds"], to["rounds"], strict=False)
    return statistics.median(
        operator.truediv(a["requests_per_second"], b["requests_per_second"]) for a, b in pairs
    )


def _rate(
    of: str, server: str, to: str, other: str, by: Callable[[Any, Any], float] = _by_round
) -> Callable[[Rows], float | None]:
    def measure(rows: Rows) -> float | None:
        ours, theirs = rows.get((of, server)), rows.get((to, other))
        return by(ours, theirs) if ours is not None and theirs is not None else None

    return measure


def _field(name: str) -> Callable[[Any, Any], float]:
    return lambda of, to: of[name] / to[name]


def _alone(workload: str, name: str) -> Callable[[Rows], float | None]:
    def measure(rows: Rows) -> float | None:
        row = rows.get((workload, US))
        return None if row is None else row[name]

    return measure


def _beside(workload: str, title: str, least: float, server: str = US) -> Target:
    return Target(workload, title, _rate(workload, server, workload, UVICORN), least=least)


def _of_limit(workload: str, least: float) -> Target:
    return Target(workload, "of the limit", _rate(workload, US, workload, "limit"), least=least)


X = "x FastAPI on Uvicorn"
_UNDER = "under Uvicorn, x FastAPI there"
_OF_START = "of FastAPI on Uvicorn"
TARGETS = (
    _of_limit("async", 0.80),
    _of_limit("def", 0.65),
    _of_limit("params", 0.70),
    _of_limit("model", 0.50),
    _beside("shop-async", X, 10),
    _beside("shop-def", X, 12),
    _beside("shop-mixed", X, 12),
    Target(
        "routes-400", "of one route's req/s", _rate("routes-400", US, "routes-1", US), least=0.95
    ),
    Target("routes-404", "of a hit's req/s", _rate("routes-404", US, "routes-400", US), least=0.5),
    _beside("middleware", X, 3),
    _beside("middleware-yield", X, 3),
    *(
        _beside(name, _UNDER, 1.5, UNDER)
        for name in ("async", "def", "params", "model", "shop-async", "shop-def", "shop-mixed")
    ),
    _beside("handover", "x Uvicorn", 1.0),
    Target("raw", "us of CPU per request", _alone("raw", "cpu_us_per_request"), most=25),
    Target(
        "raw",
        "of Uvicorn's CPU per request",
        _rate("raw", US, "raw", UVICORN, _field("cpu_us_per_request")),
        most=25 / 46.6,
    ),
    _beside("websocket", "x Uvicorn, messages", 3),
    Target("crowd", "of the p99 without idle ones", _alone("crowd", "p99_ratio"), most=1.2),
    Target("idle", "KiB for each connection", _alone("idle", "kib"), most=1),
    Target("first", "ms until the first answer", _alone("first", "milliseconds"), most=5),
    Target(
        "import",
        f"CPU {_OF_START}",
        _rate("import", US, "import", UVICORN, _field("cpu_seconds")),
        most=1.1,
    ),
    # Time and CPU have no bound: a start of ours does what FastAPI does at the first request.
    Target(
        "start",
        f"memory {_OF_START}",
        _rate("start", US, "start", UVICORN, _field("resident_kib")),
        most=1.1,
    ),
)


def verdicts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per target that the results can answer."""
    found = {(row["workload"], row["server"]): row for row in rows}
    result = []
    for target in TARGETS:
        value = target.measure(found)
        if value is not None:
            bound = target.least if target.least is not None else target.most
            result.append(
                {
                    "workload": target.workload,
                    "title": target.title,
                    "target": bound,
                    "is": "at least" if target.least is not None else "at most",
                    "measured": value,
                    "met": target.is_met(value),
                }
            )
    return result
