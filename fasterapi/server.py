"""One serving process: event loop, lifespan, core, signals, and an orderly end.

`serve` and `run` are the blocking front doors for any ASGI app; `Server` is the same for programs
that have a running event loop. Without the C core, requests are served through Uvicorn.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from fasterapi import _native, live, log, nesting
from fasterapi.addresses import (
    check_address,
    listen_error,
    remove_stale_socket,
    socket_mode,
)
from fasterapi.adopt import CoreApp, adopt, compiled_app
from fasterapi.asgi import Bridge
from fasterapi.batch import BatchTask
from fasterapi.channel import Channel
from fasterapi.default_headers import add_headers, header_lines
from fasterapi.discover import Target, find_target, load_app, target_of
from fasterapi.interface import as_asgi3
from fasterapi.keywords import RunOptions, keyword_values
from fasterapi.launch import Given, keyword_settings, program_target
from fasterapi.leaving import is_of_request, run_to_end, start_guarded
from fasterapi.lifespan import Lifespan
from fasterapi.limiter import SharedLimiter, share, unshare
from fasterapi.load_limit import count_calls
from fasterapi.log import StartupError, error_logger, say
from fasterapi.loops import loop_factory
from fasterapi.pools import RequestPools
from fasterapi.process import pid_file, set_process_name
from fasterapi.proxy import trust_proxies, trusted_proxies
from fasterapi.settings import (
    Settings,
    check_settings,
    core_options,
    given_threads,
    graceful_timeout,
)
from fasterapi.signals import SignalExit, Stoppable, end_process
from fasterapi.start_line import address_text, start_line
from fasterapi.stopping import Drain, end_core, end_lifespan, end_loop
from fasterapi.threads import forget_in_children, worker_thread
from fasterapi.wear import Wear, needs_parent
from fasterapi.websocket_limits import WebSocketLimits
from fasterapi.workers import run_workers

if TYPE_CHECKING:
    from fasterapi.access_records import AccessRecords
    from fasterapi.limit_log import LimitLog
    from fasterapi.plan import AppPlan, RouteVerdict
    from fasterapi.plan.exchange import Runtime

__all__ = ["Server", "Settings", "check_settings", "run", "run_settings", "run_worker", "serve"]

#: Shortest time [s] between two looks for changed routes; FastAPI itself sees them at once.
REPLAN_INTERVAL = 0.2
#: How often [s] it is done where no request asks for it: compiled ones never do.
WATCH_INTERVAL = 1.0
#: Seconds the core's threads get to end after the drain.
STOP_TIMEOUT = 1.0


class Server(Stoppable):
    """Serves one ASGI app in this process with the C core.

    `await serve()` returns after an orderly stop (signal, or `stop()` from any thread) and raises
    StartupError if it could not start. `on_started` is called on the loop thread once requests
    are served; `port` is then the real one. Needs the core. Of a stop, see `Stoppable`.
    """

    #: What connects the core with ASGI; the test client has its own.
    bridge_class: type[Bridge] = Bridge

    def __init__(
        self,
        app: Any,
        settings: Settings | None = None,
        *,
        on_started: Callable[[Server], None] | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.on_started = on_started
        self.port = self.settings.port
        self.routes_compiled = 0
        self.routes_total = 0
        #: What of it is fast, for the start line.
        self.words = ""
        #: False after a stop that had to leave somebody behind in code of the app.
        self.clean = True
        #: It serves, or has served.
        self.started = False
        #: Listening sockets of the program's, instead of an address: descriptors that are ours.
        self.given_sockets: list[int] = []
        #: One of those would keep a program from ending.
        self._is_held_up = False
        self.take_app(app)
        self._options: dict[str, Any] = {}
        self._batch_task: BatchTask | None = None
        self._access: AccessRecords | None = None
        self._limit_log: LimitLog | None = None
        self._limiter: SharedLimiter | None = None
        self._most_threads: int | None = None
        self._wear: Wear | None = None
        self._watch_timer: asyncio.TimerHandle | None = None
        #: The event loop is somebody else's.
        self._is_guest = True

    def take_app(self, app: Any) -> None:
        """Serve this app. Before the start."""
        self.app = as_asgi3(app, self.settings.interface)
        self._compiled_app = compiled_app(app)

    # -- life ----------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve on a new event loop (uvloop if present) until told to stop. Blocks.

        After a signal that stopped it, that signal is raised again, when all of it has ended.
        """
        runner = asyncio.Runner(loop_factory=loop_factory(self.settings.loop))
        try:
            self._is_guest = False
            run_to_end(runner.get_loop(), self._serve(), self._is_held)
        except BaseException:
            runner.close()
            raise
        if not end_loop(runner):
            self.clean, self._is_held_up = False, True
        self.raise_captured(at_once=self._is_held_up)

    async def serve(self) -> None:
        """Start, serve, stop. Raises StartupError (nothing is left running then).

        After a signal that stopped it, that signal is raised again: KeyboardInterrupt for SIGINT,
        SignalExit for SIGTERM, unless the program has handlers of its own.
        """
        await self._serve()
        self.raise_captured(at_once=self._is_held_up)

    async def _serve(self) -> None:
        if _native.core is None:
            raise StartupError(f"this server needs the C core: {_native.why_no_core}")
        self._loop = asyncio.get_running_loop()
        self._options = core_options(
            self.settings.options, self._compiled_app, self.settings.defaults
        )
        self._most_threads = given_threads(self.settings.options, self._compiled_app)
        adopt(self.app)
        lifespan = Lifespan(self.app, self.settings.lifespan)
        self._channel = Channel(self.settings.control_fd)
        with self.capture_signals(), self._channel.watched(self):
            if not self.settings.driven:
                error_logger.info("Started server process [%d]", os.getpid())
            await lifespan.startup()
            try:
                self._open(lifespan.state)
            except BaseException:
                if self._batch_task is not None:
                    self._batch_task.cancel()
                unshare(self._limiter)
                self._close_logs()
                await lifespan.shutdown()
                raise
            try:
                self.started = True
                if not self.settings.driven:
                    self._announce()
                if self.on_started is not None:
                    self.on_started(self)
                if not self._asked:
                    await self._stop.wait()
            finally:
                await self._close(lifespan)

    def stats(self) -> dict[str, Any]:
        """The core's counters. Any thread; empty before start and after the end."""
        server, bridge = self.core_server, self.bridge
        if server is None or bridge is None:
            return {}
        stats: dict[str, Any] = server.stats()
        if bridge.pools is not None:
            stats["pools"].update(bridge.pools.stats())
        return stats

    def _is_held(self, exc: BaseException) -> bool:
        """Whether an exception that has left our loop is a request's, which then gets it."""
        server = self.core_server
        return is_of_request(exc, () if server is None else server.pending())

    # -- start ---------------------------------------------------------------------------------

    def _open(self, state: dict[str, Any]) -> None:
        """Make the core server, install the routes, listen, and let it run."""
        loop = self._loop
        assert loop is not None
        core_server = _native.core.Server(self._options)
        outcome_app = None
        planned = self._compiled_app is not None and can_plan()
        if planned:
            from fasterapi.plan.outcome import OutcomeApp

            outcome_app = OutcomeApp(self._compiled_app)
        pools = RequestPools(self._options)
        if pools.pairs is not None:
            core_server.set_header_pool(pools.pairs)
        self.bridge = self.bridge_class(
            self.app,
            loop=loop,
            state=state,
            root_path=self.settings.root_path,
            outcome_app=outcome_app,
            pools=pools,
            note_failure=core_server.note_failure,
        )
        self.bridge.websockets = self.settings.websockets
        self.bridge.takes_prefix = bool(self._options["forwarded_prefix"])
        self.bridge.handshake_lines = header_lines(self.settings.headers).splitlines()
        self.bridge.websocket_limits = WebSocketLimits.of(self._options)
        if planned:
            self.bridge.before_request = self._install_routes(core_server)
        elif self._compiled_app is not None:
            plan = self._plan(self.settings.root_path)
            self._warn(plan)
            self._describe(plan)
        if not self.settings.driven:
            given = self.settings.forwarded_allow_ips
            proxies = trusted_proxies(self.settings.proxy_headers, given)
            trust_proxies(core_server, proxies, given is not None)
            add_headers(core_server, self.settings.headers, self._options["server_header"])
            self._listen(core_server)
            self._publish(core_server)
            self._open_limit_log(core_server)
        if self._options["access_log"]:
            self._open_access_log(core_server)
        self._limiter = share(core_server, self._most_threads)
        core_server.start(loop, self.bridge, self.settings.driven, worker_thread(loop))
        nesting.watch(loop, core_server)
        self.core_server = core_server
        if not self.settings.driven:
            self._wear = Wear(self, self._options)
            if self._options["limit_concurrency"]:
                count_calls(core_server, self.bridge)
        forget_in_children(self)
        if isinstance(self.app, CoreApp):
            self.app._server = self

    def _open_access_log(self, core_server: Any) -> None:
        """Lines by the core, or records of the access logger: see `access_records`."""
        from fasterapi.access_records import AccessRecords, line_format

        assert self._loop is not None
        assert self.bridge is not None
        pattern = self.settings.access_log_format
        try:
            core_server.set_access_format(line_format() if pattern is None else pattern)
        except ValueError as exc:
            raise StartupError(f"access_log_format: {exc}") from None
        if pattern is None:
            self._access = self.bridge.access = AccessRecords(self._loop, core_server)
            self._access.watch()

    def _open_limit_log(self, core_server: Any) -> None:
        from fasterapi.limit_log import LimitLog

        assert self._loop is not None
        self._limit_log = LimitLog(self._loop, core_server, self._options)

    def _close_logs(self) -> None:
        for one in (self._access, self._limit_log):
            if one is not None:
                one.close()

    def _install_routes(self, core_server: Any) -> Callable[[], None]:
        """Give the core the app's plans; returns the check that does it again after a change."""
        from fasterapi.explain import unmet_demands
        from fasterapi.plan import core_hooks

        app, loop, root_path = self._compiled_app, self._loop, self.settings.root_path
        assert loop is not None
        self._batch_task = batch = BatchTask(loop, self._is_guest)
        bridge = self.bridge
        assert bridge is not None
        core_server.set_hooks(
            **core_hooks(app),
            batch_task=batch.task,
            resume=batch.go_on,
            runtime=self._runtime(bridge),
            task=start_guarded if self._is_guest else None,
        )
        plan = self._plan(root_path)
        self._warn(plan)
        next_check = 0.0

        def install() -> None:
            entries = plan.core_entries(_native.core)
            miss = None if plan.miss is None else plan.miss.core_miss(_native.core)
            gate = None if plan.gate is None else plan.gate.core_gate(_native.core)
            watch = None if plan.watch is None else plan.watch.core_watch(_native.core)
            core_server.set_routes(entries, miss, gate, watch)
            bridge.sends_file = plan.sends_file if plan.files else None
            self.routes_compiled, self.routes_total = plan.compiled, len(plan.verdicts)

        def check() -> None:
            nonlocal plan, next_check
            now = loop.time()
            if now >= next_check:
                next_check = now + REPLAN_INTERVAL
                if not plan.is_current(app):
                    plan = self._plan(root_path)
                    install()

        def watch() -> None:
            self._watch_timer = loop.call_later(WATCH_INTERVAL, watch)
            check()

        install()
        if unmet := unmet_demands(self._describe(plan)):
            raise StartupError("; ".join(unmet))
        if not self.settings.driven:  # else the driver looks itself
            watch()
        return check

    def _warn(self, plan: AppPlan) -> None:
        """Say why nothing compiles, if that is so; of several workers one does."""
        from fasterapi.plan import warn_once

        if self.settings.slot == 0:
            warn_once(plan.reasons)

    def _describe(self, plan: AppPlan) -> list[RouteVerdict]:
        """Note what the start line says of the routes; returns what became of them."""
        from fasterapi.explain import in_words, verdicts_of

        verdicts = verdicts_of(self._compiled_app, plan)
        self.routes_compiled, self.routes_total = plan.compiled, len(plan.verdicts)
        self.words = in_words(verdicts)
        return verdicts

    def _plan(self, root_path: str) -> AppPlan:
        from fasterapi.plan import plan_app

        adopt(self._compiled_app)  # apps that were mounted since
        return plan_app(self._compiled_app, root_path=root_path)

    def _runtime(self, bridge: Bridge) -> Runtime:
        from fasterapi.plan.exchange import Runtime

        return Runtime(
            self._compiled_app, bridge.loop, bridge.outcome_app, bridge.complete, bridge.app_raised
        )

    def _listen(self, core_server: Any) -> None:
        settings = self.settings
        try:
            if settings.kept:
                self._listen_kept(core_server)
            elif self.given_sockets:
                for fd in self.given_sockets:
                    core_server.listen_fd(fd)
            elif settings.fd is not None:
                core_server.listen_fd(settings.fd)
            elif settings.uds is not None:
                mode = socket_mode(settings.uds, settings.uds_permissions)
                remove_stale_socket(settings.uds)
                core_server.listen_uds(settings.uds)
                os.chmod(settings.uds, mode)
            else:
                if not settings.reuse_port:
                    check_address(settings.host, settings.port)
                self.port = core_server.listen_tcp(
                    settings.host, settings.port, settings.reuse_port
                )
        except OSError as exc:
            raise listen_error(exc, settings.host, settings.port, settings.uds) from exc

    def _listen_kept(self, core_server: Any) -> None:
        """Listen on our own of the parent's sockets, and be ready to serve the others."""
        settings = self.settings
        own = settings.slot % len(settings.kept)
        kept = socket.socket(fileno=settings.kept[own])
        try:
            if not kept.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                kept.listen(int(self._options["backlog"]))
        finally:
            kept.detach()
        for fd in settings.kept:
            core_server.listen_kept(fd, settings.fd is None)
        core_server.accept_from(1 << own)

    def _publish(self, core_server: Any) -> None:
        """Let `fasterapi stats` find this server. Failing to is no reason not to serve."""
        settings = self.settings
        if not self._options["live_stats"]:
            return
        try:
            core_server.publish_stats(
                str(live.new_path()),
                live.about_text(
                    group=os.getpid() if settings.control_fd is None else os.getppid(),
                    slot=settings.slot,
                    address=address_text(settings, self.port),
                ),
            )
        except OSError as exc:
            error_logger.warning("No live statistics: %s", exc)

    def _announce(self) -> None:
        facts = {
            "port": self.port,
            "compiled": self.routes_compiled,
            "routes": self.routes_total,
            "fasterapi": self._compiled_app is not None,
            "words": self.words,
            "timeout_worker_healthcheck": self._options["timeout_worker_healthcheck"],
        }
        self._channel.say(facts)
        if self.settings.announce:
            say(start_line(self.settings, facts))

    # -- stop ----------------------------------------------------------------------------------

    async def _close(self, lifespan: Lifespan) -> None:
        """Everything from the stop to the end, the app's shut-down included."""
        driven = self.settings.driven  # then only load() could still be asking
        self._asked = True  # also when it was cancelled
        if not driven:
            error_logger.info("Shutting down")
        self._channel.begin_stop()
        await Drain(self, 0.0 if driven else graceful_timeout(self._options), driven).run()
        await end_lifespan(self, lifespan)
        if isinstance(self.app, CoreApp):
            self.app._server = None
        unshare(self._limiter)
        if self._wear is not None:
            self._wear.close()
        self.clean, self._is_held_up = await end_core(self, STOP_TIMEOUT)
        self._close_logs()
        self.core_server = None
        if self._batch_task is not None:
            self._batch_task.cancel()
        if self._watch_timer is not None:
            self._watch_timer.cancel()
        if self.settings.uds is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.settings.uds)
        if not driven:
            error_logger.info("Finished server process [%d]", os.getpid())


