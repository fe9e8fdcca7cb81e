"""What each route of an app costs: `fasterapi explain --cost`.

Sends a made-up request for each route through the core, in this process and without sockets, and
says how long it takes, how long it takes FastAPI's own code on the same server, and where the time
of a compiled route goes. Only what was measured is reported; a route that cannot be measured says
why. Handlers really run, so methods that may change things are left out unless asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from fastapi import Response

from fasterapi import _native
from fasterapi._fastapi import FastAPI
from fasterapi.bench import SPIN_US, request_bytes
from fasterapi.log import StartupError
from fasterapi.loops import loop_factory
from fasterapi.plan import AppPlan, PlanSpec, failure, plan_app, reason
from fasterapi.server import Server, Settings

if TYPE_CHECKING:
    from fasterapi.plan.sample import Sample

__all__ = ["SAFE_METHODS", "Cost", "measure_costs"]

#: Methods that ask for something and change nothing (RFC 9110, 9.2.1).
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
#: The best of so many rounds counts: whatever else the machine does only ever adds time.
ROUNDS: Final = 5
#: What a compiled request's time is divided into, in the order in which it happens.
PARTS: Final = ("server", "queue", "extract", "handler", "build")
TIMEOUT: Final = 10.0


@dataclass(slots=True)
class Cost:
    """One route. Times are microseconds for one request at a time; problem: why there are none.

    us: as the server answers it; fastapi_us: by FastAPI's own code on the same server. parts, for a
    compiled route: "server" (parse, route, write), "queue" (the hop to the Python thread and back),
    "extract" (parameters, call), "handler" (dependencies and endpoint), "build" (validate and
    serialise the answer). A part that cannot be told apart is missing and counted in "server".
    """

    path: str
    method: str
    tier: str
    problem: str = ""
    status: int = 0
    us: float = 0.0
    fastapi_us: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON; a route that was not measured has no times."""
        head: dict[str, Any] = {"path": self.path, "method": self.method, "tier": self.tier}
        if self.problem:
            return {**head, "problem": self.problem}
        return {
            **head,
            "status": self.status,
            "us": round(self.us, 2),
            "fastapi_us": round(self.fastapi_us, 2),
            "parts": {name: round(value, 2) for name, value in self.parts.items()},
        }


@dataclass(frozen=True, slots=True)
class _Run:
    """A round of one request: mean time, time on executor threads, wait in the queue [us]."""

    us: float
    task_us: float
    queue_us: float
    status: int
    different: int


def measure_costs(
    app: FastAPI,
    wanted: Callable[[str, str], bool] = lambda path, method: method in SAFE_METHODS,
    *,
    count: int = 500,
) -> list[Cost]:
    """Measure the path operations of an app, in FastAPI's order. Blocks; main thread.

    wanted(path, method): whether a route may be called. count: requests in each round. The app's
    lifespan is run twice. Raises StartupError without the core or if the app cannot start.
    """
    if _native.core is None:
        raise StartupError(f"this needs the C core: {_native.why_no_core}")
    with asyncio.Runner(loop_factory=loop_factory("auto")) as runner:
        return runner.run(_measure(app, wanted, count))


async def _measure(app: FastAPI, wanted: Callable[[str, str], bool], count: int) -> list[Cost]:
    plan = plan_app(app)
    tiers = {
        (one.path, method): one.tier for one in reversed(plan.verdicts) for method in one.methods
    }
    pairs: list[tuple[Cost, Sample]] = []
    for sample in _samples(app):
        cost = Cost(sample.path, sample.method, tiers.get((sample.path, sample.method), "fastapi"))
        cost.problem = sample.problem
        if not wanted(sample.path, sample.method):
            cost.problem = f"{sample.method} may change something; name the route to call it"
        pairs.append((cost, sample))
    async with _driven(app) as server:
        for cost, sample in _open(pairs):
            run = await _whole(server, cost, sample, count)
            if run is not None and cost.tier == "compiled":
                await _divide(server, plan, cost, sample, run, count)
    async with _driven(_as_asgi(app)) as server:
        for cost, sample in _open(pairs):
            cost.fastapi_us = (await _run(server, sample, count)).us
    return [cost for cost, _ in pairs]


def _samples(app: FastAPI) -> list[Sample]:
    """Raises StartupError where FastAPI is not one that requests can be made up for."""
    why = failure
    try:
        from fasterapi.plan.sample import sample_requests
    except Exception as exc:
        why = why or reason("internals", what=f"{type(exc).__name__}: {exc}")
    if why is not None:
        raise StartupError(f"no request can be made up: {why.text}")
    return sample_requests(app)


def _open(pairs: Iterable[tuple[Cost, Sample]]) -> list[tuple[Cost, Sample]]:
    return [pair for pair in pairs if not pair[0].problem]


