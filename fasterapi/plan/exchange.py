"""What handlers with an Exchange need around it: a Request, and the ends of long answers.

The core's ``Exchange`` is one request of a compiled route. A generated function (see
`fasterapi.plan.tree`) writes and sends its answer through it, and goes on with what FastAPI does
afterwards. An answer that only its own ``__call__`` can send (a stream, a file, one with background
tasks) is sent inside the app's own middleware stack, while the function waits.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Generator
from typing import Any
from weakref import ref

from fastapi import params
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import RouteContext
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from fasterapi._fastapi import FastAPI
from fasterapi.plan.around import Around, Rest, around_of
from fasterapi.plan.hooks import DefaultAnswers
from fasterapi.stream import Message, Receive, Scope, Send

__all__ = [
    "Delivery",
    "Door",
    "Found",
    "Runtime",
    "StreamCall",
    "ended",
    "new_request",
    "reads_form",
    "run_steps",
]


class Runtime:
    """The server's side: one for each server, given to the core as ``runtime``.

    complete: adds to a scope what is the same for all requests. outcome_app: the app's middleware
    stack with a compiled handler's outcome at its inner end. raised: takes what nobody answered.
    """

    def __init__(
        self,
        app: FastAPI,
        loop: asyncio.AbstractEventLoop,
        outcome_app: Any,
        complete: Callable[[dict[str, Any]], Scope],
        raised: Callable[[BaseException, Scope], None],
    ) -> None:
        self.app = app
        self.loop = loop
        self.outcome_app = outcome_app
        self.complete = complete
        self.raised = raised
        #: The answer of the core's own to an exception, None if the app's stack makes it.
        self.answers = DefaultAnswers(app)
        self.tasks: set[asyncio.Task[None]] = set()

    def begun(self, exchange: Any) -> None:
        """A plan that may go on after its answer has begun. For those who wait for its end."""

    def over(self, exchange: Any) -> None:
        """It is at its end. Any thread, as `begun`."""

    def deliver(self, exchange: Any) -> Delivery:
        """Bring the app's stack for an answer that is sent piece by piece. The loop's thread."""
        return Delivery(exchange)

    def too_late(self, scope: dict[str, Any], around: Any, exc: BaseException | None) -> None:
        """Let the app's stack see what came after the answer: an exception, or only what was put on
        the outermost exit stack of `around`. Any thread."""
        self.loop.call_soon_threadsafe(self._start, scope, around, exc)

    def _start(self, scope: dict[str, Any], around: Any, exc: BaseException | None) -> None:
        task = self.loop.create_task(self._show(scope, around, exc))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _show(self, scope: dict[str, Any], around: Any, exc: BaseException | None) -> None:
        value: Any = _Sent(exc)
        if around is not None:
            scope["fasterapi.around"] = around
            value = Rest(around, make=lambda: _Sent(exc))
        scope["fasterapi.outcome"] = (False, value)
        try:
            await self.outcome_app(self.complete(scope), _no_receive, _no_send)
        except BaseException as raised:
            self.raised(raised, scope)


class _Sent:
    """Stands for an answer that was sent, and after which something was raised."""

    def __init__(self, exc: BaseException | None) -> None:
        self.exc = exc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if self.exc is not None:
            raise self.exc


async def _no_receive() -> Message:
    return {"type": "http.disconnect"}


async def _no_send(message: Message) -> None:
    """The client has its answer already."""


# -- requests --------------------------------------------------------------------------------------


def reads_form(context: RouteContext) -> bool:
    """Whether FastAPI reads a form before it calls the endpoint."""
    body = context.body_field
    return body is not None and isinstance(body.field_info, params.Form)


class Found:
    """What FastAPI's router adds to the scope of one route. Read-only; any thread.

    fastapi: what it adds to ``scope["fastapi"]``, None if it does not make that.
    """

    def __init__(self, context: RouteContext, fastapi: dict[str, Any] | None = None) -> None:
        self.regex = context.path_regex
        self.convertors = context.param_convertors
        self.route = context.original_route
        self.endpoint = context.endpoint
        self.fastapi = fastapi
        self.reads_form = reads_form(context)

    def add(self, scope: Scope) -> None:
        found = self.regex.match(scope["path"].removeprefix(scope["root_path"]))
        scope["path_params"] = {
            name: self.convertors[name].convert(value)
            for name, value in ({} if found is None else found.groupdict()).items()
        }
        scope["route"] = self.route
        scope["endpoint"] = self.endpoint
        if self.fastapi is not None:
            scope["fastapi"] = self.fastapi.copy()


def new_request(
    exchange: Any, found: Found, form: FormData | None = None
) -> tuple[Request, Around]:
    """The Request that FastAPI would give to the functions of this route, and what it has around
    it. form: has been read."""
    scope = exchange.scope()
    runtime: Runtime = exchange.runtime
    runtime.complete(scope)
    app = runtime.app
    scope["app"] = app
    scope["starlette.exception_handlers"] = runtime.outcome_app.handlers()
    scope["router"] = app.router
    found.add(scope)
    receiver = Receiver(exchange)
    around = Around(exchange, scope, receiver, found.reads_form)
    exchange.around = ref(around)  # no cycle
    request = Request(scope, receiver, around.send)
    if form is not None:
        receiver.read = True
        request._form = form
        request._stream_consumed = True
    return request, around


class Receiver:
    """``receive`` of a compiled request: its whole body at once, then the client's leaving."""

    __slots__ = ("__weakref__", "exchange", "followed", "over", "read", "waiters")

    def __init__(self, exchange: Any) -> None:
        self.exchange = exchange
        self.read = False
        self.over = False
        self.followed: Receive | None = None
        self.waiters: set[asyncio.Future[None]] | None = None

    def follow(self, receive: Receive) -> None:
        """The app's machinery has the request now: ask there."""
        self.followed = receive
        self._wake()

    def end(self) -> None:
        """The client has gone, or the request is over. Loop thread, as all here."""
        self.over = True
        self._wake()

    def _wake(self) -> None:
        for waiter in self.waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    async def _news(self) -> None:
        """Wait until the request is over, or is passed on to the app's machinery."""
        exchange = self.exchange
        if self.waiters is None:
            self.waiters = set()
            if not (exchange.handed_over or exchange.watch(_Watch(self))):
                return
        waiter: asyncio.Future[None] = exchange.runtime.loop.create_future()
        self.waiters.add(waiter)
        try:
            await waiter
        finally:
            self.waiters.discard(waiter)

    async def __call__(self) -> Message:
        exchange = self.exchange
        if not self.read and not exchange.done:
            self.read = True
            return {"type": "http.request", "body": exchange.body(), "more_body": False}
        while self.followed is None:
            if self.over or (exchange.client_gone and not exchange.handed_over):
                return {"type": "http.disconnect"}
            await self._news()
        while True:
            message = await self.followed()
            if message["type"] != "http.request" or not self.read:
                self.read = True
                return message


