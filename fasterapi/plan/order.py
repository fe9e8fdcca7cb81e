"""The order of the router's entries: keep opaque ones out of the way of those that compile.

FastAPI takes the first route that matches. The core knows of an opaque entry only how its paths
start, and hands over every request that might be for it before a later entry may have it. One
``GET /`` with a dependency would so take all later routes out of the compiled tier. Only the order
of entries that can match the same request matters, though, and that can be told from their paths:

* an entry that can match nothing an earlier opaque entry matches goes in front of all of those;
* an opaque entry with nothing behind it that it overlaps is not needed at all, because what the
  core does not know it hands over anyway.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from fasterapi.plan.pattern import PARAM, static_prefix
from fasterapi.plan.spec import PlanSpec

__all__ = ["Entry", "arrange", "overlap"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the core's router.

    spec None: opaque, it may match any path that starts with static_prefix. exact: the path is a
    pattern of the core's and the route matches just that; only then do path and methods tell which
    requests it takes. methods: () for all. context: FastAPI's, of a route that compiles.
    """

    path: str
    methods: tuple[str, ...]
    spec: PlanSpec | None
    static_prefix: str
    exact: bool = True
    context: Any = field(default=None, compare=False, repr=False)


#: Converter -> what one segment must look like.
_SEGMENTS: Final = {
    "str": re.compile(r"[^/]+"),
    "int": re.compile(r"[0-9]+"),
    "float": re.compile(r"[0-9]+(\.[0-9]+)?"),
}


def _segment_overlap(one: str, other: str) -> bool:
    """Whether some text is right for both segments (not for {x:path})."""
    first, second = PARAM.fullmatch(one), PARAM.fullmatch(other)
    if first is None and second is None:
        return one == other
    if first is not None and second is not None:
        return True
    found, text = (first, other) if first is not None else (second, one)
    assert found is not None
    return _SEGMENTS[found.group(2) or "str"].fullmatch(text) is not None


def _is_rest(segment: str) -> bool:
    found = PARAM.fullmatch(segment)
    return found is not None and found.group(2) == "path"


def _paths_overlap(one: str, other: str) -> bool:
    """Whether some path matches both patterns of the core's."""
    first, second = one[1:].split("/"), other[1:].split("/")
    for left, right in zip(first, second, strict=False):
        if _is_rest(left) or _is_rest(right):
            return True
        if not _segment_overlap(left, right):
            return False
    # {x:path} matches the empty text too, but only after its own slash.
    return len(first) == len(second)


def overlap(one: Entry, other: Entry) -> bool:
    """Whether some request might be for both entries; in doubt yes."""
    if one.exact and other.exact:
        if one.methods and other.methods and not set(one.methods) & set(other.methods):
            return False
        return _paths_overlap(one.path, other.path)
    # Of one of them only the beginning is known, and perhaps not the methods either.
    left, right = one.static_prefix, other.static_prefix
    return left.startswith(right) or right.startswith(left)


def arrange(entries: list[Entry]) -> tuple[list[Entry], list[tuple[Entry, Entry]]]:
    """(entries in the order for the core, [(compiled entry, opaque entry that shadows it)]).

    A shadowed entry is one that the core never takes: every path it matches starts as an opaque
    entry does that comes before it and may want it.
    """
    front: list[Entry] = []
    behind: list[Entry] = []
    shadowed: list[tuple[Entry, Entry]] = []
    for entry in entries:
        if entry.spec is None:
            behind.append(entry)
            continue
        rivals = [one for one in behind if overlap(one, entry)]
        if not rivals:
            front.append(entry)
            continue
        behind.append(entry)
        start = static_prefix(entry.path)
        for one in rivals:
            if one.spec is None and start.startswith(one.static_prefix):
                shadowed.append((entry, one))
                break
    return front + _needed(behind), shadowed


def _needed(entries: list[Entry]) -> list[Entry]:
    """The entries without opaque ones that overlap nothing compiled behind them."""
    kept: list[Entry] = []
    compiled: list[Entry] = []
    for entry in reversed(entries):
        if entry.spec is not None:
            compiled.append(entry)
        elif not any(overlap(entry, one) for one in compiled):
            continue
        kept.append(entry)
    kept.reverse()
    return kept
