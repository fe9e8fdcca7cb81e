"""The inner end of an app's middleware stack: compiled routes in the place of the router.

Middleware that runs in Python, and other servers, call the app as ASGI apps are called. Its stack
then runs as ever; only where the router would be asked, `CompiledEnd` looks first whether a plan
takes the request. If it is not certain, the router is asked as if nothing had been.

    stack = build_stack(app)        # None: FastAPI builds its own
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import fields
from time import monotonic
from typing import Any, Final

from fastapi.routing import APIRouter, request_response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from fasterapi import _native
from fasterapi._fastapi import FastAPI
from fasterapi.plan.app import plan_app
from fasterapi.plan.body_limit import is_within
from fasterapi.plan.files import BY_PATH, call_with_offer
from fasterapi.plan.fingerprint import check_internals
from fasterapi.plan.inner_end import InnerEnd
from fasterapi.plan.inner_tree import FUNCTION_STACK, REQUEST_STACK
from fasterapi.plan.spec import PlanSpec
from fasterapi.stream import Message, Receive, Scope, Send

__all__ = ["CompiledEnd", "build_stack"]


#: Seconds between two looks at whether the app has changed; a look takes some 20 us.
RECHECK: Final = 0.002
#: Seconds from one plan to the next of an app that keeps changing; its router answers meanwhile.
REPLAN_INTERVAL: Final = 0.2
#: An app may be mounted at many places, or at one with parameters: that many root paths have plans.
MAX_ROOT_PATHS: Final = 8
#: What a plan may have to be run here; one with any other field set is for the router.
_KNOWN_FIELDS: Final = frozenset(
    "handler is_async can_suspend params body response status_code inline exchange max_body".split()
)
#: What only the core's server needs to know of a plan that has another one for here.
_SERVER_FIELDS: Final = _KNOWN_FIELDS | {"may_decline", "stream", "inner"}
_CALL: Final = "fasterapi.inner.call"
_STARTED: Final[Message] = {"type": "http.response.start"}


def _has_only(spec: PlanSpec, known: frozenset[str]) -> bool:
    return all(one.name in known or getattr(spec, one.name) == one.default for one in fields(spec))


def _plan_for(spec: PlanSpec, app: FastAPI) -> PlanSpec | None:
    """The plan to run here for one of the app's; None if it has what this module knows not of."""
    if spec.inner is None:
        return spec if not spec.exchange and _has_only(spec, _KNOWN_FIELDS) else None
    found = spec.inner(app) if _has_only(spec, _SERVER_FIELDS) else None
    return found if found is not None and _has_only(found, _KNOWN_FIELDS) else None


def _take_nothing(_scope: Scope) -> Any:
    return None


def _always() -> bool:
    return True


class _Plans:
    """The app's plans for requests that come with one root path: its own, or a mount's."""

    def __init__(self, root_path: str) -> None:
        self.root_path = root_path
        self.plan: Any = None
        self.begin: Callable[[Scope], Any] = _take_nothing
        self.check_at = 0.0
        self.is_current: Callable[[], bool] = _always
        self.replan_at = 0.0


