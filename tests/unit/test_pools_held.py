"""What is released while somebody still has it: it waits, unchanged, and is reused only when free."""

from __future__ import annotations

import contextlib
import gc
import random
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fasterapi import _native

DictPool, TuplePool = _native.core.DictPool, _native.core.TuplePool

NOT_OURS = "not acquired from this pool"
TWICE = "released before"


class Thing:
    """Something that can be watched."""


# -- what others have ------------------------------------------------------------------------------


def test_a_dict_that_others_have_is_left_alone():
    pool = DictPool(4)
    d = pool.acquire()
    d["user"] = 1
    kept = {"session": d}
    pool.release(d)
    del d
    for _ in range(10):
        assert pool.acquire() is not kept["session"]
    assert kept["session"] == {"user": 1}
    address = id(kept.pop("session"))
    again = pool.acquire()
    assert again == {}
    assert id(again) == address


def test_a_tuple_that_is_a_key_is_left_alone():
    pool = TuplePool(4)
    t = pool.acquire("a", "b")
    table = {t: "value"}
    pool.release(t)
    del t
    for _ in range(10):
        pool.acquire(1, 2)
    assert table[("a", "b")] == "value"
    assert next(iter(table)) == ("a", "b")


def test_the_only_name_keeps_a_tuple_as_it_is():
    pool = TuplePool(4)
    t = pool.acquire("a", [])
    pool.release(t)
    for _ in range(10):
        pool.acquire("c", "d")
    assert t == ("a", [])
    assert gc.is_tracked(t)


def test_what_is_written_after_release_is_not_seen():
    pool = DictPool(4)
    d = pool.acquire()
    pool.release(d)
    d["late"] = Thing()
    watch = weakref.ref(d["late"])
    del d
    assert pool.acquire() == {}
    assert pool.stats()["hits"] == 1
    assert watch() is None


def test_items_die_once_nobody_has_the_tuple():
    pool = TuplePool(4)
    t = pool.acquire(Thing(), 1)
    watch = weakref.ref(t[0])
    pool.release(t)
    assert watch() is t[0]
    del t
    pool.acquire(1, 2)
    assert watch() is None


def test_a_loop_over_one_name_reuses():
    dicts, tuples = DictPool(4), TuplePool(4)
    for n in range(100):
        d = dicts.acquire()
        assert d == {}
        d[n] = n
        dicts.release(d)
        t = tuples.acquire(n, n)
        assert t == (n, n)
        tuples.release(t)
    # The first misses, and so does the second, while the name still has the first.
    assert dicts.stats()["hits"] == 98
    assert tuples.stats()["hits"] == 98


def test_a_free_one_is_found_among_kept_ones():
    pool = DictPool(8)
    kept = [pool.acquire() for _ in range(5)]
    for d in kept:
        pool.release(d)
    del d
    for at in (0, 2, 2, 1, 0):
        address = id(kept.pop(at))
        assert id(pool.acquire()) == address


def test_a_call_does_bounded_work():
    """However many wait, one call settles a few; further calls settle the others."""
    pool = DictPool(1000)
    many = [pool.acquire() for _ in range(1000)]
    watch = []
    for d in many:
        d["thing"] = Thing()
        watch.append(weakref.ref(d["thing"]))
        pool.release(d)
    assert pool.stats()["size"] == 1000
    del many, d
    assert sum(ref() is None for ref in watch) == 0
    held = [pool.acquire()]
    assert 1 <= sum(ref() is None for ref in watch) <= 40
    held += [pool.acquire() for _ in range(999)]
    assert sum(ref() is None for ref in watch) == 1000
    assert pool.stats() == {"hits": 1000, "misses": 1000, "size": 0, "high_water": 1000}
    assert len({id(d) for d in held}) == 1000


