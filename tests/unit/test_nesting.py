"""Which event loops ask for a round of their own: those that a handler may run again."""

from __future__ import annotations

import asyncio

import pytest

from fasterapi import nesting


class Core:
    """Stands for the core's Server: only what is watched, and how, counts here."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def fileno(self) -> int:
        return 7

    def run_batch(self) -> None:
        self.called.append("run_batch")

    def run_batch_soon(self) -> None:
        self.called.append("run_batch_soon")


class Loop(asyncio.SelectorEventLoop):
    def add_reader(self, fd, callback, *args):
        self.reader = fd, callback


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(autouse=True)
def nobody_patches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nesting, "_NAMES", ("no_such_module", "nor_this_one"))


def test_an_ordinary_loop_runs_batches_at_once(loop):
    core = Core()
    nesting.watch(loop, core)
    assert loop.reader == (7, core.run_batch)


def test_a_patched_loop_asks_for_a_round(loop, monkeypatch: pytest.MonkeyPatch):
    core = Core()
    monkeypatch.setattr(Loop, "_nest_patched", True, raising=False)
    nesting.watch(loop, core)
    assert loop.reader == (7, core.run_batch_soon)


def test_one_that_may_be_patched_later_does_too(loop, monkeypatch: pytest.MonkeyPatch):
    assert not nesting.may_nest(loop)
    monkeypatch.setattr(nesting, "_NAMES", ("nest_asyncio",))
    assert nesting.may_nest(loop)


def test_a_loop_that_cannot_be_patched_does_not(monkeypatch: pytest.MonkeyPatch):
    uvloop = pytest.importorskip("uvloop")
    monkeypatch.setattr(nesting, "_NAMES", ("nest_asyncio",))
    loop = uvloop.new_event_loop()
    assert not nesting.may_nest(loop)
    loop.close()
