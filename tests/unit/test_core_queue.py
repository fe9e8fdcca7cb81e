"""SPSCQueue, MPMCQueue and LockedQueue as Python sees them."""

from __future__ import annotations

import collections
import copy
import gc
import inspect
import pickle
import sys
import threading

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fasterapi import _native

core = _native.core
pytestmark = pytest.mark.skipif(core is None, reason="needs the core")
NAMES = ("SPSCQueue", "MPMCQueue", "LockedQueue")
MAX = 2**24


@pytest.fixture(params=NAMES)
def cls(request):
    return getattr(core, request.param)


class Watched:
    """Something whose end can be seen."""

    alive = 0

    def __init__(self):
        type(self).alive += 1

    def __del__(self):
        type(self).alive -= 1


@pytest.fixture(autouse=True)
def _nothing_watched_is_left():
    yield
    if Watched.alive:
        gc.collect()
    assert Watched.alive == 0


# --- what they do -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "given"), [(1, 2), (2, 2), (3, 4), (1000, 1024), (1024, 1024), (1025, 2048)]
)
def test_capacity_is_a_power_of_two(cls, asked, given):
    assert cls(asked).capacity == given
    assert cls(capacity=asked).capacity == given


def test_default_capacity(cls):
    assert cls().capacity == 1024


def test_first_in_first_out_until_full(cls):
    queue = cls(4)
    assert [queue.try_push(n) for n in range(5)] == [True, True, True, True, False]
    assert len(queue) == 4
    assert [queue.try_pop() for n in range(5)] == [0, 1, 2, 3, None]
    assert len(queue) == 0


def test_default_of_pop(cls):
    queue = cls(2)
    missing = object()
    assert queue.try_pop() is None
    assert queue.try_pop(missing) is missing
    assert queue.try_pop(default=missing) is missing
    assert queue.try_push(None)
    assert queue.try_pop(missing) is None  # a queued None is not an empty queue
    assert queue.try_pop(missing) is missing


def test_many_laps(cls):
    queue = cls(2)
    for n in range(10_000):
        assert queue.try_push(n)
        assert queue.try_pop() == n


def test_truth_is_having_something(cls):
    queue = cls(2)
    assert not queue
    queue.try_push(0)
    assert queue


def test_signatures_and_words(cls):
    assert str(inspect.signature(cls)) == "(capacity=1024)"
    assert str(inspect.signature(cls.try_pop)) == "(self, /, default=None)"
    assert "power of two" in cls.__doc__
    assert cls.try_push.__doc__.startswith("Add obj at the end.")
    assert cls[int].__origin__ is cls


# --- who owns what ----------------------------------------------------------------------


def test_references_are_the_queue_s(cls):
    queue, item = cls(2), Watched()
    base = sys.getrefcount(item)
    assert queue.try_push(item)
    assert queue.try_push(item)
    assert not queue.try_push(item)
    assert sys.getrefcount(item) == base + 2
    assert queue.try_pop() is item
    assert sys.getrefcount(item) == base + 1
    del queue
    assert sys.getrefcount(item) == base


def test_default_is_a_new_reference(cls):
    queue, missing = cls(2), object()
    base = sys.getrefcount(missing)
    kept = [queue.try_pop(missing) for _ in range(10)]
    assert sys.getrefcount(missing) == base + 10
    del kept
    assert sys.getrefcount(missing) == base


def test_what_is_queued_dies_with_the_queue(cls):
    queue = cls(8)
    for _ in range(5):
        queue.try_push(Watched())
    assert Watched.alive == 5
    del queue
    assert Watched.alive == 0


def test_the_collector_sees_what_is_queued(cls):
    queue, items = cls(4), [[n] for n in range(4)]
    queue.try_push(items[0])
    queue.try_pop()  # the ring has turned by one
    for item in items:
        assert queue.try_push(item)
    seen = gc.get_referents(queue)
    assert [o for o in seen if isinstance(o, list)] == items
    assert cls in seen


def test_cycles_are_collected(cls):
    queue = cls(4)
    queue.try_push(queue)
    queue.try_push([queue, Watched()])
    assert Watched.alive == 1
    del queue
    gc.collect()
    assert Watched.alive == 0


