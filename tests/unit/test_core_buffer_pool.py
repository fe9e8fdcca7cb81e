"""BufferPool: memory that is used again, but never by two at a time."""

from __future__ import annotations

import copy
import ctypes
import gc
import inspect
import pickle
import socket
import sys
import threading

import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from fasterapi import _native

core = _native.core
pytestmark = pytest.mark.skipif(core is None, reason="needs the core")


@pytest.fixture
def pool():
    return core.BufferPool(64, 4)


def address(buffer):
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def stats(hits, misses, size, high_water):
    return {"hits": hits, "misses": misses, "size": size, "high_water": high_water}


# --- what it does -----------------------------------------------------------------------


def test_defaults():
    pool = core.BufferPool()
    assert pool.buffer_size == 8192
    assert len(pool.acquire()) == 8192
    for _ in range(2):
        held = [pool.acquire() for _ in range(1025)]
        del held
    assert pool.stats()["size"] == 1024


def test_a_buffer_is_writable_memory(pool):
    buffer = pool.acquire()
    view = memoryview(buffer)
    assert (view.format, view.ndim, view.nbytes, view.readonly) == ("B", 1, 64, False)
    view[:5] = b"hello"
    assert bytes(buffer)[:5] == b"hello"
    assert bytes(memoryview(buffer)) == b"hello" + bytes(59)


def test_it_can_be_received_into(pool):
    left, right = socket.socketpair()
    with left, right, pool.acquire() as buffer:
        left.sendall(b"bytes from a socket")
        count = right.recv_into(buffer)
        assert bytes(buffer)[:count] == b"bytes from a socket"


def test_memory_is_used_again(pool):
    buffer = pool.acquire()
    first = address(buffer)
    gc.collect()  # ctypes lets go of the view
    buffer.release()
    assert pool.stats() == stats(0, 1, 1, 1)
    assert address(pool.acquire()) == first
    assert pool.stats()["hits"] == 1


def test_cleared_before_it_is_handed_out(pool):
    for _ in range(3):
        with pool.acquire() as buffer:
            assert bytes(buffer) == bytes(64)
            memoryview(buffer)[:] = b"x" * 64


def test_without_clearing_it_is_as_it_was():
    pool = core.BufferPool(64, 4, zero=False)
    with pool.acquire() as buffer:
        memoryview(buffer)[:] = b"x" * 64
    assert bytes(pool.acquire()) == b"x" * 64


def test_at_most_count_are_kept(pool):
    held = [pool.acquire() for _ in range(10)]
    assert pool.stats() == stats(0, 10, 0, 0)
    for buffer in held:
        buffer.release()
    assert pool.stats() == stats(0, 10, 4, 4)
    held = [pool.acquire() for _ in range(5)]
    assert pool.stats() == stats(4, 11, 0, 4)


def test_release_at_the_end_of_a_with_block(pool):
    with pool.acquire() as buffer:
        assert not buffer.released
    assert buffer.released
    with pytest.raises(KeyError), pool.acquire():
        raise KeyError
    with pool.acquire() as buffer:
        buffer.release()  # by hand, and the block does not mind
    assert pool.stats() == stats(2, 1, 1, 1)


def test_release_when_nobody_has_it_any_more(pool):
    buffer = pool.acquire()
    del buffer
    assert pool.stats() == stats(0, 1, 1, 1)


# --- views ------------------------------------------------------------------------------


def test_a_view_stays_valid_after_release(pool):
    buffer = pool.acquire()
    view = memoryview(buffer)
    part = memoryview(buffer)[10:20]
    view[:] = bytes(range(64))
    buffer.release()
    others = [pool.acquire() for _ in range(6)]
    for other in others:
        memoryview(other)[:] = b"\xff" * 64
    assert bytes(view) == bytes(range(64))
    view[0] = 9  # and writable
    assert pool.stats()["size"] == 0
    view.release()
    assert bytes(part) == bytes(range(10, 20))
    assert pool.stats()["size"] == 0
    part.release()
    assert pool.stats()["size"] == 1


