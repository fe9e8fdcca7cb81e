"""Starlette's own middleware, as the core does its work: from ``app.user_middleware`` to a gate.

What a middleware does to a request before the app sees it is decided by the core: a request that it
would refuse, redirect or answer is handed over, any other goes to its route. What it does to an
answer (CORS headers, compression) is done by the core as well. The options are read from the
middleware objects themselves, so that their meaning is Starlette's. Anything that is not certain is
a reason to leave the whole app to Python.
"""

from __future__ import annotations

import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import starlette
import starlette.middleware.cors
import starlette.middleware.trustedhost
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware, GZipResponder, IdentityResponder
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response

from fasterapi._fastapi import FastAPI
from fasterapi.plan.reasons import Reason, reason

__all__ = [
    "CorsSpec",
    "GZipSpec",
    "GateSpec",
    "foreign_middleware",
    "is_middleware_patched",
    "plan_middleware",
    "replay",
]


@dataclass(frozen=True, slots=True)
class CorsSpec:
    """simple: headers for every answer to a request with an Origin. origins, fullmatch: Starlette's
    own objects, asked for each origin unless everyone may come."""

    simple: tuple[tuple[bytes, bytes], ...]
    everyone: bool
    credentials: bool
    origins: Any
    fullmatch: Callable[[str], Any] | None


@dataclass(frozen=True, slots=True)
class GZipSpec:
    """excluded: media types that are left alone, in lower case."""

    minimum_size: int
    level: int
    thread_minimum_size: int
    excluded: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class GateSpec:
    """All middleware of an app.

    https_only: no other request may go to a plan. hosts: for each TrustedHostMiddleware what fits,
    as (lower-case text, whether it is just the end). layers: from the innermost to the outermost.
    """

    https_only: bool = False
    hosts: tuple[tuple[tuple[bytes, bool], ...], ...] = ()
    layers: tuple[CorsSpec | GZipSpec, ...] = ()

    def core_gate(self, core: Any) -> Any:
        """The `gate` argument of the core's ``Server.set_routes``. core: the C module."""
        rows: list[tuple[Any, ...]] = []
        for one in self.layers:
            if isinstance(one, CorsSpec):
                rows.append(
                    (0, one.simple, one.everyone, one.credentials, one.origins, one.fullmatch)
                )
            else:
                rows.append((1, one.minimum_size, one.level, one.thread_minimum_size, one.excluded))
        return core.Gate(self.https_only, self.hosts, tuple(rows), replay)


def replay(status: int, lines: bytes, body: bytes) -> Response:
    """A Response that the middleware itself shall see, with exactly these header lines."""
    response = Response(body, status_code=status)
    response.raw_headers = [
        (name, value)
        for name, _, value in (line.partition(b": ") for line in lines.split(b"\r\n") if line)
    ]
    return response


# -- are they Starlette's? -------------------------------------------------------------------------

#: Class -> the attributes of its objects.
_KNOWN: Final[dict[Any, frozenset[str]]] = {
    CORSMiddleware: frozenset(
        "app allow_origins allow_methods allow_headers allow_all_origins allow_all_headers "
        "allow_credentials preflight_explicit_allow_origin allow_origin_regex "
        "allow_private_network simple_headers preflight_headers".split()
    ),
    GZipMiddleware: frozenset(
        "app minimum_size compresslevel thread_minimum_size exclude_content_types".split()
    ),
    TrustedHostMiddleware: frozenset("app allowed_hosts allow_any www_redirect".split()),
    HTTPSRedirectMiddleware: frozenset(["app"]),
}
_METHODS: Final[dict[Any, tuple[str, ...]]] = {
    CORSMiddleware: (
        "__init__", "__call__", "is_allowed_origin", "preflight_response", "simple_response",
        "send", "allow_explicit_origin",
    ),
    GZipMiddleware: ("__init__", "__call__"),
    IdentityResponder: ("__init__", "__call__", "send_with_compression", "apply_compression"),
    GZipResponder: ("__init__", "__call__", "apply_compression", "_compress_body"),
    TrustedHostMiddleware: ("__init__", "__call__"),
    HTTPSRedirectMiddleware: ("__init__", "__call__"),
    Headers: ("__init__", "__getitem__", "__contains__", "getlist"),
    MutableHeaders: ("__setitem__", "__delitem__", "update", "add_vary_header"),
}  # fmt: skip


def _functions() -> Iterator[tuple[str, Any]]:
    for owner, names in _METHODS.items():
        for name in names:
            yield f"{owner.__name__}.{name}", getattr(owner, name, None)
    for name in ("parse_host_header", "URL", "Headers"):
        yield f"trustedhost.{name}", getattr(starlette.middleware.trustedhost, name, None)
    yield "zlib.compressobj", zlib.compressobj


_SEEN: Final[dict[str, Any]] = dict(_functions())
_HOME: Final = os.path.dirname(str(starlette.__file__)) + os.sep


def is_middleware_patched() -> bool:
    """Whether a function was replaced since this module was imported. A few us."""
    return any(function is not _SEEN[name] for name, function in _functions())


def _patches() -> Iterator[Reason]:
    for name, function in _functions():
        code = getattr(function, "__code__", None)
        foreign = code is not None and not code.co_filename.startswith(_HOME)
        if function is None:
            yield reason("internals", what=f"{name} is gone")
        elif function is not _SEEN[name] or foreign:
            yield reason("patched", name=name, module=getattr(function, "__module__", "something"))


# -- what they are set to --------------------------------------------------------------------------


class _UnknownError(Exception):
    """An option that the core does not know how to follow. Its text says which and why."""


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise _UnknownError(what)


