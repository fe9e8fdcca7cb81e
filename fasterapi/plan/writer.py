"""Writes the function that answers a route with dependencies; `fasterapi.plan.tree` says how."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Final

from fastapi.dependencies.models import (
    Dependant,
    _get_cache_key,
    _get_computed_scope,
    _get_oauth_scopes,
    _is_async_gen_callable,
    _is_coroutine_callable,
)

from fasterapi.plan.dependants import asks_for_request, flat_dependants, is_generator
from fasterapi.plan.endpoint import (
    can_suspend,
    generator_can_suspend,
    is_inline,
    is_plain_generator,
)
from fasterapi.plan.exchange import Found
from fasterapi.plan.finish import Finish
from fasterapi.plan.function import GeneratedFunction
from fasterapi.plan.leaf import is_leaf, remembers
from fasterapi.plan.params import plan_params
from fasterapi.plan.reasons import Reason, reason
from fasterapi.plan.scheme import scheme_step
from fasterapi.plan.spec import ParamSpec
from fasterapi.plan.streaming import StreamAnswer

__all__ = ["Writer"]

#: Python's compiler takes no more blocks inside each other.
_MAX_GENERATORS: Final = 15


class Writer(GeneratedFunction):
    """Writes the function of one route. See `make_tree` for the arguments."""

    def __init__(
        self,
        dependant: Dependant,
        convertors: Mapping[str, str],
        bodies: Mapping[int, int] | None,
        keep_form: bool,
        finish: Finish,
        always_finish: bool,
        provider: Any,
        found: Found,
        stream: StreamAnswer | None,
        split_at: int | None = None,
    ) -> None:
        super().__init__(
            {
                "finish": finish,
                "provider": provider,
                "found": found,
                "stream": stream.make if stream is not None else None,
            }
        )
        self.root = dependant
        self.convertors = convertors
        self.bodies = bodies
        self.keep_form = keep_form
        self.always_finish = always_finish
        self.provider = provider
        self.stream = stream
        self.nodes = flat_dependants(dependant)
        # A scheme of FastAPI's own is run on the one value it looks at.
        self.schemes = {
            id(node): step
            for node in self.nodes[:-1]
            if (step := scheme_step(node.call)) is not None
        }
        others = [node for node in self.nodes if id(node) not in self.schemes]
        self.is_async = stream is not None or any(
            _is_coroutine_callable(node.call) or _is_async_gen_callable(node.call)
            for node in others
        )
        self.generators = sum(is_generator(node) for node in others[:-1])
        self.async_generators = sum(_is_async_gen_callable(node.call) for node in others[:-1])
        self.has_response = any(node.response_param_name for node in others)
        self.has_background = any(node.background_tasks_param_name for node in others)
        self.has_request = any(map(asks_for_request, others))
        #: The Request is ours, with FastAPI's stacks in its scope, see `fasterapi.plan.around`.
        self.has_around = self.has_request and stream is None
        self.has_body = any(node.body_params for node in self.nodes)
        self.has_exits = self.generators > 0 or keep_form
        self.exchange = self.has_exits or self.has_request or stream is not None
        self.may_decline = bool(dependant.dependencies) and provider is not None
        #: Generators go onto FastAPI's exit stacks, which somebody else closes.
        self.on_stacks = stream is not None
        #: Where the steps run that are written now: on the loop, or in one thread.
        self.on_loop = self.is_async
        #: The step that begins the tail, see `split_point`. head: the lines before it.
        self.split_at = split_at
        self.head: list[str] = []
        self.head_variables = 0
        #: One letter for each step so far: (a)sync, (d)ef in a thread, (g)enerator, (i)n place.
        self.steps = ""
        self.can_suspend = False
        self.inline = is_inline(dependant.call) if dependant.call is not None else False
        self.params: list[ParamSpec] = []
        self.reasons: list[Reason] = []
        self.function_depth: int | None = None
        self.cache: dict[Any, str] = {}

    # -- pieces ----------------------------------------------------------------------------------

    def param(self, spec: ParamSpec) -> str:
        keyword = f"p{len(self.params)}"
        self.params.append(replace(spec, keyword=keyword))
        return keyword

    def begin_step(self, kind: str) -> None:
        """A call is about to be written."""
        if self.split_at == len(self.steps):
            self.can_suspend = self.can_suspend or not self.exchange  # then it awaits its tail
            self.head, self.lines = self.lines, []
            self.head_variables = self.variables - 1  # the last one is of this step
            self.on_loop = False
            self.depth = 1
            if self.generators:
                self.line("sent = False")
                self.enter_block("around.block(False, False)")
            else:
                self.open_guard()
        self.steps += kind

    def split_point(self) -> int | None:
        """The step from which on all are `def`, if it saves hops to run them in one thread.

        A generator must not be open before it: its exit would be on the other side. So would be
        the end of a form that is kept open.
        """
        if self.stream is not None or self.keep_form:
            return None
        tail = self.steps.rpartition("a")[2]
        head = self.steps[: len(self.steps) - len(tail)]
        hops = tail.count("d") + 2 * tail.count("g")
        if not head or "g" in head or self.async_generators or hops < 2:
            return None
        return len(head) + next(at for at, kind in enumerate(tail) if kind in "dg")

    # -- the arguments of one function -----------------------------------------------------------

    def arguments(self, dependant: Dependant, solved: dict[str, str]) -> str:
        """``name=variable, ...`` for the function of a dependant, as FastAPI collects them."""
        values = dict(solved)
        params, reasons = plan_params(dependant, self.convertors, dependant.path or "")
        self.reasons += reasons
        for spec in params:
            values[spec.keyword] = self.param(spec)
        if dependant.body_params:
            values |= self.body_arguments(dependant)
        if dependant.http_connection_param_name:
            values[dependant.http_connection_param_name] = "request"
        if dependant.request_param_name:
            values[dependant.request_param_name] = "request"
        if dependant.background_tasks_param_name:
            values[dependant.background_tasks_param_name] = "background"
        if dependant.response_param_name:
            values[dependant.response_param_name] = "response_param"
        if dependant.security_scopes_param_name:
            scopes = self.name("scopes", _get_oauth_scopes(dependant=dependant))
            values[dependant.security_scopes_param_name] = f"SecurityScopes(scopes={scopes}.copy())"
        return ", ".join(f"{name}={value}" for name, value in values.items())

    def body_arguments(self, dependant: Dependant) -> dict[str, str]:
        if self.bodies is None:
            return {dependant.body_params[0].name: "body"}
        at = self.bodies[id(dependant)]
        return {field.name: f"body[{at}][{field.name!r}]" for field in dependant.body_params}

    # -- the steps -------------------------------------------------------------------------------

    def solve(self, dependant: Dependant) -> dict[str, str]:
        """Write the calls of everything below a dependant; parameter name -> variable."""
        solved: dict[str, str] = {}
        for sub in dependant.dependencies:
            if sub.concurrency is not None:
                self.reasons.append(reason("concurrency"))
            if sub.websocket_param_name is not None:
                self.reasons.append(reason("special-parameter", what="WebSocket"))
            key = _get_cache_key(dependant=sub)
            below = {} if id(sub) in self.schemes else self.solve(sub)
            variable = self.cache.get(key) if sub.use_cache else None
            if variable is None:
                variable = self.call(sub, below)
            if sub.name is not None:
                solved[sub.name] = variable
            self.cache.setdefault(key, variable)
        return solved

    def call(self, dependant: Dependant, below: dict[str, str]) -> str:
        """Write the call of one dependency; the variable that holds its result."""
        variable = self.variable()
        scheme = self.schemes.get(id(dependant))
        if scheme is not None:
            self.begin_step("i")
            spec, step = scheme
            self.line(f"{variable} = {self.name('scheme', step)}({self.param(spec)})")
            return variable
        arguments = self.arguments(dependant, below)
        if is_generator(dependant):
            self.enter(dependant, variable, arguments)
        else:
            self.line(f"{variable} = {self.value(dependant, arguments)}")
        return variable

    def value(self, dependant: Dependant, arguments: str, *, is_last: bool = False) -> str:
        """The expression that calls a plain or async function where FastAPI would run it."""
        call = dependant.call
        assert call is not None
        name = self.name("call", call)
        if _is_coroutine_callable(call):
            self.begin_step("a")
            self.can_suspend = self.can_suspend or can_suspend(call)
            return f"await {name}({arguments})"
        if is_leaf(call):
            self.begin_step("i")
            return f"{name}({arguments})"
        in_place = is_inline(call)
        self.begin_step("i" if in_place else "d")
        if is_last and not self.on_loop and not self.has_exits:
            return f"{name}({arguments})"
        self.inline = self.inline and in_place
        if not self.on_loop or in_place:
            # FastAPI's thread works in a copy of the request's context.
            return f"copied().run({name}, {arguments})"
        hop = f"await in_thread({name}, {arguments})"
        if not arguments and remembers(call):
            return f"{name}() if is_remembered({name}) else {hop}"
        self.can_suspend = True
        return hop

    def enter(self, dependant: Dependant, variable: str, arguments: str) -> None:
        """Write the first half of a generator; all that follows stands inside."""
        call = dependant.call
        assert call is not None
        scope = _get_computed_scope(dependant=dependant)
        if self.on_stacks:
            self.can_suspend = True
            stack = "fastapi_function_astack" if scope == "function" else "fastapi_inner_astack"
            node = self.name("node", dependant)
            self.line(f"{variable} = await solve_generator(")
            self.line(f"    dependant={node}, stack=request.scope[{stack!r}], request=request,")
            self.line(f"    sub_values=dict({arguments}),")
            self.line(")")
            return
        if scope == "function":
            self.begin_function()
        elif self.function_depth is not None:
            # FastAPI leaves all of the function's before any of the request's.
            self.reasons.append(reason("mixed-scopes"))
        is_function = scope == "function"
        self.begin_step("g")
        if _is_async_gen_callable(call):
            self.enter_async(call, variable, arguments)
        elif self.on_loop:
            self.can_suspend = True
            manager = self.name("manager", contextmanager(call))
            self.line(f"async with in_thread_cm({manager}({arguments})) as {variable}:")
        else:
            self.enter_def(call, variable, arguments)
        self.depth += 1
        self.enter_block(f"around.block({is_function})")

    def enter_async(self, call: Callable[..., Any], variable: str, arguments: str) -> None:
        if is_plain_generator(call, inspect.CO_ASYNC_GENERATOR):
            self.can_suspend = self.can_suspend or generator_can_suspend(call)
            self.open_async(call, variable, arguments)
            return
        self.can_suspend = True
        manager = self.name("manager", asynccontextmanager(call))
        self.line(f"async with {manager}({arguments}) as {variable}:")

    def enter_def(self, call: Callable[..., Any], variable: str, arguments: str) -> None:
        self.inline = False
        if is_plain_generator(call, inspect.CO_GENERATOR):
            self.open_def(call, variable, arguments)
            return
        manager = self.name("manager", contextmanager(call))
        self.line(f"with in_copies({manager}({arguments})) as {variable}:")

    # -- what a Request has around it, see `fasterapi.plan.around` --------------------------------

    def enter_block(self, block: str) -> None:
        """What is put on FastAPI's stacks from here on is left where this block ends."""
        if self.has_around:
            self.line(f"{'async with' if self.on_loop else 'with'} {block}:")
            self.depth += 1

    def begin_function(self) -> None:
        """All that is left before the answer is sent stands inside."""
        if self.function_depth is None:
            self.function_depth = self.depth
            self.enter_block("around.block(True, False)")

    def open_guard(self) -> None:
        if self.has_around:
            self.line("try:")
            self.depth += 1

    def guard_end(self) -> list[str]:
        if not self.has_around:
            return []
        return [
            "    except BaseException as raised:",
            "        if not around.fail(raised):",
            "            raise",
            "        return None",
        ]

    def write_guarded(self) -> None:
        """The calls without exits of the plan's own."""
        self.open_guard()
        self.write_call()
        if self.has_around:
            self.depth = 1
            self.lines += self.guard_end()
            self.line("if around.is_used():")
            self.line(f"    return around.finish(answer, finish, {self.collectors()})")
        self.write_return()

    # -- the function ----------------------------------------------------------------------------

    def write(self) -> None:
        if self.root.concurrency is not None:
            self.reasons.append(reason("concurrency"))
        if self.stream is not None:
            self.write_stream()
            return
        limit = _MAX_GENERATORS // (2 if self.has_around else 1)
        if self.generators > limit:
            self.reasons.append(reason("too-many-generators", limit=limit))
        self.write_collectors()
        if self.has_request:
            self.write_request()
        if self.has_exits:
            self.write_with_exits()
        else:
            self.write_guarded()

    def write_request(self) -> None:
        form = ", body[-1]" if self.keep_form else ""
        self.line(f"request, around = new_request(exchange, found{form})")
        if self.has_exits:
            self.line("exchange.around = around")

    def write_return(self) -> None:
        self.line("return answer")

    def write_collectors(self) -> None:
        if self.has_response:
            self.line("response_param = new_response()")
        if self.has_background:
            self.line("background = BackgroundTasks()")

    def collectors(self) -> str:
        """The ``Response`` and ``BackgroundTasks`` parameters, None where nobody asks for them."""
        response = "response_param" if self.has_response else "None"
        return f"{response}, {'background' if self.has_background else 'None'}"

    def write_stream(self) -> None:
        """As FastAPI does it: a generator is made on the loop; the answer runs it."""
        assert self.stream is not None
        if self.keep_form:
            self.line("await hold_form(request, body[-1])")
        elif self.has_request and self.has_body:
            self.line("await request.body()")
        self.write_collectors()
        arguments = self.arguments(self.root, self.solve(self.root))
        wait = "await " if self.stream.is_async else ""
        self.line(f"generator = {self.name('call', self.root.call)}({arguments})")
        self.line(f"return {wait}stream(generator, request, {self.collectors()})")

    def write_call(self) -> None:
        """All the calls, and ``answer``: what the core can send, or a Response."""
        solved = self.solve(self.root)
        arguments = self.arguments(self.root, solved)
        if self.has_around and self.has_exits:
            self.begin_function()
        self.line(f"answer = {self.value(self.root, arguments, is_last=True)}")
        finished = f"finish(answer, {self.collectors()})"
        if self.always_finish:
            self.line(f"answer = {finished}")
            return
        # NotImplemented means "not certain" to the core; as a value FastAPI cannot encode it.
        tests = ["answer is NotImplemented"]
        if self.has_response:
            tests.append("response_param.status_code is not None or response_param.headers.raw")
        if self.has_background:
            tests.append("background.tasks")
        self.line(f"if {' or '.join(tests)}:")
        self.line(f"    answer = {finished}")

    def write_with_exits(self) -> None:
        """As FastAPI does it: the answer is written, the function's exits run, it is sent, the
        request's exits run. An exception goes through all exits that are still to come."""
        on_loop = self.is_async and self.split_at is None
        if self.split_at is not None:
            self.open_guard()  # of the head
        if self.has_around:
            self.inline = False  # the stacks are left on the loop, for which a thread waits
        if on_loop:
            self.can_suspend = self.can_suspend or self.keep_form  # while an answer sends itself
            self.line("delivery = None")
        if self.split_at is None:
            self.line("sent = False")
        if on_loop:
            self.line("exchange.runtime.begun(exchange)")
            self.line("try:")
            self.depth += 1
        top = self.depth if self.split_at is None else 1
        if self.keep_form:
            self.line("with OpenForm(exchange, body[-1]):")
            self.depth += 1
        if self.split_at is None:
            self.enter_block("around.block(False, False)")
        self.write_call()
        given = f"answer, finish, {self.collectors()}"
        self.line(
            f"response = around.respond({given})"
            if self.has_around
            else "response = exchange.respond(answer)"
        )
        if self.function_depth is not None:
            self.leave(self.function_depth)
        self.line("if response is None:")
        self.line("    exchange.send()")
        self.line("else:")
        if on_loop:
            self.line("    delivery = Delivery.of(exchange)")
            self.line("    await delivery.send(response)")
        else:
            self.line("    yield response")
        self.line("sent = True")
        self.leave(top)
        self.line("if not sent:")
        self.line("    raise FastAPIError(NOT_AWAITED)")
        if on_loop:
            self.depth -= 1
            self.line("except BaseException as raised:")
            self.line("    if not exchange.done:")
            self.line("        exchange.runtime.over(exchange)")
            if self.has_around:
                self.line("        if around.fail(raised):")
                self.line("            return None")
            self.line("        raise")
            self.line("    ended(exchange, delivery, raised)")
            self.line("else:")
            self.line("    ended(exchange, delivery, None)")

    def inputs(self) -> list[str]:
        """The names of what the core extracts."""
        return [*(spec.keyword for spec in self.params), *(["body"] if self.has_body else [])]

    def given(self) -> list[str]:
        """The arguments of the function ``plan``."""
        return [*(["exchange"] if self.exchange else []), *self.inputs()]

    def awaits(self) -> bool:
        """Whether the function ``plan`` is ``async def``. For a stream it only hands over."""
        return self.is_async and self.stream is None

    def runs_inline(self) -> bool:
        """Whether the function ``plan`` may run on the loop thread although it is a ``def``."""
        return (self.inline and not self.is_async) or self.stream is not None

    def source(self) -> str:
        """The text of the function ``plan``."""
        given = ", ".join(self.given())
        declined = []
        if self.may_decline:
            declined = ["    if provider.dependency_overrides:", "        return NotImplemented"]
            if self.keep_form:
                declined.insert(1, "        close_files(body[-1])")
        if self.stream is not None:
            lines = [f"async def steps({', '.join(['request', *self.inputs()])}):", *self.lines, ""]
            lines += [f"def plan({given}):", *declined]
            passed = ", ".join(["steps", "found", *self.inputs()])
            lines.append(f"    exchange.hand_over(StreamCall({passed}))")
            return "\n".join([*lines, ""])
        kind = "async def" if self.is_async else "def"
        if self.split_at is None and (self.is_async or not self.has_exits):
            return "\n".join([f"{kind} plan({given}):", *declined, *self.lines, ""])
        handed = self.handed_to_tail(self.given())
        tail = self.call_of_tail(handed)
        lines = [f"def steps({handed}):", *self.lines, ""]
        lines += [f"{kind} plan({given}):", *declined, *self.head]
        if self.split_at is not None and self.has_around:
            return "\n".join([*lines, f"        return {tail}", *self.guard_end(), ""])
        return "\n".join([*lines, f"    return {tail}", ""])

    def call_of_tail(self, handed: str) -> str:
        """What runs ``steps``: of an async plan in a thread, the core's if it has an Exchange."""
        if not self.is_async:
            return f"run_steps(steps({handed}), exchange)"
        if self.generators:
            return f"exchange.go_on(run_steps, steps({handed}), exchange)"
        if self.exchange:
            return f"exchange.go_on(steps, {handed})"
        return f"await in_thread(steps, {handed})"

    def handed_to_tail(self, arguments: list[str]) -> str:
        """The arguments of ``steps``: those of the plan, and what its head has made."""
        made = [f"v{number + 1}" for number in range(self.head_variables)]
        if self.is_async:
            made += ["response_param"] * self.has_response + ["background"] * self.has_background
            made += ["request"] * self.has_request + ["around"] * self.has_around
        return ", ".join([*arguments, *made])
