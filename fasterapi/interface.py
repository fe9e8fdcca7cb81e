"""Apps of another interface than ASGI 3, made one of that."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from fasterapi.log import StartupError

__all__ = ["as_asgi3"]


class Asgi2:
    """An ASGI 2 app (``app(scope)`` gives what takes ``receive`` and ``send``) as one of ASGI 3."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope)(receive, send)


def as_asgi3(app: Any, interface: str) -> Any:
    """The app as the server calls it. interface: auto, asgi2 or wsgi; auto knows ASGI 2 classes.

    Raises StartupError for wsgi without a2wsgi.
    """
    if interface == "asgi2" or (interface == "auto" and _is_asgi2_class(app)):
        return Asgi2(app)
    if interface == "wsgi":
        try:
            made = importlib.import_module("a2wsgi").WSGIMiddleware
        except ImportError:
            raise StartupError("interface wsgi needs a2wsgi: pip install a2wsgi") from None
        return made(app)
    return app


def _is_asgi2_class(app: Any) -> bool:
    """A class whose objects cannot be awaited is called with the scope alone."""
    return inspect.isclass(app) and not hasattr(app, "__await__")