def test_what_is_never_let_go_does_not_block_the_pool():
    """After some looks the pool gives up waiting, and others may take the place."""
    pool = DictPool(2)
    kept = [pool.acquire(), pool.acquire()]
    for d in kept:
        d["mine"] = True
        pool.release(d)
    for _ in range(500):
        d = pool.acquire()
        pool.release(d)
    assert kept == [{"mine": True}, {"mine": True}]
    assert sys.getrefcount(kept[0]) == sys.getrefcount(kept[1]) == 3 - (sys.version_info >= (3, 14))
    assert pool.stats()["hits"] > 100


def test_a_cycle_through_a_released_dict_ends():
    """The pool's reference hides a cycle from the collector; it does not stay for ever."""
    pool, tuples = DictPool(4), TuplePool(4)
    d = pool.acquire()
    d["me"], d["thing"] = d, Thing()
    watch = weakref.ref(d["thing"])
    pool.release(d)
    cycle: list[Any] = []
    t = tuples.acquire(cycle, Thing())
    cycle.append(t)
    other = weakref.ref(t[1])
    tuples.release(t)
    del d, t, cycle
    for _ in range(500):
        pool.release(pool.acquire())
        tuples.release(tuples.acquire(1, 2))
    gc.collect()
    assert watch() is None
    assert other() is None


def test_a_cycle_through_a_pool_with_held_objects_is_collected():
    pool, tuples = DictPool(4), TuplePool(4)
    d, things = pool.acquire(), [Thing(), Thing()]
    d["pool"], d["thing"], d["me"] = pool, things[0], d
    t = tuples.acquire(tuples, things[1])
    watch = [weakref.ref(thing) for thing in things]
    pool.release(d)
    tuples.release(t)
    del d, t, pool, tuples, things
    gc.collect()
    assert [ref() for ref in watch] == [None, None]


# -- references ------------------------------------------------------------------------------------


def test_reference_counts():
    """One reference while it waits, none once it is let go of; the items' are level."""
    item = object()
    before = sys.getrefcount(item)
    dicts, tuples = DictPool(2), TuplePool(2)
    d, t = dicts.acquire(), tuples.acquire(item, item)
    mine = sys.getrefcount(d), sys.getrefcount(t)
    d["item"], others = item, [d]
    dicts.release(d)
    tuples.release(t)
    assert (sys.getrefcount(d) - 2, sys.getrefcount(t) - 1) == mine
    assert sys.getrefcount(item) == before + 3
    del d, t, others
    dicts.acquire()
    tuples.acquire(1, 2)
    assert sys.getrefcount(item) == before


def test_a_pool_that_goes_gives_back_what_it_held():
    dicts, tuples = DictPool(8), TuplePool(8)
    kept = [dicts.acquire(), tuples.acquire(1, [2])]
    before = [sys.getrefcount(one) for one in kept]
    dicts.release(kept[0])
    tuples.release(kept[1])
    kept[0]["a"] = 1
    del dicts, tuples
    assert [sys.getrefcount(one) for one in kept] == before
    assert kept == [{"a": 1}, (1, [2])]


def test_pools_are_level(holds_level: Callable[[Callable[[], object]], None]):
    dicts, tuples = DictPool(8), TuplePool(8)
    kept: list[Any] = []

    def use() -> None:
        d, t = dicts.acquire(), tuples.acquire(Thing(), str(len(kept)))
        d["x"] = Thing()
        kept.append((d, t))
        dicts.release(d)
        tuples.release(t)
        dicts.acquire()["never"] = "released"
        if len(kept) == 7:
            kept.clear()

    holds_level(use)


def test_what_is_remembered_shrinks():
    """Which objects are out is remembered only while they are."""
    tracked = DictPool(4)
    base = sys.getsizeof(tracked)
    many = [tracked.acquire() for _ in range(10_000)]
    assert sys.getsizeof(tracked) > base + 10_000 * 8
    for d in many:
        tracked.release(d)
    assert sys.getsizeof(tracked) < base + 4096


