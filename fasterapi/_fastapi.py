"""FastAPI's own class, whatever stands under its name.

Tools put a subclass of theirs in the place of ``fastapi.FastAPI`` (OpenTelemetry's and Logfire's
``instrument``), and ``fastapi.FastAPI = FasterAPI`` is how an app is served that nobody can edit.
The class that the plans know stays the same; `stand_in` is the other one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import fastapi

__all__ = ["FastAPI", "builds_stack", "stack_builder", "with_stand_in"]

if TYPE_CHECKING:
    from fastapi import FastAPI
else:
    _named = fastapi.FastAPI
    if not isinstance(_named, type):  # a function that makes apps
        _named = fastapi.applications.FastAPI
    FastAPI = next(
        (one for one in _named.__mro__ if one.__module__ == "fastapi.applications"), _named
    )


def with_stand_in(made: type[Any]) -> type[Any]:
    """The class to make an object of where `made`, a subclass of FastAPI, is asked for.

    It has what a tool has put in FastAPI's place, as an app made with ``fastapi.FastAPI`` would.
    """
    stand_in: Any = fastapi.FastAPI
    if not (isinstance(stand_in, type) and issubclass(stand_in, FastAPI)):
        return made
    if issubclass(made, stand_in):
        return made
    found: type[Any] | None = _both.get((made, stand_in))
    if found is None:
        found = _both[made, stand_in] = _combine(made, stand_in)
    return found


_both: dict[tuple[Any, Any], Any] = {}


def _combine(made: Any, stand_in: Any) -> Any:
    """A class that is both; `made` if the other one wants arguments of its own."""
    try:
        inspect.signature(stand_in.__init__).bind(None, any_name=None)
        names = {"__module__": made.__module__, "__qualname__": made.__qualname__}
        return type(made.__name__, (made, stand_in), names)
    except TypeError:  # also: the other one is a FasterAPI, or has no room for such a child
        return made


Builder = TypeVar("Builder", bound=Callable[..., Any])
#: Ours, in the place of ``FastAPI.build_middleware_stack``. Known by what they are, since a tool's
#: wrapper takes over all that can be written on a function.
_builders: list[Any] = []


def stack_builder(function: Builder) -> Builder:
    """Decorates a method that builds FastAPI's own stack, with compiled routes at its inner end."""
    _builders.append(function)
    return function


def builds_stack(app: FastAPI) -> bool:
    """Whether an app builds its middleware stack as FastAPI does, or by a `stack_builder`."""
    if "build_middleware_stack" not in vars(app):
        method = type(app).build_middleware_stack
        return method is FastAPI.build_middleware_stack or _is_ours(method)
    found = vars(app)["build_middleware_stack"]
    return getattr(found, "__self__", None) is app and _is_ours(getattr(found, "__func__", None))


def _is_ours(function: Any) -> bool:
    return any(function is one for one in _builders)
