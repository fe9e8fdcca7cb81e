"""`explain`: for each route, which tier answers it and why, as SQL's EXPLAIN does for queries."""

from __future__ import annotations

import fnmatch
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import fastapi

from fasterapi import _native
from fasterapi._fastapi import FastAPI
from fasterapi.plan import AppPlan, RouteVerdict, plan_app, reason

__all__ = [
    "explain",
    "format_table",
    "hints",
    "in_words",
    "matches",
    "report",
    "route_text",
    "unmatched",
    "unmet_demands",
    "verdicts_of",
]


def explain(app: FastAPI) -> dict[str, Any]:
    """Report how each route of an app is served.

    Returns {"fastapi": version, "routes": [{"path", "methods" (sorted), "name", "tier",
    "reasons": [{"code", "text"}]}]}, ready for JSON, in the order in which FastAPI tries routes.
    tier is "compiled", "asgi" or "fastapi"; a compiled route has no reasons. Needs no server, so it
    shows what `fasterapi run` would do here and now. Not for two threads at once.
    """
    return report(verdicts_of(app, plan_app(app)))


def verdicts_of(app: FastAPI, plan: AppPlan) -> list[RouteVerdict]:
    """A plan's verdicts, as they are for the server: in the place of a mounted FastAPI come its own
    routes, and without the core nothing is compiled."""
    found = [one for verdict in plan.verdicts for one in _with_mounted(verdict, (app,))]
    if _native.core is None:
        for verdict in found:
            verdict.tier = "fastapi"
            verdict.reasons.insert(0, reason("no-core", what=_native.why_no_core))
    return found


def _with_mounted(mount: RouteVerdict, above: tuple[Any, ...]) -> Iterator[RouteVerdict]:
    """The verdict, or those of the FastAPI that it mounts, with their paths below it. above: the
    apps around it, because one may be mounted in itself."""
    app = mount.mounted
    if not isinstance(app, FastAPI) or any(app is one for one in above):
        yield mount
        return
    for verdict in plan_app(app, root_path=mount.path).verdicts:
        for one in _with_mounted(verdict, (*above, app)):
            one.path = mount.path + one.path
            if one.tier == "compiled" or (one.tier == "asgi" and not _is_mounted(one)):
                one.tier = "asgi"
                one.reasons.insert(0, reason("mounted", path=mount.path))
            yield one


def _is_mounted(verdict: RouteVerdict) -> bool:
    return any(one.code == "mounted" for one in verdict.reasons)


def report(verdicts: Iterable[RouteVerdict]) -> dict[str, Any]:
    """What `explain` returns, for these routes."""
    return {"fastapi": fastapi.__version__, "routes": [_row(verdict) for verdict in verdicts]}


def _row(verdict: RouteVerdict) -> dict[str, Any]:
    return {
        "path": verdict.path,
        "methods": list(verdict.methods),
        "name": verdict.name,
        "tier": verdict.tier,
        "reasons": [one.as_dict() for one in verdict.reasons],
    }


# -- demands ---------------------------------------------------------------------------------------


def matches(verdict: RouteVerdict, pattern: str) -> bool:
    """Whether a route is meant by "PATH" or "METHOD PATH"; * and ? in it stand for any text."""
    method, _, path = pattern.rpartition(" ")
    if method.strip() and method.strip().upper() not in verdict.methods:
        return False
    # Brackets are plain characters of a path here.
    return fnmatch.fnmatchcase(verdict.path, path.replace("[", "[[]"))


def unmatched(verdicts: Sequence[RouteVerdict], patterns: Iterable[str]) -> list[str]:
    """The patterns that mean no route at all."""
    return [text for text in patterns if not any(matches(one, text) for one in verdicts)]


def unmet_demands(verdicts: Iterable[RouteVerdict], *, everything: bool = False) -> list[str]:
    """One sentence for each route that must be compiled and is not, with the reasons.

    Those are the routes marked with `fasterapi.must_compile`; with everything, all of them.
    """
    return [
        f"{route_text(one)} must be compiled, but its tier is {one.tier}: "
        + " ".join(f"{why.text} [{why.code}]" for why in one.reasons)
        for one in verdicts
        if (everything or one.must_compile) and one.tier != "compiled"
    ]


def route_text(verdict: RouteVerdict) -> str:
    """A route in a sentence: "GET,HEAD /items"."""
    return f"{','.join(verdict.methods) or '*'} {verdict.path or '*'}"