class _Watch:
    """Held by the core alone, until the client has gone or the request is over. Any thread."""

    __slots__ = ("receiver",)

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver

    def __del__(self) -> None:
        receiver = self.receiver
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            receiver.exchange.runtime.loop.call_soon_threadsafe(receiver.end)


# -- endpoints that stream -------------------------------------------------------------------------


class StreamCall:
    """A request whose inputs are extracted and valid; nothing of the user's has run.

    `OutcomeApp` runs it in the app's middleware stack, where FastAPI's exit stacks and exception
    handlers stand around the calls, the stream and what comes after it, in one task.
    """

    __slots__ = ("arguments", "found", "steps")

    def __init__(
        self, steps: Callable[..., Awaitable[Response]], found: Found, *arguments: Any
    ) -> None:
        self.steps = steps
        self.found = found
        self.arguments = arguments

    def run(self, request: Request) -> Awaitable[Response]:
        """Call the dependencies and the endpoint; the response that streams."""
        return self.steps(request, *self.arguments)


# -- answers that send themselves ------------------------------------------------------------------


class Door:
    """Stands for an answer in the app's middleware stack, until the plan's own task sends it.

    The core holds the only reference: if it has to drop that before the stack is reached, the plan
    is told.
    """

    def __init__(self, delivery: Delivery) -> None:
        self.delivery: Delivery | None = delivery

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        delivery, self.delivery = self.delivery, None  # no cycle: `send` knows of this door
        assert delivery is not None
        around, delivery.around = delivery.around, None
        if around is not None:
            await around.take_place(scope)
        delivery.open((scope, receive, send))
        rest = await delivery.end
        if rest is not None:
            await rest.complete(scope, receive, send)

    def __del__(self) -> None:
        delivery = self.delivery
        if delivery is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                delivery.loop.call_soon_threadsafe(delivery.open, None)