class CompiledEnd(InnerEnd):
    """ASGI app that answers what the app's plans take and asks `router` for all else."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(app)
        self._plans: dict[str, _Plans] = {}
        self._planning = threading.Lock()

    # -- which plans ---------------------------------------------------------------------------

    def _plans_for(self, root_path: str) -> _Plans | None:
        """Those for a root path that is new here; None if there have been too many."""
        with self._planning:
            if root_path not in self._plans and len(self._plans) < MAX_ROOT_PATHS:
                self._plans[root_path] = _Plans(root_path)
            return self._plans.get(root_path)

    def _check(self, plans: _Plans) -> None:
        """Plan again if the app is not as it was. Any thread; the first one does it."""
        if not self._planning.acquire(blocking=False):
            return
        try:
            plan, app = plans.plan, self._owner
            if plan is None or not (self.is_end_of(app) and plan.is_current(app)):
                plans.begin, plans.is_current = _take_nothing, _always
                if monotonic() < plans.replan_at:
                    plans.check_at = plans.replan_at
                    return
                self._replan(plans)
                plans.replan_at = monotonic() + REPLAN_INTERVAL
            plans.check_at = monotonic() + RECHECK
        finally:
            self._planning.release()

    def _replan(self, plans: _Plans) -> None:
        try:
            app, root_path = self._owner, plans.root_path
            plans.plan = plan = plan_app(app, root_path=root_path)
            plans.is_current = plan.watch.core_watch(_native.core).is_current
            if plan.inner and self.is_end_of(app):
                entries = plan.inner_entries(_native.core, app, _plan_for)
                table = _native.core.AsgiTable(entries, self.router, Response, root_path)
                plans.begin = table.begin
        except Exception:  # a route that FastAPI cannot build either: it says so itself
            plans.plan = None

    def _begin(self, scope: Scope) -> Any:
        """The call of a plan that certainly takes a request, else None."""
        root_path = scope.get("root_path", "")
        if type(root_path) is not str:
            return None
        plans = self._plans.get(root_path) or self._plans_for(root_path)
        if plans is None:
            return None
        if monotonic() >= plans.check_at or not plans.is_current():
            self._check(plans)
            if not plans.is_current():  # another thread plans
                return None
        return plans.begin(scope)

    # -- requests ------------------------------------------------------------------------------

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app's lifespan, which may change the routes: the next request looks at them."""

        async def note(message: Message) -> None:
            for plans in tuple(self._plans.values()):
                plans.check_at = 0.0
            await send(message)

        await self.router(scope, receive, note)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        call = self._begin(scope)
        if scope.pop(BY_PATH, False):
            await call_with_offer(self.router, scope, receive, send)
            return
        if call is None or (
            call.max_body >= 0 and not is_within(scope, call.max_body, call.wants_body)
        ):
            await self.router(scope, receive, send)
            return
        body = None
        if call.wants_body:
            messages, error = await _read_body(receive, call.max_body)
            if error is None:
                body = _body_of(messages)
            if body is None or not call.take_body(body) or self._owner.dependency_overrides:
                await self.router(scope, _Replay(messages, error, receive), send)
                return
        elif self._owner.dependency_overrides:
            await self.router(scope, receive, send)
            return
        if call.wants_request:
            scope[_CALL] = (call, body)
            await _RUN(scope, receive, send)
        else:
            await _answer(call, body, scope, receive, send)


# -- plans that work on a Request or have exits ----------------------------------------------------


def _put_body(request: Request, body: bytes | None) -> None:
    """Let a request have its body as if it had read it itself, as FastAPI's does by now."""
    if body is not None:
        request._body = body
        request._stream_consumed = True


async def _run(request: Request) -> Any:
    """Call a plan, in the place of FastAPI's request handler."""
    call, body = request.scope.pop(_CALL)
    _put_body(request, body)
    call.request = request
    answer = await call() if call.is_async else await run_in_threadpool(call)
    return _Messages(answer) if type(answer) is tuple else answer


#: Around it FastAPI's own: the Request, exit stacks, exception handlers, the sending of the answer.
_RUN: Final = request_response(_run)


# -- all others ------------------------------------------------------------------------------------


async def _answer(
    call: Any, body: bytes | None, scope: Scope, receive: Receive, send: Send
) -> None:
    """Call the handler and send what it returns."""
    scope[REQUEST_STACK] = request_stack = AsyncExitStack()
    scope[FUNCTION_STACK] = function_stack = AsyncExitStack()
    answer: Any = None
    started = False
    failure: Exception | None = None
    try:
        if call.is_async:
            answer = call.respond(await call())
        elif call.is_inline:
            answer = call.run()
        else:
            answer = await run_in_threadpool(call.run)
        if type(answer) is tuple and not (_is_used(function_stack) or _is_used(request_stack)):
            start, rest = answer
            started = True
            await send(start)
            await send(rest)
            return
    except Exception as exc:
        failure = exc
    try:
        if failure is None:
            outcome = _Outcome(_Messages(answer) if type(answer) is tuple else answer)
        elif started:
            outcome, send = _Outcome(_Broken(failure)), _after_start(send)
        else:
            outcome = _Outcome(None, failure)
        outcome.body = body
        outcome.stacks = (request_stack, function_stack)
        scope[_OUTCOME] = outcome
        await _FINISH(scope, receive, send)
    finally:
        del failure, outcome  # the exception knows this frame


