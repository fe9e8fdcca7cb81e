"""One program, run by both: what each answered, and what each did meanwhile."""

from __future__ import annotations

import dataclasses
import http
import linecache
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fastapi.routing
from wire import Connection, Response, WireError

from difftest.servers import Candidate, Errors, LoopThread, OnUvicorn, Reference

__all__ = ["DifferentError", "Pair", "Program", "Share", "comparable", "execute"]

CANDIDATE_IMPORT = "from fasterapi import FasterAPI as FastAPI"
REFERENCE_IMPORT = "from fastapi import FastAPI"
HOP_BY_HOP = (b"connection", b"keep-alive")
#: (what, of FastAPI, of FasterAPI)
Parts = list[tuple[str, object, object]]
KNOWN = frozenset(http.HTTPStatus)
NAME = "program"


class DifferentError(AssertionError):
    """FasterAPI did something else than FastAPI."""


@dataclasses.dataclass(frozen=True)
class Program:
    """The source text of a FastAPI app (`app`, `LOG`, `TURN`), and requests as bytes.

    `source` begins with REFERENCE_IMPORT. It may define `before(turn)`, which is called before each
    request, `GATE`, a threading.Event that is set once a request has been answered, and `cleanup`.
    """

    source: str
    requests: tuple[bytes, ...]
    root_path: str = ""

    def __repr__(self) -> str:
        return "<the program above>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def text(self) -> str:
        """A file that shows the whole example; `replay.py` beside the tests runs it."""
        lines = [self.source, "", f"ROOT_PATH = {self.root_path!r}", "REQUESTS = ["]
        lines += [f"    {raw!r}," for raw in self.requests]
        return "\n".join([*lines, "]", ""])

    @classmethod
    def of_text(cls, text: str) -> Program:
        module = execute(text, candidate=False)
        return cls(text, tuple(module.REQUESTS), module.ROOT_PATH)


@dataclasses.dataclass
class Share:
    """How many routes of all programs were compiled, and how many answers those gave."""

    programs: int = 0
    routes: int = 0
    compiled: int = 0
    requests: int = 0
    statuses: dict[int, int] = dataclasses.field(default_factory=dict)
    reasons: dict[str, int] = dataclasses.field(default_factory=dict)
    refused: dict[str, int] = dataclasses.field(default_factory=dict)

    def table(self) -> str:
        part = 100 * self.compiled / max(1, self.routes)
        lines = [
            f"{self.programs} programs, {self.requests} requests; "
            f"{self.compiled} of {self.routes} routes compiled ({part:.0f} %)",
            "statuses: " + ", ".join(f"{k}: {v}" for k, v in sorted(self.statuses.items())),
        ]
        for code, count in sorted(self.reasons.items(), key=lambda item: -item[1]):
            lines.append(f"  not compiled {count:6}  {code}")
        for text, count in sorted(self.refused.items(), key=lambda item: -item[1]):
            lines.append(f"  refused by both {count:3}  {text}")
        return "\n".join(lines)


def execute(source: str, *, candidate: bool) -> types.ModuleType:
    """The program as a module, with FasterAPI or with FastAPI."""
    if candidate:
        assert source.startswith(REFERENCE_IMPORT)
        source = CANDIDATE_IMPORT + source.removeprefix(REFERENCE_IMPORT)
    filename = f"<{NAME}>"
    # FastAPI remembers the lines of functions by their id(), which programs of the past had too.
    fastapi.routing._endpoint_context_cache.clear()
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    module = types.ModuleType(NAME)
    sys.modules[NAME] = module
    try:
        exec(compile(source, filename, "exec"), module.__dict__)
    finally:
        del sys.modules[NAME]
    return module


def comparable(response: Response) -> tuple[object, ...]:
    """What must be equal of an answer. Not: what the time, the server or the connection say."""
    headers = [
        (name, b"*" if name in (b"date", b"server") else value)
        for name, value in response.headers
        if name.lower() not in HOP_BY_HOP
    ]
    reason = response.reason if response.status in KNOWN else b""
    return response.status, reason, tuple(headers), response.body