class PushesWhenItDies(Watched):
    def __init__(self, queue):
        super().__init__()
        self.queue = queue

    def __del__(self):
        super().__del__()
        self.queue.try_push(self.queue)


def test_a_destructor_that_pushes(cls):
    queue = cls(4)
    queue.try_push(PushesWhenItDies(queue))
    queue.try_pop()
    assert len(queue) == 1
    assert queue.try_pop() is queue
    for _ in range(3):
        queue.try_push(PushesWhenItDies(queue))
    del queue
    gc.collect()
    gc.collect()
    assert PushesWhenItDies.alive == 0


def test_deep_nesting_ends_without_deep_recursion(cls):
    queue = cls(2)
    for _ in range(100_000):
        outer = cls(2)
        outer.try_push(queue)
        queue = outer
    del queue, outer


def test_nothing_is_left_behind(cls, holds_level):
    def once():
        queue = cls(8)
        for n in range(10):
            queue.try_push([n])
        queue.try_pop()
        queue.try_pop(default=queue)
        with pytest.raises(ValueError):
            cls(0)
        queue.try_push(queue)

    holds_level(once)


# --- wrong use --------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [0, -1, MAX + 1, 2**31, 2**63 - 1, -(2**63)])
def test_capacity_out_of_bounds(cls, asked):
    with pytest.raises(ValueError, match=rf"{cls.__name__}: capacity .* 1 to {MAX}, not {asked}$"):
        cls(asked)


def hex_length(number):
    return str(len(hex(number)))


@pytest.mark.parametrize("asked", [2**63, -(2**63) - 1, 2**64, 1 << 20_000], ids=hex_length)
def test_capacity_beyond_64_bits(cls, asked):
    with pytest.raises(OverflowError, match=rf"capacity .* 1 to {MAX}"):
        cls(asked)


@pytest.mark.parametrize("asked", [None, "8", b"8", 8.0, [], object()])
def test_capacity_of_another_type(cls, asked):
    with pytest.raises(TypeError, match=rf"from 1 to {MAX}, not {type(asked).__name__}$"):
        cls(asked)


def test_capacity_that_runs_code(cls):
    class Index:
        def __index__(self):
            return 5

    class Raises:
        def __index__(self):
            raise KeyError("mine")

    class Liar:
        def __index__(self):
            return "5"

    assert cls(Index()).capacity == 8
    with pytest.raises(KeyError, match="mine"):
        cls(Raises())
    with pytest.raises(TypeError):
        cls(Liar())


def test_arguments_that_are_not_there(cls):
    queue = cls(2)
    for call in (
        lambda: cls(1, 2),
        lambda: cls(size=2),
        lambda: queue.try_push(),
        lambda: queue.try_push(1, 2),
        lambda: queue.try_push(obj=1),
        lambda: queue.try_pop(1, 2),
        lambda: queue.try_pop(1, default=2),
        lambda: queue.try_pop(other=2),
    ):
        with pytest.raises(TypeError):
            call()
    assert len(queue) == 0


def test_uninitialised_objects_cannot_be_had(cls):
    with pytest.raises(TypeError):
        object.__new__(cls)
    queue = cls.__new__(cls)
    assert queue.capacity == 1024
    assert queue.try_push(1)
    queue.__init__(8)  # changes nothing
    assert (queue.capacity, queue.try_pop()) == (1024, 1)


def test_no_subclasses_and_no_attributes(cls):
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Mine", (cls,), {})
    with pytest.raises(AttributeError):
        cls(2).other = 1
    with pytest.raises(AttributeError):
        cls(2).capacity = 1
    with pytest.raises(TypeError):
        cls.other = 1


def test_methods_of_another_type(cls):
    other = {name: getattr(core, name) for name in NAMES if name != cls.__name__}
    for stranger in [*(other[name](2) for name in other), object(), None]:
        with pytest.raises(TypeError):
            cls.try_push(stranger, 1)
        with pytest.raises(TypeError):
            cls.try_pop(stranger)
        with pytest.raises(TypeError):
            cls.__len__(stranger)


def test_no_copies(cls):
    queue = cls(2)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(queue, protocol)
    with pytest.raises(TypeError, match="cannot pickle"):
        copy.copy(queue)
    with pytest.raises(TypeError, match="cannot pickle"):
        copy.deepcopy(queue)


# --- against a model --------------------------------------------------------------------


