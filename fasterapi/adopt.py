"""Apps of FastAPI's own class, or of somebody's subclass, served as a `FasterAPI` is.

What `FasterAPI` adds to its class is here for every app: compiled routes at the inner end of the
middleware stack, and the options of the core, which others do not have.

    app = compiled_app(app)     # None: no FastAPI, an ASGI app like any other
    adopt(app)                  # before its lifespan begins
"""

from __future__ import annotations

from types import MethodType
from typing import Any, Final

from fasterapi import _native
from fasterapi._fastapi import FastAPI, stack_builder
from fasterapi.config import Value

__all__ = ["CoreApp", "adopt", "arguments_of", "compiled_app", "compiled_stack"]

#: Where an ASGI app keeps another one, or its routes: Starlette, socketio and most middleware.
_INSIDE: Final = ("app", "_base_app", "router", "original_router", "other_asgi_app")


class CoreApp:
    """What a `FasterAPI` is besides a FastAPI: it has options of the core, and knows its server."""

    _core_arguments: dict[str, Value]
    #: The running `fasterapi.server.Server`; it sets and clears this itself.
    _server: Any = None

    @property
    def core_arguments(self) -> dict[str, Value]:
        """A copy of the core's options given to the constructor."""
        return dict(self._core_arguments)


def compiled_app(app: Any) -> Any:
    """The app if its routes can be compiled (it is a FastAPI), else None."""
    return app if isinstance(app, FastAPI) else None


def arguments_of(app: Any) -> dict[str, Value]:
    """The core's options that were given to the app's constructor; only a FasterAPI takes some."""
    return app.core_arguments if isinstance(app, CoreApp) else {}


def compiled_stack(app: Any) -> Any:
    """The app's middleware stack with compiled routes at its inner end; None where FastAPI has to
    build its own. Any thread."""
    if _native.core is None:
        return None
    from fasterapi import plan

    if plan.failure is not None:
        return None
    from fasterapi.plan.inner import build_stack

    return build_stack(app)


@stack_builder
def _build_middleware_stack(app: Any) -> Any:
    stack = compiled_stack(app)
    return type(app).build_middleware_stack(app) if stack is None else stack


def adopt(app: Any) -> None:
    """Let every FastAPI in an ASGI app (itself, mounted, or behind middleware) build its middleware
    stack as a FasterAPI does. Those that have built it, or build it in another way, are left alone.
    """
    if _native.core is None:
        return
    for one in _apps_in(app):
        if (
            type(one).build_middleware_stack is FastAPI.build_middleware_stack
            and "build_middleware_stack" not in vars(one)
            and one.middleware_stack is None
        ):
            one.build_middleware_stack = MethodType(_build_middleware_stack, one)


def _apps_in(app: Any) -> list[Any]:
    """The FastAPI apps that can be found from an ASGI app. Nothing of theirs is called."""
    found: list[Any] = []
    seen: set[int] = set()
    waiting = [app]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type):
            continue
        seen.add(id(one))
        if isinstance(one, FastAPI):
            found.append(one)
        inside: dict[str, Any] = getattr(one, "__dict__", {})
        waiting += [inside[name] for name in _INSIDE if name in inside]
        routes = inside.get("routes")
        if isinstance(routes, list):
            waiting += routes
    return found