def test_a_pool_that_gets_nothing_back_stops_remembering():
    pool = DictPool(4)
    base = sys.getsizeof(pool)
    many = [pool.acquire() for _ in range(2**16 + 8)]
    assert sys.getsizeof(pool) > base + 2**19
    many.append(pool.acquire())
    assert sys.getsizeof(pool) == base
    # It takes any dict from now on, and treats it as one of its own.
    stranger = {"a": 1}
    others = [stranger]
    pool.release(stranger)
    with pytest.raises(ValueError, match=TWICE):
        pool.release(stranger)
    assert others == [{"a": 1}]
    pool.release(many[0])
    address = id(many.pop(0))
    assert id(pool.acquire()) == address
    assert sys.getsizeof(pool) < base + 4096


# -- wrong use -------------------------------------------------------------------------------------


def test_a_second_release_among_many():
    pool, tuples = DictPool(500), TuplePool(500)
    many = [pool.acquire() for _ in range(500)]
    pairs = [tuples.acquire(n, n) for n in range(500)]
    for d in random.Random(1).sample(many, 500):
        pool.release(d)
    for t in pairs:
        tuples.release(t)
    for d, t in zip(many, pairs, strict=True):
        with pytest.raises(ValueError, match=TWICE):
            pool.release(d)
        with pytest.raises(ValueError, match=TWICE):
            tuples.release(t)
    assert pool.stats()["size"] == tuples.stats()["size"] == 500
    assert pairs == [(n, n) for n in range(500)]


def test_a_foreign_object_is_refused_and_unchanged():
    pool, tuples, other = DictPool(4), TuplePool(4), DictPool(4)
    foreign = {"a": 1}
    for wrong in (foreign, other.acquire()):
        with pytest.raises(ValueError, match=NOT_OURS):
            pool.release(wrong)
    assert foreign == {"a": 1}
    for wrong in ((1, 2), (None,), tuple(range(30))):
        with pytest.raises(ValueError, match=NOT_OURS):
            tuples.release(wrong)
    assert pool.stats()["size"] == tuples.stats()["size"] == 0


def test_an_address_used_again_does_no_harm():
    """An acquired object that was dropped leaves its address; what lies there later may pass as it,
    and is treated as every object is: unchanged while others have it."""
    pool = TuplePool(64)
    for n in range(200):
        pool.acquire(n, n)  # and dropped
        literal = (n, str(n))
        table = {literal: n}
        with contextlib.suppress(ValueError):
            pool.release(literal)
        del literal
        for _ in range(3):
            pool.acquire("x", "y")
        assert table[(n, str(n))] == n
        assert list(table) == [(n, str(n))]


def test_destructors_run_by_a_later_call_may_use_the_pool():
    dicts, tuples = DictPool(8), TuplePool(8)
    seen: list[Any] = []

    class Evil:
        def __init__(self, depth: int) -> None:
            self.depth = depth

        def __del__(self) -> None:
            d, t = dicts.acquire(), tuples.acquire(1, 2)
            seen.append((dict(d), t))
            if self.depth:
                d["again"] = Evil(self.depth - 1)
            dicts.release(d)
            tuples.release(t)

    for _ in range(200):
        d, t = dicts.acquire(), tuples.acquire(Evil(2), 0)
        assert d == {}
        others = [d]
        d["evil"] = Evil(2)
        dicts.release(d)
        tuples.release(t)
        del d, t, others
    assert all(row == ({}, (1, 2)) for row in seen)
    assert len(seen) > 500


def test_threads_release_what_each_other_have():
    dicts, tuples = DictPool(16), TuplePool(16)
    wrong: list[Any] = []
    shared: list[Any] = [None] * 4

    def work(name: int) -> None:
        for n in range(3000):
            d, t = dicts.acquire(), tuples.acquire(name, n)
            if d != {}:
                wrong.append(d)
            d["name"] = name
            shared[(name + n) % 4] = (d, t)
            if d != {"name": name} or t != (name, n):
                wrong.append((d, t))
            dicts.release(d)
            tuples.release(t)
            if t != (name, n):
                wrong.append(t)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert wrong == []
    for pool in (dicts, tuples):
        stats = pool.stats()
        assert stats["hits"] + stats["misses"] == 12_000
        assert stats["size"] <= 16


