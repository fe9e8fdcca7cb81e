"""What FastAPI has around a request's functions, for a plan that gives them a Request.

FastAPI puts three exit stacks into the scope, and gives the Request the ``send`` of the server.
Hardly anybody touches them, so a plan works without: it only has the stacks ready, empty, and looks
at its end whether that is still so. If something is on them, it leaves them where FastAPI does, in
the same order; a plan without exits of its own lets the app's own stack do that.

    request, around = new_request(exchange, found)
    ...
    if around.is_used():
        return around.finish(answer, finish, response, background)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from starlette.requests import Request
from starlette.responses import Response

from fasterapi.leaving import claim
from fasterapi.stream import Message, Receive, Scope, Send

if TYPE_CHECKING:
    from fasterapi.plan.exchange import Delivery, Receiver

__all__ = [
    "FUNCTION_STACK",
    "MIDDLEWARE_STACK",
    "REQUEST_STACK",
    "Around",
    "Rest",
    "around_of",
    "strong",
]

#: Where FastAPI keeps the exit stacks of a request in its scope.
MIDDLEWARE_STACK: Final = "fastapi_middleware_astack"
REQUEST_STACK: Final = "fastapi_inner_astack"
FUNCTION_STACK: Final = "fastapi_function_astack"


def strong(found: Any) -> Around | None:
    """What a reference to an `Around`, weak or not, leads to."""
    around: Around | None = found() if type(found) is ref else found
    return around


def around_of(exchange: Any) -> Around | None:
    """That of an exchange whose plan has a Request, or None."""
    return strong(exchange.around)


class Around:
    """One for each Request of a plan; ``exchange.around``. One thread at a time.

    It knows its exchange, which knows it weakly: whoever has the Request has this too. A plan with
    exits of its own lets the exchange have it until it is over.
    """

    __slots__ = (
        "__weakref__",
        "delivery",
        "exchange",
        "functions",
        "middleware",
        "reads_form",
        "receiver",
        "requests",
    )

    def __init__(self, exchange: Any, scope: Scope, receiver: Receiver, reads_form: bool) -> None:
        self.exchange = exchange
        self.receiver = receiver
        self.reads_form = reads_form
        self.delivery: Delivery | None = None
        scope[MIDDLEWARE_STACK] = self.middleware = AsyncExitStack()
        scope[REQUEST_STACK] = self.requests = AsyncExitStack()
        scope[FUNCTION_STACK] = self.functions = AsyncExitStack()

    def is_used(self) -> bool:
        """Whether anything is on the stacks, or was sent."""
        return bool(
            self.functions._exit_callbacks  # type: ignore[attr-defined]
            or self.requests._exit_callbacks  # type: ignore[attr-defined]
            or self.middleware._exit_callbacks  # type: ignore[attr-defined]
            or self.delivery is not None
        )

    def loosen(self) -> None:
        """The plan is over: let the exchange know this weakly."""
        self.exchange.around = ref(self)

    # -- the end of a plan without exits of its own --------------------------------------------

    def finish(
        self, answer: Any, finish: Callable[..., Response], response: Any, background: Any
    ) -> None:
        """Let the app's stack leave ours and send the answer."""
        self._pass_on(Rest(self, make=lambda: finish(answer, response, background)))

    def fail(self, raised: BaseException) -> bool:
        """The plan has raised. True: the app's stack leaves ours with that; False: nobody has used
        them, so nothing was done."""
        self.loosen()
        if not self.is_used():
            return False
        if not isinstance(raised, Exception):
            claim(raised)
        self._pass_on(Rest(self, raised=raised))
        return True

    def _pass_on(self, rest: Rest) -> None:
        if self.delivery is None:
            self.exchange.hand_over(rest)
        else:
            self.delivery.finish(rest)

    async def take_place(self, scope: Scope) -> None:
        """The app's stack waits for the plan now: the exit stacks in the scope stay ours, and the
        outermost is left with the app's."""
        await scope[MIDDLEWARE_STACK].enter_async_context(self.middleware)
        scope[MIDDLEWARE_STACK] = self.middleware
        # One that was left already: what is put on it now is left by nobody, as in FastAPI.
        scope[REQUEST_STACK] = AsyncExitStack() if self.requests is _LEFT else self.requests
        scope[FUNCTION_STACK] = AsyncExitStack() if self.functions is _LEFT else self.functions

    # -- of one that has some ------------------------------------------------------------------

    def block(self, is_function: bool, is_inner: bool = True) -> _Block:
        """A block at whose end everything is left that was put on a stack inside, or (outer) ever:
        the request's, or the function's. (async) with."""
        return _Block(self, self.functions if is_function else self.requests, is_inner)

    def respond(
        self, answer: Any, finish: Callable[..., Response], response: Any, background: Any
    ) -> Any:
        """As ``exchange.respond``, also when the app's stack has the request already."""
        if self.delivery is None:
            return self.exchange.respond(answer)
        return finish(answer, response, background)

    # -- the server's send ---------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """What the Request has as its ``send``. The first use brings the app's stack."""
        if self.delivery is None:
            self.delivery = self.exchange.runtime.deliver(self.exchange)
        ends = await asyncio.shield(self.delivery.opened)
        if ends is not None:  # else the client has left
            await self.delivery.request_send(message)