class QueueMachine(RuleBasedStateMachine):
    """Any sequence of calls does what it does to a deque."""

    name = ""

    @initialize(capacity=st.integers(1, 20))
    def make(self, capacity):
        self.queue = getattr(core, self.name)(capacity)
        self.model = collections.deque()
        self.capacity = max(2, 1 << (capacity - 1).bit_length())

    @rule(item=st.one_of(st.none(), st.integers(), st.text(max_size=3)))
    def push(self, item):
        pushed = self.queue.try_push(item)
        assert pushed is (len(self.model) < self.capacity)
        if pushed:
            self.model.append(item)

    @rule(count=st.integers(1, 25))
    def push_many(self, count):
        for n in range(count):
            self.push(n)

    @rule(default=st.sampled_from([None, "empty"]), count=st.integers(1, 25))
    def pop(self, default, count):
        for _ in range(count):
            expected = self.model.popleft() if self.model else default
            got = self.queue.try_pop(default)
            assert got == expected

    @invariant()
    def agree(self):
        if hasattr(self, "queue"):
            assert len(self.queue) == len(self.model)
            assert self.queue.capacity == self.capacity


@pytest.mark.parametrize("name", NAMES)
def test_like_a_deque(name):
    machine = type(f"{name}Machine", (QueueMachine,), {"name": name})
    test = machine.TestCase
    test.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
    test().runTest()


# --- threads ----------------------------------------------------------------------------


def run_threads(bodies):
    """Run them at the same time; what one raises is raised here."""
    failures = []
    start = threading.Barrier(len(bodies))

    def run(body):
        try:
            start.wait()
            body()
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=run, args=(body,)) for body in bodies]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    if failures:
        raise failures[0]


@pytest.mark.parametrize("name", ["MPMCQueue", "LockedQueue"])
@pytest.mark.parametrize(("producers", "consumers"), [(1, 1), (2, 2), (4, 4)])
def test_threads_lose_nothing(name, producers, consumers):
    queue, each = getattr(core, name)(32), 1000
    got = [[] for _ in range(consumers)]

    def produce(who):
        for n in range(each):
            while not queue.try_push((who, n)):
                pass

    def consume(mine):
        while sum(map(len, got)) < producers * each:
            item = queue.try_pop()
            if item is not None:
                mine.append(item)

    run_threads(
        [lambda who=who: produce(who) for who in range(producers)]
        + [lambda mine=mine: consume(mine) for mine in got]
    )
    everything = [item for mine in got for item in mine]
    assert sorted(everything) == [(who, n) for who in range(producers) for n in range(each)]
    for mine in got:  # each consumer sees each producer's items in order
        for who in range(producers):
            numbers = [n for w, n in mine if w == who]
            assert numbers == sorted(numbers)


def test_one_producer_one_consumer():
    queue, total, got = core.SPSCQueue(64), 5000, []

    def produce():
        for n in range(total):
            while not queue.try_push(n):
                pass

    def consume():
        while len(got) < total:
            n = queue.try_pop()
            if n is not None:
                got.append(n)

    run_threads([produce, consume])
    assert got == list(range(total))


def test_several_producers_of_an_spsc_queue_do_no_harm():
    """With the GIL their calls are one after the other; without it one of them is told."""
    queue, each, got, refused = core.SPSCQueue(64), 2000, [], []

    def produce(who):
        for n in range(each):
            try:
                while not queue.try_push((who, n)):
                    pass
            except RuntimeError:
                refused.append((who, n))

    def consume():
        while len(got) + len(refused) < 2 * each:
            item = queue.try_pop()
            if item is not None:
                got.append(item)

    run_threads([lambda: produce(0), lambda: produce(1), consume])
    assert sorted(got + refused) == [(who, n) for who in range(2) for n in range(each)]
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        assert refused == []


def test_the_collector_runs_while_threads_push(cls):
    """Automatic collections walk a queue that is in use."""
    queue, rounds = cls(64), 3000

    def work():
        for _ in range(rounds):
            cell = []
            cell.append(cell)
            queue.try_push(cell)

    def drain():
        for _ in range(rounds):
            queue.try_pop()

    threshold = gc.get_threshold()
    gc.set_threshold(5)
    try:
        run_threads([work, drain])
    finally:
        gc.set_threshold(*threshold)
