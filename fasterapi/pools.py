"""Pools of the objects an ASGI request needs: its scope and the pairs of its headers.

Off by default: CPython's own free lists are faster than any pool in front of them (see
docs/internals/object-pools.md for the figures). `dict_pool_size` and `tuple_pool_size` turn them on
one by one, `object_pools=False` turns both off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fasterapi import _native
from fasterapi.stream import Scope

__all__ = ["RequestPools"]


class RequestPools:
    """A DictPool for scopes and a TuplePool for header pairs; either may be absent."""

    __slots__ = ("pairs", "scopes")

    def __init__(self, options: Mapping[str, Any]) -> None:
        on = options.get("object_pools", True)
        scopes, pairs = options.get("dict_pool_size", 0), options.get("tuple_pool_size", 0)
        self.scopes: Any = _native.core.DictPool(scopes) if on and scopes else None
        self.pairs: Any = _native.core.TuplePool(pairs) if on and pairs else None

    def __bool__(self) -> bool:
        return self.scopes is not None or self.pairs is not None

    def scope(self, fields: Scope) -> Scope:
        """A scope with these fields; event-loop thread."""
        if self.scopes is None:
            return fields
        scope: Scope = self.scopes.acquire()
        scope.update(fields)
        return scope

    def recycle(self, holder: list[Scope]) -> None:
        """Take back the scope in `holder`, the caller's only reference to it, unless somebody else
        has kept it. The same for its headers."""
        scope = holder[0]
        headers = [scope.get("headers")] if self.pairs is not None else []
        if self.scopes is not None:
            del scope  # or recycle() would see two references
            if not self.scopes.recycle(holder):
                return
        else:
            del scope, holder[0]  # the last reference to the headers but ours, if all is well
        if headers:
            self.pairs.recycle(headers)

    def stats(self) -> dict[str, dict[str, int]]:
        """Counters of the pools that are on: "dicts", "tuples"."""
        named = {"dicts": self.scopes, "tuples": self.pairs}
        return {name: pool.stats() for name, pool in named.items() if pool is not None}