def _header_value(text: Any, what: str) -> bytes:
    _require(type(text) is str, f"{what} is not text")
    _require(all(" " <= one <= "~" for one in text), f"{what} is not plain ASCII text")
    return bytes(text, "ascii")


def _cors(layer: CORSMiddleware) -> CorsSpec:
    origins, regex = layer.allow_origins, layer.allow_origin_regex
    _require(
        type(origins) in (list, tuple, set, frozenset) and all(type(one) is str for one in origins),
        "allow_origins is not a list of strings",
    )
    _require(
        regex is None or (type(regex) is re.Pattern and type(regex.pattern) is str),
        "allow_origin_regex is not a pattern for text",
    )
    _require(type(layer.allow_credentials) in (bool, int), "allow_credentials is not a bool")
    return CorsSpec(
        simple=tuple(
            (name.lower().encode("ascii"), _header_value(value, name))
            for name, value in layer.simple_headers.items()
        ),
        everyone=layer.allow_all_origins,
        credentials=bool(layer.allow_credentials),
        origins=origins,
        fullmatch=None if regex is None else regex.fullmatch,
    )


def _gzip(layer: GZipMiddleware) -> GZipSpec:
    for name in ("minimum_size", "compresslevel", "thread_minimum_size"):
        value = getattr(layer, name)
        _require(type(value) is int and abs(value) <= sys.maxsize, f"{name} is not a usual number")
    _require(-1 <= layer.compresslevel <= 9, "compresslevel is not from -1 to 9")
    return GZipSpec(
        minimum_size=layer.minimum_size,
        level=layer.compresslevel,
        thread_minimum_size=layer.thread_minimum_size,
        # One that is not ASCII fits no media type that the core looks at.
        excluded=tuple(one.encode() for one in layer.exclude_content_types if one.isascii()),
    )


def _hosts(layer: TrustedHostMiddleware) -> tuple[tuple[bytes, bool], ...]:
    _require(all(type(one) is str for one in layer.allowed_hosts), "a host is not text")
    return tuple(
        (one[1:].encode(), True) if one.startswith("*") else (one.encode(), False)
        for one in layer.allowed_hosts
        if one.isascii()
    )


def _objects(app: FastAPI) -> list[Any]:
    """The middleware objects, from the outermost to the innermost: those of the stack that the app
    has built, or such as it would build."""
    if app.middleware_stack is None:
        return [one.cls(app.router, *one.args, **one.kwargs) for one in app.user_middleware]
    layer: Any = app.middleware_stack
    outermost: Any = app.user_middleware[0].cls
    while type(layer) is not outermost:
        layer = layer.app
    found = []
    for _ in app.user_middleware:
        found.append(layer)
        layer = layer.app
    return found


def _look_at(layer: Any) -> tuple[bool, list[tuple[tuple[bytes, bool], ...]], list[Any]]:
    """(whether it wants https, hosts, layers) of one middleware."""
    _require(vars(layer).keys() == _KNOWN[type(layer)], "it has other attributes than Starlette's")
    if type(layer) is CORSMiddleware:
        return False, [], [_cors(layer)]
    if type(layer) is GZipMiddleware:
        return False, [], [_gzip(layer)]
    if type(layer) is TrustedHostMiddleware:
        return False, [] if layer.allow_any else [_hosts(layer)], []
    return True, [], []


def foreign_middleware(app: FastAPI) -> Reason | None:
    """The reason that names the app's middleware of classes the core knows nothing of."""
    foreign, advice = [], ""
    for one in app.user_middleware:
        made_by: Any = one.cls
        if type(one) is not Middleware or not any(made_by is known for known in _KNOWN):
            foreign.append(_name_of(one))
            if isinstance(made_by, type) and issubclass(made_by, BaseHTTPMiddleware):
                advice = _PURE
    return reason("middleware", names=", ".join(foreign), advice=advice) if foreign else None


_PURE: Final = (
    " Pure ASGI middleware in the place of BaseHTTPMiddleware saves a task for each request."
)


def _name_of(middleware: Any) -> str:
    """Its class; the function if it was made by ``@app.middleware("http")``; what it extends."""
    made_by: Any = middleware.cls
    name = getattr(made_by, "__name__", repr(made_by))
    function = getattr(middleware, "kwargs", {}).get("dispatch")
    if made_by is BaseHTTPMiddleware and function is not None:
        return f'@app.middleware("http") {getattr(function, "__name__", repr(function))}'
    for known in _KNOWN:
        if isinstance(made_by, type) and issubclass(made_by, known):
            return f"{name} (a subclass; the core knows {known.__name__} itself)"
    return name


def plan_middleware(app: FastAPI) -> tuple[GateSpec | None, list[Reason]]:
    """(gate, []), or (None, reasons) if the core cannot do the work of the app's middleware.

    Without middleware that is (None, []). `foreign_middleware` has found none, and a stack that is
    already built must be FastAPI's.
    """
    if not app.user_middleware:
        return None, []
    if patches := list(_patches()):
        return None, patches
    https_only, hosts, layers = False, [], []
    name = ""
    try:
        for layer in reversed(_objects(app)):
            name = type(layer).__name__
            wants_https, more_hosts, more_layers = _look_at(layer)
            https_only = https_only or wants_https
            hosts += more_hosts
            layers += more_layers
    except _UnknownError as why:
        return None, [reason("middleware-options", name=name, what=str(why))]
    except Exception as exc:  # FastAPI will raise the same when it builds its stack
        what = f"looking at it raises {type(exc).__name__}: {exc}"
        return None, [reason("middleware-options", name=name or "The middleware", what=what)]
    return GateSpec(https_only, tuple(hosts), tuple(layers)), []