# -- what is not an answer of two messages ---------------------------------------------------------


class _Outcome:
    """What became of a call, for FastAPI's own code to finish."""

    __slots__ = ("body", "failure", "response", "stacks")

    def __init__(self, response: Any, failure: Exception | None = None) -> None:
        self.response = response
        self.failure = failure
        self.body: bytes | None
        self.stacks: tuple[AsyncExitStack, AsyncExitStack]


async def _finish(request: Request) -> Response:
    """The end of a request whose handler has run, in the place of FastAPI's request handler."""
    scope = request.scope
    outcome: _Outcome = scope.pop(_OUTCOME)
    _put_body(request, outcome.body)
    for name, stack in zip(_STACKS, outcome.stacks, strict=True):
        if _is_used(stack):
            await scope[name].enter_async_context(stack)
    if outcome.failure is not None:
        raise outcome.failure
    response: Response = outcome.response
    return response


_OUTCOME: Final = "fasterapi.inner.outcome"
_STACKS: Final = (REQUEST_STACK, FUNCTION_STACK)
#: Exception handlers, exit stacks, a `Response` that sends itself: all as FastAPI does it.
_FINISH: Final = request_response(_finish)


def _is_used(stack: AsyncExitStack) -> bool:
    """Whether somebody has found the stack in the scope and put something on it."""
    return bool(getattr(stack, "_exit_callbacks", True))


class _Messages:
    """Two messages as a response."""

    def __init__(self, messages: tuple[Message, Message]) -> None:
        self._messages = messages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for message in self._messages:
            await send(message)


class _Broken:
    """A response that fails after it has been started."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(_STARTED)
        raise self._failure


def _after_start(send: Send) -> Send:
    """`send` for an answer that has been started already: it is not started again."""

    async def send_rest(message: Message) -> None:
        if message is not _STARTED:
            await send(message)

    return send_rest


# -- the body --------------------------------------------------------------------------------------


async def _read_body(receive: Receive, limit: int) -> tuple[list[Message], Exception | None]:
    """(messages, None) of a complete body, or what came instead: then FastAPI has to see it. limit:
    of the body's bytes, FastAPI has to see more; negative: none."""
    messages: list[Message] = []
    total = 0
    try:
        while True:
            message = await receive()
            messages.append(message)
            if message["type"] != "http.request":
                return messages, _UnfinishedError()
            total += len(message.get("body", b""))
            if 0 <= limit < total:
                return messages, _UnfinishedError()
            if not message.get("more_body", False):
                return messages, None
    except Exception as exc:
        return messages, exc


class _UnfinishedError(Exception):
    """The last message shows why; it is replayed, this is not raised."""


def _body_of(messages: list[Message]) -> bytes:
    if len(messages) == 1:
        body = messages[0].get("body", b"")
        if type(body) is bytes:
            return body
    return b"".join([message.get("body", b"") for message in messages])


class _Replay:
    """A `receive` that begins anew."""

    def __init__(self, messages: list[Message], error: Exception | None, receive: Receive) -> None:
        self._messages = messages[::-1]
        self._error = None if isinstance(error, _UnfinishedError) else error
        self._receive = receive

    async def __call__(self) -> Message:
        if self._messages:
            return self._messages.pop()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return await self._receive()


# -- the stack -------------------------------------------------------------------------------------


class _AppWithEnd:
    """The app as `FastAPI.build_middleware_stack` sees it: with another router."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.router = CompiledEnd(app)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)


def build_stack(app: FastAPI) -> Any:
    """The app's middleware stack with a `CompiledEnd`. Any thread.

    None if FastAPI should build its own: its internals are not the tested ones, or something else
    stands in the router's place.
    """
    if not isinstance(app.router, APIRouter) or check_internals():
        return None
    return FastAPI.build_middleware_stack(_AppWithEnd(app))  # type: ignore[arg-type]