# -- front doors -------------------------------------------------------------------------------


def run(
    app: Any, host: str | None = None, port: int | None = None, **options: Unpack[RunOptions]
) -> None:
    """Serve an ASGI app until SIGINT or SIGTERM. Blocks; main thread.

    app: an ASGI app, or its place as text ("module:app" or a file). host: default 127.0.0.1;
    port: default 8000, 0 takes a free one. options: what Uvicorn's ``run`` takes (``workers``,
    ``reload``, ``uds``, ``log_config``, ``headers``, ...; see `RunOptions`), and the core's options
    (``access_log=True``, ``queue_size=...``; see ``fasterapi config``). What is not given is taken
    from ``FASTERAPI_*`` variables, and workers from ``WEB_CONCURRENCY``.

    Raises SystemExit(3) after one printed line if the server cannot start.
    """
    try:
        given = {"host": host, "port": port, **options}
        code = _run_given(app, keyword_values(given))
    except StartupError as exc:
        raise log.exit_with(exc) from None
    if code:
        raise SystemExit(code)


serve = run


def _run_given(app: Any, values: dict[str, Any]) -> int:
    """`run` for keywords that have been given; returns the exit code."""
    settings = keyword_settings(Given.of(values))
    if isinstance(app, str):
        return run_settings(program_target(app, values), settings)
    if not values.get("factory"):
        return run_settings(app, settings)
    if settings.workers > 1 or settings.reload:
        return run_settings(replace(target_of(app), factory=True), settings)
    return run_settings(app(), settings)