class Side:
    """One app with its connection and its log."""

    def __init__(self, module: types.ModuleType, server: Reference | Candidate) -> None:
        self.module = module
        self.server = server
        self.connection: Connection | None = None

    def ask(self, turn: int, raw: bytes) -> tuple[object, ...]:
        """The comparable answer to a request; ("closed",) if it did not come in full."""
        module = self.module
        module.LOG.clear()
        module.TURN = turn
        if hasattr(module, "GATE"):
            module.GATE.clear()
        if hasattr(module, "before"):
            module.before(turn)
        if self.connection is None:
            self.connection = Connection(self.server.address)
        try:
            self.connection.send(raw)
            response = self.connection.read_response(raw.split(b" ", 1)[0])
        except (WireError, BrokenPipeError):
            # How much of a head or body was out before the end is each server's own business.
            self.hang_up()
            return ("closed",)
        finally:
            if hasattr(module, "GATE"):
                module.GATE.set()
        close = (response.header(b"connection") or b"").lower() == b"close"
        if close or not self.server.keep_alive or self.connection.buffer:
            self.hang_up()
        return comparable(response)

    def hang_up(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Pair:
    """Both servers, kept from program to program."""

    def __init__(self, candidate: type[Candidate | OnUvicorn] = Candidate) -> None:
        self.thread = LoopThread()
        self.reference = Reference(self.thread)
        self.candidate = candidate(self.thread)
        self.errors = Errors()
        self.share = Share()

    def close(self) -> None:
        self.candidate.close()
        self.reference.close()
        self.thread.close()

    def check(self, program: Program) -> None:
        """Run one program. Raises DifferentError, with all there is to know, at the first difference."""
        modules = self._execute(program)
        if modules is None:
            return
        with self.errors.listening(), self._started(program, *modules) as (theirs, ours):
            self._count(ours.module.app, program)
            logs = [list(side.module.LOG) for side in (theirs, ours)]
            self._compare(program, "start", [("log", *logs)])
            for turn, raw in enumerate(program.requests):
                self._check_request(program, theirs, ours, turn, raw)

    def _execute(self, program: Program) -> list[types.ModuleType] | None:
        """The program with FastAPI and with FasterAPI; None if FastAPI does not take it.

        FasterAPI must then say the same."""
        said: list[str] = []
        modules: list[types.ModuleType] = []
        for candidate in (False, True):
            try:
                modules.append(execute(program.source, candidate=candidate))
            except Exception as exc:
                said.append(f"{type(exc).__name__}: {exc}")
            else:
                said.append("")
        if said[0] != said[1]:
            raise DifferentError(
                f"{program.text()}\nFastAPI refuses: {said[0]}\nFasterAPI: {said[1]}"
            )
        if said[0]:
            self.share.refused[said[0][:100]] = self.share.refused.get(said[0][:100], 0) + 1
            return None
        return modules

    @contextmanager
    def _started(
        self, program: Program, reference: types.ModuleType, candidate: types.ModuleType
    ) -> Iterator[tuple[Side, Side]]:
        theirs = Side(reference, self.reference)
        ours = Side(candidate, self.candidate)
        sides = (theirs, ours)
        started: list[Side] = []
        try:
            for side in sides:
                side.server.start(side.module.app, program.root_path)
                started.append(side)
            yield sides
        finally:
            for side in sides:
                side.hang_up()
            for side in started:
                side.server.stop()
            for side in sides:
                if hasattr(side.module, "cleanup"):
                    side.module.cleanup()

    def _check_request(
        self, program: Program, theirs: Side, ours: Side, turn: int, raw: bytes
    ) -> None:
        self.errors.take()
        expected = theirs.ask(turn, raw)
        self.reference.rest()
        expected_log, expected_errors = list(theirs.module.LOG), self.errors.take()
        answer = ours.ask(turn, raw)
        log, seen = ours.module.LOG, self.errors.seen
        self.candidate.rest(
            lambda: len(log) >= len(expected_log) and len(seen) >= len(expected_errors)
        )
        errors = self.errors.take()
        if expected_errors:
            # A server may close the connection of an app that raised, also after a whole answer.
            ours.hang_up()
        status = expected[0]
        if isinstance(status, int):
            self.share.statuses[status] = self.share.statuses.get(status, 0) + 1
        parts: Parts = [
            ("answer", expected, answer),
            ("log", expected_log, list(log)),
            ("errors", expected_errors, errors),
        ]
        self._compare(program, f"request {turn}: {raw!r}", parts)

    def _compare(self, program: Program, when: str, parts: Parts) -> None:
        found = [
            f"{when}\n{what} of FastAPI:\n  {one!r}\n{what} of FasterAPI:\n  {other!r}"
            for what, one, other in parts
            if one != other
        ]
        if found:
            raise DifferentError("\n\n".join([program.text(), *found]))

    def _count(self, app: Any, program: Program) -> None:
        from fasterapi.plan import plan_app

        share = self.share
        share.programs += 1
        share.requests += len(program.requests)
        for verdict in plan_app(app, root_path=program.root_path).verdicts:
            if not verdict.name.startswith("route_"):
                continue
            share.routes += 1
            if verdict.tier == "compiled":
                share.compiled += 1
            for reason in verdict.reasons[:1]:
                share.reasons[reason.code] = share.reasons.get(reason.code, 0) + 1
