"""`FasterAPI`: a FastAPI app that knows the options of the C core and how to serve itself."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from fasterapi import _native
from fasterapi._fastapi import FastAPI, stack_builder, with_stand_in
from fasterapi._options import SharedOptions
from fasterapi.adopt import CoreApp, compiled_stack
from fasterapi.config import (
    OPTIONS,
    Value,
    check_options,
    fastapi_arguments,
    resolve_options,
    unknown_name,
)

if TYPE_CHECKING:
    # For annotations only: a FastAPI without one of these names must do as well.
    from fastapi import APIRouter, Request, Response
    from fastapi.params import Depends
    from fastapi.telemetry import TelemetryConfig
    from starlette.middleware import Middleware
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Lifespan

    from fasterapi.keywords import RunOptions

__all__ = ["AppOptions", "FasterAPI", "inline", "must_compile"]

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


class AppOptions(SharedOptions, total=False):
    """Keyword arguments of `FasterAPI`: the core's options, then FastAPI's own arguments.

    See FastAPI's reference for the latter; they mean here what they mean there.
    """

    telemetry: TelemetryConfig | None
    debug: bool
    routes: list[BaseRoute] | None
    title: str
    summary: str | None
    description: str
    version: str
    openapi_url: str | None
    openapi_tags: list[dict[str, Any]] | None
    servers: list[dict[str, str | Any]] | None
    dependencies: Sequence[Depends] | None
    default_response_class: type[Response]
    redirect_slashes: bool
    docs_url: str | None
    redoc_url: str | None
    swagger_ui_oauth2_redirect_url: str | None
    swagger_ui_init_oauth: dict[str, Any] | None
    middleware: Sequence[Middleware] | None
    exception_handlers: (
        dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] | None
    )
    on_startup: Sequence[Callable[[], Any]] | None
    on_shutdown: Sequence[Callable[[], Any]] | None
    lifespan: Lifespan[Any] | None
    terms_of_service: str | None
    contact: dict[str, str | Any] | None
    license_info: dict[str, str | Any] | None
    root_path: str
    root_path_in_servers: bool
    responses: dict[int | str, dict[str, Any]] | None
    callbacks: list[BaseRoute] | None
    webhooks: APIRouter | None
    deprecated: bool | None
    include_in_schema: bool
    swagger_ui_parameters: dict[str, Any] | None
    generate_unique_id_function: Callable[[Any], str]
    separate_input_output_schemas: bool
    openapi_external_docs: dict[str, Any] | None
    strict_content_type: bool
    max_body_size: int | None
    form_limits: Any


class FasterAPI(FastAPI, CoreApp):
    """A FastAPI app that the C core can serve.

        app = FasterAPI(title="Shop", queue_size=10_000, worker_threads=8)

    It is a FastAPI app in every respect and runs on any ASGI server; `run` and the command
    ``fasterapi run`` serve it with the C core. Keyword arguments are FastAPI's own and the core's
    options (``fasterapi config`` lists them with bounds and units). Where a value comes from:
    command-line flag, else keyword argument, else environment variable ``FASTERAPI_<OPTION>``, else
    default. ``max_body_size`` is FastAPI's argument here; the core's option of that name is set by
    flag, by ``run(max_body_size=...)`` or by ``FASTERAPI_MAX_BODY_SIZE``.

    Raises TypeError for a keyword that neither FastAPI nor the core knows (it names the nearest
    one) or a value of another type, ValueError for an option out of bounds.
    """

    def __new__(cls, *_args: Any, **_options: Any) -> Self:
        """An object that also has what a tool has put in FastAPI's place (see `_fastapi`)."""
        made: Self = super().__new__(with_stand_in(cls))
        return made

    def __init__(self, **options: Unpack[AppOptions]) -> None:
        passed, own = _split(dict(options))
        self._core_arguments = check_options(own)
        super().__init__(**passed)

    @stack_builder
    def build_middleware_stack(self) -> ASGIApp:
        """FastAPI's middleware stack, with compiled routes at its inner end where the core is.

        Middleware that runs in Python, and other servers, so gain most of what the core gives.
        """
        if _native.core is None:
            _native.say_no_core()
        stack: ASGIApp | None = compiled_stack(self)
        return super().build_middleware_stack() if stack is None else stack

    @property
    def core_options(self) -> dict[str, Value]:
        """All of the core's options as a server started now would have them, without flags.

        Raises ValueError naming the environment variable that is no value of its option.
        """
        return resolve_options(arguments=self._core_arguments)

    def run(
        self, host: str | None = None, port: int | None = None, **options: Unpack[RunOptions]
    ) -> None:
        """Serve the app until SIGINT or SIGTERM. Blocks; call it on the main thread.

        Arguments are those of `fasterapi.run`; the core's options win over the constructor's.
        Raises SystemExit(3) after one printed line if the server cannot start.
        """
        from fasterapi.server import run

        run(self, host, port, **options)

    def stats(self) -> dict[str, Any]:
        """The counters of the server that serves this app in this process. Any thread.

        {"running": False} if there is none (not started, ended, or other processes do the work).
        """
        server = self._server
        if server is None:
            return {"running": False}
        return {"running": True, **server.stats()}


def _split(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(FastAPI's arguments, ours). FastAPI's names win. Raises TypeError for any other name."""
    known = fastapi_arguments()
    passed: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for name, value in options.items():
        if name in known:
            passed[name] = value
        elif name in OPTIONS:
            own[name] = value
        else:
            raise unknown_name(name, {*known, *OPTIONS}, "FasterAPI()")
    return passed, own


def inline(function: AnyFunction) -> AnyFunction:
    """Let a cheap ``def`` endpoint run on the event-loop thread instead of a worker thread.

        @app.get("/ping")
        @inline
        def ping() -> str: ...

    Saves the hop between threads; while it runs nothing else does on the loop, so it must neither
    block nor compute for long. Marks the function and returns it. No effect on ``async def``, which
    runs there anyway, nor where FastAPI itself serves the route (see `fasterapi explain`). Raises
    TypeError for something that cannot be marked.
    """
    try:
        function.__fasterapi_inline__ = True  # type: ignore[attr-defined]
    except AttributeError:
        raise TypeError(f"inline takes a function, not {function!r}") from None
    return function


def must_compile(function: AnyFunction) -> AnyFunction:
    """Refuse to serve an endpoint in any way but compiled.

        @app.get("/items/{item_id}")
        @must_compile
        async def read_item(item_id: int) -> Item: ...

    A server with the C core does not start while a route of this endpoint is not compiled; it names
    the route and the reason. ``fasterapi explain --check`` says the same without serving. Above or
    below the route's decorator; marks the function and returns it. No effect on other servers, nor
    where the core is missing. Raises TypeError for something that cannot be marked.
    """
    try:
        function.__fasterapi_must_compile__ = True  # type: ignore[attr-defined]
    except AttributeError:
        raise TypeError(f"must_compile takes a function, not {function!r}") from None
    return function