def test_a_view_stays_valid_when_buffer_and_pool_are_gone():
    pool = core.BufferPool(100_000, 4)
    view = memoryview(pool.acquire())
    view[:3] = b"abc"
    del pool
    gc.collect()
    others = [memoryview(core.BufferPool(100_000, 4).acquire()) for _ in range(10)]
    for other in others:
        other[:] = b"\xff" * 100_000
    assert bytes(view[:4]) == b"abc\0"


def test_no_views_of_a_released_buffer(pool):
    buffer = pool.acquire()
    view = memoryview(buffer)
    buffer.release()
    for _ in range(2):
        with pytest.raises(BufferError, match="released"):
            memoryview(buffer)
        with pytest.raises(BufferError, match="released"):
            bytes(buffer)
    assert len(buffer) == 64
    assert memoryview(view).nbytes == 64


def test_a_view_of_a_view_counts_too(pool):
    buffer = pool.acquire()
    inner = memoryview(memoryview(buffer))
    buffer.release()
    assert pool.stats()["size"] == 0
    inner.release()
    assert pool.stats()["size"] == 1


# --- against a model --------------------------------------------------------------------


class PoolMachine(RuleBasedStateMachine):
    """Each holder writes what nobody else does, and must find it as long as it has a view."""

    buffers = Bundle("buffers")
    views = Bundle("views")

    def __init__(self):
        super().__init__()
        self.pool = core.BufferPool(8, 3)
        self.made = 0
        self.live = []  # [(view, what is written there)]
        self.free = self.high_water = self.acquired = self.hits = 0
        self.state = {}  # number of a buffer: [released, views]

    @rule(target=buffers)
    def acquire(self):
        self.made += 1
        self.acquired += 1
        if self.free:
            self.free -= 1
            self.hits += 1
        buffer = self.pool.acquire()
        assert bytes(buffer) == bytes(8)
        mark = self.made.to_bytes(8, "little")
        with memoryview(buffer) as view:
            view[:] = mark
        self.state[self.made] = [False, 0]
        return buffer, self.made, mark

    @rule(target=views, held=buffers)
    def look(self, held):
        buffer, number, mark = held
        if self.state[number][0]:
            with pytest.raises(BufferError):
                memoryview(buffer)
            return None
        view = memoryview(buffer)
        assert bytes(view) == mark
        self.state[number][1] += 1
        self.live.append((view, mark))
        return view, number

    @rule(held=buffers)
    def release(self, held):
        buffer, number, _ = held
        if self.state[number][0]:
            with pytest.raises(ValueError):
                buffer.release()
            return
        buffer.release()
        self.state[number][0] = True
        self.maybe_back(number)

    @rule(seen=consumes(views))
    def close(self, seen):
        if seen is None:
            return
        view, number = seen
        self.live = [pair for pair in self.live if pair[0] is not view]
        view.release()
        self.state[number][1] -= 1
        self.maybe_back(number)

    def maybe_back(self, number):
        if self.state[number] == [True, 0]:
            self.free = min(self.free + 1, 3)
            self.high_water = max(self.high_water, self.free)

    @invariant()
    def agree(self):
        for view, mark in self.live:
            assert bytes(view) == mark
        misses = self.acquired - self.hits
        assert self.pool.stats() == stats(self.hits, misses, self.free, self.high_water)


def test_like_a_model():
    test = PoolMachine.TestCase
    test.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
    test().runTest()


