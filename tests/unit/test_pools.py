"""DictPool and TuplePool against plain Python, and the pools of a served request."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import fasterapi
from fasterapi import _native
from fasterapi.bench import measure, request_bytes
from fasterapi.pools import RequestPools

DictPool, TuplePool = _native.core.DictPool, _native.core.TuplePool
REQUEST = request_bytes(headers=[("X-A", "1"), ("X-B", "2")])


class Thing:
    """Something that can be watched."""


def test_a_released_dict_comes_back_empty():
    pool = DictPool(4)
    one = pool.acquire()
    one["key"] = 1
    address = id(one)
    pool.release(one)
    assert one == {}
    del one
    again = pool.acquire()
    assert id(again) == address
    assert again == {}
    assert pool.stats() == {"hits": 1, "misses": 1, "size": 0, "high_water": 1}


def test_a_released_tuple_comes_back_with_new_items():
    pool = TuplePool(4)
    one = pool.acquire("a", "b")
    assert one == ("a", "b")
    address = id(one)
    pool.release(one)
    assert one == ("a", "b")
    del one
    again = pool.acquire("c", "d")
    assert id(again) == address
    assert again == ("c", "d")
    assert hash(again) == hash(("c", "d"))
    other = pool.acquire("e", "f")
    assert other == ("e", "f")
    assert again == ("c", "d")


def test_what_somebody_keeps_is_never_reused():
    dicts, tuples = DictPool(4), TuplePool(4)
    kept_dict, kept_tuple = dicts.acquire(), tuples.acquire(1)
    dicts.release(kept_dict)
    tuples.release(kept_tuple)
    assert dicts.acquire() is not kept_dict
    assert tuples.acquire(2) is not kept_tuple
    assert (dicts.stats()["hits"], tuples.stats()["hits"]) == (0, 0)


def test_a_kept_dict_that_was_filled_is_not_handed_out():
    pool = DictPool(4)
    kept = pool.acquire()
    pool.release(kept)
    kept["left"] = 1
    del kept
    assert pool.acquire() == {}


def test_contents_of_a_dict_that_only_the_caller_has_die_at_release():
    for size in (4, 1):
        pool = DictPool(size)
        pool.release(pool.acquire())
        other, d = pool.acquire(), pool.acquire()
        pool.release(other)
        d["thing"] = Thing()
        seen = weakref.ref(d["thing"])
        pool.release(d)  # with size 1 there is no room for it
        assert seen() is None
        assert d == {}


def test_destructors_may_use_the_pool():
    dicts, tuples = DictPool(4), TuplePool(4)

    class Reentrant:
        def __del__(self) -> None:
            dicts.release(dicts.acquire())
            tuples.release(tuples.acquire(1, 2))
            try:
                dicts.release(held[0])
            except ValueError as error:
                refused.append(str(error))

    refused: list[str] = []
    held: list[dict[str, Any]] = [dicts.acquire()]
    held[0]["x"] = Reentrant()
    dicts.release(held[0])
    tuples.release(tuples.acquire(Reentrant(), 1))
    assert tuples.acquire(3, 4) == (3, 4)
    assert len(refused) == 2
    assert all("released before" in text for text in refused)


def test_a_destructor_that_fills_the_dict_again():
    pool = DictPool(4)
    held = [pool.acquire()]

    class Refill:
        def __del__(self) -> None:
            held[0]["again"] = 1

    held[0]["x"] = Refill()
    pool.release(held[0])
    assert held == [{"again": 1}]
    address = id(held.pop())
    again = pool.acquire()
    assert again == {}
    assert id(again) == address


@pytest.mark.parametrize("pool", [DictPool(4), TuplePool(4)])
def test_wrong_objects(pool):
    kind = type(pool.acquire(1) if isinstance(pool, TuplePool) else pool.acquire())
    foreign = kind() if kind is dict else (1, 2)
    with pytest.raises(ValueError, match="not acquired from this pool"):
        pool.release(foreign)
    own = pool.acquire(1) if kind is tuple else pool.acquire()
    pool.release(own)
    with pytest.raises(ValueError, match="released before"):
        pool.release(own)
    with pytest.raises(TypeError, match=kind.__name__):
        pool.release([])
    subclass = type("Sub", (kind,), {})()
    with pytest.raises(TypeError):
        pool.release(subclass)
    for wrong in (None, [], ()):
        with pytest.raises(TypeError, match="recycle"):
            pool.recycle(wrong)


@pytest.mark.parametrize("kind", [DictPool, TuplePool])
@pytest.mark.parametrize(
    ("size", "error"),
    [(0, ValueError), (-1, ValueError), (2**24 + 1, ValueError), (2**63, OverflowError),
     ("4", TypeError), (1.5, TypeError)],
)  # fmt: skip
def test_wrong_sizes(kind, size, error):
    with pytest.raises(error):
        kind(size)


def test_the_empty_tuple_and_long_ones():
    pool = TuplePool(4)
    assert pool.acquire() == ()
    pool.release(())
    long = pool.acquire(*range(50))
    assert long == tuple(range(50))
    pool.release(long)
    assert pool.stats()["size"] == 0
    with pytest.raises(ValueError, match="released before"):
        pool.release(long)


def test_limits():
    pool = DictPool(3)
    held = [pool.acquire() for _ in range(5)]
    for one in held:
        pool.release(one)
    assert pool.stats()["size"] == 3
    assert pool.stats()["high_water"] == 3
    tuples = TuplePool(2)
    for length in (1, 2):
        for one in [tuples.acquire(*range(length)) for _ in range(5)]:
            tuples.release(one)
    assert tuples.stats()["size"] == 4


def test_the_collector_sees_tuples_only_while_they_are_out():
    pool = TuplePool(4)
    pool.release(pool.acquire([], []))
    cycle: list[Any] = []
    one = pool.acquire(cycle, Thing())
    cycle.append(one)
    assert gc.is_tracked(one)
    seen = weakref.ref(one[1])
    del one, cycle
    gc.collect()
    assert seen() is None
    again = pool.acquire(1, 2)
    assert gc.is_tracked(again)
    pool.release(again)
    assert gc.is_tracked(again)
    del again
    assert pool.recycle([[pool.acquire(3, 4)]]) == 1
    free = [one for one in gc.get_objects() if type(one) is tuple and one == (None, None)]
    assert free == []


def test_a_cycle_through_a_pool_is_collected():
    pool = DictPool(4)
    kept = pool.acquire()
    pool.release(kept)
    thing = Thing()
    kept["pool"], kept["thing"] = pool, thing
    seen = weakref.ref(thing)
    del kept, pool, thing
    gc.collect()
    assert seen() is None


def test_recycle_takes_only_what_nobody_else_has():
    pool = DictPool(4)
    holder = [pool.acquire()]
    assert pool.recycle(holder) is True
    assert holder == []
    kept = pool.acquire()
    kept["mine"] = 1
    assert pool.recycle([kept]) is False
    assert kept == {"mine": 1}
    assert pool.recycle([{}]) is False
    tuples = TuplePool(8)
    kept_pair = tuples.acquire(5, 6)
    assert tuples.recycle([[tuples.acquire(1, 2), kept_pair, (3, 4)]]) == 1
    assert kept_pair == (5, 6)
    kept_list = [tuples.acquire(1, 2)]
    assert tuples.recycle([kept_list]) == 0
    assert kept_list == [(1, 2)]


def test_threads():
    pool, tuples, errors = DictPool(64), TuplePool(64), []

    def work(number: int) -> None:
        for i in range(3000):
            d, t = pool.acquire(), tuples.acquire(number, i)
            if d or t != (number, i):
                errors.append((d, t))
            d[number] = i
            pool.release(d)
            tuples.release(t)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert pool.stats()["hits"] + pool.stats()["misses"] == 12000
    assert 1 <= pool.stats()["size"] <= 64


def test_memory_is_level():
    pool, tuples = DictPool(16), TuplePool(16)

    def rounds(count: int) -> None:
        for i in range(count):
            d, t = pool.acquire(), tuples.acquire(i, str(i))
            d["k"] = i
            pool.release(d)
            tuples.release(t)

    rounds(100)
    gc.collect()
    before = sys.getallocatedblocks()
    rounds(20_000)
    gc.collect()
    assert abs(sys.getallocatedblocks() - before) < 50


# -- in a request ----------------------------------------------------------------------------------

KEPT: list[Any] = []


async def plain_app(scope: Any, receive: Any, send: Any) -> None:
    headers = scope["headers"]
    body = repr([scope["path"], *headers]).encode()
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


async def keeping_app(scope: Any, receive: Any, send: Any) -> None:
    KEPT.append((scope, scope["headers"], dict(scope)))
    await asyncio.sleep(0)
    await plain_app(scope, receive, send)


ON = {"dict_pool_size": 64, "tuple_pool_size": 64}


def test_a_request_uses_the_pools_it_is_told_to():
    without = measure(plain_app, REQUEST, count=200)
    assert not {"dicts", "tuples"} & set(without.stats["pools"])
    pools = measure(plain_app, REQUEST, count=200, options=ON).stats["pools"]
    assert pools["dicts"]["hits"] > 300
    assert pools["tuples"]["hits"] > 900
    only = measure(plain_app, REQUEST, count=200, options={"tuple_pool_size": 64}).stats["pools"]
    assert only["tuples"]["hits"] > 900
    assert "dicts" not in only
    off = measure(plain_app, REQUEST, count=200, options={**ON, "object_pools": False}).stats
    assert not {"dicts", "tuples"} & set(off["pools"])


def test_an_app_may_keep_its_scope():
    KEPT.clear()
    result = measure(keeping_app, REQUEST, count=50, in_flight=4, options=ON)
    assert result.status == 200
    assert len(KEPT) >= 100
    assert len({id(scope) for scope, _, _ in KEPT}) == len(KEPT)
    for scope, headers, copy in KEPT:
        assert scope == copy
        assert headers == [(b"x-a", b"1"), (b"x-b", b"2")] or len(headers) == 3
        assert all(type(name) is bytes for name, _ in headers)
    KEPT.clear()


def test_request_pools():
    assert not RequestPools({})
    assert not RequestPools({**ON, "object_pools": False})
    pools = RequestPools(ON)
    assert pools
    scope = pools.scope({"headers": [pools.pairs.acquire(b"a", b"b")]})
    holder = [scope]
    del scope
    pools.recycle(holder)
    assert pools.stats()["dicts"]["size"] == 1
    assert pools.stats()["tuples"]["size"] == 1


def test_the_interpreter_ends_with_full_pools():
    program = (
        "from fasterapi import _native\n"
        "d, t = _native.core.DictPool(64), _native.core.TuplePool(64)\n"
        "held = [(d.acquire(), t.acquire(1, [2])) for _ in range(64)]\n"
        "for a, b in held: d.release(a); t.release(b)\n"
        "import sys; sys.kept = (d, t, held)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-X", "dev", "-c", program],
        capture_output=True,
        text=True,
        env={"PYTHONMALLOC": "debug", "PYTHONPATH": str(Path(fasterapi.__file__).parents[1])},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