def run_settings(app: Any, settings: Settings) -> int:
    """`run` for settings; returns the exit code. app: an object, text, or a discover.Target."""
    configure_logging(settings)
    check_settings(settings)
    target = find_target(app) if isinstance(app, str) else app
    with pid_file(settings.pid_file):
        set_process_name(settings.process_name)
        return _run_target(target, settings)


def _run_target(target: Any, settings: Settings) -> int:
    if settings.reload or settings.workers > 1:
        if not isinstance(target, Target):
            target = target_of(target)
        if settings.reload:
            from fasterapi.reload import run_reloading

            return run_reloading(target, settings)
        if _native.core is None:
            return _run_without_core(load_app(target), target, settings)
        return run_workers(target, settings)
    place = target if isinstance(target, Target) else None
    if place and needs_parent(settings, None):
        return run_workers(place, settings)  # without loading the app here
    app = load_app(place) if place else target
    if needs_parent(settings, app):
        return run_workers(place or target_of(app), settings)
    return _run_here(app, settings)


def run_worker(message: dict[str, Any]) -> int:
    """Body of one worker process (``python -m fasterapi --worker JSON``); returns the exit code."""
    settings = Settings(**message["settings"])
    settings.control_fd = message["control_fd"]
    settings.slot = message["slot"]
    try:
        configure_logging(settings)
        set_process_name(settings.process_name)
        return _run_here(load_app(Target(**message["target"])), settings)
    except StartupError as exc:
        return int(log.exit_with(exc).code or 0)


def _run_here(app: Any, settings: Settings) -> int:
    """Serve in this process. A handler that never ends must not keep the process alive."""
    if _native.core is None:
        return _run_without_core(app, None, settings)
    server = Server(app, settings)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    except SignalExit as exc:
        end_process(exc.number)
    if not server.clean:
        end_process()
    return 0


def _run_without_core(app: Any, target: Any, settings: Settings) -> int:
    from fasterapi.fallback import serve_with_uvicorn

    return serve_with_uvicorn(app, target, settings)


# -- helpers -----------------------------------------------------------------------------------


def configure_logging(settings: Settings) -> None:
    """Set up the server's loggers as the settings say; see `log.configure`."""
    log.configure(
        settings.log_level,
        settings.use_colors,
        settings.log_config,
        keep=settings.keep_logging,
    )


def can_plan() -> bool:
    """Whether FastAPI has the inside that plans are made for."""
    from fasterapi import plan

    return plan.failure is None
