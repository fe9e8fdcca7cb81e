"""A route with dependencies, as one generated function.

FastAPI solves a route's dependencies anew for every request. Which calls that makes, in which
order and with which arguments, is known when the route is planned: `make_tree` writes it down as
Python source, one call after the other, and compiles it. The core extracts the simple parameters
of all dependencies and calls that function instead of the endpoint.

The source follows `fastapi.dependencies.utils.solve_dependencies`: dependencies before the
parameters of the function that needs them, each result kept under FastAPI's own cache key.
Nothing of the user's runs unless every parameter of the whole tree was accepted before.

An endpoint that streams is one function as well, but it runs in the app's own middleware stack and
on FastAPI's exit stacks: these have to stay open until the stream is at its end.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.dependencies.models import Dependant

from fasterapi.plan.exchange import Found
from fasterapi.plan.finish import Finish
from fasterapi.plan.reasons import Reason
from fasterapi.plan.spec import ParamSpec
from fasterapi.plan.streaming import StreamAnswer
from fasterapi.plan.writer import Writer

__all__ = ["Tree", "make_tree"]


@dataclass(frozen=True, slots=True)
class Tree:
    """A generated function and the inputs the core passes to it by keyword.

    call: what the core calls; source: its text. is_async, can_suspend: as for an endpoint.
    inline: it may run on the loop thread. body: it takes the body's values, see `make_tree`.
    exchange: its first argument is the request's Exchange, through which it answers.
    """

    call: Callable[..., Any]
    source: str
    is_async: bool
    can_suspend: bool
    inline: bool
    exchange: bool
    params: tuple[ParamSpec, ...]


def make_tree(
    dependant: Dependant,
    convertors: Mapping[str, str],
    path: str,
    *,
    bodies: Mapping[int, int] | None,
    keep_form: bool,
    finish: Finish,
    always_finish: bool,
    provider: Any,
    found: Found,
    stream: StreamAnswer | None = None,
    make_writer: type[Writer] = Writer,
) -> Tree | list[Reason]:
    """The function that answers a route; the reasons if it cannot be written.

    convertors: see `plan_params`. bodies: None if ``body`` is the value of the one body parameter,
    else it is a tuple of dicts and this tells which is whose (id of a dependant -> position).
    keep_form: its last item is a form that stays open until the request is over.
    finish, always_finish: makes the Response, of every answer or only where it must. provider: has
    the ``dependency_overrides`` that are looked at for each request, or is None. found: the route.
    stream: makes the answer of an endpoint that streams. make_writer: for whom it is, the core's
    server or (`fasterapi.plan.inner_tree`) an ASGI app.
    """
    rest = (finish, always_finish, provider, found, stream)
    given = (dependant, convertors, bodies, keep_form, *rest)
    writer = make_writer(*given)
    writer.write()
    if (split_at := writer.split_point()) is not None:
        writer = make_writer(*given, split_at)
        writer.write()
    if writer.reasons:
        return writer.reasons
    source = writer.source()
    filename = f"<fasterapi plan of {path}>"
    exec(compile(source, filename, "exec"), writer.names)
    # Tracebacks show the lines.
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    return Tree(
        call=writer.names["plan"],
        source=source,
        is_async=writer.awaits(),
        can_suspend=writer.can_suspend and writer.awaits(),
        inline=writer.runs_inline(),
        exchange=writer.exchange,
        params=tuple(writer.params),
    )