# -- against a model -------------------------------------------------------------------------------


class Pool(RuleBasedStateMachine):
    """What every pool owes its user, whatever is taken, given back, kept or dropped."""

    bound = 6

    def __init__(self) -> None:
        super().__init__()
        self.pool: Any = self.make()
        self.mine: list[Any] = []  # what the user has,
        self.content: list[Any] = []  # what must be in it,
        self.given: list[bool] = []  # and was it released?
        self.acquired = 0

    def make(self) -> Any:
        raise AssertionError("a subclass makes the pool")

    def hold(self, item: Any, content: Any) -> None:
        assert all(item is not other for other in self.mine)
        self.mine.append(item)
        self.content.append(content)
        self.given.append(False)
        self.acquired += 1

    def drop(self, index: int) -> Any:
        del self.content[index], self.given[index]
        return self.mine.pop(index)

    @precondition(lambda self: self.mine)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        index = data.draw(st.integers(0, len(self.mine) - 1))
        item = self.mine[index]  # the list has it too, so what is in it stays
        if self.given[index]:
            size = self.pool.stats()["size"]
            with pytest.raises(ValueError, match=TWICE):
                self.pool.release(item)
            assert self.pool.stats()["size"] == size
        else:
            self.pool.release(item)
            self.given[index] = True

    @precondition(lambda self: self.mine)
    @rule(data=st.data())
    def forget(self, data: Any) -> None:
        self.drop(data.draw(st.integers(0, len(self.mine) - 1)))

    @precondition(lambda self: self.mine)
    @rule(data=st.data())
    def release_and_forget(self, data: Any) -> None:
        index = data.draw(st.integers(0, len(self.mine) - 1))
        given, content = self.given[index], self.content[index]
        item = self.drop(index)
        if given:
            with pytest.raises(ValueError, match=TWICE):
                self.pool.release(item)
        else:
            self.pool.release(item)
            assert item == (content if isinstance(item, tuple) else {})

    @rule(content=st.integers())
    def refuses_strangers(self, content: int) -> None:
        stranger: Any = {"a": content} if isinstance(self.pool, DictPool) else (content, "a")
        same = {"a": content} if isinstance(stranger, dict) else (content, "a")
        others = [stranger]
        with contextlib.suppress(ValueError):  # its address may be that of one forgotten
            self.pool.release(stranger)
        assert stranger == same
        others.clear()

    @rule()
    def collect(self) -> None:
        gc.collect(1)

    @invariant()
    def contents_are_untouched(self) -> None:
        for item, content in zip(self.mine, self.content, strict=True):
            assert item == content

    @invariant()
    def numbers_add_up(self) -> None:
        stats = self.pool.stats()
        assert stats["hits"] + stats["misses"] == self.acquired
        assert stats["size"] <= stats["high_water"]


class Dicts(Pool):
    def make(self) -> Any:
        return DictPool(self.bound)

    @rule(content=st.dictionaries(st.text(max_size=3), st.integers(), max_size=12))
    def acquire(self, content: dict[str, int]) -> None:
        item = self.pool.acquire()
        assert type(item) is dict
        assert item == {}
        item.update(content)
        self.hold(item, dict(content))

    @invariant()
    def bound_holds(self) -> None:
        assert self.pool.stats()["high_water"] <= self.bound


class Tuples(Pool):
    def make(self) -> Any:
        return TuplePool(self.bound)

    @rule(content=st.lists(st.integers() | st.text(max_size=3), min_size=1, max_size=22))
    def acquire(self, content: list[Any]) -> None:
        item = self.pool.acquire(*content)
        assert type(item) is tuple
        assert item == tuple(content)
        assert hash(item) == hash(tuple(content))
        assert gc.is_tracked(item) or not gc.is_tracked(tuple(content))
        self.hold(item, tuple(content))

    @invariant()
    def bound_holds(self) -> None:
        assert self.pool.stats()["high_water"] <= 20 * self.bound


TestDictModel = Dicts.TestCase
TestTupleModel = Tuples.TestCase
