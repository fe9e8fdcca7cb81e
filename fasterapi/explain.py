"""`explain`: for each route, which tier answers it and why, as SQL's EXPLAIN does for queries."""

from __future__ import annotations

import textwrap
from typing import Any

import fastapi

from fasterapi.applications import FasterAPI
from fasterapi.plan import RouteVerdict, plan_app, reason

__all__ = ["explain", "format_table"]


def explain(app: fastapi.FastAPI) -> dict[str, Any]:
    """Report how each route of an app is served.

    Returns {"fastapi": version, "routes": [{"path", "methods" (sorted), "name", "tier",
    "reasons": [{"code", "text"}]}]}, ready for JSON, in the order in which FastAPI tries routes.
    tier is "compiled", "asgi" or "fastapi"; a compiled route has no reasons. Needs no core and no
    server, so it shows what would compile here and now. Not for two threads at once.
    """
    verdicts = plan_app(app).verdicts
    if not isinstance(app, FasterAPI):
        for verdict in verdicts:
            verdict.tier = "fastapi"
            verdict.reasons.insert(0, reason("plain-fastapi"))
    return {"fastapi": fastapi.__version__, "routes": [_row(verdict) for verdict in verdicts]}


def _row(verdict: RouteVerdict) -> dict[str, Any]:
    return {
        "path": verdict.path,
        "methods": list(verdict.methods),
        "name": verdict.name,
        "tier": verdict.tier,
        "reasons": [one.as_dict() for one in verdict.reasons],
    }


def format_table(report: dict[str, Any], width: int = 100) -> str:
    """The report of `explain` as lines for a terminal of `width` columns."""
    routes = report["routes"]
    heads = ("METHODS", "PATH", "TIER", "NAME")
    rows = [
        (",".join(route["methods"]) or "*", route["path"] or "*", route["tier"], route["name"])
        for route in routes
    ]
    sizes = [max(len(row[column]) for row in (heads, *rows)) for column in range(3)]
    lines = [_line(heads, sizes)]
    for row, route in zip(rows, routes, strict=True):
        lines.append(_line(row, sizes))
        for one in route["reasons"]:
            lines += textwrap.wrap(
                f"{one['code']}: {one['text']}",
                width=max(width, 40),
                initial_indent="    ",
                subsequent_indent="      ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    count = sum(route["tier"] == "compiled" for route in routes)
    lines += ["", f"{count} of {len(routes)} routes compiled (FastAPI {report['fastapi']})"]
    return "\n".join(lines)


def _line(cells: tuple[str, ...], sizes: list[int]) -> str:
    padded = [cell.ljust(size) for cell, size in zip(cells, [*sizes, 0], strict=True)]
    return "  ".join(padded).rstrip()