#: In the place of a stack that was left.
_LEFT: Final = AsyncExitStack()


class _Block:
    __slots__ = ("around", "is_inner", "mark", "stack")

    def __init__(self, around: Around, stack: Any, is_inner: bool) -> None:
        self.around = around
        self.stack = stack
        self.is_inner = is_inner
        self.mark = len(stack._exit_callbacks) if is_inner else 0

    def _left(self) -> AsyncExitStack | None:
        """What is to be left at the end of the block, as a stack of its own."""
        stack: Any = self.stack
        functions: Any = self.around.functions
        if not self.is_inner:  # what comes later is left by nobody
            if stack is functions:
                self.around.functions = _LEFT
            else:
                self.around.requests = _LEFT
        if len(stack._exit_callbacks) <= self.mark and (
            stack is functions or not functions._exit_callbacks
        ):
            return None
        left: Any = AsyncExitStack()
        callbacks = left._exit_callbacks
        while len(stack._exit_callbacks) > self.mark:
            callbacks.appendleft(stack._exit_callbacks.pop())
        if stack is not functions:  # FastAPI leaves all of the function's first
            callbacks.extend(functions._exit_callbacks)
            functions._exit_callbacks.clear()
        done: AsyncExitStack = left
        return done

    async def __aenter__(self) -> None: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        left = self._left()
        return left is not None and bool(await left.__aexit__(kind, raised, trace))

    def __enter__(self) -> None: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """In a worker thread. The stacks are the event loop's."""
        left = self._left()
        if left is None:
            return False
        loop = self.around.exchange.runtime.loop
        leaving = asyncio.run_coroutine_threadsafe(left.__aexit__(kind, raised, trace), loop)
        return bool(leaving.result())


class Rest:
    """The rest of a request whose plan is over, for the app's own stack: it runs where FastAPI's
    request handler does. make: the answer; raised: what the plan has raised instead."""

    __slots__ = ("around", "make", "raised")

    def __init__(
        self,
        around: Around,
        *,
        make: Callable[[], Any] | None = None,
        raised: BaseException | None = None,
    ) -> None:
        self.around = around
        self.make = make
        self.raised = raised

    async def run(self, request: Request) -> Any:
        """The answer; what is on the stacks is left when those of the request are."""
        around, scope = self.around, request.scope
        await scope[MIDDLEWARE_STACK].enter_async_context(around.middleware)
        await scope[REQUEST_STACK].enter_async_context(around.requests)
        await scope[FUNCTION_STACK].enter_async_context(around.functions)
        return self._answer()

    async def complete(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The same where the app's stack has waited for the plan."""
        around = self.around
        async with around.requests:
            async with around.functions:
                response = self._answer()
            await response(scope, receive, send)

    def _answer(self) -> Any:
        if self.raised is not None:
            raise self.raised
        assert self.make is not None
        return self.make()
