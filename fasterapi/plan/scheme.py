"""FastAPI's security schemes: each looks at one header, query parameter or cookie.

Their own ``__call__`` runs, as in FastAPI, on an object that knows just that one value, so no
Request has to be made. A class derived from one is an ordinary dependency.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi.security import (
    APIKeyCookie,
    APIKeyHeader,
    APIKeyQuery,
    HTTPBasic,
    HTTPBearer,
    HTTPDigest,
    OAuth2,
    OAuth2AuthorizationCodeBearer,
    OAuth2PasswordBearer,
    OpenIdConnect,
)
from fastapi.security.http import HTTPBase

from fasterapi.plan.spec import Conv, ParamSpec, Source

__all__ = ["run_now", "scheme_step"]

#: Class -> where its ``__call__`` looks.
_PLACES: Final[dict[type, Source]] = {
    HTTPBase: Source.HEADER,
    HTTPBasic: Source.HEADER,
    HTTPBearer: Source.HEADER,
    HTTPDigest: Source.HEADER,
    OAuth2: Source.HEADER,
    OAuth2PasswordBearer: Source.HEADER,
    OAuth2AuthorizationCodeBearer: Source.HEADER,
    OpenIdConnect: Source.HEADER,
    APIKeyHeader: Source.HEADER,
    APIKeyQuery: Source.QUERY,
    APIKeyCookie: Source.COOKIE,
}
#: The methods as they were when this module was imported: a patched one is not known any more.
_CALLS: Final = {cls: cls.__dict__["__call__"] for cls in _PLACES}


class _OneValue:
    """Headers, query parameters or cookies of which only one is ever asked for."""

    __slots__ = ("value",)

    def __init__(self, value: str | None) -> None:
        self.value = value

    def get(self, name: str, default: Any = None) -> Any:
        return default if self.value is None else self.value


class _HeaderRequest:
    __slots__ = ("headers",)

    def __init__(self, value: str | None) -> None:
        self.headers = _OneValue(value)


class _QueryRequest:
    __slots__ = ("query_params",)

    def __init__(self, value: str | None) -> None:
        self.query_params = _OneValue(value)


class _CookieRequest:
    __slots__ = ("cookies",)

    def __init__(self, value: str | None) -> None:
        self.cookies = _OneValue(value)


_REQUESTS: Final[dict[Source, Callable[[str | None], Any]]] = {
    Source.HEADER: _HeaderRequest,
    Source.QUERY: _QueryRequest,
    Source.COOKIE: _CookieRequest,
}


def run_now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that has nothing to wait for to its end, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError("the coroutine waits for something")


def _wire_name(call: Any, owner: type, source: Source) -> str | None:
    if owner not in (APIKeyHeader, APIKeyQuery, APIKeyCookie):
        return "authorization"
    name = call.model.name
    if type(name) is not str or not name or not name.isascii() or not name.isprintable():
        return None
    return name.lower() if source is Source.HEADER else name


def scheme_step(call: Any) -> tuple[ParamSpec, Callable[[Any], Any]] | None:
    """(what the scheme looks at, function of that value) of a security scheme, else None.

    The function returns or raises what FastAPI's ``await scheme(request)`` does. Any thread.
    """
    owner = type(call)
    if owner not in _PLACES or owner.__dict__["__call__"] is not _CALLS[owner]:
        return None
    source = _PLACES[owner]
    wire = _wire_name(call, owner, source)
    if wire is None:
        return None
    request = _REQUESTS[source]
    value = ParamSpec("", source, wire, Conv.STR, False, False, None, None, str)

    def step(text: str | None) -> Any:
        return run_now(call(request(text)))

    return value, step