# -- what could be faster --------------------------------------------------------------------------


def hints(plan: AppPlan, verdicts: Iterable[RouteVerdict]) -> list[str]:
    """For each verdict, what would make a compiled route of the plan faster; "" if none known."""
    made = {
        (entry.path, method): entry.spec
        for entry in plan.entries
        if entry.spec is not None
        for method in entry.methods
    }
    texts = []
    for verdict in verdicts:
        specs = [made.get((verdict.path, method)) for method in verdict.methods]
        spec = next((one for one in specs if one is not None), None)
        if verdict.tier != "compiled" or spec is None or spec.is_async or spec.inline:
            texts.append("")
        else:
            texts.append(
                "Runs on a worker thread because it is a plain def; if it never blocks, "
                "async def or @fasterapi.inline saves the hop."
            )
    return texts


# -- as text ---------------------------------------------------------------------------------------


def format_table(report: dict[str, Any], width: int = 100, tips: Sequence[str] = ()) -> str:
    """The report of `explain` as plain lines, `width` columns wide. tips: see `hints`."""
    routes = report["routes"]
    heads = ("METHODS", "PATH", "TIER", "NAME")
    rows = [
        (",".join(route["methods"]) or "*", route["path"] or "*", route["tier"], route["name"])
        for route in routes
    ]
    sizes = [max(len(row[column]) for row in (heads, *rows)) for column in range(3)]
    lines = [_line(heads, sizes)]
    for number, (row, route) in enumerate(zip(rows, routes, strict=True)):
        lines.append(_line(row, sizes))
        notes = [f"{one['code']}: {one['text']}" for one in route["reasons"]]
        if tips and tips[number]:
            notes.append(f"faster: {tips[number]}")
        for note in notes:
            lines += textwrap.wrap(
                note,
                width=max(width, 40),
                initial_indent="    ",
                subsequent_indent="      ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join([*lines, "", summary(report)])


def summary(report: dict[str, Any]) -> str:
    """The last line of the table: "3 of 8 routes compiled (FastAPI 0.165.0)"."""
    tiers = [route["tier"] for route in report["routes"]]
    inner = f", {tiers.count('asgi')} compiled inside ASGI" if "asgi" in tiers else ""
    return (
        f"{tiers.count('compiled')} of {len(tiers)} routes compiled{inner} "
        f"(FastAPI {report['fastapi']})"
    )


#: Routes that are no endpoints of the app's own: the docs pages, mounted files and the like.
_NO_ENDPOINT: Final = frozenset({"foreign-route", "mount"})


def in_words(verdicts: Iterable[RouteVerdict]) -> str:
    """One line for the start of a server: what is fast, what is not, and the main reason; "" if the
    app has no endpoints of its own."""
    kept = [one for one in verdicts if not _NO_ENDPOINT & {why.code for why in one.reasons}]
    if not kept:
        return ""
    slow = [one for one in kept if one.tier == "fastapi"]
    inner = [one for one in kept if one.tier == "asgi"]
    fast = len(kept) - len(slow) - len(inner)
    count = f"{len(kept)} endpoints" if len(kept) != 1 else "1 endpoint"
    if fast == len(kept):
        return f"Fast: all of {count} (compiled)."
    parts = [f"fast: {fast} (compiled)"] if fast else []
    parts += [f"faster than FastAPI: {len(inner)} (compiled behind ASGI)"] if inner else []
    parts += [f"as fast as FastAPI: {len(slow)}"] if slow else []
    reasons = [one.reasons[0] for one in (slow or inner)]
    main = Counter(why.code for why in reasons).most_common(1)[0][0]
    text = next(why.text for why in reasons if why.code == main)
    return (
        f"Of {count}, {'; '.join(parts)}. "
        f"Mostly because: {_first_clause(text)} [{main}]. See fasterapi explain."
    )


def _first_clause(text: str) -> str:
    """What is in the way, without the advice."""
    for end in ("; ", ", so ", ", which a compiled", ". "):
        text = text.partition(end)[0]
    return text.rstrip(".")


def _line(cells: tuple[str, ...], sizes: list[int]) -> str:
    padded = [cell.ljust(size) for cell, size in zip(cells, [*sizes, 0], strict=True)]
    return "  ".join(padded).rstrip()
