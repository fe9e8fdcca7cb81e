"""A dependency tree as a generated function for the inner end of an app's middleware stack.

There FastAPI's own `request_response` stands around the plan: it makes the ``Request`` and the two
exit stacks, sends the answer while they are open, and lets exception handlers see what is raised.
So the function only makes the answer, and dependencies with ``yield`` go onto those stacks by
FastAPI's own function. Its first argument, if it needs one, is the core's ``AsgiCall``.

A tree of ``def`` functions runs on one thread up to the answer. With exits it is written as one
dependency with ``yield`` that gives the answer, so that FastAPI ends it as it ends those.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Final

from fasterapi.plan.writer import Writer

__all__ = ["FUNCTION_STACK", "REQUEST_STACK", "InnerWriter"]

REQUEST_STACK: Final = "fastapi_inner_astack"
FUNCTION_STACK: Final = "fastapi_function_astack"


class InnerWriter(Writer):
    """Writes the function of one route. See `make_tree` for the arguments."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.may_decline = False  # the overrides are looked at before the function is called
        if self.has_request and self.generators:
            # Whoever has the Request may put something between them on FastAPI's exit stacks.
            self.is_async = self.on_loop = True
        self.on_stacks = self.is_async
        self.has_around = False  # FastAPI is
        self.names["contextmanager"] = contextmanager

    def awaits(self) -> bool:
        return self.is_async or self.generators > 0

    def runs_inline(self) -> bool:
        return self.inline and not self.awaits()

    def write(self) -> None:
        if self.exchange:
            self.line("request = exchange.request")
        super().write()

    def write_request(self) -> None:
        """It is there."""

    def write_return(self) -> None:
        self.line("return exchange.respond(answer)" if self.exchange else "return answer")

    def write_with_exits(self) -> None:
        if self.is_async:
            self.write_call()
            self.write_return()
            return
        top = self.depth
        self.line("sent = False")
        self.write_call()
        self.line("response = exchange.respond(answer)")
        if self.function_depth is not None:
            self.leave(self.function_depth)
        self.line("sent = response is not None")  # raises as FastAPI does if there is none
        self.line("yield response")
        self.leave(top)
        self.line("if not sent:")
        self.line("    raise FastAPIError(NOT_AWAITED)")

    def split_point(self) -> int | None:
        return None if self.generators else super().split_point()

    def call_of_tail(self, handed: str) -> str:
        return f"await in_thread(steps, {handed})"

    def source(self) -> str:
        given = ", ".join(self.given())
        if self.stream is not None:
            return "\n".join([f"async def plan({given}):", *self.lines, ""])
        if self.is_async or not self.generators:
            return super().source()
        lines = ["@contextmanager", f"def steps({given}):", *self.lines, ""]
        lines += [f"async def plan({given}):"]
        lines += [f"    stack = exchange.request.scope[{REQUEST_STACK!r}]"]
        lines += [f"    return await stack.enter_async_context(in_thread_cm(steps({given})))", ""]
        return "\n".join(lines)
