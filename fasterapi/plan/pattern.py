"""Paths: which the core's router knows, and what every match of one starts with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.convertors import (
    FloatConvertor,
    IntegerConvertor,
    PathConvertor,
    StringConvertor,
)

__all__ = ["METHODS", "PARAM", "convertor_names", "is_core_pattern", "static_prefix"]

#: Methods the core can match. CONNECT is answered by the server itself.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"})
#: The router's limit for parameters in one path.
MAX_PATH_PARAMS: Final = 16

#: One parameter of a path: {name} or {name:converter}.
PARAM: Final = re.compile(r"\{([a-zA-Z_][a-zA-Z0-9_]*)(?::([a-zA-Z_][a-zA-Z0-9_]*))?\}")
_CONVERTORS: Final[dict[type, str]] = {
    StringConvertor: "str",
    IntegerConvertor: "int",
    FloatConvertor: "float",
    PathConvertor: "path",
}


def static_prefix(path: str) -> str:
    """The text before the first parameter: every request path that matches starts with it."""
    found = PARAM.search(path)
    return path if found is None else path[: found.start()]


def is_core_pattern(path: str) -> bool:
    """Whether the core's router takes the path: whole segments that are text or one parameter."""
    if not path.startswith("/"):
        return False
    segments = path[1:].split("/")
    params = 0
    for at, segment in enumerate(segments):
        found = PARAM.fullmatch(segment)
        if found is None:
            if "{" in segment or "}" in segment or "\n" in segment or "\0" in segment:
                return False
            continue
        params += 1
        kind = found.group(2) or "str"
        if kind not in _CONVERTORS.values() or (kind == "path" and at != len(segments) - 1):
            return False
    return params <= MAX_PATH_PARAMS


def convertor_names(convertors: Mapping[str, Any]) -> dict[str, str] | None:
    """Path parameter -> converter name; None if one is not Starlette's own."""
    names: dict[str, str] = {}
    for name, convertor in convertors.items():
        kind = _CONVERTORS.get(type(convertor))
        if kind is None:
            return None
        names[name] = kind
    return names
