"""What `fasterapi explain` prints: the routes with their reasons, a check, or what they cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fasterapi import log
from fasterapi._fastapi import FastAPI
from fasterapi.cost import PARTS, SAFE_METHODS, Cost, measure_costs
from fasterapi.explain import (
    format_table,
    hints,
    matches,
    report,
    route_text,
    summary,
    unmatched,
    unmet_demands,
    verdicts_of,
)
from fasterapi.log import StartupError, say
from fasterapi.plan import RouteVerdict, plan_app

__all__ = ["View", "cost_lines", "route_table"]

#: Tier -> how it is shown.
STYLES: Final = {"compiled": "green", "asgi": "yellow", "fastapi": "red"}


class View:
    """The routes of an app that the patterns mean; all of them if there are no patterns.

    Raises StartupError for a pattern that means no route.
    """

    def __init__(self, app: FastAPI, patterns: tuple[str, ...] = ()) -> None:
        self.app = app
        self.patterns = patterns
        plan = plan_app(app)
        verdicts = verdicts_of(app, plan)
        if missed := unmatched(verdicts, patterns):
            raise StartupError(f"--route {missed[0]!r} means no route of the app")
        kept = [
            (verdict, tip)
            for verdict, tip in zip(verdicts, hints(plan, verdicts), strict=True)
            if not patterns or self._is_meant(verdict)
        ]
        self.verdicts = [verdict for verdict, _ in kept]
        self.tips = [tip for _, tip in kept]
        #: What `--check` looks at: with patterns also the marked routes that they do not mean.
        self.marked = [one for one in verdicts if one.must_compile and one not in self.verdicts]

    def _is_meant(self, verdict: RouteVerdict) -> bool:
        return any(matches(verdict, pattern) for pattern in self.patterns)

    def show_routes(self, as_json: bool) -> None:
        """Print the table: in colour on a terminal, else lines for other programs."""
        found = report(self.verdicts)
        console = Console()
        if as_json:
            say(json.dumps(found, indent=2))
        elif console.is_terminal:
            console.print(route_table(found, self.tips))
            console.print(f"\n{summary(found)}", highlight=False)
        else:
            say(format_table(found, tips=self.tips))

    # -- --check -------------------------------------------------------------------------------

    def check(self, as_json: bool) -> bool:
        """Print which routes had to be compiled and are not; returns whether there are none."""
        named = self.verdicts if self.patterns else []
        marked = self.marked if self.patterns else [o for o in self.verdicts if o.must_compile]
        failures = [*unmet_demands(named, everything=True), *unmet_demands(marked)]
        count = len(named) + len(marked)
        if as_json:
            say(json.dumps({"checked": count, "failures": failures}, indent=2))
            return not failures
        for line in failures:
            say(line)
        if not count:
            say("Nothing to check: mark endpoints with @fasterapi.must_compile, or use --route.")
        elif not failures:
            say(f"{count} route{'s' if count != 1 else ''} checked, all compiled")
        return not failures

    # -- --cost --------------------------------------------------------------------------------

    def costs(self) -> list[Cost]:
        """Measure the routes shown. Methods that may change something need to be named."""
        log.configure("warning")
        shown = {(one.path, method) for one in self.verdicts for method in one.methods}

        def wanted(path: str, method: str) -> bool:
            return (path, method) in shown and (bool(self.patterns) or method in SAFE_METHODS)

        measured = measure_costs(self.app, wanted)
        return [one for one in measured if (one.path, one.method) in shown]

    def show_costs(self, costs: list[Cost], as_json: bool) -> None:
        if as_json:
            say(json.dumps([one.as_dict() for one in costs], indent=2))
        else:
            for line in cost_lines(costs):
                say(line)
            for verdict in self.verdicts:
                if not any((one.path, one.method) in _keys(verdict) for one in costs):
                    inside = any(why.code == "mounted" for why in verdict.reasons)
                    what = "it is in a mounted app" if inside else "it is no path operation"
                    say(f"not measured: {route_text(verdict)}: {what}")


def _keys(verdict: RouteVerdict) -> set[tuple[str, str]]:
    return {(verdict.path, method) for method in verdict.methods}


def route_table(found: dict[str, Any], tips: Sequence[str]) -> Table:
    """The report of `explain`; tips: what would make each compiled route faster, or ""."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("METHODS", no_wrap=True)
    table.add_column("PATH", overflow="fold", min_width=12)
    table.add_column("TIER", no_wrap=True)
    table.add_column("WHY, AND WHAT WOULD MAKE IT FASTER", overflow="fold", ratio=1)
    for route, tip in zip(found["routes"], tips, strict=True):
        table.add_row(
            ",".join(route["methods"]) or "*",
            Text(route["path"] or "*"),
            Text(route["tier"], style=STYLES.get(route["tier"], "")),
            _why(route["reasons"], tip),
        )
    return table


def _why(reasons: Sequence[dict[str, str]], tip: str) -> Text:
    """One line for each reason, its code first: the reference is sorted by it."""
    text = Text()
    for one in reasons:
        text.append("\n" if text else "")
        text.append(one["code"], style="bold")
        text.append(f"  {one['text']}")
    return text if reasons else Text(tip, style="dim")


def cost_lines(costs: Sequence[Cost]) -> list[str]:
    """The measured routes as a table, then those that were not measured with the reason."""
    head = ("METHOD", "PATH", "TIER", "us", "FastAPI us", "times", *PARTS)
    rows = [
        (
            one.method,
            one.path,
            one.tier,
            f"{one.us:.1f}",
            f"{one.fastapi_us:.1f}",
            f"{one.fastapi_us / one.us:.1f}" if one.us else "-",
            *(f"{one.parts[name]:.1f}" if name in one.parts else "-" for name in PARTS),
        )
        for one in costs
        if not one.problem
    ]
    sizes = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    lines = [
        "  ".join(
            text.ljust(size) if at < 3 else text.rjust(size)
            for at, (text, size) in enumerate(zip(row, sizes, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]
    failed = [one for one in costs if one.problem]
    lines += [""] if failed else []
    return lines + [f"not measured: {o.method} {o.path}: {o.problem}" for o in failed]