class Delivery:
    """An answer that an ``async def`` plan sends from its own task, in its own context.

    Made when the answer is ready: the request then goes to the app's middleware stack, which
    stands still around it until `ended`. Loop thread only.
    """

    def __init__(self, exchange: Any) -> None:
        self.runtime: Runtime = exchange.runtime
        self.around: Around | None = around_of(exchange)
        #: What the Request of the app's stack has as its ``send``.
        self.request_send: Send = _no_send
        self.loop: asyncio.AbstractEventLoop = exchange.runtime.loop
        self.scope: Scope = exchange.runtime.complete(exchange.scope())
        self.opened: asyncio.Future[tuple[Scope, Receive, Send] | None] = self.loop.create_future()
        self.end: asyncio.Future[Rest | None] = self.loop.create_future()
        exchange.hand_over(Door(self))

    @classmethod
    def of(cls, exchange: Any) -> Delivery:
        """The one that has begun, or a new one."""
        around = around_of(exchange)
        return (around and around.delivery) or cls(exchange)

    def finish(self, rest: Rest) -> None:
        """The plan is over: the stack goes on, with what is left to do. Any thread."""
        self.loop.call_soon_threadsafe(self.end_with, rest, None)

    def end_with(self, rest: Rest | None, raised: BaseException | None) -> None:
        """As `finish`, at once. The loop's thread."""
        if self.end.done():
            return
        if raised is None:
            self.end.set_result(rest)
        else:
            self.end.set_exception(raised)

    def open(self, ends: tuple[Scope, Receive, Send] | None) -> None:
        """The stack is there, or (None) there is none: memory was short."""
        if not self.opened.done():
            self.opened.set_result(ends)

    async def send(self, response: Response) -> None:
        """Send the answer itself, if need be to nobody: it may have tasks. Raises what that raises;
        `ended` must follow."""
        ends = await self.opened or (self.scope, _no_receive, _no_send)
        await self.runtime.outcome_app.sendable(response)(*ends)


def ended(exchange: Any, delivery: Delivery | None, raised: BaseException | None) -> None:
    """The plan is at its end, after its answer was sent or handed over. Any thread.

    raised: what FastAPI would let rise from here, through the app's exception handlers.
    """
    runtime: Runtime = exchange.runtime
    around = around_of(exchange)
    if around is not None:
        delivery = delivery or around.delivery
        around.loosen()
    if delivery is not None:
        delivery.end_with(None, raised)
    elif raised is not None or (around is not None and around.is_used()):
        runtime.too_late(exchange.scope(), around, raised)
    runtime.over(exchange)


class _Handing:
    """Stands for an answer that a ``def`` plan has made: the loop sends it, a thread goes on."""

    def __init__(
        self, response: Response, steps: Generator[Response, None, Any], exchange: Any
    ) -> None:
        self.response = response
        self.steps = steps
        self.exchange = exchange

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raised = None
        around = around_of(self.exchange)
        if around is not None:
            around.loosen()
            await around.take_place(scope)
        try:
            await self.exchange.runtime.outcome_app.sendable(self.response)(scope, receive, send)
        except BaseException as exc:
            raised = exc
        try:
            await run_in_threadpool(_finish_steps, self.steps, raised)
        finally:
            self.exchange.runtime.over(self.exchange)


def _finish_steps(steps: Generator[Response, None, Any], raised: BaseException | None) -> None:
    try:
        if raised is None:
            next(steps)
        else:
            steps.throw(raised)
    except StopIteration:
        pass


def run_steps(steps: Generator[Response, None, Any], exchange: Any) -> None:
    """Run a ``def`` plan, written as a generator that yields an answer it cannot send itself."""
    exchange.runtime.begun(exchange)
    try:
        response = next(steps)
    except StopIteration:
        ended(exchange, None, None)
    except BaseException as raised:
        if exchange.done:
            ended(exchange, None, raised)
            return
        exchange.runtime.over(exchange)
        around = around_of(exchange)
        if around is None or not around.fail(raised):
            raise
    else:
        exchange.hand_over(_Handing(response, steps, exchange))