def _as_asgi(app: FastAPI) -> Callable[..., Awaitable[None]]:
    """The app as something the server cannot look into, so that it compiles nothing of it."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return call


@asynccontextmanager
async def _driven(app: Any) -> AsyncIterator[Server]:
    """A server without a port, fed from memory; both sides spin as in `bench`."""
    options = {"spin_us": SPIN_US, "adaptive_pools": False, "access_log": False}
    started = asyncio.Event()
    settings = Settings(log_level="warning", driven=True, options=options)
    server = Server(app, settings, on_started=lambda _: started.set())
    serving = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
    if not started.is_set():
        waiting.cancel()
        await serving  # raises what kept it from starting
    try:
        yield server
    finally:
        server.stop()
        await serving


# -- one route -------------------------------------------------------------------------------------


async def _whole(server: Server, cost: Cost, sample: Sample, count: int) -> _Run | None:
    """Fill in the time of a route, or why it has none; its best round in the first case."""
    try:
        run = await _run(server, sample, count)
    except (ConnectionError, TimeoutError) as exc:
        cost.problem = f"no answer: {exc}"
        return None
    if run.status >= 400:
        needs = "more than made-up parameters" if run.status in (401, 403, 404, 422) else "help"
        cost.problem = f"answers {run.status}: it needs {needs}"
    elif run.different:
        cost.problem = f"not every answer is {run.status}"
    cost.status, cost.us = run.status, run.us
    return None if cost.problem else run


def _request(sample: Sample) -> bytes:
    return request_bytes(sample.method, sample.target, list(sample.headers), sample.body)


async def _run(server: Server, sample: Sample, count: int) -> _Run:
    request = _request(sample)

    def rounds() -> _Run:
        load = server.core_server.load
        load(request, max(count // 5, 1), 1, TIMEOUT)
        return min((_round(server, request, count) for _ in range(ROUNDS)), key=lambda run: run.us)

    return await asyncio.to_thread(rounds)


def _round(server: Server, request: bytes, count: int) -> _Run:
    before = _executor_times(server)
    _, took_ns, different, answer = server.core_server.load(request, count, 1, TIMEOUT)
    task, waited, waits = (
        new - old for new, old in zip(_executor_times(server), before, strict=True)
    )
    return _Run(
        us=took_ns / count / 1000,
        task_us=task / count * 1e6,
        queue_us=waited / waits * 1e6 if waits else 0.0,
        status=int(answer[9:12]),
        different=different,
    )


def _executor_times(server: Server) -> tuple[float, float, int]:
    """(seconds on tasks, seconds of waits in the queues, number of waits looked at), so far."""
    executor = server.stats()["executor"]
    lanes = executor["loop"], executor["workers"]
    return (
        float(executor["total_task_time"]),
        float(sum(lane["queue_wait"] for lane in lanes)),
        int(sum(lane["queue_waits"] for lane in lanes)),
    )


# -- where the time goes ---------------------------------------------------------------------------


class _Watch:
    """Stands in for a plan's handler, and times it."""

    def __init__(self, spec: PlanSpec) -> None:
        self.calls = 0
        self.ns = 0
        self.value: Any = NotImplemented
        self.handler = self._wrap_async(spec.handler) if spec.is_async else self._wrap(spec.handler)

    def _wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def handler(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter_ns()
            value = call(*args, **kwargs)
            self._note(start, value)
            return value

        return handler

    def _wrap_async(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def handler(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter_ns()
            value = await call(*args, **kwargs)
            self._note(start, value)
            return value

        return handler

    def _note(self, start: int, value: Any) -> None:
        self.ns += time.perf_counter_ns() - start
        self.calls += 1
        self.value = value


async def _divide(
    server: Server, plan: AppPlan, cost: Cost, sample: Sample, run: _Run, count: int
) -> None:
    """Split the time of a compiled route into PARTS."""
    place = next(
        (
            number
            for number, entry in enumerate(plan.entries)
            if entry.path == cost.path and cost.method in entry.methods and entry.spec is not None
        ),
        None,
    )
    if place is None:
        return
    entry = plan.entries[place]
    spec = entry.spec
    assert spec is not None
    watch = _Watch(spec)
    entries = list(plan.entries)
    entries[place] = replace(entry, spec=replace(spec, handler=watch.handler))
    server.core_server.set_routes(replace(plan, entries=entries).core_entries(_native.core), None)
    handler = float("inf")
    for _ in range(ROUNDS):
        watch.calls = watch.ns = 0
        await asyncio.to_thread(_round, server, _request(sample), count)
        if watch.calls:
            handler = min(handler, watch.ns / watch.calls / 1000)
    server.core_server.set_routes(plan.core_entries(_native.core), None)
    if handler == float("inf"):
        return
    build = _build_us(spec, watch.value)
    parts = {"queue": run.queue_us, "handler": handler}
    if build is not None:
        parts["build"] = build
    if not spec.can_suspend and build is not None and run.task_us > handler + build:
        parts["extract"] = run.task_us - handler - build
    parts["server"] = max(cost.us - sum(parts.values()), 0.0)
    cost.parts = {name: parts[name] for name in PARTS if name in parts}


def _build_us(spec: PlanSpec, value: Any) -> float | None:
    """How long it takes to make the answer's body from what the handler returned; None: unknown."""
    response = spec.response
    if spec.exchange or value is NotImplemented or isinstance(value, Response):
        return None
    try:
        if response is not None:

            def build() -> None:
                checked = response.validate_python(value, from_attributes=True)
                response.to_json(checked, **response.kwargs)
        else:

            def build() -> None:
                _native.core.json_bytes(value)

        build()
    except Exception:  # a value that takes another way
        return None
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        for _ in range(100):
            build()
        best = min(best, (time.perf_counter_ns() - start) / 100_000)
    return best