@pytest.mark.parametrize("zero", [True, False])
def test_threads_never_share(zero):
    pool, wrong, start = core.BufferPool(256, 3, zero=zero), [], threading.Barrier(4)

    def work(mark):
        start.wait()
        for n in range(500):
            with pool.acquire() as buffer:
                view = memoryview(buffer)
                if zero and any(view):
                    wrong.append("not cleared")
                view[:] = mark * 256
                if n % 3 == 0:
                    buffer.release()
                if bytes(view) != mark * 256:
                    wrong.append(mark)

    threads = [threading.Thread(target=work, args=(bytes([n]),)) for n in range(1, 5)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    now = pool.stats()
    assert wrong == []
    assert now["hits"] + now["misses"] == 2000
    assert 1 <= now["size"] <= 3


def test_threads_release_one_buffer_once():
    pool = core.BufferPool(64, 8)
    for _ in range(100):
        buffer, start, done = pool.acquire(), threading.Barrier(3), []

        def work(buffer=buffer, start=start, done=done):
            start.wait()
            try:
                buffer.release()
            except ValueError:
                return
            done.append(1)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done == [1]
    assert pool.stats() == stats(99, 1, 1, 1)


# --- wrong use --------------------------------------------------------------------------


def test_double_release(pool):
    buffer = pool.acquire()
    buffer.release()
    for _ in range(2):
        with pytest.raises(ValueError, match="released before"):
            buffer.release()
        with pytest.raises(ValueError, match="released before"):
            buffer.__enter__()
    assert pool.stats() == stats(0, 1, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((0,), ValueError, "buffer_size must be an int from 1 to 1073741824, not 0"),
        ((-1,), ValueError, "buffer_size must be an int from 1 to 1073741824, not -1"),
        ((2**30 + 1,), ValueError, "buffer_size"),
        ((2**63,), OverflowError, "buffer_size"),
        ((8.0,), TypeError, "buffer_size .* not float"),
        ((None,), TypeError, "buffer_size .* not NoneType"),
        ((64, 0), ValueError, "count must be an int from 1 to 1048576, not 0"),
        ((64, -1), ValueError, "count"),
        ((64, 2**20 + 1), ValueError, "count"),
        ((64, 2**63), OverflowError, "count"),
        ((64, "1"), TypeError, "count .* not str"),
        ((64, 4, True), TypeError, "positional"),
    ],
)
def test_arguments_out_of_bounds(arguments, error, words):
    with pytest.raises(error, match=words):
        core.BufferPool(*arguments)


def test_the_largest_pool_allocates_nothing_by_itself():
    assert core.BufferPool(2**30, 2**20).stats() == stats(0, 0, 0, 0)


def test_wrong_types(pool):
    buffer = pool.acquire()
    for bad in (
        lambda: core.BufferPool(size=1),
        lambda: pool.acquire(1),
        lambda: pool.stats(1),
        lambda: buffer.release(1),
        lambda: type(buffer).release(object()),
        lambda: core.BufferPool.acquire(object()),
    ):
        with pytest.raises(TypeError):
            bad()


def test_no_uninitialised_objects_no_subclasses_no_copies(pool):
    buffer = pool.acquire()
    assert type(buffer) is core.PooledBuffer
    with pytest.raises(TypeError, match="cannot create"):
        core.PooledBuffer()
    for cls in (core.BufferPool, core.PooledBuffer):
        with pytest.raises(TypeError):
            object.__new__(cls)
        with pytest.raises(TypeError, match="not an acceptable base type"):
            type("Mine", (cls,), {})
    assert core.BufferPool.__new__(core.BufferPool).acquire()
    for thing in (pool, buffer):
        for copied in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="cannot pickle"):
                copied(thing)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="cannot pickle"):
                pickle.dumps(thing, protocol)
        with pytest.raises(AttributeError):
            thing.other = 1
    with pytest.raises(AttributeError):
        buffer.released = True
    signature = inspect.signature(core.BufferPool)
    assert str(signature) == "(buffer_size=8192, count=1024, *, zero=True)"


def test_nothing_is_left_behind(holds_level):
    kept = core.BufferPool(64, 4)

    def once():
        pool = core.BufferPool(64, 4)
        held = [pool.acquire() for _ in range(6)]
        views = [memoryview(buffer) for buffer in held]
        held[0].release()
        with pytest.raises(ValueError):
            held[0].release()
        with pytest.raises(ValueError):
            core.BufferPool(0)
        with kept.acquire() as buffer:
            bytes(buffer)
        del views

    holds_level(once)
    assert kept.stats()["misses"] == 1


def test_references_are_level(pool):
    before = sys.getrefcount(pool)
    for _ in range(100):
        with pool.acquire() as buffer:
            memoryview(buffer).release()
    del buffer
    assert sys.getrefcount(pool) == before


class AtTheEnd:
    def __init__(self, pool):
        self.pool = pool
        self.acquire = pool.acquire

    def __del__(self):
        self.acquire()


def test_acquire_while_something_dies(pool):
    cell = [AtTheEnd(pool)]
    cell.append(cell)
    del cell
    gc.collect()
    assert pool.stats() == stats(0, 1, 1, 1)
